/** checkout/refund.lua: the units of a refunded order return once, and the sale is not sold out any more. */
import { expect, test } from "vitest";
import { returnScript } from "../../functions/checkout/refund.ts";
import { withRedis } from "../support/redis.ts";
import { broken, counted, type TestSale } from "../support/sale.ts";

const redis = withRedis();

/** A sale whose last units ann has bought. */
async function soldOut(): Promise<TestSale> {
  const sale = await redis.sale({ items: { hat: { stock: 2, limit: 2 }, shoe: 1 }, passSeconds: 60 });
  await sale.admit(["ann"], 0);
  await sale.reserve("ann", "r1", { hat: 2, shoe: 1 }, 1);
  await sale.confirm("ann", "r1", 2);
  return sale;
}

test("refunded: all lines can be bought again, by others and by the same, and the sale goes on", async () => {
  const sale = await soldOut();
  expect((await sale.join("bob", 3)).word).toBe("sold_out");
  expect(await sale.refund("r1", 4)).toBe("refunded");
  expect(await sale.books()).toEqual([]);
  expect((await sale.tick(5)).unsold).toBe(3);
  expect((await sale.join("bob", 6)).word).toBe("joined");
  await sale.tick(10);
  expect((await sale.enter("bob", 10)).word).toBe("entered");
  expect((await sale.reserve("bob", "r2", { hat: 2, shoe: 1 }, 10))[0]).toBe("held");
  await sale.confirm("bob", "r2", 11);
  expect((await sale.join("cat", 12)).word).toBe("sold_out");
  expect(await sale.books()).toEqual([]);
});

test("20 times at once returns them once", async () => {
  const sale = await soldOut();
  const words = await Promise.all(Array.from({ length: 20 }, () => sale.refund("r1", 4)));
  expect(counted(words)).toEqual({ refunded: 1, again: 19 });
  expect(await sale.books()).toEqual([]);
});

test("missing, not_found, not_confirmed: nothing changes", async () => {
  const sale = await redis.sale();
  await sale.admit(["ann"], 0);
  await sale.reserve("ann", "r1", { shoe: 1 }, 1);
  const before = await sale.state();
  expect([await sale.refund("r2", 2), await sale.refund("r1", 2)]).toEqual(["not_found", "not_confirmed"]);
  expect(await sale.state()).toEqual(before);
  await redis.gateway.wipe();
  expect(await sale.refund("r1", 2)).toBe("missing");
});

test("what was refunded is not confirmed again by a late payment, nor given back", async () => {
  const sale = await soldOut();
  await sale.refund("r1", 4);
  expect(await sale.confirm("", "r1", 5, 100, { payment: "pi_1" })).toMatchObject([
    "again",
    { state: "refunded" },
  ]);
  expect(await sale.giveBack("ann", "r1", 5)).toBe("already_confirmed");
  expect(await sale.books()).toEqual([]);
});

test("with the state not looked at, a second refund would return units that are not there", async () => {
  const sale = await soldOut();
  sale.scripts.refund = broken(returnScript, "if record.state == 'refunded' then return { 'again' } end");
  sale.scripts.refund = broken(sale.scripts.refund, "if record.state ~= 'confirmed' then", "if false then");
  await sale.refund("r1", 4);
  await sale.refund("r1", 5);
  expect(await sale.books()).toContain("confirmed:hat is -2");
});
