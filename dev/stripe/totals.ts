/** Where the money is, per currency, for proofs: `authorised = captured + voided + capturable`, always. */
import type { Store } from "./state.ts";

/** Minor units. */
export interface Totals {
  authorised: number;
  captured: number;
  /** Given back of what was captured. */
  refunded: number;
  /** Authorised, then released: canceled, or the rest of a partial capture. */
  voided: number;
  /** Authorised, and neither captured nor released yet. */
  capturable: number;
}

export function totalsOf({ charges, intents, refunds }: Store): Record<string, Totals> {
  const totals: Record<string, Totals> = {};
  const of = (currency: string) =>
    (totals[currency] ??= { authorised: 0, captured: 0, refunded: 0, voided: 0, capturable: 0 });
  for (const { currency, paid, amount, amount_captured, amount_refunded } of charges.values()) {
    if (!paid) continue;
    const sums = of(currency);
    sums.authorised += amount;
    sums.captured += amount_captured;
    // Stripe books what it releases under "refunded" as well; the refunds are taken off below.
    sums.voided += amount_refunded;
  }
  for (const { currency, amount } of refunds.values()) {
    of(currency).refunded += amount;
    of(currency).voided -= amount;
  }
  for (const { currency, amount_capturable } of intents.values())
    if (amount_capturable > 0) of(currency).capturable += amount_capturable;
  return totals;
}
