/** publish.lua and set-mode.lua: a sale comes to Redis once per epoch, and the operator's mode. */
import { describe, expect, test } from "vitest";
import { runScript } from "../../functions/redis/client.ts";
import { publishScript } from "../../functions/sale/sale.ts";
import { publishAs, withRedis } from "../support/redis.ts";
import { broken, counted, people, type TestSale } from "../support/sale.ts";

const redis = withRedis();

/** The call as it is on the wire: one field of the sale hash, then those of the stock hash. */
async function publish(sale: TestSale, epoch: number, units: number, script = publishScript) {
  const fields = ["unsold", units, "available", units, "available:shoe", units];
  return await runScript(
    redis.services.redis,
    script,
    [sale.keys.sale, sale.keys.stock],
    [epoch, 2, ...fields],
  );
}

describe("an epoch", () => {
  test("is published once of 20 calls at once", async () => {
    const sale = await redis.sale();
    const replies = await Promise.all(Array.from({ length: 20 }, () => publish(sale, 2, 10)));
    expect(counted(replies.map(([word]) => word))).toEqual({ published: 1, again: 19 });
    expect(new Set(replies.map(([, epoch]) => epoch))).toEqual(new Set([2]));
  });

  test("again: the same or an older one changes nothing, and answers the one in force", async () => {
    const sale = await redis.sale();
    expect(await publish(sale, 5, 7)).toEqual(["published", 5]);
    const before = await sale.state();
    expect(await publish(sale, 5, 99)).toEqual(["again", 5]);
    expect(await publish(sale, 4, 99)).toEqual(["again", 5]);
    expect(await sale.state()).toEqual(before);
  });

  test("published again while it sells, the stock is not set anew", async () => {
    const sale = await redis.sale({ items: { shoe: 3 } });
    await sale.admit(["ann"], 0);
    await sale.reserve("ann", "r1", { shoe: 1 }, 1);
    await sale.confirm("ann", "r1", 2);
    await publishAs(redis, sale.definition, 1);
    expect((await sale.state()).stock.get("available:shoe")).toBe("2");
    expect(await sale.books()).toEqual([]);
  });

  test("with the look at the epoch removed, a repeat sells the stock anew and the books do not balance", async () => {
    const sale = await redis.sale({ items: { shoe: 3 } });
    await sale.admit(["ann"], 0);
    await sale.reserve("ann", "r1", { shoe: 1 }, 1);
    await publish(sale, 1, 3, broken(publishScript, "if inForce and inForce >= epoch then", "if false then"));
    expect(await sale.books()).toContain("the sum of shoe is 4, not 3");
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

describe("the mode", () => {
  test("missing: an emptied Redis does not come to look like one that knows the sale", async () => {
    const sale = await redis.sale();
    await redis.gateway.wipe();
    expect(await sale.setMode("normal", 0)).toEqual({ word: "missing", before: "" });
    expect(await redis.gateway.redis.command("DBSIZE")).toBe(0);
  });

  test("sale_ended from closing on, else set; both tell the mode before", async () => {
    const sale = await redis.sale();
    expect(await sale.setMode("hold", -9999)).toEqual({ word: "set", before: "normal" });
    expect(await sale.setMode("hold", 3599.999)).toEqual({ word: "set", before: "hold" });
    expect(await sale.setMode("normal", 3600)).toEqual({ word: "sale_ended", before: "hold" });
    expect((await sale.tick(3600)).mode).toBe("hold");
  });

  test("leaves those inside what they have, except that reject sells nothing", async () => {
    const sale = await redis.sale();
    await sale.admit(["ann", "bob"], 0);
    await sale.setMode("reject", 1);
    expect(await sale.reserve("ann", "r1", { shoe: 1 }, 1)).toEqual(["on_hold"]);
    for (const mode of ["hold", "drain"] as const) {
      await sale.setMode(mode, 2);
      expect((await sale.reserve(mode === "hold" ? "ann" : "bob", `r-${mode}`, { shoe: 1 }, 2))[0]).toBe(
        "held",
      );
    }
  });
});
