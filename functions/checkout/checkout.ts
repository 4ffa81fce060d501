/**
 * From a hold to an order. A free reservation is confirmed at once; a priced one is paid at Stripe first, and what becomes
 * of the payment is payment.ts's.
 */
import { z } from "zod";
import type { Order, Reservation } from "../../domain/api.ts";
import { isRefusal, refuse, type Refusal } from "../../domain/refusal.ts";
import type { PassClaims } from "../../domain/token.ts";
import { bigint } from "../postgres/client.ts";
import { reservationOf, type Record } from "../reservation/record.ts";
import { readRecord } from "../reservation/reservation.ts";
import { missing } from "../sale/sale.ts";
import type { Services } from "../services.ts";
import { Unavailable } from "../unavailable.ts";
import { confirm, settle, type Paying } from "./payment.ts";
import paymentOfSql from "./payment-of.sql";
import { sessionRequest } from "./session.ts";

type CheckoutRefusal = Refusal<"not_found" | "on_hold" | "reservation_expired" | "payment_unavailable">;

/**
 * Makes a held reservation an order, or says where it is paid. Repeating the call answers the same.
 * @param shop where the shop is, in the shopper's language, for the way back from paying
 */
export async function checkout(
  services: Services,
  pass: PassClaims,
  id: string,
  shop: string,
): Promise<{ order: Order } | { url: string } | CheckoutRefusal> {
  const { sale, shopper } = pass;
  const paying = services.payments === undefined ? {} : { origin: shop };
  const reply = await confirm(services, sale, id, { shopper, ...paying });
  switch (reply[0]) {
    case "missing":
      return await missing(services, sale);
    case "not_found":
    case "reservation_expired":
      return refuse(reply[0]);
    case "again":
    case "confirmed":
      return { order: await orderOf(services, sale, reply[1]) };
    case "payment_needed":
      return await pay(services, pass, reply[1]);
  }
}

async function pay(
  services: Services,
  { sale, shopper }: PassClaims,
  record: Record,
): Promise<{ order: Order } | { url: string } | CheckoutRefusal> {
  const { payments } = services;
  if (payments === undefined)
    return refuse("payment_unavailable", { detail: "This shop takes no payments.", retryAfterSeconds: 60 });
  const request = await sessionRequest(services, sale, record);
  const session = await payments.openSession(request);
  if (session === undefined) return refuse("reservation_expired");
  if (session.url !== null) return { url: session.url };
  // Paid before this call: the shopper came back, or pressed twice. Or closed with nothing paid: the hold is being ended.
  const paying = await settle(services, session);
  const after = await confirm(services, sale, record.id, { shopper });
  if (after[0] === "again") return { order: await orderOf(services, sale, after[1]) };
  const isUnderWay = after[0] === "payment_needed" && paying !== "none";
  return isUnderWay ? { url: request.returnUrl } : refuse("reservation_expired");
}

const paymentRow = z.object({
  state: z.enum(["authorised", "captured", "voided", "returned"]),
  refund_asked: bigint,
  refund_done: bigint,
});

/** What Postgres knows of a reservation's payment; the captured one, if there was another. */
async function paymentOf(services: Services, sale: string, id: string) {
  const [row] = await services.postgres(paymentRow, paymentOfSql, [sale, id]).catch((error: unknown) => {
    if (error instanceof Unavailable) return [];
    throw error;
  });
  return row;
}

/** One's own order, from the moment it is confirmed, whether or not Postgres has it yet. */
export async function readOrder(
  services: Services,
  pass: PassClaims,
  id: string,
): Promise<Order | Refusal<"not_found" | "on_hold">> {
  const record = await readRecord(services, pass, id);
  if (isRefusal(record)) return record;
  const isOrder = record.state === "confirmed" || record.state === "refunded";
  return isOrder ? await orderOf(services, pass.sale, record) : refuse("not_found");
}

async function orderOf(services: Services, sale: string, record: Record): Promise<Order> {
  const { id, state, lines, total, currency, changedAtMs, confirmedAtMs = changedAtMs } = record;
  const paid = total === 0 ? undefined : await paymentOf(services, sale, id);
  const refunded = paid?.refund_done ?? 0;
  return {
    id,
    sale,
    state: state === "refunded" || (total > 0 && refunded === total) ? "refunded" : "confirmed",
    lines: lines.map(({ sku, quantity, price }) => ({ sku, quantity, price })),
    total,
    currency,
    confirmedAt: new Date(confirmedAtMs).toISOString(),
    payment: {
      state: total === 0 ? "not_required" : paid?.state === "captured" ? "captured" : "authorised",
    },
    refund:
      paid === undefined || paid.refund_asked === 0
        ? null
        : { amount: paid.refund_asked, state: refunded === paid.refund_asked ? "done" : "asked" },
  };
}

/** What was seen at Stripe a moment ago, by this isolate: looking again so soon would tell nothing new. */
const LOOK_EVERY_MS = 1_500;
const LOOKS_MAX = 5_000;
const seen = new Map<string, { atMs: number; paying: Paying }>();

/** One's own reservation, also after the pass has ended; what was paid meanwhile counts. */
export async function readReservation(
  services: Services,
  pass: PassClaims,
  id: string,
): Promise<Reservation | Refusal<"not_found" | "on_hold">> {
  const record = await readRecord(services, pass, id);
  if (isRefusal(record)) return record;
  if (record.returnTo === undefined) return reservationOf(record, Date.now());
  if (record.state !== "held") {
    const paid = await paymentOf(services, pass.sale, id);
    return reservationOf(record, Date.now(), paid?.state);
  }
  const paying = await look(services, pass.sale, record);
  const after = await readRecord(services, pass, id);
  return isRefusal(after) ? after : reservationOf(after, Date.now(), paying === "none" ? "open" : paying);
}

/** How a hold's payment stands at Stripe, with the next step taken. Without an answer nothing is known to have moved. */
async function look(services: Services, sale: string, record: Record): Promise<Paying> {
  const now = Date.now();
  const before = seen.get(record.id);
  if (services.payments === undefined || (before !== undefined && before.atMs + LOOK_EVERY_MS > now))
    return before?.paying ?? "none";
  let paying: Paying = "none";
  try {
    const session = await services.payments.openSession(await sessionRequest(services, sale, record));
    if (session !== undefined) paying = await settle(services, session);
  } catch (error) {
    if (!(error instanceof Unavailable)) throw error;
  }
  seen.delete(record.id);
  seen.set(record.id, { atMs: now, paying });
  if (seen.size > LOOKS_MAX) seen.delete(seen.keys().next().value ?? "");
  return paying;
}
