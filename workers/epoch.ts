/**
 * The newest epoch of each sale that this isolate has heard of: from answers of the functions, and from tickets, which
 * are signed. It lets tickets from before a rebuild be turned away here; where it is not known yet, the scripts do it.
 */
const SALES_MAX = 1000;
const newest = new Map<string, number>();

/** @param path of an answer of the API, such as `/api/sales/spring/pulse` */
export function sawEpoch(path: string, epoch: string | number | null): void {
  const sale = /^\/api\/sales\/([^/]+)\//.exec(path)?.[1];
  if (sale === undefined || epoch === null || Number(epoch) <= (newest.get(sale) ?? 0)) return;
  newest.set(sale, Number(epoch));
  if (newest.size > SALES_MAX) newest.delete(newest.keys().next().value ?? "");
}

export const isOutdated = (sale: string, epoch: number): boolean => epoch < (newest.get(sale) ?? 0);
