/** A small sale that went well, recorded by hand; tests of the proof break one thing in it at a time. */
import type { Books, History, ShopperRecord } from "../../bench/rehearse/history.ts";

export const ORDER_A = "00000000-0000-4000-8000-00000000000a";
export const ORDER_B = "00000000-0000-4000-8000-00000000000b";

/** A shopper who took a number, and no more. */
export function shopper(index: number, more: Partial<ShopperRecord> = {}): ShopperRecord {
  return {
    shopper: index,
    ending: "buys",
    end: "told_sold_out",
    doing: "waiting in line",
    join: { number: index, sentAtMs: index * 100, answeredAtMs: index * 100 + 50 },
    rejoinedAs: [],
    entries: [],
    passExpiresAtMs: undefined,
    holds: [],
    orders: [],
    replays: [],
    expectations: [],
    surprises: [],
    toldSoldOutAtMs: 9000,
    ...more,
  };
}

function buyer(index: number, id: string, quantity: number): ShopperRecord {
  const lines = [{ sku: "shoe", quantity }];
  return shopper(index, {
    end: "bought",
    entries: [{ sentAtMs: 5000 + index, answeredAtMs: 5100 + index, got: "granted" }],
    holds: [{ id, lines }],
    orders: [{ id, reservationId: id, lines }],
    toldSoldOutAtMs: undefined,
  });
}

/** Three pairs: number 1 buys two, number 2 buys one, number 3 is told that all is sold. */
export function goodHistory(): History & { shoppers: ShopperRecord[] } {
  return {
    items: [{ sku: "shoe", stock: 3, limit: 2 }],
    shoppers: [buyer(1, ORDER_A, 2), buyer(2, ORDER_B, 1), shopper(3)],
    pulses: [
      { nowMs: 4000, nowServing: 0 },
      { nowMs: 5000, nowServing: 2 },
      { nowMs: 7000, nowServing: 2 },
    ],
    clockAheadMs: 0,
    samples: [[{ sku: "shoe", stock: 3, available: 1, slots: 0, held: 1, confirmed: 1 }]],
  };
}

export function goodBooks() {
  const at = "2026-12-01T10:00:00.000Z";
  return {
    live: {
      now: at,
      phase: "sold_out",
      mode: "normal",
      epoch: 1,
      line: { joined: 3, nowServing: 2, waiting: 1, inside: 0, holds: 0 },
      items: [{ sku: "shoe", stock: 3, available: 0, slots: 0, held: 0, confirmed: 3 }],
      outbox: { entries: 0, lagSeconds: 0 },
      stored: {
        orders: 2,
        shoppers: 2,
        discrepancies: 0,
        ledgerDifference: 0,
        items: [{ sku: "shoe", stock: 3, held: 0, confirmed: 3 }],
      },
    },
    orders: [
      { id: ORDER_A, shopper: "one", number: 1, units: 2, total: 0, confirmedAt: at },
      { id: ORDER_B, shopper: "two", number: 2, units: 1, total: 0, confirmedAt: at },
    ],
    settled: true,
  } satisfies Books;
}
