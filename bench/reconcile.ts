/**
 * How long a reconciliation of many reservations takes, and how much memory: a dry run over real Redis, PostgreSQL and the
 * Stripe double, which run in another process, over a sale that is in order but for a few planted discrepancies. Memory is
 * the peak of the reconciling process, Node included. Run: `node bench/reconcile.ts [reservations] [of them paid]`.
 */
import { fork } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { join } from "node:path";
import Stripe from "stripe";
import { z } from "zod";
import { migrate } from "../dev/postgres/migrate.ts";
import { startNeonGateway } from "../dev/postgres/gateway.ts";
import { startPostgres } from "../dev/postgres/server.ts";
import { startRedisGateway } from "../dev/redis/gateway.ts";
import { startRedisServer } from "../dev/redis/server.ts";
import { startStripe } from "../dev/stripe/server.ts";
import { saleSchema } from "../domain/sale.ts";
import { mintShopper } from "../domain/token.ts";
import type { Record } from "../functions/reservation/record.ts";
import type { Services } from "../functions/services.ts";
import { readTextModules } from "./text-modules.ts";
import { benchServices } from "./services.ts";

const token = "bench";
const PRICE = 100;
const BATCH = 500;
const PLANTED = 5;

const SALE = "sale";

const storesSchema = z.object({
  redis: z.string(),
  neon: z.string(),
  connectionString: z.string(),
  stripe: z.object({ url: z.string(), port: z.number(), secretKey: z.string(), webhookSecret: z.string() }),
});
const stackSchema = storesSchema.extend({
  paid: z.array(z.object({ id: z.string(), intent: z.string() })),
});

/** The other processes' side: this file again, with `stores` as its argument. */
async function serveStores(sale: string, paid: number): Promise<void> {
  const [redisServer, database] = await Promise.all([startRedisServer(), startPostgres()]);
  await migrate(database.connectionString, join(import.meta.dirname, "../migrations"));
  const redis = await startRedisGateway({ redis: redisServer, token });
  const neon = await startNeonGateway({ connectionString: database.connectionString });
  const double = await startStripe({ now: () => Date.now() - 120_000 });
  const { url, port, secretKey, webhookSecret } = double;
  const client = new Stripe(secretKey, {
    host: "127.0.0.1",
    port,
    protocol: "http",
    httpClient: Stripe.createFetchHttpClient(),
    telemetry: false,
  });
  for (let i = 0; i < paid; i++) {
    const metadata = { sale, reservation: randomUUID() };
    const price_data = { currency: "eur", unit_amount: PRICE, product_data: { name: "Shoe" } };
    const session = await client.checkout.sessions.create({
      mode: "payment",
      payment_intent_data: { capture_method: "automatic", metadata },
      metadata,
      line_items: [{ quantity: 1, price_data }],
      success_url: "http://shop.test",
    });
    double.pay(session.id);
  }
  process.once("disconnect", () => {
    void Promise.all([redis.close(), neon.close(), double.close()])
      .then(() => Promise.all([redisServer.stop(), database.stop()]))
      .then(() => process.exit());
  });
  process.send?.({
    ...{ redis: redis.url, neon: neon.url, connectionString: neon.connectionString },
    stripe: { url, port, secretKey, webhookSecret },
    paid: double
      .state()
      .intents.map(({ id: intent, metadata }) => ({ id: metadata["reservation"] ?? "", intent })),
  });
}

async function measure(reservations: number, paid: number): Promise<void> {
  readTextModules();
  const { saleKeys } = await import("../functions/redis/keys.ts");
  const { createSale } = await import("../functions/sale/sale.ts");
  const { drain } = await import("../functions/sync/sync.ts");

  const saleId = SALE;
  const child = fork(import.meta.filename, ["stores", saleId, String(paid)]);
  const [message] = (await once(child, "message")) as [unknown];
  const stack = stackSchema.parse(message);
  const services = await servicesOf(stack);
  const now = Date.now();
  await createSale(
    services,
    saleSchema.parse({
      id: saleId,
      name: saleId,
      currency: "EUR",
      opensAt: new Date(now - 3_600_000).toISOString(),
      closesAt: new Date(now + 3_600_000).toISOString(),
      items: [{ sku: "shoe", name: "Shoe", stock: reservations, price: PRICE }],
    }),
  );
  const keys = saleKeys(saleId);
  for (let first = 0; first < reservations; first += BATCH) {
    const pipeline = services.redis.pipeline();
    for (let i = first; i < Math.min(reservations, first + BATCH); i++) {
      const record = recordOf(i, now, stack.paid[i]);
      pipeline.xadd(keys.outbox, "*", { event: JSON.stringify({ ...record, state: "held" }) });
      pipeline.xadd(keys.outbox, "*", { event: JSON.stringify(record) });
      pipeline.hset(keys.reservations, { [record.id]: JSON.stringify(record) });
    }
    await pipeline.exec();
  }
  await services.redis.hset(keys.stock, {
    ...{ "available:shoe": 0, "confirmed:shoe": reservations, available: 0, unsold: 0 },
  });
  await drain(services, saleId, { trim: true });
  await services.postgres(
    z.unknown(),
    `insert into payments (intent, sale_id, reservation_id, amount, currency, state, changed_at)
     select intent, $1, id, $3, 'EUR', 'captured', now() - interval '1 hour'
       from jsonb_to_recordset($2::jsonb) as paid (intent text, id uuid)`,
    [saleId, JSON.stringify(stack.paid), PRICE],
  );
  // Orders that Redis lost.
  for (const { id } of stack.paid.slice(0, PLANTED)) await services.redis.hdel(keys.reservations, id);

  const stores = storesSchema.parse(stack);
  const judging = fork(import.meta.filename, ["reconcile", JSON.stringify(stores)], {
    // A Worker has 128 MB in all.
    execArgv: ["--max-old-space-size=100"],
  });
  await once(judging, "exit");
  console.log(`of ${reservations} reservations, ${paid} of them paid`);
  const exited = once(child, "exit");
  child.disconnect();
  await exited;
}

async function servicesOf(stack: z.output<typeof storesSchema>): Promise<Services> {
  const { connectPostgres } = await import("../functions/postgres/client.ts");
  const { connectRedis } = await import("../functions/redis/client.ts");
  const { connectStripe } = await import("../functions/checkout/stripe.ts");
  return benchServices({
    redis: connectRedis(stack.redis, token),
    postgres: connectPostgres(stack.connectionString, stack.neon),
    payments: connectStripe(stack.stripe.secretKey, stack.stripe.webhookSecret, stack.stripe.url),
  });
}

/** The run itself, in a process that has done nothing else. */
async function reconcileOnly(stack: z.output<typeof storesSchema>): Promise<void> {
  readTextModules();
  const services = await servicesOf(stack);
  const { reconcile } = await import("../functions/reconciliation/reconcile.ts");
  const runId = randomUUID();
  const began = performance.now();
  let calls = 0;
  let peak = process.memoryUsage().rss;
  const watch = setInterval(() => (peak = Math.max(peak, process.memoryUsage().rss)), 20);
  for (let state = "running"; state !== "done";) {
    calls++;
    const run = await reconcile(services, SALE, runId, false);
    if ("refused" in run) throw new Error(run.refused);
    ({ state } = run);
    if (state !== "done") continue;
    const kinds = [...new Set(run.discrepancies.map(({ kind }) => kind))];
    console.log(`${run.discrepancies.length} found: ${kinds.join(", ")}`, run.lookedAt);
  }
  clearInterval(watch);
  const seconds = (performance.now() - began) / 1000;
  console.log(`${seconds.toFixed(1)} s in ${calls} calls, peak ${Math.round(peak / 1_000_000)} MB`);
}

/** An order that is paid for at the double, or one that was for free. */
function recordOf(i: number, nowMs: number, paid: { id: string; intent: string } | undefined): Record {
  const price = paid === undefined ? 0 : PRICE;
  return {
    id: paid?.id ?? randomUUID(),
    shopper: mintShopper(),
    number: i + 1,
    state: "confirmed",
    lines: [{ sku: "shoe", quantity: 1, price }],
    total: price,
    currency: "EUR",
    heldAtMs: nowMs,
    expiresAtMs: nowMs + 600_000,
    changedAtMs: nowMs + 1_000,
    confirmedAtMs: nowMs + 1_000,
    ...(paid === undefined ? {} : { intent: paid.intent }),
  };
}

if (process.argv[2] === "reconcile")
  await reconcileOnly(storesSchema.parse(JSON.parse(process.argv[3] ?? "")));
else if (process.argv[2] === "stores") await serveStores(process.argv[3] ?? "", Number(process.argv[4]));
else await measure(Number(process.argv[2] ?? 100_000), Number(process.argv[3] ?? 5_000));
