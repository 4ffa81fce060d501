/** confirm.lua: from a hold to an order, once, and never for a hold that has ended. */
import { describe, expect, test } from "vitest";
import { confirmScript } from "../../functions/checkout/payment.ts";
import { withRedis, type Rules } from "../support/redis.ts";
import { broken, counted, people, type TestSale } from "../support/sale.ts";

const redis = withRedis();

/** A sale in which ann holds "r1" from second 1 to second 21. */
async function withHold(rules: Rules = {}): Promise<TestSale> {
  const sale = await redis.sale({ holdSeconds: 20, ...rules });
  await sale.admit(["ann"], 0);
  await sale.reserve("ann", "r1", { shoe: 1 }, 1);
  return sale;
}

describe("the words, in order of precedence", () => {
  test("missing: a Redis that lost the sale decides nothing", async () => {
    const sale = await withHold();
    await redis.gateway.wipe();
    expect(await sale.confirm("ann", "r1", 2)).toEqual(["missing"]);
    expect(await sale.confirm("", "r1", 2, 100, { payment: "pi_1" })).toEqual(["missing"]);
    expect(await redis.gateway.redis.command("DBSIZE")).toBe(0);
  });

  test("not_found: no such reservation, or another's; a payment need not say whose it is", async () => {
    const sale = await withHold({ items: { shoe: { stock: 5, price: 100 } } });
    expect(await sale.confirm("ann", "r2", 2)).toEqual(["not_found"]);
    expect(await sale.confirm("bob", "r1", 2)).toEqual(["not_found"]);
    expect(await sale.books()).toEqual([]);
    expect((await sale.confirm("", "r1", 2, 100, { payment: "pi_1" }))[0]).toBe("confirmed");
  });

  test("again comes before every other refusal", async () => {
    const sale = await withHold({ items: { shoe: { stock: 5, price: 100 } } });
    await sale.confirm("ann", "r1", 2, 100);
    const before = await sale.state();
    const reply = await sale.confirm("ann", "r1", 9999, 0);
    expect(reply).toMatchObject(["again", { state: "confirmed", changedAtMs: sale.at(2) }]);
    expect(await sale.state()).toEqual(before);
  });

  test("reservation_expired from the very end of the hold, expired yet or not", async () => {
    const sale = await withHold({ items: { shoe: { stock: 5, price: 100 } } });
    expect(await sale.confirm("ann", "r1", 21)).toMatchObject(["reservation_expired", { state: "held" }]);
    await sale.expire(21);
    expect(await sale.confirm("ann", "r1", 2)).toMatchObject(["reservation_expired", { state: "expired" }]);
  });

  test("reservation_expired after giving back", async () => {
    const sale = await withHold();
    await sale.giveBack("ann", "r1", 2);
    expect(await sale.confirm("ann", "r1", 3)).toMatchObject(["reservation_expired", { state: "released" }]);
    expect(await sale.books()).toEqual([]);
  });

  test("payment_needed while less than the total is authorised; then confirmed", async () => {
    const sale = await withHold({ items: { shoe: { stock: 5, price: 100 } } });
    expect(await sale.confirm("ann", "r1", 2, 99)).toMatchObject(["payment_needed", { total: 100 }]);
    expect(await sale.books()).toEqual([]);
    expect(await sale.confirm("ann", "r1", 20.999, 100)).toMatchObject(["confirmed", { state: "confirmed" }]);
    expect(await sale.books()).toEqual([]);
  });
});

test("20 times at once confirms once, and all get the same record", async () => {
  const sale = await withHold();
  const replies = await Promise.all(Array.from({ length: 20 }, () => sale.confirm("ann", "r1", 2)));
  expect(counted(replies.map(([word]) => word))).toEqual({ confirmed: 1, again: 19 });
  expect(new Set(replies.map(([, record]) => JSON.stringify(record))).size).toBe(1);
  expect(await sale.books()).toEqual([]);
});

test("with the look at the state removed, a second confirm unbalances the books", async () => {
  const sale = await withHold();
  const state = "if record.state == 'confirmed' or record.state == 'refunded' then";
  sale.scripts.confirm = broken(confirmScript, state, "if false then");
  sale.scripts.confirm = broken(sale.scripts.confirm, "record.state == 'held' and (", "(");
  sale.scripts.confirm = broken(
    sale.scripts.confirm,
    "record.state == 'held' and 'held:' or 'available:'",
    "'held:'",
  );
  sale.scripts.confirm = broken(sale.scripts.confirm, "if record.state ~= 'held' then", "if false then");
  await sale.confirm("ann", "r1", 2);
  await sale.confirm("ann", "r1", 3);
  expect(await sale.books()).toContain("held:shoe is -1");
});

test("with the outbox entry left out, the books do not balance", async () => {
  const sale = await withHold();
  sale.scripts.confirm = broken(confirmScript, "redis.call('XADD', outbox, '*', 'event', after)");
  await sale.confirm("ann", "r1", 2);
  expect(await sale.books()).toEqual([expect.stringContaining("the last outbox entry of r1 is")]);
});

test("with the hold left on the list, the books do not balance", async () => {
  const sale = await withHold();
  sale.scripts.confirm = broken(confirmScript, "redis.call('ZREM', holds, id)");
  await sale.confirm("ann", "r1", 2);
  expect(await sale.books()).toContain("the number of holds is 1, not 0");
});

test("of confirm, give-back and expiry of the same hold at once, exactly one wins", async () => {
  const sale = await redis.sale({ items: { shoe: 60 }, holdSeconds: 20, passSeconds: 30 });
  const winners: string[] = [];
  for (const [i, shopper] of people(60).entries()) {
    const [start, id] = [i * 25, `r-${shopper}`];
    await sale.crowd([shopper], start);
    await sale.reserve(shopper, id, { shoe: 1 }, start);
    const contest = [
      async () => ((await sale.confirm(shopper, id, start + 19))[0] === "confirmed" ? ["confirmed"] : []),
      async () => ((await sale.giveBack(shopper, id, start + 19)) === "released" ? ["released"] : []),
      async () => ((await sale.expire(start + 20)).expired === 1 ? ["expired"] : []),
    ];
    // Each in turn is sent first.
    const order = [...contest.slice(i % 3), ...contest.slice(0, i % 3)];
    const won = (await Promise.all(order.map((run) => run()))).flat();
    expect(won).toEqual([(await sale.state()).reservations.get(id)?.state]);
    winners.push(...won);
  }
  expect(new Set(winners)).toEqual(new Set(["confirmed", "released", "expired"]));
  expect(await sale.books()).toEqual([]);
});

test("an order frees the room inside at once, and the next comes in for what is left", async () => {
  const sale = await withHold({ capacity: 1 });
  await sale.join("bob", 2);
  expect((await sale.tick(5)).released).toBe(0);
  await sale.confirm("ann", "r1", 6);
  expect((await sale.tick(10)).released).toBe(1);
  expect((await sale.enter("bob", 10)).word).toBe("entered");
  expect((await sale.reserve("ann", "r2", { shoe: 1 }, 10))[0]).toBe("limit_reached");
});

test("the last order sells the sale out", async () => {
  const sale = await withHold({ items: { shoe: 1 } });
  expect((await sale.tick(2)).unsold).toBe(1);
  await sale.confirm("ann", "r1", 3);
  expect((await sale.tick(4)).unsold).toBe(0);
});

describe("payments", () => {
  const priced = { items: { shoe: { stock: 2, price: 100, limit: 2 } }, passSeconds: 100 };
  const paid = { payment: "pi_1" };

  test("one that begins is noted once, with the way back; the confirmed record names the payment", async () => {
    const sale = await withHold(priced);
    const begin = (origin: string) => sale.confirm("ann", "r1", 2, 0, { origin });
    expect(await begin("https://a.example")).toMatchObject([
      "payment_needed",
      { returnTo: "https://a.example" },
    ]);
    expect(await begin("https://b.example")).toMatchObject([
      "payment_needed",
      { returnTo: "https://a.example" },
    ]);
    expect(await sale.books()).toEqual([]);
    expect(await sale.confirm("", "r1", 3, 100, paid)).toMatchObject(["confirmed", { intent: "pi_1" }]);
    expect(await sale.confirm("", "r1", 3, 100, { payment: "pi_2" })).toMatchObject([
      "again",
      { intent: "pi_1" },
    ]);
    expect(await sale.books()).toEqual([]);
  });

  test("one that has begun may be gone on with until it is closed, whatever the hold's end", async () => {
    const sale = await withHold(priced);
    await sale.confirm("ann", "r1", 2, 0, { origin: "https://a.example" });
    expect((await sale.confirm("ann", "r1", 30, 0, { origin: "https://a.example" }))[0]).toBe(
      "payment_needed",
    );
    await sale.expire(30, 200, ["r1"]);
    expect((await sale.confirm("ann", "r1", 31))[0]).toBe("reservation_expired");
    expect(await sale.books()).toEqual([]);
  });

  test("one made while the units are still held counts, also past the end of the hold", async () => {
    const sale = await withHold(priced);
    expect((await sale.confirm("ann", "r1", 22))[0]).toBe("reservation_expired");
    expect((await sale.confirm("", "r1", 22, 100, paid))[0]).toBe("confirmed");
    expect(await sale.books()).toEqual([]);
  });

  test.each(["expired", "released"])(
    "one that comes after it was %s takes the units again",
    async (state) => {
      const sale = await withHold(priced);
      if (state === "expired") await sale.expire(21);
      else await sale.giveBack("ann", "r1", 3);
      expect(await sale.confirm("", "r1", 23, 100, paid)).toMatchObject(["confirmed", { intent: "pi_1" }]);
      expect(await sale.books()).toEqual([]);
      expect((await sale.state()).outbox.map((entry) => entry.state)).toEqual([
        "held",
        state,
        "held",
        "confirmed",
      ]);
    },
  );

  test("one that comes too late is refused where the units, the limit or the sale are gone", async () => {
    const gone = await withHold({ ...priced, items: { shoe: { stock: 1, price: 100 } } });
    await gone.expire(21);
    await gone.crowd(["bob"], 21);
    await gone.reserve("bob", "r2", { shoe: 1 }, 21);
    expect((await gone.confirm("", "r1", 22, 100, paid))[0]).toBe("reservation_expired");
    expect(await gone.books()).toEqual([]);

    const limited = await withHold({ ...priced, items: { shoe: { stock: 5, price: 100, limit: 1 } } });
    await limited.expire(21);
    await limited.reserve("ann", "r2", { shoe: 1 }, 22);
    expect((await limited.confirm("", "r1", 23, 100, paid))[0]).toBe("reservation_expired");

    const over = await withHold({ ...priced, openSeconds: 60 });
    await over.expire(21);
    expect((await over.confirm("", "r1", 60, 100, paid))[0]).toBe("reservation_expired");
  });

  test("one that was refused stays refused when units come back: its money is on its way; another may have them", async () => {
    const sale = await withHold({ ...priced, items: { shoe: { stock: 1, price: 100 } } });
    await sale.expire(21);
    await sale.crowd(["bob"], 21);
    await sale.reserve("bob", "r2", { shoe: 1 }, 21);
    expect((await sale.confirm("", "r1", 22, 100, paid))[0]).toBe("reservation_expired");
    await sale.giveBack("bob", "r2", 23);
    expect((await sale.confirm("", "r1", 24, 100, paid))[0]).toBe("reservation_expired");
    expect((await sale.confirm("", "r1", 25, 100, { payment: "pi_2" }))[0]).toBe("confirmed");
    expect((await sale.confirm("", "r1", 26, 100, paid))[0]).toBe("again");
    expect(await sale.books()).toEqual([]);
  });

  test("with the stock not looked at, a late payment would sell what is gone", async () => {
    const sale = await withHold({ ...priced, items: { shoe: { stock: 1, price: 100 } } });
    await sale.expire(21);
    await sale.crowd(["bob"], 21);
    await sale.reserve("bob", "r2", { shoe: 1 }, 21);
    sale.scripts.confirm = broken(confirmScript, "tonumber(counts[3 * i]) < line.quantity or ");
    await sale.confirm("", "r1", 22, 100, paid);
    expect(await sale.books()).toContain("available:shoe is -1");
  });
});
