// @ts-check
/**
 * The draw: who came before opening is let in by lot, and anybody can check it. The one implementation, for the page, the
 * Workers and the command; `functions/queue/release.lua` reads it backwards.
 *
 * With the sale a commitment is published, the SHA-256 of a secret seed. Until it opens, people get the numbers 1 to N in
 * the order they come. At opening the seed is published, and number n has the place `placeOf(seed, N, n)`: a shuffle of
 * 1 to N that the seed alone decides, so no place is given twice and none is left out. Who comes later queues behind N.
 *
 * The shuffle is a balanced Feistel network of 8 rounds over the smallest square of a power of two that holds N, walked
 * until it lands within N (cycle walking: J. Black, P. Rogaway, "Ciphers with arbitrary finite domains", 2002). It is
 * written out here because the place of one number must cost the same for N of a million, and Redis must run it too:
 * hence SHA-1, the one hash its scripts have. That its collisions are known does not matter to a shuffle.
 */

const ROUNDS = 8;

/** @param {string} algorithm @param {string} text @returns {Promise<Uint8Array>} */
const digest = async (algorithm, text) =>
  new Uint8Array(await crypto.subtle.digest(algorithm, new TextEncoder().encode(text)));

/**
 * The place of a number of the lobby.
 * @param {string} seed 64 hexadecimal digits, as published at opening
 * @param {number} count N, how many numbers the lobby gave out
 * @param {number} number 1 to N
 * @returns {Promise<number>} 1 to N
 */
export async function placeOf(seed, count, number) {
  let half = 2;
  while (half * half < count) half *= 2;
  let x = number - 1;
  do {
    let [left, right] = [Math.floor(x / half), x % half];
    for (let round = 1; round <= ROUNDS; round++) {
      const [a = 0, b = 0, c = 0, d = 0] = await digest("SHA-1", `${seed}:${round}:${right}`);
      [left, right] = [right, (left + (((a << 24) | (b << 16) | (c << 8) | d) >>> 0)) % half];
    }
    x = left * half + right;
  } while (x >= count);
  return x + 1;
}

/** What is published with the sale, before anybody can know the seed. @param {string} seed @returns {Promise<string>} */
export const commitmentOf = async (seed) =>
  [...(await digest("SHA-256", seed))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
