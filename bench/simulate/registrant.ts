/**
 * What somebody does about registration, as a browser with a mailbox: asks, confirms by the link of the e-mail, looks how
 * it stands, takes it back; and what they then bring along when they join.
 */
import type { Registration } from "../../domain/api.ts";
import { isRefusal } from "../../domain/refusal.ts";
import type { Joining } from "../../functions/queue/queue.ts";
import { HOSTS, keys } from "./engines.ts";
import type { RegistrantHabit, RegistrantPlan } from "./registration-plan.ts";
import type { Person } from "./person.ts";
import type { World } from "./world.ts";

/** How they ask the functions for something, and wait: as the shopper who they are. */
/** How long they look for an e-mail. */
const LOOKS = 24;

export class Registrant {
  readonly #world: World;
  readonly #plan: RegistrantPlan;
  readonly #person: Person;
  /** What the browser keeps: who they are by their address, and their slot. */
  #registered: string | undefined;
  #slot: string | undefined;
  #leaving: Promise<void> | undefined;

  constructor(world: World, plan: RegistrantPlan, person: Person) {
    this.#world = world;
    this.#plan = plan;
    this.#person = person;
  }

  /** Registers, before coming to the sale. */
  async prepare(): Promise<void> {
    const { kernel } = this.#world;
    await kernel.sleep(Math.max(0, this.#plan.asksMs - this.#world.sinceMs()));
    await this.#ask();
    const link = await this.#link();
    if (link === undefined || this.#has("never_confirms")) return;
    if (this.#has("confirms_late")) await this.#person.wait(5_000, 120_000);
    await this.#confirm(link);
    if (this.#has("cancels")) this.#leaving = this.#cancelLater();
    for (let looks = this.#has("looks_often") ? 6 : 1; looks > 0; looks--) await this.#look();
  }

  /** What comes along with a join. */
  async joining(): Promise<Pick<Joining, "registered" | "slot">> {
    const slot =
      this.#has("lets_it_lapse") && this.#world.sinceMs() < this.#lapsesMs()
        ? undefined
        : await this.#showSlot();
    return { registered: this.#registered, slot };
  }

  /** The slot does not let anybody in any more. */
  dropSlot(): void {
    this.#slot = undefined;
  }

  /** Nobody comes in without registering: does so now, if it is still time. @returns whether there is a point in joining again */
  async registerNow(): Promise<boolean> {
    const { registration } = this.#world.plan;
    if (this.#registered !== undefined || registration?.closesMs !== undefined || this.#has("never_confirms"))
      return false;
    await this.#ask();
    const link = await this.#link();
    return link !== undefined && (await this.#confirm(link));
  }

  /** Once nothing of theirs is on its way any more. */
  async finish(): Promise<void> {
    await this.#leaving;
  }

  async #ask(): Promise<void> {
    const person = this.#person;
    const email = this.#has("writes_it_otherwise")
      ? `${person.name.toUpperCase()}+sale@people.test`
      : `${person.name}@people.test`;
    for (let times = this.#has("asks_twice") ? 2 : 1; times > 0; times--) {
      const answer = await person.tell("register", (services, steps) =>
        steps.register(services, this.#world.sale.id, { email, shop: HOSTS.shop, failedCheck: false }),
      );
      person.say(
        `registers: ${answer === undefined ? "no answer" : isRefusal(answer) ? answer.refused : "taken"}`,
      );
    }
  }

  /** The newest link that came, if one does; asks once more when none does. */
  async #link(): Promise<string | undefined> {
    if (this.#has("uses_others_link")) {
      const others = this.#mailed("confirm", () => true);
      if (others !== undefined) return others;
    }
    for (let looks = 0; looks < LOOKS; looks++) {
      const link = this.#mailed("confirm");
      if (link !== undefined) return link;
      if (looks === LOOKS / 2) await this.#ask();
      await this.#person.wait(2_000, 8_000);
    }
    return undefined;
  }

  /** @returns whether the address is confirmed */
  async #confirm(link: string): Promise<boolean> {
    const person = this.#person;
    const { sale, oracle } = this.#world;
    for (let times = this.#has("confirms_twice") ? 2 : 1; times > 0; times--) {
      const answer = await person.tell("confirm", (services, steps) =>
        steps.confirmRegistration(services, sale.id, link, person.id),
      );
      if (answer === undefined || isRefusal(answer)) {
        person.say(`confirms: ${answer?.refused ?? "no answer"}`);
        continue;
      }
      this.#registered = (await keys.verify("registered", answer.registration))?.shopper;
      await this.#hear(this.#registered, answer);
      if (!oracle.registrations.numbers.has(`${this.#registered ?? ""} ${answer.number}`))
        oracle.violate("told", `${this.#registered ?? ""} was told to have number ${answer.number}`);
    }
    return this.#registered !== undefined;
  }

  /** How it stands; the browser keeps a slot that is final. */
  async #look(): Promise<void> {
    const shopper = this.#registered;
    if (shopper === undefined) return;
    const closesMs = this.#world.plan.registration?.closesMs ?? 0;
    if (this.#has("looks_often")) await this.#person.wait(5_000, 40_000);
    else
      await this.#world.kernel.sleep(
        Math.max(0, closesMs - this.#world.sinceMs()) + this.#person.random() * 5_000,
      );
    const mine = await this.#person.tell("mine", async (services, steps) => {
      const sale = await steps.readSale(services, this.#world.sale.id);
      return sale && (await steps.readRegistration(services, sale, shopper));
    });
    if (mine !== undefined) await this.#hear(shopper, mine);
  }

  async #hear(
    shopper: string | undefined,
    { status, number, decided, slotToken }: Registration,
  ): Promise<void> {
    const { oracle, plan } = this.#world;
    this.#person.say(`is ${status} with number ${number}${decided ? "" : ", not final"}`);
    const hasSlot = status === "slot" && decided && plan.registration?.slots !== undefined;
    if (hasSlot && !oracle.registrations.holders.has(shopper ?? ""))
      oracle.violate("told", `${shopper ?? ""} was told to have a slot`);
    if (slotToken !== undefined) this.#slot = (await keys.verify("slot", slotToken))?.shopper;
    if (hasSlot !== (slotToken !== undefined))
      oracle.violate("told", `${shopper ?? ""} has a slot, and no way in`);
  }

  async #showSlot(): Promise<Joining["slot"]> {
    const { oracle } = this.#world;
    if (this.#has("forges_slots")) {
      const forged = await keys.verify("slot", `x${this.#mailed("slot", () => true)?.slice(1) ?? ""}`);
      if (forged !== undefined) oracle.violate("closed", "a forged slot was taken");
    }
    const token = this.#mailed("slot", this.#has("uses_others_slot") ? () => true : undefined);
    const mailed = token === undefined ? undefined : await keys.verify("slot", token);
    if (mailed !== undefined && !oracle.registrations.holders.has(mailed.shopper))
      oracle.violate("told", `${mailed.shopper} was sent the way to a slot`);
    if (mailed !== undefined && this.#person.random() < 0.7) return { shopper: mailed.shopper, asked: true };
    return this.#slot === undefined ? undefined : { shopper: this.#slot, asked: false };
  }

  async #cancelLater(): Promise<void> {
    const person = this.#person;
    await person.wait(1_000, -this.#plan.asksMs + this.#world.plan.sale.openMs / 2);
    const byLink = this.#mailed("unregister");
    const isByLink = byLink !== undefined && this.#person.random() < 0.5;
    const shopper = isByLink ? (await keys.verify("cancellation", byLink))?.shopper : this.#registered;
    if (shopper === undefined) return;
    const answer = await person.tell("cancel", async (services, steps) => {
      const sale = await steps.readSale(services, this.#world.sale.id);
      return sale && (await steps.cancelRegistration(services, sale, shopper));
    });
    person.say(`takes the registration back: ${answer === undefined ? "no answer" : "done"}`);
    if (answer === undefined || isByLink) return;
    // The browser forgets with it.
    this.#registered = undefined;
    this.#slot = undefined;
    if (!this.#has("comes_again")) return;
    await this.#ask();
    const again = await this.#link();
    if (again !== undefined) await this.#confirm(again);
  }

  /** The token in the newest e-mail with a link to a page. @param isTo else one's own */
  #mailed(page: string, isTo = (to: string) => this.#isMine(to)): string | undefined {
    const mail = this.#world.mailbox.findLast(({ to, text }) => isTo(to) && text.includes(`/${page}?token=`));
    return mail && new RegExp(`/${page}\\?token=([\\w.-]+)`).exec(mail.text)?.[1];
  }

  #isMine(to: string): boolean {
    return to.toLowerCase().replace("+sale", "") === `${this.#person.name}@people.test`;
  }

  /** When those who let their slot lapse come all the same. */
  #lapsesMs(): number {
    return (this.#world.plan.registration?.slots?.claimMs ?? 0) + 5_000;
  }
  #has(habit: RegistrantHabit): boolean {
    return this.#plan.habits.includes(habit);
  }
}
