/** What is held against the books: units, records, limits and the outbox say the same after each script. */
import type { Rule } from "./rules.ts";
import type { Judge } from "./judge.ts";
import { list, type Movement, type Record, type Seen } from "./reading.ts";

/** What may come after what; a payment that comes too late takes its units again. */
const mayFollow: { [state: string]: string[] } = {
  "": ["held"],
  held: ["confirmed", "released", "expired"],
  released: ["held"],
  expired: ["held"],
  confirmed: ["refunded"],
  refunded: [],
};

const accounts = ["available", "slots", "held", "confirmed"] as const;

/** They tell again what Postgres lacks, or take over what it knows. */
const repairs = new Set(["reconciliation/resend", "reconciliation/cancel", "reconciliation/adopt"]);

export function adopt(judge: Judge, text: string, word: string | undefined): void {
  if (word !== "adopted" && word !== "ended") return;
  const record = JSON.parse(text) as Record;
  const { seen, slots } = judge.knowledge;
  judge.knowledge.records.set(record.id, word === "ended" ? { ...record, state: "expired" } : record);
  // One that used a slot uses it again; whether its unit was still set aside, Redis knows.
  if (record.slotUntilMs !== undefined && seen !== undefined)
    for (const { sku } of judge.sale.items) slots.delete(sku);
}

/** A top-up that Redis lost is there again: the stock is what was ever supplied. */
export function recount({ sale, added, knowledge }: Judge, { stock }: Seen): void {
  for (const { sku, stock: first } of sale.items) {
    const all = [...added.values()]
      .filter((one) => one.sku === sku)
      .reduce((sum, { quantity }) => sum + quantity, first);
    if (stock.get(`stock:${sku}`) === all) knowledge.supplied.set(sku, all);
  }
}

export function learn(judge: Judge, step: string, events: [string, Record | Movement][]): Record[] {
  const { records, supplied, slots, topUps } = judge.knowledge;
  const changed: Record[] = [];
  events.forEach(([entry, event], i) => {
    judge.knowledge.lastEntry = entry;
    if (event.state === "moved") {
      for (const { sku, quantity } of event.lines) {
        if (event.from === "supply") {
          supplied.set(sku, (supplied.get(sku) ?? 0) + quantity);
          judge.added.set(event.id ?? "", { sku, quantity });
        }
        if (event.from === "slots") slots.set(sku, (slots.get(sku) ?? 0) - quantity);
        if (event.to === "slots") slots.set(sku, (slots.get(sku) ?? 0) + quantity);
      }
      if (event.from === "supply") {
        if (topUps.has(event.id ?? "")) judge.violate("once", "the same top-up came twice");
        topUps.add(event.id ?? "");
      }
      return;
    }
    const was = records.get(event.id)?.state ?? "";
    if (!repairs.has(step) && !(mayFollow[was] ?? []).includes(event.state))
      judge.violate("one call", `${event.id} became ${event.state} after ${was || "nothing"}`);
    const next = events[i + 1]?.[1];
    const isTakenAgain = event.state === "held" && (was === "released" || was === "expired");
    if (isTakenAgain && !repairs.has(step) && next?.state !== "confirmed")
      judge.violate("one call", `${event.id} was held again, unpaid`);
    records.set(event.id, event);
    judge.knowledge.told.push({ entry, id: event.id, state: event.state });
    if (event.state === "confirmed") judge.confirmed.add(`${event.id} ${event.intent ?? ""}`);
    changed.push(event);
  });
  return changed;
}

export function holdBooks(judge: Judge, seen: Seen): void {
  const wrong = faultsOf(judge, seen);
  judge.knowledge.isDamaged &&= wrong.length > 0;
  if (!judge.knowledge.isDamaged) for (const [rule, what] of wrong) judge.violate(rule, what);
}

/** @returns what is wrong with the counters */
function faultsOf({ sale, knowledge, wasRolledBack }: Judge, { stock, soldOut }: Seen): [Rule, string][] {
  const wrong: [Rule, string][] = [];
  const { records, supplied, slots } = knowledge;
  const units = new Map<string, number>();
  for (const { state, lines } of records.values())
    if (state === "held" || state === "confirmed")
      for (const { sku, quantity } of lines)
        units.set(`${state}:${sku}`, (units.get(`${state}:${sku}`) ?? 0) + quantity);
  const sums = { available: 0, slots: 0, supplied: 0, unsold: 0 };
  const of = (field: string) => stock.get(field) ?? NaN;
  const same = (rule: Rule, field: string, expected: number) => {
    if (of(field) !== expected) wrong.push([rule, `${field} is ${of(field)}, not ${expected}`]);
  };
  for (const { sku } of sale.items) {
    const parts = accounts.map((account) => of(`${account}:${sku}`));
    const [available = NaN, ...taken] = parts;
    const sum = parts.reduce((total, part) => total + part, 0);
    if (sum !== of(`stock:${sku}`))
      wrong.push(["books", `${sku}: ${parts.join(" + ")} is ${sum}, not ${of(`stock:${sku}`)}`]);
    // Of an order that Redis had lost and sold the units of again, both are sold, until the latest goes back.
    if (taken.some((part) => !(part >= 0)) || !(available >= 0 || wasRolledBack))
      wrong.push(["books", `${sku}: ${parts.join(", ")}: one is below zero`]);
    same("books", `stock:${sku}`, supplied.get(sku) ?? 0);
    same("one call", `held:${sku}`, units.get(`held:${sku}`) ?? 0);
    same("one call", `confirmed:${sku}`, units.get(`confirmed:${sku}`) ?? 0);
    if (!slots.has(sku)) slots.set(sku, of(`slots:${sku}`));
    same("one call", `slots:${sku}`, slots.get(sku) ?? 0);
    sums.available += of(`available:${sku}`);
    sums.slots += of(`slots:${sku}`);
    sums.supplied += of(`stock:${sku}`);
    sums.unsold += of(`stock:${sku}`) - of(`confirmed:${sku}`);
  }
  for (const [field, sum] of Object.entries(sums)) same("books", field, sum);
  if (soldOut !== sums.unsold <= 0) wrong.push(["books", `sold out: ${soldOut}, with ${sums.unsold} unsold`]);
  return wrong;
}

/** What changed stands in the records too, and in what counts for its shopper. */
export async function holdRecords(judge: Judge, changed: Record[]): Promise<void> {
  if (changed.length === 0) return;
  const { records, unindexed } = judge.knowledge;
  const ids = [...new Set(changed.map(({ id }) => id))];
  const shoppers = [...new Set(changed.map(({ shopper }) => shopper))];
  const items = judge.sale.items;
  const fields = shoppers.flatMap((shopper) => items.map(({ sku }) => `${shopper}/${sku}`));
  const [texts, counts] = await judge.redis.send([
    ["HMGET", judge.key("reservations"), ...ids],
    ["HMGET", judge.key("shoppers"), ...fields],
  ]);
  list(texts).forEach((text, i) => {
    const id = ids[i] ?? "";
    const state = text === "" ? "nothing" : (JSON.parse(text) as Record).state;
    if (state !== records.get(id)?.state)
      judge.violate("one call", `${id} is ${state}, the outbox says ${records.get(id)?.state ?? "nothing"}`);
  });
  const has = list(counts).map(Number);
  shoppers.forEach((shopper, i) => {
    const theirs = [...records.values()].filter((record) => record.shopper === shopper);
    const live = theirs.filter(({ id, state }) => state === "held" && !unindexed.has(id));
    if (live.length > 1) judge.violate("limit", `${shopper} holds ${live.length} reservations at once`);
    items.forEach(({ sku, limit }, j) => {
      const units = theirs
        .filter(({ state }) => state === "held" || state === "confirmed")
        .flatMap(({ lines }) => lines.filter((line) => line.sku === sku))
        .reduce((sum, { quantity }) => sum + quantity, 0);
      // Who bought again what Redis had lost has both, once reconciliation takes the first over.
      if (units > limit && !judge.wasRolledBack)
        judge.violate("limit", `${shopper} has ${units} of ${sku}, ${limit} at most`);
      const counted = has[i * items.length + j] ?? 0;
      if (counted !== units) judge.violate("one call", `${shopper}/${sku} is ${counted}, not ${units}`);
    });
  });
}
