/** What every step is handed: its stores, its keys, and a way to go on after the answer. Made once per request. */
import { tokenKeys, type TokenKeys } from "../domain/token.ts";
import type { AccessSettings } from "./access.ts";
import { connectStripe, type Payments } from "./checkout/stripe.ts";
import type { AskShard, LocationHint, ShardObjects } from "./queue/shards.ts";
import type { EmailLimits } from "./mail/mailer.ts";
import type { EmailSender } from "./mail/sender.ts";
import { connectPostgres, type Postgres } from "./postgres/client.ts";
import { connectRedis } from "./redis/client.ts";

export interface Env extends AccessSettings {
  UPSTASH_REDIS_REST_URL: string;
  UPSTASH_REDIS_REST_TOKEN: string;
  DATABASE_URL: string;
  /** Where Neon's HTTP protocol is spoken; without it, where the driver expects it for `DATABASE_URL`. */
  NEON_FETCH_ENDPOINT?: string;
  /** "id:secret[,id:secret]", the same as the edge Worker's. */
  TOKEN_KEYS: string;
  /** By what addresses and accounts become ids of shoppers; the same as the edge Worker's. */
  IDENTITY_SECRET: string;
  /** Of operators, who may act. */
  ADMIN_TOKEN: string;
  /** Of viewers, who only look; without it there are none. */
  VIEWER_TOKEN?: string;
  /** Without them the shop sells only what is free. */
  STRIPE_SECRET_KEY?: string;
  STRIPE_WEBHOOK_SECRET?: string;
  /** Where Stripe's API is, if not at Stripe. */
  STRIPE_API_URL?: string;
  /** Where the joins of large sales are gathered. */
  JOIN_SHARDS: ShardObjects;
  /** Where the shards are to be: the platform's region that is nearest to Redis. */
  JOIN_SHARDS_NEAR?: LocationHint;
  /** Sends e-mail. */
  EMAIL: EmailSender;
  EMAIL_FROM: string;
  /** E-mails in a minute of the clock, at most; 600 when not said. */
  EMAILS_PER_MINUTE?: string;
  /** E-mails in any 24 hours, at most; 50000 when not said. */
  EMAILS_PER_DAY?: string;
}

export interface Services {
  redis: ReturnType<typeof connectRedis>;
  postgres: Postgres;
  keys: TokenKeys;
  identitySecret: string;
  /** Undefined where the shop takes no payments. */
  payments?: Payments | undefined;
  /** Undefined where there are no Durable Objects: then every join goes by itself. */
  askShard?: AskShard | undefined;
  email: EmailSender;
  emailFrom: string;
  emailLimits: EmailLimits;
  /** Whose doing this is, for the audit log. */
  actor: string;
  /** Work that outlives the answer (30 s at most on Workers). Its failures are logged, not lost. */
  later: (work: Promise<unknown>) => void;
}

/** Clients live as long as the isolate: making them anew would import keys and hash scripts for each request. */
let connected: { env: Env; stores: Omit<Services, "actor" | "later"> } | undefined;

export function services(env: Env, context: { waitUntil: (work: Promise<unknown>) => void }): Services {
  if (connected?.env !== env) {
    connected = {
      env,
      stores: {
        redis: connectRedis(env.UPSTASH_REDIS_REST_URL, env.UPSTASH_REDIS_REST_TOKEN),
        postgres: connectPostgres(env.DATABASE_URL, env.NEON_FETCH_ENDPOINT),
        keys: tokenKeys(env.TOKEN_KEYS),
        identitySecret: env.IDENTITY_SECRET,
        payments: paymentsBy(env),
        askShard: shardsBy(env),
        email: env.EMAIL,
        emailFrom: env.EMAIL_FROM,
        emailLimits: {
          perMinute: positive("EMAILS_PER_MINUTE", env.EMAILS_PER_MINUTE, 600),
          perDay: positive("EMAILS_PER_DAY", env.EMAILS_PER_DAY, 50_000),
        },
      },
    };
  }
  return {
    ...connected.stores,
    actor: "system",
    later: (work) =>
      context.waitUntil(
        work.catch((error: unknown) => console.error(JSON.stringify({ later: String(error) }))),
      ),
  };
}

const paymentsBy = ({ STRIPE_SECRET_KEY: key, STRIPE_WEBHOOK_SECRET: secret, STRIPE_API_URL: url }: Env) =>
  key === undefined || secret === undefined ? undefined : connectStripe(key, secret, url);

/** A stub for each call: one that has lost its object stays broken. */
const shardsBy =
  ({ JOIN_SHARDS: shards, JOIN_SHARDS_NEAR: locationHint }: Env): AskShard =>
  (saleId, shard, wish) =>
    shards
      .getByName(`${saleId}/${shard}`, locationHint === undefined ? {} : { locationHint })
      .join(saleId, wish);

/** @throws Error that names the setting, when it is no positive whole number */
function positive(name: string, text: string | undefined, otherwise: number): number {
  const value = text === undefined ? otherwise : Number(text);
  if (!Number.isSafeInteger(value) || value < 1) throw new Error(`${name} must be a positive whole number`);
  return value;
}
