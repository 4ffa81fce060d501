/**
 * The rules that hold after every step (design §4), against a plain model: what the outbox has told so far, who stood in
 * line, what was answered. It knows nothing of how the scripts do it. What Redis says is read anew after each effect.
 */
import type { Reply } from "../../dev/redis/connection.ts";
import type { Sale } from "../../domain/sale.ts";
import { adopt, holdBooks, holdRecords, learn, recount } from "./books.ts";
import { nothingYet, type Judge, type Knowledge } from "./judge.ts";
import { holdAnswer, holdLine } from "./line.ts";
import { isAfter, list, numberOf, readingOf, ruleFields, wordOf, type Record, type Seen } from "./reading.ts";
import type { Plan } from "./plan.ts";
import type { SimulatedPostgres } from "./postgres.ts";
import type { Command, SimulatedRedis } from "./redis.ts";
import { Registrations } from "./registrations.ts";
import type { Rule, Violation } from "./rules.ts";
import { holdSlots } from "./slots.ts";

export class Oracle implements Judge {
  readonly violations: Violation[] = [];
  readonly confirmed = new Set<string>();
  readonly added = new Map<string, { sku: string; quantity: number }>();
  readonly registrations: Registrations;
  knowledge: Knowledge;
  wasRolledBack = false;
  readonly redis: SimulatedRedis;
  readonly sale: Sale;
  readonly #keys: { [name: string]: string };
  readonly #sinceMs: () => number;
  readonly redisNowMs: () => number;

  constructor(
    redis: SimulatedRedis,
    sale: Sale,
    keys: { [name: string]: string },
    clock: { sinceMs: () => number; redisNowMs: () => number },
    { plan, postgres }: { plan: Plan; postgres: SimulatedPostgres },
  ) {
    this.redis = redis;
    this.sale = sale;
    this.#keys = keys;
    this.#sinceMs = clock.sinceMs;
    this.redisNowMs = clock.redisNowMs;
    this.knowledge = nothingYet();
    this.registrations = new Registrations(this, plan, postgres);
  }

  violate(rule: Rule, what: string): void {
    this.violations.push({ rule, what, atMs: this.#sinceMs() });
  }

  /** Redis knows nothing any more. @param until of the numbers given, the highest that is known elsewhere */
  lose(until = this.knowledge.highest): void {
    this.knowledge = { ...nothingYet(), highest: Math.min(this.knowledge.highest, until) };
  }

  copy(): Knowledge {
    const { records, supplied, slots, topUps, told, answers, unindexed, ...rest } = this.knowledge;
    return {
      ...rest,
      told: [...told],
      answers: new Map(answers),
      records: new Map(records),
      supplied: new Map(supplied),
      slots: new Map(slots),
      topUps: new Set(topUps),
      unindexed: new Set(unindexed),
    };
  }

  /** What has to be looked at after a script. */
  get look(): string[][] {
    return [
      ["HMGET", this.key("sale"), ...ruleFields],
      ["HGETALL", this.key("stock")],
      ["XRANGE", this.key("outbox"), `(${this.knowledge.lastEntry}`, "+"],
      ["ZRANGE", this.key("waitlist"), "0", "-1", "WITHSCORES"],
      ["HGETALL", this.key("released")],
      ["ZRANGE", this.key("lobby"), "0", "-1", "WITHSCORES"],
      ["ZRANGEBYSCORE", this.key("inside"), `(${this.redisNowMs()}`, "+inf"],
      ["HGETALL", this.key("claims")],
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
    if (step === "reconciliation/adopt") adopt(this, argv[0] ?? "", word);
    if (word === "recounted") recount(this, seen);
    const changed = learn(this, step, events);
    holdBooks(this, seen);
    await holdRecords(this, changed);
    await holdLine(this, step, argv, word, before, seen);
    holdAnswer(this, step, argv, word, numberOf(answer), before, seen);
    holdSlots(this, this.registrations, { step, argv, word }, before, seen);
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
    const [texts] = await this.redis.send([["HVALS", this.key("reservations")]]);
    const records = list(texts).map((text) => JSON.parse(text) as Record);
    const { highest } = this.knowledge;
    this.knowledge = { ...nothingYet(), highest, seen };
    for (const record of records) this.knowledge.records.set(record.id, record);
    for (const { sku } of this.sale.items) {
      this.knowledge.supplied.set(sku, seen.stock.get(`stock:${sku}`) ?? 0);
      this.knowledge.slots.set(sku, seen.stock.get(`slots:${sku}`) ?? 0);
    }
    holdBooks(this, seen);
  }

  key(name: string): string {
    return this.#keys[name] ?? "";
  }
}
