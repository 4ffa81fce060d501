import { describe, expect, test } from "vitest";
import { quantile, ratio, spread } from "../../bench/statistics.ts";

describe("a spread", () => {
  test("is median and quartiles, whatever the order, and falls between neighbours", () => {
    expect(spread([5, 1, 4, 2, 3])).toEqual({ low: 2, median: 3, high: 4 });
    expect(spread([4, 1, 3, 2])).toEqual({ low: 1.75, median: 2.5, high: 3.25 });
    expect(spread([7])).toEqual({ low: 7, median: 7, high: 7 });
  });

  test("of nothing is not a number", () => {
    expect(quantile([], 0.5)).toBeNaN();
  });
});

describe("a ratio", () => {
  test("is taken round by round: a round that was slow for both does not count against one", () => {
    // Each round 0.9, while the machine was ten times slower in the second; the medians alone would say 0.9 too,
    // but with one more slow round for ours they would not.
    expect(ratio([90, 9, 90], [100, 10, 100])).toEqual({ low: 0.9, median: 0.9, high: 0.9 });
    expect(ratio([9, 9, 90], [10, 10, 100]).median).toBeCloseTo(0.9);
  });

  test("of other rounds is refused", () => {
    expect(() => ratio([1, 2], [1])).toThrow("2 rounds cannot be held against 1");
  });
});
