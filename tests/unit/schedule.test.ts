/** The sending plan against a slow and simple sender, and at its corners. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { sendingMs, sendingPlan } from "../../functions/mail/schedule.ts";

const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;
const now = Date.parse("2026-12-01T00:00:00Z");
const plan = (changes: Partial<Parameters<typeof sendingPlan>[0]>) =>
  sendingPlan({ count: 1, perMinute: 600, perDay: 50_000, opensAtMs: now + DAY, nowMs: now, ...changes });

test("100,000 at 1,000 a minute take 100 minutes, and are out ten minutes before opening", () => {
  const { startAtMs, everyMs, lastAtMs, seconds, inTime } = plan({
    count: 100_000,
    perMinute: 1000,
    perDay: 200_000,
  });
  expect([everyMs, seconds, inTime]).toEqual([60, 6000, true]);
  expect(lastAtMs).toBe(now + DAY - 10 * MINUTE);
  expect(lastAtMs - startAtMs).toBe(99_999 * 60);
});

test("where the time is too short they start at once, and it says whether they are out before opening", () => {
  const opensAtMs = now + 15 * MINUTE;
  expect(plan({ count: 8_400, opensAtMs })).toMatchObject({ startAtMs: now, inTime: true });
  expect(plan({ count: 9_002, opensAtMs })).toMatchObject({ startAtMs: now, inTime: false });
  expect(plan({ count: 5, opensAtMs: now - 1 })).toMatchObject({ startAtMs: now, inTime: false });
});

test("what a day does not take goes out a day later", () => {
  expect(plan({ count: 50_000 }).seconds).toBe(Math.ceil(4_999.9));
  expect(sendingMs({ count: 50_001, perMinute: 600, perDay: 50_000 })).toBe(DAY);
  expect(sendingMs({ count: 100_001, perMinute: 600, perDay: 50_000 })).toBe(2 * DAY);
  expect(plan({ count: 50_001 })).toMatchObject({ startAtMs: now, inTime: false });
  expect(plan({ count: 50_001, opensAtMs: now + 2 * DAY }).startAtMs).toBe(now + DAY - 10 * MINUTE);
  expect(sendingMs({ count: 11, perMinute: 600, perDay: 50_000, sentToday: 49_990 })).toBe(DAY);
  expect(sendingMs({ count: 10, perMinute: 600, perDay: 50_000, sentToday: 49_990 })).toBe(900);
});

test("nothing to send takes no time and is in time", () => {
  expect(plan({ count: 0 })).toMatchObject({ seconds: 0, inTime: true });
  expect(plan({ count: 0, opensAtMs: now - 1 }).inTime).toBe(true);
});

describe("against a sender that looks at each millisecond's limits", () => {
  /** Sends number i when it is due and fewer than `perDay` went out in the 24 hours before. */
  function lastOf(count: number, everyMs: number, perDay: number): number {
    const sent: number[] = [];
    for (let i = 0; i < count; i++) {
      const free = sent[i - perDay];
      sent.push(Math.max(i * everyMs, free === undefined ? 0 : free + DAY));
    }
    return sent.at(-1) ?? 0;
  }
  test("it takes as long as that one", () => {
    const counts = { count: fc.integer({ min: 1, max: 400 }), perDay: fc.integer({ min: 1, max: 400 }) };
    fc.assert(
      fc.property(fc.record({ ...counts, perMinute: fc.integer({ min: 1, max: 5000 }) }), (limits) => {
        const expected = lastOf(limits.count, MINUTE / limits.perMinute, limits.perDay);
        expect(sendingMs(limits)).toBeCloseTo(expected, -1);
      }),
    );
  });
});
