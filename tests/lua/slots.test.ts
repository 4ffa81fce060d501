/** Slots: units set aside that go to their holders, and to the line when they are not claimed: each once, at any minute. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { adopt } from "../../functions/reconciliation/books.ts";
import { returnSlotsScript } from "../../functions/registration/slots.ts";
import { expireScript } from "../../functions/reservation/expire.ts";
import { reserveScript } from "../../functions/reservation/reservation.ts";
import { definition, withRedis, type Rules } from "../support/redis.ts";
import { broken, counted, people, type TestSale } from "../support/sale.ts";

const redis = withRedis();
const CLAIM_UNTIL = 300;

function withSlots(count: number, rules: Rules = {}): Rules {
  const opensAtMs = definition(rules).opensAt;
  const claimUntil = new Date(Date.parse(opensAtMs) + CLAIM_UNTIL * 1000).toISOString();
  return { ...rules, slots: { count, allocation: "first_come", claimUntil } };
}

const stockOf = async (sale: TestSale, ...fields: string[]) => {
  const { stock } = await sale.state();
  return Object.fromEntries(fields.map((field) => [field, Number(stock.get(field))]));
};

describe("a slot", () => {
  test("is set aside when the sale is published, and nobody else can hold its unit", async () => {
    const sale = await redis.sale(withSlots(4, { items: { shoe: 5 } }));
    await sale.crowd(["ann", "bob"], 0);
    expect((await sale.reserve("ann", "r1", { shoe: 1 }, 1))[0]).toBe("held");
    expect((await sale.reserve("bob", "r2", { shoe: 1 }, 1))[0]).toBe("sold_out");
    expect(await stockOf(sale, "slots", "slots:shoe", "available")).toEqual({
      slots: 4,
      "slots:shoe": 4,
      available: 0,
    });
    expect(await sale.books()).toEqual([]);
  });

  test("lets its holder in at opening, without a place in line, and holds one unit", async () => {
    const sale = await redis.sale(withSlots(2, { items: { shoe: 2 } }));
    await sale.returnSlots(-10, 2);
    expect(await sale.admitHolder("ann", -0.001)).toBe("early");
    expect(await sale.admitHolder("ann", 0)).toBe("admitted");
    expect((await sale.reserve("ann", "r1", { shoe: 1 }, 1))[0]).toBe("held");
    expect((await sale.confirm("ann", "r1", 2))[0]).toBe("confirmed");
    expect(await sale.admitHolder("ann", 3)).toBe("again");
    expect(await stockOf(sale, "slots", "available", "held:shoe", "confirmed:shoe")).toEqual({
      slots: 1,
      available: 0,
      "held:shoe": 0,
      "confirmed:shoe": 1,
    });
    expect(await sale.books()).toEqual([]);
  });

  test("is good for one unit, once", async () => {
    const sale = await redis.sale(withSlots(2, { items: { shoe: { stock: 5, limit: 3 } } }));
    await sale.returnSlots(-10, 2);
    await sale.admitHolder("ann", 1);
    expect((await sale.reserve("ann", "r1", { shoe: 2 }, 1))[0]).toBe("limit_reached");
    await sale.reserve("ann", "r2", { shoe: 1 }, 1);
    await sale.confirm("ann", "r2", 2);
    expect((await sale.reserve("ann", "r3", { shoe: 1 }, 3))[0]).toBe("pass_expired");
    expect(await stockOf(sale, "slots", "available")).toEqual({ slots: 1, available: 3 });
    expect(await sale.books()).toEqual([]);
  });

  test("takes the item wished for, in exchange for the one set aside", async () => {
    const sale = await redis.sale(withSlots(1, { items: { s: 3, m: 1, l: 3 } }));
    await sale.returnSlots(-10, 1);
    const [aside] = [...(await sale.state()).stock].filter(([f, n]) => f.startsWith("slots:") && n === "1");
    const wished = aside?.[0] === "slots:m" ? "l" : "m";
    await sale.admitHolder("ann", 1);
    expect((await sale.reserve("ann", "r1", { [wished]: 1 }, 1))[0]).toBe("held");
    expect(await stockOf(sale, "slots", "available", `held:${wished}`)).toEqual({
      slots: 0,
      available: 6,
      [`held:${wished}`]: 1,
    });
    expect(await sale.books()).toEqual([]);
  });

  test("of which nothing wished for is left says what there is, and stays", async () => {
    const sale = await redis.sale(withSlots(1, { items: { s: 1, m: 9 } }));
    await sale.returnSlots(-10, 1);
    await sale.crowd(["bob"], 0);
    await sale.reserve("bob", "r0", { s: 1 }, 1);
    await sale.admitHolder("ann", 1);
    expect(await sale.reserve("ann", "r1", { s: 1 }, 1)).toEqual(["sold_out", ["s", 0]]);
    expect((await sale.reserve("ann", "r2", { m: 1 }, 2))[0]).toBe("held");
    expect(await sale.books()).toEqual([]);
  });

  test.each(["given back", "run out"])("whose hold was %s is its holder's again", async (how) => {
    const sale = await redis.sale(withSlots(1, { items: { shoe: 1 }, holdSeconds: 20 }));
    await sale.returnSlots(-10, 1);
    await sale.admitHolder("ann", 0);
    await sale.reserve("ann", "r1", { shoe: 1 }, 1);
    if (how === "given back") expect(await sale.giveBack("ann", "r1", 2)).toBe("released");
    else expect(await sale.expire(30)).toMatchObject({ expired: 1 });
    expect(await stockOf(sale, "slots", "available")).toEqual({ slots: 1, available: 0 });
    expect(await sale.books()).toEqual([]);
    expect((await sale.reserve("ann", "r2", { shoe: 1 }, 31))[0]).toBe("held");
    expect(await sale.books()).toEqual([]);
  });

  test.each(["given back", "run out"])("whose hold was %s after its time goes to the line", async (how) => {
    const sale = await redis.sale(withSlots(1, { items: { shoe: 1 }, holdSeconds: 20 }));
    await sale.returnSlots(-10, 1);
    await sale.admitHolder("ann", 0);
    await sale.reserve("ann", "r1", { shoe: 1 }, CLAIM_UNTIL - 10);
    if (how === "given back") expect(await sale.giveBack("ann", "r1", CLAIM_UNTIL)).toBe("released");
    else expect(await sale.expire(CLAIM_UNTIL + 10)).toMatchObject({ expired: 1 });
    expect(await stockOf(sale, "slots", "available")).toEqual({ slots: 0, available: 1 });
    expect(await sale.books()).toEqual([]);
  });

  test("ended with the expiry that forgets whose it was, would be lost to its holder", async () => {
    const sale = await redis.sale(withSlots(1, { items: { shoe: 1 }, holdSeconds: 20 }));
    sale.scripts.expire = broken(expireScript, "(record.slotUntilMs or 0) > now", "false");
    await sale.returnSlots(-10, 1);
    await sale.admitHolder("ann", 0);
    await sale.reserve("ann", "r1", { shoe: 1 }, 1);
    await sale.expire(30);
    expect(await stockOf(sale, "slots")).toEqual({ slots: 0 });
    expect((await sale.reserve("ann", "r2", { shoe: 1 }, 31))[0]).toBe("pass_expired");
  });

  test("is on hold with the sale, and has ended with it", async () => {
    const sale = await redis.sale(withSlots(1, { items: { shoe: 1 }, openSeconds: 400 }));
    for (const mode of ["hold", "drain", "reject"] as const) {
      await sale.setMode(mode, 0);
      expect(await sale.admitHolder("ann", 1)).toBe("on_hold");
    }
    await sale.setMode("normal", 2);
    expect(await sale.admitHolder("ann", CLAIM_UNTIL)).toBe("slot_ended");
    expect(await sale.admitHolder("ann", 400)).toBe("closed");
  });
});

describe("units nobody claims", () => {
  test("beyond the slots given go to the line as soon as that is decided, and once", async () => {
    const sale = await redis.sale(withSlots(6, { items: { s: 5, m: 10 } }));
    expect(await sale.returnSlots(-60)).toBe(0);
    expect(await sale.returnSlots(-50, 2)).toBe(4);
    expect(await sale.returnSlots(-50, 2)).toBe(0);
    expect(await stockOf(sale, "slots", "available")).toEqual({ slots: 2, available: 13 });
    expect(await sale.books()).toEqual([]);
  });

  test("go to the line at their minute, whoever notices, and once", async () => {
    const sale = await redis.sale(withSlots(5, { items: { shoe: 5 } }));
    await sale.returnSlots(-10, 5);
    expect(await sale.returnSlots(CLAIM_UNTIL - 0.001)).toBe(0);
    const answers = await Promise.all(Array.from({ length: 20 }, () => sale.returnSlots(CLAIM_UNTIL)));
    expect(answers.sort((a, b) => b - a)).toEqual([5, ...Array<number>(19).fill(0)]);
    expect(await stockOf(sale, "slots", "available")).toEqual({ slots: 0, available: 5 });
    expect(await sale.books()).toEqual([]);
  });

  test("are seen by the tick, which calls for their return and then releases the line", async () => {
    const sale = await redis.sale(withSlots(1, { items: { shoe: 1 } }));
    expect((await sale.tick(-1)).slotsDue).toBe(false);
    expect((await sale.tick(0)).slotsDue).toBe(true);
    await sale.returnSlots(0, 1);
    await sale.join("bob", 1);
    expect(await sale.tick(5)).toMatchObject({ slotsDue: false, released: 0, release: { boundBy: "stock" } });
    expect(await sale.tick(CLAIM_UNTIL)).toMatchObject({ slotsDue: true, released: 0 });
    await sale.returnSlots(CLAIM_UNTIL);
    expect(await sale.tick(CLAIM_UNTIL + 5)).toMatchObject({ slotsDue: false, released: 1 });
  });

  test("that stand in somebody's way are returned first", async () => {
    const sale = await redis.sale(withSlots(1, { items: { shoe: 1 } }));
    await sale.crowd(["bob"], CLAIM_UNTIL);
    expect(await sale.reserve("bob", "r1", { shoe: 1 }, CLAIM_UNTIL)).toEqual(["return_first"]);
    await sale.returnSlots(CLAIM_UNTIL);
    expect((await sale.reserve("bob", "r1", { shoe: 1 }, CLAIM_UNTIL))[0]).toBe("held");
    expect(await sale.books()).toEqual([]);
  });

  test("because their holder left go to the line, once, and let nobody in", async () => {
    const sale = await redis.sale(withSlots(2, { items: { shoe: 2 } }));
    await sale.returnSlots(-10, 2);
    expect(await sale.returnSlots(-5, 2, ["ann"])).toBe(1);
    expect(await sale.returnSlots(-5, 2, ["ann"])).toBe(0);
    expect(await sale.admitHolder("ann", 1)).toBe("slot_ended");
    expect(await sale.admitHolder("bob", 1)).toBe("admitted");
    expect(await sale.books()).toEqual([]);
  });

  test("of a holder who left after using the slot do not return", async () => {
    const sale = await redis.sale(withSlots(1, { items: { shoe: 1 } }));
    await sale.returnSlots(-10, 1);
    await sale.admitHolder("ann", 1);
    await sale.reserve("ann", "r1", { shoe: 1 }, 1);
    expect(await sale.returnSlots(2, 1, ["ann"])).toBe(0);
    expect(await sale.books()).toEqual([]);
  });
});

test.each(["given back", "run out"])(
  "a slot given up while it is used ends with its hold (%s), and its unit goes to the line",
  async (how) => {
    const sale = await redis.sale(withSlots(1, { items: { shoe: 1 }, holdSeconds: 20 }));
    await sale.returnSlots(-10, 1);
    await sale.admitHolder("ann", 1);
    await sale.reserve("ann", "r1", { shoe: 1 }, 1);
    for (let i = 0; i < 2; i++) expect(await sale.returnSlots(2, 1, ["ann"])).toBe(0);
    if (how === "given back") expect(await sale.giveBack("ann", "r1", 3)).toBe("released");
    else expect(await sale.expire(30)).toMatchObject({ expired: 1 });
    expect(await stockOf(sale, "slots", "available")).toEqual({ slots: 0, available: 1 });
    expect(await sale.admitHolder("ann", 31)).toBe("slot_ended");
    expect(await sale.returnSlots(31, 1)).toBe(0);
    expect(await sale.books()).toEqual([]);
  },
);

describe("a claim at the very minute of the return", () => {
  const raced = async (returnScript = returnSlotsScript, reserving = reserveScript) => {
    const sale = await redis.sale(withSlots(50, { items: { shoe: 50 }, capacity: 500 }));
    sale.scripts.returnSlots = returnScript;
    sale.scripts.reserve = reserving;
    await sale.returnSlots(-10, 50);
    const holders = people(50);
    for (const holder of holders) await sale.admitHolder(holder, 1);
    const words = await Promise.all(
      holders.flatMap((holder, i) => {
        const second = CLAIM_UNTIL + (i % 2 === 0 ? -0.001 : 0);
        const claim = sale.reserve(holder, `r-${holder}`, { shoe: 1 }, second).then(([word]) => word);
        return i % 5 === 0 ? [claim, sale.returnSlots(CLAIM_UNTIL).then(() => "returned")] : [claim];
      }),
    );
    return { sale, words: counted(words) };
  };

  test("wins or is told that its time is over: never both, never neither", async () => {
    const { sale, words } = await raced();
    const held = words["held"] ?? 0;
    await sale.returnSlots(CLAIM_UNTIL);
    // Who came in time but behind the return found nothing set aside; who came too late held nothing.
    expect(held + (words["pass_expired"] ?? 0)).toBe(50);
    expect(await stockOf(sale, "slots", "available", "held:shoe")).toEqual({
      slots: 0,
      available: 50 - held,
      "held:shoe": held,
    });
    expect(await sale.books()).toEqual([]);
  });
});

test("an order by a slot that Redis has forgotten uses the slot again, and nobody else's unit", async () => {
  const sale = await redis.sale(withSlots(2, { items: { shoe: 2 } }));
  await sale.returnSlots(-10, 2);
  await sale.admitHolder("ann", 1);
  await sale.reserve("ann", "r1", { shoe: 1 }, 1);
  const [, record] = await sale.confirm("ann", "r1", 2);
  await sale.lose();
  await sale.publish({ slotsGiven: 2 });
  expect(await stockOf(sale, "slots", "available", "confirmed:shoe")).toEqual({
    slots: 2,
    available: 0,
    "confirmed:shoe": 0,
  });
  if (record === undefined) throw new Error("no record");
  expect(await adopt(redis.services, sale.id, record, "")).toBe("adopted");
  expect(await stockOf(sale, "slots", "available", "confirmed:shoe", "unsold")).toEqual({
    slots: 1,
    available: 0,
    "confirmed:shoe": 1,
    unsold: 1,
  });
  expect(await sale.admitHolder("ann", 3)).toBe("again");
  expect(await sale.returnSlots(4, 2)).toBe(0);
});

test("a rebuild knows who has used a slot", async () => {
  const sale = await redis.sale(withSlots(3, { items: { shoe: 3 } }));
  await sale.returnSlots(-10, 3);
  await sale.admitHolder("ann", 1);
  await sale.reserve("ann", "r1", { shoe: 1 }, 1);
  const records = [...(await sale.state()).reservations.values()];
  await sale.lose();
  await sale.restore(2, []);
  await sale.restore(2, records);
  await sale.publish({ epoch: 2, held: { shoe: 1 }, slots: { shoe: 2 }, slotsGiven: 3 });
  expect(await sale.admitHolder("ann", 5)).toBe("again");
  expect(await sale.returnSlots(5)).toBe(0);
  expect(await sale.admitHolder("bob", 5)).toBe("admitted");
  expect(await stockOf(sale, "slots", "held:shoe", "available")).toEqual({
    slots: 2,
    "held:shoe": 1,
    available: 0,
  });
});

test("whatever holders and others do, each unit is in one place and each slot is used once", async () => {
  const holders = people(6, "h");
  const others = people(3, "o");
  const step = fc.oneof(
    fc.record({
      do: fc.constant("claim" as const),
      who: fc.constantFrom(...holders),
      sku: fc.constantFrom("s", "m"),
    }),
    fc.record({
      do: fc.constant("reserve" as const),
      who: fc.constantFrom(...others),
      sku: fc.constantFrom("s", "m"),
    }),
    fc.record({ do: fc.constant("confirm" as const), which: fc.nat(9) }),
    fc.record({ do: fc.constant("giveBack" as const), which: fc.nat(9) }),
    fc.record({ do: fc.constant("return" as const), forfeits: fc.subarray(holders, { maxLength: 1 }) }),
    fc.record({ do: fc.constant("expire" as const) }),
    fc.record({ do: fc.constant("wait" as const), seconds: fc.constantFrom(1, 5, 20, 60, 120) }),
  );
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { minLength: 10, maxLength: 40 }),
      fc.integer({ min: 0, max: 6 }),
      async (steps, given) => {
        const sale = await redis.sale(withSlots(6, { items: { s: 4, m: 5 }, holdSeconds: 30, capacity: 50 }));
        const entitled = holders.slice(0, given);
        await sale.returnSlots(-10, given);
        await sale.crowd(others, 0);
        let second = 1;
        const ids: { id: string; who: string }[] = [];
        for (const [i, s] of steps.entries()) {
          if (s.do === "wait") second += s.seconds;
          else if (s.do === "claim" && entitled.includes(s.who)) {
            if ((await sale.admitHolder(s.who, second)) === "admitted") {
              ids.push({ id: `r${i}`, who: s.who });
              await sale.reserve(s.who, `r${i}`, { [s.sku]: 1 }, second);
            }
          } else if (s.do === "reserve") {
            ids.push({ id: `r${i}`, who: s.who });
            await sale.reserve(s.who, `r${i}`, { [s.sku]: 1 }, second);
          } else if (s.do === "confirm" || s.do === "giveBack") {
            const picked = ids[s.which];
            if (picked !== undefined) await sale[s.do](picked.who, picked.id, second);
          } else if (s.do === "return")
            await sale.returnSlots(
              second,
              given,
              s.forfeits.filter((who) => entitled.includes(who)),
            );
          else if (s.do === "expire") await sale.expire(second);
          expect(await sale.books()).toEqual([]);
          const state = await sale.state();
          if (second < CLAIM_UNTIL) expect(Number(state.stock.get("slots"))).toBe(given - state.claims.size);
        }
        await sale.returnSlots(CLAIM_UNTIL + 100, given);
        expect((await sale.state()).stock.get("slots")).toBe("0");
        expect(await sale.books()).toEqual([]);
      },
    ),
    { numRuns: 40 },
  );
});
