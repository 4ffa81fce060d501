/** Who is doing something: one request to the functions with what it left for later, or somebody outside of them. */
import { AsyncLocalStorage } from "node:async_hooks";
import type { Random } from "../rehearse/random.ts";

export interface Life {
  name: string;
  /** It never hears of anything any more, as after a crash. */
  isDead: boolean;
  /** How far the clock of its machine is off. */
  skewMs: number;
  /** Its own chance, so that leaving somebody out of a history changes nothing for the others. */
  random: Random;
  /** Whoever waits for it learns that it died. */
  died: () => void;
}

export const lives = new AsyncLocalStorage<Life>();

export const forever = () => new Promise<never>(() => {});
