import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { addressKey, createLimiter } from "../../workers/limit.ts";

describe("the limiter", () => {
  test("lets the burst through, then one each tenth of a second", () => {
    const { take } = createLimiter({ perSecond: 10, burst: 3, keysMax: 10 });
    const at = (ms: number) => take("a", ms).allowed;
    expect([at(0), at(0), at(0), at(0)]).toEqual([true, true, true, false]);
    expect([at(99), at(100), at(101)]).toEqual([false, true, false]);
    expect(take("a", 101).retryAfterSeconds).toBeCloseTo(0.099);
    expect(at(10_000)).toBe(true);
    expect(take("b", 101)).toEqual({ allowed: true, remaining: 2, retryAfterSeconds: 0 });
  });

  test("never lets more through than rate and burst allow, however it is asked", () => {
    fc.assert(
      fc.property(fc.array(fc.nat(400), { minLength: 1, maxLength: 300 }), (gapsMs) => {
        const { take } = createLimiter({ perSecond: 10, burst: 20, keysMax: 10 });
        let now = 1_000;
        const passed: number[] = [];
        for (const gap of gapsMs) if (take("a", (now += gap)).allowed) passed.push(now);
        passed.forEach((from, i) =>
          passed
            .slice(i)
            .forEach((to, j) => expect(j + 1).toBeLessThanOrEqual(20 + (to - from) / 100 + 1e-9)),
        );
      }),
      { numRuns: 50 },
    );
  });

  test("a key that is blocked is refused until then, and goes on at its rate, whatever it had left", () => {
    const { take, block } = createLimiter({ perSecond: 10, burst: 3, keysMax: 10 });
    const at = (ms: number) => take("a", ms).allowed;
    expect(at(0)).toBe(true);
    block("a", 700);
    expect(take("a", 500)).toMatchObject({ allowed: false, remaining: 0 });
    expect(take("a", 500).retryAfterSeconds).toBeCloseTo(0.2);
    expect([at(699), at(700), at(701), at(800)]).toEqual([false, true, false, true]);
    expect(take("b", 500).allowed).toBe(true);
  });

  test("remembers so many keys and no more", () => {
    const { take } = createLimiter({ perSecond: 1, burst: 1, keysMax: 2 });
    for (const key of ["a", "b", "c"]) expect(take(key, 0).allowed).toBe(true);
    expect(take("c", 0).allowed).toBe(false);
    expect(take("a", 0).allowed).toBe(true);
  });
});

test.each([
  ["203.0.113.9", "203.0.113.9"],
  ["2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"],
  ["2001:0DB8:0001:0002::1", "2001:db8:1:2::/64"],
  ["2001:db8::1", "2001:db8:0:0::/64"],
  ["::1", "0:0:0:0::/64"],
])("the address %s counts as %s", (address, key) => {
  expect(addressKey(address)).toBe(key);
});
