/** redefine.lua: until when a definition may change, and what of the sale goes by it then. */
import { describe, expect, test } from "vitest";
import { fixedIn, keptOncePublished } from "../../domain/kept.ts";
import { closedAt, openedAt, redefineScript } from "../../functions/sale/redefine.ts";
import { timesOf } from "../../functions/sale/publish.ts";
import { saleSchema } from "../../domain/sale.ts";
import { definition, withRedis } from "../support/redis.ts";
import { broken, people, type TestSale } from "../support/sale.ts";

const redis = withRedis();
const QUARTER = 15 * 60;

/** Moves the opening by so many seconds, at such a second. */
const move = (sale: TestSale, second: number, by: number) => {
  const moved = { ...sale.definition, opensAt: new Date(sale.at(by)).toISOString() };
  return sale.redefine("update", second, moved, { fields: timesOf(moved) });
};

describe("the words, in order of precedence", () => {
  test("missing: an emptied Redis does not come to look like one that knows the sale", async () => {
    const sale = await redis.sale();
    await sale.lose();
    expect(await move(sale, -QUARTER - 1, 60)).toBe("missing");
    expect(await redis.gateway.redis.command("EXISTS", ...Object.values(sale.keys))).toBe(0);
  });

  test("again comes before all else, so that it can be written down later", async () => {
    const sale = await redis.sale();
    expect(await move(sale, -QUARTER - 1, 60)).toBe("redefined");
    expect(await move(sale, 7200, 60)).toBe("again");
    const open = await redis.sale();
    expect(await open.redefine("open", 5, openedAt(open.definition, open.at(5)))).toBe("again");
    expect(await open.redefine("close", 3600, closedAt(open.definition, open.at(3600)))).toBe("again");
  });

  test("an update is taken until the line opens, and not from then on", async () => {
    const sale = await redis.sale();
    expect(await move(sale, -QUARTER - 0.001, 1)).toBe("redefined");
    const other = await redis.sale();
    expect(await move(other, -QUARTER, 1)).toBe("line_open");
    expect(await move(other, 5, 1)).toBe("line_open");
    expect(await move(other, 3600, 1)).toBe("sale_ended");
  });

  test("not_open: what has not opened cannot close; sale_ended: what has closed cannot open", async () => {
    const sale = await redis.sale();
    expect(await sale.redefine("close", -1, closedAt(sale.definition, sale.at(-1)))).toBe("not_open");
    expect(await sale.redefine("open", 3600, openedAt(sale.definition, sale.at(3600)))).toBe("sale_ended");
  });

  test("superseded: of two changes of one definition the second is sent back to read", async () => {
    const sale = await redis.sale();
    const first = { ...sale.definition, name: "One" };
    expect(await sale.redefine("update", -QUARTER - 1, first)).toBe("redefined");
    const second = { ...sale.definition, name: "Two" };
    expect(await sale.redefine("update", -QUARTER - 1, second)).toBe("superseded");
    expect(await sale.redefine("update", -QUARTER - 1, second, { before: first })).toBe("redefined");
  });

  test("with the line's opening not looked at, an open line is changed", async () => {
    const sale = await redis.sale();
    sale.scripts.redefine = broken(
      redefineScript,
      "if change == 'update' and now >= tonumber(rules[2])",
      "if false",
    );
    expect(await move(sale, 5, 1)).toBe("redefined");
  });
});

describe("what goes by it", () => {
  test("opened early, the first release is that of opening, with its size", async () => {
    const sale = await redis.sale({ releaseSize: 2, items: { shoe: 99 } });
    for (const shopper of people(9)) await sale.join(shopper, -500);
    await sale.setRule("releaseSize", 3, -450);
    const opened = openedAt(sale.definition, sale.at(-400));
    expect(await sale.redefine("open", -400, opened, { fields: timesOf(opened) })).toBe("redefined");
    expect(await sale.tick(-400)).toMatchObject({ released: 3, times: { opensAtMs: sale.at(-400) } });
    expect((await sale.tick(-395.1)).released).toBe(0);
    expect((await sale.tick(-395)).released).toBe(3);
    expect((await sale.enter("s001", -394)).word).toBe("entered");
  });

  test("opening early draws those who are in the lobby then, and who comes later waits behind them", async () => {
    const sale = await redis.sale({ lobby: "draw", releaseSize: 20, items: { shoe: 99 } });
    for (const shopper of people(9)) await sale.join(shopper, -500);
    const opened = openedAt(sale.definition, sale.at(-400));
    await sale.redefine("open", -400, opened, { fields: timesOf(opened) });
    expect((await sale.join("late", -399)).number).toBe(10);
    expect(await sale.tick(-399)).toMatchObject({ released: 10, draw: { drawn: 9 } });
    expect(await sale.line()).toEqual([]);
  });

  test("closed early, nothing is reserved any more, and what is held can be completed no worse than after any closing", async () => {
    const sale = await redis.sale();
    await sale.admit(["ann", "bob"], 0);
    await sale.reserve("ann", "r1", { shoe: 1 }, 1);
    const closed = closedAt(sale.definition, sale.at(2));
    expect(await sale.redefine("close", 2, closed, { fields: timesOf(closed) })).toBe("redefined");
    expect(await sale.reserve("bob", "r2", { shoe: 1 }, 2)).toEqual(["closed"]);
    expect((await sale.join("eve", 2)).word).toBe("closed");
    expect((await sale.confirm("ann", "r1", 3))[0]).toBe("confirmed");
    expect(await sale.books()).toEqual([]);
  });

  test("a new limit counts; stock does not change", async () => {
    const sale = await redis.sale({ items: { shoe: { stock: 10, limit: 5 } } });
    await sale.redefine("update", -QUARTER - 1, { ...sale.definition, name: "Other" });
    await sale.admit(["ann"], 0);
    expect((await sale.reserve("ann", "r1", { shoe: 4 }, 1))[0]).toBe("limit_reached");
    expect((await sale.reserve("ann", "r2", { shoe: 3 }, 1))[0]).toBe("held");
    expect(await sale.books()).toEqual([]);
  });
});

describe("a definition", () => {
  const hour = 3_600_000;
  const opensAtMs = Date.parse("2030-06-01T12:00:00Z");
  const iso = (ms: number) => new Date(opensAtMs + ms).toISOString();
  const withSlots = definition({
    registrationOpensAt: iso(-2 * hour),
    registrationClosesAt: iso(-hour),
    slots: { count: 2, allocation: "draw", claimUntil: iso(hour / 2) },
  });

  test.each([
    ["before registration opens", -3 * hour, { opens: undefined, closes: undefined }],
    ["while it is open", -1.5 * hour, { opens: iso(-2 * hour), closes: iso(-1.5 * hour) }],
    ["after it", -0.5 * hour, { opens: iso(-2 * hour), closes: iso(-hour) }],
  ])("opened %s is one that could be created", (_when, atMs, { opens, closes }) => {
    const opened = openedAt(withSlots, opensAtMs + atMs);
    expect(saleSchema.parse(opened)).toEqual(opened);
    expect(opened.opensAt).toBe(iso(atMs));
    expect([opened.registrationOpensAt, opened.registrationClosesAt]).toEqual([opens, closes]);
  });

  test.each([0, 1, hour / 4, hour / 2, 0.9 * hour])(
    "closed %d ms after opening is one that could be created",
    (ms) => {
      const closed = closedAt(withSlots, opensAtMs + ms);
      expect(saleSchema.parse(closed)).toEqual(closed);
      expect(Date.parse(closed.closesAt)).toBe(opensAtMs + Math.max(1, ms));
    },
  );

  test("keeps its stock, items, lobby, identity and slots, each pointed at", () => {
    const before = withSlots;
    const [shoe] = before.items;
    expect(
      fixedIn(before, { ...before, name: "Other", capacity: 7, items: before.items.toReversed() }),
    ).toEqual([]);
    const after = saleSchema.parse({
      ...before,
      lobby: "draw",
      identity: "registered",
      slots: { count: 1, claimUntil: iso(hour / 2) },
      items: [
        { ...shoe, stock: 11 },
        { sku: "hat", name: "Hat", stock: 1, price: 0 },
      ],
    });
    const pointers = fixedIn(before, after).map(({ pointer }) => pointer);
    expect(pointers).toEqual([
      "/lobby",
      "/identity",
      "/slots/count",
      "/slots/allocation",
      "/items",
      "/items/0/stock",
    ]);
    // A sku that is another one is an item taken away and one added.
    const named = keptOncePublished.map((pointer) => pointer.replace("*", "0"));
    expect(named.filter((pointer) => !pointers.includes(pointer))).toEqual(["/items/0/sku"]);
    const { slots, ...without } = before;
    expect(slots).toBeDefined();
    expect(fixedIn(before, without)).toMatchObject([{ pointer: "/slots" }]);
  });
});
