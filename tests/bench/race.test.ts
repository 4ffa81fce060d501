/** The check that all contestants pass through: ours holds, and one that oversells is caught. */
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { judgeLimited, judgeSold, startEntrant } from "../../bench/race/race.ts";
import { startStores, type Stores } from "../../bench/stores.ts";

let stores: Stores<"redis" | "postgres">;
beforeAll(async () => {
  stores = await startStores("redis", "postgres");
});
afterAll(() => stores.close());

const bench = path.join(import.meta.dirname, "../../bench/race");
const shoppers = Array.from({ length: 100 }, (_, i) => `shopper-${i}`);

async function race(module: string, stock: number, calls = shoppers) {
  const entrant = await startEntrant(module, stores);
  try {
    return await entrant.race({ race: `race-${stock}`, stock, calls, underWay: 32 });
  } finally {
    await entrant.close();
  }
}

// Each starts a process of its own, on whatever else the machine does.
describe("a race", () => {
  test("is won by as many of ours as there are units", async () => {
    const output = await race(path.join(bench, "ours.ts"), 10);
    expect(() => judgeSold(output, 10)).not.toThrow();
    expect(output.latenciesMs).toHaveLength(shoppers.length);
  });

  test("by one that looks first and takes later is judged wrong", async () => {
    const output = await race(path.join(import.meta.dirname, "oversells.ts"), 10);
    expect(() => judgeSold(output, 10)).toThrow(/^\d+ were sold of 10$/);
  });

  test("tells why a contestant cannot take part", async () => {
    await expect(startEntrant("/nowhere/peer.js", stores)).rejects.toThrow("/nowhere/peer.js");
  });

  test("of limiters lets exactly ten of each one's fifty through", async () => {
    const calls = Array.from({ length: 50 }, () => shoppers).flat();
    const output = await race(path.join(bench, "our-limiter.ts"), 10, calls);
    expect(() => judgeLimited(output, shoppers.length, 10)).not.toThrow();
  });
});

describe("the judge", () => {
  test.each([
    ["one too many", ["a", "b", "c"], 0, "3 were sold of 2"],
    ["one too few", ["a"], 1, "1 were sold of 2"],
    ["one who has two", ["a", "a"], 0, "1 got more than one"],
    ["stock that is sold and still there", ["a", "b"], 1, "1 are said to be left"],
  ])("sees %s", (_, got, left, why) => {
    expect(() => judgeSold({ got, left }, 2)).toThrow(why);
  });

  test("of limiters sees one call too many, and one nobody got through", () => {
    expect(() => judgeLimited({ got: ["a", "a", "b"] }, 2, 1)).toThrow("1 of 2");
    expect(() => judgeLimited({ got: ["a"] }, 2, 1)).toThrow("1 of 2");
  });
});
