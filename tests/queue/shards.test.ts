/**
 * The way of a join through a shard, on a real Redis: lost answers, two shards for one, a shard that breaks, too many. What
 * a Durable Object adds is tests/http/shards.test.ts.
 */
import { afterEach, describe, expect, test, vi } from "vitest";
import { isRefusal } from "../../domain/refusal.ts";
import { joinScript } from "../../functions/queue/join.ts";
import { joinQueue } from "../../functions/queue/queue.ts";
import { createShard, type ShardAnswer } from "../../functions/queue/shard.ts";
import { join, shardOf, type AskShard } from "../../functions/queue/shards.ts";
import { withRedis, type Rules } from "../support/redis.ts";
import { broken, counted, people, type TestSale } from "../support/sale.ts";

const redis = withRedis();
afterEach(() => redis.gateway.faults.clear());

const wish = (shopper: string) => ({ shopper, registered: "", account: "", failedCheck: false });
const openSale = (rules: Rules = {}) =>
  redis.sale({ opensAtMs: Date.now() - 1000, releaseEverySeconds: 60, joinShards: 4, ...rules });

/** As functions/services.ts makes them, without the platform: one shard of each number, or another one for each call. */
function shardsOf(sale: TestSale, waitingMax?: number): AskShard {
  const shards = new Map<number, ReturnType<typeof createShard>>();
  return (_, shard, wish) => {
    const known =
      shards.get(shard) ?? createShard(redis.services, sale.id, { ...(waitingMax && { waitingMax }) });
    shards.set(shard, known);
    return known(wish);
  };
}

/** Joins by the shards from the first one on: this isolate has heard of them. */
async function joinsOf(sale: TestSale, askShard: AskShard, shoppers: string[]) {
  const services = { ...redis.services, askShard };
  await join(services, sale.id, wish("first"));
  return await Promise.all(shoppers.map((shopper) => join(services, sale.id, wish(shopper))));
}
const wordsOf = (answers: Awaited<ReturnType<typeof joinsOf>>) =>
  counted(answers.map((answer) => ("refused" in answer ? answer.refused : answer.word)));

test("a thousand joins at once need a few script calls, and numbers go up without a gap", async () => {
  const sale = await openSale();
  const askShard = shardsOf(sale);
  await joinsOf(sale, askShard, []);
  await redis.gateway.resetStats();
  const answers = await joinsOf(sale, askShard, people(1000));
  const { scriptCalls, billedCommands } = await redis.gateway.stats();
  console.log(`1,000 joins: ${scriptCalls} script calls, ${billedCommands} billed commands`);
  expect(wordsOf(answers)).toEqual({ joined: 1000 });
  const numbers = answers.map((answer) => ("number" in answer ? answer.number : 0)).sort((a, b) => a - b);
  expect(numbers).toEqual(Array.from({ length: 1000 }, (_, i) => i + 2));
  expect(scriptCalls).toBeLessThanOrEqual(10);
  expect(await sale.line()).toEqual([]);
});

test("within a shard numbers follow the order of arrival, and no shard waits for another", async () => {
  const sale = await openSale();
  const crowd = people(800);
  const answers = await joinsOf(sale, shardsOf(sale), crowd);
  const byShard = Map.groupBy(crowd.keys(), (i) => shardOf(wish(crowd[i] ?? ""), 4));
  expect([...byShard.keys()].sort()).toEqual([0, 1, 2, 3]);
  for (const members of byShard.values()) {
    const numbers = members.map((i) => {
      const answer = answers[i];
      return answer !== undefined && "number" in answer ? answer.number : 0;
    });
    expect(numbers).toEqual(numbers.toSorted((a, b) => a - b));
    // Each of the four has a call among the first numbers, and all its people in line at the end.
    expect(numbers[0]).toBeLessThanOrEqual(1 + 4 * 10);
  }
});

test("a shopper's joins meet in one shard, by whatever they are known", () => {
  const spread = counted(people(4000).map((shopper) => String(shardOf(wish(shopper), 8))));
  for (const count of Object.values(spread)) expect(Math.abs(count - 500)).toBeLessThan(150);
  const [phone, laptop] = ["phone", "laptop"].map((shopper) => ({ ...wish(shopper), registered: "ann" }));
  if (phone !== undefined && laptop !== undefined) expect(shardOf(phone, 64)).toBe(shardOf(laptop, 64));
});

test("double clicks, lost answers and two of each shard at once: one place each, and everybody told has it", async () => {
  const sale = await openSale();
  const [mine, other] = [shardsOf(sale), shardsOf(sale)];
  await joinsOf(sale, mine, []);
  const crowd = people(120);
  redis.gateway.faults.add({ kind: "lose_answer", match: sale.id, times: 3 });
  const answers = await Promise.all([
    joinsOf(sale, mine, [...crowd, ...crowd]),
    joinsOf(sale, other, [...crowd].reverse()),
  ]);
  const told = new Map<number, string>();
  for (const [i, answer] of answers.flat().entries()) {
    if (isRefusal(answer)) throw new Error(answer.refused);
    const shopper = i < 240 ? crowd[i % 120] : crowd[119 - (i - 240)];
    expect(told.get(answer.number) ?? shopper).toBe(shopper);
    told.set(answer.number, shopper ?? "");
  }
  expect(redis.gateway.faults.list()).toEqual([]);
  const { waitlist } = await sale.state();
  expect(waitlist.size).toBe(121);
  for (const [number, shopper] of told) expect(waitlist.get(shopper)).toBe(number);
  expect(await sale.line()).toEqual([]);
});

test("with what one of a call has just got not noted, a double click is two numbers", async () => {
  const sale = await openSale();
  const { source } = joinScript;
  joinScript.source = broken(joinScript, "  known[shopper] = number\n").source;
  try {
    await joinsOf(sale, shardsOf(sale), ["ann", "bob", "bob", "bob"]);
    expect((await sale.state()).waitlist.get("bob")).not.toBe(3);
  } finally {
    joinScript.source = source;
  }
});

test("an answer lost for good: 503 for all who wait, and who comes again finds the place", async () => {
  const sale = await openSale();
  const askShard = shardsOf(sale);
  await joinsOf(sale, askShard, []);
  redis.gateway.faults.add({ kind: "lose_answer", match: sale.id });
  const failed = await Promise.allSettled(
    people(5).map((shopper) => join({ ...redis.services, askShard }, sale.id, wish(shopper))),
  );
  expect(counted(failed.map(({ status }) => status))).toEqual({ rejected: 5 });
  redis.gateway.faults.clear();
  const answers = await joinsOf(sale, askShard, people(5));
  expect(answers[0]).toMatchObject({ word: "again" });
  expect((await sale.state()).waitlist.size).toBe(6);
  expect(await sale.line()).toEqual([]);
});

test("a rebuild between two calls: who comes with the old ticket has the old number, others one behind it", async () => {
  const sale = await openSale();
  const services = { ...redis.services, askShard: shardsOf(sale) };
  const tickets = await Promise.all(people(20).map((shopper) => joinQueue(services, sale.id, { shopper })));
  await sale.lose();
  const meanwhile = await join(services, sale.id, wish("s001"));
  expect(meanwhile).toMatchObject({ word: "missing" });
  await sale.publish({ epoch: 2, numbersUntil: 100 });
  const again = await Promise.all(
    tickets.map(async (ticket, i) => {
      if (isRefusal(ticket)) throw new Error(ticket.refused);
      const old = await redis.services.keys.verify("ticket", ticket.answer.ticket);
      const back = await joinQueue(services, sale.id, { shopper: people(20)[i] ?? "", old });
      return isRefusal(back) ? back.refused : back.answer.number - ticket.answer.number;
    }),
  );
  expect(new Set(again)).toEqual(new Set([0]));
  expect(await join(services, sale.id, wish("new"))).toMatchObject({ word: "joined", number: 101, epoch: 2 });
});

describe("a shard that", () => {
  /** Fails so often, having done it or not, and then works. */
  const breaking = (sale: TestSale, times: number, failure: Error, does: boolean): AskShard => {
    const askShard = shardsOf(sale);
    let asked = 0;
    return async (...call) => {
      if (call[2].shopper === "first" || ++asked > times) return await askShard(...call);
      if (does) await askShard(...call);
      throw failure;
    };
  };
  const reset = new Error("Durable Object reset because its code was updated.");

  test.each([
    ["breaks before the call", 1, false, "joined"],
    ["breaks after the call", 1, true, "again"],
    ["breaks twice", 2, true, "again"],
    ["is gone", 99, false, "joined"],
  ])("%s: one place, and it is told", async (_, times, does, word) => {
    const sale = await openSale();
    const [answer] = await joinsOf(sale, breaking(sale, times, reset, does), ["ann"]);
    expect(answer).toMatchObject({ word, number: 2 });
    expect((await sale.state()).waitlist.get("ann")).toBe(2);
  });

  test("says that it is overloaded is not asked again, nor gone past: 503, and when to come back", async () => {
    const sale = await openSale();
    const overloaded = Object.assign(new Error("Durable Object is overloaded."), { overloaded: true });
    let asked = 0;
    const askShard: AskShard = () => Promise.reject(++asked > 0 ? overloaded : overloaded);
    await redis.gateway.resetStats();
    const [answer] = await joinsOf(sale, askShard, ["ann"]);
    expect(answer).toMatchObject({ refused: "unavailable" });
    if (answer !== undefined && isRefusal(answer))
      expect(answer.evidence.retryAfterSeconds).toBeGreaterThanOrEqual(2);
    expect(asked).toBe(1);
    expect((await redis.gateway.stats()).scriptCalls).toBe(1);
  });

  test("has too many waiting takes no more, and those it took have their places", async () => {
    const sale = await openSale({ joinShards: 1 });
    const words = wordsOf(await joinsOf(sale, shardsOf(sale, 30), people(100)));
    expect(words).toEqual({ joined: 31, unavailable: 69 });
    expect((await sale.state()).waitlist.size).toBe(32);
  });
});

describe("how many shards a sale has", () => {
  const noShard: AskShard = (): Promise<ShardAnswer> => Promise.reject(new Error("no shard was to be asked"));

  test("none where its definition says 0, or its stock is small", async () => {
    for (const joinShards of [0, undefined]) {
      const sale = await openSale(joinShards === undefined ? {} : { joinShards });
      if (joinShards === undefined)
        await redis.gateway.redis.command("HSET", sale.keys.sale, "joinShards", 0);
      expect(wordsOf(await joinsOf(sale, noShard, people(20)))).toEqual({ joined: 20 });
    }
  });

  test("is found out by one join of a new isolate; those that come meanwhile wait for it", async () => {
    const sale = await openSale();
    const askShard = vi.fn(shardsOf(sale));
    await redis.gateway.resetStats();
    const services = { ...redis.services, askShard };
    await Promise.all(people(200).map((shopper) => join(services, sale.id, wish(shopper))));
    expect(askShard).toHaveBeenCalledTimes(199);
    expect((await redis.gateway.stats()).scriptCalls).toBeLessThanOrEqual(12);
  });

  test("may change while the line is not open: each answer says it", async () => {
    const sale = await openSale();
    const askShard = vi.fn(shardsOf(sale));
    await joinsOf(sale, askShard, ["ann"]);
    await redis.gateway.redis.command("HSET", sale.keys.sale, "joinShards", 0);
    await joinsOf(sale, askShard, ["bob"]);
    askShard.mockClear();
    expect(wordsOf(await joinsOf(sale, askShard, ["cat"]))).toEqual({ joined: 1 });
    expect(askShard).not.toHaveBeenCalled();
  });

  test("of a sale that is not there is not remembered", async () => {
    const services = { ...redis.services, askShard: vi.fn(noShard) };
    for (let call = 0; call < 3; call++)
      expect(await join(services, "nowhere", wish("ann"))).toMatchObject({ word: "missing" });
    expect(services.askShard).not.toHaveBeenCalled();
  });
});
