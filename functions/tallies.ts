/**
 * What this isolate has seen of each sale: the calls it made of Redis, by which the bill is worked out (redis/price.ts),
 * and what the edge turned away, as it reports it. Each isolate writes its totals into a field of its own of the sale's
 * `tallies`, together with a tick, which runs anyway: one command more, only when there is something new, and the same
 * however often it is sent. What an isolate has not written when it ends is lost: figures to steer by, no books.
 */

/** What was counted → how often. */
export type Tally = Record<string, number>;

interface Own {
  /** This isolate's field; named late, because Workers know no chance before their first request. */
  field: string;
  tally: Tally;
  changes: number;
  /** How many of the changes are written. */
  written: number;
  writtenAtMs: number;
  /** When a call was last told to tick for it. */
  askedAtMs: number;
}

/** Sales an isolate counts for; the one it has known longest goes first. */
const SALES_MAX = 1_000;
/** So long (ms) a change waits for a tick at most, before this isolate asks for one; and a tick alone to be told of. */
const WAITS_MS = 10_000;

const own = new Map<string, Own>();

function ownOf(saleId: string): Own {
  const known = own.get(saleId);
  if (known !== undefined) return known;
  const begun = { field: "", tally: {}, changes: 0, written: 0, writtenAtMs: Date.now(), askedAtMs: 0 };
  own.set(saleId, begun);
  if (own.size > SALES_MAX) own.delete(own.keys().next().value ?? "");
  return begun;
}

/** @param isNews false for what is told with the next news: else each tick would be the news of the next */
export function count(saleId: string, what: string, by = 1, isNews = true): void {
  const mine = ownOf(saleId);
  mine.tally[what] = (mine.tally[what] ?? 0) + by;
  if (isNews) mine.changes++;
}

/** What is to be written with a tick. @returns the field ('' for nothing new), its text, and whom to tell when it was */
export function news(saleId: string, nowMs: number): { field: string; text: string; written: () => void } {
  const mine = own.get(saleId);
  const isDue = mine !== undefined && (mine.changes > mine.written || nowMs - mine.writtenAtMs >= WAITS_MS);
  if (!isDue) return { field: "", text: "", written: () => undefined };
  mine.field ||= crypto.randomUUID();
  const { field, changes } = mine;
  const written = () => {
    mine.written = Math.max(mine.written, changes);
    mine.writtenAtMs = nowMs;
  };
  return { field, text: JSON.stringify(mine.tally), written };
}

/**
 * Whether something has waited so long that this isolate should tick itself. Says so once, and again after as long if nothing
 * came of it: a whole crowd is answered in the moment in which it becomes true.
 */
export function becomesOverdue(saleId: string, nowMs: number): boolean {
  const mine = own.get(saleId);
  if (mine === undefined || mine.changes === mine.written) return false;
  if (nowMs - Math.max(mine.writtenAtMs, mine.askedAtMs) < WAITS_MS) return false;
  mine.askedAtMs = nowMs;
  return true;
}

export function sumOf(tallies: Tally[]): Tally {
  const sum: Tally = {};
  for (const tally of tallies)
    for (const [what, times] of Object.entries(tally)) sum[what] = (sum[what] ?? 0) + times;
  return sum;
}
