/** Seeded chance: the same seed and stream give the same numbers on every machine, so that a crowd can be replayed. */

/** Numbers in [0, 1). */
export type Random = () => number;

/** mulberry32; `stream` keeps shoppers independent of each other and of the order in which they draw. */
export function seeded(seed: number, stream = 0): Random {
  let state = Math.imul(seed ^ 0x9e3779b9, 0x85ebca6b) ^ Math.imul(stream + 1, 0xc2b2ae35);
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

export const between = (random: Random, low: number, high: number) => low + random() * (high - low);

/** A whole number in [low, high]. */
export const wholeBetween = (random: Random, low: number, high: number) =>
  low + Math.floor(random() * (high - low + 1));

export function shuffled<T>(random: Random, things: readonly T[]): T[] {
  return things
    .map((thing) => ({ thing, at: random() }))
    .sort((a, b) => a.at - b.at)
    .map(({ thing }) => thing);
}

/** One of the things, each as likely as its weight; the first when nothing weighs anything. */
export function weighted<T>(random: Random, things: readonly [T, ...T[]], weight: (thing: T) => number): T {
  let mark = random() * things.reduce((sum, thing) => sum + weight(thing), 0);
  return things.find((thing) => (mark -= weight(thing)) < 0) ?? things[0];
}

export type Deal<Thing> = [share: number, give: (thing: Thing, nth: number) => void];

/** Nobody gets two of the same list; each share above zero reaches at least one, as long as there is one left. */
export function dealInTurn<Thing>(
  random: Random,
  group: readonly Thing[],
  deals: readonly Deal<Thing>[],
): void {
  const takers = shuffled(random, group);
  for (const [share, give] of deals) takers.splice(0, Math.ceil(share * group.length)).forEach(give);
}
