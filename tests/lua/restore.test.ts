/** restore.lua: what Postgres knows of a lost sale's reservations comes back part by part, each once. */
import { describe, expect, test } from "vitest";
import { restoreScript } from "../../functions/sale/rebuild.ts";
import { imbalances } from "../support/books.ts";
import { withRedis } from "../support/redis.ts";
import { broken, type TestSale } from "../support/sale.ts";

const redis = withRedis();

type State = "held" | "confirmed" | "released" | "expired";
const record = (sale: TestSale, id: string, shopper: string, state: State, quantity = 1) => ({
  id,
  shopper,
  number: 1,
  state,
  lines: [{ sku: "shoe", quantity, price: 0 }],
  total: 0,
  currency: "EUR",
  heldAtMs: sale.at(0),
  expiresAtMs: sale.at(600),
  changedAtMs: sale.at(1),
});

/** Ann bought three and gave one back, bob holds two, cat's hold ended. */
const recordsOf = (sale: TestSale) => [
  record(sale, "r1", "ann", "confirmed", 3),
  record(sale, "r2", "ann", "released"),
  record(sale, "r3", "bob", "held", 2),
  record(sale, "r4", "cat", "expired", 4),
];
const postgres = { epoch: 2, numbersUntil: 30, nowServing: 5, held: { shoe: 2 }, confirmed: { shoe: 3 } };

async function lost(): Promise<TestSale> {
  const sale = await redis.sale({ items: { shoe: { stock: 10, limit: 4 } } });
  await sale.lose();
  return sale;
}

/** What does not add up after a rebuild. */
const faults = async (sale: TestSale) =>
  imbalances(await sale.state(), new Map(recordsOf(sale).map((r) => [r.id, r])));

describe("the words, in order of precedence", () => {
  test("again: nothing of a sale that Redis knows is touched", async () => {
    const sale = await redis.sale();
    await sale.admit(["ann"], 0);
    await sale.reserve("ann", "r1", { shoe: 1 }, 1);
    const before = await sale.state();
    expect(await sale.restore(2)).toBe("again");
    expect(await sale.restore(9, recordsOf(sale))).toBe("again");
    expect(await sale.state()).toEqual(before);
    expect(await redis.gateway.redis.command("EXISTS", sale.keys.rebuild)).toBe(0);
  });

  test("superseded: a rebuild that a later one has overtaken changes nothing", async () => {
    const sale = await lost();
    expect(await sale.restore(3, recordsOf(sale).slice(0, 1))).toBe("restored");
    expect(await sale.restore(2, recordsOf(sale))).toBe("superseded");
    expect([...(await sale.state()).reservations.keys()]).toEqual(["r1"]);
  });

  test("restored: the sale is not for sale before it is published", async () => {
    const sale = await lost();
    expect(await sale.restore(2, recordsOf(sale))).toBe("restored");
    expect((await sale.join("ann", 1)).word).toBe("missing");
    expect(await sale.tickReply(1)).toEqual({ word: "missing" });
    expect((await sale.reserve("bob", "r9", { shoe: 1 }, 1))[0]).toBe("missing");
  });
});

describe("what comes back", () => {
  test("is every record once, with holds, limits and room, however often a part is sent", async () => {
    const sale = await lost();
    const [first = {}, ...rest] = recordsOf(sale);
    for (const part of [[], [], [first], [first], rest, rest]) await sale.restore(2, part);
    await sale.publish(postgres);
    expect(await faults(sale)).toEqual([]);
    const { reservations, holds, inside, shoppers } = await sale.state();
    expect(Object.fromEntries(reservations)).toEqual(
      Object.fromEntries(recordsOf(sale).map((restored) => [restored.id, restored])),
    );
    expect(Object.fromEntries(holds)).toEqual({ r3: sale.at(600) });
    expect(Object.fromEntries(inside)).toEqual({ bob: sale.at(600) });
    expect(Object.fromEntries(shoppers)).toEqual({ "ann/shoe": "3", bob: "r3", "bob/shoe": "2" });
  });

  test("lives on: a hold is confirmed, a limit counts, units return", async () => {
    const sale = await lost();
    await sale.restore(2, recordsOf(sale));
    await sale.publish(postgres);
    await sale.join("ann", 1, { old: { number: 1, epoch: 1 } });
    expect((await sale.enter("ann", 1)).word).toBe("entered");
    expect(await sale.reserve("ann", "r5", { shoe: 2 }, 1)).toEqual(["limit_reached", "shoe", ""]);
    expect((await sale.reserve("ann", "r5", { shoe: 1 }, 1))[0]).toBe("held");
    // A repeat of what was asked before the loss is answered as it was.
    expect((await sale.reserve("bob", "r3", { shoe: 2 }, 1))[0]).toBe("again");
    expect((await sale.confirm("bob", "r3", 2))[0]).toBe("confirmed");
    expect(await sale.giveBack("ann", "r5", 2)).toBe("released");
    expect(await faults(sale)).toEqual([]);
  });

  test("after a hold's end is still ended by expire", async () => {
    const sale = await lost();
    await sale.restore(2, recordsOf(sale));
    await sale.publish(postgres);
    expect(await sale.expire(600)).toEqual({ expired: 1, seen: 1 });
    expect((await sale.state()).stock.get("available")).toBe("7");
    expect(await faults(sale)).toEqual([]);
  });

  test("with a part counted each time it is sent, the limits are wrong", async () => {
    const sale = await lost();
    sale.scripts.restore = broken(
      restoreScript,
      "== 1 then\n    if record.state",
      "< 2 then\n    if record.state",
    );
    for (const part of [recordsOf(sale), recordsOf(sale)]) await sale.restore(2, part);
    await sale.publish(postgres);
    expect(await faults(sale)).toContain("ann/shoe is 6, not 3");
  });
});

describe("the first part", () => {
  test("clears what a partial loss left over, and what an earlier rebuild brought back", async () => {
    const sale = await redis.sale({ items: { shoe: { stock: 10, limit: 4 } }, lobby: "draw" });
    await sale.join("dan", -10);
    await sale.admit(["eve"], 0);
    await sale.reserve("eve", "r9", { shoe: 1 }, 1);
    await redis.gateway.redis.command("DEL", sale.keys.sale);
    await sale.restore(2, recordsOf(sale).slice(0, 2));
    await sale.restore(3);
    const { waitlist, lobby, released, inside, reservations, shoppers, holds, outbox, stock } =
      await sale.state();
    for (const part of [waitlist, lobby, released, inside, reservations, shoppers, holds, stock])
      expect(part.size).toBe(0);
    expect(outbox).toEqual([]);
    await sale.restore(3, recordsOf(sale));
    await sale.publish({ ...postgres, epoch: 3 });
    expect(await faults(sale)).toEqual([]);
  });

  test("until the stock is there again no record changes, so none is changed unseen", async () => {
    const sale = await redis.sale({ items: { shoe: { stock: 10, limit: 4 } } });
    await redis.gateway.redis.command("DEL", sale.keys.sale);
    await sale.restore(2, recordsOf(sale));
    const before = await sale.state();
    expect(await sale.confirm("bob", "r3", 1)).toEqual(["missing"]);
    expect(await sale.giveBack("bob", "r3", 1)).toBe("not_found");
    expect(await sale.expire(9999)).toEqual({ expired: 0, seen: 0 });
    expect(await sale.state()).toEqual(before);
    await sale.publish(postgres);
    expect((await sale.confirm("bob", "r3", 2))[0]).toBe("confirmed");
    expect(await faults(sale)).toEqual([]);
  });

  test("with the stock left there, a hold could end unseen by the stock that is published", async () => {
    const sale = await redis.sale({ items: { shoe: { stock: 10, limit: 4 } } });
    await redis.gateway.redis.command("DEL", sale.keys.sale);
    sale.scripts.restore = broken(restoreScript, "'DEL', sale, stock, waitlist", "'DEL', sale, waitlist");
    await sale.restore(2, recordsOf(sale));
    await sale.expire(9999);
    await sale.publish(postgres);
    expect(await faults(sale)).toContain("held:shoe is 2, not 0");
  });
});
