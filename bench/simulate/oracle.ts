/**
 * The rules that hold after every step (design §4), against a plain model: what the outbox has told so far, who stood in
 * line, what was answered. It knows nothing of how the scripts do it. What Redis says is read anew after each effect.
 */
import type { Reply } from "../../dev/redis/connection.ts";
import type { Sale } from "../../domain/sale.ts";
import { placeOf } from "../../static/assets/draw.js";
import type { Command, SimulatedRedis } from "./redis.ts";

/** The rules, by the names under which violations are reported. */
export const rules = {
  books: "per item available + slots + held + confirmed = stock, nothing below zero",
  "one call": "stock, record, limit and outbox change together",
  once: "what is done twice is done once, and answered the same",
  limit: "nobody has more than the limit, or two holds at once",
  line: "places are given in order of arrival, kept, and nobody passes anybody",
  room: "nobody is inside before their turn, or beyond the capacity",
  closed: "nothing is sold from an old epoch, from outside, or while Redis does not know the sale",
  money: "captured only for orders, given back once, nothing kept for nothing",
  judge: "Postgres, Redis and Stripe say the same in the end",
  told: "who was told that they have it has it",
  heals:
    "everything comes to an end: nobody waits for ever, every unit is sold or returned, the sale is settled",
  answers: "expected refusals are values: no step throws",
} as const;
export type Rule = keyof typeof rules;

export interface Violation {
  rule: Rule;
  what: string;
  /** Since opening. */
  atMs: number;
}

export interface Record {
  id: string;
  shopper: string;
  number: number;
  state: "held" | "confirmed" | "released" | "expired" | "refunded";
  lines: { sku: string; quantity: number; price: number }[];
  total: number;
  returnTo?: string;
  intent?: string;
  slotUntilMs?: number;
}
interface Movement {
  id?: string;
  state: "moved";
  from: string;
  to: string;
  lines: { sku: string; quantity: number }[];
}

/** What may come after what; a payment that comes too late takes its units again. */
const mayFollow: { [state: string]: string[] } = {
  "": ["held"],
  held: ["confirmed", "released", "expired"],
  released: ["held"],
  expired: ["held"],
  confirmed: ["refunded"],
  refunded: [],
};

/** What Redis says. */
interface Seen {
  epoch: string | undefined;
  mode: string;
  capacity: number;
  nowServing: number;
  lastTick: number;
  releaseSize: number;
  opensAtMs: number;
  soldOut: boolean;
  stock: Map<string, number>;
  waiting: Map<string, number>;
  lobby: Map<string, number>;
  released: Map<string, number>;
  inside: Set<string>;
  /** Of the draw; 0 before it. */
  seed: string;
  drawn: number;
}

/** What the model has learnt; a copy of it goes with each copy of Redis. */
interface Knowledge {
  records: Map<string, Record>;
  supplied: Map<string, number>;
  slots: Map<string, number>;
  topUps: Set<string>;
  /** First answers, by reservation: who, and what. */
  answers: Map<string, string>;
  lastEntry: string;
  /** What the outbox told of reservations, in order. */
  told: { entry: string; id: string; state: string }[];
  highest: number;
  seen: Seen | undefined;
  /** Somebody has changed a counter; until the counters add up again the books are not held. */
  isDamaged: boolean;
}

/** They tell again what Postgres lacks, or take over what it knows. */
const repairs = new Set(["reconciliation/resend", "reconciliation/cancel", "reconciliation/adopt"]);

export class Oracle {
  readonly violations: Violation[] = [];
  /** Top-ups, of which Redis may lose some. */
  readonly #added = new Map<string, { sku: string; quantity: number }>();
  /** Reservations that were ever confirmed, each with its payment. */
  readonly confirmed = new Set<string>();
  knowledge: Knowledge;
  /** Redis was rolled back, and may have given numbers and units a second time. */
  wasRolledBack = false;
  readonly #redis: SimulatedRedis;
  readonly #sale: Sale;
  readonly #keys: { [name: string]: string };
  readonly #sinceMs: () => number;
  readonly #redisNowMs: () => number;

  constructor(
    redis: SimulatedRedis,
    sale: Sale,
    keys: { [name: string]: string },
    clock: { sinceMs: () => number; redisNowMs: () => number },
  ) {
    this.#redis = redis;
    this.#sale = sale;
    this.#keys = keys;
    this.#sinceMs = clock.sinceMs;
    this.#redisNowMs = clock.redisNowMs;
    this.knowledge = nothingYet();
  }

  violate(rule: Rule, what: string): void {
    this.violations.push({ rule, what, atMs: this.#sinceMs() });
  }

  /** Redis knows nothing any more. @param until of the numbers given, the highest that is known elsewhere */
  lose(until = this.knowledge.highest): void {
    this.knowledge = { ...nothingYet(), highest: Math.min(this.knowledge.highest, until) };
  }

  copy(): Knowledge {
    const { records, supplied, slots, topUps, answers, told, ...rest } = this.knowledge;
    return {
      ...rest,
      told: [...told],
      records: new Map(records),
      supplied: new Map(supplied),
      slots: new Map(slots),
      topUps: new Set(topUps),
      answers: new Map(answers),
    };
  }

  /** What has to be looked at after a script. */
  get look(): string[][] {
    return [
      [
        "HMGET",
        this.#key("sale"),
        "epoch",
        "mode",
        "capacity",
        "nowServing",
        "soldOut",
        "drawSeed",
        "drawCount",
        "lastTick",
        "releaseSize",
        "opensAtMs",
      ],
      ["HGETALL", this.#key("stock")],
      ["XRANGE", this.#key("outbox"), `(${this.knowledge.lastEntry}`, "+"],
      ["ZRANGE", this.#key("waitlist"), "0", "-1", "WITHSCORES"],
      ["HGETALL", this.#key("released")],
      ["ZRANGE", this.#key("lobby"), "0", "-1", "WITHSCORES"],
      ["ZRANGEBYSCORE", this.#key("inside"), `(${this.#redisNowMs()}`, "+inf"],
    ];
  }

  /** After each script. @param looked at what */
  async after({ step, args }: Command, answer: string, looked: Reply[]): Promise<void> {
    const argv = args.slice(3 + Number(args[2]));
    const before = this.knowledge.seen;
    const [seen, events] = readingOf(looked);
    const word = wordOf(answer);
    if (seen.epoch === undefined) {
      if (word === "held" || word === "confirmed" || word === "joined" || word === "entered")
        this.violate("closed", `${step} answered ${word} though Redis does not know the sale`);
      this.lose();
      return;
    }
    if (before?.epoch !== seen.epoch) {
      await this.#begin(seen);
      return;
    }
    if (step === "reconciliation/adopt") this.#adopt(argv[0] ?? "", word);
    if (word === "recounted") this.#recount(seen);
    const changed = this.#learn(step, events);
    this.#holdBooks(seen);
    await this.#holdRecords(changed);
    await this.#holdLine(step, argv, word, before, seen);
    this.#holdAnswer(step, argv, word, numberOf(answer), before, seen);
    this.knowledge.seen = seen;
  }

  /**
   * After each batch that Postgres applied: it has what the outbox told up to its cursor, and nothing else. Not where it
   * may know more, after a rollback, or less, where it refused an event.
   */
  holdStored(cursor: string, stored: ReadonlyMap<string, string>, refused: number): void {
    if (this.wasRolledBack || refused > 0 || this.knowledge.seen === undefined) return;
    const told = new Map<string, string>();
    for (const { entry, id, state } of this.knowledge.told) if (!isAfter(entry, cursor)) told.set(id, state);
    for (const [id, state] of told)
      if (stored.get(id) !== state)
        this.violate(
          "once",
          `${id} was told to be ${state} before ${cursor}, Postgres has ${stored.get(id) ?? "nothing"}`,
        );
  }

  /** A sale that was published, for the first time or again: it begins with what is there. */
  async #begin(seen: Seen): Promise<void> {
    const [texts] = await this.#redis.send([["HVALS", this.#key("reservations")]]);
    const records = list(texts).map((text) => JSON.parse(text) as Record);
    const { highest } = this.knowledge;
    this.knowledge = { ...nothingYet(), highest, seen };
    for (const record of records) this.knowledge.records.set(record.id, record);
    for (const { sku } of this.#sale.items) {
      this.knowledge.supplied.set(sku, seen.stock.get(`stock:${sku}`) ?? 0);
      this.knowledge.slots.set(sku, seen.stock.get(`slots:${sku}`) ?? 0);
    }
    this.#holdBooks(seen);
  }

  #adopt(text: string, word: string | undefined): void {
    if (word !== "adopted" && word !== "ended") return;
    const record = JSON.parse(text) as Record;
    const { seen, slots } = this.knowledge;
    this.knowledge.records.set(record.id, word === "ended" ? { ...record, state: "expired" } : record);
    // One that used a slot uses it again; whether its unit was still set aside, Redis knows.
    if (record.slotUntilMs !== undefined && seen !== undefined)
      for (const { sku } of this.#sale.items) slots.delete(sku);
  }

  /** A top-up that Redis lost is there again: the stock is what was ever supplied. */
  #recount({ stock }: Seen): void {
    for (const { sku, stock: first } of this.#sale.items) {
      const added = [...this.#added.values()].filter((one) => one.sku === sku);
      const all = added.reduce((sum, { quantity }) => sum + quantity, first);
      if (stock.get(`stock:${sku}`) === all) this.knowledge.supplied.set(sku, all);
    }
  }

  #learn(step: string, events: [string, Record | Movement][]): Record[] {
    const { records, supplied, slots, topUps } = this.knowledge;
    const changed: Record[] = [];
    events.forEach(([entry, event], i) => {
      this.knowledge.lastEntry = entry;
      if (event.state === "moved") {
        for (const { sku, quantity } of event.lines) {
          if (event.from === "supply") {
            supplied.set(sku, (supplied.get(sku) ?? 0) + quantity);
            this.#added.set(event.id ?? "", { sku, quantity });
          }
          if (event.from === "slots") slots.set(sku, (slots.get(sku) ?? 0) - quantity);
          if (event.to === "slots") slots.set(sku, (slots.get(sku) ?? 0) + quantity);
        }
        if (event.from === "supply") {
          if (topUps.has(event.id ?? "")) this.violate("once", "the same top-up came twice");
          topUps.add(event.id ?? "");
        }
        return;
      }
      const was = records.get(event.id)?.state ?? "";
      if (!repairs.has(step) && !(mayFollow[was] ?? []).includes(event.state))
        this.violate("one call", `${event.id} became ${event.state} after ${was || "nothing"}`);
      const next = events[i + 1]?.[1];
      const isTakenAgain = event.state === "held" && (was === "released" || was === "expired");
      if (isTakenAgain && !repairs.has(step) && next?.state !== "confirmed")
        this.violate("one call", `${event.id} was held again, unpaid`);
      records.set(event.id, event);
      this.knowledge.told.push({ entry, id: event.id, state: event.state });
      if (event.state === "confirmed") this.confirmed.add(`${event.id} ${event.intent ?? ""}`);
      changed.push(event);
    });
    return changed;
  }

  #holdBooks(seen: Seen): void {
    const wrong = this.#booksOf(seen);
    this.knowledge.isDamaged &&= wrong.length > 0;
    if (!this.knowledge.isDamaged) for (const [rule, what] of wrong) this.violate(rule, what);
  }

  /** @returns what is wrong with the counters */
  #booksOf({ stock, soldOut }: Seen): [Rule, string][] {
    const wrong: [Rule, string][] = [];
    const { records, supplied, slots, isDamaged } = this.knowledge;
    const units = new Map<string, number>();
    for (const { state, lines } of records.values())
      if (state === "held" || state === "confirmed")
        for (const { sku, quantity } of lines)
          units.set(`${state}:${sku}`, (units.get(`${state}:${sku}`) ?? 0) + quantity);
    const sums = { available: 0, slots: 0, supplied: 0, unsold: 0 };
    const of = (field: string) => stock.get(field) ?? NaN;
    const same = (rule: Rule, field: string, expected: number) => {
      if (of(field) !== expected) wrong.push([rule, `${field} is ${of(field)}, not ${expected}`]);
    };
    for (const { sku } of this.#sale.items) {
      const parts = ["available", "slots", "held", "confirmed"].map((account) => of(`${account}:${sku}`));
      const sum = parts.reduce((total, part) => total + part, 0);
      // Of an order that Redis had lost and sold the units of again, both are sold, until the latest goes back.
      const isSoldAgain =
        this.wasRolledBack && !isDamaged && of(`available:${sku}`) === 0 && sum > of(`stock:${sku}`);
      if (sum !== of(`stock:${sku}`) && !isSoldAgain)
        wrong.push(["books", `${sku}: ${parts.join(" + ")} is ${sum}, not ${of(`stock:${sku}`)}`]);
      if (parts.some((part) => !(part >= 0)))
        wrong.push(["books", `${sku}: ${parts.join(", ")}: one is below zero`]);
      same("books", `stock:${sku}`, supplied.get(sku) ?? 0);
      same("one call", `held:${sku}`, units.get(`held:${sku}`) ?? 0);
      same("one call", `confirmed:${sku}`, units.get(`confirmed:${sku}`) ?? 0);
      if (!slots.has(sku)) slots.set(sku, of(`slots:${sku}`));
      same("one call", `slots:${sku}`, slots.get(sku) ?? 0);
      sums.available += of(`available:${sku}`);
      sums.slots += of(`slots:${sku}`);
      sums.supplied += of(`stock:${sku}`);
      sums.unsold += of(`stock:${sku}`) - of(`confirmed:${sku}`);
    }
    for (const [field, sum] of Object.entries(sums)) same("books", field, sum);
    if (soldOut !== sums.unsold <= 0)
      wrong.push(["books", `sold out: ${soldOut}, with ${sums.unsold} unsold`]);
    return wrong;
  }

  /** What changed stands in the records too, and in what counts for its shopper. */
  async #holdRecords(changed: Record[]): Promise<void> {
    if (changed.length === 0) return;
    const { records } = this.knowledge;
    const ids = [...new Set(changed.map(({ id }) => id))];
    const shoppers = [...new Set(changed.map(({ shopper }) => shopper))];
    const items = this.#sale.items;
    const fields = shoppers.flatMap((shopper) => items.map(({ sku }) => `${shopper}/${sku}`));
    const [texts, counts] = await this.#redis.send([
      ["HMGET", this.#key("reservations"), ...ids],
      ["HMGET", this.#key("shoppers"), ...fields],
    ]);
    list(texts).forEach((text, i) => {
      const id = ids[i] ?? "";
      const state = text === "" ? "nothing" : (JSON.parse(text) as Record).state;
      if (state !== records.get(id)?.state)
        this.violate("one call", `${id} is ${state}, the outbox says ${records.get(id)?.state ?? "nothing"}`);
    });
    const has = list(counts).map(Number);
    shoppers.forEach((shopper, i) => {
      const theirs = [...records.values()].filter((record) => record.shopper === shopper);
      const live = theirs.filter(({ state }) => state === "held");
      if (live.length > 1) this.violate("limit", `${shopper} holds ${live.length} reservations at once`);
      items.forEach(({ sku, limit }, j) => {
        const units = theirs
          .filter(({ state }) => state === "held" || state === "confirmed")
          .flatMap(({ lines }) => lines.filter((line) => line.sku === sku))
          .reduce((sum, { quantity }) => sum + quantity, 0);
        if (units > limit) this.violate("limit", `${shopper} has ${units} of ${sku}, ${limit} at most`);
        const counted = has[i * items.length + j] ?? 0;
        if (counted !== units) this.violate("one call", `${shopper}/${sku} is ${counted}, not ${units}`);
      });
    });
  }

  /** Everybody keeps their place, and who is called is who came first. */
  async #holdLine(
    step: string,
    argv: string[],
    word: string | undefined,
    before: Seen,
    after: Seen,
  ): Promise<void> {
    const leaving = step === "queue/leave" ? argv[0] : undefined;
    for (const places of [before.waiting, before.released, before.lobby])
      for (const [shopper, number] of places) {
        if (shopper === leaving) continue;
        const is = after.waiting.get(shopper) ?? after.released.get(shopper);
        if (is === undefined && !after.lobby.has(shopper))
          this.violate("line", `${shopper} lost their place`);
        else if (is !== undefined && is !== number && places !== before.lobby)
          this.violate("line", `${shopper} had number ${number}, has ${is}`);
      }
    if (after.nowServing < before.nowServing) this.violate("line", "the line went backwards");

    if (word === "joined") {
      const mine = (shopper: string) => after.waiting.get(shopper) ?? after.lobby.get(shopper);
      const fresh = [...after.waiting.keys(), ...after.lobby.keys()].filter(
        (shopper) => !before.waiting.has(shopper) && !before.lobby.has(shopper),
      );
      const [, , , , oldShopper = "", oldNumber = "0"] = argv;
      for (const shopper of fresh) {
        const number = mine(shopper) ?? 0;
        const isOld = oldShopper === shopper && number === Number(oldNumber);
        if (number <= this.knowledge.highest && !isOld && !(after.drawn > 0 && number > after.drawn))
          this.violate("line", `${shopper} got number ${number}, ${this.knowledge.highest} was given before`);
      }
      const numbers = [...after.waiting.values(), ...after.released.values()];
      if (!this.wasRolledBack && new Set(numbers).size < numbers.length)
        this.violate("line", "two have the same number");
    }
    this.knowledge.highest = Math.max(
      this.knowledge.highest,
      ...after.waiting.values(),
      ...after.lobby.values(),
    );

    if (step !== "queue/release") return;
    const called = [...after.released].filter(([shopper]) => !before.released.has(shopper));
    if (called.length === 0) return;
    const everyMs = this.#sale.releaseEverySeconds * 1000;
    const tick = Math.floor((this.#redisNowMs() - after.opensAtMs) / everyMs);
    if (after.mode === "normal" && called.length > before.releaseSize * Math.max(0, tick - before.lastTick))
      this.violate(
        "once",
        `${called.length} are called in tick ${tick}, after tick ${before.lastTick} was released`,
      );
    const places = await Promise.all(
      [...after.lobby.values()].map((number) => placeOf(after.seed, after.drawn, number)),
    );
    const next = Math.min(...after.waiting.values(), ...places);
    for (const [shopper, number] of called)
      if (number > next) this.violate("line", `${shopper} was called with ${number} before number ${next}`);
  }

  #holdAnswer(
    step: string,
    argv: string[],
    word: string | undefined,
    number: number,
    before: Seen,
    after: Seen,
  ): void {
    if (
      (step === "queue/release" || step === "queue/enter") &&
      after.mode !== "passthrough" &&
      after.inside.size > Math.max(after.capacity, before.inside.size)
    )
      this.violate("room", `${after.inside.size} are inside, ${after.capacity} at most`);
    if (word === "entered") {
      const [, shopper = "", , epoch] = argv;
      if (epoch !== after.epoch)
        this.violate("closed", `${shopper} came in with a ticket of epoch ${epoch ?? ""}`);
      if (!before.released.has(shopper) && number > before.nowServing)
        this.violate("room", `${shopper} came in before their turn`);
    }
    if (step !== "reservation/reserve" || (word !== "held" && word !== "again")) return;
    const [, id = "", shopper = "", , epoch, , lines = "", bySlot] = argv;
    const asked = `${shopper} ${lines}`;
    const first = this.knowledge.answers.get(id);
    if (word === "held") {
      if (epoch !== after.epoch) this.violate("closed", `${shopper} holds by a pass of epoch ${epoch ?? ""}`);
      if (bySlot !== "1" && !before.inside.has(shopper))
        this.violate("closed", `${shopper} holds from outside`);
      if (after.mode === "reject") this.violate("closed", `${shopper} holds while the mode is reject`);
    }
    if (first !== undefined && first !== asked) this.violate("once", `${id} was answered for something else`);
    this.knowledge.answers.set(id, asked);
  }

  #key(name: string): string {
    return this.#keys[name] ?? "";
  }
}

const nothingYet = (): Knowledge => ({
  records: new Map(),
  supplied: new Map(),
  slots: new Map(),
  topUps: new Set(),
  answers: new Map(),
  lastEntry: "0-0",
  told: [],
  highest: 0,
  seen: undefined,
  isDamaged: false,
});

function readingOf([sale, stock, entries, waiting, released, lobby, inside]: Reply[]): [
  Seen,
  [string, Record | Movement][],
] {
  const [
    epoch,
    mode = "",
    capacity,
    nowServing,
    soldOut,
    seed = "",
    drawn,
    lastTick,
    releaseSize,
    opensAtMs,
  ] = list(sale);
  const events = (Array.isArray(entries) ? entries : []).map((entry): [string, Record | Movement] => {
    const [id, fields] = Array.isArray(entry) ? entry : [];
    return [String(id), JSON.parse(list(fields)[1] ?? "") as Record | Movement];
  });
  return [
    {
      epoch: epoch === "" ? undefined : epoch,
      mode,
      capacity: Number(capacity),
      nowServing: Number(nowServing),
      lastTick: Number(lastTick),
      releaseSize: Number(releaseSize),
      opensAtMs: Number(opensAtMs),
      soldOut: soldOut !== "",
      stock: pairs(stock),
      waiting: pairs(waiting),
      released: pairs(released),
      lobby: pairs(lobby),
      inside: new Set(list(inside)),
      seed,
      drawn: Number(drawn),
    },
    events,
  ];
}

/** Null is "". */
export const list = (reply: Reply | undefined): string[] =>
  Array.isArray(reply) ? reply.map((each) => (each === null ? "" : String(each))) : [];

function pairs(reply: Reply | undefined): Map<string, number> {
  const flat = list(reply);
  const found = new Map<string, number>();
  for (let i = 0; i < flat.length; i += 2) found.set(flat[i] ?? "", parseFloat(flat[i + 1] ?? ""));
  return found;
}

/** The first word of a script's answer; of a join, whose calls carry many, that of the first who joins. */
export const wordOf = (answer: string) => /^\{"result":\[(?:\[\[)?"(\w+)"/.exec(answer)?.[1];
/** The number behind it. */
const numberOf = (answer: string) => Number(/^\{"result":\[(?:\[\[)?"\w+",(\d+)/.exec(answer)?.[1]);

/** Ids of a stream: milliseconds and a sequence. */
function isAfter(entry: string, cursor: string): boolean {
  const [[ms = 0, sequence = 0], [cursorMs = 0, cursorSequence = 0]] = [
    entry.split("-").map(Number),
    cursor.split("-").map(Number),
  ];
  return ms > cursorMs || (ms === cursorMs && sequence > cursorSequence);
}
