/**
 * How often this isolate has answered 429 or 5xx, by sale: nobody but the edge sees those. Told to the functions with the
 * next call about that sale, which goes there anyway (the pulse, once a second); what is not told when the isolate ends is lost.
 */

interface Counts {
  limited: number;
  failed: number;
}

/** Sales counted for at once: an address may name any. The one that has waited longest goes first. */
const SALES_MAX = 200;
const SALE = /^\/(?:api\/(?:admin\/)?)?sales\/([a-z0-9-]{1,64})(?:\/|$)/;

const counts = new Map<string, Counts>();

const saleOf = (path: string) => SALE.exec(path)?.[1];

export function noteTurnedAway(path: string, status: number): void {
  const sale = saleOf(path);
  if (sale === undefined || (status !== 429 && status < 500)) return;
  add(sale, status === 429 ? { limited: 1, failed: 0 } : { limited: 0, failed: 1 });
}

function add(sale: string, { limited, failed }: Counts): void {
  const before = counts.get(sale) ?? { limited: 0, failed: 0 };
  counts.set(sale, { limited: before.limited + limited, failed: before.failed + failed });
  if (counts.size > SALES_MAX) counts.delete(counts.keys().next().value ?? "");
}

/** What is to be told about the sale of this path; put back where the functions did not hear it. */
export function takeTurnedAway(path: string): { text: string; putBack: () => void } | undefined {
  const sale = saleOf(path);
  const taken = sale === undefined ? undefined : counts.get(sale);
  if (sale === undefined || taken === undefined) return undefined;
  counts.delete(sale);
  return { text: `429=${taken.limited},5xx=${taken.failed}`, putBack: () => add(sale, taken) };
}
