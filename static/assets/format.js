// @ts-check
/** Numbers, money and times as a language and its region write them, all by `Intl`. Pure, for the page's script and the Workers. */

/** @typedef {Partial<Record<Intl.LDMLPluralRule, string>> & { other: string }} Forms what a language says for each kind of number */

/** What the messages of a language count with. @param {string} locale */
export function numbersIn(locale) {
  const numbers = new Intl.NumberFormat(locale);
  const rules = new Intl.PluralRules(locale);
  const units = (/** @type {string} */ unit) =>
    new Intl.NumberFormat(locale, { style: "unit", unit, unitDisplay: "long", maximumFractionDigits: 0 });
  return {
    /** @param {number} n */
    count: (n) => numbers.format(n),
    /** @param {number} n @param {Forms} forms */
    plural: (n, forms) => forms[rules.select(n)] ?? forms.other,
    /** Such as "5 minutes". @param {number} n @param {"second" | "minute" | "hour"} unit */
    span: (n, unit) => units(unit).format(n),
    /** Such as "3–5 minutes". @param {number} from @param {number} to @param {"minute" | "hour"} unit */
    range: (from, to, unit) => units(unit).formatRange(from, to),
  };
}

/** @param {string} locale @param {string} [timeZone] the reader's own where none is named */
export function textsIn(locale, timeZone) {
  const zone = timeZone === undefined ? {} : { timeZone };
  const moment = new Intl.DateTimeFormat(locale, { dateStyle: "long", timeStyle: "short", ...zone });
  const clock = new Intl.DateTimeFormat(locale, { timeStyle: "medium", ...zone });
  /** @type {Map<string, Intl.NumberFormat>} */
  const currencies = new Map();
  return {
    /** @param {number | string} time */
    moment: (time) => moment.format(new Date(time)),
    /** @param {number | string} time */
    clock: (time) => clock.format(new Date(time)),
    /** @param {number} minor smallest units @param {string} currency ISO 4217 */
    money: (minor, currency) => {
      const format =
        currencies.get(currency) ?? new Intl.NumberFormat(locale, { style: "currency", currency });
      currencies.set(currency, format);
      return format.format(minor / 10 ** (format.resolvedOptions().maximumFractionDigits ?? 2));
    },
  };
}

/** @param {number} ms @returns {{ days: number, hours: number, minutes: number, seconds: number }} */
export function parts(ms) {
  const all = Math.max(0, Math.ceil(ms / 1000));
  return {
    days: Math.floor(all / 86_400),
    hours: Math.floor(all / 3600) % 24,
    minutes: Math.floor(all / 60) % 60,
    seconds: all % 60,
  };
}

/** @param {number} ms @returns {string} such as 9:58 or 1:09:58 */
export function leftText(ms) {
  const { days, hours, minutes, seconds } = parts(ms);
  const all = days * 24 + hours;
  return all > 0 ? `${all}:${two(minutes)}:${two(seconds)}` : `${minutes}:${two(seconds)}`;
}

/** @param {number} n */
export const two = (n) => String(n).padStart(2, "0");
