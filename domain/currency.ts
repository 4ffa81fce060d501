/**
 * Amounts are whole numbers of a currency's smallest unit, by the decimals that `Intl` shows it with (JPY 0, EUR 2, KWD 3).
 * Stripe counts some currencies otherwise: it keeps two decimals where people use none, and takes three-decimal amounts in
 * steps of ten. Source: https://docs.stripe.com/currencies. Pure.
 */

const stripeZeroDecimals = new Set("BIF CLP DJF GNF JPY KMF KRW MGA PYG RWF VND VUV XAF XOF XPF".split(" "));
const stripeThreeDecimals = new Set("BHD JOD KWD OMR TND".split(" "));

const stripeDecimals = (currency: string) =>
  stripeZeroDecimals.has(currency) ? 0 : stripeThreeDecimals.has(currency) ? 3 : 2;

/** How many of Stripe's units make one of ours. */
const stripeUnits = (currency: string) => 10 ** Math.max(0, stripeDecimals(currency) - decimalsOf(currency));

export const toStripeAmount = (minor: number, currency: string): number => minor * stripeUnits(currency);

export const fromStripeAmount = (amount: number, currency: string): number => amount / stripeUnits(currency);

/** Prices must be multiples of this. */
export const priceStep = (currency: string): number => (stripeThreeDecimals.has(currency) ? 10 : 1);

const formats = new Map<string, Intl.NumberFormat>();

function formatOf(currency: string): Intl.NumberFormat {
  const format = formats.get(currency) ?? new Intl.NumberFormat("en", { style: "currency", currency });
  formats.set(currency, format);
  return format;
}

const decimalsOf = (currency: string) => formatOf(currency).resolvedOptions().maximumFractionDigits ?? 2;

/** Well-formed, for `Intl`; whether there is such a currency, the sale's schema says. */
const isCode = (currency: string) => /^[A-Z]{3}$/.test(currency);

/** An amount as it is typed, such as 149.00. @param minor smallest units */
export const amountText = (minor: number, currency: string): string => {
  const decimals = isCode(currency) ? decimalsOf(currency) : 0;
  return (minor / 10 ** decimals).toFixed(decimals);
};

/** What was typed, in smallest units; undefined for what is no amount of this currency. */
export function amountOf(text: string, currency: string): number | undefined {
  const decimals = isCode(currency) ? decimalsOf(currency) : 0;
  const [, whole = "", , rest = ""] = /^(\d{1,12})([.,](\d+))?$/.exec(text.trim()) ?? [];
  if (whole === "" || rest.length > decimals) return undefined;
  return Number(whole + rest.padEnd(decimals, "0"));
}

/** Such as €1.00, ¥100 or KWD 1.000. @param minor smallest units */
export const moneyText = (minor: number, currency: string): string =>
  formatOf(currency).format(minor / 10 ** decimalsOf(currency));
