/**
 * The whole system on one machine: real Redis and PostgreSQL behind gateways that speak Upstash's and Neon's protocols,
 * both Workers in workerd, and a caching front in the place of the CDN. The Workers' code does not know: only URLs and
 * secrets differ. Everything binds 127.0.0.1 and ends with `close`.
 */
import { randomBytes } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { startFront, type Front } from "./front/front.ts";
import { startMailbox, type MailServer } from "./mail/server.ts";
import { startNeonGateway, type NeonGateway } from "./postgres/gateway.ts";
import { migrate } from "./postgres/migrate.ts";
import { startPostgres, type PostgresServer } from "./postgres/server.ts";
import { startRedisGateway, type RedisGateway } from "./redis/gateway.ts";
import { startRedisServer } from "./redis/server.ts";
import { startStripe, type StripeDouble } from "./stripe/server.ts";
import { ensureRedis } from "./system-parts.ts";
import { buildStatic, STATIC_DIR } from "./workers/assets.ts";
import { buildWorker, readBundle, type Bundle, type WorkerRole } from "./workers/build.ts";
import { startWorker, type RunningWorker } from "./workers/runtime.ts";

const root = path.resolve(import.meta.dirname, "..");
const CRON_MS = 60_000;

export interface StackOptions {
  /** Port of the front. Default: a free one. */
  port?: number;
  /** Default: a new random one. */
  adminToken?: string;
  /** More of the edge's variables, such as those of the bot check or of the shop's accounts. */
  edge?: Record<string, string>;
  /** More of the functions' variables, such as a viewer's token. */
  functions?: Record<string, string>;
  /** Keeps the Workers' logs to itself. */
  quiet?: boolean;
  /** Where the Workers' logs go, line by line. Default: standard error, without the lines of requests that went well. */
  log?: (line: string) => void;
  /** Changes a bundled Lua script before it runs: for negative controls. Called with each script's file name. */
  luaPatch?: (file: string, source: string) => string;
  /** Called as each part is ready. */
  progress?: (part: string) => void;
}

export interface Stack {
  url: string;
  adminToken: string;
  front: Front;
  redis: RedisGateway;
  /** Bearer token of the gateways and their controls. */
  gatewayToken: string;
  /** The Workers' signing keys: with them a test makes tokens that nobody else could. */
  tokenKeys: string;
  neon: NeonGateway;
  database: PostgresServer;
  mailbox: MailServer;
  stripe: StripeDouble;
  edge: RunningWorker;
  /** One more isolate of the edge, past the front: with limits, circuit and copies of its own. */
  startEdge(): Promise<RunningWorker>;
  functions: RunningWorker;
  /** Runs the functions' cron handler now; it also runs each minute by itself. */
  cron(): Promise<void>;
  close(): Promise<void>;
}

/** @throws Error with one line for a part that is missing or does not start; what had started is ended */
export async function startStack(options: StackOptions = {}): Promise<Stack> {
  const { adminToken = secret(), progress = () => undefined } = options;
  const gatewayToken = secret();
  const closing: (() => Promise<unknown>)[] = [];
  const close = async () => {
    for (const end of closing.splice(0).reverse()) await end();
  };
  const toStderr = (line: string) => {
    if (!line.includes('"outcome":"ok"')) process.stderr.write(`${line}\n`);
  };
  const log = options.quiet === true ? () => undefined : (options.log ?? toStderr);

  try {
    await buildStatic();
    // The port first: everything else is in vain if somebody has it.
    let edgeUrl = "http://127.0.0.1:9";
    const front = await startFront({
      upstream: () => edgeUrl,
      staticDir: STATIC_DIR,
      ...(options.port === undefined ? {} : { port: options.port }),
    });
    closing.push(() => front.close());

    const [redis, [database, neon], mailbox, stripe, built] = await allStarted(
      startRedis(gatewayToken, closing).finally(() => progress("Redis")),
      startDatabase(gatewayToken, closing).finally(() => progress("PostgreSQL")),
      startMail(closing),
      // To the edge, past the front: a webhook that came while the Workers are still starting is sent again.
      startPayments(closing, () => `${edgeUrl}/webhooks/stripe`),
      bundles(options.luaPatch).finally(() => progress("Workers built")),
    );

    const tokenKeys = `local:${secret()}`;
    const identitySecret = secret();
    const functions = await startWorker(built.functions, {
      name: "flash-sale-functions",
      bindings: {
        UPSTASH_REDIS_REST_URL: redis.url,
        UPSTASH_REDIS_REST_TOKEN: gatewayToken,
        DATABASE_URL: neon.connectionString,
        NEON_FETCH_ENDPOINT: neon.url,
        TOKEN_KEYS: tokenKeys,
        IDENTITY_SECRET: identitySecret,
        ADMIN_TOKEN: adminToken,
        EMAIL_FROM: "Flash Sale <shop@example.com>",
        EMAILS_PER_MINUTE: "100000",
        EMAILS_PER_DAY: "10000000",
        STRIPE_SECRET_KEY: stripe.secretKey,
        STRIPE_WEBHOOK_SECRET: stripe.webhookSecret,
        STRIPE_API_URL: stripe.url,
        ...options.functions,
      },
      mailboxUrl: mailbox.url,
      log,
    });
    closing.push(() => functions.kill());
    const startEdge = async () => {
      const edge = await startWorker(built.edge, {
        name: "flash-sale-edge",
        bindings: {
          TOKEN_KEYS: tokenKeys,
          IDENTITY_SECRET: identitySecret,
          PAYMENT_ORIGIN: stripe.url,
          ...options.edge,
        },
        services: { FUNCTIONS: functions.url, ASSETS: front.url },
        purge: (tags) => void front.purge({ tags }),
        log,
      });
      closing.push(() => edge.kill());
      return edge;
    };
    const edge = await startEdge();
    edgeUrl = edge.url;
    progress("Workers running");

    const cron = () => functions.scheduled();
    const timer = setInterval(
      () => void cron().catch((error: unknown) => log(`cron: ${String(error)}`)),
      CRON_MS,
    );
    closing.push(() => {
      clearInterval(timer);
      return Promise.resolve();
    });
    return {
      url: front.url,
      adminToken,
      front,
      redis,
      gatewayToken,
      tokenKeys,
      neon,
      database,
      mailbox,
      stripe,
      edge,
      startEdge,
      functions,
      cron,
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

type Closing = (() => Promise<unknown>)[];

async function startRedis(token: string, closing: Closing): Promise<RedisGateway> {
  ensureRedis((line) => void process.stderr.write(`${line}\n`));
  const server = await startRedisServer();
  closing.push(() => server.stop());
  const gateway = await startRedisGateway({ redis: server, token });
  closing.push(() => gateway.close());
  return gateway;
}

async function startDatabase(token: string, closing: Closing): Promise<[PostgresServer, NeonGateway]> {
  const database = await startPostgres();
  closing.push(() => database.stop());
  await migrate(database.connectionString, path.join(root, "migrations"));
  const gateway = await startNeonGateway({ connectionString: database.connectionString, token });
  closing.push(() => gateway.close());
  return [database, gateway];
}

async function startMail(closing: Closing): Promise<MailServer> {
  const mailbox = await startMailbox();
  closing.push(() => mailbox.close());
  return mailbox;
}

async function startPayments(closing: Closing, webhookUrl: () => string): Promise<StripeDouble> {
  const stripe = await startStripe({ webhookUrl });
  closing.push(() => stripe.close());
  return stripe;
}

/** Like `Promise.all`, but rejects only when none is under way any more: so that what started can be ended. */
async function allStarted<Parts extends unknown[]>(
  ...starting: { [Part in keyof Parts]: Promise<Parts[Part]> }
): Promise<Parts> {
  await Promise.allSettled(starting);
  return await Promise.all(starting);
}

/** Both Workers, built now, or read from the folder that `FLASH_SALE_BUNDLES` names: tests build them once. */
async function bundles(patch: StackOptions["luaPatch"]): Promise<Record<WorkerRole, Bundle>> {
  const ready = process.env.FLASH_SALE_BUNDLES;
  const folder = ready ?? (await mkdtemp(path.join(tmpdir(), "flash-sale-build-")));
  const bundle = (role: WorkerRole) => {
    const its = path.join(folder, role);
    return ready === undefined ? buildWorker(role, its) : readBundle(its);
  };
  try {
    const [edge, functions] = await Promise.all([bundle("edge"), bundle("functions")]);
    for (const module of functions.modules)
      if (patch !== undefined && module.path.endsWith(".lua"))
        module.contents = patch(module.path, module.contents);
    return { edge, functions };
  } finally {
    if (ready === undefined) await rm(folder, { recursive: true, force: true });
  }
}

const secret = () => randomBytes(24).toString("base64url");
