/** Some thousands of requests nobody foresaw; `npx node bench/fuzz.ts` sends 100,000 of the same kind. */
import { expect, test } from "vitest";
import { exceptionsIn, fuzz, shown } from "../../bench/fuzz/fuzz.ts";
import { openShop } from "../../bench/fuzz/shop.ts";
import { withStack } from "./harness.ts";

const log: string[] = [];
const stack = withStack(log);
const REQUESTS = 5_000;

test(
  "fuzzed requests get no 5xx, none is left without an answer, and the sale's books balance",
  { timeout: 120_000 },
  async () => {
    const shop = await openShop(stack.get());
    const urls = [stack.get().url, stack.get().edge.url];
    const report = await fuzz({ requests: REQUESTS, seed: 7, urls, shop });
    expect(report.faults.map(shown)).toEqual([]);
    expect(exceptionsIn(log)).toEqual([]);
    expect(await shop.faults()).toEqual([]);
    // They get in far enough to be answered in many ways; few are not even HTTP.
    const seen = Object.keys(report.byStatus);
    expect(seen).toEqual(
      expect.arrayContaining(["200", "201", "303", "400", "401", "403", "404", "405", "413", "415", "422"]),
    );
    expect(report.byStatus["closed"] ?? 0).toBeLessThan(REQUESTS / 20);
  },
);
