/** Who is inside: what they take, how they pay for it, and what they try with what is somebody else's. */
import { isRefusal } from "../../domain/refusal.ts";
import type { PassClaims } from "../../domain/token.ts";
import { pay } from "../../dev/stripe/payments.ts";
import { wholeBetween } from "../rehearse/random.ts";
import { HOSTS } from "./engines.ts";
import type { Person } from "./person.ts";
import type { ShopperPlan } from "./plan.ts";
import type { Crowd } from "./shopper.ts";
import type { World } from "./world.ts";

export class Buyer {
  readonly #world: World;
  readonly #plan: ShopperPlan;
  readonly #crowd: Crowd;
  readonly #person: Person;

  constructor(world: World, plan: ShopperPlan, crowd: Crowd, person: Person) {
    this.#world = world;
    this.#plan = plan;
    this.#crowd = crowd;
    this.#person = person;
  }

  /** @returns whether there is nothing more to do with this pass */
  async buy(own: PassClaims): Promise<boolean> {
    if (this.#person.has("dawdles")) await this.#person.wait(5_000, 50_000);
    const pass = own;
    const others = this.#crowd.passes.filter(({ shopper }) => shopper !== own.shopper);
    const other = others[Math.floor(this.#person.random() * others.length)];
    if (this.#person.has("uses_others_pass") && other !== undefined) {
      const theirs =
        this.#crowd.holds.find(({ shopper }) => shopper !== own.shopper)?.id ?? this.#person.uuid();
      const stolen = await this.#person.tell("read", (services, steps) =>
        steps.readReservation(services, own, theirs),
      );
      if (stolen !== undefined && !isRefusal(stolen) && theirs === stolen.reservationId)
        this.#world.oracle.violate("closed", "a reservation was shown to somebody else");
      await this.#person.tell("release", (services, steps) =>
        steps.releaseReservation(services, own, theirs),
      );
    }
    // A tab of before has the pass of before.
    const old = this.#crowd.passes.find(({ shopper, epoch }) => shopper === own.shopper && epoch < own.epoch);
    if (old !== undefined)
      await this.#person.tell("reserve", (services, steps) =>
        steps.reserve(services, old, { reservationId: this.#person.uuid(), lines: this.#plan.basket }),
      );
    const [first] = this.#plan.basket;
    const basket =
      pass.slot === true && first !== undefined ? [{ sku: first.sku, quantity: 1 }] : this.#plan.basket;
    let lines = basket;
    if (this.#person.has("wants_too_much")) lines = [...lines, ...lines, ...lines, ...lines];
    const othersId = this.#crowd.holds.find(({ shopper }) => shopper !== own.shopper)?.id;
    // Once Redis was rolled back it may not know the id any more: that is not simulated (docs/PROOF.md).
    const takesOthers = this.#person.has("uses_others_id") && !this.#world.oracle.wasRolledBack;
    const firstId = takesOthers && othersId !== undefined ? othersId : this.#person.uuid();
    for (let tries = 0; tries < 3; tries++) {
      const id = tries === 0 ? firstId : this.#person.uuid();
      const hold = () =>
        this.#person.tell("reserve", (services, steps) =>
          steps.reserve(services, pass, {
            reservationId: id,
            lines: tries === 0 ? lines : basket,
          }),
        );
      const second = this.#person.has("two_tabs")
        ? this.#person.tell("reserve", (services, steps) =>
            steps.reserve(services, pass, { reservationId: this.#person.uuid(), lines: basket }),
          )
        : undefined;
      const answer = await hold();
      const inOtherTab = await second;
      if (answer === undefined) continue;
      let mine: string | undefined;
      if (!isRefusal(answer)) mine = answer.answer.state === "held" ? id : undefined;
      else {
        this.#person.say(`reserve: ${answer.refused}`);
        if (answer.refused === "sold_out" || answer.refused === "closed") return answer.refused === "closed";
        if (answer.refused === "pass_expired" || answer.refused === "invalid_pass") return false;
        if ("reservationId" in answer && typeof answer.reservationId === "string")
          mine = answer.reservationId;
      }
      if (mine === undefined && inOtherTab !== undefined && !isRefusal(inOtherTab))
        mine = inOtherTab.answer.reservationId;
      if (mine === undefined) continue;
      this.#crowd.holds.push({ shopper: pass.shopper, id: mine });
      this.#person.say(`holds ${mine}`);
      return await this.#payFor(pass, mine);
    }
    return false;
  }

  async #payFor(pass: PassClaims, id: string): Promise<boolean> {
    if (this.#person.has("gives_back") && this.#person.random() < 0.6) {
      await this.#person.wait(0, 10_000);
      const answer = await this.#person.tell("release", (services, steps) =>
        steps.releaseReservation(services, pass, id),
      );
      this.#person.say(
        `gives back: ${answer === undefined ? "no answer" : isRefusal(answer) ? answer.refused : "done"}`,
      );
      return false;
    }
    const { pays } = this.#plan;
    await this.#person.wait(200, 6_000);
    const answer = await this.#person.tell("checkout", (services, steps) =>
      steps.checkout(services, pass, id, HOSTS.shop),
    );
    if (answer === undefined) return false;
    if (isRefusal(answer)) {
      this.#person.say(`checkout: ${answer.refused}`);
      return false;
    }
    if ("order" in answer) return this.#hasOrder(answer.order.id);
    const session = /cs_test_\w+/.exec(answer.url)?.[0];
    if (session === undefined) return await this.#comesBack(pass, id);
    if (pays === "never") return true;
    await this.#person.wait(500, pays === "late" ? this.#world.sale.holdSeconds * 2_500 : 8_000);
    this.#pay(session);
    if (pays === "twice") {
      this.#pay(session);
      await this.#person.tell("checkout", (services, steps) =>
        steps.checkout(services, pass, id, HOSTS.shop),
      );
    }
    if (pays === "declined") {
      await this.#person.wait(1_000, 5_000);
      if (this.#person.random() < 0.5) this.#pay(session, "ok");
    }
    if (this.#person.has("never_comes_back")) return true;
    await this.#person.wait(200, 3_000);
    return await this.#comesBack(pass, id);
  }

  #pay(session: string, card?: "ok"): void {
    const { pays } = this.#plan;
    const chosen = card ?? (pays === "declined" ? "declined" : pays.endsWith("bank") ? "slow" : "ok");
    const afterMs =
      pays === "unknown_bank"
        ? wholeBetween(this.#person.life.random, 10 * 60_000, 18 * 60_000)
        : wholeBetween(this.#person.life.random, 2_000, 60_000);
    const outcome = pay(this.#world.stripe.account, session, {
      card: chosen,
      email: `${this.#plan.name}@example.com`,
      ...(chosen === "slow" ? { afterMs } : {}),
    });
    this.#person.say(
      `pays (${chosen}): ${outcome.outcome}${"reason" in outcome ? ` ${outcome.reason}` : ""}`,
    );
  }

  async #comesBack(pass: PassClaims, id: string): Promise<boolean> {
    for (let looks = 0; looks < 12; looks++) {
      const answer = await this.#person.tell("read", (services, steps) =>
        steps.readReservation(services, pass, id),
      );
      if (answer !== undefined && !isRefusal(answer) && answer.state !== "held") {
        if (answer.state !== "confirmed") {
          this.#person.say(`reads ${answer.state}`);
          return false;
        }
        const order = await this.#person.tell("order", (services, steps) =>
          steps.readOrder(services, pass, id),
        );
        if (order !== undefined && !isRefusal(order)) return this.#hasOrder(order.id);
        return true;
      }
      await this.#person.wait(1_000, 8_000);
    }
    return true;
  }

  #hasOrder(order: string): boolean {
    this.#person.say(`has the order ${order}`);
    this.#crowd.told.add(order);
    return true;
  }
}
