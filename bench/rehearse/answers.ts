/**
 * The door for everything the system answers: what is used is checked, once, against the contract's own types. Counts
 * of the operator's view may be negative here; that they are not is for the proof to find, with evidence.
 */
import { z } from "zod";
import type {
  ConfirmedRegistration,
  Draw,
  Live,
  Order,
  PassAnswer,
  Pulse,
  Registration,
  Reservation,
  StoredOrder,
  TicketAnswer,
} from "../../domain/api.ts";
import { modes } from "../../domain/mode.ts";
import { phases } from "../../domain/sale.ts";

const count = z.int();
const time = z.iso.datetime();
const lines = z.array(z.object({ sku: z.string(), quantity: z.int().positive(), price: count }));

export const ticketAnswer = z.object({
  ticket: z.string().min(1),
  number: z.int().positive(),
  joinedAt: time,
  epoch: z.int().positive(),
  lobby: z.literal(true).optional(),
}) satisfies z.ZodType<TicketAnswer>;

export const passAnswer = z.object({
  pass: z.string().min(1),
  expiresAt: time,
}) satisfies z.ZodType<PassAnswer>;

/** By a slot: before everybody in line, with the pass once the sale is open. */
export const slotTicketAnswer = ticketAnswer.extend({
  number: z.literal(0),
  pass: z.string().min(1).optional(),
  expiresAt: time.optional(),
}) satisfies z.ZodType<TicketAnswer>;

export const registrationAnswer = z.object({
  status: z.enum(["slot", "waiting"]),
  number: z.int().positive(),
  registered: count.nonnegative(),
  slots: count.nonnegative(),
  decided: z.boolean(),
  decidesAt: time,
  place: z.int().positive().optional(),
  slotToken: z.string().min(1).optional(),
}) satisfies z.ZodType<Registration>;

export const confirmedAnswer = registrationAnswer.extend({
  registration: z.string().min(1),
}) satisfies z.ZodType<ConfirmedRegistration>;

const draw = z.object({
  commitment: z.string().min(1),
  seed: z.string().min(1).optional(),
  count: count.nonnegative().optional(),
}) satisfies z.ZodType<Draw>;

/** Of the sale as everybody reads it, what a rehearsal does not know already. */
export const saleAnswer = z.object({ draw: draw.optional(), slotDraw: draw.optional() });
export type PublishedDraws = z.output<typeof saleAnswer>;

const release = z.object({
  everySeconds: z.int().positive(),
  size: count.nonnegative(),
  last: count.nonnegative(),
  boundBy: z.enum(["", "line", "size", "room", "stock", ...modes]),
}) satisfies z.ZodType<Pulse["release"]>;

export const pulseAnswer = z.object({
  now: time,
  phase: z.enum(phases),
  mode: z.enum(modes),
  opensAt: time,
  closesAt: time,
  nowServing: count.nonnegative(),
  joined: count.nonnegative(),
  perSecond: z.number(),
  items: z.array(z.object({ sku: z.string(), left: z.enum(["many", "few", "none"]) })),
  pollAfterMs: z.int().positive(),
  far: z.object({ beyond: count.nonnegative(), pollAfterMs: z.int().positive() }).optional(),
  epoch: z.int().positive(),
  release,
  reach: z
    .object({
      left: count.nonnegative(),
      expected: count.nonnegative(),
      possible: count.nonnegative(),
    })
    .nullable(),
  draw: draw.optional(),
  slots: z.object({ left: count, claimUntil: time }).optional(),
}) satisfies z.ZodType<Pulse>;

export const reservationAnswer = z.object({
  reservationId: z.uuid(),
  state: z.enum(["held", "confirmed", "released", "expired", "refunded"]),
  payment: z.enum(["none", "open", "pending", "authorised", "captured", "voided"]),
  expiresAt: time,
  extended: z.boolean(),
  lines,
  total: count,
  currency: z.string(),
}) satisfies z.ZodType<Reservation>;

export const orderAnswer = z.object({
  id: z.uuid(),
  sale: z.string(),
  state: z.enum(["confirmed", "refunded"]),
  lines,
  total: count,
  currency: z.string(),
  confirmedAt: time,
  payment: z.object({ state: z.enum(["not_required", "authorised", "captured"]) }),
  refund: z.object({ amount: count, state: z.enum(["asked", "done"]) }).nullable(),
}) satisfies z.ZodType<Order>;

/** The order, or where to pay for it. */
export const checkoutAnswer = z.union([z.object({ order: orderAnswer }), z.object({ url: z.url() })]);
export type CheckoutAnswer = z.output<typeof checkoutAnswer>;

/** Of the live metrics what a proof needs. */
export const liveAnswer = z.object({
  now: time,
  phase: z.enum(phases),
  mode: z.enum(modes),
  epoch: count,
  line: z.object({ joined: count, nowServing: count, waiting: count, inside: count, holds: count }),
  release,
  items: z.array(
    z.object({
      sku: z.string(),
      stock: count,
      available: count,
      slots: count,
      held: count,
      confirmed: count,
    }),
  ),
  outbox: z.object({ entries: count, lagSeconds: z.number() }),
  stored: z
    .object({
      orders: count,
      shoppers: count,
      discrepancies: count,
      ledgerDifference: count,
      items: z.array(
        z.object({ sku: z.string(), stock: count, slots: count, held: count, confirmed: count }),
      ),
    })
    .nullable(),
}) satisfies z.ZodType<
  Partial<Omit<Live, "stored">> & { stored: Partial<NonNullable<Live["stored"]>> | null }
>;
export type LiveAnswer = z.output<typeof liveAnswer>;

export const ordersAnswer = z.object({
  orders: z.array(
    z.object({
      id: z.uuid(),
      shopper: z.string(),
      number: count,
      units: count,
      total: count,
      confirmedAt: time,
    }),
  ),
}) satisfies z.ZodType<{ orders: StoredOrder[] }>;

export const problemAnswer = z.object({
  type: z.string(),
  detail: z.string().optional(),
  errors: z.array(z.object({ pointer: z.string(), detail: z.string() })).optional(),
  left: z.array(z.object({ sku: z.string(), left: count })).optional(),
  reservationId: z.string().optional(),
});
export type ProblemAnswer = z.output<typeof problemAnswer>;

/** The value, or undefined when the text is not JSON or not what the contract says. */
export function decode<T>(schema: z.ZodType<T>, text: string): T | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  return schema.safeParse(value).data;
}
