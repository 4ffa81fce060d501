/** The draw of a lobby: its secret, and what of it is public when. The shuffle itself is `static/assets/draw.js`. */
import type { Draw } from "../../domain/api.ts";
import { commitmentOf } from "../../static/assets/draw.js";

/** A new seed: 256 random bits in hexadecimal. */
export const mintSeed = (): string =>
  [...crypto.getRandomValues(new Uint8Array(32))].map((byte) => byte.toString(16).padStart(2, "0")).join("");

/** @param drawn how many numbers the lobby gave out; undefined before opening, while the seed is secret */
export async function drawOf(seed: string, drawn: number | undefined): Promise<Draw> {
  const commitment = await commitmentOf(seed);
  return drawn === undefined ? { commitment } : { commitment, seed, count: drawn };
}
