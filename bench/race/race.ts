/** Starts contestants, drives them and judges what they did: the same check for ours and for everybody else's. */
import { fork } from "node:child_process";
import { once } from "node:events";
import path from "node:path";
import { Incorrect, type Sample } from "../measure.ts";
import { quantile } from "../statistics.ts";
import { GATEWAY_TOKEN, type Addresses as StoreAddresses } from "../stores.ts";
import type { Addresses, RaceInput, RaceOutput } from "./contestant.ts";

export interface Entrant {
  race: (input: RaceInput) => Promise<RaceOutput>;
  close: () => Promise<void>;
}

/** @param module the contestant's file @throws Error with its own words when it cannot take part */
export async function startEntrant(
  module: string,
  { redis, postgres }: Pick<StoreAddresses, "redis" | "postgres">,
): Promise<Entrant> {
  const addresses: Addresses = { redis: { url: redis.url, token: GATEWAY_TOKEN }, postgres };
  const child = fork(path.join(import.meta.dirname, "contestant.ts"), [module, JSON.stringify(addresses)], {
    execArgv: [],
    stdio: ["ignore", "ignore", "pipe", "ipc"],
  });
  // What a peer prints while it works is its own affair; where it ends early, the last of it says why.
  let printed = "";
  child.stderr?.on("data", (chunk: Buffer) => (printed = (printed + chunk.toString()).slice(-2_000)));
  const ended = once(child, "exit").then((): [{ failed: string }] => [{ failed: `it ended: ${printed}` }]);
  const answer = async <Answer>(): Promise<Answer> => {
    const [said] = (await Promise.race([once(child, "message"), ended])) as [Answer | { failed: string }];
    if (typeof said === "object" && said !== null && "failed" in said) throw new Error(said.failed);
    return said;
  };
  const close = async () => {
    if (child.connected) child.disconnect();
    await ended;
  };
  try {
    await answer();
  } catch (error) {
    await close();
    throw error;
  }
  return {
    race: async (input) => {
      child.send(input);
      return await answer<RaceOutput>();
    },
    close,
  };
}

/**
 * Exactly the stock was sold, and nobody has two.
 * @throws Incorrect
 */
export function judgeSold({ got, left }: Pick<RaceOutput, "got" | "left">, stock: number): void {
  const twice = got.length - new Set(got).size;
  if (got.length !== stock) throw new Incorrect(`${got.length} were sold of ${stock}`);
  if (twice > 0) throw new Incorrect(`${twice} got more than one`);
  if (left !== 0) throw new Incorrect(`all were sold, and ${left} are said to be left`);
}

/**
 * Everybody was let through as often as they may be.
 * @throws Incorrect
 */
export function judgeLimited({ got }: Pick<RaceOutput, "got">, callers: number, each: number): void {
  const counts = new Map<string, number>();
  for (const caller of got) counts.set(caller, (counts.get(caller) ?? 0) + 1);
  const wrong = [...counts.values()].filter((count) => count !== each).length + callers - counts.size;
  if (wrong > 0) throw new Incorrect(`${wrong} of ${callers} were not let through ${each} times`);
}

export const sampleOf = ({ latenciesMs, seconds }: RaceOutput): Sample => ({
  perSecond: latenciesMs.length / seconds,
  medianMs: quantile(latenciesMs, 0.5),
  p99Ms: quantile(latenciesMs, 0.99),
});
