/**
 * Refunds: a ledger of our own, because Stripe forgets idempotency keys. Each has an id from who asks for it; it is
 * written down before it is issued, and before it is issued again Stripe is asked whether it was.
 */
import { z } from "zod";
import { refuse, type Refusal } from "../../domain/refusal.ts";
import { runScript, type Script } from "../redis/client.ts";
import { saleKeys } from "../redis/keys.ts";
import type { Services } from "../services.ts";
import { drainSoon } from "../sync/sync.ts";
import { Unavailable } from "../unavailable.ts";
import askRefundSql from "./ask-refund.sql";
import refundLua from "./refund.lua";
import { paymentsOf, type Intent } from "./stripe.ts";
import takeRefundsSql from "./take-refunds.sql";

const returnWord = z.enum(["missing", "not_found", "not_confirmed", "again", "refunded"]);
export const returnScript: Script<[z.output<typeof returnWord>]> = {
  name: "refund",
  source: refundLua,
  reply: z.tuple([returnWord]),
};

const askedRow = z.object({
  outcome: z.enum(["asked", "same", "other", "moved", "no_payment", "above_rest"]),
});

/** How often an asking gives way to others for the same order. */
const ASKINGS_MAX = 10;

export interface RefundRequest {
  /** Minted by who asks, reused on retry. */
  id: string;
  /** Minor units; all that is left when not said. */
  amount?: number | undefined;
  /** Whether the order's units go back into the sale; only with the whole amount. */
  returnStock: boolean;
  reason: string;
}

export type RefundRefusal = Refusal<"not_found" | "refund_above_rest" | "conflicting_replay">;

/** Asks for a refund of an order. Repeating the call with the same id asks once. */
export async function askRefund(
  services: Services,
  saleId: string,
  orderId: string,
  { id, amount, returnStock, reason }: RefundRequest,
): Promise<{ id: string; state: "asked" } | RefundRefusal> {
  const ask = async () => {
    const params = [id, saleId, orderId, amount ?? null, reason, returnStock, services.actor];
    return (await services.postgres(askedRow, askRefundSql, params))[0]?.outcome;
  };
  let outcome = await ask();
  for (let asked = 1; outcome === "moved" && asked < ASKINGS_MAX; asked++) outcome = await ask();
  switch (outcome) {
    case "moved":
      throw new Unavailable("postgres", "others ask for refunds of the same order");
    case undefined:
    case "no_payment":
      return refuse("not_found", { detail: "There is no captured payment for this order." });
    case "above_rest":
      return refuse("refund_above_rest");
    case "other":
      return refuse("conflicting_replay");
    case "asked":
    case "same":
      services.later(issueRefunds(services));
      return { id, state: "asked" };
  }
}

/** Gives back all of a payment that no order stands behind; the id follows from the payment, so it happens once. */
export async function refundWhole(services: Services, intent: Intent, reason: string): Promise<void> {
  await services.postgres(
    z.unknown(),
    `insert into refunds (id, intent, amount, reason, returns_stock)
     values (md5('whole ' || $1)::uuid, $1, $2, $3, false) on conflict (id) do nothing`,
    [intent.id, intent.amount, reason],
  );
  services.later(issueRefunds(services));
}

const BATCH = 20;
/** When Stripe is slow, the rest of a batch is taken again later. */
const ISSUE_MS = 10_000;
const takenRow = z.object({
  id: z.string(),
  intent: z.string(),
  amount: z.coerce.number(),
  returns_stock: z.boolean(),
  attempts: z.number(),
  sale_id: z.string(),
  reservation_id: z.string(),
});
type Taken = z.output<typeof takenRow>;

/** Issues refunds that are due; for after an asking, and for cron. @returns how many are done now */
export async function issueRefunds(services: Services): Promise<number> {
  const taken = await services.postgres(takenRow, takeRefundsSql, [BATCH]);
  const endMs = Date.now() + ISSUE_MS;
  let done = 0;
  for (const refund of taken) {
    if (Date.now() >= endMs) break;
    try {
      if (await issue(services, refund)) done++;
    } catch (error) {
      console.error(JSON.stringify({ refund: refund.id, error: String(error).slice(0, 200) }));
    }
  }
  return done;
}

async function issue(services: Services, taken: Taken): Promise<boolean> {
  const payments = paymentsOf(services);
  const intent = await payments.readIntent(taken.intent);
  const issued = await payments.refund(taken.id, intent, taken.amount);
  if (issued === undefined || issued.state === "failed") {
    await finished(
      services,
      taken,
      "failed",
      issued?.id ?? null,
      issued === undefined ? "refused" : "failed",
    );
    return false;
  }
  if (issued.state === "pending") return false;
  if (taken.returns_stock) await returnUnits(services, taken.sale_id, taken.reservation_id);
  await finished(services, taken, "done", issued.id, null);
  return true;
}

async function finished(
  services: Services,
  { id }: Taken,
  state: "done" | "failed",
  stripeRefund: string | null,
  failure: string | null,
): Promise<void> {
  await services.postgres(
    z.unknown(),
    "update refunds set state = $2, stripe_refund = $3, failure = $4, done_at = now() where id = $1 and state = 'asked'",
    [id, state, stripeRefund, failure],
  );
}

/** Puts an order's units back into the sale, once. */
async function returnUnits(services: Services, saleId: string, orderId: string): Promise<void> {
  const keys = saleKeys(saleId);
  const [word] = await runScript(
    services.redis,
    returnScript,
    [keys.sale, keys.stock, keys.reservations, keys.shoppers, keys.outbox],
    ["", orderId],
  );
  // Redis has lost the sale: its units come back once it is there again.
  if (word === "missing") throw new Unavailable("redis", "the sale of a refund is not there");
  if (word === "refunded") services.later(drainSoon(services, saleId));
}
