/** What the functions' steps are handed in a bench: its own stores, and nothing that goes out. */
import { tokenKeys } from "../domain/token.ts";
import { connectPostgres } from "../functions/postgres/client.ts";
import { connectRedis } from "../functions/redis/client.ts";
import type { Services } from "../functions/services.ts";
import { GATEWAY_TOKEN, type Addresses } from "./stores.ts";

const secret = "secret-".repeat(6);

export const benchServices = (stores: Pick<Services, "redis" | "postgres" | "payments">): Services => ({
  ...stores,
  keys: tokenKeys(`bench:${secret}`),
  identitySecret: secret,
  email: { send: () => Promise.reject(new Error("the bench sends no e-mail")) },
  emailFrom: "",
  actor: "a bench",
  emailLimits: { perMinute: 1, perDay: 1 },
  later: () => undefined,
});

/** The functions' clients of a bench's stores. */
export const connectStores = ({
  redis,
  postgres: { neonConnectionString, neonUrl },
}: Pick<Addresses, "redis" | "postgres">): Pick<Services, "redis" | "postgres"> => ({
  redis: connectRedis(redis.url, GATEWAY_TOKEN),
  postgres: connectPostgres(neonConnectionString, neonUrl),
});
