/** Our limiter as a contestant: the edge's own, which asks nobody. The same rule as its peer's: so many in an hour. */
import { createLimiter, type Limiter } from "../../workers/limit.ts";
import type { Contestant } from "./contestant.ts";

const KEYS_MAX = 50_000;

export function enter(): Promise<Contestant> {
  let limiter: Limiter | undefined;
  return Promise.resolve({
    prepare(_, each) {
      limiter = createLimiter({ perSecond: each / 3600, burst: each, keysMax: KEYS_MAX });
      return Promise.resolve();
    },
    take: (caller) => Promise.resolve(limiter?.take(caller, Date.now()).allowed === true),
    left: () => Promise.resolve(0),
  });
}
