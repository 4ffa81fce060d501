/** Ten calls of a shopper in a second, joins and holds together, wherever they come from: join.lua and reserve.lua. */
import { describe, expect, test } from "vitest";
import { joinScript } from "../../functions/queue/join.ts";
import { reserveScript } from "../../functions/reservation/reservation.ts";
import { withRedis } from "../support/redis.ts";
import { broken, counted, people, type TestSale } from "../support/sale.ts";

const redis = withRedis();
const TEN = 10;

/** The instants of 50 calls in each second. */
const at50 = (seconds: number) => Array.from({ length: seconds * 50 }, (_, i) => i / 50);

async function joinWords(sale: TestSale, shopper: string, seconds: number[]) {
  const words: string[] = [];
  for (const second of seconds) words.push((await sale.join(shopper, second)).word);
  return words;
}

describe("a shopper at 50 calls a second", () => {
  test("has ten joins looked at in each second, beside the one that gave the place", async () => {
    const sale = await redis.sale();
    await sale.join("ann", -1);
    const words = await joinWords(sale, "ann", at50(5));
    for (let second = 0; second < 5; second++)
      expect(counted(words.slice(50 * second, 50 * second + 50))).toEqual({ again: TEN, rate_limited: 40 });
  });

  test("has ten holds looked at in each second, whatever is said of them", async () => {
    const sale = await redis.sale();
    await sale.admit(["ann"], 0);
    const ids = people(3, "r");
    const words: string[] = [];
    for (const [i, second] of at50(5).entries())
      words.push((await sale.reserve("ann", ids[i % 3] ?? "", { shoe: 1 }, 5 + second))[0]);
    expect(counted(words)).toEqual({ held: 1, again: 16, limit_reached: 33, rate_limited: 200 });
  });

  test("has ten of joins and holds together", async () => {
    const sale = await redis.sale();
    await sale.admit(["ann"], 0);
    const words: string[] = [];
    for (const [i, second] of at50(3).entries()) {
      const joins = i % 2 === 0;
      words.push(
        joins
          ? (await sale.join("ann", 5 + second)).word
          : (await sale.reserve("ann", "r1", { shoe: 1 }, 5 + second))[0],
      );
    }
    expect(counted(words)).toEqual({ held: 1, again: 29, rate_limited: 120 });
  });

  test("gains nothing by leaving and joining in turns", async () => {
    const sale = await redis.sale();
    await sale.join("ann", -2);
    const words: string[] = [];
    for (const second of at50(2)) {
      await sale.leave("ann");
      words.push((await sale.join("ann", second)).word);
    }
    expect(counted(words)).toEqual({ joined: 2 * TEN, rate_limited: 80 });
  });

  test("gains nothing before the line opens, or when it has no place", async () => {
    const sale = await redis.sale();
    const before = at50(1).map((second) => second - 3600);
    expect(counted(await joinWords(sale, "ann", before))).toEqual({ not_open: TEN, rate_limited: 40 });
    await sale.setMode("drain", -1);
    expect(counted(await joinWords(sale, "ann", at50(1)))).toEqual({ on_hold: TEN, rate_limited: 40 });
  });

  test.each(["join", "reserve"] as const)("would have all of them without the look in %s", async (verb) => {
    const sale = await redis.sale();
    sale.scripts.join = broken(joinScript, "if calls >= CALLS_MAX then", "if false then");
    sale.scripts.reserve = broken(reserveScript, "if tonumber(calls) >= CALLS_MAX then", "if false then");
    await sale.admit(["ann"], 0);
    const words: string[] = [];
    for (const second of at50(1))
      words.push(
        verb === "join"
          ? (await sale.join("ann", 5 + second)).word
          : (await sale.reserve("ann", "r1", { shoe: 1 }, 5 + second))[0],
      );
    expect(words).not.toContain("rate_limited");
  });
});

test("who is refused hears when the next second begins, and is refused until then", async () => {
  const sale = await redis.sale();
  await sale.admit(["ann"], 0);
  for (let call = 0; call < TEN; call++) await sale.reserve("ann", "r1", { shoe: 1 }, 10 + call / 100);
  expect(await sale.reserve("ann", "r1", { shoe: 1 }, 10.3)).toEqual(["rate_limited", 700]);
  expect(await sale.join("ann", 10.999)).toMatchObject({ word: "rate_limited", number: sale.at(11) });
  expect((await sale.join("ann", 11)).word).toBe("again");
});

test("a clock set back keeps nobody out for longer than a second", async () => {
  const sale = await redis.sale();
  await sale.admit(["ann"], 0);
  for (let call = 0; call < TEN; call++) await sale.join("ann", 60);
  expect((await sale.join("ann", 59.5)).word).toBe("rate_limited");
  expect((await sale.join("ann", 50)).word).toBe("again");
});

test("others, and other sales, are not counted together", async () => {
  const [sale, other] = [await redis.sale(), await redis.sale()];
  for (const which of [sale, other]) await which.admit(["ann", "bob"], 0);
  for (let call = 0; call < TEN; call++) await sale.join("ann", 1);
  expect((await sale.join("ann", 1)).word).toBe("rate_limited");
  expect((await sale.join("bob", 1)).word).toBe("again");
  expect((await other.join("ann", 1)).word).toBe("again");
});

test("who only joins, waits and buys leaves nothing to count by before they hold", async () => {
  const sale = await redis.sale();
  await sale.admit(["ann", "bob"], 0);
  expect(await redis.gateway.redis.command("EXISTS", sale.keys.shoppers)).toBe(0);
});

test("a call that was refused moves nothing: hammering does not make the wait longer", async () => {
  const sale = await redis.sale();
  await sale.join("ann", 0);
  const words = await joinWords(sale, "ann", at50(10));
  expect(counted(words)).toEqual({ again: 10 * TEN, rate_limited: 400 });
});
