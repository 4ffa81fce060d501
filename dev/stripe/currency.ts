/**
 * Currencies as Stripe counts them. Not as `Intl` does: Stripe keeps two decimals where CLDR has none (ISK, UGX, RSD, …),
 * and takes amounts only in steps for some. Source: https://docs.stripe.com/currencies.
 */

const zeroDecimal = "bif clp djf gnf jpy kmf krw mga pyg rwf vnd vuv xaf xof xpf".split(" ");
const threeDecimal = "bhd jod kwd omr tnd".split(" ");
/** Without decimals in life, with two in the API: these must be 00. */
const wholeOnly = ["isk", "ugx"];

/** ISO 4217, lower case, as the API takes and gives them. */
export const currencies: ReadonlySet<string> = new Set(
  (
    "usd aed afn all amd ang aoa ars aud awg azn bam bbd bdt bhd bif bmd bnd bob brl bsd bwp byn bzd cad cdf chf clp cny cop " +
    "crc cve czk djf dkk dop dzd egp etb eur fjd fkp gbp gel gip gmd gnf gtq gyd hkd hnl htg huf idr ils inr isk jmd jod " +
    "jpy kes kgs khr kmf krw kwd kyd kzt lak lbp lkr lrd lsl mad mdl mga mkd mmk mnt mop mur mvr mwk mxn myr mzn nad ngn nio " +
    "nok npr nzd omr pab pen pgk php pkr pln pyg qar ron rsd rub rwf sar sbd scr sek sgd shp sle sos srd szl thb tjs tnd " +
    "top try ttd twd tzs uah ugx uyu uzs vnd vuv wst xaf xcd xcg xof xpf yer zar zmw"
  ).split(" "),
);

const decimals = (currency: string) =>
  zeroDecimal.includes(currency) ? 0 : threeDecimal.includes(currency) ? 3 : 2;

/** Amounts must be a multiple of this. */
export const amountStep = (currency: string) =>
  threeDecimal.includes(currency) ? 10 : wholeOnly.includes(currency) ? 100 : 1;

/** @param amount minor units, a non-negative integer; no float comes near it */
export function formatAmount(amount: number, currency: string): string {
  const places = decimals(currency);
  const digits = String(amount).padStart(places + 1, "0");
  const whole = digits.slice(0, digits.length - places);
  const text = places === 0 ? whole : `${whole}.${digits.slice(-places)}`;
  return new Intl.NumberFormat("en", {
    style: "currency",
    currency: currency.toUpperCase(),
    minimumFractionDigits: places,
    maximumFractionDigits: places,
  }).format(text as Intl.StringNumericLiteral);
}
