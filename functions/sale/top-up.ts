/** More units of an item while the sale runs: an entry of the ledger like any other, from the supply to what is available. */
import { z } from "zod";
import { refuse, type Refusal } from "../../domain/refusal.ts";
import { STOCK_MAX } from "../../domain/sale.ts";
import { runScript, type Script } from "../redis/client.ts";
import { saleKeys } from "../redis/keys.ts";
import type { Services } from "../services.ts";
import { drainSoon } from "../sync/sync.ts";
import { missing } from "./sale.ts";
import topUpLua from "./top-up.lua";

const topUpWord = z.enum([
  "again",
  "conflicting_replay",
  "missing",
  "sale_ended",
  "unknown_sku",
  "too_many",
  "added",
]);
export const topUpScript: Script<[z.output<typeof topUpWord>, number]> = {
  name: "top-up",
  source: topUpLua,
  reply: z.tuple([topUpWord, z.number()]),
};

export interface TopUp {
  /** Minted by who adds, reused on retry. */
  id: string;
  sku: string;
  units: number;
  reason: string;
}

/** @returns the item's stock then. Repeating the call with the same id adds once */
export async function topUp(
  services: Services,
  saleId: string,
  { id, sku, units, reason }: TopUp,
): Promise<
  | { sku: string; stock: number }
  | Refusal<"not_found" | "on_hold" | "sale_ended" | "conflicting_replay" | "invalid_input">
> {
  const keys = saleKeys(saleId);
  const [word, stock] = await runScript(
    services.redis,
    topUpScript,
    [keys.sale, keys.stock, keys.topups, keys.outbox],
    ["", id, sku, units, STOCK_MAX],
  );
  switch (word) {
    case "missing":
      return await missing(services, saleId);
    case "sale_ended":
    case "conflicting_replay":
      return refuse(word);
    case "unknown_sku":
      return invalid("/sku", `this sale has no "${sku}"`);
    case "too_many":
      return invalid("/units", `an item has ${STOCK_MAX} units at the most, this one has ${stock}`);
    case "again":
    case "added":
      services.later(drainSoon(services, saleId));
      services.later(audit(services, saleId, { id, sku, units, reason }));
      return { sku, stock };
  }
}

const invalid = (pointer: string, detail: string) =>
  refuse("invalid_input", { errors: [{ pointer, detail }] });

async function audit(services: Services, saleId: string, topped: TopUp): Promise<void> {
  await services.postgres(
    z.unknown(),
    `insert into audit_log (action, actor, sale_id, detail) select 'top-up', $3, $1, $2::jsonb
      where not exists (select from audit_log
                         where action = 'top-up' and sale_id = $1 and detail ->> 'id' = $2::jsonb ->> 'id')`,
    [saleId, JSON.stringify(topped), services.actor],
  );
}
