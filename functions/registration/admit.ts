/**
 * The way of a slot's holder past the line: a ticket that waits for nobody, and from opening on a pass that is good for the
 * unit set aside, until the slot ends. Nothing is written: the same token gives the same pass, as often as it is shown.
 */
import { z } from "zod";
import type { PassAnswer, TicketAnswer } from "../../domain/api.ts";
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

/** Before everybody in line. */
const SLOT_NUMBER = 0;
/** A ticket lives on for a day after the sale, like those of the line. */
const TICKET_LASTS_MS = 24 * 3_600_000;

/** The place of a slot's holder, and the pass once there is one. */
export async function joinBySlot(
  services: Services,
  saleId: string,
  shopper: string,
): Promise<
  { created: boolean; answer: TicketAnswer } | Exclude<Awaited<ReturnType<typeof admit>>, Admission>
> {
  const admitted = await admit(services, saleId, shopper);
  if ("refused" in admitted) return admitted;
  const { epoch, nowMs, closesAtMs, pass } = admitted;
  const ticket = await services.keys.sign({
    kind: "ticket",
    sale: saleId,
    shopper,
    identity: "registered",
    number: SLOT_NUMBER,
    slot: true,
    epoch,
    joinedAtMs: nowMs,
    expiresAtMs: closesAtMs + TICKET_LASTS_MS,
  });
  const joinedAt = new Date(nowMs).toISOString();
  return { created: true, answer: { ticket, number: SLOT_NUMBER, joinedAt, epoch, ...pass } };
}
