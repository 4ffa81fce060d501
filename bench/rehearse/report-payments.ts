/** What the report says of paying: charges, what went wrong on the way, what Stripe was asked, and how long it took. */
import { mapQuantiles, quantiles, type Quantiles } from "./figures.ts";
import type { Books, History } from "./history.ts";
import type { StripeRequests } from "./stripe-requests.ts";

export interface PaymentsReport {
  /** False where there is no control of the payment page: nobody could pay. */
  payable: boolean;
  currency: string;
  /** Cards given at the payment page, by what came of them. */
  cards: { authorised: number; declined: number; closed: number };
  /** Payments as Stripe has them at the end, by status; null where it cannot be asked. */
  intents: Record<string, number> | null;
  /** Minor units of Stripe. */
  captured: number | null;
  webhooks: { events: number; lost: number; repeated: number } | null;
  /** Of the shop to Stripe, until the crowd was done; null where nobody counts. */
  stripe: { requests: number; perOrder: number | null; byCall: StripeRequests } | null;
  /** Seconds from the bank's yes to the order, and to the buyer's reading that it is paid. */
  toOrder: Quantiles | null;
  toPaid: Quantiles | null;
}

export function paymentsReport(
  history: History,
  books: Books | undefined,
  stripe: StripeRequests | undefined,
): PaymentsReport | null {
  const { paying, currency, shoppers, clockAheadMs } = history;
  if (paying === "free") return null;
  const money = books?.money;
  const payments = shoppers.flatMap((s) => s.payments);
  const cards = { authorised: 0, declined: 0, closed: 0 };
  for (const { outcome } of payments) cards[outcome]++;

  const orders = shoppers.flatMap((s) =>
    s.orders.flatMap((order) => {
      const paid = s.payments.findLast(
        ({ reservationId, outcome }) => reservationId === order.reservationId && outcome === "authorised",
      );
      return paid === undefined ? [] : [{ ...order, end: s.end, paidAtMs: paid.answeredAtMs }];
    }),
  );
  const toOrder = orders.map((one) => one.confirmedAtMs + clockAheadMs - one.paidAtMs);
  const toPaid = orders.flatMap(({ end, capturedAtMs, paidAtMs }) =>
    end === "bought" && capturedAtMs !== undefined ? [capturedAtMs - paidAtMs] : [],
  );
  const requests = Object.values(stripe ?? {}).reduce((sum, count) => sum + count, 0);
  return {
    payable: paying === "paid",
    currency,
    cards,
    intents: money === undefined ? null : countBy(money.intents.map(({ status }) => status)),
    captured: money?.intents.reduce((sum, { received }) => sum + received, 0) ?? null,
    webhooks: money?.webhooks ?? null,
    stripe:
      stripe === undefined
        ? null
        : {
            requests,
            perOrder: orders.length === 0 ? null : Math.round((requests / orders.length) * 10) / 10,
            byCall: Object.fromEntries(Object.entries(stripe).sort(([, a], [, b]) => b - a)),
          },
    toOrder: inSeconds(toOrder),
    toPaid: inSeconds(toPaid),
  };
}

function inSeconds(ms: readonly number[]): Quantiles | null {
  const ranks = quantiles(ms.map((value) => Math.max(0, value)));
  return ranks === undefined ? null : mapQuantiles(ranks, (value) => Math.round(value) / 1000);
}

function countBy(words: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const word of words) counts[word] = (counts[word] ?? 0) + 1;
  return counts;
}
