/** Bounds how many calls of a burst are under way at once. */

/** Enough for a race, and few enough that no call of a burst runs into the client's timeout and is sent again. */
const IN_FLIGHT_MAX = 32;
let running = 0;
const queued: (() => void)[] = [];

export async function inFlight<Answer>(call: () => Promise<Answer>): Promise<Answer> {
  if (running >= IN_FLIGHT_MAX) await new Promise<void>((resolve) => queued.push(resolve));
  else running++;
  try {
    return await call();
  } finally {
    // The place goes to the next one, or is given back.
    const next = queued.shift();
    if (next === undefined) running--;
    else next();
  }
}
