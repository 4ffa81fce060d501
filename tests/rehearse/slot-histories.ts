/** A small sale with two slots that went well, recorded by hand; tests of the proof break one thing in it at a time. */
import { createHash } from "node:crypto";
import { emptyRecord, type History, type ShopperRecord } from "../../bench/rehearse/history.ts";
import type { Draw } from "../../domain/api.ts";
import { numberAt } from "../../static/assets/draw.js";
import { goodBooks, goodHistory, joined, SEED, shopper } from "./histories.ts";

export const ORDER_SLOT = "00000000-0000-4000-8000-000000000051";
export const ORDER_LINE = "00000000-0000-4000-8000-000000000052";

type Registered = ShopperRecord & { registration: NonNullable<ShopperRecord["registration"]> };
/** So that each can be broken by name. */
export interface Cast {
  /** Number 1, buys past the line; number 2, never comes; number 3, waits and buys in the line what returned. */
  holder: Registered & { slot: NonNullable<ShopperRecord["slot"]> };
  away: Registered;
  waiting: Registered;
  /** Number 4, took it back before it was decided. */
  gone: Registered;
}

const registration = (number: number, status?: "slot" | "waiting"): Registered["registration"] => ({
  confirmed: { number, sentAtMs: 1000 + number * 100, answeredAtMs: 1050 + number * 100 },
  decided: status === undefined ? undefined : { status },
  tookBack: undefined,
});

const lines = [{ sku: "shoe", quantity: 1 }];
const order = (id: string, atMs: number): ShopperRecord["orders"][number] => ({
  id,
  reservationId: id,
  lines,
  total: 0,
  currency: "EUR",
  payment: "not_required",
  refunded: false,
  sentAtMs: atMs,
  confirmedAtMs: atMs,
});

const CLOSES_AT_MS = 3000;
export const CLAIM_UNTIL_MS = 12_000;

/** Three units of the good sale, free, and two more that are set aside. */
export function goodSlots() {
  const base = goodHistory();
  const cast: Cast = {
    holder: {
      ...emptyRecord(11, "buys"),
      end: "bought",
      registration: registration(1, "slot"),
      slot: {
        asked: [{ sentAtMs: 6000, answeredAtMs: 6020, got: "granted", number: 0 }],
        looksBeforePass: 0,
        reserved: [{ sentAtMs: 6500, answeredAtMs: 6520, got: "held" }],
      },
      holds: [{ id: ORDER_SLOT, lines, bySlot: true }],
      orders: [order(ORDER_SLOT, 7000)],
    },
    away: { ...emptyRecord(12, "buys"), end: "stayed_away", registration: registration(2, "slot") },
    waiting: {
      ...emptyRecord(13, "buys"),
      end: "bought",
      registration: registration(3, "waiting"),
      join: joined(4, 4600),
      entries: [{ sentAtMs: 14_000, answeredAtMs: 14_050, got: "granted", number: 4 }],
      holds: [{ id: ORDER_LINE, lines }],
      orders: [order(ORDER_LINE, 15_000)],
    },
    gone: {
      ...emptyRecord(14, "buys"),
      end: "took_back",
      registration: {
        ...registration(4),
        tookBack: { when: "before", sentAtMs: 1600, answeredAtMs: 1650 },
      },
    },
  };
  const unpaid = base.shoppers.map((s) => ({
    ...s,
    payments: [],
    orders: s.orders.map((one) => ({ ...one, total: 0, payment: "not_required" as const })),
  }));
  const history: Omit<History, "slots"> & { slots: NonNullable<History["slots"]> } = {
    ...base,
    items: base.items.map((item) => ({ ...item, stock: 5, price: 0 })),
    paying: "free",
    shoppers: [
      ...unpaid.slice(0, 2),
      shopper(3, { told: { atMs: 15_500, ownDelayMs: 0 } }),
      cast.holder,
      cast.away,
      cast.waiting,
      cast.gone,
    ],
    slots: {
      count: 2,
      allocation: "first_come",
      closesAtMs: CLOSES_AT_MS,
      claimUntilMs: CLAIM_UNTIL_MS,
      draw: { announced: undefined, before: undefined, made: undefined, byPlace: [] },
    },
    pulses: [
      { nowMs: 4000, nowServing: 0, slotsLeft: 2 },
      { nowMs: 5000, nowServing: 2, slotsLeft: 2 },
      { nowMs: 8000, nowServing: 2, slotsLeft: 1 },
      { nowMs: 11_900, nowServing: 2, slotsLeft: 1 },
      { nowMs: 13_000, nowServing: 4, slotsLeft: 0 },
      { nowMs: 16_000, nowServing: 4, slotsLeft: 0 },
    ],
    samples: [[{ sku: "shoe", stock: 5, available: 0, slots: 1, held: 0, confirmed: 4 }]],
  };
  return { history, cast };
}

/** The same by lot: over four numbers, of which the fourth is gone. */
export async function goodSlotDraw() {
  const { history, cast } = goodSlots();
  const commitment = createHash("sha256").update(SEED).digest("hex");
  const byPlace = await Promise.all([1, 2, 3, 4].map((place) => numberAt(SEED, 4, place)));
  const people = [cast.holder, cast.away, cast.waiting];
  // Who is who is by lot too: the two on the first places are those with a slot.
  const there = byPlace.filter((number) => number !== 4);
  people.forEach(({ registration: own }, nth) => {
    const number = there[nth] ?? 0;
    own.confirmed = { number, sentAtMs: 1000 + number * 100, answeredAtMs: 1050 + number * 100 };
    if (own.decided !== undefined) own.decided.place = byPlace.indexOf(number) + 1;
  });
  const draw = {
    announced: { commitment } as Draw,
    before: { commitment } as Draw,
    made: { commitment, seed: SEED, count: 4 } as Draw,
    byPlace,
  };
  Object.assign(history.slots, { allocation: "draw", draw });
  return { history, cast, draw };
}

export function goodSlotBooks() {
  const books = goodBooks();
  const [first] = books.orders;
  if (first === undefined) throw new Error("there are orders");
  const { live } = books;
  return {
    ...books,
    live: {
      ...live,
      line: { ...live.line, joined: 4, nowServing: 4 },
      items: [{ sku: "shoe", stock: 5, available: 0, slots: 0, held: 0, confirmed: 5 }],
      stored: {
        ...live.stored,
        orders: 4,
        shoppers: 4,
        items: [{ sku: "shoe", stock: 5, slots: 0, held: 0, confirmed: 5 }],
      },
    },
    orders: [
      ...books.orders.map((one) => ({ ...one, total: 0 })),
      { ...first, id: ORDER_SLOT, shopper: "three", number: 0, units: 1, total: 0 },
      { ...first, id: ORDER_LINE, shopper: "four", number: 4, units: 1, total: 0 },
    ],
    money: undefined,
  };
}
