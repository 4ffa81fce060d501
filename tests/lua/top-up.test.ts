/** top-up.lua, and top-up.ts, which calls it: units come once, and the sale sells again. */
import { describe, expect, test } from "vitest";
import { runScript } from "../../functions/redis/client.ts";
import { topUpScript } from "../../functions/sale/top-up.ts";
import { withRedis } from "../support/redis.ts";
import type { TestSale } from "../support/sale.ts";

const redis = withRedis();

const topUp = (sale: TestSale, id: string, units: number, { second = 0, sku = "shoe" } = {}) => {
  const { keys } = sale;
  return runScript(
    redis.services.redis,
    topUpScript,
    [keys.sale, keys.stock, keys.topups, keys.outbox],
    [sale.at(second), id, sku, units, 10_000_000],
  );
};

describe("the words, in order of precedence", () => {
  test("again and conflicting_replay, even after closing; missing; sale_ended; unknown_sku; too_many; added", async () => {
    const sale = await redis.sale({ items: { shoe: 5 } });
    expect(await topUp(sale, "t1", 3)).toEqual(["added", 8]);
    expect(await topUp(sale, "t1", 3, { second: 3600 })).toEqual(["again", 8]);
    expect(await topUp(sale, "t1", 4, { second: 3600 })).toEqual(["conflicting_replay", 8]);
    expect(await topUp(sale, "t2", 1, { second: 3600 })).toEqual(["sale_ended", 8]);
    expect(await topUp(sale, "t2", 1, { sku: "boat" })).toEqual(["unknown_sku", 0]);
    expect(await topUp(sale, "t2", 9_999_993)).toEqual(["too_many", 8]);
    expect(await sale.books()).toEqual([]);
    await sale.lose();
    expect(await topUp(sale, "t3", 1)).toEqual(["missing", 0]);
    expect(await redis.gateway.redis.command("EXISTS", ...Object.values(sale.keys))).toBe(0);
  });
});

test("a sale that is sold out sells again, up to what was added", async () => {
  const sale = await redis.sale({ items: { shoe: { stock: 1, limit: 5 } } });
  await sale.admit(["ann"], 0);
  await sale.reserve("ann", "r1", { shoe: 1 }, 0);
  await sale.confirm("ann", "r1", 0);
  expect((await sale.join("bob", 1)).word).toBe("sold_out");
  const calls = Array.from({ length: 20 }, () => topUp(sale, "t1", 2, { second: 1 }));
  expect((await Promise.all(calls)).filter(([word]) => word === "added")).toHaveLength(1);
  expect((await sale.join("bob", 2)).word).toBe("joined");
  await sale.tick(5);
  await sale.enter("bob", 5);
  expect((await sale.reserve("bob", "r2", { shoe: 3 }, 5))[0]).toBe("sold_out");
  expect((await sale.reserve("bob", "r2", { shoe: 2 }, 5))[0]).toBe("held");
  expect(await sale.books()).toEqual([]);
});
