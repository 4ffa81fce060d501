/**
 * What a seed says of registration: about a third of the sales have it. It is drawn from streams of its own, so that the
 * other sales are what they were without it. Times are milliseconds since opening.
 */
import type { Sale, SaleInput } from "../../domain/sale.ts";
import { seeded, shuffled, weighted, wholeBetween, type Random } from "../rehearse/random.ts";
import type { Trouble } from "./network.ts";
import type { Weather } from "./plan.ts";
import { steps } from "./step-list.ts";
import { kindFor } from "./troubles.ts";

export interface RegistrationPlan {
  opensMs: number;
  /** Without it, until opening, or, where only who registered may buy, until closing. */
  closesMs?: number;
  identity: "anyone" | "registered";
  keepAddressesDays: number;
  deeds: ListDeed[];
  slots?: { count: number; allocation: "first_come" | "draw"; claimMs: number };
}

/** What the operator does about the list. */
export interface ListDeed {
  atMs: number;
  does: "import" | "export" | "numbers" | "retry";
}

export const registrantHabits = [
  "asks_twice",
  /** Does not look into the mailbox for a while. */
  "confirms_late",
  "confirms_twice",
  "never_confirms",
  "uses_others_link",
  "writes_it_otherwise",
  /** By the link of an e-mail, or in the browser. */
  "cancels",
  "comes_again",
  "looks_often",
  /** Has a slot and joins the line like everybody, or comes when it is over. */
  "lets_it_lapse",
  "uses_others_slot",
  "forges_slots",
] as const;
export type RegistrantHabit = (typeof registrantHabits)[number];

export interface RegistrantPlan {
  asksMs: number;
  habits: RegistrantHabit[];
}

const SHARE = 1 / 3;
/** One in which the seeds that docs/PROOF.md and the regressions name have no registration, as they had none before. */
const STREAM = 8;

export function registrationPlan(
  seed: number,
  items: SaleInput["items"],
  openMs: number,
): { registration: RegistrationPlan; weather: Weather[]; troubles: Trouble[] } | undefined {
  const random = seeded(seed, STREAM);
  const chance = (share: number) => random() < share;
  if (!chance(SHARE)) return undefined;
  const closesMs = chance(0.5) ? -wholeBetween(random, 2_000, 60_000) : undefined;
  const opensMs = (closesMs ?? 0) - wholeBetween(random, 90_000, 300_000);
  const stock = items.reduce((sum, item) => sum + item.stock, 0);
  const slots = {
    count: wholeBetween(random, 1, Math.max(1, Math.ceil(stock * 0.7))),
    allocation: chance(0.5) ? ("draw" as const) : ("first_come" as const),
    claimMs: wholeBetween(random, 10_000, openMs),
  };
  const registration: RegistrationPlan = {
    opensMs,
    ...(closesMs === undefined ? {} : { closesMs }),
    identity: chance(0.5) ? "registered" : "anyone",
    keepAddressesDays: weighted(random, [0, 1, 30], () => 1),
    ...(chance(0.75) ? { slots } : {}),
    deeds: (["import", "export", "numbers", "retry", "retry"] as const)
      .filter(() => chance(0.4))
      .map((does) => ({ does, atMs: wholeBetween(random, opensMs, does === "import" ? 0 : 30_000) })),
  };
  return { registration, weather: weatherWhile(random, opensMs), troubles: troublesWhile(random) };
}

/** What happens to the machines while people register. */
function weatherWhile(random: Random, opensMs: number): Weather[] {
  const weather: Weather[] = [];
  const at = () => wholeBetween(random, opensMs, 20_000);
  for (const store of ["postgres", "redis", "mail"] as const)
    if (random() < 0.12)
      weather.push({ is: "away", store, atMs: at(), forMs: wholeBetween(random, 5_000, 60_000) });
  if (random() < 0.08) weather.push({ is: "wipe", atMs: at() });
  // While slots are used.
  if (random() < 0.25)
    weather.push({
      is: "rollback",
      atMs: wholeBetween(random, 3_000, 40_000),
      lostMs: wholeBetween(random, 1_000, 20_000),
    });
  return weather;
}

/** What goes wrong with its own steps, beside what may go wrong with any. */
function troublesWhile(random: Random): Trouble[] {
  const own = steps.filter(({ name, comes }) => comes === "registering" || name.includes("mail"));
  return shuffled(random, own)
    .slice(0, wholeBetween(random, 0, 8))
    .map((step) => ({
      step: step.name,
      nth: wholeBetween(
        random,
        1,
        weighted(random, [1, 3, 30], (most) => (most === 1 ? 3 : 1)),
      ),
      kind: kindFor(random, step),
    }));
}

/** Whether and how somebody registers. */
export function registrantPlan(
  seed: number,
  nth: number,
  { opensMs, closesMs }: RegistrationPlan,
): RegistrantPlan | undefined {
  const random = seeded(seed, 10_000 + nth);
  if (random() < 0.12) return undefined;
  const isLate = random() < 0.12;
  const endMs = closesMs ?? 0;
  return {
    asksMs: isLate
      ? wholeBetween(random, endMs - 5_000, endMs + 60_000)
      : wholeBetween(random, opensMs - 5_000, endMs - 20_000),
    habits: registrantHabits.filter(() => random() < 0.1),
  };
}

/** As the sale's definition has it. */
export function registrationAt(
  plan: RegistrationPlan | undefined,
  opensAtMs: number,
): Partial<
  Pick<Sale, "registrationOpensAt" | "registrationClosesAt" | "identity" | "keepAddressesDays" | "slots">
> {
  if (plan === undefined) return {};
  const at = (ms: number) => new Date(opensAtMs + ms).toISOString();
  const { opensMs, closesMs, slots, identity, keepAddressesDays } = plan;
  return {
    registrationOpensAt: at(opensMs),
    ...(closesMs === undefined ? {} : { registrationClosesAt: at(closesMs) }),
    identity,
    keepAddressesDays,
    ...(slots === undefined
      ? {}
      : { slots: { count: slots.count, allocation: slots.allocation, claimUntil: at(slots.claimMs) } }),
  };
}
