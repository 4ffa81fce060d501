/** Whether what was deployed reaches its stores. */
import { setTimeout as sleep } from "node:timers/promises";
import { z } from "zod";
import type { Finding } from "./configuration.ts";

const health = z.object({ redis: z.string(), postgres: z.string() });
const TIMEOUT_MS = 10_000;
const EVERY_MS = 1_000;

const ways = {
  redis: "look at UPSTASH_REDIS_REST_URL, UPSTASH_REDIS_REST_TOKEN and Upstash's status.",
  postgres: "look at DATABASE_URL and Neon's status.",
};

/** @param forMs how long a new address may take until it answers */
export async function checkHealth(url: string, forMs = 60_000): Promise<Finding[]> {
  const endMs = Date.now() + forMs;
  for (;;) {
    const said = await look(url);
    const wrong = (["redis", "postgres"] as const).filter((store) => said?.[store] !== "ok");
    if (said !== undefined && wrong.length === 0)
      return [{ state: "ok", line: `${url}/healthz: Redis and Postgres answer` }];
    if (Date.now() >= endMs)
      return said === undefined
        ? [
            {
              state: "wrong",
              line: `${url}/healthz does not answer: look at the routes and the logs of the edge.`,
            },
          ]
        : wrong.map((store) => ({
            state: "wrong",
            line: `the functions do not reach ${store === "redis" ? "Redis" : "Postgres"}: ${ways[store]}`,
          }));
    await sleep(EVERY_MS);
  }
}

async function look(url: string): Promise<z.output<typeof health> | undefined> {
  try {
    const answer = await fetch(new URL("/healthz", url), { signal: AbortSignal.timeout(TIMEOUT_MS) });
    return health.safeParse(await answer.json()).data;
  } catch {
    return undefined;
  }
}
