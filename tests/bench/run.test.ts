/** How variants take turns, what becomes of one that is wrong or not there, and how the table says it. */
import { describe, expect, test } from "vitest";
import { Incorrect, type Figure, type Row } from "../../bench/measure.ts";
import { runRow } from "../../bench/run.ts";
import { printTable, shown } from "../../bench/table.ts";

const figures: Figure[] = [
  { what: "good", ours: "ours", against: "limit", budget: { of: "ratio", atLeast: 0.7 } },
  { what: "bad", ours: "ours", against: "limit", budget: { of: "ratio", atLeast: 0.9 } },
  { what: "small", ours: "ours", budget: { of: "value", atMost: 100 }, note: "by itself" },
];
const quietly = { quick: true, say: () => undefined };

function row(measure: Record<string, () => number>, more: Partial<Row> = {}): Row & { order: string[] } {
  const order: string[] = [];
  const variants = Object.fromEntries(
    Object.entries(measure).map(([name, perSecond]) => {
      const variant = () => {
        order.push(name);
        return { perSecond: perSecond() };
      };
      return [name, { measure: () => Promise.resolve().then(variant) }];
    }),
  );
  return {
    ...{ name: "test", about: "a test", figures, rounds: { full: 5, quick: 2 }, order },
    open: () => Promise.resolve({ variants, close: () => Promise.resolve() }),
    ...more,
  };
}

describe("a row", () => {
  test("lets its variants take turns, forwards and backwards, and counts no warming up", async () => {
    const tried = row({ ours: () => 80, limit: () => 100 }, { warm: true });
    const { raw, rounds } = await runRow(tried, quietly, 3);
    expect(rounds).toBe(3);
    expect(tried.order.slice(2)).toEqual(["ours", "limit", "limit", "ours", "ours", "limit"]);
    expect(raw).toEqual({ ours: { perSecond: [80, 80, 80] }, limit: { perSecond: [100, 100, 100] } });
  });

  test("holds ratios and values against their budgets", async () => {
    const { figures: found } = await runRow(row({ ours: () => 80, limit: () => 100 }), quietly);
    expect(found.map(({ met }) => met)).toEqual([true, false, true]);
    expect(found[0]?.ratio?.median).toBe(0.8);
  });

  test("measures a variant that was wrong no further, and still says what ours did", async () => {
    const tried = row({
      ours: () => 80,
      limit: () => {
        throw new Incorrect("51 were sold of 50");
      },
    });
    const result = await runRow(tried, quietly);
    expect(tried.order.filter((name) => name === "limit")).toHaveLength(1);
    expect(result.figures[0]).toMatchObject({ wrong: "limit", value: { median: 80 } });
    expect(result.figures[0]).not.toHaveProperty("met");
    expect(printTable([result])).toContain("WRONG: limit: 51 were sold of 50");
  });

  test("closes what it opened when a measurement fails", async () => {
    let closed = false;
    const variants = { ours: { measure: () => Promise.reject(new Error("gone")) } };
    const close = () => {
      closed = true;
      return Promise.resolve();
    };
    const failing = row({}, { open: () => Promise.resolve({ variants, close }) });
    await expect(runRow(failing, quietly)).rejects.toThrow("gone");
    expect(closed).toBe(true);
  });
});

describe("the table", () => {
  test("has the figure, its limit, the ratio with its quartiles, the budget and whether it is met", async () => {
    let nth = 0;
    const result = await runRow(row({ ours: () => [70, 80][nth++ % 2] ?? 0, limit: () => 100 }), quietly);
    const text = printTable([result]);
    expect(text).toMatch(/good .*75\/s .*limit, 100\/s .*0\.75 × \(0\.72–0\.78\) .*≥ 0\.7 × .* met/);
    expect(text).toMatch(/bad .*≥ 0\.9 × .*NOT MET/);
    expect(text).toMatch(/small .*≤ 100\/s .* met/);
    expect(text).toContain("small: by itself");
  });

  test("says why a variant is not there", async () => {
    const skipped = { limit: "no network" };
    const variants = { ours: { measure: () => Promise.resolve({ perSecond: 80 }) } };
    const opened = { variants, skipped, close: () => Promise.resolve() };
    const result = await runRow(row({}, { open: () => Promise.resolve(opened) }), quietly);
    expect(printTable([result])).toContain("skipped: limit: no network");
  });

  test("reads a metric's unit off its name", () => {
    expect(shown("perSecond", 12_345.6)).toBe("12,346/s");
    expect(shown("cpuMicros", 57.25)).toBe("57.3 µs");
    expect(shown("p99Ms", 0.0432)).toBe("0.043 ms");
    expect(shown("p99Seconds", 1.5)).toBe("1.50 s");
    expect(shown("eachBytes", 128)).toBe("128 B");
    expect(shown("scriptCalls", 4)).toBe("4");
  });
});
