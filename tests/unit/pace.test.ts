/** How often people look: everybody at the pulse's pace in a short line, those far back less often in a long one. */
import { afterEach, describe, expect, test, vi } from "vitest";
import { farBack, pollAfterMs, type PacedSale } from "../../functions/queue/pace.ts";
import { paceMs } from "../../static/assets/api.js";

const OPENS_AT_MS = 1_000_000;
/** Open for a minute, 500 people each five seconds. */
const sale: PacedSale = {
  nowMs: OPENS_AT_MS + 60_000,
  mode: "normal",
  draw: undefined,
  inside: 500,
  mostEach: 1,
  waiting: 100_000,
  nowServing: 6_000,
  reach: null,
  times: { opensAtMs: OPENS_AT_MS },
  release: { everySeconds: 5, size: 500 },
  items: [{ available: 40_000 }],
};

describe("who is far back", () => {
  test("is nobody in a line of up to 5,000, however near the end is", () => {
    for (const waiting of [0, 100, 5_000])
      for (const available of [0, 40_000])
        expect(farBack({ ...sale, waiting, items: [{ available }] })).toBeUndefined();
  });

  test("looks the less often the longer the line, so that all together look about 2,500 times a second, and every 30 s at least", () => {
    const paceOf = (waiting: number) => farBack({ ...sale, waiting })?.pollAfterMs;
    expect(paceOf(30_000)).toBe(10_000);
    expect(paceOf(55_000)).toBe(20_000);
    expect(paceOf(80_000)).toBe(30_000);
    expect(paceOf(10_000_000)).toBe(30_000);
  });

  test("begins behind twice as many as can be called until the next look", () => {
    // 20 s are five releases with the one that is due.
    expect(farBack({ ...sale, waiting: 55_000 })?.beyond).toBe(6_000 + 2 * 5 * 500);
  });

  test("begins where what is left cannot reach, if that is sooner", () => {
    const reach = { left: 6_100, expected: 6_150, possible: 6_200 };
    expect(farBack({ ...sale, reach })?.beyond).toBe(6_200);
  });

  test("is nobody while all may go in, or while no place is drawn yet", () => {
    expect(farBack({ ...sale, mode: "passthrough" })).toBeUndefined();
    expect(farBack({ ...sale, draw: { seed: "s", drawn: undefined } })).toBeUndefined();
    expect(farBack({ ...sale, draw: { seed: "s", drawn: 9 } })).toBeDefined();
  });

  test("never looks more often than those near", () => {
    // Long before opening all look every 30 s.
    const early = { ...sale, nowMs: OPENS_AT_MS - 600_000 };
    expect(pollAfterMs(early)).toBe(30_000);
    expect(farBack(early)).toBeUndefined();
    for (const toOpeningMs of [1_000, 30_000, 200_000]) {
      const before = { ...sale, nowMs: OPENS_AT_MS - toOpeningMs };
      expect(farBack(before)?.pollAfterMs ?? Infinity).toBeGreaterThan(pollAfterMs(before));
    }
  });
});

describe("the page's next look", () => {
  afterEach(() => void vi.restoreAllMocks());
  const pulse = { pollAfterMs: 1_000, far: { beyond: 100, pollAfterMs: 20_000 } };

  test("is at the pulse's pace for those near, and for who has no place yet", () => {
    vi.spyOn(Math, "random").mockReturnValue(0.5);
    for (const place of [1, 100, undefined]) expect(paceMs(pulse, place)).toBe(1_000);
    expect(paceMs({ pollAfterMs: 1_000 }, 5_000)).toBe(1_000);
  });

  test("is spread by a fifth either way for those far back", () => {
    for (const [share, ms] of [
      [0, 16_000],
      [0.5, 20_000],
      [0.999_999, 24_000],
    ] as const) {
      vi.spyOn(Math, "random").mockReturnValue(share);
      expect(paceMs(pulse, 101)).toBeCloseTo(ms, 0);
    }
  });
});
