/** reservation/extend.lua: more time for a hold, once, never past the end of the sale, and nothing else changes. */
import { describe, expect, test } from "vitest";
import { withRedis, type Rules } from "../support/redis.ts";
import { type TestSale } from "../support/sale.ts";

const redis = withRedis();

/** A sale of one shoe that ann holds as "r1" from second 1 to second 21. */
async function withHold(rules: Rules = {}): Promise<TestSale> {
  const sale = await redis.sale({ items: { shoe: 1 }, holdSeconds: 20, passSeconds: 10, ...rules });
  await sale.admit(["ann"], 0);
  await sale.reserve("ann", "r1", { shoe: 1 }, 1);
  return sale;
}

describe("the words, in order of precedence", () => {
  test("missing: a Redis that lost the sale comes to hold nothing", async () => {
    const sale = await withHold();
    await redis.gateway.wipe();
    expect(await sale.extend("ann", "r1", 2)).toEqual(["missing"]);
    expect(await redis.gateway.redis.command("DBSIZE")).toBe(0);
  });

  test("not_found: no such reservation, or another's", async () => {
    const sale = await withHold();
    const before = await sale.state();
    expect(await sale.extend("ann", "r2", 2)).toEqual(["not_found"]);
    expect(await sale.extend("bob", "r1", 2)).toEqual(["not_found"]);
    expect(await sale.state()).toEqual(before);
  });

  test("already_confirmed: an order has no end", async () => {
    const sale = await withHold();
    await sale.confirm("ann", "r1", 2);
    expect(await sale.extend("ann", "r1", 3)).toEqual(["already_confirmed"]);
  });

  test("reservation_expired: at its end, after it, and once it was given back", async () => {
    const sale = await withHold();
    expect(await sale.extend("ann", "r1", 21)).toEqual(["reservation_expired"]);
    await sale.expire(22);
    expect(await sale.extend("ann", "r1", 22)).toEqual(["reservation_expired"]);
    const other = await withHold();
    await other.giveBack("ann", "r1", 2);
    const before = await other.state();
    expect(await other.extend("ann", "r1", 3)).toEqual(["reservation_expired"]);
    expect(await other.state()).toEqual(before);
  });

  test("again: a second wish changes nothing", async () => {
    const sale = await withHold();
    expect(await sale.extend("ann", "r1", 20.9)).toEqual(["extended", 31]);
    const before = await sale.state();
    expect(await sale.extend("ann", "r1", 20.95)).toEqual(["again", 31]);
    expect(await sale.extend("ann", "r1", 30)).toEqual(["again", 31]);
    expect(await sale.state()).toEqual(before);
  });

  test("closed: a hold that lasts to the end of the sale or past it stays as it is", async () => {
    for (const openSeconds of [21, 10]) {
      const sale = await withHold({ openSeconds });
      const before = await sale.state();
      expect(await sale.extend("ann", "r1", 5)).toEqual(["closed"]);
      expect(await sale.state()).toEqual(before);
    }
  });

  test("extended: by half of what holds last, or to the end of the sale", async () => {
    expect(await (await withHold()).extend("ann", "r1", 2)).toEqual(["extended", 31]);
    expect(await (await withHold({ openSeconds: 25 })).extend("ann", "r1", 2)).toEqual(["extended", 25]);
  });
});

test("the units stay with their holder until the new end, and then return, once", async () => {
  const sale = await withHold({ capacity: 2 });
  await sale.extend("ann", "r1", 20);
  await sale.crowd(["bob"], 22);
  expect(await sale.expire(30)).toEqual({ expired: 0, seen: 0 });
  expect((await sale.reserve("bob", "r2", { shoe: 1 }, 30))[0]).toBe("sold_out");
  expect(await sale.expire(31)).toEqual({ expired: 1, seen: 1 });
  expect(await sale.books()).toEqual([]);
  expect((await sale.reserve("bob", "r2", { shoe: 1 }, 31))[0]).toBe("held");
});

test("its holder takes up room until the new end, and pays until then", async () => {
  const sale = await withHold({ capacity: 1 });
  await sale.extend("ann", "r1", 20);
  await sale.join("bob", 20);
  expect((await sale.tick(25)).released).toBe(0);
  expect((await sale.confirm("ann", "r1", 30))[0]).toBe("confirmed");
  expect(await sale.books()).toEqual([]);
});

test("it costs eight billed commands, and a purchase without it none", async () => {
  const sale = await redis.sale({ opensAtMs: Date.now() - 1000, releaseEverySeconds: 60 });
  sale.redisTime = true;
  await sale.admit(["ann"], 0);
  await sale.reserve("ann", "r1", { shoe: 1 }, 0);
  await redis.gateway.resetStats();
  await sale.extend("ann", "r1", 0);
  expect((await redis.gateway.stats()).billedCommands).toBeLessThanOrEqual(8);
});
