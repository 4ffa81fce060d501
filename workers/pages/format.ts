/** Money, times and waits as text. Pure, and the same for every reader: times are UTC, the script localises them. */

const formats = new Map<string, Intl.NumberFormat>();

/** @param minor minor units; how many make one is the currency's own rule (JPY 1, EUR 100, KWD 1000) */
export function money(minor: number, currency: string): string {
  if (minor === 0) return "Free";
  let format = formats.get(currency);
  if (format === undefined) {
    format = new Intl.NumberFormat("en", { style: "currency", currency });
    formats.set(currency, format);
  }
  return format.format(minor / 10 ** (format.resolvedOptions().maximumFractionDigits ?? 2));
}

const utc = new Intl.DateTimeFormat("en-GB", { dateStyle: "long", timeStyle: "short", timeZone: "UTC" });

export const utcText = (iso: string): string => `${utc.format(new Date(iso))} UTC`;

export const count = (n: number): string => n.toLocaleString("en");

/** The pace of a line is never even: a range is honest where a single figure is not. */
const SOONER = 0.8;
const LATER = 1.4;

/** How long until the turn, or undefined while nobody can know. `static/assets/format.js` follows the same rule. */
export function waitText(ahead: number, perSecond: number): string | undefined {
  if (perSecond <= 0) return undefined;
  const [low, high] = [(ahead * SOONER) / perSecond / 60, (ahead * LATER) / perSecond / 60];
  if (high <= 1) return "less than a minute";
  if (high > 90) return range(low / 60, high / 60, "hour");
  return range(low, high, "minute");
}

function range(low: number, high: number, unit: string): string {
  const [from, to] = [Math.max(1, Math.round(low)), Math.max(1, Math.ceil(high))];
  return from === to ? `about ${from} ${unit}${from === 1 ? "" : "s"}` : `${from} to ${to} ${unit}s`;
}
