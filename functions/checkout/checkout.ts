/**
 * From a hold to an order. A free reservation is confirmed at once. For a priced one, payment comes in between here
 * (authorise, confirm, capture); this release takes none, and says so before anything is changed.
 */
import { z } from "zod";
import type { Order } from "../../domain/api.ts";
import { refuse, type Refusal } from "../../domain/refusal.ts";
import type { PassClaims } from "../../domain/token.ts";
import { runScript, type Script } from "../redis/client.ts";
import { saleKeys } from "../redis/keys.ts";
import confirmLua from "../reservation/confirm.lua";
import { recordJson, type Record } from "../reservation/record.ts";
import { readRecord } from "../reservation/reservation.ts";
import type { Services } from "../services.ts";
import { drainSoon } from "../sync/sync.ts";

export const confirmScript = {
  name: "confirm",
  source: confirmLua,
  reply: z.union([
    z.tuple([z.enum(["again", "confirmed", "reservation_expired", "payment_needed"]), recordJson]),
    z.tuple([z.literal("not_found")]),
  ]),
} satisfies Script<unknown>;

/** Makes a held reservation an order. */
export async function checkout(
  services: Services,
  pass: PassClaims,
  id: string,
): Promise<{ order: Order } | Refusal<"not_found" | "reservation_expired" | "payment_unavailable">> {
  const keys = saleKeys(pass.sale);
  const reply = await runScript(
    services.redis,
    confirmScript,
    [keys.sale, keys.stock, keys.inside, keys.reservations, keys.holds, keys.outbox],
    ["", id, pass.shopper, 0],
  );
  switch (reply[0]) {
    case "not_found":
    case "reservation_expired":
      return refuse(reply[0]);
    case "payment_needed":
      return refuse("payment_unavailable", {
        detail: "This release takes no payments.",
        retryAfterSeconds: 60,
      });
    case "again":
    case "confirmed":
      services.later(drainSoon(services, pass.sale));
      return { order: orderOf(pass.sale, reply[1]) };
  }
}

/** One's own order, from the moment it is confirmed, whether or not Postgres has it yet. */
export async function readOrder(
  services: Services,
  pass: PassClaims,
  id: string,
): Promise<Order | Refusal<"not_found">> {
  const record = await readRecord(services, pass, id);
  return record?.state === "confirmed" ? orderOf(pass.sale, record) : refuse("not_found");
}

function orderOf(sale: string, { id, lines, total, currency, changedAtMs }: Record): Order {
  return {
    id,
    sale,
    state: "confirmed",
    lines: lines.map(({ sku, quantity, price }) => ({ sku, quantity, price })),
    total,
    currency,
    confirmedAt: new Date(changedAtMs).toISOString(),
    payment: { state: "not_required" },
    refund: null,
  };
}
