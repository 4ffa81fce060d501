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
  const half = halfOf(count);
  let x = number - 1;
  do {
    let [left, right] = [Math.floor(x / half), x % half];
    for (let round = 1; round <= ROUNDS; round++)
      [left, right] = [right, (left + (await added(seed, round, right))) % half];
    x = left * half + right;
  } while (x >= count);
  return x + 1;
}

/**
 * The number of the lobby that has a place: `placeOf` backwards.
 * @param {string} seed @param {number} count @param {number} place 1 to N
 * @param {Hash} [sha1] a faster one, for who asks for many places @returns {Promise<number>} 1 to N
 */
export async function numberAt(seed, count, place, sha1) {
  const half = halfOf(count);
  let x = place - 1;
  do {
    let [left, right] = [Math.floor(x / half), x % half];
    for (let round = ROUNDS; round >= 1; round--)
      [left, right] = [(right - ((await added(seed, round, left, sha1)) % half) + half) % half, left];
    x = left * half + right;
  } while (x >= count);
  return x + 1;
}

/** The smallest power of two, from two on, whose square holds N. @param {number} count */
function halfOf(count) {
  let half = 2;
  while (half * half < count) half *= 2;
  return half;
}

/** @typedef {(text: string) => Uint8Array | Promise<Uint8Array>} Hash */

/**
 * What a round adds: the first 32 bits of its digest.
 * @param {string} seed @param {number} round @param {number} side @param {Hash} [sha1]
 */
async function added(seed, round, side, sha1 = (text) => digest("SHA-1", text)) {
  const [a = 0, b = 0, c = 0, d = 0] = await sha1(`${seed}:${round}:${side}`);
  return ((a << 24) | (b << 16) | (c << 8) | d) >>> 0;
}

/** What is published with the sale, before anybody can know the seed. @param {string} seed @returns {Promise<string>} */
export const commitmentOf = async (seed) =>
  [...(await digest("SHA-256", seed))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
