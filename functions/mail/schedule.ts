/** When so many e-mails can be out, by the limits of sending. Pure. */
import type { EmailLimits } from "./mailer.ts";

const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;
/** What is for the opening is out this long before, if it can be. */
const BEFORE_OPENING_MS = 10 * MINUTE_MS;

export interface SendingPlan {
  startAtMs: number;
  /** From one e-mail to the next; not a whole number. E-mail i (from 0) is due at start + i × this. */
  everyMs: number;
  /** When the last one is out, the limit of a day counted. */
  lastAtMs: number;
  /** From the first to the last. */
  seconds: number;
  /** Whether all are out before the sale opens. */
  inTime: boolean;
}

/**
 * So that all are out ten minutes before opening, and none much earlier than that needs; where the time is too short, from now on.
 * @param sentToday e-mails of the last 24 hours, which count towards the limit of a day
 */
export function sendingPlan({
  count,
  perMinute,
  perDay,
  opensAtMs,
  nowMs,
  sentToday = 0,
}: EmailLimits & { count: number; opensAtMs: number; nowMs: number; sentToday?: number }): SendingPlan {
  const takesMs = sendingMs({ count, perMinute, perDay, sentToday });
  const startAtMs = Math.max(nowMs, opensAtMs - BEFORE_OPENING_MS - takesMs);
  const lastAtMs = startAtMs + takesMs;
  return {
    startAtMs,
    everyMs: MINUTE_MS / perMinute,
    lastAtMs,
    seconds: Math.ceil(takesMs / 1000),
    inTime: count === 0 || lastAtMs < opensAtMs,
  };
}

/** How long it takes from the first to the last of `count` e-mails, rounded up to milliseconds. */
export function sendingMs({
  count,
  perMinute,
  perDay,
  sentToday = 0,
}: EmailLimits & { count: number; sentToday?: number }): number {
  if (count === 0) return 0;
  const everyMs = MINUTE_MS / perMinute;
  const last = count - 1;
  const leftToday = Math.max(0, perDay - sentToday);
  const beyond = last - leftToday;
  // Each day takes as many as it may, at the pace of the minute.
  const byDay = beyond < 0 ? 0 : DAY_MS * (1 + Math.floor(beyond / perDay)) + (beyond % perDay) * everyMs;
  return Math.ceil(Math.max(last * everyMs, byDay));
}
