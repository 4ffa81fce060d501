/** Instants as `datetime-local` inputs have them, by the clock of a time zone. Pure. */

export const isZone = (zone: string): boolean => {
  try {
    formatOf(zone);
    return true;
  } catch {
    return false;
  }
};

const formats = new Map<string, Intl.DateTimeFormat>();

function formatOf(zone: string): Intl.DateTimeFormat {
  const fields = { year: "numeric", month: "2-digit", day: "2-digit" } as const;
  const clock = { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" } as const;
  const format =
    formats.get(zone) ?? new Intl.DateTimeFormat("en-US", { ...fields, ...clock, timeZone: zone });
  formats.set(zone, format);
  return format;
}

/** Such as 2026-12-01T11:00, with seconds where there are any. @throws RangeError for no zone, or no instant */
export function localTime(iso: string, zone: string): string {
  const parts = Object.fromEntries(
    formatOf(zone)
      .formatToParts(new Date(iso))
      .map(({ type, value }) => [type, value]),
  );
  const { year, month, day, hour, minute, second } = parts;
  return `${year}-${month}-${day}T${hour}:${minute}${second === "00" ? "" : `:${second}`}`;
}

/**
 * The instant that a clock of the zone shows so. Of a time that it shows twice, the earlier; of one that it leaves out, an hour
 * later. @returns undefined for what is no time
 */
export function instantOf(local: string, zone: string): string | undefined {
  const shown = Date.parse(`${local}Z`);
  if (!/^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?$/.test(local) || Number.isNaN(shown)) return undefined;
  const aheadMs = (ms: number) =>
    Date.parse(`${localTime(new Date(ms).toISOString(), zone)}Z`) - Math.floor(ms / 1000) * 1000;
  // A day before and after a change of the clock, both offsets are in use; the right one gives the time back.
  const candidates = [shown - aheadMs(shown - DAY_MS), shown - aheadMs(shown + DAY_MS)].sort((a, b) => a - b);
  const exact = candidates.find((ms) => ms + aheadMs(ms) === shown);
  return new Date(exact ?? candidates.at(-1) ?? shown).toISOString();
}

const DAY_MS = 86_400_000;
