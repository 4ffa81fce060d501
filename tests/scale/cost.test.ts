/** The bill: its arithmetic by hand, and its inputs against the figures that the project itself keeps. */
import { readFile } from "node:fs/promises";
import { describe, expect, test } from "vitest";
import { billOf, usualBill } from "../../bench/cost/bill.ts";
import { inputs, of } from "../../bench/cost/inputs.ts";
import { printBill } from "../../bench/cost/table.ts";
import { usualSale, type SaleOptions } from "../../bench/scale/options.ts";
import { simulate, type Simulated } from "../../bench/scale/simulate.ts";

/** Round numbers, so that the bill can be worked out by hand. */
const found: Simulated = {
  soldOutSeconds: 100,
  mostSoldSeconds: 90,
  endSeconds: 100,
  sold: 5_000,
  joined: 1e6,
  turnedAway: 0,
  joinsPerSecondMax: 1,
  joinWaitSeconds: { p50: 0, p99: 0 },
  turnWaitSeconds: { p50: 0, p99: 0 },
  looks: 98e6,
  looksPerSecondMax: 1,
  requests: { pages: 1e6, polls: 98e6, commands: 1e6, edge: 100e6, functions: 100e6 },
  redis: { commands: 10e6, perSecondMax: 1, calls: 1e6 },
  functionsAtOnceMax: 1,
  outbox: { entriesMax: 1, lagSecondsMax: 0 },
  edgeCores: 1,
  lineMax: 1e6,
  objects: { requests: 3e6, callsPerSecondMax: 1 },
};
const sale: SaleOptions = { ...usualSale(1e6, 5_000), joinShards: 0 };
const dollars = (what: string, bill = billOf(sale, found, usualBill)) =>
  bill.lines.find((line) => line.what.startsWith(what))?.dollars;

describe("a bill", () => {
  test("is quantities above what is included times prices, part by part", () => {
    expect(dollars("plan")).toBe(5);
    // 100 million requests, 10 million included, at 30 ¢ a million.
    expect(dollars("requests")).toBeCloseTo(27, 6);
    const ms = 100e6 * (of("cpu.edgeMs") + of("cpu.functionsMs"));
    expect(dollars("CPU time")).toBeCloseTo(((ms - 30e6) / 1e6) * 0.02, 6);
    expect(dollars("commands")).toBeCloseTo(20, 6);
    expect(dollars("memory")).toBe(0);
    expect(dollars("compute")).toBeCloseTo(4 * 2 * 0.106, 6);
    expect(dollars("receipts")).toBeCloseTo(0.7, 6);
    expect(dollars("Durable Objects")).toBeUndefined();
  });

  test("has the objects of a sale whose joins are in shards", () => {
    const bill = billOf({ ...sale, joinShards: 40 }, found, usualBill);
    expect(dollars("Durable Objects: requests", bill)).toBeCloseTo(0.3, 6);
    expect(dollars("Durable Objects: duration", bill)).toBe(0);
  });

  test("takes a fixed plan, registrations and a share of the money where it is told to", () => {
    const bill = billOf(sale, found, {
      registered: 100_000,
      hours: 4,
      fixedRedis: true,
      paymentPercent: 2,
      orderValue: 30,
    });
    expect(dollars("fixed plan", bill)).toBe(200);
    expect(dollars("commands", bill)).toBeUndefined();
    expect(dollars("receipts", bill)).toBeCloseTo(((100_000 * 2 + 5_000 - 3_000) / 1000) * 0.35, 6);
    expect(dollars("2 % of the money", bill)).toBeCloseTo(3_000, 6);
  });

  test("adds up, and is divided by visitors and orders", () => {
    const bill = billOf(sale, found, usualBill);
    const sum = bill.lines.reduce((all, line) => all + line.dollars, 0);
    expect(bill.totalDollars).toBeCloseTo(sum, 9);
    expect(bill.perVisitorDollars * 1e6).toBeCloseTo(sum, 6);
    expect(bill.perOrderDollars * 5_000).toBeCloseTo(sum, 6);
  });

  test("says of each line which inputs it comes from, and of each input where that is from", () => {
    for (const { from } of billOf(usualSale(1e6, 10_000), found, usualBill).lines) {
      expect(from.length).toBeGreaterThan(0);
      for (const name of from) expect(inputs[name].from).not.toBe("");
    }
  });

  test("is a table that ends with all of it", () => {
    const lines = printBill(sale, billOf(sale, found, usualBill)).split("\n");
    expect(lines.at(-1)).toMatch(
      /^\| \*\*all\*\* \| 1,000,000 visitors, 5,000 units \| .* \| \*\*[\d.]+\*\* \|$/,
    );
  });
});

describe("the inputs agree with what the project keeps of", () => {
  const text = (file: string) => readFile(new URL(`../../${file}`, import.meta.url), "utf8");

  test("billed commands of each step", async () => {
    const readme = await text("README.md");
    const [, join, entry, reserve, confirm] =
      /billed Redis commands \(join (\d+), entry (\d+), reserve (\d+), confirm (\d+)\)/.exec(readme) ?? [];
    expect([join, entry, reserve, confirm].map(Number)).toEqual([
      of("commands.join"),
      of("commands.entry"),
      of("commands.reserve"),
      of("commands.confirm"),
    ]);
    expect(of("commands.join") + of("commands.entry") + of("commands.reserve") + of("commands.confirm")).toBe(
      36,
    );
    const [, withWrites] = /(\d+) with its writes to Postgres; paid/.exec(readme) ?? [];
    expect(36 + of("commands.sync")).toBe(Number(withWrites));
    // A paid purchase, as tests/lua/commands.test.ts counts it.
    expect(36 + of("commands.checkout")).toBe(40);
  });

  test("when an answer is slow, and how many orders are written a second", async () => {
    const [, slowMs] = /SLOW_MS = ([\d_]+)/.exec(await text("workers/circuit.ts")) ?? [];
    expect(Number(slowMs?.replaceAll("_", ""))).toBe(of("latency.slowMs"));
    const [, perSecond] = /outbox to Postgres \| ([\d,]+) orders\/s/.exec(await text("README.md")) ?? [];
    expect(Number(perSecond?.replaceAll(",", ""))).toBe(of("postgres.ordersPerSecond"));
  });

  test("the memory of a line", async () => {
    const [, mb] = /a line of a million \| (\d+) MB of Redis/.exec(await text("README.md")) ?? [];
    expect(Number(mb)).toBe(of("redis.bytesPerPerson"));
  });
});

test("a sale of a million visitors costs what OPERATIONS.md says it does", async () => {
  const million = usualSale(1_000_000, 10_000);
  const bill = printBill(million, billOf(million, simulate(million), usualBill));
  const page = await readFile(new URL("../../OPERATIONS.md", import.meta.url), "utf8");
  expect(page).toContain(bill);
});
