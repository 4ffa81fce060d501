/**
 * The list of registrations, held against a plain model after each statement that changes it: numbers in order of
 * confirmation, slots for whom they are due, and nobody's address kept who left.
 */
import { placeOf } from "../../static/assets/draw.js";
import type { Judge } from "./judge.ts";
import type { Plan } from "./plan.ts";
import type { SimulatedPostgres } from "./postgres.ts";

interface Registration {
  shopper: string;
  state: "asked" | "waiting" | "slot" | "left";
  number: number | null;
  hasAddress: boolean;
  gaveBack: boolean;
}

interface List {
  rows: Map<string, Registration>;
  registered: number;
  given: number;
  decided: boolean;
  seed: string | null;
  drawn: number | null;
}

const nobody: List = { rows: new Map(), registered: 0, given: 0, decided: false, seed: null, drawn: null };

const LIST = `
select registered::int, slots_given::int as given, slots_decided_at is not null as decided, slot_seed as seed,
       slot_draw_count::int as drawn,
       (select coalesce(jsonb_agg(jsonb_build_object('shopper', shopper, 'state', state, 'number', number,
                                                     'hasAddress', email is not null, 'gaveBack', gave_back)), '[]')
          from registrations) as rows
  from sales`;

const changes = new Set(
  ["ask", "confirm", "cancel", "invite", "open-draw", "decide", "forget-asked"].map(
    (name) => `sql registration/${name}`,
  ),
);

/** What may come after what. */
const mayFollow: { [state: string]: string[] } = {
  "": ["asked", "waiting", "slot"],
  asked: ["waiting", "slot", "left", ""],
  waiting: ["slot", "left"],
  slot: ["left"],
  left: ["asked", "waiting", "slot"],
};

export class Registrations {
  /** Shoppers who ever confirmed an address, who ever had which number, and whose slot ever was final. */
  readonly confirmed = new Set<string>();
  readonly numbers = new Set<string>();
  readonly holders = new Set<string>();
  list = nobody;
  readonly #judge: Judge;
  readonly #plan: Plan;
  readonly #postgres: SimulatedPostgres;
  /** How many left since the numbers of the draw were closed: one of them may have been drawn. */
  #leftSinceDraw = 0;

  constructor(judge: Judge, plan: Plan, postgres: SimulatedPostgres) {
    this.#judge = judge;
    this.#plan = plan;
    this.#postgres = postgres;
  }

  /** Who is on the list with a slot that is final. */
  hasSlot(shopper: string): boolean {
    return this.list.decided && this.list.rows.get(shopper)?.state === "slot";
  }

  /** Once a statement has taken effect. @param nowMs as Postgres has it, since opening */
  async after(step: string, params: unknown[], nowMs: number): Promise<void> {
    if (!changes.has(step)) return;
    const [row] = await this.#postgres.query(LIST);
    if (row === undefined) return;
    const { rows, ...sale } = row as unknown as Omit<List, "rows"> & { rows: Registration[] };
    const before = this.list;
    const after: List = { ...sale, rows: new Map(rows.map((one) => [one.shopper, one])) };
    this.list = after;
    this.#holdStates(before, after);
    this.#holdNumbers(step, params, nowMs, before, after);
    this.#holdSlots(before, after, nowMs);
    if (before.drawn !== null && !before.decided)
      this.#leftSinceDraw += rows.filter(
        ({ shopper, state }) => state === "left" && before.rows.get(shopper)?.state === "waiting",
      ).length;
    if (after.decided && !before.decided) await this.#holdDecision(before, after, nowMs);
    for (const { shopper, number } of rows) {
      if (number === null) continue;
      this.confirmed.add(shopper);
      this.numbers.add(`${shopper} ${number}`);
    }
  }

  #holdStates(before: List, after: List): void {
    for (const shopper of new Set([...before.rows.keys(), ...after.rows.keys()])) {
      const [was, is] = [before.rows.get(shopper), after.rows.get(shopper)];
      const [from, to] = [was?.state ?? "", is?.state ?? ""];
      if (from !== to && !(mayFollow[from] ?? []).includes(to))
        this.#violate("list", `${shopper} became ${to || "nobody"} after ${from || "nothing"}`);
      if (is?.state === "left" && is.hasAddress)
        this.#violate("forgotten", `${shopper} left, the address did not`);
      if (was?.state === "slot" && is?.state === "left" && before.decided && !is.gaveBack)
        this.#violate("slots", `${shopper} left, and the slot is not given back`);
    }
  }

  /** The next number goes to who confirms, one by one, while addresses are taken, and is theirs until they leave. */
  #holdNumbers(step: string, params: unknown[], nowMs: number, before: List, after: List): void {
    const fresh = [...after.rows.values()].filter(
      ({ shopper, number }) => number !== null && number !== before.rows.get(shopper)?.number,
    );
    for (const { shopper } of fresh) {
      const was = before.rows.get(shopper);
      if (was !== undefined && was.number !== null && was.state !== "left")
        this.#violate("list", `${shopper} had number ${was.number}, and has another`);
      if (
        step !== "sql registration/invite" &&
        (step !== "sql registration/confirm" || params[1] !== shopper)
      )
        this.#violate("list", `${shopper} is confirmed by ${step}`);
    }
    const numbers = fresh.map(({ number }) => number ?? 0).sort((a, b) => a - b);
    if (
      numbers.some((number, i) => number !== before.registered + 1 + i) ||
      after.registered !== before.registered + fresh.length
    )
      this.#violate(
        "list",
        `numbers ${numbers.join()} are given, after ${before.registered}; ${after.registered} in all`,
      );
    if (fresh.length > 0 && nowMs >= this.#untilMs())
      this.#violate("list", `${fresh[0]?.shopper ?? ""} is confirmed after registration has closed`);
  }

  #holdSlots(before: List, after: List, nowMs: number): void {
    const { slots } = this.#plan.registration ?? {};
    const rows = [...after.rows.values()];
    const holders = rows.filter(({ state }) => state === "slot");
    const count = slots?.count ?? 0;
    if (holders.length > count || after.given > count)
      this.#violate("slots", `${holders.length} have a slot, ${after.given} are given, of ${count}`);
    if (before.decided) {
      const late = holders.find(({ shopper }) => before.rows.get(shopper)?.state !== "slot");
      if (late !== undefined)
        this.#violate("slots", `${late.shopper} has a slot after it was final who has one`);
      if (
        !after.decided ||
        after.given !== before.given ||
        after.seed !== before.seed ||
        after.drawn !== before.drawn
      )
        this.#violate("slots", "what was final was decided again");
    } else if (holders.length !== (slots?.allocation === "draw" && !after.decided ? 0 : after.given))
      this.#violate("slots", `${holders.length} have a slot, ${after.given} are given`);
    if (slots?.allocation !== "first_come" || before.decided || !this.#isOnTime()) return;
    const numberOf = ({ number }: Registration) => number ?? 0;
    const first = Math.min(...rows.filter(({ state }) => state === "waiting").map(numberOf));
    const passing = holders.find((holder) => numberOf(holder) > first);
    if (passing !== undefined)
      this.#violate(
        "slots",
        `${passing.shopper} has a slot with ${numberOf(passing)}, number ${first} waits`,
      );
    const last = rows.find(({ number }) => number === after.registered);
    const isNew = after.registered > before.registered && nowMs < (this.#plan.registration?.closesMs ?? 0);
    if (isNew && last?.state === "waiting" && after.given < count)
      this.#violate("slots", `${last.shopper} gets none, and ${after.given} of ${count} are given`);
  }

  /** Once, when it is time; of a draw, the first of the order that its seed says. */
  async #holdDecision(before: List, after: List, nowMs: number): Promise<void> {
    const rows = [...after.rows.values()];
    const holders = rows.filter(({ state }) => state === "slot");
    for (const { shopper } of holders) this.holders.add(shopper);
    const { registration } = this.#plan;
    if (this.#isOnTime() && nowMs < (registration?.closesMs ?? 0) - SKEW_MS)
      this.#violate("slots", "it is final who has a slot, before it is time");
    const { seed, drawn } = after;
    if (registration?.slots?.allocation !== "draw") return;
    if (seed === null || drawn === null) {
      this.#violate("slots", "drawn without a seed, or over nobody");
      return;
    }
    const placed = await Promise.all(
      [...before.rows.values()]
        .filter(({ state, number }) => state === "waiting" && number !== null && number <= drawn)
        .map(async ({ shopper, number }) => ({ shopper, place: await placeOf(seed, drawn, number ?? 0) })),
    );
    const has = new Set(holders.map(({ shopper }) => shopper));
    const order = placed.sort((a, b) => a.place - b.place).map(({ shopper }) => shopper);
    const wrong = order.slice(0, has.size).find((shopper) => !has.has(shopper));
    if (wrong !== undefined) this.#violate("slots", `${wrong} was drawn and has no slot`);
    const due = Math.min(registration.slots.count, order.length);
    if (has.size > due || has.size + this.#leftSinceDraw < due)
      this.#violate("slots", `${has.size} slots are drawn, ${due} were to be`);
  }

  /** No clock steps, and nobody opens the sale before its time. */
  #isOnTime(): boolean {
    const { weather, deeds } = this.#plan;
    return !weather.some(({ is }) => is === "clock") && !deeds.some(({ does }) => does === "open_now");
  }

  #untilMs(): number {
    const { registration, sale } = this.#plan;
    if (registration === undefined) return -Infinity;
    return registration.closesMs ?? (registration.identity === "registered" ? sale.openMs : 0);
  }

  #violate(rule: "list" | "slots" | "forgotten", what: string): void {
    this.#judge.violate(rule, what);
  }
}

/** How far the clock of an isolate is off, at most, and a little. */
const SKEW_MS = 150;
