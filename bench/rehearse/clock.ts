/**
 * A device's clock and its pace, as the page's script has them. How far looks are spread is asked of that script itself;
 * the clock there is one for each page, and here one for each of thousands of shoppers.
 */
import type { Pulse } from "../../domain/api.ts";
import { paceMs } from "../../static/assets/api.js";
import { nowMs } from "./sleep.ts";

/** As `offsets` in static/assets/api.js, and `POLL_MIN_MS` in shop.js. */
const REMEMBERED = 5;
const LOOK_MIN_MS = 250;

export interface Clock {
  /** @param ageMs how long the answer lay in a cache, as far as it says */
  set: (pulse: Pulse, ageMs: number) => void;
  /** Until this device looks again. @param place in line, where it is known */
  untilNextLookMs: (pulse: Pulse, place: number | undefined) => number;
}

export function createClock(now: () => number = nowMs): Clock {
  const offsets: number[] = [];
  return {
    set(pulse, ageMs) {
      offsets.push(Date.parse(pulse.now) + ageMs - now());
      if (offsets.length > REMEMBERED) offsets.shift();
    },
    untilNextLookMs(pulse, place) {
      // A cached answer is late, never early, so the offset furthest ahead is the closest.
      const serverNowMs = now() + (offsets.length === 0 ? 0 : Math.max(...offsets));
      return Math.max(LOOK_MIN_MS, Date.parse(pulse.now) + paceMs(pulse, place) - serverNowMs);
    },
  };
}
