/** reserve.lua: holds on stock. Races, repeats, limits, and the order in which it refuses. */
import { describe, expect, test } from "vitest";
import { reserveScript } from "../../functions/reservation/reservation.ts";
import { withRedis } from "../support/redis.ts";
import { broken, counted, people } from "../support/sale.ts";

const redis = withRedis();

describe("races", () => {
  test("the last unit goes to exactly one of 500 shoppers", async () => {
    const sale = await redis.sale({ items: { shoe: 1 }, passSeconds: 30 });
    await sale.crowd(people(500), 0);
    const replies = await Promise.all(people(500).map((s) => sale.reserve(s, `r-${s}`, { shoe: 1 }, 1)));
    expect(counted(replies.map(([word]) => word))).toEqual({ held: 1, sold_out: 499 });
    expect(await sale.books()).toEqual([]);
  });

  test("with the stock check removed, the books do not balance", async () => {
    const sale = await redis.sale({ items: { shoe: 1 } });
    sale.scripts.reserve = broken(reserveScript, "if available < line.quantity then short = true end");
    await sale.crowd(people(20), 0);
    await Promise.all(people(20).map((s) => sale.reserve(s, `r-${s}`, { shoe: 1 }, 1)));
    expect(await sale.books()).toContain("available:shoe is -19");
  });

  test("several items are held together or not at all", async () => {
    const sale = await redis.sale({ items: { shoe: 5, hat: 3, scarf: 4 } });
    await sale.crowd(people(100), 0);
    const replies = await Promise.all(
      people(100).map((s) => sale.reserve(s, `r-${s}`, { shoe: 1, hat: 1, scarf: 1 }, 1)),
    );
    expect(counted(replies.map(([word]) => word))).toEqual({ held: 3, sold_out: 97 });
    const state = await sale.state();
    expect(["shoe", "hat", "scarf"].map((sku) => state.stock.get(`available:${sku}`))).toEqual([
      "2",
      "0",
      "1",
    ]);
    expect(await sale.books()).toEqual([]);
  });

  test("one shopper with 10 ids at once has one live reservation", async () => {
    const sale = await redis.sale({ items: { shoe: { stock: 100, limit: 50 } } });
    await sale.admit(["ann"], 0);
    const replies = await Promise.all(people(10, "r").map((id) => sale.reserve("ann", id, { shoe: 1 }, 1)));
    expect(counted(replies.map(([word]) => word))).toEqual({ held: 1, limit_reached: 9 });
    expect(await sale.books()).toEqual([]);
  });

  test("with the look at the live reservation removed, the books do not balance", async () => {
    const sale = await redis.sale({ items: { shoe: { stock: 100, limit: 50 } } });
    sale.scripts.reserve = broken(reserveScript, "if has[1] then", "if false then");
    await sale.admit(["ann"], 0);
    await Promise.all(["r1", "r2"].map((id) => sale.reserve("ann", id, { shoe: 1 }, 1)));
    expect(await sale.books()).toContainEqual(expect.stringContaining("the live reservation of ann"));
  });
});

describe("the same id again", () => {
  test("20 times at once holds once, and all get the same record", async () => {
    const sale = await redis.sale();
    await sale.admit(["ann"], 0);
    const replies = await Promise.all(
      Array.from({ length: 20 }, (_, i) => sale.reserve("ann", "r1", { shoe: 1 }, 1 + i)),
    );
    expect(counted(replies.map(([word]) => word))).toEqual({ held: 1, again: 19 });
    expect(new Set(replies.map(([, record]) => JSON.stringify(record))).size).toBe(1);
    expect(await sale.books()).toEqual([]);
  });

  test("answers the record as it stands, whatever else would refuse by now", async () => {
    const sale = await redis.sale({ items: { shoe: 1 } });
    await sale.admit(["ann"], 0);
    await sale.reserve("ann", "r1", { shoe: 1 }, 1);
    await sale.confirm("ann", "r1", 2);
    await sale.setMode("reject", 2);
    const reply = await sale.reserve("ann", "r1", { shoe: 1 }, 9999, { number: 1, epoch: 7, expiresAtMs: 0 });
    expect(reply).toMatchObject(["again", { id: "r1", state: "confirmed" }]);
  });

  test("for other lines or by another shopper is conflicting_replay, whatever else would refuse", async () => {
    const sale = await redis.sale({ items: { shoe: { stock: 5, limit: 2 }, hat: 5 } });
    await sale.admit(["ann", "bob"], 0);
    await sale.reserve("ann", "r1", { shoe: 1, hat: 1 }, 1);
    await sale.setMode("reject", 2);
    for (const basket of [
      { shoe: 1 },
      { shoe: 2, hat: 1 },
      { shoe: 1, sock: 1 },
      { shoe: 1, hat: 1, sock: 1 },
    ])
      expect(await sale.reserve("ann", "r1", basket, 2)).toEqual(["conflicting_replay"]);
    expect(await sale.reserve("bob", "r1", { shoe: 1, hat: 1 }, 2)).toEqual(["conflicting_replay"]);
    expect(await sale.books()).toEqual([]);
  });

  test("with the replay check removed, a late repeat takes again what was given back", async () => {
    const sale = await redis.sale();
    sale.scripts.reserve = broken(
      reserveScript,
      "'HSETNX', reservations, id, record) == 0",
      "'HSET', reservations, id, record) > 9",
    );
    await sale.admit(["ann"], 0);
    for (const second of [1, 2]) {
      expect((await sale.reserve("ann", "r1", { shoe: 1 }, second))[0]).toBe("held");
      if (second === 1) await sale.giveBack("ann", "r1", 1);
    }
    expect(await sale.books()).toContain("r1 was held again, unpaid");
  });
});

test("the words come in their order of precedence: each cause taken away uncovers the next", async () => {
  const items = { shoe: { stock: 1, limit: 1 }, hat: { stock: 9, limit: 2 } };
  const sale = await redis.sale({ items, holdSeconds: 20, passSeconds: 3600 });
  await sale.admit(["ann", "bob"], 0);
  await sale.reserve("bob", "rb", { shoe: 1 }, 0.5);
  await sale.reserve("ann", "ra", { hat: 1 }, 1);
  const pass = sale.passOf("ann");
  const ended = { ...pass, expiresAtMs: sale.at(-100) };
  const old = { ...ended, epoch: 0 };
  const basket = { shoe: 1, hat: 3 };
  const ask = (second: number, wish: Record<string, number>, by = pass) =>
    sale.reserve("ann", "r", wish, second, by);

  await sale.setMode("reject", 1);
  expect(await ask(-1, basket, old)).toEqual(["on_hold"]);
  await sale.setMode("hold", 1);
  expect(await ask(-1, basket, old)).toEqual(["invalid_pass"]);
  expect(await ask(-0.001, basket, ended)).toEqual(["closed"]);
  expect(await ask(3600, basket, ended)).toEqual(["closed"]);
  expect(await ask(2, basket, ended)).toEqual(["pass_expired"]);
  await sale.leave("ann");
  expect(await ask(21, basket)).toEqual(["expire_first"]);
  expect(await ask(20.999, basket)).toEqual(["limit_reached", "", "ra"]);
  await sale.giveBack("ann", "ra", 20);
  expect(await ask(21, { shoe: 1, hat: 3 })).toEqual(["limit_reached", "hat", ""]);
  expect(await ask(21, { shoe: 1, hat: 2, sock: 1 })).toEqual(["unknown_sku", "sock"]);
  expect(await ask(21, { shoe: 1, hat: 2 })).toEqual(["pass_expired"]);
  await sale.crowd(["ann"], 21);
  expect(await ask(21, { shoe: 1, hat: 2 })).toEqual(["expire_first"]);
  expect(await ask(20.499, { shoe: 1, hat: 2 })).toEqual(["sold_out", ["hat", 9, "shoe", 0]]);
  expect(await ask(21, { hat: 2 })).toMatchObject(["held", { id: "r" }]);
  expect(await sale.books()).toEqual([]);
});

test("a pass lasts to its end and not beyond", async () => {
  const sale = await redis.sale({ passSeconds: 60 });
  await sale.admit(["ann", "bob"], 0);
  expect((await sale.reserve("ann", "r1", { shoe: 1 }, 60))[0]).toBe("pass_expired");
  expect((await sale.reserve("ann", "r1", { shoe: 1 }, 59.999))[0]).toBe("held");
});

test("a pass from before Redis was rebuilt holds nothing", async () => {
  const sale = await redis.sale();
  await sale.admit(["ann"], 0);
  await sale.lose();
  await sale.publish({ epoch: 2 });
  expect(await sale.reserve("ann", "r1", { shoe: 1 }, 1)).toEqual(["invalid_pass"]);
});

test("a Redis that lost the sale holds nothing and writes nothing", async () => {
  const sale = await redis.sale();
  await sale.admit(["ann"], 0);
  await redis.gateway.wipe();
  expect(await sale.reserve("ann", "r1", { shoe: 1 }, 1)).toEqual(["missing"]);
  expect(await redis.gateway.redis.command("DBSIZE")).toBe(0);
});
