/** What somebody does who wants to buy: what the pages' script does, and what people do beside it. */
import type { Pulse } from "../../domain/api.ts";
import { isRefusal, type Refusal } from "../../domain/refusal.ts";
import type { PassClaims, TicketClaims } from "../../domain/token.ts";
import { pay } from "../../dev/stripe/payments.ts";
import { wholeBetween } from "../rehearse/random.ts";
import { HOSTS, keys } from "./engines.ts";
import { lives, type Life } from "./lives.ts";
import type { ShopperPlan } from "./plan.ts";
import { Registrant } from "./registrant.ts";
import type { Outcome, World } from "./world.ts";

/** What shoppers have of each other, for cheats. */
export interface Crowd {
  tickets: string[];
  passes: PassClaims[];
  /** Reservations: whose, and which. */
  holds: { shopper: string; id: string }[];
  /** Orders as buyers were told. */
  told: Set<string>;
  done: Set<string>;
  pulse(): Promise<Outcome<Pulse | Refusal>>;
}

const TRIES = 4;

export class Shopper {
  readonly #world: World;
  readonly #plan: ShopperPlan;
  readonly #crowd: Crowd;
  readonly #life: Life;
  readonly #id: string;
  readonly #registrant: Registrant | undefined;
  /** Hears that nobody is let in without registering, and cannot any more. */
  #isShutOut = false;
  #uuids = 0;

  constructor(world: World, plan: ShopperPlan, crowd: Crowd) {
    this.#world = world;
    this.#plan = plan;
    this.#crowd = crowd;
    this.#life = world.somebody(plan.name, 1000 + plan.nth);
    this.#id = plan.name;
    if (plan.registrant !== undefined)
      this.#registrant = new Registrant(world, plan.registrant, {
        name: plan.name,
        id: this.#id,
        tell: (step, work) => this.#tell(step, work),
        wait: (lowMs, highMs) => this.#wait(lowMs, highMs),
        random: () => this.#life.random(),
        say: (what) => this.#say(what),
      });
  }

  /** Comes, and goes when there is nothing more to do. */
  async visit(): Promise<void> {
    await lives.run(this.#life, async () => {
      await this.#registrant?.prepare();
      await this.#visit();
      await this.#registrant?.finish();
    });
    this.#crowd.done.add(this.#plan.name);
    this.#say("goes");
  }

  async #visit(): Promise<void> {
    const { arrivesMs } = this.#plan;
    await this.#world.kernel.sleep(Math.max(0, arrivesMs - this.#world.sinceMs()));
    let ticket = await this.#join(undefined);
    let entered = 0;
    for (let rounds = 0; rounds < 2_000; rounds++) {
      if (this.#isShutOut) return;
      const pulse = await this.#crowd.pulse();
      if (!("value" in pulse) || isRefusal(pulse.value)) {
        if (this.#isOver()) return;
        await this.#wait(1_000, 4_000);
        continue;
      }
      const { phase, nowServing, epoch, pollAfterMs } = pulse.value;
      if (phase === "closed" || phase === "settled" || phase === "sold_out") {
        this.#say(`hears ${phase}`);
        if (phase !== "sold_out" || this.#isOver() || !this.#has("hopes")) return;
        await this.#wait(5_000, 20_000);
        continue;
      }
      if (ticket === undefined || ticket.epoch !== epoch) {
        const outdated = ticket;
        ticket = (await this.#join(ticket)) ?? ticket;
        // Another tab does not know yet, and comes with the ticket of before.
        if (outdated !== undefined) await this.#enter(outdated);
        if (ticket === undefined) await this.#wait(1_000, 5_000);
        continue;
      }
      if (this.#has("leaves") && rounds === 3) {
        await this.#tell("leave", (services, steps) => steps.leaveQueue(services, ticket as TicketClaims));
        return;
      }
      if (this.#has("leaves_and_returns") && rounds === 2) {
        await this.#tell("leave", (services, steps) => steps.leaveQueue(services, ticket as TicketClaims));
        await this.#wait(0, 8_000);
        ticket = await this.#join(undefined);
        continue;
      }
      if (this.#has("sleeps") && rounds === 1) await this.#wait(10_000, 60_000);
      if (ticket.lobby === true || nowServing >= ticket.number) {
        const pass = ticket.lobby === true && phase === "lobby" ? undefined : await this.#enter(ticket);
        if (pass === "outdated") {
          ticket = await this.#join(ticket);
          continue;
        }
        if (pass !== undefined) {
          const isDone = await this.#buy(pass);
          entered++;
          if (isDone && (entered > 1 || !this.#has("buys_again"))) return;
          if (entered > 3) return;
        }
      }
      await this.#wait(pollAfterMs * 0.9, pollAfterMs * 1.1);
    }
  }

  async #join(old: TicketClaims | undefined): Promise<TicketClaims | undefined> {
    let brought = old;
    if (this.#has("uses_others_ticket") && this.#crowd.tickets.length > 0) {
      const other = this.#crowd.tickets[Math.floor(this.#life.random() * this.#crowd.tickets.length)];
      brought = (await keys.verify("ticket", other ?? "")) ?? old;
    }
    if (this.#has("forges") && this.#crowd.tickets[0] !== undefined) {
      const forged = await keys.verify("ticket", `x${this.#crowd.tickets[0].slice(1)}`);
      if (forged !== undefined) this.#world.oracle.violate("closed", "a forged ticket was taken");
    }
    const known = await this.#registrant?.joining();
    const answer = await this.#tell("join", (services, steps) =>
      steps.joinQueue(services, this.#world.sale.id, { shopper: this.#id, old: brought, ...known }),
    );
    if (answer === undefined) return undefined;
    if (isRefusal(answer)) {
      this.#say(`join: ${answer.refused}`);
      if (answer.refused === "slot_ended") this.#registrant?.dropSlot();
      if (answer.refused === "registration_needed")
        this.#isShutOut = (await this.#registrant?.registerNow()) !== true;
      return undefined;
    }
    this.#say(`joins at ${answer.answer.number}`);
    this.#crowd.tickets.push(answer.answer.ticket);
    return await keys.verify("ticket", answer.answer.ticket);
  }

  async #enter(ticket: TicketClaims): Promise<PassClaims | "outdated" | undefined> {
    const answer = await this.#tell("enter", (services, steps) => steps.enterSale(services, ticket));
    if (answer === undefined) return undefined;
    if (isRefusal(answer)) {
      if (answer.refused === "outdated_ticket" || answer.refused === "invalid_ticket") return "outdated";
      if (answer.refused === "slot_ended") {
        this.#registrant?.dropSlot();
        return "outdated";
      }
      return undefined;
    }
    const pass = await keys.verify("pass", answer.answer.pass);
    if (pass !== undefined) this.#crowd.passes.push(pass);
    this.#say("comes in");
    return pass;
  }

  /** @returns whether there is nothing more to do with this pass */
  async #buy(own: PassClaims): Promise<boolean> {
    if (this.#has("dawdles")) await this.#wait(5_000, 50_000);
    const pass = own;
    const others = this.#crowd.passes.filter(({ shopper }) => shopper !== own.shopper);
    const other = others[Math.floor(this.#life.random() * others.length)];
    if (this.#has("uses_others_pass") && other !== undefined) {
      const theirs = this.#crowd.holds.find(({ shopper }) => shopper !== own.shopper)?.id ?? this.#uuid();
      const stolen = await this.#tell("read", (services, steps) =>
        steps.readReservation(services, own, theirs),
      );
      if (stolen !== undefined && !isRefusal(stolen) && theirs === stolen.reservationId)
        this.#world.oracle.violate("closed", "a reservation was shown to somebody else");
      await this.#tell("release", (services, steps) => steps.releaseReservation(services, own, theirs));
    }
    // A tab of before has the pass of before.
    const old = this.#crowd.passes.find(({ shopper, epoch }) => shopper === own.shopper && epoch < own.epoch);
    if (old !== undefined)
      await this.#tell("reserve", (services, steps) =>
        steps.reserve(services, old, { reservationId: this.#uuid(), lines: this.#plan.basket }),
      );
    const [first] = this.#plan.basket;
    const basket =
      pass.slot === true && first !== undefined ? [{ sku: first.sku, quantity: 1 }] : this.#plan.basket;
    let lines = basket;
    if (this.#has("wants_too_much")) lines = [...lines, ...lines, ...lines, ...lines];
    const othersId = this.#crowd.holds.find(({ shopper }) => shopper !== own.shopper)?.id;
    const firstId = this.#has("uses_others_id") && othersId !== undefined ? othersId : this.#uuid();
    for (let tries = 0; tries < 3; tries++) {
      const id = tries === 0 ? firstId : this.#uuid();
      const hold = () =>
        this.#tell("reserve", (services, steps) =>
          steps.reserve(services, pass, {
            reservationId: id,
            lines: tries === 0 ? lines : basket,
          }),
        );
      const second = this.#has("two_tabs")
        ? this.#tell("reserve", (services, steps) =>
            steps.reserve(services, pass, { reservationId: this.#uuid(), lines: basket }),
          )
        : undefined;
      const answer = await hold();
      const inOtherTab = await second;
      if (answer === undefined) continue;
      let mine: string | undefined;
      if (!isRefusal(answer)) mine = answer.answer.state === "held" ? id : undefined;
      else {
        this.#say(`reserve: ${answer.refused}`);
        if (answer.refused === "sold_out" || answer.refused === "closed") return answer.refused === "closed";
        if (answer.refused === "pass_expired" || answer.refused === "invalid_pass") return false;
        if ("reservationId" in answer && typeof answer.reservationId === "string")
          mine = answer.reservationId;
      }
      if (mine === undefined && inOtherTab !== undefined && !isRefusal(inOtherTab))
        mine = inOtherTab.answer.reservationId;
      if (mine === undefined) continue;
      this.#crowd.holds.push({ shopper: pass.shopper, id: mine });
      this.#say(`holds ${mine}`);
      return await this.#payFor(pass, mine);
    }
    return false;
  }

  async #payFor(pass: PassClaims, id: string): Promise<boolean> {
    if (this.#has("gives_back") && this.#life.random() < 0.6) {
      await this.#wait(0, 10_000);
      const answer = await this.#tell("release", (services, steps) =>
        steps.releaseReservation(services, pass, id),
      );
      this.#say(
        `gives back: ${answer === undefined ? "no answer" : isRefusal(answer) ? answer.refused : "done"}`,
      );
      return false;
    }
    const { pays } = this.#plan;
    await this.#wait(200, 6_000);
    const answer = await this.#tell("checkout", (services, steps) =>
      steps.checkout(services, pass, id, HOSTS.shop),
    );
    if (answer === undefined) return false;
    if (isRefusal(answer)) {
      this.#say(`checkout: ${answer.refused}`);
      return false;
    }
    if ("order" in answer) return this.#hasOrder(answer.order.id);
    const session = /cs_test_\w+/.exec(answer.url)?.[0];
    if (session === undefined) return await this.#comesBack(pass, id);
    if (pays === "never") return true;
    await this.#wait(500, pays === "late" ? this.#world.sale.holdSeconds * 2_500 : 8_000);
    this.#pay(session);
    if (pays === "twice") {
      this.#pay(session);
      await this.#tell("checkout", (services, steps) => steps.checkout(services, pass, id, HOSTS.shop));
    }
    if (pays === "declined") {
      await this.#wait(1_000, 5_000);
      if (this.#life.random() < 0.5) this.#pay(session, "ok");
    }
    if (this.#has("never_comes_back")) return true;
    await this.#wait(200, 3_000);
    return await this.#comesBack(pass, id);
  }

  #pay(session: string, card?: "ok"): void {
    const { pays } = this.#plan;
    const chosen = card ?? (pays === "declined" ? "declined" : pays.endsWith("bank") ? "slow" : "ok");
    const afterMs =
      pays === "unknown_bank"
        ? wholeBetween(this.#life.random, 10 * 60_000, 18 * 60_000)
        : wholeBetween(this.#life.random, 2_000, 60_000);
    const outcome = pay(this.#world.stripe.account, session, {
      card: chosen,
      email: `${this.#plan.name}@example.com`,
      ...(chosen === "slow" ? { afterMs } : {}),
    });
    this.#say(`pays (${chosen}): ${outcome.outcome}${"reason" in outcome ? ` ${outcome.reason}` : ""}`);
  }

  async #comesBack(pass: PassClaims, id: string): Promise<boolean> {
    for (let looks = 0; looks < 12; looks++) {
      const answer = await this.#tell("read", (services, steps) => steps.readReservation(services, pass, id));
      if (answer !== undefined && !isRefusal(answer) && answer.state !== "held") {
        if (answer.state !== "confirmed") {
          this.#say(`reads ${answer.state}`);
          return false;
        }
        const order = await this.#tell("order", (services, steps) => steps.readOrder(services, pass, id));
        if (order !== undefined && !isRefusal(order)) return this.#hasOrder(order.id);
        return true;
      }
      await this.#wait(1_000, 8_000);
    }
    return true;
  }

  #hasOrder(order: string): boolean {
    this.#say(`has the order ${order}`);
    this.#crowd.told.add(order);
    return true;
  }

  /** Sends a request until there is an answer, a few times. */
  async #tell<Value>(
    step: string,
    work: Parameters<typeof World.prototype.ask<Value>>[2],
  ): Promise<Value | undefined> {
    for (let tries = 0; tries < TRIES; tries++) {
      const sent = this.#world.ask(this.#life, step, work);
      if (this.#has("double_clicks")) void this.#world.ask(this.#life, step, work);
      const outcome = await sent;
      if ("value" in outcome) return outcome.value;
      this.#say(`${step}: ${outcome.error.slice(0, 80)}`);
      await this.#wait(500, 3_000);
    }
    return undefined;
  }

  #has(habit: ShopperPlan["habits"][number]): boolean {
    return this.#plan.habits.includes(habit);
  }
  #isOver(): boolean {
    return this.#world.sinceMs() > this.#world.plan.sale.openMs + 120_000;
  }
  #wait(lowMs: number, highMs: number): Promise<void> {
    return this.#world.kernel.sleep(wholeBetween(this.#life.random, Math.floor(lowMs), Math.ceil(highMs)));
  }
  /** Ends in what no other simulation of this process has: modules remember by it. */
  #uuid(): string {
    const hex = (number: number, digits: number) => number.toString(16).padStart(digits, "0").slice(-digits);
    const random = hex(Math.floor(this.#life.random() * 2 ** 32), 8);
    const world = Number(this.#world.sale.id.split("-")[2]);
    return `${random}-0000-4000-8000-${hex(this.#plan.nth, 3)}${hex(++this.#uuids, 2)}${hex(world, 7)}`;
  }
  #say(what: string): void {
    this.#world.history.note(this.#plan.name, what);
  }
}
