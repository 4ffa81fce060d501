/**
 * The way of a slot's holder past the line: from opening on a pass that is good for the unit set aside, until the slot ends. Nothing is written: the same token gives the same pass, as often as it is shown.
 */
import { z } from "zod";
import type { PassAnswer } from "../../domain/api.ts";
import { refuse, type Refusal } from "../../domain/refusal.ts";
import { runScript, type Script } from "../redis/client.ts";
import { saleKeys } from "../redis/keys.ts";
import { missing } from "../sale/sale.ts";
import type { Services } from "../services.ts";
import admitLua from "./admit.lua";

const admitWord = z.enum(["missing", "again", "on_hold", "closed", "slot_ended", "early", "admitted"]);
const admitReply = z
  .tuple([admitWord, z.number(), z.number(), z.number(), z.number(), z.number()])
  .transform(([word, epoch, nowMs, opensAtMs, closesAtMs, claimUntilMs]) => ({
    word,
    epoch,
    nowMs,
    opensAtMs,
    closesAtMs,
    claimUntilMs,
  }));
export const admitScript: Script<z.output<typeof admitReply>> = {
  name: "admit",
  source: admitLua,
  reply: admitReply,
};

/** Of a slot: before everybody in line. */
export const SLOT_NUMBER = 0;

interface Admission {
  epoch: number;
  nowMs: number;
  opensAtMs: number;
  closesAtMs: number;
  /** From opening on. */
  pass?: PassAnswer;
}

export async function admit(
  services: Services,
  saleId: string,
  shopper: string,
): Promise<Admission | Refusal<"not_found" | "on_hold" | "closed" | "slot_ended">> {
  const keys = saleKeys(saleId);
  const { word, claimUntilMs, ...times } = await runScript(
    services.redis,
    admitScript,
    [keys.sale, keys.claims],
    ["", shopper],
  );
  switch (word) {
    case "missing":
      return await missing(services, saleId);
    case "on_hold":
    case "closed":
    case "slot_ended":
      return refuse(word);
    case "early":
      return times;
    case "again":
    case "admitted": {
      const pass = await services.keys.sign({
        kind: "pass",
        sale: saleId,
        shopper,
        identity: "registered",
        number: SLOT_NUMBER,
        slot: true,
        epoch: times.epoch,
        expiresAtMs: claimUntilMs,
      });
      return { ...times, pass: { pass, expiresAt: new Date(claimUntilMs).toISOString() } };
    }
  }
}
