/** Stock and orders: what shoppers were told, what Redis counts and what Postgres stores must be one and the same. */
import type { LiveAnswer } from "./answers.ts";
import { unitsOf, who, type Books, type History, type ShopperRecord } from "./history.ts";

export function checkSold({ items, shoppers }: History, { live }: Books): string[] {
  const found: string[] = [];
  const sold = answeredUnits(shoppers);
  let unsold = 0;
  for (const { sku, stock } of items) {
    const answered = sold.get(sku) ?? 0;
    const confirmed = live.items.find((item) => item.sku === sku)?.confirmed ?? 0;
    const most = Math.max(answered, confirmed);
    if (most > stock) found.push(`${sku}: ${most} sold of ${stock}`);
    unsold += Math.max(0, stock - answered);
  }
  const emptyHanded = shoppers.filter(
    (s) => s.ending === "buys" && (s.end === "told_sold_out" || s.end === "told_closed"),
  );
  const [first] = emptyHanded;
  if (unsold > 0 && first !== undefined)
    found.push(
      `${unsold} unsold, yet ${emptyHanded.length} who wanted some left without: ${who(first)} was ${first.end}`,
    );
  return found;
}

/** Redis' books while the sale ran. */
export function checkSamples({ samples }: History): string[] {
  const found = samples
    .flat()
    .flatMap((item) => [
      ...imbalances([item]),
      ...(item.confirmed > item.stock ? [`${item.sku}: ${item.confirmed} sold of ${item.stock}`] : []),
    ]);
  return [...new Set(found)];
}

export function checkBooks({ items, samples }: History, { live }: Books): string[] {
  const found = [...samples, live.items].flatMap(imbalances);
  for (const { sku, stock } of items) {
    const item = live.items.find((one) => one.sku === sku);
    if (item === undefined) found.push(`${sku}: not in the books`);
    else if (item.stock !== stock) found.push(`${sku}: the stock is ${item.stock}, not ${stock}`);
  }
  for (const { sku, held } of live.items) if (held !== 0) found.push(`${sku}: ${held} still held at the end`);
  return [...new Set(found)];
}

function imbalances(items: LiveAnswer["items"]): string[] {
  return items.flatMap(({ sku, stock, available, slots, held, confirmed }) => {
    const books = `available ${available} + slots ${slots} + held ${held} + confirmed ${confirmed}, stock ${stock}`;
    const balanced = available + slots + held + confirmed === stock;
    return balanced && Math.min(available, slots, held, confirmed) >= 0 ? [] : [`${sku}: ${books}`];
  });
}

export function checkOrders({ items, shoppers }: History, { live, orders }: Books): string[] {
  const found: string[] = [];
  const stored = new Map(orders.map((order) => [order.id, order]));
  if (stored.size !== orders.length) found.push(`${orders.length - stored.size} ids are listed twice`);

  const answered = new Map<string, ShopperRecord>();
  for (const s of shoppers) {
    if (s.orders.length > 1) found.push(`${who(s)} has ${s.orders.length} orders`);
    for (const { id, reservationId, lines, total } of s.orders) {
      const other = answered.get(id);
      if (other !== undefined) found.push(`order ${id} went to ${who(other)} and ${who(s)}`);
      answered.set(id, s);

      const hold = s.holds.find((one) => one.id === reservationId);
      if (hold !== undefined && print(hold.lines) !== print(lines))
        found.push(`order ${id} has ${print(lines)}, held were ${print(hold.lines)}`);
      for (const { sku, limit } of items) {
        const units = unitsOf(lines.filter((line) => line.sku === sku));
        if (units > limit) found.push(`${who(s)} has ${units} of ${sku}, ${limit} are allowed`);
      }
      const row = stored.get(id);
      if (row === undefined) found.push(`order ${id} was answered to ${who(s)} and is not in Postgres`);
      else if (row.units !== unitsOf(lines))
        found.push(`order ${id} has ${unitsOf(lines)} units, in Postgres ${row.units}`);
      else if (row.total !== total) found.push(`order ${id} comes to ${total}, in Postgres to ${row.total}`);
      else if (s.join?.place !== undefined && row.number !== s.join.place)
        found.push(`order ${id} of number ${s.join.place} is stored with number ${row.number}`);
    }
  }
  for (const id of stored.keys())
    if (!answered.has(id)) found.push(`order ${id} is in Postgres and was answered to nobody`);

  const buyers = new Set(orders.map((order) => order.shopper));
  if (buyers.size !== stored.size)
    found.push(`${stored.size} orders in Postgres, of ${buyers.size} shoppers`);

  const sold = answeredUnits(shoppers);
  for (const { sku, confirmed } of live.items)
    if (confirmed !== (sold.get(sku) ?? 0))
      found.push(`${sku}: ${confirmed} confirmed in Redis, ${sold.get(sku) ?? 0} answered to shoppers`);
  return found;
}

export function checkLedger(_history: History, { live, orders }: Books): string[] {
  const { stored } = live;
  if (stored === null) return ["Postgres did not answer"];
  const found: string[] = [];
  if (stored.ledgerDifference !== 0)
    found.push(`ledger and counters differ by ${stored.ledgerDifference} units`);
  if (stored.discrepancies !== 0) found.push(`${stored.discrepancies} discrepancies`);
  if (stored.orders !== orders.length)
    found.push(`${stored.orders} orders counted in Postgres, ${orders.length} listed`);
  for (const { sku, stock, held, confirmed } of live.items) {
    const item = stored.items.find((one) => one.sku === sku);
    if (item === undefined) found.push(`${sku}: not in Postgres`);
    else if (item.stock !== stock || item.held !== held || item.confirmed !== confirmed)
      found.push(
        `${sku}: stock ${item.stock}, held ${item.held}, confirmed ${item.confirmed} in Postgres, ` +
          `${stock}, ${held}, ${confirmed} in Redis`,
      );
  }
  return found;
}

export function checkSettled(_history: History, { live, settled }: Books): string[] {
  if (settled) return [];
  return [
    `outbox: ${live.outbox.entries} entries, ${live.outbox.lagSeconds} s behind; holds: ${live.line.holds}`,
  ];
}

function answeredUnits(shoppers: readonly ShopperRecord[]): Map<string, number> {
  const sold = new Map<string, number>();
  for (const { lines } of shoppers.flatMap((s) => s.orders))
    for (const { sku, quantity } of lines) sold.set(sku, (sold.get(sku) ?? 0) + quantity);
  return sold;
}

const print = (lines: readonly { sku: string; quantity: number }[]) =>
  lines
    .map(({ sku, quantity }) => `${quantity} × ${sku}`)
    .sort()
    .join(", ");
