import { readdirSync } from "node:fs";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { withRegistration } from "../../bench/rehearse/registration-window.ts";
import { builtInSale, saleFromFile, saleFromText, schedule } from "../../bench/rehearse/sale.ts";
import { saleSchema } from "../../domain/sale.ts";

const options = { timeoutSeconds: 300 };
const shoe = { sku: "shoe", name: "Shoe", stock: 12, price: 9900, limit: 1 };
const drop = { id: "drop", name: "Drop", currency: "EUR", items: [shoe] };
const from = (sale: object, more = {}) =>
  saleFromText(JSON.stringify(sale), "drop.json", { ...options, ...more });

describe("a sale file", () => {
  test("may leave out its times: it opens shortly, and stays open longer than the crowd may take", () => {
    expect(from(drop)).toMatchObject({ opensInSeconds: 8, openForSeconds: 600 });
    expect(from(drop, { timeoutSeconds: 900 }).openForSeconds).toBe(960);
  });

  test("may say when relative to now and to opening", () => {
    expect(from({ ...drop, opensAt: "+20s", closesAt: "+5m" })).toMatchObject({
      opensInSeconds: 20,
      openForSeconds: 300,
    });
    expect(from({ ...drop, opensAt: "+20s" }, { openInSeconds: 3 }).opensInSeconds).toBe(3);
  });

  test("has written times moved to now, which is said, and keeps how long it is open", () => {
    const { opensInSeconds, openForSeconds, notes } = from({
      ...drop,
      opensAt: "2031-05-01T10:00:00Z",
      closesAt: "2031-05-01T12:00:00Z",
    });
    expect({ opensInSeconds, openForSeconds }).toEqual({ opensInSeconds: 8, openForSeconds: 7200 });
    expect(notes.join()).toContain("times moved to now");
  });

  test("keeps its prices", () => {
    const { sale, notes } = from(drop);
    expect(sale.items).toEqual([shoe]);
    expect(notes).toEqual([]);
  });

  test("loses what a rehearsal cannot do, which is said", () => {
    const { sale, notes } = from({
      ...drop,
      identity: "registered",
      slots: { count: 2, claimUntil: "2031-05-01T10:30:00Z" },
      registrationOpensAt: "2031-04-30T10:00:00Z",
    });
    expect(sale).toMatchObject({ identity: "anyone" });
    expect(sale).not.toHaveProperty("slots");
    expect(sale).not.toHaveProperty("registrationOpensAt");
    expect(notes.join("\n")).toMatch(/registration and slots left out[^]*identity/);
  });

  describe("that people register for", () => {
    const slots = { count: 4, allocation: "draw", claimUntil: "+9s" };
    const atMs = Date.parse("2026-12-01T10:00:00.000Z");

    test("keeps its slots, and opens after registration, with an end of slots of the rehearsal's own", () => {
      const sale = schedule(
        withRegistration(from({ ...drop, slots }, { registers: true }), { people: 40 }),
        atMs,
      );
      expect(saleSchema.parse(sale)).toEqual(sale);
      const after = (text = "") => (Date.parse(text) - atMs) / 1000;
      expect(after(sale.registrationOpensAt)).toBeLessThan(0);
      expect(after(sale.registrationClosesAt)).toBeGreaterThan(2);
      expect(after(sale.opensAt)).toBeGreaterThan(after(sale.registrationClosesAt) + 8);
      expect(sale.slots).toMatchObject({ count: 4, allocation: "draw" });
      expect(after(sale.slots?.claimUntil)).toBe(after(sale.opensAt) + 9);
    });

    test("takes what is asked for instead", () => {
      const draft = from({ ...drop, slots }, { registers: true });
      const { registration } = withRegistration(draft, { people: 40, slots: 7, allocation: "first_come" });
      expect(registration?.slots).toMatchObject({ count: 7, allocation: "first_come", claimSeconds: 9 });
    });

    test.each([
      [40, 12, 6],
      [3, 12, 3],
      [40, 1, 1],
    ])("by %i with a stock of %i has a half set aside, or one for each", (people, stock, count) => {
      const { registration } = withRegistration(builtInSale(stock, 0, options), { people });
      expect(registration?.slots).toMatchObject({ count, allocation: "first_come" });
    });

    test("has no more slots than stock", () => {
      expect(() => withRegistration(from(drop), { people: 40, slots: 13 })).toThrow(
        "There cannot be 13 slots: the stock is 12.",
      );
    });
  });

  test("keeps a drawn lobby", () => {
    const { sale, notes } = from({ ...drop, items: [{ ...shoe, price: 0 }], lobby: "draw" });
    expect(sale.lobby).toBe("draw");
    expect(notes).toEqual([]);
  });

  test("keeps its own waiting times, and gets short ones where it has none", () => {
    expect(from({ ...drop, holdSeconds: 120 }).sale).toMatchObject({ holdSeconds: 120, passSeconds: 20 });
    expect(from({ ...drop, items: [{ ...shoe, stock: 400 }] }).sale).toMatchObject({
      capacity: 400,
      releaseSize: 200,
    });
  });

  test("may be YAML", () => {
    const text =
      "id: drop\nname: Drop # of shoes\ncurrency: EUR\nitems:\n  - { sku: a, name: A, stock: 1, price: 0 }\n";
    expect(saleFromText(text, "drop.yaml", options).sale.items).toMatchObject([{ sku: "a", limit: 1 }]);
  });

  test.each([
    ["a negative stock", { items: [{ ...shoe, stock: -1 }] }, "/items/0/stock"],
    ["a negative price", { items: [{ ...shoe, price: -1 }] }, "/items/0/price"],
    ["a sku twice", { items: [shoe, shoe] }, "/items/1/sku"],
    ["an unknown currency", { currency: "XXQ" }, "/currency"],
    ["an unknown field", { colour: "red" }, "/colour: unknown field"],
    ["an unknown field of an item", { items: [{ ...shoe, "a/b": 1 }] }, "/items/0/a~1b: unknown field"],
    ["no items", { items: [] }, "/items"],
    ["an opening that is no time", { opensAt: "tomorrow" }, "/opensAt"],
    ["an opening that is a number", { opensAt: 7 }, "/opensAt"],
    [
      "closing before opening",
      { opensAt: "2031-05-01T10:00:00Z", closesAt: "2031-05-01T09:00:00Z" },
      "/closesAt: must be after opensAt",
    ],
  ])("with %s is refused with a pointer", (_what, change, pointer) => {
    expect(() => from({ ...drop, ...change })).toThrow(`drop.json is not a valid sale:\n  ${pointer}`);
  });

  test.each([
    ["is neither JSON nor YAML", "{ id: [", /^drop\.json is neither JSON nor YAML: [^\n]+$/],
    ["is a list", "[]", /is not a sale/],
    ["is empty", "", /is not a sale/],
  ])("that %s is refused in one line", (_what, text, message) => {
    expect(() => saleFromText(text, "drop.json", options)).toThrow(message);
  });

  test("that is not there is missed by name", async () => {
    await expect(saleFromFile("no/such.yaml", options)).rejects.toThrow(
      "There is no sale file at no/such.yaml.",
    );
  });
});

describe("the sales that come with the project", () => {
  const folder = path.join(import.meta.dirname, "../../bench/sales");
  test.each(readdirSync(folder))("%s is valid, priced, and scarce in more than one item", async (file) => {
    const { sale, notes } = await saleFromFile(path.join(folder, file), options);
    expect(sale.items.length).toBeGreaterThan(3);
    expect(sale.items.every(({ price }) => price > 0)).toBe(true);
    expect(notes).toEqual([]);
  });
});

describe("a scheduled sale", () => {
  const atMs = Date.parse("2026-12-01T10:00:00.000Z");

  test("is valid, with an id of its own", () => {
    const sale = schedule(builtInSale(50, 4900, options), atMs);
    expect(saleSchema.parse(sale)).toEqual(sale);
    expect(sale.items).toMatchObject([{ stock: 50, price: 4900 }]);
    expect(sale.opensAt).toBe("2026-12-01T10:00:08.000Z");
    expect(sale.id).not.toBe(schedule(builtInSale(50, 4900, options), atMs + 1).id);
  });

  test("keeps a long id within bounds", () => {
    const { id } = schedule(from({ ...drop, id: "a".repeat(64) }), atMs);
    expect(id.length).toBeLessThanOrEqual(62); // room for the other sale's "-b"
  });
});
