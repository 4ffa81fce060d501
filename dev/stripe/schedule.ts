/**
 * What is to happen later: sessions that expire, banks that answer, webhooks that are sent again. Guarantee: nothing
 * runs before its time by the given clock, and all that is due runs in order of time. Tests move the clock and call
 * `run`; otherwise one real timer does.
 */

export interface Schedule {
  /** @param atMs by the clock; a time in the past is as soon as possible, but after the caller has returned */
  at(atMs: number, task: () => void): void;
  /** Runs what is due now, what becomes due by it included. */
  run(): void;
  /** Nothing runs any more. */
  stop(): void;
}

/** The most a Node timer takes. */
const timerMsMax = 2 ** 31 - 1;

/** @param now the clock, milliseconds of the epoch */
export function createSchedule(now: () => number): Schedule {
  /** By time; of equals the first come first. */
  const waiting: { atMs: number; task: () => void }[] = [];
  let timer: NodeJS.Timeout | undefined;
  let stopped = false;

  /** By halves: a crowd's sessions wait here by the thousand, for hours, while webhooks come and go. */
  function placeFor(atMs: number): number {
    let [low, high] = [0, waiting.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      const entry = waiting[middle];
      if (entry !== undefined && entry.atMs <= atMs) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  function arm(): void {
    clearTimeout(timer);
    const next = waiting[0];
    if (next === undefined || stopped) return;
    timer = setTimeout(run, Math.min(Math.max(0, next.atMs - now()), timerMsMax));
  }

  function run(): void {
    for (;;) {
      const next = waiting[0];
      if (next === undefined || next.atMs > now() || stopped) break;
      waiting.shift();
      next.task();
    }
    arm();
  }

  return {
    at(atMs, task) {
      const place = placeFor(atMs);
      waiting.splice(place, 0, { atMs, task });
      if (place === 0) arm();
    },
    run,
    stop() {
      stopped = true;
      clearTimeout(timer);
    },
  };
}
