/** Joins through the shards of a large sale, as they are deployed: Durable Objects in workerd, with a real Redis. */
import { randomUUID } from "node:crypto";
import { afterEach, describe, expect, test } from "vitest";
import { z } from "zod";
import { shardOf } from "../../functions/queue/shards.ts";
import { SHOPPER_HEADER } from "../../domain/internal.ts";
import { counted } from "../support/sale.ts";
import { claimsIn, createSale, live, operator, shopper, until, withStack } from "./harness.ts";

const log: string[] = [];
const stack = withStack(log);
afterEach(() => stack.get().redis.faults.clear());

const SHARDS = 2;
const newcomers = (count: number) => Array.from({ length: count }, () => `shopper-${randomUUID()}`);
const answer = z.object({ ticket: z.string(), number: z.number() });

interface Joined {
  /** 0 where the connection broke. */
  status: number;
  shopper: string;
  number: number;
  retryAfter: string | null;
}

/** As the edge asks, past its limits: who it is has been found out. */
async function joinAs(sale: string, who: string): Promise<Joined> {
  const response = await fetch(`${stack.get().functions.url}/api/sales/${sale}/queue`, {
    method: "POST",
    headers: { [SHOPPER_HEADER]: who, "content-type": "application/json" },
    body: "{}",
  }).catch(() => undefined);
  const body: unknown = response?.ok === true ? await response.json() : undefined;
  const { ticket, number } = answer.safeParse(body).data ?? { ticket: "", number: 0 };
  return {
    status: response?.status ?? 0,
    shopper: ticket === "" ? who : String(claimsIn(ticket)["shopper"]),
    number,
    retryAfter: response?.headers.get("retry-after") ?? null,
  };
}

const isPlace = ({ status }: Joined) => status === 200 || status === 201;

/** A sale with shards, which the Worker's isolate has heard of. */
async function shardedSale(): Promise<string> {
  const sale = await createSale(stack.get(), { joinShards: SHARDS, releaseEverySeconds: 60 });
  await joinAs(sale, "first");
  return sale;
}

/** The line as Redis has it: shopper → number. */
async function lineOf(sale: string): Promise<Map<string, number>> {
  const { redis } = stack.get().redis;
  const members = z
    .array(z.string())
    .parse(await redis.command("ZRANGE", `{${sale}}:waitlist`, 0, -1, "WITHSCORES"));
  const released = z.array(z.string()).parse(await redis.command("HGETALL", `{${sale}}:released`));
  const flat = [...members, ...released];
  return new Map(
    Array.from({ length: flat.length / 2 }, (_, i) => [
      flat[2 * i] ?? "",
      Number.parseInt(flat[2 * i + 1] ?? ""),
    ]),
  );
}

/** Whoever was told a number has it, nobody has two, and nobody is there who was not asked for. */
async function expectOnePlaceEach(sale: string, told: Joined[]): Promise<void> {
  const line = await lineOf(sale);
  expect(new Set(line.values()).size).toBe(line.size);
  for (const { shopper, number } of told.filter(isPlace)) expect(line.get(shopper)).toBe(number);
}

test("a thousand joins need ten script calls or few more, and everybody has the place they were told", async () => {
  const sale = await shardedSale();
  await stack.get().redis.resetStats();
  const told = await Promise.all(newcomers(1000).map((who) => joinAs(sale, who)));
  const { scriptCalls, billedCommands } = await stack.get().redis.stats();
  console.log(`1,000 joins over workerd: ${scriptCalls} script calls, ${billedCommands} billed commands`);
  // 200 where a slow machine made the client repeat a call.
  expect(told.filter((one) => !isPlace(one))).toEqual([]);
  expect((await lineOf(sale)).size).toBe(1001);
  await expectOnePlaceEach(sale, told);
  expect(scriptCalls).toBeLessThanOrEqual(100);
});

test("through the edge, from the cookie to the pass, it is the same as without shards", async () => {
  const sale = await createSale(stack.get(), { joinShards: SHARDS });
  const [ann, ben] = [shopper(stack.get(), sale), shopper(stack.get(), sale)];
  expect((await ann.join()).json["number"]).toBe(1);
  expect((await ben.join()).json["number"]).toBe(2);
  const again = await ben.join();
  expect([again.status, again.json["number"]]).toEqual([200, 2]);
  await until(
    () => ben.enter(),
    ({ status }) => status < 300,
  );
  await operator(stack.get(), `/sales/${sale}/mode`, { body: { mode: "drain", reason: "test" } });
  const late = await shopper(stack.get(), sale).join();
  expect([late.status, late.type]).toEqual([503, "on_hold"]);
  expect((await live(stack.get(), sale)).line.inside).toBeGreaterThan(0);
});

test("ten in a second of one shopper are looked at, exactly", async () => {
  const sale = await shardedSale();
  await joinAs(sale, "hammer");
  const told = await Promise.all(Array.from({ length: 40 }, () => joinAs(sale, "hammer")));
  const counts = counted(told.map(({ status }) => String(status)));
  // Within one second ten; a machine that takes longer for them is in the next one.
  expect(counts["200"]).toBeGreaterThanOrEqual(10);
  expect((counts["200"] ?? 0) % 10).toBe(0);
  expect(counts["429"]).toBe(40 - (counts["200"] ?? 0));
});

describe("one place for each, whoever clicks twice and comes again, when", () => {
  const clicks = (sale: string, crowd: string[]) =>
    Promise.all([...crowd, ...crowd].map((who) => joinAs(sale, who)));
  const comeAgain = async (sale: string, crowd: string[]) => {
    const told = await until(
      () => Promise.all(crowd.map((who) => joinAs(sale, who))),
      (all) => all.every(isPlace),
    );
    await expectOnePlaceEach(sale, told);
    expect((await lineOf(sale)).size).toBe(crowd.length + 1);
  };

  test("answers of the script are lost", async () => {
    const sale = await shardedSale();
    const crowd = newcomers(100);
    stack.get().redis.faults.add({ kind: "lose_answer", match: sale, times: 4 });
    const told = await clicks(sale, crowd);
    expect(stack.get().redis.faults.list()).toEqual([]);
    expect(told.filter((one) => !isPlace(one))).toEqual([]);
    await expectOnePlaceEach(sale, told);
    await comeAgain(sale, crowd);
  });

  test("every answer is lost: 503 with Retry-After, then their places", async () => {
    const sale = await shardedSale();
    const crowd = newcomers(20);
    stack.get().redis.faults.add({ kind: "lose_answer", match: sale });
    const told = await clicks(sale, crowd);
    expect(new Set(told.map(({ status }) => status))).toEqual(new Set([503]));
    for (const { retryAfter } of told) expect(Number(retryAfter)).toBeGreaterThan(0);
    stack.get().redis.faults.clear();
    await comeAgain(sale, crowd);
  });

  test("the objects are evicted between their calls", async () => {
    const sale = await shardedSale();
    const crowd = newcomers(60);
    for (let round = 1; round <= 3; round++) {
      const told = await clicks(sale, crowd.slice(0, 20 * round));
      expect(told.filter((one) => !isPlace(one))).toEqual([]);
      await expectOnePlaceEach(sale, told);
      for (let shard = 0; shard < SHARDS; shard++)
        await stack.get().functions.evict("JoinShard", `${sale}/${shard}`);
    }
    await comeAgain(sale, crowd);
  });

  test("the process dies in the middle of a call, which Redis has done", async () => {
    const sale = await shardedSale();
    const crowd = newcomers(100);
    // Executed at once for both shards' first calls; what else they gathered is only in their memory.
    stack.get().redis.faults.add({ kind: "delay", match: sale, delayMs: 300 });
    const joining = clicks(sale, crowd);
    await new Promise((resolve) => setTimeout(resolve, 450));
    await stack.get().functions.kill();
    const told = await joining;
    expect(told.every(isPlace)).toBe(false);
    stack.get().redis.faults.clear();
    await stack.get().functions.restart();
    await expectOnePlaceEach(sale, told);
    await comeAgain(sale, crowd);
  });
});

test("the shards are spread over objects of their own", async () => {
  const sale = await shardedSale();
  const crowd = newcomers(40);
  await Promise.all(crowd.map((who) => joinAs(sale, who)));
  const used = new Set(
    crowd.map((shopper) => shardOf({ shopper, registered: "", account: "", failedCheck: false }, SHARDS)),
  );
  expect(used.size).toBe(SHARDS);
  for (const shard of used) await stack.get().functions.evict("JoinShard", `${sale}/${shard}`);
  await expect(stack.get().functions.evict("JoinShard", `${sale}/${SHARDS}`)).rejects.toThrow();
  expect(log.filter((line) => line.includes("shard "))).toEqual([]);
});
