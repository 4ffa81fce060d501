/** The simulation: what must hold of any sale, what two rehearsals measured, and that the documentation shows its output. */
import { readFile } from "node:fs/promises";
import { describe, expect, test } from "vitest";
import { of } from "../../bench/cost/inputs.ts";
import { documentation } from "../../bench/scale/docs.ts";
import { limitsOf, pacesOf } from "../../bench/scale/limits.ts";
import { usualSale, type SaleOptions } from "../../bench/scale/options.ts";
import { simulate } from "../../bench/scale/simulate.ts";

/** As `npm run rehearse` sells: short holds, and a crowd that comes within seconds of the opening. */
const rehearsed: SaleOptions = {
  ...usualSale(2_000, 100),
  profile: "rehearsal",
  lobbySeconds: 7,
  releaseSize: 50,
  capacity: 100,
  passSeconds: 20,
  holdSeconds: 15,
  lookSeconds: 1.1,
  paySeconds: 2.2,
  joinShards: 0,
  paid: false,
};

describe("a simulated sale", () => {
  test("sells what there is, to whoever comes, and no more", () => {
    for (const seed of [1, 2, 3]) {
      expect(simulate({ ...rehearsed, seed }).sold).toBe(100);
      expect(simulate({ ...rehearsed, visitors: 50, seed }).sold).toBeLessThanOrEqual(50);
    }
    const found = simulate(usualSale(1_000_000, 10_000));
    expect(found.sold).toBe(10_000);
    // Those who have not come by the time it ends do not join.
    expect(found.joined).toBeLessThanOrEqual(1_000_000 * 1.001);
    expect(found.joined).toBeGreaterThan(900_000);
  });

  test("is the same for the same seed and another for another", () => {
    expect(simulate(rehearsed)).toEqual(simulate(rehearsed));
    expect(simulate({ ...rehearsed, seed: 9 })).not.toEqual(simulate(rehearsed));
  });

  test("never asks Redis for many more joins than the plan allows, and turns the others away", () => {
    const one = simulate({ ...usualSale(1_000_000, 10_000), joinShards: 0 });
    expect(one.joinsPerSecondMax).toBeLessThanOrEqual(10_000 / of("commands.join"));
    expect(one.turnedAway).toBeGreaterThan(100_000);
    const sharded = simulate(usualSale(1_000_000, 10_000));
    expect(sharded.joinsPerSecondMax).toBeLessThanOrEqual(40 * of("batch.joinsPerShardPerSecond"));
    expect(sharded.redis.commands).toBeLessThan(one.redis.commands / 5);
  });

  test("of ten million takes seconds", () => {
    const startedMs = performance.now();
    expect(simulate(usualSale(10_000_000, 50_000)).sold).toBe(50_000);
    expect(performance.now() - startedMs).toBeLessThan(30_000);
  });

  test("in which those far back look less often takes a twentieth of the looks of a million", () => {
    const sale = usualSale(1_000_000, 10_000);
    expect(simulate(sale).looks * 20).toBeLessThan(simulate({ ...sale, allLookAlike: true }).looks);
    // A short line looks alike in any case.
    const short = usualSale(4_000, 200);
    expect(simulate(short).looks).toBe(simulate({ ...short, allLookAlike: true }).looks);
  });
});

/** Of what was measured, more or less; the looks' age was fitted to the first, the second was not used. */
const TOLERANCE = 0.25;
const within = (value: number, measured: number) => {
  expect(value).toBeGreaterThan(measured * (1 - TOLERANCE));
  expect(value).toBeLessThan(measured * (1 + TOLERANCE));
};

describe("comes within a quarter of", () => {
  test("the rehearsal of 2,000 shoppers for 100 units: 124,379 requests, 66 s with 8 of them before opening", () => {
    const seeds = [1, 2, 3, 4, 5].map((seed) => simulate({ ...rehearsed, seed }));
    const mean = (figure: (found: (typeof seeds)[number]) => number) =>
      seeds.reduce((sum, found) => sum + figure(found), 0) / seeds.length;
    within(
      mean(({ requests }) => requests.pages + requests.polls + requests.commands),
      124_379,
    );
    within(
      mean(({ endSeconds }) => endSeconds),
      58,
    );
    // 97.85 % of them were answered before the functions.
    within(
      mean(({ requests }) => requests.functions),
      124_379 * (1 - 0.9785),
    );
  });

  test("the rehearsal of 5,000 who wait for three minutes: 448,906 requests", () => {
    const sale = { ...rehearsed, visitors: 5_000, stock: 280, releaseSize: 8, capacity: 60 };
    const { requests } = simulate(sale);
    within(requests.pages + requests.polls + requests.commands, 448_906);
  });
});

describe("the limits", () => {
  test("begin with Redis where each join is a call, and say what to turn", () => {
    const sale = { ...usualSale(1_000_000, 10_000), joinShards: 0 };
    const [first] = limitsOf(sale, simulate(sale));
    expect(first).toMatchObject({ what: "Redis commands", limit: 10_000 });
    expect(first?.turn).toContain("joinShards");
    expect(first?.used).toBeGreaterThan(0.95);
  });

  test("of the time to sell out are holds, the size or the room, whichever is slowest", () => {
    const sale = usualSale(1_000_000, 10_000);
    expect(pacesOf(sale)[0]?.by).toBe("holds that end unpaid");
    expect(pacesOf({ ...sale, releaseSize: 10 })[0]?.by).toBe("release size");
    expect(pacesOf({ ...sale, capacity: 100 })[0]?.by).toBe("room inside");
  });
});

test("docs/SCALING.md, its plots and OPERATIONS.md show what the models say: npm run scale:docs", async () => {
  for (const [name, text] of await documentation())
    expect(await readFile(new URL(`../../${name}`, import.meta.url), "utf8"), name).toBe(text);
});
