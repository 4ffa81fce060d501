// @ts-check
/** Money, times and waits as text, in the reader's own time zone. Pure but for `navigator` and the zone. */

const language = navigator.language.startsWith("en") ? navigator.language : "en-GB";
const moment = new Intl.DateTimeFormat(language, { dateStyle: "long", timeStyle: "short" });
const clock = new Intl.DateTimeFormat(language, { hour: "numeric", minute: "2-digit", second: "2-digit" });

/** @param {number | string} time */
export const momentText = (time) => moment.format(new Date(time));

/** @param {number | string} time */
export const clockText = (time) => clock.format(new Date(time));

/** @param {number} minor minor units @param {string} currency @returns {string} */
export function money(minor, currency) {
  if (minor === 0) return "Free";
  const format = new Intl.NumberFormat("en", { style: "currency", currency });
  return format.format(minor / 10 ** (format.resolvedOptions().maximumFractionDigits ?? 2));
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
