/** What somebody does who wants to buy: what the pages' script does, and what people do beside it. Up to coming in. */
import type { Pulse } from "../../domain/api.ts";
import { isRefusal, type Refusal } from "../../domain/refusal.ts";
import type { PassClaims, TicketClaims } from "../../domain/token.ts";
import { Buyer } from "./buyer.ts";
import { keys } from "./engines.ts";
import { lives } from "./lives.ts";
import { Person } from "./person.ts";
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

export class Shopper {
  readonly #world: World;
  readonly #plan: ShopperPlan;
  readonly #crowd: Crowd;
  readonly #person: Person;
  readonly #buyer: Buyer;
  readonly #registrant: Registrant | undefined;
  /** Hears that nobody is let in without registering, and cannot any more. */
  #isShutOut = false;

  constructor(world: World, plan: ShopperPlan, crowd: Crowd) {
    this.#world = world;
    this.#plan = plan;
    this.#crowd = crowd;
    this.#person = new Person(world, plan);
    this.#buyer = new Buyer(world, plan, crowd, this.#person);
    if (plan.registrant !== undefined)
      this.#registrant = new Registrant(world, plan.registrant, this.#person);
  }

  /** Comes, and goes when there is nothing more to do. */
  async visit(): Promise<void> {
    await lives.run(this.#person.life, async () => {
      await this.#registrant?.prepare();
      await this.#visit();
      await this.#registrant?.finish();
    });
    this.#crowd.done.add(this.#plan.name);
    this.#person.say("goes");
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
        await this.#person.wait(1_000, 4_000);
        continue;
      }
      const { phase, nowServing, epoch, pollAfterMs } = pulse.value;
      if (phase === "closed" || phase === "settled" || phase === "sold_out") {
        this.#person.say(`hears ${phase}`);
        if (phase !== "sold_out" || this.#isOver() || !this.#person.has("hopes")) return;
        await this.#person.wait(5_000, 20_000);
        continue;
      }
      if (ticket === undefined || ticket.epoch !== epoch) {
        const outdated = ticket;
        ticket = (await this.#join(ticket)) ?? ticket;
        // Another tab does not know yet, and comes with the ticket of before.
        if (outdated !== undefined) await this.#enter(outdated);
        if (ticket === undefined) await this.#person.wait(1_000, 5_000);
        continue;
      }
      if (this.#person.has("leaves") && rounds === 3) {
        await this.#person.tell("leave", (services, steps) =>
          steps.leaveQueue(services, ticket as TicketClaims),
        );
        return;
      }
      if (this.#person.has("leaves_and_returns") && rounds === 2) {
        await this.#person.tell("leave", (services, steps) =>
          steps.leaveQueue(services, ticket as TicketClaims),
        );
        await this.#person.wait(0, 8_000);
        ticket = await this.#join(undefined);
        continue;
      }
      if (this.#person.has("sleeps") && rounds === 1) await this.#person.wait(10_000, 60_000);
      if (ticket.lobby === true || nowServing >= ticket.number) {
        const pass = ticket.lobby === true && phase === "lobby" ? undefined : await this.#enter(ticket);
        if (pass === "outdated") {
          ticket = await this.#join(ticket);
          continue;
        }
        if (pass !== undefined) {
          const isDone = await this.#buyer.buy(pass);
          entered++;
          if (isDone && (entered > 1 || !this.#person.has("buys_again"))) return;
          if (entered > 3) return;
        }
      }
      await this.#person.wait(pollAfterMs * 0.9, pollAfterMs * 1.1);
    }
  }

  async #join(old: TicketClaims | undefined): Promise<TicketClaims | undefined> {
    let brought = old;
    if (this.#person.has("uses_others_ticket") && this.#crowd.tickets.length > 0) {
      const other = this.#crowd.tickets[Math.floor(this.#person.random() * this.#crowd.tickets.length)];
      brought = (await keys.verify("ticket", other ?? "")) ?? old;
    }
    if (this.#person.has("forges") && this.#crowd.tickets[0] !== undefined) {
      const forged = await keys.verify("ticket", `x${this.#crowd.tickets[0].slice(1)}`);
      if (forged !== undefined) this.#world.oracle.violate("closed", "a forged ticket was taken");
    }
    const known = await this.#registrant?.joining();
    const answer = await this.#person.tell("join", (services, steps) =>
      steps.joinQueue(services, this.#world.sale.id, { shopper: this.#person.id, old: brought, ...known }),
    );
    if (answer === undefined) return undefined;
    if (isRefusal(answer)) {
      this.#person.say(`join: ${answer.refused}`);
      if (answer.refused === "slot_ended") this.#registrant?.dropSlot();
      if (answer.refused === "registration_needed")
        this.#isShutOut = (await this.#registrant?.registerNow()) !== true;
      return undefined;
    }
    this.#person.say(`joins at ${answer.answer.number}`);
    this.#crowd.tickets.push(answer.answer.ticket);
    return await keys.verify("ticket", answer.answer.ticket);
  }

  async #enter(ticket: TicketClaims): Promise<PassClaims | "outdated" | undefined> {
    const answer = await this.#person.tell("enter", (services, steps) => steps.enterSale(services, ticket));
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
    this.#person.say("comes in");
    return pass;
  }

  #isOver(): boolean {
    return this.#world.sinceMs() > this.#world.plan.sale.openMs + 120_000;
  }
}
