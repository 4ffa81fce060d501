/**
 * The judgement: what was recorded, held against the rules of the design (§4). Pure: histories in, checks out. Each
 * check says what must be so, whether it is, and on what evidence it is not.
 */
import {
  checkBooks,
  checkLedger,
  checkSamples,
  checkOrders,
  checkSettled,
  checkSold,
} from "./proof-books.ts";
import {
  beyondThePage,
  checkCharged,
  checkChargedOnce,
  checkNothingOpen,
  checkNotRefunded,
  checkPayers,
} from "./proof-money.ts";
import { checkDraw } from "./proof-draw.ts";
import { checkCalled, checkLine, checkPatience, checkTurns } from "./proof-line.ts";
import { slotRules } from "./proof-slots.ts";
import { OWN_DELAY_MAX_MS, tellingOf, TOLD_WITHIN_MS } from "./told.ts";
import { who, type Books, type History } from "./history.ts";

export interface Check {
  name: string;
  /** The rule of design §4 it belongs to. */
  rule: string;
  /** What must be so. */
  states: string;
  holds: boolean;
  /** What says otherwise; a few examples and how many there are. */
  evidence: string[];
  /** What could not be judged, and why; holds or not, it is not held against the system. */
  unjudged: string[];
}

/** One sentence of the proof and the function that looks for what contradicts it. */
export interface Rule {
  name: string;
  rule: string;
  states: string;
  find: (history: History, books: Books) => string[];
  /** The same without the books at the end: what must hold at any moment can be judged of an interrupted run too. */
  findSoFar?: (history: History) => string[];
  unjudged?: (history: History) => string[];
}

const EVIDENCE_MAX = 5;

export const rules: readonly Rule[] = [
  {
    name: "sold_what_there_was",
    rule: "4.1",
    states: "everything was sold, or all who wanted some have it; never more than the stock",
    find: checkSold,
  },
  {
    name: "books_balance",
    rule: "4.1",
    states: "in Redis, available + slots + held + confirmed = stock, nothing is negative, nothing stays held",
    find: checkBooks,
  },
  {
    name: "replays_answer_the_same",
    rule: "4.3",
    states: "a request sent twice has one effect and one answer",
    find: checkReplays,
    findSoFar: checkReplays,
  },
  {
    name: "line_kept",
    rule: "4.4",
    states: "who came before has the lower number; no number twice; a reload keeps the number",
    find: checkLine,
    findSoFar: checkLine,
  },
  {
    name: "draw_kept",
    rule: "5.2",
    states:
      "who came before opening has the place that the seed committed to gives, no place twice; who came later is behind",
    find: checkDraw,
    findSoFar: checkDraw,
  },
  {
    name: "nobody_before_their_turn",
    rule: "4.4",
    states: "nobody entered with a number not yet served; serving never goes back",
    find: checkTurns,
    findSoFar: checkTurns,
  },
  {
    name: "nobody_passed",
    rule: "4.4",
    states:
      "nobody was let in before somebody with a lower number who was asking, nor after one was told that all is sold",
    find: checkNobodyPassed,
    findSoFar: checkNobodyPassed,
  },
  ...slotRules,
  {
    name: "told_in_time",
    rule: "5.2",
    states: `everybody who waited heard within ${TOLD_WITHIN_MS / 1000} s of the last order that all is sold, or at the next look that the pulse asked them for, far back`,
    find: checkTold,
    unjudged: notVouchedFor,
  },
  {
    name: "orders_agree",
    rule: "4.2",
    states:
      "orders answered = orders in Postgres = confirmed in Redis, one by one; nobody twice or above the limit",
    find: checkOrders,
  },
  {
    name: "ledger_agrees",
    rule: "4.7",
    states: "the ledger and the counters agree, Postgres counts what Redis counts, no discrepancies",
    find: checkLedger,
  },
  {
    name: "charged_what_was_sold",
    rule: "4.5",
    states:
      "captured payments = orders with a price, one by one = the price of what was sold, in the sale's currency",
    find: checkCharged,
    unjudged: beyondThePage,
  },
  {
    name: "nobody_charged_twice",
    rule: "4.5",
    states: "no reservation and no shopper was charged more than once",
    find: checkChargedOnce,
    unjudged: beyondThePage,
  },
  {
    name: "no_payment_left_open",
    rule: "4.5",
    states: "no payment waits for its capture: authorised = captured + voided",
    find: checkNothingOpen,
    unjudged: beyondThePage,
  },
  {
    name: "nothing_refunded",
    rule: "4.5",
    states: "nothing had to be given back: nobody was charged for what they did not get",
    find: checkNotRefunded,
    unjudged: beyondThePage,
  },
  {
    name: "payers_have_an_order_or_a_void",
    rule: "4.5",
    states:
      "whoever paid has an order, or the payment was voided and nothing else was said; no order without a payment",
    find: checkPayers,
    unjudged: beyondThePage,
  },
  {
    name: "outbox_drained",
    rule: "4.6",
    states: "every change reached Postgres, every hold ended, every payment was decided",
    find: checkSettled,
  },
  {
    name: "refusals_have_their_word",
    rule: "3",
    states: "what must be refused was refused, with the right word",
    find: checkExpectations,
    findSoFar: checkExpectations,
  },
  {
    name: "no_surprises",
    rule: "5.1",
    states: "no answer the contract does not foresee; 425, 429 and 503 say when to come back",
    find: checkSurprises,
    findSoFar: checkSurprises,
  },
  {
    name: "everybody_got_an_answer",
    rule: "4",
    states: "every shopper came to an end within the time given",
    find: ({ shoppers }) =>
      shoppers.filter((s) => s.end === "unfinished").map((s) => `${who(s)} was still ${s.doing}`),
  },
];

/** Of an interrupted run. */
export function judgeSoFar(history: History): Check[] {
  const balances = {
    name: "books_balanced_so_far",
    rule: "4.1",
    states:
      "whenever Redis' books were looked at they balanced, nothing was negative, no more confirmed than there was",
  };
  return [
    checkOf(balances, checkSamples(history), history),
    ...rules.flatMap((rule) =>
      rule.findSoFar === undefined ? [] : [checkOf(rule, rule.findSoFar(history), history)],
    ),
  ];
}

/** @param books undefined when the operator's view could not be had: nothing about it is proved then */
export function judge(history: History, books: Books | undefined): Check[] {
  return rules.map((rule) =>
    checkOf(
      rule,
      books === undefined ? ["the operator's view of the sale could not be read"] : rule.find(history, books),
      history,
    ),
  );
}

function checkOf(
  { name, rule, states, unjudged }: Omit<Rule, "find">,
  found: readonly string[],
  history: History,
): Check {
  const evidence = found.slice(0, EVIDENCE_MAX);
  if (found.length > EVIDENCE_MAX) evidence.push(`… ${found.length} in all`);
  return { name, rule, states, holds: found.length === 0, evidence, unjudged: unjudged?.(history) ?? [] };
}

function checkNobodyPassed(history: History): string[] {
  return [...checkPatience(history), ...checkCalled(history)];
}

/** One broken step may repeat itself many times: each is told once, with how often. */
function checkSurprises({ shoppers }: History): string[] {
  return shoppers.flatMap((s) => {
    const times = new Map<string, number>();
    for (const what of s.surprises) times.set(what, (times.get(what) ?? 0) + 1);
    return [...times].map(([what, count]) => `${who(s)}: ${what}${count > 1 ? `, ${count} times` : ""}`);
  });
}

function checkReplays({ shoppers }: History): string[] {
  return shoppers.flatMap((s) =>
    s.replays
      .filter(({ first, again }) => first !== again)
      .map(({ what, first, again }) => `${who(s)}: ${what}: first ${first}, then ${again}`),
  );
}

function checkExpectations({ shoppers }: History): string[] {
  return shoppers.flatMap((s) =>
    s.expectations
      .filter(({ expected, got }) => !expected.includes(got))
      .map(
        ({ attempt, expected, got }) => `${who(s)}: ${attempt}: ${got} instead of ${expected.join(" or ")}`,
      ),
  );
}

/** While something is broken on purpose nobody is promised to hear in time. */
function checkTold(history: History): string[] {
  const telling = tellingOf(history);
  const excused = new Set(telling?.lateByMachine);
  return (telling?.late ?? [])
    .filter((hearing) => !history.faultsExpected && !excused.has(hearing))
    .sort((a, b) => b.afterMs - a.afterMs)
    .map(({ shopper, afterMs }) => `${who({ shopper })} heard ${seconds(afterMs)} after the last order`);
}

function notVouchedFor(history: History): string[] {
  const telling = tellingOf(history);
  const late = (history.faultsExpected ? telling?.late : telling?.lateByMachine) ?? [];
  if (late.length === 0) return [];
  const most = (of: "afterMs" | "ownDelayMs" | "stallMs") =>
    seconds(late.reduce((highest, one) => Math.max(highest, one[of]), 0));
  const heard = `${late.length} heard up to ${most("afterMs")} after the last order`;
  if (history.faultsExpected) return [`${heard}, while something was broken on purpose`];
  return [
    `${heard}, while the rehearsing machine was itself late by more than ${OWN_DELAY_MAX_MS} ms ` +
      `(looks sent up to ${most("ownDelayMs")} late, stalls up to ${most("stallMs")})`,
  ];
}

const seconds = (ms: number) => `${(ms / 1000).toFixed(2)} s`;
