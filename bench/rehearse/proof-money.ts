/** Money (design §4.5): what was charged, what was sold and what is stored must be one and the same. */
import { toStripeAmount } from "../../domain/currency.ts";
import { who, type Books, type History, type ShopperRecord } from "./history.ts";
import { openStatuses, type Intent } from "./payment-page.ts";

const UNREAD = "what Stripe has charged could not be read";

/** What cannot be judged where nobody of ours can pay. */
export function beyondThePage({ paying }: History): string[] {
  return paying === "beyond"
    ? ["there is no control of the payment page there: whoever had to pay left unpaid"]
    : [];
}

export function checkCharged(history: History, books: Books): string[] {
  const { saleId, items, currency, paying } = history;
  const { money, orders, live } = books;
  if (paying === "beyond") return [];
  if (money === undefined) return paying === "free" ? [] : [UNREAD];
  const found: string[] = [];
  const captured = capturedBy(money.intents);
  const priced = orders.filter(({ total }) => total > 0);
  for (const { id, total } of priced) {
    const [intent] = captured.get(id) ?? [];
    const due = toStripeAmount(total, currency);
    if (intent === undefined) found.push(`order ${id} of ${total} ${currency} is not paid for`);
    else if (intent.received !== due || intent.currency !== currency)
      found.push(`order ${id}: charged ${intent.received} ${intent.currency}, due ${due} ${currency}`);
  }
  const stored = new Set(priced.map(({ id }) => id));
  for (const [id, intents] of captured)
    if (!stored.has(id))
      found.push(`${amountOf(intents[0])} charged for ${id}, which is no order of ${saleId}`);
  for (const s of history.shoppers)
    for (const { id, total, payment } of s.orders)
      if (total > 0 && payment !== "captured")
        found.push(`order ${id} of ${who(s)} reads ${payment}, not captured`);

  const charged = sumOf([...captured.values()].flat().map(({ received }) => received));
  const worth = sumOf(
    live.items.map(({ sku, confirmed }) => confirmed * (items.find((item) => item.sku === sku)?.price ?? 0)),
  );
  if (charged !== toStripeAmount(worth, currency))
    found.push(`${charged} ${currency} charged (Stripe's units), sold for ${worth} (minor units)`);
  const totalled = sumOf(orders.map(({ total }) => total));
  if (totalled !== worth) found.push(`orders come to ${totalled} ${currency}, what was sold to ${worth}`);
  return found;
}

export function checkChargedOnce({ shoppers, currency }: History, { money, orders }: Books): string[] {
  if (money === undefined) return [];
  const found: string[] = [];
  const captured = capturedBy(money.intents);
  for (const [id, intents] of captured)
    if (intents.length > 1) found.push(`${id} was charged ${intents.length} times`);
  const shopperOf = new Map(orders.map(({ id, shopper }) => [id, shopper]));
  const paidBy = new Map<string, number>();
  for (const id of captured.keys()) {
    const shopper = shopperOf.get(id);
    if (shopper !== undefined) paidBy.set(shopper, (paidBy.get(shopper) ?? 0) + 1);
  }
  for (const [shopper, times] of paidBy) if (times > 1) found.push(`${shopper} has paid ${times} orders`);
  for (const s of shoppers) {
    const own = new Set(s.payments.map(({ reservationId }) => reservationId));
    const charged = [...own].filter((id) => captured.has(id)).length;
    if (charged > 1) found.push(`${who(s)} was charged for ${charged} reservations, in ${currency}`);
  }
  return found;
}

export function checkNothingOpen(_history: History, { money }: Books): string[] {
  if (money === undefined) return [];
  const open = money.intents
    .filter(({ status }) => openStatuses.has(status))
    .map((intent) => `${intent.id} of ${intent.reservation} is still ${intent.status} (${amountOf(intent)})`);
  const unequal = Object.entries(money.totals).flatMap(
    ([currency, { authorised, captured, voided, capturable }]) =>
      authorised === captured + voided
        ? []
        : [
            `${currency}: authorised ${authorised}, captured ${captured} + voided ${voided}, neither ${capturable}`,
          ],
  );
  return [...open, ...unequal];
}

export function checkNotRefunded({ shoppers }: History, { money }: Books): string[] {
  const given = (money?.refunds ?? []).map(
    ({ intent, amount, currency }) => `${amount} ${currency} of ${intent} were refunded`,
  );
  const lost = shoppers.flatMap((s) =>
    s.orders.flatMap(({ id, refunded }) => (refunded ? [`order ${id} of ${who(s)} is refunded`] : [])),
  );
  return [...given, ...lost];
}

export function checkPayers({ shoppers }: History, { money, orders }: Books): string[] {
  const stored = new Set(orders.map(({ id }) => id));
  return shoppers.flatMap((s) => [
    ...s.payments.flatMap((payment) => {
      const { outcome, reservationId: id, toldNoOrder } = payment;
      if (outcome !== "authorised") return [];
      if (stored.has(id))
        return toldNoOrder === undefined
          ? []
          : [`${who(s)} was told "${toldNoOrder}" of ${id}, and it is an order`];
      const states = (money?.intents ?? []).filter(({ reservation }) => reservation === id);
      return states.some(({ status }) => status === "canceled")
        ? []
        : [
            `${who(s)} paid for ${id}: no order, and ${states.map(({ status }) => status).join() || "no payment"}`,
          ];
    }),
    ...unpaid(s),
  ]);
}

/** An order with a price, and no card that was taken for it. */
function unpaid(s: ShopperRecord): string[] {
  const paid = new Set(
    s.payments.filter(({ outcome }) => outcome === "authorised").map((p) => p.reservationId),
  );
  return s.orders
    .filter(({ total, reservationId }) => total > 0 && !paid.has(reservationId))
    .map(({ id }) => `${who(s)} has order ${id} and paid nothing`);
}

function capturedBy(intents: readonly Intent[]): Map<string, Intent[]> {
  const captured = intents.filter(({ status, received }) => status === "succeeded" || received > 0);
  return Map.groupBy(captured, ({ reservation }) => reservation);
}

const amountOf = (intent: Pick<Intent, "amount" | "currency"> | undefined) =>
  intent === undefined ? "nothing" : `${intent.amount} ${intent.currency}`;
const sumOf = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0);
