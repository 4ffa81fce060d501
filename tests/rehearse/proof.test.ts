/** The proof finds what is wrong: in a good history one violation is planted, and the check it belongs to must break. */
import { describe, expect, test } from "vitest";
import type { ShopperRecord } from "../../bench/rehearse/history.ts";
import { judge, rules } from "../../bench/rehearse/proof.ts";
import { goodBooks, goodHistory, ORDER_A, ORDER_B, shopper } from "./histories.ts";

type Case = [
  violation: string,
  check: string,
  plant: (history: ReturnType<typeof goodHistory>, books: ReturnType<typeof goodBooks>) => void,
];

const lines = (quantity: number) => [{ sku: "shoe", quantity }];

function nth(history: { shoppers: ShopperRecord[] }, index: number): ShopperRecord {
  const found = history.shoppers[index];
  if (found === undefined) throw new Error(`there is no shopper at ${index}`);
  return found;
}
function only<T>([one]: T[]): T {
  if (one === undefined) throw new Error("one is expected");
  return one;
}

const planted: Case[] = [
  [
    "a unit too many is answered",
    "sold_what_there_was",
    (h) => void nth(h, 2).orders.push({ id: ORDER_A, reservationId: ORDER_A, lines: lines(1) }),
  ],
  [
    "a unit too many is confirmed in Redis only",
    "sold_what_there_was",
    (_, b) => void (only(b.live.items).confirmed = 4),
  ],
  [
    "a unit is left while somebody who wanted one was told all is sold",
    "sold_what_there_was",
    (h) => void (nth(h, 1).orders = []),
  ],
  ["Redis has lost a unit", "books_balance", (_, b) => Object.assign(only(b.live.items), { confirmed: 2 })],
  [
    "a count is negative",
    "books_balance",
    (_, b) => Object.assign(only(b.live.items), { available: -1, confirmed: 4 }),
  ],
  [
    "a count was negative in between",
    "books_balance",
    (h) => void (h.samples = [[{ sku: "shoe", stock: 3, available: -1, slots: 0, held: 3, confirmed: 1 }]]),
  ],
  ["a hold stays", "books_balance", (_, b) => Object.assign(only(b.live.items), { held: 1, confirmed: 2 })],
  [
    "the stock has changed",
    "books_balance",
    (_, b) => Object.assign(only(b.live.items), { stock: 4, available: 1 }),
  ],
  ["an item is missing from the books", "books_balance", (_, b) => void (b.live.items = [])],
  [
    "a repeated request is answered otherwise",
    "replays_answer_the_same",
    (h) => void nth(h, 0).replays.push({ what: "reserve, again", first: "2 shoes", again: "1 shoe" }),
  ],
  [
    "two have the same number",
    "line_kept",
    (h) => void (nth(h, 1).join = { number: 1, sentAtMs: 100, answeredAtMs: 150 }),
  ],
  [
    "who came later has a lower number",
    "line_kept",
    (h) => void (nth(h, 2).join = { number: 1.5, sentAtMs: 500, answeredAtMs: 550 }),
  ],
  ["a reload changes the number", "line_kept", (h) => void nth(h, 0).rejoinedAs.push(4)],
  [
    "somebody enters before the turn",
    "nobody_before_their_turn",
    (h) => void nth(h, 2).entries.push({ sentAtMs: 5200, answeredAtMs: 5300, got: "granted" }),
  ],
  [
    "serving goes back",
    "nobody_before_their_turn",
    (h) => void (h.pulses = [...h.pulses, { nowMs: 8000, nowServing: 1 }]),
  ],
  [
    "somebody is let in after a lower number was refused at entry",
    "nobody_passed",
    (h) => {
      nth(h, 0).entries = [{ sentAtMs: 4000, answeredAtMs: 4100, got: "sold_out" }];
    },
  ],
  [
    "somebody is let in after a lower number read that all is sold",
    "nobody_passed",
    (h) => Object.assign(nth(h, 0), { entries: [], toldSoldOutAtMs: 4100 }),
  ],
  ["Postgres lacks an order", "orders_agree", (_, b) => void b.orders.pop()],
  [
    "Postgres has an order nobody was told of",
    "orders_agree",
    (_, b) =>
      void b.orders.push({ ...only(b.orders), id: "00000000-0000-4000-8000-00000000000c", shopper: "x" }),
  ],
  ["an order is listed twice", "orders_agree", (_, b) => void b.orders.push(only(b.orders))],
  ["an order is stored with other units", "orders_agree", (_, b) => void (only(b.orders).units = 1)],
  ["an order is stored for another number", "orders_agree", (_, b) => void (only(b.orders).number = 9)],
  [
    "one shopper has two orders in Postgres",
    "orders_agree",
    (_, b) => b.orders.forEach((order) => (order.shopper = "one")),
  ],
  [
    "two shoppers were answered the same order",
    "orders_agree",
    (h) => void (nth(h, 1).orders = nth(h, 0).orders),
  ],
  [
    "one shopper was answered two orders",
    "orders_agree",
    (h) => void (nth(h, 0).orders = [...nth(h, 0).orders, ...nth(h, 1).orders.splice(0)]),
  ],
  [
    "an order has other lines than its hold",
    "orders_agree",
    (h) => void (nth(h, 1).holds = [{ id: ORDER_B, lines: lines(2) }]),
  ],
  [
    "an order is above the limit",
    "orders_agree",
    (h) => void (h.items = h.items.map((item) => ({ ...item, limit: 1 }))),
  ],
  ["Redis has confirmed what nobody was answered", "orders_agree", (h) => void (nth(h, 1).orders = [])],
  ["the ledger is off", "ledger_agrees", (_, b) => void (b.live.stored.ledgerDifference = 1)],
  ["there is a discrepancy", "ledger_agrees", (_, b) => void (b.live.stored.discrepancies = 1)],
  ["orders are counted otherwise than listed", "ledger_agrees", (_, b) => void (b.live.stored.orders = 3)],
  [
    "Postgres counts otherwise than Redis",
    "ledger_agrees",
    (_, b) => void (only(b.live.stored.items).confirmed = 2),
  ],
  ["Postgres does not know the item", "ledger_agrees", (_, b) => void (b.live.stored.items = [])],
  ["Postgres does not answer", "ledger_agrees", (_, b) => Object.assign(b.live, { stored: null })],
  ["the outbox does not drain", "outbox_drained", (_, b) => Object.assign(b, { settled: false })],
  [
    "a cheat is let through",
    "refusals_have_their_word",
    (h) =>
      void nth(h, 2).expectations.push({
        attempt: "over_limit",
        expected: ["limit_reached"],
        got: "granted",
      }),
  ],
  [
    "an answer is none of the contract's",
    "no_surprises",
    (h) => void nth(h, 2).surprises.push("entry: http_500"),
  ],
  ["a shopper never comes to an end", "everybody_got_an_answer", (h) => void (nth(h, 2).end = "unfinished")],
];

describe("the proof", () => {
  test("holds for a sale that went well", () => {
    const broken = judge(goodHistory(), goodBooks()).filter(({ holds }) => !holds);
    expect(broken).toEqual([]);
  });

  test.each(planted)("breaks when %s", (_violation, name, plant) => {
    const [history, books] = [goodHistory(), goodBooks()];
    plant(history, books);
    const check = judge(history, books).find((one) => one.name === name);
    expect(check?.holds).toBe(false);
    expect(check?.evidence).not.toEqual([]);
  });

  test("has a planted violation for each of its checks", () => {
    expect(new Set(planted.map(([, check]) => check))).toEqual(new Set(rules.map(({ name }) => name)));
  });

  test("proves nothing without the operator's view", () => {
    expect(judge(goodHistory(), undefined).filter(({ holds }) => holds)).toEqual([]);
  });

  test("shows a few examples and how many there are", () => {
    const history = goodHistory();
    for (let index = 4; index < 14; index++) history.shoppers.push(shopper(index, { end: "unfinished" }));
    const check = judge(history, goodBooks()).find(({ name }) => name === "everybody_got_an_answer");
    expect(check?.evidence).toHaveLength(6);
    expect(check?.evidence.at(-1)).toBe("… 10 in all");
  });
});

describe("the proof does not accuse", () => {
  test("numbers that cross while both requests are under way", () => {
    const history = goodHistory();
    nth(history, 0).join = { number: 1, sentAtMs: 120, answeredAtMs: 900 };
    nth(history, 1).join = { number: 2, sentAtMs: 100, answeredAtMs: 800 };
    expect(judge(history, goodBooks()).find(({ name }) => name === "line_kept")?.holds).toBe(true);
  });

  test("a pass for a turn that came between the pulse seen and the entry", () => {
    const history = goodHistory();
    history.pulses = [
      { nowMs: 5050, nowServing: 0 },
      { nowMs: 6500, nowServing: 2 },
    ];
    expect(judge(history, goodBooks()).find(({ name }) => name === "nobody_before_their_turn")?.holds).toBe(
      true,
    );
  });

  test("a clock ahead of the server's", () => {
    const history = goodHistory();
    history.pulses = history.pulses.map((pulse) => ({ ...pulse, nowMs: pulse.nowMs - 60_000 }));
    history.clockAheadMs = 60_000;
    expect(judge(history, goodBooks()).every(({ holds }) => holds)).toBe(true);
  });

  test("stock left over when everybody who wanted some has it", () => {
    const [history, books] = [goodHistory(), goodBooks()];
    history.items = [{ sku: "shoe", stock: 10, limit: 2 }];
    history.samples = [];
    history.shoppers.pop();
    Object.assign(only(books.live.items), { stock: 10, available: 7 });
    Object.assign(only(books.live.stored.items), { stock: 10 });
    expect(judge(history, books).filter(({ holds }) => !holds)).toEqual([]);
  });
});
