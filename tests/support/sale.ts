/**
 * One sale on a real Redis, script by script. Time is told in seconds since the sale's opening (negative before it) and
 * passed to the scripts: nothing here sleeps. It keeps the tickets and passes that the scripts hand out, as clients do.
 */
import type { Mode } from "../../domain/mode.ts";
import type { Sale } from "../../domain/sale.ts";
import { confirmScript } from "../../functions/checkout/payment.ts";
import { returnScript } from "../../functions/checkout/refund.ts";
import { releaseScript as tickScript, type SaleSnapshot } from "../../functions/queue/pulse.ts";
import { argumentsOf, joinScript, type JoinReply } from "../../functions/queue/join.ts";
import { enterScript, leaveScript } from "../../functions/queue/queue.ts";
import { admitScript } from "../../functions/registration/admit.ts";
import { returnSlotsScript } from "../../functions/registration/slots.ts";
import { runScript, type Script } from "../../functions/redis/client.ts";
import { saleKeys, type SaleKeys } from "../../functions/redis/keys.ts";
import { expireScript } from "../../functions/reservation/expire.ts";
import { extendScript } from "../../functions/reservation/extend.ts";
import {
  releaseScript as giveBackScript,
  reserveScript,
  summedBySku,
} from "../../functions/reservation/reservation.ts";
import { publishSale } from "../../functions/sale/publish.ts";
import { redefineScript } from "../../functions/sale/redefine.ts";
import { restoreScript } from "../../functions/sale/rebuild.ts";
import { setRuleScript } from "../../functions/sale/rules.ts";
import { placeOf } from "../../static/assets/draw.js";
import { imbalances, lineFaults, readState, type SaleState } from "./books.ts";
import { inFlight } from "./in-flight.ts";
import { postgresSaying, type Stored } from "./postgres.ts";
import type { TestRedis } from "./redis.ts";

export const scripts = {
  join: joinScript,
  enter: enterScript,
  leave: leaveScript,
  tick: tickScript,
  reserve: reserveScript,
  confirm: confirmScript,
  giveBack: giveBackScript,
  expire: expireScript,
  extend: extendScript,
  refund: returnScript,
  setRule: setRuleScript,
  redefine: redefineScript,
  restore: restoreScript,
  admit: admitScript,
  returnSlots: returnSlotsScript,
};
export type Scripts = typeof scripts;

export interface Ticket {
  number: number;
  epoch: number;
  /** The number is one of the lobby. */
  inLobby?: boolean;
}
/** What else a join brings along. */
export interface Joining {
  registered?: string;
  account?: string;
  /** A ticket, of this shopper unless it says so. */
  old?: (Ticket & { shopper?: string }) | undefined;
  failedCheck?: boolean;
}
export interface Pass {
  number: number;
  epoch: number;
  expiresAtMs: number;
  /** For the unit set aside. */
  slot?: true;
}
/** sku → quantity; a list is sent as it is, without being summed. */
export type Basket = Record<string, number> | { sku: string; quantity: number }[];

export class TestSale {
  readonly id: string;
  readonly keys: SaleKeys;
  readonly definition: Sale;
  readonly tickets = new Map<string, Ticket>();
  readonly passes = new Map<string, Pass>();
  /** The scripts of the project, or what a test puts in their place to see its checks fail. */
  readonly scripts: Scripts = { ...scripts };
  /** Leaves the time to Redis, as in production; the seconds passed to the methods then say nothing. */
  redisTime = false;
  readonly #world: TestRedis;

  constructor(world: TestRedis, definition: Sale) {
    this.#world = world;
    this.definition = definition;
    this.id = definition.id;
    this.keys = saleKeys(definition.id);
  }

  /** Milliseconds, as the scripts have them. */
  at(second: number): number {
    return Date.parse(this.definition.opensAt) + Math.round(second * 1000);
  }

  async join(shopper: string, second: number, joining: Joining = {}): Promise<JoinReply> {
    const [reply] = await this.joinTogether([[shopper, joining]], second);
    if (reply === undefined) throw new Error("no answer");
    return reply;
  }

  /** All of them in one call, in this order. */
  async joinTogether(people: [shopper: string, joining?: Joining][], second: number): Promise<JoinReply[]> {
    const { sale, waitlist, lobby, released, shoppers } = this.keys;
    const wishes = people.map(
      ([shopper, { registered = "", account = "", old, failedCheck = false } = {}]) => ({
        shopper,
        registered,
        account,
        old: old === undefined ? undefined : { shopper, inLobby: false, ...old },
        failedCheck,
      }),
    );
    const replies = await this.#run(
      this.scripts.join,
      [sale, waitlist, lobby, released, shoppers],
      [this.#now(second), ...wishes.flatMap(argumentsOf)],
    );
    for (const [i, { word, number, epoch, inLobby }] of replies.entries())
      if (word === "joined" || word === "again")
        this.tickets.set(wishes[i]?.shopper ?? "", { number, epoch, inLobby });
    return replies;
  }

  /** Joins with the ticket from before, as the functions do: a number of the lobby becomes its place, once drawn. */
  async joinAgain(shopper: string, second: number, old = this.tickets.get(shopper)) {
    const reply = await this.join(shopper, second, { old });
    if (reply.word !== "place_first" || old === undefined) return reply;
    const number = await placeOf(reply.seed, reply.drawn, old.number);
    return await this.join(shopper, second, { old: { ...old, number, inLobby: false } });
  }

  async leave(shopper: string) {
    const { sale, waitlist, lobby, released, inside, shoppers, holds } = this.keys;
    const keys = [sale, waitlist, lobby, released, inside, shoppers, holds];
    const [word] = await this.#run(this.scripts.leave, keys, [shopper]);
    return word;
  }

  async enter(
    shopper: string,
    second: number,
    ticket = this.tickets.get(shopper) ?? { number: 1, epoch: 1 },
  ) {
    const { sale, waitlist, lobby, released, inside, stock, holds } = this.keys;
    const keys = [sale, waitlist, lobby, released, inside, stock, holds];
    const args = [this.#now(second), shopper, ticket.number, ticket.epoch];
    const reply = await this.#run(this.scripts.enter, keys, args);
    const [word, number, epoch, nowMs, passExpiresAtMs, nextTickMs] = reply;
    if (word === "entered" || word === "again")
      this.passes.set(shopper, { number, epoch, expiresAtMs: passExpiresAtMs });
    return { word, number, epoch, nowMs, passExpiresAtMs, nextTickMs };
  }

  /** Releases who is due. @throws Error when Redis does not know the sale */
  async tick(second: number): Promise<SaleSnapshot> {
    const state = await this.tickReply(second);
    if (state.word === "missing") throw new Error("missing");
    return state;
  }

  async tickReply(second: number) {
    const { sale, waitlist, lobby, released, inside, stock, holds, tallies } = this.keys;
    const keys = [sale, waitlist, lobby, released, inside, stock, holds, tallies];
    return await this.#run(this.scripts.tick, keys, [this.#now(second), "", ""]);
  }

  async reserve(shopper: string, id: string, basket: Basket, second: number, pass = this.passOf(shopper)) {
    const { sale, stock, inside, reservations, shoppers, holds, claims, outbox } = this.keys;
    const lines = Array.isArray(basket)
      ? basket
      : summedBySku(Object.entries(basket).map(([sku, quantity]) => ({ sku, quantity })));
    return await this.#run(
      this.scripts.reserve,
      [sale, stock, inside, reservations, shoppers, holds, claims, outbox],
      [
        this.#now(second),
        id,
        shopper,
        pass.number,
        pass.epoch,
        pass.expiresAtMs,
        JSON.stringify(lines),
        pass.slot === true ? "1" : "",
      ],
    );
  }

  /** @param pays what a payment authorised, and which; where the shop is, for one that begins */
  async confirm(
    shopper: string,
    id: string,
    second: number,
    authorised = 0,
    pays: { payment?: string; origin?: string } = {},
  ) {
    const { sale, stock, inside, reservations, shoppers, holds, outbox } = this.keys;
    const keys = [sale, stock, inside, reservations, shoppers, holds, outbox];
    const { payment = "", origin = "" } = pays;
    const args = [this.#now(second), id, shopper, authorised, payment, origin];
    return await this.#run(this.scripts.confirm, keys, args);
  }

  async giveBack(shopper: string, id: string, second: number, closed = false) {
    const { stock, inside, released, reservations, shoppers, holds, claims, outbox } = this.keys;
    const keys = [stock, inside, released, reservations, shoppers, holds, claims, outbox];
    const args = [this.#now(second), id, shopper, closed ? "1" : ""];
    const [word] = await this.#run(this.scripts.giveBack, keys, args);
    return word;
  }

  /** @returns the word, and when the hold ends (seconds) */
  async extend(shopper: string, id: string, second: number): Promise<[word: string, until?: number]> {
    const { sale, inside, reservations, holds, outbox } = this.keys;
    const args = [this.#now(second), id, shopper];
    const [word, record] = await this.#run(
      this.scripts.extend,
      [sale, inside, reservations, holds, outbox],
      args,
    );
    return record === undefined
      ? [word]
      : [word, (record.expiresAtMs - Date.parse(this.definition.opensAt)) / 1000];
  }

  /** @param closed ids whose payment is closed */
  async expire(second: number, most = 200, closed: string[] = []) {
    const { stock, inside, reservations, shoppers, holds, claims, outbox } = this.keys;
    const keys = [stock, inside, reservations, shoppers, holds, claims, outbox];
    const args = [this.#now(second), most, 5_000, ...closed];
    const [expired, seen, paying] = await this.#run(this.scripts.expire, keys, args);
    return { expired, seen, ...(paying.length === 0 ? {} : { paying: paying.map((record) => record.id) }) };
  }

  async refund(id: string, second: number) {
    const { sale, stock, reservations, shoppers, outbox } = this.keys;
    const keys = [sale, stock, reservations, shoppers, outbox];
    const [word] = await this.#run(this.scripts.refund, keys, [this.#now(second), id]);
    return word;
  }

  /** Whether the holder of a slot may come in; keeps the pass. */
  async admitHolder(shopper: string, second: number) {
    const { sale, claims } = this.keys;
    const reply = await this.#run(this.scripts.admit, [sale, claims], [this.#now(second), shopper]);
    const { word, epoch, claimUntilMs } = reply;
    if (word === "admitted" || word === "again")
      this.passes.set(shopper, { number: 0, epoch, expiresAtMs: claimUntilMs, slot: true });
    return word;
  }

  /** @param given how many slots were given, once that is decided @returns the units that went to the general stock */
  async returnSlots(second: number, given?: number, forfeits: string[] = [], drawn?: number) {
    const { sale, stock, claims, outbox } = this.keys;
    const args = [this.#now(second), given ?? "", drawn ?? "", ...forfeits];
    const [, units] = await this.#run(this.scripts.returnSlots, [sale, stock, claims, outbox], args);
    return units;
  }

  async setMode(mode: Mode, second: number) {
    return await this.setRule("mode", mode, second);
  }

  async setRule(rule: "mode" | "releaseSize" | "pause" | "resume", value: string | number, second: number) {
    const args = [this.#now(second), rule, value];
    const [word, before] = await this.#run(this.scripts.setRule, [this.keys.sale], args);
    return { word, before };
  }

  /** @param before the definition it is made on, if not the sale's @param fields of the sale hash */
  async redefine(
    change: "update" | "open" | "close",
    second: number,
    definition: Sale,
    { before = this.definition, fields = {} }: { before?: Sale; fields?: Record<string, number> } = {},
  ) {
    const { sale, stock } = this.keys;
    const rules = Object.entries(fields).flat();
    const [word] = await this.#run(
      this.scripts.redefine,
      [sale, stock],
      [
        this.#now(second),
        change,
        JSON.stringify(before),
        JSON.stringify(definition),
        rules.length,
        ...rules,
        "limit:shoe",
        3,
      ],
    );
    return word;
  }

  /** Redis loses this sale, and no other. */
  async lose(): Promise<void> {
    await this.#world.gateway.redis.command("DEL", ...Object.values(this.keys));
  }

  /** @param records of reservations */
  async restore(epoch: number, records: object[] = []) {
    const { sale, stock, rebuild, waitlist, lobby, released, inside, ...others } = this.keys;
    const { reservations, shoppers, holds, claims, outbox, topups } = others;
    const keys = [sale, stock, rebuild, waitlist, lobby, released, inside];
    keys.push(reservations, shoppers, holds, claims, outbox, topups);
    const [word] = await this.#run(this.scripts.restore, keys, [
      epoch,
      ...records.map((r) => JSON.stringify(r)),
    ]);
    return word;
  }

  /** As the functions publish it when Postgres says so. */
  async publish(stored: Partial<Stored> = {}) {
    const postgres = postgresSaying({ definition: this.definition, stored });
    return await publishSale({ ...this.#world.services, postgres }, this.id, stored.epoch);
  }

  /** Brings people through the line and in, in this order; they must fit one release. */
  async admit(people: string[], second: number): Promise<void> {
    for (const shopper of people) await this.join(shopper, second);
    await this.tick(second);
    const words = await Promise.all(people.map(async (shopper) => (await this.enter(shopper, second)).word));
    if (words.some((word) => word !== "entered")) throw new Error(`not all came in: ${words.join()}`);
  }

  /** Brings any number of people inside, more than the stock would: the turn lasts 30 s. Leaves mode normal. */
  async crowd(people: string[], second: number): Promise<void> {
    await this.setMode("passthrough", second - this.definition.releaseEverySeconds);
    await Promise.all(people.map((shopper) => this.join(shopper, second)));
    await this.tick(second);
    await this.setMode("normal", second);
  }

  async state(): Promise<SaleState> {
    const { redis } = this.#world.gateway;
    return await readState((...command) => redis.command(...command), this.keys, this.definition);
  }

  /** What does not add up (design §4.1, §4.2); empty when all is well. */
  async books(): Promise<string[]> {
    return imbalances(await this.state());
  }

  /** What is wrong with the line; empty when all is well. */
  async line(): Promise<string[]> {
    return lineFaults(await this.state());
  }

  /** Without one, a pass good till the end of the sale: whoever uses it is refused for another reason. */
  passOf(shopper: string): Pass {
    return (
      this.passes.get(shopper) ?? { number: 1, epoch: 1, expiresAtMs: Date.parse(this.definition.closesAt) }
    );
  }

  #now(second: number): number | "" {
    return this.redisTime ? "" : this.at(second);
  }

  async #run<Reply>(script: Script<Reply>, keys: string[], args: (string | number)[]): Promise<Reply> {
    return await inFlight(() => runScript(this.#world.services.redis, script, keys, args));
  }
}

/** Shoppers' names in the order of their numbers. */
export const people = (count: number, prefix = "s") =>
  Array.from({ length: count }, (_, i) => `${prefix}${String(i + 1).padStart(3, "0")}`);

/** The words of many answers, counted. */
export function counted(words: string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const word of words) counts[word] = (counts[word] ?? 0) + 1;
  return counts;
}

/** A script with a rule taken out or changed. @throws Error if it has no such text: a control that breaks nothing */
export function broken<Broken extends Script<unknown>>(script: Broken, text: string, instead = ""): Broken {
  if (!script.source.includes(text)) throw new Error(`${script.name} has no "${text}"`);
  return { ...script, source: script.source.replace(text, instead) };
}
