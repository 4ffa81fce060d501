/**
 * Who registers, and what those do who were given a slot: pure functions of seed and numbers, as the crowd is. What a
 * holder does is dealt once it is known who holds a slot, so that a small rehearsal has each kind of them too.
 */
import type { Plan } from "./crowd.ts";
import { between, dealInTurn, seeded } from "./random.ts";

/** Shares in 0…1, of those who register and of those with a slot. */
export const usualSlotShares = {
  /** Take the registration back before it is final who has a slot. */
  takesBackEarly: 0.03,
  /** Use the link of the e-mail again, in another browser. */
  passesLinkOn: 0.03,
  /** With a slot: never come, come at the very moment at which slots end, take it back after all. */
  staysAway: 0.15,
  lastMoment: 0.1,
  takesBackLate: 0.05,
  /** … try something with it; and without one, try to get past the line all the same. */
  slotCheats: 0.25,
  waitingCheats: 0.03,
};
export type SlotShares = typeof usualSlotShares;

/** The first few are those a small rehearsal has. */
export const slotCheats = [
  /** Somebody else uses the token too, and both reserve at once. */
  "slot_shared",
  /** Again, once it has bought something. */
  "slot_used_twice",
  /** A token shown only when slots have ended; and a pass that was there in time, used then. */
  "slot_after_end",
  "slot_pass_after_end",
  "slot_for_two_units",
  "slot_forged",
  "slot_in_another_sale",
] as const;
export type SlotCheat = (typeof slotCheats)[number];

export interface RegistrantPlan {
  email: string;
  takesBack: boolean;
  passesLinkOn: boolean;
}

export interface HolderPlan {
  coming: "in_time" | "last_moment" | "stays_away" | "takes_back";
  /** Relative to opening. */
  arrivesMs: number;
  /** Relative to the end of slots; of those who come at the last moment. */
  aroundEndMs: number;
  cheat: SlotCheat | undefined;
}

/** @param run part of the addresses, so that no two rehearsals write to the same */
export function planRegistrants(
  people: readonly Plan[],
  seed: number,
  run: string,
  shares: SlotShares = usualSlotShares,
): RegistrantPlan[] {
  const plans = people.map(({ index }) => ({
    email: `shopper${index}.${run}@mail.test`,
    takesBack: false,
    passesLinkOn: false,
  }));
  const random = seeded(seed, -3);
  dealInTurn(random, plans, [
    [shares.takesBackEarly, (one) => (one.takesBack = true)],
    [shares.passesLinkOn, (one) => (one.passesLinkOn = true)],
  ]);
  return plans;
}

/** By the time slots end most of their holders have bought long ago. */
const ARRIVES_WITHIN = 0.6;
const AROUND_END_MS = 400;

/** @param holders in the order of their numbers */
export function planHolders(
  holders: readonly Plan[],
  seed: number,
  claimMs: number,
  shares: SlotShares = usualSlotShares,
): HolderPlan[] {
  const random = seeded(seed, -4);
  const plans = holders.map(({ arrivesMs }): HolderPlan => ({
    coming: "in_time",
    arrivesMs: Math.min(arrivesMs, claimMs * ARRIVES_WITHIN * random()),
    aroundEndMs: between(random, -AROUND_END_MS, AROUND_END_MS),
    cheat: undefined,
  }));
  dealInTurn(random, plans, [
    [shares.staysAway, (one) => (one.coming = "stays_away")],
    [shares.lastMoment, (one) => (one.coming = "last_moment")],
    [shares.takesBackLate, (one) => (one.coming = "takes_back")],
    [shares.slotCheats, (one, nth) => (one.cheat = slotCheats[nth % slotCheats.length])],
  ]);
  return plans;
}

/** Those without a slot who try their registration as one. */
export function planWaitingCheats(
  waiting: readonly Plan[],
  seed: number,
  shares: SlotShares = usualSlotShares,
): Set<Plan> {
  const cheats = new Set<Plan>();
  dealInTurn(seeded(seed, -5), waiting, [[shares.waitingCheats, (one) => void cheats.add(one)]]);
  return cheats;
}
