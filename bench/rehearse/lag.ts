/**
 * How late this process is with its own work. One thread plays thousands of devices and the cache in front of them: what
 * it is late by, no shopper of a real sale would be, so the proof has to be able to tell it from what the system does.
 */
import { nowMs } from "./sleep.ts";

/** A time in which the event loop did nothing that was due. */
export interface Stall {
  fromMs: number;
  untilMs: number;
}

const EVERY_MS = 20;
/** Shorter ones are how a busy process works. */
const STALL_MIN_MS = 50;
/** A run of an hour that stalls all the time still fits into memory. */
const STALLS_MAX = 50_000;

export interface LagWatch {
  stalls: () => Stall[];
  stop: () => void;
}

export function watchLag(): LagWatch {
  const stalls: Stall[] = [];
  let dueMs = nowMs() + EVERY_MS;
  const timer = setInterval(() => {
    const atMs = nowMs();
    if (atMs - dueMs >= STALL_MIN_MS && stalls.length < STALLS_MAX)
      stalls.push({ fromMs: dueMs, untilMs: atMs });
    dueMs = atMs + EVERY_MS;
  }, EVERY_MS);
  timer.unref();
  return { stalls: () => [...stalls], stop: () => clearInterval(timer) };
}

/** The longest stall that touches a span of time, in milliseconds. */
export function longestStall(stalls: readonly Stall[], fromMs: number, untilMs: number): number {
  let longest = 0;
  for (const stall of stalls)
    if (stall.untilMs >= fromMs && stall.fromMs <= untilMs)
      longest = Math.max(longest, stall.untilMs - stall.fromMs);
  return longest;
}
