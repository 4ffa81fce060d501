/** What a process needs for its simulations, started once: a Redis and a PostgreSQL; and the functions' code in isolates. */
import { tokenKeys } from "../../domain/token.ts";
import type { Services } from "../../functions/services.ts";
import type { Defect } from "./defects.ts";
import { hookModules, loadIsolate } from "./modules.ts";
import { startSimulatedPostgres, type SimulatedPostgres } from "./postgres.ts";
import { startSimulatedRedis, type SimulatedRedis } from "./redis.ts";

export type Steps = typeof import("./steps.ts");

export interface Isolate {
  steps: Steps;
  stores: Omit<Services, "later" | "email">;
}

export interface Engines {
  redis: SimulatedRedis;
  postgres: SimulatedPostgres;
  isolates: Isolate[];
}

const ISOLATES = 3;
export const HOSTS = {
  redis: "http://redis.test",
  postgres: "http://postgres.test/sql",
  stripe: "http://stripe.test",
  shop: "http://shop.test",
};
const secret = "simulated-".repeat(4);
export const stripeSecrets = { secretKey: "sk_test_simulated", webhookSecret: "whsec_simulated" };
export const keys = tokenKeys(`sim:${secret}`);

/** @returns what gives the engines for the functions' code as it is, or with a defect in it; at one time for one simulation */
export async function startEngines(): Promise<(defect?: Defect) => Promise<Engines>> {
  hookModules();
  const [redis, postgres] = await Promise.all([startSimulatedRedis(), startSimulatedPostgres()]);
  const loaded = new Map<Defect | undefined, Isolate[]>();
  return async (defect) => {
    let isolates = loaded.get(defect);
    if (isolates === undefined) {
      await redis.load(defect);
      isolates = await loadIsolates(defect);
      loaded.set(defect, isolates);
    }
    return { redis, postgres, isolates };
  };
}

async function loadIsolates(defect: Defect | undefined): Promise<Isolate[]> {
  const isolates: Isolate[] = [];
  for (let nth = 0; nth < ISOLATES; nth++) {
    const steps = await loadIsolate(nth, defect);
    isolates.push({
      steps,
      stores: {
        redis: steps.connectRedis(HOSTS.redis, "token"),
        postgres: steps.connectPostgres("postgresql://u:p@postgres.test/db", HOSTS.postgres),
        keys,
        identitySecret: secret,
        payments: steps.connectStripe(stripeSecrets.secretKey, stripeSecrets.webhookSecret, HOSTS.stripe),
        actor: "a simulation",
        emailFrom: "shop@shop.test",
        emailLimits: { perMinute: 600, perDay: 50_000 },
      },
    });
  }
  return isolates;
}
