/** The proof finds what is wrong: in a good history one violation is planted, and the check it belongs to must break. */
import { describe, expect, test } from "vitest";
import type { ShopperRecord } from "../../bench/rehearse/history.ts";
import { judge, judgeSoFar, rules } from "../../bench/rehearse/proof.ts";
import { slotRules } from "../../bench/rehearse/proof-slots.ts";
import {
  goodBooks,
  goodDraw,
  goodHistory,
  intent,
  joined,
  ORDER_A,
  ORDER_B,
  paid,
  PRICE,
  shopper,
} from "./histories.ts";

const ORDER_C = "00000000-0000-4000-8000-00000000000c";

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
    (h) => void nth(h, 2).orders.push({ ...only(nth(h, 0).orders), lines: lines(1) }),
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
  ["two have the same number", "line_kept", (h) => void (nth(h, 1).join = joined(1, 100))],
  ["who came later has a lower number", "line_kept", (h) => void (nth(h, 2).join = joined(1.5, 500))],
  [
    "a reload changes the number",
    "line_kept",
    (h) => void nth(h, 0).rejoinedAs.push({ number: 4, lobby: false }),
  ],
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
    (h) => Object.assign(nth(h, 0), { entries: [], told: { atMs: 4100, ownDelayMs: 0 } }),
  ],
  [
    "somebody whose turn has come has to wait while one behind is in",
    "nobody_passed",
    (h) => {
      nth(h, 0).entries = [
        { sentAtMs: 5200, answeredAtMs: 5250, got: "not_your_turn" },
        { sentAtMs: 6000, answeredAtMs: 6050, got: "granted", number: 1 },
      ];
    },
  ],
  [
    "somebody hears more than two seconds after the last order",
    "told_in_time",
    (h) => void (nth(h, 2).told = { atMs: 9600, ownDelayMs: 100 }),
  ],
  [
    "somebody hears too late, and the machine stood still at another time",
    "told_in_time",
    (h) => {
      nth(h, 2).told = { atMs: 9600, ownDelayMs: 0 };
      h.stalls = { crowd: [{ fromMs: 6000, untilMs: 7000 }], front: [{ fromMs: 9700, untilMs: 9999 }] };
    },
  ],
  [
    "a number of a lobby is given where there is no draw",
    "draw_kept",
    (h) => void (nth(h, 2).join = { ...joined(3, 300), lobby: true }),
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
  [
    "somebody is charged for what is no order",
    "charged_what_was_sold",
    (_, b) => void b.money.intents.push(intent(ORDER_C, PRICE)),
  ],
  [
    "an order is not paid for",
    "charged_what_was_sold",
    (_, b) => void (only(b.money.intents.splice(1)).status = "canceled"),
  ],
  [
    "an order's payment is authorised and no more",
    "charged_what_was_sold",
    (_, b) => Object.assign(nthIntent(b, 1), { status: "requires_capture", received: 0 }),
  ],
  [
    "too little is charged",
    "charged_what_was_sold",
    (_, b) => Object.assign(nthIntent(b, 0), { received: PRICE }),
  ],
  [
    "another currency is charged",
    "charged_what_was_sold",
    (_, b) => Object.assign(nthIntent(b, 0), { currency: "USD" }),
  ],
  [
    "units were sold that no order charges for",
    "charged_what_was_sold",
    (_, b) => Object.assign(only(b.live.items), { confirmed: 4 }),
  ],
  [
    "the shop tells a buyer that the payment is not taken",
    "charged_what_was_sold",
    (h) => void (only(nth(h, 0).orders).payment = "authorised"),
  ],
  [
    "what was charged cannot be read",
    "charged_what_was_sold",
    (_, b) => Object.assign(b, { money: undefined }),
  ],
  [
    "an order is charged twice",
    "nobody_charged_twice",
    (_, b) => void b.money.intents.push(intent(ORDER_B, PRICE, { id: "pi_second" })),
  ],
  [
    "a shopper is charged for two reservations",
    "nobody_charged_twice",
    (h, b) => {
      nth(h, 0).payments.push(paid(ORDER_C, 7600));
      b.money.intents.push(intent(ORDER_C, PRICE));
    },
  ],
  [
    "a payment is never decided",
    "no_payment_left_open",
    (_, b) => void b.money.intents.push(intent(ORDER_C, PRICE, { status: "requires_capture", received: 0 })),
  ],
  [
    "money is authorised, and neither captured nor voided",
    "no_payment_left_open",
    (_, b) => void (b.money.totals.eur.authorised += PRICE),
  ],
  [
    "a buyer's money is given back",
    "nothing_refunded",
    (_, b) => void b.money.refunds.push({ intent: `pi_${ORDER_A}`, amount: PRICE, currency: "EUR" }),
  ],
  [
    "somebody paid and has neither an order nor a void",
    "payers_have_an_order_or_a_void",
    (h, b) => {
      nth(h, 2).payments.push(paid(ORDER_C, 7600));
      b.money.intents.push(intent(ORDER_C, PRICE, { status: "requires_payment_method", received: 0 }));
    },
  ],
  [
    "somebody is told that there is no order, and there is",
    "payers_have_an_order_or_a_void",
    (h) => void (only(nth(h, 1).payments).toldNoOrder = "expired, payment none"),
  ],
  [
    "somebody has an order and paid nothing",
    "payers_have_an_order_or_a_void",
    (h) => void (nth(h, 1).payments = []),
  ],
  [
    "an order is stored with another total",
    "orders_agree",
    (_, b) => void (only(b.orders.slice(1)).total = 1),
  ],
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

function nthIntent({ money }: ReturnType<typeof goodBooks>, index: number) {
  const found = money.intents[index];
  if (found === undefined) throw new Error(`there is no payment at ${index}`);
  return found;
}

type DrawHistory = Awaited<ReturnType<typeof goodDraw>>;

const plantedInDraw: [violation: string, check: string, plant: (history: DrawHistory) => void][] = [
  ["no commitment came with the sale", "draw_kept", (h) => Object.assign(h.draw, { announced: undefined })],
  ["the seed came with the sale", "draw_kept", (h) => void (h.draw.announced.seed = "5e")],
  ["another commitment came with the sale", "draw_kept", (h) => void (h.draw.announced.commitment = "c0")],
  [
    "the seed is another than the one committed to",
    "draw_kept",
    (h) => void (nthDraw(h, 1).draw.seed = "5f".repeat(32)),
  ],
  [
    "the seed is public before opening",
    "draw_kept",
    (h) => void (h.draw.pulses[1] = { ...nthDraw(h, 1), nowMs: 4400 }),
  ],
  ["the seed is never published", "draw_kept", (h) => void h.draw.pulses.pop()],
  [
    "the draw is published again with another count",
    "draw_kept",
    (h) => void h.draw.pulses.push({ nowMs: 5000, draw: { ...nthDraw(h, 1).draw, count: 4 } }),
  ],
  ["the lobby has more numbers than it counts", "draw_kept", (h) => void (nthDraw(h, 1).draw.count = 2)],
  ["a latecomer has a number of the lobby", "draw_kept", (h) => void (nth(h, 3).join = joined(3, 4600))],
  ["two have the same place", "draw_kept", (h) => place(nth(h, 0), 2)],
  ["somebody is let in at another place", "draw_kept", (h) => place(nth(h, 0), 9)],
  ["an order stands for another place", "orders_agree", (h) => place(nth(h, 0), 9)],
  [
    "a reload answers another place",
    "line_kept",
    (h) => void nth(h, 0).rejoinedAs.push({ number: 3, lobby: false }),
  ],
  [
    "a latecomer is in the lobby after a reload",
    "line_kept",
    (h) => void nth(h, 3).rejoinedAs.push({ number: 4, lobby: true }),
  ],
  [
    "a latecomer has a lower number than one who came before",
    "line_kept",
    (h) => void h.shoppers.push(shopper(5, { join: joined(3.5, 4700) })),
  ],
  [
    "a latecomer enters before the lobby is served",
    "nobody_before_their_turn",
    (h) => void nth(h, 3).entries.push({ sentAtMs: 5200, answeredAtMs: 5300, got: "granted", number: 4 }),
  ],
];

function nthDraw({ draw }: DrawHistory, index: number) {
  const found = draw.pulses[index];
  if (found === undefined) throw new Error(`there is no draw at ${index}`);
  return found;
}
function place({ join }: ShopperRecord, other: number): void {
  if (join === undefined) throw new Error("not in line");
  join.place = other;
}

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

  test("holds for a draw that went well", async () => {
    expect(judge(await goodDraw(), goodBooks()).filter(({ holds }) => !holds)).toEqual([]);
  });

  test.each(plantedInDraw)("of a draw breaks when %s", async (_violation, name, plant) => {
    const history = await goodDraw();
    plant(history);
    const check = judge(history, goodBooks()).find((one) => one.name === name);
    expect(check?.holds).toBe(false);
    expect(check?.evidence).not.toEqual([]);
  });

  test("says that it cannot judge money where nobody could pay", () => {
    const [history, books] = [{ ...goodHistory(), paying: "beyond" as const }, goodBooks()];
    Object.assign(books, { money: undefined, orders: [] });
    const check = judge(history, books).find(({ name }) => name === "charged_what_was_sold");
    expect(check).toMatchObject({ holds: true, unjudged: [expect.stringMatching(/left unpaid$/)] });
  });

  test("holds for a voided payment of somebody who came too late", () => {
    const [history, books] = [goodHistory(), goodBooks()];
    nth(history, 2).payments.push(paid(ORDER_C, 7600, { toldNoOrder: "expired, payment voided" }));
    books.money.intents.push(intent(ORDER_C, PRICE, { status: "canceled", received: 0 }));
    Object.assign(books.money.totals.eur, { authorised: 4 * PRICE, voided: PRICE });
    expect(judge(history, books).filter(({ holds }) => !holds)).toEqual([]);
  });

  test("has a planted violation for each of its checks", () => {
    // Those of slots are in proof-slots.test.ts.
    const others = rules.filter((rule) => !slotRules.includes(rule));
    expect(new Set(planted.map(([, check]) => check))).toEqual(new Set(others.map(({ name }) => name)));
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
    nth(history, 0).join = joined(1, 120, 900);
    nth(history, 1).join = joined(2, 100, 800);
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

  test("who missed a turn, and finds those behind already in", () => {
    const history = goodHistory();
    const late = { sentAtMs: 20_000, answeredAtMs: 20_050, got: "not_your_turn" };
    nth(history, 0).entries = [late, { sentAtMs: 25_000, answeredAtMs: 25_050, got: "granted", number: 1 }];
    expect(judge(history, goodBooks()).find(({ name }) => name === "nobody_passed")?.holds).toBe(true);
  });

  test("a place found again after the draw, because the lobby's answer was lost", async () => {
    const history = await goodDraw();
    const one = nth(history, 0);
    if (one.join?.place === undefined) throw new Error("drawn");
    one.join = { ...one.join, number: one.join.place, lobby: false, again: true, answeredAtMs: 4900 };
    expect(judge(history, goodBooks()).filter(({ holds }) => !holds)).toEqual([]);
  });

  test.each([
    ["the look was sent late by the crowd itself", 900, { crowd: [], front: [] }],
    ["the crowd's process stood still", 0, { crowd: [{ fromMs: 8800, untilMs: 9100 }], front: [] }],
    ["the front's process stood still", 0, { crowd: [], front: [{ fromMs: 7000, untilMs: 7600 }] }],
  ])("the system of telling late when %s, and says so", (_cause, ownDelayMs, stalls) => {
    const history = { ...goodHistory(), stalls };
    nth(history, 2).told = { atMs: 9600, ownDelayMs };
    const check = judge(history, goodBooks()).find(({ name }) => name === "told_in_time");
    expect(check?.holds).toBe(true);
    expect(check?.unjudged.join()).toMatch(/^1 heard up to 2\.10 s after .* machine was itself late/);
  });

  test("who is far back of hearing at the look that the pulse asked for, and not later", () => {
    const history = goodHistory();
    const check = (afterMs: number) => {
      nth(history, 2).told = { atMs: 7500 + afterMs, ownDelayMs: 0, farMs: 20_000 };
      return judge(history, goodBooks()).find(({ name }) => name === "told_in_time");
    };
    expect(check(25_900)?.holds).toBe(true);
    expect(check(25_900)?.unjudged).toEqual([]);
    expect(check(26_100)?.holds).toBe(false);
  });

  test("the system of telling late while something is broken on purpose, and says so", () => {
    const history = { ...goodHistory(), faultsExpected: true };
    nth(history, 2).told = { atMs: 9600, ownDelayMs: 0 };
    const check = judge(history, goodBooks()).find(({ name }) => name === "told_in_time");
    expect(check?.holds).toBe(true);
    expect(check?.unjudged).toEqual([
      "1 heard up to 2.10 s after the last order, while something was broken on purpose",
    ]);
  });

  test("anybody of telling late while there is something left", () => {
    const history = goodHistory();
    history.items = history.items.map((item) => ({ ...item, stock: 4 }));
    nth(history, 2).told = { atMs: 99_000, ownDelayMs: 0 };
    expect(judge(history, goodBooks()).find(({ name }) => name === "told_in_time")?.holds).toBe(true);
  });

  test("stock left over when everybody who wanted some has it", () => {
    const [history, books] = [goodHistory(), goodBooks()];
    history.items = history.items.map((item) => ({ ...item, stock: 10 }));
    history.samples = [];
    history.shoppers.pop();
    Object.assign(only(books.live.items), { stock: 10, available: 7 });
    Object.assign(only(books.live.stored.items), { stock: 10 });
    expect(judge(history, books).filter(({ holds }) => !holds)).toEqual([]);
  });
});

describe("a run that was interrupted", () => {
  test("is judged by what must hold at any moment, without the books at the end", () => {
    const checks = judgeSoFar(goodHistory());
    expect(checks.filter(({ holds }) => !holds)).toEqual([]);
    expect(checks.map(({ name }) => name)).toContain("line_kept");
    expect(checks.map(({ name }) => name)).not.toContain("everybody_got_an_answer");
  });

  test("does not hold where the line was not kept, or more was sold than there is", () => {
    const broken = (history: ReturnType<typeof goodHistory>) =>
      judgeSoFar(history)
        .filter(({ holds }) => !holds)
        .map(({ name }) => name);
    const swapped = goodHistory();
    const join = nth(swapped, 0).join;
    if (join !== undefined) join.number = 99;
    expect(broken(swapped)).toContain("line_kept");

    const oversold = goodHistory();
    oversold.samples = [[{ sku: "shoe", stock: 3, available: -1, slots: 0, held: 0, confirmed: 4 }]];
    expect(broken(oversold)).toContain("books_balanced_so_far");
  });
});
