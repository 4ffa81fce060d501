/** static/assets/draw.js: a shuffle that a seed decides, that gives every place once and no number an advantage. */
import { createHash } from "node:crypto";
import { describe, expect, test } from "vitest";
import { drawOf, mintSeed } from "../../functions/queue/draw.ts";
import { commitmentOf, numberAt, placeOf } from "../../static/assets/draw.js";

type Place = (seed: string, count: number, number: number) => Promise<number>;

const numbers = (count: number) => Array.from({ length: count }, (_, i) => i + 1);

test.each([1, 2, 3, 4, 5, 16, 17, 63, 64, 65, 257, 1000])(
  "of %i in the lobby each has one of the places, and each place is somebody's",
  async (count) => {
    const seed = mintSeed();
    const places = await Promise.all(numbers(count).map((number) => placeOf(seed, count, number)));
    expect(places.sort((a, b) => a - b)).toEqual(numbers(count));
  },
);

test.each([1, 2, 5, 17, 65, 1000])(
  "of %i each place leads back to its number, with any hash that is SHA-1",
  async (count) => {
    const seed = mintSeed();
    const sha1 = (text: string) => createHash("sha1").update(text).digest();
    for (const number of numbers(Math.min(count, 200))) {
      const place = await placeOf(seed, count, number);
      expect(await numberAt(seed, count, place)).toBe(number);
      expect(await numberAt(seed, count, place, sha1)).toBe(number);
    }
  },
);

test("the same seed gives the same places, another one others", async () => {
  const order = async (seed: string) =>
    (await Promise.all(numbers(50).map((number) => placeOf(seed, 50, number)))).join();
  const [seed, other] = [mintSeed(), mintSeed()];
  expect(await order(seed)).toBe(await order(seed));
  expect(await order(seed)).not.toBe(await order(other));
});

test("a seed is 256 bits, never the same twice", () => {
  const seeds = numbers(1000).map(mintSeed);
  expect(new Set(seeds).size).toBe(1000);
  for (const seed of seeds) expect(seed).toMatch(/^[0-9a-f]{64}$/);
});

test("before opening the draw shows the SHA-256 of its seed; from then on the seed and the count, nothing else", async () => {
  const seed = mintSeed();
  const commitment = createHash("sha256").update(seed).digest("hex");
  expect(await commitmentOf(seed)).toBe(commitment);
  expect(await drawOf(seed, undefined)).toEqual({ commitment });
  expect(await drawOf(seed, 0)).toEqual({ commitment, seed, count: 0 });
});

/**
 * Pearson's chi-squared of counts that should be equal. A fair draw stays below the bound of its degrees of freedom but
 * once in 10^8 tests; the file makes twelve.
 */
const chiSquared = (counts: number[]) => {
  const expected = counts.reduce((sum, n) => sum + n) / counts.length;
  return counts.reduce((sum, n) => sum + (n - expected) ** 2 / expected, 0);
};
const bounds: Record<number, number> = { 2: 32.9, 3: 36.9, 10: 55.5 };
const SEEDS = 2000;

/** How unequal the places are, over the bound: of the first, a middle and the last comer, and of the first against the last. */
async function unfairness(place: Place, count: number): Promise<number> {
  const cells = Math.min(count, 10);
  const comers = [1, Math.ceil(count / 2), count];
  const counts = comers.map(() => new Array<number>(cells).fill(0));
  const before = [0, 0];
  for (let i = 0; i < SEEDS; i++) {
    const seed = mintSeed();
    const places = await Promise.all(comers.map((number) => place(seed, count, number)));
    places.forEach((p, comer) => {
      const cell = Math.floor(((p - 1) * cells) / count);
      const row = counts[comer];
      if (row) row[cell] = (row[cell] ?? 0) + 1;
    });
    const isBefore = (places[0] ?? 0) < (places[2] ?? 0) ? 1 : 0;
    before[isBefore] = (before[isBefore] ?? 0) + 1;
  }
  const relative = (cellCounts: number[]) => chiSquared(cellCounts) / (bounds[cellCounts.length] ?? 0);
  return Math.max(...counts.map(relative), relative(before));
}

describe("over many seeds", () => {
  test.each([3, 10, 1000])(
    "the first, a middle and the last comer of %i have every place equally often, and each is as often before the other",
    async (count) => {
      expect(await unfairness(placeOf, count)).toBeLessThan(1);
    },
  );

  const shift = (seed: string) => parseInt(seed.slice(0, 8), 16);
  const unfair: [string, Place][] = [
    ["the order of arrival", (_, __, number) => Promise.resolve(number)],
    [
      "one that turns the line by a random amount",
      (seed, count, number) => Promise.resolve(((shift(seed) + number) % count) + 1),
    ],
    [
      "one that leaves everybody where they are in one of five draws",
      (seed, count, number) =>
        shift(seed) % 5 === 0 ? Promise.resolve(number) : placeOf(seed, count, number),
    ],
  ];
  test.each(unfair)("%s would be found unfair", async (_, place) => {
    expect(await unfairness(place, 10)).toBeGreaterThan(1);
  });
});
