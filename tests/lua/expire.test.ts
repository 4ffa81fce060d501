/** expire.lua: holds past their end come back, once, however many there are. */
import { describe, expect, test } from "vitest";
import { expireScript } from "../../functions/reservation/expire.ts";
import { withRedis } from "../support/redis.ts";
import { broken, people } from "../support/sale.ts";

const redis = withRedis();

test("a hold ends at its very end and not before", async () => {
  const sale = await redis.sale({ holdSeconds: 20 });
  await sale.admit(["ann"], 0);
  await sale.reserve("ann", "r1", { shoe: 1 }, 1);
  expect(await sale.expire(20.999)).toEqual({ expired: 0, seen: 0 });
  expect(await sale.expire(21)).toEqual({ expired: 1, seen: 1 });
  expect(await sale.expire(21)).toEqual({ expired: 0, seen: 0 });
  const state = await sale.state();
  expect(state.reservations.get("r1")).toMatchObject({ state: "expired", changedAtMs: sale.at(21) });
  expect(state.stock.get("available")).toBe("10");
  expect(await sale.books()).toEqual([]);
});

test("the oldest end first, as many as asked for", async () => {
  const sale = await redis.sale({ holdSeconds: 20 });
  await sale.admit(people(5), 0);
  for (const [i, shopper] of people(5).entries()) await sale.reserve(shopper, `r${i}`, { shoe: 1 }, 5 - i);
  expect(await sale.expire(23, 2)).toEqual({ expired: 2, seen: 2 });
  const states = async () => [...(await sale.state()).reservations].sort().map(([, { state }]) => state);
  expect(await states()).toEqual(["held", "held", "held", "expired", "expired"]);
  expect(await sale.expire(23, 2)).toEqual({ expired: 1, seen: 1 });
  expect(await sale.books()).toEqual([]);
});

test("ten calls at once over 300 holds end each once", async () => {
  const sale = await redis.sale({ items: { shoe: 300, hat: 300 }, holdSeconds: 20 });
  await sale.crowd(people(300), 0);
  await Promise.all(people(300).map((s) => sale.reserve(s, `r-${s}`, { shoe: 1, hat: 1 }, 1)));
  const answers = await Promise.all(Array.from({ length: 10 }, () => sale.expire(30, 40)));
  expect(answers.reduce((sum, { expired }) => sum + expired, 0)).toBe(300);
  expect((await sale.state()).stock.get("available")).toBe("600");
  expect(await sale.books()).toEqual([]);
});

test("a full batch of the largest baskets ends in one call", async () => {
  const skus = people(20, "sku");
  const sale = await redis.sale({
    items: Object.fromEntries(skus.map((sku) => [sku, 200])),
    holdSeconds: 20,
    capacity: 1000,
  });
  await sale.crowd(people(200), 0);
  const basket = Object.fromEntries(skus.map((sku) => [sku, 1]));
  await Promise.all(people(200).map((s) => sale.reserve(s, `r-${s}`, basket, 1)));
  expect(await sale.expire(30, 200)).toEqual({ expired: 200, seen: 200 });
  expect((await sale.state()).stock.get("available")).toBe("4000");
  expect(await sale.books()).toEqual([]);
});

describe("a hold on the list whose record says otherwise", () => {
  test("is only taken off it", async () => {
    const sale = await redis.sale({ holdSeconds: 20 });
    await sale.admit(["ann"], 0);
    await sale.reserve("ann", "r1", { shoe: 1 }, 1);
    await sale.confirm("ann", "r1", 2);
    await redis.gateway.redis.command("ZADD", sale.keys.holds, sale.at(3), "r1", sale.at(4), "never-was");
    expect(await sale.expire(30)).toEqual({ expired: 0, seen: 2 });
    expect(await sale.books()).toEqual([]);
  });

  test("with its state not looked at, would return what was sold, and the books would not balance", async () => {
    const sale = await redis.sale({ holdSeconds: 20 });
    sale.scripts.expire = broken(expireScript, "record and record.state == 'held'", "record ~= nil");
    await sale.admit(["ann"], 0);
    await sale.reserve("ann", "r1", { shoe: 1 }, 1);
    await sale.confirm("ann", "r1", 2);
    await redis.gateway.redis.command("ZADD", sale.keys.holds, sale.at(3), "r1");
    await sale.expire(30);
    expect(await sale.books()).toContain("held:shoe is -1");
  });
});

test("a shopper whose hold ended is still inside while the pass lasts, and may hold again", async () => {
  const sale = await redis.sale({ holdSeconds: 20, passSeconds: 60 });
  await sale.admit(["ann"], 0);
  await sale.reserve("ann", "r1", { shoe: 1 }, 1);
  await sale.expire(21);
  expect(await sale.tick(22)).toMatchObject({ inside: 1, holds: 0, overdue: 0 });
  expect((await sale.reserve("ann", "r2", { shoe: 1 }, 22))[0]).toBe("held");
});

test("a Redis that lost the sale has nothing to end", async () => {
  const sale = await redis.sale();
  await redis.gateway.wipe();
  expect(await sale.expire(3600)).toEqual({ expired: 0, seen: 0 });
  expect(await redis.gateway.redis.command("DBSIZE")).toBe(0);
});

describe("a hold whose payment has begun", () => {
  const paying = async () => {
    const sale = await redis.sale({
      items: { shoe: { stock: 2, price: 100 } },
      holdSeconds: 20,
      passSeconds: 25,
    });
    await sale.admit(["ann"], 0);
    await sale.reserve("ann", "r1", { shoe: 1 }, 1);
    await sale.confirm("ann", "r1", 2, 0, { origin: "https://shop.example" });
    return sale;
  };

  test("is kept for a moment and named, and its room too; one call has it at a time", async () => {
    const sale = await paying();
    expect(await sale.expire(30)).toEqual({ expired: 0, seen: 1, paying: ["r1"] });
    expect(await sale.expire(30)).toEqual({ expired: 0, seen: 0 });
    expect(await sale.tick(31)).toMatchObject({ inside: 1, holds: 1, overdue: 0 });
    expect(await sale.expire(35)).toEqual({ expired: 0, seen: 1, paying: ["r1"] });
    expect(await sale.books()).toEqual([]);
  });

  test("ends once its payment is closed, once; if it was paid meanwhile, it stays an order", async () => {
    const sale = await paying();
    await sale.expire(30);
    expect(await sale.expire(30, 200, ["r1"])).toEqual({ expired: 1, seen: 1 });
    expect(await sale.expire(30, 200, ["r1"])).toEqual({ expired: 0, seen: 1 });
    expect(await sale.books()).toEqual([]);

    const paid = await paying();
    await paid.expire(30);
    await paid.confirm("", "r1", 31, 100, { payment: "pi_1" });
    expect(await paid.expire(32, 200, ["r1"])).toEqual({ expired: 0, seen: 1 });
    expect((await paid.state()).reservations.get("r1")?.state).toBe("confirmed");
    expect(await paid.books()).toEqual([]);
  });

  test("is not given back before its payment is closed", async () => {
    const sale = await paying();
    expect(await sale.giveBack("ann", "r1", 3)).toBe("paying");
    expect((await sale.state()).reservations.get("r1")?.state).toBe("held");
    expect(await sale.giveBack("ann", "r1", 3, true)).toBe("released");
    expect(await sale.books()).toEqual([]);
  });
});
