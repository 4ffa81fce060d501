/**
 * Who comes, when, and what they will do: the whole crowd as a pure function of seed, size and sale. Shares are dealt
 * separately among those who arrive first (about as many as there is stock, so they get inside) and among the rest;
 * otherwise a small rehearsal would often have nobody inside who gives back, or cheats, at all.
 */
import {
  between,
  dealInTurn,
  seeded,
  shuffled,
  weighted,
  wholeBetween,
  type Deal,
  type Random,
} from "./random.ts";

/** Shares of the crowd, each in 0…1. The one place to make it another crowd. */
export const usualShares = {
  /** Use cookies, as a browser does; the others are apps with bearer tokens. */
  browsers: 0.5,
  /** Come before opening, most of them shortly before; and at leisure after it. The rest rush in at opening. */
  early: 0.3,
  late: 0.15,
  /** Want more than one unit; want two items at once. */
  wantsMore: 0.2,
  wantsTwoItems: 0.1,
  /** How it ends for those who do not mean to buy. */
  leaves: 0.03,
  givesBack: 0.05,
  abandons: 0.06,
  /** Of a sale with prices: look at the payment page, and are never seen again. */
  abandonsPaying: 0.1,
  /** Their bank takes a while; declined at first, and half of them have no other card. */
  slowPayers: 0.2,
  declined: 0.1,
  /** Pay, and never come back to the shop. */
  closesTab: 0.1,
  /** Press reserve twice at once; reload in line; send reserve and checkout again after an answer. */
  doubleClicks: 0.06,
  reloads: 0.08,
  repeats: 0.06,
  /** Cheat in line; cheat inside (of those likely to get there). */
  lineCheats: 0.03,
  insideCheats: 0.2,
};
export type Shares = typeof usualShares;

export const lineCheats = ["early_entry", "forged_ticket", "foreign_ticket"] as const;
export const insideCheats = [
  "altered_replay",
  "second_reservation",
  "over_limit",
  "forged_pass",
  "ticket_as_pass",
  "others_reservation",
  "buys_again",
] as const;
export type Cheat = (typeof lineCheats)[number] | (typeof insideCheats)[number];

export type Ending = "buys" | "gives_back" | "abandons" | "abandons_paying" | "leaves";

/** `declined`: the first card is, the second is not; `refused`: there is no second one. */
export type Card = "ok" | "slow" | "declined" | "refused";

export interface Line {
  sku: string;
  quantity: number;
}

export interface Item {
  sku: string;
  stock: number;
  limit: number;
}

export interface Plan {
  index: number;
  /** A private address of its own; only a local stack looks at it. */
  address: string;
  client: "browser" | "app";
  /** Relative to opening; negative is before. */
  arrivesMs: number;
  firstChoice: Line[];
  /** All items, in the order tried when the first choice is gone. */
  otherwise: Line[];
  ending: Ending;
  leavesAfterPolls: number;
  doubleClicks: boolean;
  reloads: boolean;
  repeats: boolean;
  cheat: Cheat | undefined;
  /** Looking around before reserving, and finding the card before checkout. */
  lookMs: number;
  payMs: number;
  card: Card;
  /** At the payment page, for each card; and at the bank, where that takes a while. */
  typeMs: number;
  bankMs: number;
  closesTab: boolean;
}

export interface CrowdOptions {
  shoppers: number;
  seed: number;
  items: readonly Item[];
  /** How long before opening the first may come. */
  lobbyMs: number;
  /** They come evenly over the lobby, because the machine could not make them come at once. */
  isThinned?: boolean;
  holdMs: number;
  /** Places of those who come before opening are drawn: any of them may get inside. */
  drawn?: boolean;
  /** Something has to be paid. */
  priced?: boolean;
  shares?: Partial<Shares> | undefined;
}

export function planCrowd(options: CrowdOptions): Plan[] {
  const shares = { ...usualShares, ...options.shares };
  const plans = Array.from({ length: options.shoppers }, (_, index) => plan(index, options, shares));

  const random = seeded(options.seed, -2);
  const stock = options.items.reduce((sum, item) => sum + item.stock, 0);
  const byArrival = plans.toSorted((a, b) => a.arrivesMs - b.arrivesMs);
  const early = byArrival.filter(({ arrivesMs }) => arrivesMs < 0).length;
  const first = options.drawn === true ? Math.max(stock, early) : stock;
  const [front, back] = [byArrival.slice(0, first), byArrival.slice(first)];
  const abandonsPaying: Deal<Plan> = [shares.abandonsPaying, (one) => (one.ending = "abandons_paying")];
  for (const group of [front, back]) {
    dealInTurn(random, group, [
      [shares.leaves, (one) => (one.ending = "leaves")],
      [shares.givesBack, (one) => (one.ending = "gives_back")],
      [shares.abandons, (one) => (one.ending = "abandons")],
      ...(options.priced === true ? [abandonsPaying] : []),
    ]);
    dealInTurn(random, group, [[shares.doubleClicks, (one) => (one.doubleClicks = true)]]);
    dealInTurn(random, group, [[shares.reloads, (one) => (one.reloads = true)]]);
    dealInTurn(random, group, [[shares.repeats, (one) => (one.repeats = true)]]);
  }
  dealInTurn(random, front, [[shares.insideCheats, (one, nth) => (one.cheat = cycle(insideCheats, nth))]]);
  dealInTurn(random, back, [[shares.lineCheats, (one, nth) => (one.cheat = cycle(lineCheats, nth))]]);
  // Last, so that a crowd that has nothing to pay is the same as ever.
  for (const group of options.priced === true ? [front, back] : []) {
    dealInTurn(random, group, [
      [shares.slowPayers, (one) => (one.card = "slow")],
      [shares.declined, (one, nth) => (one.card = nth % 2 === 0 ? "declined" : "refused")],
    ]);
    dealInTurn(random, group, [[shares.closesTab, (one) => (one.closesTab = true)]]);
  }
  if (options.isThinned === true) thin(plans, options.lobbyMs);
  return plans;
}

/** A larger crowd than this comes thinned, so many a second: what two cores answer that carry the whole system as well. */
const FULL_SPEED_MAX = 5_000;
const THINNED_PER_SECOND = 200;

/** How long before opening a crowd has to begin to come; undefined for one that may come all at once. */
export const thinnedLobbySeconds = (shoppers: number): number | undefined =>
  shoppers <= FULL_SPEED_MAX
    ? undefined
    : Math.ceil((shoppers * (1 - THINNED_LATE_SHARE)) / THINNED_PER_SECOND);

function cycle<T>(things: readonly [T, ...T[]], nth: number): T {
  return things[nth % things.length] ?? things[0];
}

function plan(index: number, { seed, items, lobbyMs, holdMs }: CrowdOptions, shares: Shares): Plan {
  const random = seeded(seed, index);
  const [head, ...rest] = items;
  if (head === undefined) throw new Error("a sale has at least one item");
  const first = weighted(random, [head, ...rest], (item) => item.stock);
  const others = shuffled(
    random,
    items.filter((item) => item !== first),
  );
  const quantityOf = (item: Item) =>
    item.limit > 1 && random() < shares.wantsMore ? wholeBetween(random, 2, item.limit) : 1;
  const line = (item: Item): Line => ({ sku: item.sku, quantity: quantityOf(item) });

  const firstLine = line(first);
  const second = others[0];
  const withSecond = second !== undefined && random() < shares.wantsTwoItems;
  return {
    index,
    address: `10.${(index >> 16) & 255}.${(index >> 8) & 255}.${index & 255}`,
    client: random() < shares.browsers ? "browser" : "app",
    arrivesMs: arrival(random, lobbyMs, shares),
    firstChoice: withSecond ? [firstLine, { sku: second.sku, quantity: 1 }] : [firstLine],
    otherwise: [firstLine, ...others.map(line)],
    ending: "buys",
    leavesAfterPolls: wholeBetween(random, 2, 5),
    doubleClicks: false,
    reloads: false,
    repeats: false,
    cheat: undefined,
    lookMs: between(random, 300, Math.min(2000, holdMs * 0.2)),
    payMs: between(random, 300, Math.min(4000, holdMs * 0.3)),
    card: "ok",
    typeMs: between(random, 300, Math.min(3000, holdMs * 0.15)),
    // Mostly some seconds, now and then longer than the hold.
    bankMs: Math.round(BANK_MIN_MS + (holdMs + BANK_BEYOND_HOLD_MS) * random() ** 2),
    closesTab: false,
  };
}

/** Of a thinned crowd, who come when it is open, half as fast as those before. */
const THINNED_LATE_SHARE = 0.03;

/** The same people in the same order, but evenly: the last of those who come before opening comes as it opens. */
function thin(plans: Plan[], lobbyMs: number): void {
  const inOrder = plans.toSorted((a, b) => a.arrivesMs - b.arrivesMs);
  const early = Math.ceil(inOrder.length * (1 - THINNED_LATE_SHARE));
  const everyMs = lobbyMs / early;
  for (const [nth, one] of inOrder.entries()) {
    const after = nth - early;
    one.arrivesMs = after < 0 ? after * everyMs : after * 2 * everyMs;
  }
}

const BANK_MIN_MS = 1000;
const BANK_BEYOND_HOLD_MS = 4000;
const RUSH_MEAN_MS = 2000;
const RUSH_MAX_MS = 12_000;
const LATE_MAX_MS = 20_000;

function arrival(random: Random, lobbyMs: number, shares: Shares): number {
  const kind = random();
  if (kind < shares.early) return -lobbyMs * random() ** 1.5;
  if (kind < shares.early + shares.late) return between(random, 0, LATE_MAX_MS);
  return Math.min(RUSH_MAX_MS, -Math.log(1 - random()) * RUSH_MEAN_MS);
}
