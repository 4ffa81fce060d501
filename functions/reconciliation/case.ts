/** What Redis, Postgres and Stripe say of one reservation, side by side, and what can be found in it. */
import { z } from "zod";
import { recordSchema } from "../reservation/record.ts";

export const caseRow = z.object({
  id: z.string(),
  /** Redis. */
  record: recordSchema.nullable(),
  /** Postgres. */
  stored: recordSchema
    .omit({ currency: true, returnTo: true, intent: true, slotUntilMs: true })
    .extend({
      returnTo: z.string().nullable(),
      intent: z.string().nullable(),
      slotUntilMs: z.number().nullable(),
      isOrder: z.boolean(),
    })
    .nullable(),
  payments: z.array(
    z.object({
      intent: z.string(),
      state: z.enum(["authorised", "captured", "voided", "returned"]),
      amount: z.number(),
      currency: z.string(),
      changedAtMs: z.number(),
    }),
  ),
  refunds: z.array(
    z.object({
      id: z.string(),
      intent: z.string(),
      amount: z.number(),
      state: z.enum(["asked", "done", "failed"]),
      stripeRefund: z.string().nullable(),
      returnsStock: z.boolean(),
      askedAtMs: z.number(),
    }),
  ),
  /** Stripe: payments, and money given back. */
  intents: z.array(
    z.object({
      id: z.string(),
      state: z.enum(["none", "pending", "authorised", "captured", "voided"]),
      amount: z.number(),
      currency: z.string(),
      createdAtMs: z.number(),
    }),
  ),
  given: z.array(
    z.object({
      id: z.string(),
      /** Ours, or null for one that somebody gave at Stripe. */
      refund: z.string().nullable(),
      intent: z.string(),
      amount: z.number(),
      state: z.enum(["pending", "done", "failed"]),
    }),
  ),
});

export type Case = z.output<typeof caseRow>;

/** Every kind of discrepancy that a run can find, and what it means. */
export const kinds = {
  reservation_missing: "Redis has a reservation, or a change of it, that Postgres has not",
  order_missing: "confirmed in Redis, and no order in Postgres",
  reservation_not_in_redis: "Postgres has a reservation, or a change of it, that Redis has not",
  order_not_in_redis: "an order in Postgres that Redis does not know as confirmed",
  hold_overdue: "a hold past its end that is still held",
  paid_without_reservation: "paid, and no live reservation behind it",
  captured_twice: "a reservation that was charged more than once",
  amount_differs: "charged in another amount or currency than the order has",
  authorisation_left: "an authorisation that was neither captured nor given up",
  webhook_missing: "a payment that moved at Stripe, and nothing told us",
  order_unpaid: "an order whose payment is not there",
  refund_not_done: "a refund that was asked for and not done",
  refunded_twice: "a refund that was done more than once",
  refund_not_booked: "money given back at Stripe that no refund of ours asked for",
  slot_unclaimed: "units still set aside as slots past the time to claim them",
  confirmed_above_stock: "more confirmed than there is",
  counters_differ: "counters that do not add up",
} as const;
export type Kind = keyof typeof kinds;

/**
 * What is done about it:
 * - `resend`: the changes Postgres lacks go into the outbox again
 * - `adopt`: Redis takes over what Postgres knows
 * - `expire`: the hold ends
 * - `settle`: the payment's next steps are taken: captured, given up, given back, written down
 * - `refund_excess`: what was charged above the total is given back
 * - `cancel_order`: the money goes back, the units go back, the buyer is told
 * - `issue_refund`: it is issued, after Stripe was asked whether it was
 * - `book_refund`: it is written into the ledger of refunds as it is
 * - `free_slots`, `free_stored_slots`, `recount`, `recount_stored`: the units go to where they belong
 * - `refund_latest`: orders are cancelled, the latest confirmed first, until what is left is there
 * - `look`: a person has to decide
 */
export type Remedy =
  | "resend"
  | "adopt"
  | "expire"
  | "settle"
  | "refund_excess"
  | "cancel_order"
  | "issue_refund"
  | "book_refund"
  | "free_slots"
  | "free_stored_slots"
  | "recount"
  | "recount_stored"
  | "refund_latest"
  | "look";

export interface Finding {
  kind: Kind;
  /** What it is about: a reservation, a payment, a refund, an item. */
  subject: string;
  evidence: { [fact: string]: unknown };
  remedy: Remedy;
  /** Minor units that the remedy gives back; what is above the operator's limit waits for approval. */
  amount: number;
}
