/** publish.lua and restore.lua: a sale comes to Redis once, anew or as it was before Redis was lost. */
import { describe, expect, test } from "vitest";
import { runScript } from "../../functions/redis/client.ts";
import { publishScript } from "../../functions/sale/publish.ts";
import { withRedis } from "../support/redis.ts";
import { broken, counted, people, type TestSale } from "../support/sale.ts";

const redis = withRedis();

/** The call as it is on the wire: one field of the sale hash, then those of the stock hash. */
async function publish(sale: TestSale, epoch: number, units: number, script = publishScript) {
  const fields = ["unsold", units, "available", units, "available:shoe", units];
  return await runScript(
    redis.services.redis,
    script,
    [sale.keys.sale, sale.keys.stock, sale.keys.rebuild],
    [epoch, 2, ...fields],
  );
}

describe("a sale", () => {
  test("is published once of 20 calls at once", async () => {
    const sale = await redis.sale();
    await sale.lose();
    const replies = await Promise.all(Array.from({ length: 20 }, () => publish(sale, 2, 10)));
    expect(counted(replies.map(([word]) => word))).toEqual({ published: 1, again: 19 });
    expect(new Set(replies.map(([, epoch]) => epoch))).toEqual(new Set([2]));
  });

  test("again: while Redis knows it, no epoch changes it, and the answer is the one in force", async () => {
    const sale = await redis.sale();
    await sale.lose();
    expect(await publish(sale, 5, 7)).toEqual(["published", 5]);
    const before = await sale.state();
    for (const epoch of [4, 5, 6]) expect(await publish(sale, epoch, 99)).toEqual(["again", 5]);
    expect(await sale.state()).toEqual(before);
  });

  test("published again while it sells, the stock is not set anew", async () => {
    const sale = await redis.sale({ items: { shoe: 3 } });
    await sale.admit(["ann"], 0);
    await sale.reserve("ann", "r1", { shoe: 1 }, 1);
    await sale.confirm("ann", "r1", 2);
    for (const epoch of [1, 2]) expect(await sale.publish({ epoch })).toEqual({ word: "again", epoch: 1 });
    expect((await sale.state()).stock.get("available:shoe")).toBe("2");
    expect(await sale.books()).toEqual([]);
  });

  test("with the look at the epoch removed, a repeat sells the stock anew and the books do not balance", async () => {
    const sale = await redis.sale({ items: { shoe: 3 } });
    await sale.admit(["ann"], 0);
    await sale.reserve("ann", "r1", { shoe: 1 }, 1);
    const replaced = broken(publishScript, "if inForce then return", "if false then return");
    expect((await publish(sale, 1, 3, replaced))[0]).toBe("published");
    expect(await sale.books()).toContain("held:shoe is NaN");
  });

  test("superseded: while a rebuild is under way, no other epoch publishes it", async () => {
    const sale = await redis.sale();
    await sale.lose();
    await sale.restore(3);
    for (const epoch of [1, 2, 4]) expect(await publish(sale, epoch, 10)).toEqual(["superseded", 0]);
    expect((await sale.state()).sale.size).toBe(0);
    expect(await publish(sale, 3, 10)).toEqual(["published", 3]);
    expect(await redis.gateway.redis.command("EXISTS", sale.keys.rebuild)).toBe(0);
  });

  test("with the look at the rebuild removed, a sale is published without its reservations", async () => {
    const sale = await redis.sale();
    await sale.lose();
    await sale.restore(3);
    const replaced = broken(publishScript, "~= epoch then return", "~= epoch and false then return");
    expect(await publish(sale, 2, 10, replaced)).toEqual(["published", 2]);
  });
});

test("a sale of 100 items is published whole, and balances", async () => {
  const items = Object.fromEntries(people(100, "sku").map((sku, i) => [sku, i]));
  const sale = await redis.sale({ items });
  expect(await sale.books()).toEqual([]);
  const { items: counts, unsold } = await sale.tick(0);
  expect(counts).toHaveLength(100);
  expect(unsold).toBe(4950);
});

test("the rules in Redis are those of the definition", async () => {
  const sale = await redis.sale({ releaseSize: 7, capacity: 9, passSeconds: 11, holdSeconds: 13 });
  const { sale: hash } = await sale.state();
  expect(Object.fromEntries(hash)).toMatchObject({
    epoch: "1",
    mode: "normal",
    opensAtMs: String(sale.at(0)),
    closesAtMs: String(sale.at(3600)),
    releaseSize: "7",
    capacity: "9",
    passMs: "11000",
    turnMs: "11000",
    holdMs: "13000",
  });
});

test("the rules of a rebuilt sale are those that Postgres remembers", async () => {
  const sale = await redis.sale({ lobby: "draw", items: { shoe: 10, hat: 4 } });
  await sale.lose();
  await sale.publish({
    epoch: 3,
    mode: "hold",
    releaseSize: 17,
    drawSeed: "ab".repeat(32),
    drawCount: 40,
    numbersUntil: 1234,
    nowServing: 12,
    held: { shoe: 2 },
    confirmed: { shoe: 3, hat: 4 },
  });
  const { sale: hash, stock } = await sale.state();
  expect(Object.fromEntries(hash)).toMatchObject({
    epoch: "3",
    mode: "hold",
    releaseSize: "17",
    drawSeed: "ab".repeat(32),
    drawCount: "40",
    lastNumber: "1234",
    numbersUntil: "1234",
    nowServing: "12",
  });
  expect(Object.fromEntries(stock)).toMatchObject({
    available: "5",
    unsold: "7",
    supplied: "14",
    "available:shoe": "5",
    "held:shoe": "2",
    "confirmed:shoe": "3",
    "available:hat": "0",
    "confirmed:hat": "4",
  });
});

test("a sale that is rebuilt while it is open does not make up for the ticks it was away", async () => {
  const sale = await redis.sale({ opensAtMs: Date.now() - 1_000_000, releaseSize: 1, items: { shoe: 99 } });
  await sale.lose();
  await sale.publish({ epoch: 2, numbersUntil: 99 });
  for (const shopper of people(9)) await sale.join(shopper, 1000);
  expect((await sale.tick(1010)).released).toBeLessThanOrEqual(2);
});
