import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { createGathering } from "../../functions/queue/gather.ts";
import { createRests } from "../../functions/queue/shard.ts";

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
  /** Calls of a shard that carry so many, one after the other, for so long (ms). */
  function callsIn(ms: number, carried: (sinceMs: number) => number, shards: number) {
    const restMs = createRests();
    const [startedMs, rests] = [Date.now(), [] as number[]];
    for (let sinceMs = 0; sinceMs < ms; sinceMs = Date.now() - startedMs) {
      const rest = restMs(carried(sinceMs), shards);
      rests.push(rest);
      vi.setSystemTime(Date.now() + Math.max(1, rest));
    }
    return rests;
  }

  test("lets 400 joins a second of a sale have a call each, over however many shards", () => {
    for (const shards of [1, 4, 10]) {
      const calls = callsIn(60_000, () => 1, shards).length * shards;
      expect(calls / 60).toBeGreaterThan(390);
      expect(calls / 60).toBeLessThan(420);
    }
  });

  test("is none for a few who come together while it is quiet, and a quarter of a second in a crowd", () => {
    expect(callsIn(5, () => 1, 4)).toEqual([0, 0, 0, 0, 0]);
    expect(callsIn(1_000, () => 100, 4)).toEqual([250, 250, 250, 250]);
  });

  test("stays long for a moment when the crowd is gone, and is short again after it", () => {
    const rests = callsIn(1_000, (sinceMs) => (sinceMs === 0 ? 100 : 1), 4);
    expect(rests.slice(0, 2)).toEqual([250, 250]);
    expect(Math.max(...rests.slice(2))).toBeLessThanOrEqual(20);
  });
});
