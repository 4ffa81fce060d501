/** reserve.lua: what a hold says and keeps, the limit per shopper, lines of one item, and holds past their end. */
import { describe, expect, test } from "vitest";
import type { PassClaims } from "../../domain/token.ts";
import { reserve, reserveScript } from "../../functions/reservation/reservation.ts";
import { unitsIn } from "../support/books.ts";
import { withRedis } from "../support/redis.ts";
import { broken } from "../support/sale.ts";

const redis = withRedis();

describe("the record", () => {
  test("says what is held, for how much, and until when", async () => {
    const items = { shoe: { stock: 9, price: 4999, limit: 2 }, hat: { stock: 9, price: 1000 } };
    const sale = await redis.sale({ items, holdSeconds: 20 });
    await sale.admit(["ann"], 0);
    const [, record] = await sale.reserve("ann", "r1", { shoe: 2, hat: 1 }, 3);
    expect(record).toEqual({
      id: "r1",
      shopper: "ann",
      number: 1,
      state: "held",
      lines: [
        { sku: "hat", quantity: 1, price: 1000 },
        { sku: "shoe", quantity: 2, price: 4999 },
      ],
      total: 10_998,
      currency: "EUR",
      heldAtMs: sale.at(3),
      expiresAtMs: sale.at(23),
      changedAtMs: sale.at(3),
    });
  });

  test("a hold keeps the room inside for as long as it lasts", async () => {
    const sale = await redis.sale({ capacity: 1, passSeconds: 10, holdSeconds: 60 });
    await sale.admit(["ann"], 0);
    await sale.reserve("ann", "r1", { shoe: 1 }, 5);
    await sale.join("bob", 5);
    expect((await sale.tick(60)).released).toBe(0);
    expect((await sale.tick(65)).released).toBe(1);
  });
});

describe("the limit per shopper", () => {
  test("counts what is held and what is confirmed, over all reservations", async () => {
    const sale = await redis.sale({ items: { shoe: { stock: 10, limit: 3 } } });
    await sale.admit(["ann"], 0);
    await sale.reserve("ann", "r1", { shoe: 2 }, 1);
    await sale.confirm("ann", "r1", 2);
    await sale.enter("ann", 3);
    expect(await sale.reserve("ann", "r2", { shoe: 2 }, 3)).toEqual(["limit_reached", "shoe", ""]);
    expect((await sale.reserve("ann", "r3", { shoe: 1 }, 3))[0]).toBe("held");
    expect(await sale.books()).toEqual([]);
  });

  test("forgets what was given back or has expired", async () => {
    const sale = await redis.sale({ holdSeconds: 20 });
    await sale.admit(["ann"], 0);
    await sale.reserve("ann", "r1", { shoe: 1 }, 1);
    await sale.giveBack("ann", "r1", 2);
    await sale.reserve("ann", "r2", { shoe: 1 }, 3);
    await sale.expire(23);
    expect((await sale.reserve("ann", "r3", { shoe: 1 }, 24))[0]).toBe("held");
    expect(await sale.books()).toEqual([]);
  });

  test("with its check removed, the books show who has too many", async () => {
    const sale = await redis.sale();
    sale.scripts.reserve = broken(reserveScript, "+ line.quantity > limit", "+ line.quantity > 99");
    await sale.admit(["ann"], 0);
    await sale.reserve("ann", "r1", { shoe: 2 }, 1);
    expect(await sale.books()).toContain("ann has 2 of shoe");
  });
});

describe("lines of the same item", () => {
  test("are summed before anything is checked", async () => {
    const opensAtMs = Date.now() - 1_000_000;
    const sale = await redis.sale({ opensAtMs, items: { shoe: { stock: 3, limit: 2 }, hat: 1 } });
    await sale.crowd(["ann", "bob"], 1000);
    const one = { sku: "shoe", quantity: 1 };
    const three = { reservationId: "r1", lines: [one, one, one] };
    const pass = { kind: "pass", sale: sale.id, identity: "anyone", ...sale.passOf("ann") } as const;
    expect(await reserve(redis.services, { ...pass, shopper: "ann" }, three)).toMatchObject({
      refused: "limit_reached",
    });
    const two = { reservationId: "r2", lines: [one, { sku: "hat", quantity: 1 }, one] };
    expect(await reserve(redis.services, { ...pass, shopper: "ann" }, two)).toMatchObject({ created: true });
    const again = {
      reservationId: "r2",
      lines: [
        { sku: "shoe", quantity: 2 },
        { sku: "hat", quantity: 1 },
      ],
    };
    expect(await reserve(redis.services, { ...pass, shopper: "ann" }, again)).toMatchObject({
      created: false,
    });
    const short = { reservationId: "r3", lines: [one, one] };
    expect(await reserve(redis.services, { ...pass, shopper: "bob" }, short)).toMatchObject({
      refused: "sold_out",
      evidence: { left: [{ sku: "shoe", left: 1 }] },
    });
    expect(await sale.books()).toEqual([]);
  });

  test("sent without being summed, they would unbalance the books", async () => {
    const sale = await redis.sale();
    await sale.admit(["ann"], 0);
    const one = { sku: "shoe", quantity: 1 };
    await sale.reserve("ann", "r1", [one, one], 1);
    expect(await sale.books()).not.toEqual([]);
  });
});

describe("holds past their end", () => {
  test("that stand in the way are ended first, and the units sold in the same call", async () => {
    const sale = await redis.sale({ opensAtMs: Date.now() - 1_000_000, items: { shoe: 1 }, holdSeconds: 20 });
    await sale.crowd(["ann"], 0);
    await sale.reserve("ann", "r1", { shoe: 1 }, 1);
    await sale.crowd(["bob"], 1000);
    const pass: PassClaims = {
      kind: "pass",
      sale: sale.id,
      shopper: "bob",
      identity: "anyone",
      ...sale.passOf("bob"),
    };
    const wish = { reservationId: "r2", lines: [{ sku: "shoe", quantity: 1 }] };
    expect(await reserve(redis.services, pass, wish)).toMatchObject({ created: true });
    const state = await sale.state();
    expect(state.reservations.get("r1")?.state).toBe("expired");
    expect(unitsIn(state, "shoe", ["held"], "bob")).toBe(1);
    expect(await sale.books()).toEqual([]);
  });
});
