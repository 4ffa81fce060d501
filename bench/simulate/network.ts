/**
 * What is between the shoppers, the functions and their stores. Each request arrives after a while, takes effect at one
 * moment, and its answer arrives after another while; where a trouble is planned for it, some of this goes wrong.
 */
import { seeded, wholeBetween } from "../rehearse/random.ts";
import type { History } from "./history.ts";
import type { Kernel } from "./kernel.ts";
import { forever, type Life } from "./lives.ts";

export const stores = ["redis", "postgres", "stripe", "mail", "shop"] as const;
export type Store = (typeof stores)[number];

/**
 * - `lost_before`: it never arrives; `lost_after`: done, but its answer is lost
 * - `late`: it arrives after who sent it has given up, and maybe repeated it; `slow`: others overtake it
 * - `twice`: done twice, the second answer counts
 * - `crash_before`, `crash_after`: who sent it dies, before or after it is done
 * - `refused`: answered with 5xx without being done; `fails_after`: done, and answered with 500
 */
export const troubleKinds = [
  "lost_before",
  "lost_after",
  "late",
  "slow",
  "twice",
  "crash_before",
  "crash_after",
  "refused",
  "fails_after",
] as const;
export type TroubleKind = (typeof troubleKinds)[number];

export interface Trouble {
  step: string;
  /** The how-manieth request of this step it hits. */
  nth: number;
  kind: TroubleKind;
}

export interface Answered {
  status: number;
  body: string;
  headers?: Record<string, string>;
}

export interface Request<Answer> {
  store: Store;
  step: string;
  /** How long who sent it waits. */
  timeoutMs: number;
  signal?: AbortSignal | null | undefined;
  /** Does it. @param failsAfter where the store itself is to answer with 500 then */
  execute: (failsAfter: boolean) => Promise<Answer>;
  /** The answer of one that is not done. */
  refused: Answer;
}

/** Milliseconds on the way, one way. */
const wayMs: Record<Store, [number, number]> = {
  redis: [1, 8],
  postgres: [2, 15],
  stripe: [20, 200],
  mail: [20, 200],
  shop: [5, 60],
};

export class Network {
  /** How often each step was asked for, and what hit it. */
  readonly seen = new Map<string, number>();
  readonly hits = new Map<string, number>();
  /** Until when (ms) a store does not answer. */
  readonly awayUntil = new Map<Store, number>();
  readonly #kernel: Kernel;
  readonly #history: History;
  readonly #troubles: Map<string, TroubleKind>;

  constructor(kernel: Kernel, history: History, troubles: Trouble[]) {
    this.#kernel = kernel;
    this.#history = history;
    this.#troubles = new Map(troubles.map(({ step, nth, kind }) => [`${step}#${nth}`, kind]));
  }

  /** @param isOutside whether its effect takes time by itself, as a request to the functions does */
  async send<Answer>(life: Life, request: Request<Answer>, isOutside = false): Promise<Answer> {
    if (life.isDead) return await forever();
    const { store, step, timeoutMs } = request;
    const nth = (this.seen.get(step) ?? 0) + 1;
    this.seen.set(step, nth);
    const trouble = this.#troubles.get(`${step}#${nth}`);
    if (trouble !== undefined) {
      this.hits.set(`${step} ${trouble}`, (this.hits.get(`${step} ${trouble}`) ?? 0) + 1);
      this.#history.note(life.name, `${step}: ${trouble}`);
    }
    const [there, back] = [
      wholeBetween(life.random, ...wayMs[store]),
      wholeBetween(life.random, ...wayMs[store]),
    ];
    const moreMs = wholeBetween(life.random, 1, 2_000);

    return await new Promise<Answer>((resolve, reject) => {
      const end = (settle: () => void) => {
        if (!life.isDead) settle();
      };
      const fail = (afterMs: number, error: Error) =>
        void this.#kernel.after(afterMs, () => end(() => reject(error)));
      const answer = (value: Answer) => void this.#kernel.after(back, () => end(() => resolve(value)));
      const arrive = (afterMs: number, then: (value: Answer) => void) =>
        void this.#kernel.after(afterMs, () => {
          if ((this.awayUntil.get(store) ?? 0) > this.#kernel.nowMs) {
            fail(back, broken());
            return undefined;
          }
          const done = request.execute(trouble === "fails_after").then(then, reject);
          return isOutside ? undefined : done;
        });
      const nothing = () => undefined;
      request.signal?.addEventListener("abort", () => end(() => reject(request.signal?.reason as Error)));

      switch (trouble) {
        case undefined:
        case "fails_after":
          arrive(there, answer);
          break;
        case "lost_before":
          fail(there, broken());
          break;
        case "lost_after":
          arrive(there, () => fail(back, broken()));
          break;
        case "late":
          arrive(timeoutMs + moreMs, nothing);
          fail(timeoutMs, new DOMException("The operation was aborted due to timeout", "TimeoutError"));
          break;
        case "slow":
          arrive(Math.min(there + moreMs, timeoutMs - back - 1), answer);
          break;
        case "twice":
          arrive(there, nothing);
          arrive(there + moreMs / 4, answer);
          break;
        case "crash_before":
          kill(life);
          break;
        case "crash_after":
          arrive(there, () => kill(life));
          break;
        case "refused":
          this.#kernel.after(there, () => answer(request.refused));
          break;
      }
    });
  }

  /** Somebody of this name, with a chance of their own. */
  life(name: string, seed: number, stream: number, skewMs = 0): Life {
    return { name, isDead: false, skewMs, random: seeded(seed, stream), died: () => undefined };
  }
}

export function kill(life: Life): void {
  life.isDead = true;
  life.died();
}

const broken = () => new TypeError("fetch failed");
