/** What everybody who comes has: a name, a chance of their own, habits, patience. */
import { wholeBetween } from "../rehearse/random.ts";
import type { Life } from "./lives.ts";
import type { Habit, ShopperPlan } from "./plan.ts";
import type { World } from "./world.ts";

const TRIES = 4;

export class Person {
  readonly name: string;
  /** By cookie. */
  readonly id: string;
  readonly life: Life;
  readonly #world: World;
  readonly #plan: ShopperPlan;
  #uuids = 0;

  constructor(world: World, plan: ShopperPlan) {
    this.#world = world;
    this.#plan = plan;
    this.name = this.id = plan.name;
    this.life = world.somebody(plan.name, 1000 + plan.nth);
  }

  /** Sends a request until there is an answer, a few times. */
  async tell<Value>(
    step: string,
    work: Parameters<typeof World.prototype.ask<Value>>[2],
  ): Promise<Value | undefined> {
    for (let tries = 0; tries < TRIES; tries++) {
      const sent = this.#world.ask(this.life, step, work);
      if (this.has("double_clicks")) void this.#world.ask(this.life, step, work);
      const outcome = await sent;
      if ("value" in outcome) return outcome.value;
      this.say(`${step}: ${outcome.error.slice(0, 80)}`);
      await this.wait(500, 3_000);
    }
    return undefined;
  }

  wait(lowMs: number, highMs: number): Promise<void> {
    return this.#world.kernel.sleep(wholeBetween(this.life.random, Math.floor(lowMs), Math.ceil(highMs)));
  }
  random(): number {
    return this.life.random();
  }
  has(habit: Habit): boolean {
    return this.#plan.habits.includes(habit);
  }
  say(what: string): void {
    this.#world.history.note(this.name, what);
  }
  /** Ends in what no other simulation of this process has: modules remember by it. */
  uuid(): string {
    const hex = (number: number, digits: number) => number.toString(16).padStart(digits, "0").slice(-digits);
    const random = hex(Math.floor(this.random() * 2 ** 32), 8);
    const world = Number(this.#world.sale.id.split("-")[2]);
    return `${random}-0000-4000-8000-${hex(this.#plan.nth, 3)}${hex(++this.#uuids, 2)}${hex(world, 7)}`;
  }
}
