/** The negative control of the race: looks at the stock, and takes it in a second step. What the race's check is there to find. */
import { setTimeout as wait } from "node:timers/promises";
import type { Contestant } from "../../bench/race/contestant.ts";

export function enter(): Promise<Contestant> {
  let units = 0;
  return Promise.resolve({
    prepare(_, stock) {
      units = stock;
      return Promise.resolve();
    },
    async take() {
      const seen = units;
      await wait(1);
      if (seen <= 0) return false;
      units--;
      return true;
    },
    left: () => Promise.resolve(units),
  });
}
