/**
 * Whether the functions are in trouble, as far as this isolate can tell from their last answers: when half of them fail or
 * are slow, newcomers are turned away first, so that what the functions can still do goes to who is inside. One newcomer
 * now and then is let through to find out; when their answers are good again it is over, by itself. Old answers count for
 * less and less. Pure but for its state: `nowMs` and chance are passed in.
 */

export interface Circuit {
  /** Notes an answer: whether it was one, and how long it took (ms). */
  report: (isGood: boolean, tookMs: number, nowMs: number) => void;
  /** In trouble: what can be done without the functions should be. */
  isOpen: () => boolean;
  /** @returns undefined when a newcomer may go on, else after how many seconds they should ask again */
  turnAway: (nowMs: number) => number | undefined;
}

/** An answer that took so long (ms) is a bad one; those that may have to ask Stripe are not timed. */
export const SLOW_MS = 4_000;
/** After so long an answer counts half. */
const HALF_LIFE_MS = 2_000;
/** Of the answers that must be bad to turn people away, and at which they are let in again. */
const [BAD_SHARE, GOOD_AGAIN_SHARE] = [0.5, 0.2];
/** Of fewer answers nothing is concluded. */
const ANSWERS_MIN = 10;
/** One newcomer in so long finds out whether it is over. */
const PROBE_EVERY_MS = 500;
/** Who is turned away comes back in this time, each at another moment. */
const [RETRY_SECONDS_MIN, RETRY_SECONDS_MAX] = [2, 8];

export function createCircuit(chance: () => number): Circuit {
  let [good, bad, asOfMs, probedAtMs] = [0, 0, 0, 0];
  let open = false;

  return {
    report(isGood, tookMs, nowMs) {
      const kept = 0.5 ** (Math.max(0, nowMs - asOfMs) / HALF_LIFE_MS);
      [good, bad, asOfMs] = [good * kept, bad * kept, nowMs];
      if (isGood && tookMs < SLOW_MS) good++;
      else bad++;
      const share = bad / (good + bad);
      open = open ? share > GOOD_AGAIN_SHARE : good + bad >= ANSWERS_MIN && share >= BAD_SHARE;
    },
    isOpen: () => open,
    turnAway(nowMs) {
      if (!open) return undefined;
      if (nowMs - probedAtMs >= PROBE_EVERY_MS) {
        probedAtMs = nowMs;
        return undefined;
      }
      return RETRY_SECONDS_MIN + chance() * (RETRY_SECONDS_MAX - RETRY_SECONDS_MIN);
    },
  };
}
