/**
 * The judgement of a sale's units: Redis' counters with themselves, with the records they stand for, and with Postgres;
 * Postgres' counters with its ledger. Pure: no I/O, no clock.
 */
import type { ItemCounts } from "../queue/pulse.ts";
import type { Finding } from "./case.ts";

export const accounts = ["available", "slots", "held", "confirmed"] as const;

export interface Totals {
  available: number;
  slots: number;
  supplied: number;
  unsold: number;
}

export interface StockSnapshot {
  items: ItemCounts[];
  totals: Totals;
}

/** Units beyond the stock are nobody's: the latest orders are given back. Slots that nobody claimed are free. */
export function judgeStock(
  { items }: StockSnapshot,
  { nowMs, claimUntilMs }: { nowMs: number; claimUntilMs: number | undefined },
): Finding[] {
  const over = items.filter(({ confirmed, stock }) => confirmed > stock);
  const unclaimed =
    claimUntilMs !== undefined && nowMs >= claimUntilMs ? items.filter(({ slots }) => slots > 0) : [];
  return [
    ...over.map(({ sku, confirmed, stock }): Finding => ({
      kind: "confirmed_above_stock",
      subject: sku,
      evidence: { confirmed, stock, excess: confirmed - stock },
      remedy: "refund_latest",
      amount: 0,
    })),
    ...unclaimed.map(({ sku, slots }): Finding => ({
      kind: "slot_unclaimed",
      subject: sku,
      evidence: { slots, claimUntil: new Date(claimUntilMs ?? 0).toISOString() },
      remedy: "free_slots",
      amount: 0,
    })),
  ];
}

/** Units by the records of an item, and the stock by the ledger; both only known while nothing moves. */
export interface Expected {
  sku: string;
  stock: number;
  held: number;
  confirmed: number;
}

/**
 * What an item's counters should be: what is not held, confirmed or set aside is available, less than nothing where units
 * were sold twice (adopt.lua).
 */
export function balanced(is: ItemCounts, should: Expected | undefined): ItemCounts {
  const { sku, slots } = is;
  const { stock, held, confirmed } = should ?? is;
  return { sku, stock, slots, held, confirmed, available: stock - slots - held - confirmed };
}

export const totalsOf = (items: ItemCounts[]): Totals => ({
  available: items.reduce((sum, { available }) => sum + available, 0),
  slots: items.reduce((sum, { slots }) => sum + slots, 0),
  supplied: items.reduce((sum, { stock }) => sum + stock, 0),
  unsold: items.reduce((sum, { stock, confirmed }) => sum + stock - confirmed, 0),
});

/** @param expected by sku; undefined while things move, when the counters are only held against themselves */
export function judgeCounters(
  { items, totals }: StockSnapshot,
  expected: Map<string, Expected> | undefined,
): Finding[] {
  const should = items.map((is) => balanced(is, expected?.get(is.sku)));
  const found: Finding[] = items.flatMap((is, i) => {
    const its = should[i] ?? is;
    return [...accounts, "stock" as const].some((account) => is[account] !== its[account])
      ? [
          {
            kind: "counters_differ",
            subject: is.sku,
            evidence: { is, should: its },
            remedy: "recount",
            amount: 0,
          },
        ]
      : [];
  });
  const sums = totalsOf(should);
  if (found.length === 0 && (Object.keys(sums) as (keyof Totals)[]).some((sum) => sums[sum] !== totals[sum]))
    found.push({
      kind: "counters_differ",
      subject: "totals",
      evidence: { is: totals, should: sums },
      remedy: "recount",
      amount: 0,
    });
  return found;
}

/** Per item and account: Postgres' counter, its ledger's balance, and what its reservations come to. */
export interface StoredUnits {
  sku: string;
  account: "held" | "confirmed" | "slots" | "refunded" | "unsold" | "stock";
  counted: number;
  ledger: number;
  /** Null where reservations say nothing about it. */
  reserved: number | null;
}

export function judgeStored(rows: StoredUnits[]): Finding[] {
  return rows
    .filter(
      ({ counted, ledger, reserved }) => counted !== ledger || (reserved !== null && reserved !== ledger),
    )
    .map(({ sku, account, ...units }): Finding => ({
      kind: "counters_differ",
      subject: `postgres ${sku} ${account}`,
      evidence: { sku, account, ...units },
      remedy: "recount_stored",
      amount: 0,
    }));
}
