// @ts-check
/** Money, times and waits as text, in the reader's own time zone. Pure but for `navigator` and the zone. */

const language = navigator.language.startsWith("en") ? navigator.language : "en-GB";
const moment = new Intl.DateTimeFormat(language, { dateStyle: "long", timeStyle: "short" });
const clock = new Intl.DateTimeFormat(language, { hour: "numeric", minute: "2-digit", second: "2-digit" });

/** @param {number | string} time */
export const momentText = (time) => moment.format(new Date(time));

/** @param {number | string} time */
export const clockText = (time) => clock.format(new Date(time));

/** @param {number} n */
export const count = (n) => n.toLocaleString("en");

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

/**
 * How long until the turn, or undefined while nobody can know. The rule of `workers/pages/format.ts`.
 * @param {number} ahead @param {number} perSecond @returns {string | undefined}
 */
export function waitText(ahead, perSecond) {
  if (perSecond <= 0) return undefined;
  const [low, high] = [(ahead * 0.8) / perSecond / 60, (ahead * 1.4) / perSecond / 60];
  if (high <= 1) return "less than a minute";
  return high > 90 ? range(low / 60, high / 60, "hour") : range(low, high, "minute");
}

/** @param {number} low @param {number} high @param {string} unit */
function range(low, high, unit) {
  const [from, to] = [Math.max(1, Math.round(low)), Math.max(1, Math.ceil(high))];
  return from === to ? `about ${from} ${unit}${from === 1 ? "" : "s"}` : `${from} to ${to} ${unit}s`;
}
