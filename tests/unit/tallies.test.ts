import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { becomesOverdue, count, news } from "../../functions/tallies.ts";

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

test("what nobody wrote for ten seconds is told to one of a crowd, and to another one if that came to nothing", () => {
  const crowd = () => Array.from({ length: 100 }, () => becomesOverdue("sale", Date.now()));
  const told = () => crowd().filter((isTold) => isTold).length;
  count("sale", "join");
  expect(told()).toBe(0);
  vi.advanceTimersByTime(10_000);
  expect(told()).toBe(1);
  vi.advanceTimersByTime(9_999);
  expect(told()).toBe(0);
  vi.advanceTimersByTime(1);
  expect(told()).toBe(1);
  news("sale", Date.now()).written();
  vi.advanceTimersByTime(10_000);
  expect(told()).toBe(0);
});
