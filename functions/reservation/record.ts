/** A reservation as the scripts keep it: in Redis under its id, and in the outbox at each change. */
import { z } from "zod";
import type { Reservation } from "../../domain/api.ts";

export const recordSchema = z.object({
  id: z.string(),
  shopper: z.string(),
  number: z.number(),
  state: z.enum(["held", "confirmed", "released", "expired", "refunded"]),
  lines: z.array(z.object({ sku: z.string(), quantity: z.number(), price: z.number() })),
  total: z.number(),
  currency: z.string(),
  heldAtMs: z.number(),
  expiresAtMs: z.number(),
  changedAtMs: z.number(),
  confirmedAtMs: z.number().optional(),
  /** Where the shop is that the shopper comes back to from paying; there once a payment began. */
  returnTo: z.string().optional(),
  /** Its holder has taken more time, which they can once. */
  extended: z.literal(true).optional(),
  /** Until when its slot lasts (ms), where it took the unit of one. */
  slotUntilMs: z.number().optional(),
  /** The payment that confirmed it. */
  intent: z.string().optional(),
  /** Payments that came when its units were gone: they are given back, and never confirm it. */
  refused: z.array(z.string()).optional(),
});

export type Record = z.output<typeof recordSchema>;

/** Decodes the JSON a script answers. Other text is no record, which is for the schema around it to judge. */
export const recordJson = z
  .string()
  .transform((text, context): unknown => {
    try {
      return JSON.parse(text);
    } catch {
      context.addIssue("not JSON");
      return z.NEVER;
    }
  })
  .pipe(recordSchema);

/** How the payment stands, as far as the record itself says. */
export function paymentIn({ state, returnTo, intent }: Record): Reservation["payment"] {
  if (intent !== undefined) return "authorised";
  return returnTo !== undefined && state === "held" ? "open" : "none";
}

/**
 * The record as its shopper sees it at `nowMs`: a hold past its end is over, whether or not it has been expired yet, but
 * not while it may be being paid.
 */
export function reservationOf(record: Record, nowMs: number, payment = paymentIn(record)): Reservation {
  const { id, lines, total, currency, expiresAtMs, returnTo } = record;
  const isOver = record.state === "held" && expiresAtMs <= nowMs && returnTo === undefined;
  const state = isOver ? "expired" : record.state;
  return {
    reservationId: id,
    state,
    payment,
    expiresAt: new Date(expiresAtMs).toISOString(),
    extended: record.extended === true,
    lines: lines.map(({ sku, quantity, price }) => ({ sku, quantity, price })),
    total,
    currency,
  };
}
