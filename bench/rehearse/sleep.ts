/**
 * Timers for thousands of shoppers that all stop at once. One listener on the signal and a set of sleepers, because a
 * listener per timer on one signal makes each wake-up linear in the size of the crowd.
 */

/** The run is over before this shopper was: time is up, or somebody interrupted. */
export class Stopped extends Error {
  override name = "Stopped";
}

/** @throws Stopped when the signal fires first */
export type Sleep = (ms: number) => Promise<void>;

export function createSleep(signal: AbortSignal): Sleep {
  const stops = new Set<() => void>();
  signal.addEventListener("abort", () => {
    for (const stop of stops) stop();
    stops.clear();
  });

  return (ms) =>
    new Promise((resolve, reject) => {
      if (signal.aborted) {
        reject(new Stopped());
        return;
      }
      const stop = () => {
        clearTimeout(timer);
        reject(new Stopped());
      };
      const timer = setTimeout(
        () => {
          stops.delete(stop);
          resolve();
        },
        Math.max(0, ms),
      );
      stops.add(stop);
    });
}

/** Milliseconds since 1970 that never jump back and resolve less than one: order of events depends on them. */
export const nowMs = () => performance.timeOrigin + performance.now();
