/** A small sale that went well, recorded by hand; tests of the proof break one thing in it at a time. */
import { createHash } from "node:crypto";
import {
  emptyRecord,
  type Books,
  type History,
  type Join,
  type PaymentTry,
  type ShopperRecord,
} from "../../bench/rehearse/history.ts";
import type { Intent, Money } from "../../bench/rehearse/payment-page.ts";
import type { Draw } from "../../domain/api.ts";
import { placeOf } from "../../static/assets/draw.js";

export const ORDER_A = "00000000-0000-4000-8000-00000000000a";
export const ORDER_B = "00000000-0000-4000-8000-00000000000b";

export const PRICE = 4900;

/** A card that was taken. */
export const paid = (reservationId: string, atMs: number, more: Partial<PaymentTry> = {}): PaymentTry => ({
  reservationId,
  session: `cs_test_${reservationId}`,
  outcome: "authorised",
  sentAtMs: atMs,
  answeredAtMs: atMs + 20,
  ...more,
});

/** A payment as Stripe has it. */
export const intent = (reservation: string, amount: number, more: Partial<Intent> = {}): Intent => ({
  id: `pi_${reservation}`,
  reservation,
  status: "succeeded",
  amount,
  received: amount,
  currency: "EUR",
  ...more,
});

/** A place by arrival, asked for and answered at these times. */
export const joined = (number: number, sentAtMs: number, answeredAtMs = sentAtMs + 50): Join => ({
  number,
  lobby: false,
  again: false,
  place: number,
  epoch: 1,
  sentAtMs,
  answeredAtMs,
});

/** A shopper who took a number, and no more. */
export function shopper(index: number, more: Partial<ShopperRecord> = {}): ShopperRecord {
  return {
    ...emptyRecord(index, "buys"),
    end: "told_sold_out",
    doing: "waiting in line",
    join: joined(index, index * 100),
    told: { atMs: 9000, ownDelayMs: 0 },
    ...more,
  };
}

function buyer(
  index: number,
  id: string,
  quantity: number,
  more: Partial<ShopperRecord> = {},
): ShopperRecord {
  const lines = [{ sku: "shoe", quantity }];
  return shopper(index, {
    end: "bought",
    entries: [{ sentAtMs: 5000 + index, answeredAtMs: 5100 + index, got: "granted", number: index }],
    holds: [{ id, lines }],
    orders: [
      {
        id,
        reservationId: id,
        lines,
        total: quantity * PRICE,
        currency: "EUR",
        payment: "captured",
        refunded: false,
        sentAtMs: 7500 + index,
        confirmedAtMs: 7500 + index,
      },
    ],
    payments: [paid(id, 7500 + index)],
    told: undefined,
    ...more,
  });
}

/** Three pairs: number 1 buys two, number 2 buys one, number 3 is told that all is sold. */
export function goodHistory(): History & { shoppers: ShopperRecord[] } {
  return {
    saleId: "shoes",
    items: [{ sku: "shoe", stock: 3, limit: 2, price: PRICE }],
    currency: "EUR",
    paying: "paid",
    opensAtMs: 4500,
    turnMs: 12_000,
    draw: undefined,
    slots: undefined,
    shoppers: [buyer(1, ORDER_A, 2), buyer(2, ORDER_B, 1), shopper(3)],
    pulses: [
      { nowMs: 4000, nowServing: 0 },
      { nowMs: 5000, nowServing: 2 },
      { nowMs: 7000, nowServing: 2 },
    ],
    clockAheadMs: 0,
    samples: [[{ sku: "shoe", stock: 3, available: 1, slots: 0, held: 1, confirmed: 1 }]],
    faultsExpected: false,
    stalls: { crowd: [], front: [] },
  };
}

export const SEED = "5e".repeat(32);
export const COMMITMENT = createHash("sha256").update(SEED).digest("hex");
const DRAWN = 3;

/** The same sale with a drawn lobby: the same three were there before opening, a fourth came after. */
export async function goodDraw() {
  const byPlace: ShopperRecord[] = [];
  for (let number = 1; number <= DRAWN; number++) {
    const place = await placeOf(SEED, DRAWN, number);
    const join: Join = { ...joined(number, number * 100), lobby: true, place };
    const [first, second] = [buyer(place, ORDER_A, 2, { join }), buyer(place, ORDER_B, 1, { join })];
    byPlace[place - 1] = place === 1 ? first : place === 2 ? second : shopper(place, { join });
  }
  return {
    ...goodHistory(),
    shoppers: [...byPlace, shopper(4, { join: joined(4, 4600) })],
    draw: {
      announced: { commitment: COMMITMENT } as Draw,
      pulses: [
        { nowMs: 4000, draw: { commitment: COMMITMENT } },
        { nowMs: 4500, draw: { commitment: COMMITMENT, seed: SEED, count: DRAWN } },
      ] as { nowMs: number; draw: Draw }[],
    },
  };
}

export function goodBooks() {
  const intents = [intent(ORDER_A, 2 * PRICE), intent(ORDER_B, PRICE)];
  const refunds: Money["refunds"] = [];
  const at = "2026-12-01T10:00:00.000Z";
  return {
    live: {
      now: at,
      phase: "sold_out",
      mode: "normal",
      epoch: 1,
      line: { joined: 3, nowServing: 2, waiting: 1, inside: 0, holds: 0 },
      release: { everySeconds: 5, size: 10, last: 2, boundBy: "stock" },
      items: [{ sku: "shoe", stock: 3, available: 0, slots: 0, held: 0, confirmed: 3 }],
      outbox: { entries: 0, lagSeconds: 0 },
      stored: {
        orders: 2,
        shoppers: 2,
        discrepancies: 0,
        ledgerDifference: 0,
        items: [{ sku: "shoe", stock: 3, slots: 0, held: 0, confirmed: 3 }],
      },
    },
    orders: [
      { id: ORDER_A, shopper: "one", number: 1, units: 2, total: 2 * PRICE, confirmedAt: at },
      { id: ORDER_B, shopper: "two", number: 2, units: 1, total: PRICE, confirmedAt: at },
    ],
    money: {
      intents,
      refunds,
      totals: {
        eur: { authorised: 3 * PRICE, captured: 3 * PRICE, refunded: 0, voided: 0, capturable: 0 },
      },
      webhooks: { events: 6, lost: 0, repeated: 0 },
    },
    settled: true,
  } satisfies Books;
}
