import { describe, expect, test } from "vitest";
import { phaseOf, saleTimes } from "../../domain/phase.ts";
import { joinShardsOf, saleSchema } from "../../domain/sale.ts";
import { summedBySku } from "../../functions/reservation/reservation.ts";

const input = {
  id: "spring",
  name: "Spring",
  currency: "JPY",
  opensAt: "2026-12-01T12:00:00+01:00",
  closesAt: "2026-12-01T13:00:00Z",
  items: [{ sku: "a", name: "A", stock: 1, price: 0 }],
};
const sale = saleSchema.parse(input);

describe("a sale", () => {
  test("keeps its times in UTC and has a sensible default for everything else", () => {
    expect(sale).toMatchObject({
      opensAt: "2026-12-01T11:00:00.000Z",
      description: "",
      lobby: "arrival",
      identity: "anyone",
      releaseEverySeconds: 5,
      items: [{ limit: 1 }],
    });
  });

  test("reads the same when it is written and read again", () => {
    expect(saleSchema.parse(JSON.parse(JSON.stringify(sale)))).toEqual(sale);
  });
});

describe("the phase", () => {
  const times = saleTimes({
    ...sale,
    registrationOpensAt: "2026-11-30T11:00:00Z",
    registrationClosesAt: "2026-12-01T10:00:00Z",
  });
  const state = { mode: "normal", settled: false, soldOut: false } as const;
  const at = (time: string, change = {}) => phaseOf(times, { ...state, ...change }, Date.parse(time));
  test("follows the clock, to the millisecond", () => {
    expect(at("2026-11-30T10:59:59.999Z")).toBe("scheduled");
    expect(at("2026-11-30T11:00:00.000Z")).toBe("registration");
    expect(at("2026-12-01T10:00:00.000Z")).toBe("lobby");
    expect(at("2026-12-01T11:00:00.000Z")).toBe("open");
    expect(at("2026-12-01T12:59:59.999Z")).toBe("open");
    expect(at("2026-12-01T13:00:00.000Z")).toBe("closed");
  });
  test("is sold out only while it could be open, and settled for good", () => {
    expect(at("2026-12-01T11:30:00Z", { soldOut: true })).toBe("sold_out");
    expect(at("2026-12-01T14:00:00Z", { soldOut: true })).toBe("closed");
    expect(at("2026-12-01T14:00:00Z", { settled: true })).toBe("settled");
  });
});

test("the same wish reads the same, however its lines are written", () => {
  const wish = [
    { sku: "b", quantity: 1 },
    { sku: "a", quantity: 2 },
    { sku: "b", quantity: 3 },
  ];
  expect(summedBySku(wish)).toEqual([
    { sku: "a", quantity: 2 },
    { sku: "b", quantity: 4 },
  ]);
});

describe("the shards of those who join", () => {
  const shards = (stock: number, joinShards?: number) =>
    joinShardsOf({
      items: [{ sku: "a", name: "A", stock, price: 0, limit: 1 }],
      ...(joinShards === undefined ? {} : { joinShards }),
    });

  test("are as many as the definition says, none with 0", () => {
    expect([0, 1, 40].map((said) => shards(50_000, said))).toEqual([0, 1, 40]);
  });

  test("follow from the stock where it is not said, and a small sale has none", () => {
    expect([0, 9_999, 10_000, 45_000, 10_000_000].map((stock) => shards(stock))).toEqual([0, 0, 1, 4, 20]);
  });
});
