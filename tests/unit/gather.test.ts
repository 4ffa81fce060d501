import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { createGathering } from "../../functions/queue/gather.ts";
import { restMs } from "../../functions/queue/shard.ts";

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

/** A gathering whose calls are answered by hand: each wish by itself in capitals. */
function world({ carriesMax = 5, waitingMax = 12, rest = 100 } = {}) {
  const calls: string[][] = [];
  const answer: ((failure?: Error) => void)[] = [];
  const gathering = createGathering<string, string>({
    send: (wishes) => {
      calls.push(wishes);
      return new Promise((resolve, reject) => {
        answer.push((failure) => (failure ? reject(failure) : resolve(wishes.map((w) => w.toUpperCase()))));
      });
    },
    carriesMax,
    waitingMax,
    restMs: () => rest,
  });
  const asked: (Promise<string> | undefined)[] = [];
  return {
    calls,
    /** What became of each wish, in their order. */
    asked,
    ask: (wishes: string) => {
      for (let i = 0; i < wishes.length; i++) asked.push(gathering.ask(wishes.charAt(i)));
    },
    /** Answers the call under way, and lets so much time (ms) go by. */
    answered: async (ms = 0, failure?: Error) => {
      answer.shift()?.(failure);
      await vi.advanceTimersByTimeAsync(ms);
    },
  };
}

describe("a gathering", () => {
  test("lets who finds no call under way go at once, and who comes meanwhile go together, in their order", async () => {
    const { ask, asked, calls, answered } = world();
    ask("a");
    ask("bcd");
    expect(calls).toEqual([["a"]]);
    await answered(100);
    expect(calls).toEqual([["a"], ["b", "c", "d"]]);
    await answered();
    expect(await Promise.all(asked.map(async (answer) => await answer))).toEqual(["A", "B", "C", "D"]);
  });

  test("rests after a call, but not when a full one waits", async () => {
    const { ask, calls, answered } = world();
    ask("a");
    await answered(99);
    ask("b");
    expect(calls).toHaveLength(1);
    await answered(1);
    expect(calls).toHaveLength(2);
    await answered(1);
    ask("cdef");
    expect(calls).toHaveLength(2);
    ask("gh");
    expect(calls[2]).toEqual(["c", "d", "e", "f", "g"]);
    await answered(100);
    expect(calls[3]).toEqual(["h"]);
  });

  test("carries no more than fits, and goes on at once with a full call", async () => {
    const { ask, calls, answered } = world();
    ask("abcdefghijk");
    await answered();
    await answered();
    expect(calls.map((wishes) => wishes.join(""))).toEqual(["a", "bcdef", "ghijk"]);
  });

  test("after a rest in which nobody came, the next one goes at once", async () => {
    const { ask, calls, answered } = world();
    ask("a");
    await answered(100);
    ask("b");
    expect(calls).toEqual([["a"], ["b"]]);
  });

  test("does not take more than may wait, and takes some again when some have gone", async () => {
    const { ask, asked, answered } = world();
    ask("abcdefghijklmno");
    expect(asked.filter((answer) => answer === undefined)).toHaveLength(2);
    await answered();
    ask("p");
    expect(asked.at(-1)).not.toBe(undefined);
  });

  test("a call that fails fails all who wait, once, and the next one is tried", async () => {
    const { ask, asked, calls, answered } = world();
    ask("abc");
    const outcomes = Promise.allSettled(asked.map(async (answer) => await answer));
    await answered(100, new Error("away"));
    expect((await outcomes).map(({ status }) => status)).toEqual(["rejected", "rejected", "rejected"]);
    ask("d");
    await answered();
    expect(await asked.at(-1)).toBe("D");
    expect(calls).toEqual([["a"], ["d"]]);
  });
});

describe("the rest after a call", () => {
  test("lets 400 joins a second of a sale have a call each, over however many shards", () => {
    for (const shards of [1, 4, 10, 100]) expect((1000 / restMs(1, shards)) * shards).toBeCloseTo(400);
  });

  test("grows with what was carried, to a quarter of a second", () => {
    expect([1, 10, 25, 500].map((carried) => restMs(carried, 4))).toEqual([10, 100, 250, 250]);
  });
});
