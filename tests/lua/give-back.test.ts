/** reservation/release.lua: units given back before their hold ends return once. */
import { describe, expect, test } from "vitest";
import { releaseScript } from "../../functions/reservation/reservation.ts";
import { withRedis, type Rules } from "../support/redis.ts";
import { broken, counted, people, type TestSale } from "../support/sale.ts";

const redis = withRedis();

/** A sale in which ann holds "r1", two hats and a shoe, from second 1 to second 21. */
async function withHold(rules: Rules = {}): Promise<TestSale> {
  const items = { hat: { stock: 2, limit: 2 }, shoe: 1 };
  const sale = await redis.sale({ items, holdSeconds: 20, passSeconds: 60, ...rules });
  await sale.admit(["ann"], 0);
  await sale.reserve("ann", "r1", { hat: 2, shoe: 1 }, 1);
  return sale;
}

describe("the words, in order of precedence", () => {
  test("not_found: no such reservation, another's, or a Redis that lost it", async () => {
    const sale = await withHold();
    await sale.confirm("ann", "r1", 2);
    expect(await sale.giveBack("ann", "r2", 3)).toBe("not_found");
    expect(await sale.giveBack("bob", "r1", 3)).toBe("not_found");
    expect(await sale.books()).toEqual([]);
    await redis.gateway.wipe();
    expect(await sale.giveBack("ann", "r1", 3)).toBe("not_found");
    expect(await redis.gateway.redis.command("DBSIZE")).toBe(0);
  });

  test("already_confirmed: an order is not given back", async () => {
    const sale = await withHold();
    await sale.confirm("ann", "r1", 2);
    const before = await sale.state();
    expect(await sale.giveBack("ann", "r1", 3)).toBe("already_confirmed");
    expect(await sale.state()).toEqual(before);
  });

  test("again: after giving back and after expiry, and nothing changes", async () => {
    const sale = await withHold();
    await sale.giveBack("ann", "r1", 2);
    await sale.reserve("ann", "r2", { shoe: 1 }, 3);
    await sale.expire(23);
    const before = await sale.state();
    expect(await sale.giveBack("ann", "r1", 24)).toBe("again");
    expect(await sale.giveBack("ann", "r2", 24)).toBe("again");
    expect(await sale.state()).toEqual(before);
  });

  test("released: all lines come back, and another shopper can hold them", async () => {
    const sale = await withHold();
    expect(await sale.giveBack("ann", "r1", 2)).toBe("released");
    expect(await sale.books()).toEqual([]);
    await sale.crowd(["bob"], 5);
    expect((await sale.reserve("bob", "r2", { hat: 2, shoe: 1 }, 5))[0]).toBe("held");
  });

  test("released also past the end, as long as nobody has expired the hold", async () => {
    const sale = await withHold();
    expect(await sale.giveBack("ann", "r1", 22)).toBe("released");
    expect(await sale.expire(22)).toEqual({ expired: 0, seen: 0 });
    expect(await sale.books()).toEqual([]);
  });
});

test("20 times at once returns the units once", async () => {
  const sale = await withHold();
  const words = await Promise.all(Array.from({ length: 20 }, () => sale.giveBack("ann", "r1", 2)));
  expect(counted(words)).toEqual({ released: 1, again: 19 });
  expect((await sale.state()).stock.get("available")).toBe("3");
  expect(await sale.books()).toEqual([]);
});

test("with the look at the state removed, units return twice and the books do not balance", async () => {
  const sale = await withHold();
  sale.scripts.giveBack = broken(releaseScript, "if record.state ~= 'held' then", "if false then");
  await sale.giveBack("ann", "r1", 2);
  await sale.giveBack("ann", "r1", 3);
  expect(await sale.books()).toContain("held:hat is -2");
});

test("50 who give back while 50 reserve: every unit is in one place", async () => {
  const sale = await redis.sale({ items: { shoe: 50, hat: 50 } });
  await sale.crowd([...people(50), ...people(50, "t")], 0);
  await Promise.all(people(50).map((s) => sale.reserve(s, `r-${s}`, { shoe: 1, hat: 1 }, 1)));
  const replies = await Promise.all(
    people(50).flatMap((s, i) => [
      sale.giveBack(s, `r-${s}`, 2),
      sale.reserve(people(50, "t")[i] ?? "", `u-${s}`, { shoe: 1, hat: 1 }, 2).then(([word]) => word),
    ]),
  );
  const words = counted(replies);
  expect(words.released).toBe(50);
  expect((words.held ?? 0) + (words.sold_out ?? 0)).toBe(50);
  expect((await sale.state()).holds.size).toBe(words.held ?? 0);
  expect(await sale.books()).toEqual([]);
});

describe("the room inside", () => {
  test("is kept until the pass ends, and not for as long as the hold would have", async () => {
    const sale = await withHold({ capacity: 1, passSeconds: 60, holdSeconds: 600 });
    await sale.join("bob", 1);
    await sale.giveBack("ann", "r1", 2);
    expect(await sale.tick(59)).toMatchObject({ released: 0, inside: 1 });
    expect(await sale.tick(60)).toMatchObject({ released: 1, inside: 1 });
  });

  test("is not given back to a shopper who left", async () => {
    const sale = await withHold({ capacity: 1 });
    await sale.leave("ann");
    await sale.giveBack("ann", "r1", 2);
    expect((await sale.tick(5)).inside).toBe(0);
  });
});
