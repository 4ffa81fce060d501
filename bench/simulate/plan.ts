/**
 * A sale as it will be simulated, made from its seed alone: the sale, who comes and what they are like, what goes wrong,
 * what the operator does. Every part can be left out without changing the others. Times are milliseconds since opening.
 */
import type { Mode } from "../../domain/mode.ts";
import type { SaleInput } from "../../domain/sale.ts";
import { seeded, shuffled, weighted, wholeBetween, type Random } from "../rehearse/random.ts";
import type { Store, Trouble } from "./network.ts";
import {
  registrantPlan,
  registrationPlan,
  type RegistrantPlan,
  type RegistrationPlan,
} from "./registration-plan.ts";
import { troublesFor } from "./troubles.ts";

export interface ShopperPlan {
  /** Whose chance it is, whoever else is left out. */
  nth: number;
  name: string;
  arrivesMs: number;
  basket: { sku: string; quantity: number }[];
  /** What they do beside what everybody does. */
  habits: Habit[];
  pays: "at_once" | "late" | "never" | "twice" | "declined" | "slow_bank" | "unknown_bank";
  /** Of a sale with registration: nothing where they do not register. */
  registrant?: RegistrantPlan | undefined;
}

export const habits = [
  /** Sends everything twice, at once. */
  "double_clicks",
  /** Has two tabs, which do not know of each other. */
  "two_tabs",
  "leaves",
  "leaves_and_returns",
  "sleeps",
  "gives_back",
  "buys_again",
  "never_comes_back",
  /** Dawdles between being let in and holding. */
  "dawdles",
  /** Stays when all is sold: units may come back. */
  "hopes",
  "forges",
  "wants_too_much",
  "uses_others_pass",
  "uses_others_id",
  "uses_others_ticket",
] as const;
export type Habit = (typeof habits)[number];

export type Weather = { atMs: number } & (
  | { is: "away"; store: Store; forMs: number }
  | { is: "rollback"; lostMs: number }
  | { is: "wipe" }
  | { is: "forgotten_scripts" }
  | { is: "clock"; of: "redis" | "postgres"; byMs: number }
  | { is: "webhook"; trouble: "lose" | "duplicate" | "reorder" | "late"; delayMs: number }
  | { is: "cron"; trouble: "missing" | "twice" | "at_once" }
  /** Somebody's hand: a counter one up or down, a hold out of the index, a payment captured or given up at Stripe. */
  | { is: "damage"; of: "counter"; by: 1 | -1 }
  | { is: "damage"; of: "index" }
  | { is: "damage"; of: "payment"; hand: "captures" | "gives up"; whose: "anybody's" | "too late" }
);

export type Deed = { nth: number; atMs: number; isRepeated: boolean } & (
  | { does: "mode"; mode: Mode }
  | { does: "pause" | "resume" | "close" | "open_now" | "reconcile" | "dry_run" | "look" | "refund" }
  | { does: "release_size"; size: number }
  | { does: "top_up"; sku: string; units: number }
  | { does: "update"; price: number }
  | { does: "rebuild" | "remedy_limit" }
);

export interface Plan {
  seed: number;
  sale: Omit<SaleInput, "id" | "opensAt" | "closesAt"> & { openMs: number; createdMs: number };
  registration?: RegistrationPlan;
  shoppers: ShopperPlan[];
  troubles: Trouble[];
  weather: Weather[];
  deeds: Deed[];
}

/** Now and then a crowd. */
const CROWD_EVERY = 50;
/** So long before registration opens a sale is created. */
const BEFORE_REGISTRATION_MS = 10_000;

export function planOf(seed: number): Plan {
  const random = seeded(seed, 1);
  const chance = (share: number) => random() < share;
  const isCrowd = wholeBetween(random, 1, CROWD_EVERY) === 1;
  const count = isCrowd ? wholeBetween(random, 200, 400) : wholeBetween(random, 12, 45);
  const isPriced = chance(0.55);
  const skus = ["shoe", "hat"].slice(0, chance(0.3) ? 2 : 1);
  const perItem = Math.max(1, Math.round((count * (0.2 + random() * 0.5)) / skus.length));
  const openMs = wholeBetween(random, 45, 150) * 1000;
  const price = isPriced ? wholeBetween(random, 1, 90) * 100 : 0;
  const sale: Plan["sale"] = {
    name: "Simulated",
    currency: weighted(random, ["EUR", "JPY"], (code) => (code === "EUR" ? 9 : 1)),
    items: skus.map((sku) => ({
      sku,
      name: sku,
      stock: wholeBetween(random, 1, perItem),
      price,
      limit: wholeBetween(random, 1, 3),
    })),
    lobby: chance(0.2) ? "draw" : "arrival",
    releaseSize: isCrowd ? wholeBetween(random, 10, 60) : wholeBetween(random, 1, 10),
    releaseEverySeconds: wholeBetween(random, 3, 8),
    capacity: isCrowd ? wholeBetween(random, 20, 200) : wholeBetween(random, 3, 30),
    passSeconds: wholeBetween(random, 15, 40),
    holdSeconds: wholeBetween(random, 15, 40),
    openMs,
    createdMs: -60_000,
  };
  const shoppers = Array.from({ length: count }, (_, nth) => shopperOf(seed, nth, sale, openMs));
  const registering = registrationPlan(seed, sale.items, openMs);
  const { registration } = registering ?? {};
  if (registration !== undefined) {
    sale.createdMs = registration.opensMs - BEFORE_REGISTRATION_MS;
    for (const shopper of shoppers) shopper.registrant = registrantPlan(seed, shopper.nth, registration);
  }
  const calm = chance(0.1);
  const deeds = chance(0.6) ? deedsOf(seeded(seed, 4), openMs, sale) : [];
  return {
    seed,
    sale,
    ...(registration === undefined ? {} : { registration }),
    shoppers,
    troubles: calm ? [] : [...troublesFor(seeded(seed, 2), count), ...(registering?.troubles ?? [])],
    weather: calm ? [] : [...weatherOf(seeded(seed, 3), openMs), ...(registering?.weather ?? [])],
    deeds,
  };
}

function shopperOf(seed: number, nth: number, sale: Plan["sale"], openMs: number): ShopperPlan {
  const random = seeded(seed, 1000 + nth);
  const [first, second] = sale.items;
  const quantity = wholeBetween(random, 1, first?.limit ?? 1);
  const basket = [{ sku: first?.sku ?? "", quantity }];
  if (second !== undefined && random() < 0.5) basket.push({ sku: second.sku, quantity: 1 });
  const at = random();
  return {
    nth,
    name: `s${String(nth + 1).padStart(2, "0")}`,
    // Most are there at opening, some wait for it, some come late.
    arrivesMs:
      at < 0.3
        ? wholeBetween(random, -20_000, 0)
        : at < 0.8
          ? wholeBetween(random, 0, 5_000)
          : wholeBetween(random, 0, openMs),
    basket,
    habits: habits.filter(() => random() < 0.07),
    pays: weighted(
      random,
      ["at_once", "late", "never", "twice", "declined", "slow_bank", "unknown_bank"],
      (how) =>
        ({ at_once: 12, late: 3, never: 2, twice: 2, declined: 2, slow_bank: 3, unknown_bank: 1 })[how],
    ),
  };
}

function weatherOf(random: Random, openMs: number): Weather[] {
  const atMs = () => wholeBetween(random, -10_000, openMs + 60_000);
  const chance = (share: number) => random() < share;
  const weather: Weather[] = [];
  if (chance(0.15))
    weather.push({
      is: "away",
      store: "postgres",
      atMs: atMs(),
      forMs: wholeBetween(random, 5_000, 150_000),
    });
  if (chance(0.1))
    weather.push({ is: "away", store: "redis", atMs: atMs(), forMs: wholeBetween(random, 1_000, 30_000) });
  if (chance(0.12)) {
    const longest = chance(0.25) ? 25 * 60_000 : 120_000;
    weather.push({ is: "away", store: "stripe", atMs: atMs(), forMs: wholeBetween(random, 5_000, longest) });
  }
  if (chance(0.2))
    weather.push({
      is: "rollback",
      atMs: wholeBetween(random, 1_000, openMs),
      lostMs: wholeBetween(random, 50, 20_000),
    });
  if (chance(0.1)) weather.push({ is: "wipe", atMs: wholeBetween(random, 0, openMs) });
  if (chance(0.05)) weather.push({ is: "forgotten_scripts", atMs: atMs() });
  if (chance(0.1))
    weather.push({ is: "clock", of: "redis", atMs: atMs(), byMs: wholeBetween(random, -7_000, 7_000) });
  if (chance(0.1))
    weather.push({ is: "clock", of: "postgres", atMs: atMs(), byMs: wholeBetween(random, -5_000, 5_000) });
  for (const trouble of ["lose", "duplicate", "reorder", "late"] as const)
    if (chance(0.25))
      weather.push({ is: "webhook", trouble, atMs: atMs(), delayMs: wholeBetween(random, 1_000, 60_000) });
  for (const trouble of ["missing", "twice", "at_once"] as const)
    if (chance(0.2)) weather.push({ is: "cron", trouble, atMs: atMs() });
  const inSale = () => wholeBetween(random, 1_000, openMs);
  if (chance(0.07)) weather.push({ is: "damage", of: "counter", by: chance(0.7) ? 1 : -1, atMs: inSale() });
  if (chance(0.15)) weather.push({ is: "damage", of: "index", atMs: inSale() });
  for (const hand of ["captures", "gives up"] as const)
    for (const whose of ["anybody's", "too late"] as const)
      if (chance(0.1)) weather.push({ is: "damage", of: "payment", hand, whose, atMs: inSale() });
  return weather;
}

function deedsOf(random: Random, openMs: number, sale: Plan["sale"]): Deed[] {
  const at = () => ({ nth: 0, atMs: wholeBetween(random, 0, openMs), isRepeated: random() < 0.3 });
  const sku = sale.items[0]?.sku ?? "";
  const all: (() => Deed[])[] = [
    () => {
      const pause = at();
      return [
        { does: "pause", ...pause },
        { does: "resume", ...at(), atMs: pause.atMs + wholeBetween(random, 3_000, 40_000) },
      ];
    },
    () => {
      const start = at();
      const mode = weighted<Mode>(random, ["drain", "reject", "passthrough", "hold"], () => 1);
      return [
        { does: "mode", mode, ...start },
        { does: "mode", mode: "normal", ...at(), atMs: start.atMs + wholeBetween(random, 3_000, 30_000) },
      ];
    },
    () => [{ does: "release_size", size: wholeBetween(random, 1, 20), ...at() }],
    () => [{ does: "top_up", sku, units: wholeBetween(random, 1, 5), ...at() }],
    () => [{ does: "close", ...at() }],
    () => [{ does: "open_now", ...at(), atMs: wholeBetween(random, -15_000, -1_000) }],
    () => [{ does: "update", price: sale.items[0]?.price ?? 0, ...at(), atMs: -50_000 }],
    () => [{ does: "reconcile", ...at() }],
    () => [{ does: "dry_run", ...at() }],
    () => [{ does: "look", ...at() }],
    () => [{ does: "refund", ...at() }],
    () => [{ does: "rebuild", ...at() }],
  ];
  const some = shuffled(random, all).slice(0, wholeBetween(random, 1, 4));
  // Often, because without it no remedy waits for approval.
  const limit = (): Deed[] => (random() < 0.5 ? [{ does: "remedy_limit", ...at() }] : []);
  return [...some, limit].flatMap((make) => make()).map((deed, nth) => ({ ...deed, nth }));
}
