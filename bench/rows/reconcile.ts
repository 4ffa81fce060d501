/**
 * How long a reconciliation of many reservations takes, and how much memory: a dry run over real Redis, PostgreSQL and the
 * Stripe double, over a sale that is in order but for a few planted discrepancies, which it must find.
 */
import { fork } from "node:child_process";
import { once } from "node:events";
import path from "node:path";
import { isDeepStrictEqual } from "node:util";
import Stripe from "stripe";
import { z } from "zod";
import { startStripe, type StripeDouble } from "../../dev/stripe/server.ts";
import { saleSchema } from "../../domain/sale.ts";
import { mintShopper } from "../../domain/token.ts";
import { saleKeys } from "../../functions/redis/keys.ts";
import type { Record } from "../../functions/reservation/record.ts";
import { createSale } from "../../functions/sale/sale.ts";
import type { Services } from "../../functions/services.ts";
import { drain } from "../../functions/sync/sync.ts";
import { Incorrect, type Opened, type Row, type Settings } from "../measure.ts";
import type { JudgeInput, JudgeOutput } from "../reconcile/judge.ts";
import { benchServices, connectStores } from "../services.ts";
import { GATEWAY_TOKEN, startStores } from "../stores.ts";

const SALE = "sale";
const PRICE = 100;
const BATCH = 500;
/** Orders that Redis lost, and its counter of them, which still says what it did. */
const PLANTED = { order_not_in_redis: 5, counters_differ: 1 };
const HOUR_MS = 3_600_000;
/** A Worker has 128 MB in all. */
const HEAP = "--max-old-space-size=100";

async function open({ quick, say }: Settings): Promise<Opened> {
  const stores = await startStores("redis", "postgres");
  const stripe = await startStripe({ now: () => Date.now() - 120_000 });
  const { neonConnectionString, neonUrl } = stores.postgres;
  const services = benchServices(connectStores(stores));
  const [reservations, paid] = quick ? [2_000, 100] : [100_000, 5_000];
  say(`reconcile: making ${reservations} reservations, ${paid} of them paid`);
  await fill(services, reservations, await pay(stripe, paid));

  const input: JudgeInput = {
    saleId: SALE,
    redis: [stores.redis.url, GATEWAY_TOKEN],
    postgres: [neonConnectionString, neonUrl],
    stripe: [stripe.secretKey, stripe.webhookSecret, stripe.url],
  };
  const judge = path.join(import.meta.dirname, "../reconcile/judge.ts");
  return {
    variants: {
      "dry run": {
        async measure() {
          const child = fork(judge, [JSON.stringify(input)], { execArgv: [HEAP] });
          const ended = once(child, "exit").then(() => [undefined]);
          const [said] = (await Promise.race([once(child, "message"), ended])) as [JudgeOutput | undefined];
          child.disconnect();
          await ended;
          if (said === undefined) throw new Incorrect("it did not come to its end");
          if (!isDeepStrictEqual(said.found, PLANTED))
            throw new Incorrect(
              `found ${JSON.stringify(said.found)} where there is ${JSON.stringify(PLANTED)}`,
            );
          const { seconds, peakMegabytes } = said;
          return { seconds, peakMegabytes, perSecond: reservations / seconds };
        },
      },
    },
    close: async () => {
      await stripe.close();
      await stores.close();
    },
  };
}

/** Sessions at Stripe that are paid. */
async function pay(double: StripeDouble, count: number): Promise<{ id: string; intent: string }[]> {
  const client = new Stripe(double.secretKey, {
    host: "127.0.0.1",
    port: double.port,
    protocol: "http",
    httpClient: Stripe.createFetchHttpClient(),
    telemetry: false,
  });
  for (let i = 0; i < count; i++) {
    const metadata = { sale: SALE, reservation: crypto.randomUUID() };
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
  const { intents } = double.state();
  return intents.map(({ id: intent, metadata }) => ({ id: metadata["reservation"] ?? "", intent }));
}

async function fill(
  services: Services,
  reservations: number,
  paid: { id: string; intent: string }[],
): Promise<void> {
  const now = Date.now();
  await createSale(
    services,
    saleSchema.parse({
      id: SALE,
      name: SALE,
      currency: "EUR",
      opensAt: new Date(now - HOUR_MS).toISOString(),
      closesAt: new Date(now + HOUR_MS).toISOString(),
      items: [{ sku: "shoe", name: "Shoe", stock: reservations, price: PRICE }],
    }),
  );
  const keys = saleKeys(SALE);
  for (let first = 0; first < reservations; first += BATCH) {
    const pipeline = services.redis.pipeline();
    for (let i = first; i < Math.min(reservations, first + BATCH); i++) {
      const record = recordOf(i, now, paid[i]);
      pipeline.xadd(keys.outbox, "*", { event: JSON.stringify({ ...record, state: "held" }) });
      pipeline.xadd(keys.outbox, "*", { event: JSON.stringify(record) });
      pipeline.hset(keys.reservations, { [record.id]: JSON.stringify(record) });
    }
    await pipeline.exec();
  }
  await services.redis.hset(keys.stock, {
    ...{ "available:shoe": 0, "confirmed:shoe": reservations, available: 0, unsold: 0 },
  });
  await drain(services, SALE, { trim: true });
  await services.postgres(
    z.unknown(),
    `insert into payments (intent, sale_id, reservation_id, amount, currency, state, changed_at)
     select intent, $1, id, $3, 'EUR', 'captured', now() - interval '1 hour'
       from jsonb_to_recordset($2::jsonb) as paid (intent text, id uuid)`,
    [SALE, JSON.stringify(paid), PRICE],
  );
  for (const { id } of paid.slice(0, PLANTED.order_not_in_redis))
    await services.redis.hdel(keys.reservations, id);
}

/** An order that is paid for at the double, or one that was for free. */
function recordOf(i: number, nowMs: number, paid: { id: string; intent: string } | undefined): Record {
  const price = paid === undefined ? 0 : PRICE;
  return {
    id: paid?.id ?? crypto.randomUUID(),
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

export const reconciliation: Row = {
  name: "reconcile",
  about: "a reconciliation of 100,000 reservations, 5,000 of them paid (quick: a fiftieth)",
  figures: [
    { what: "dry run", ours: "dry run", metric: "seconds" },
    { what: "reservations looked at", ours: "dry run" },
    {
      what: "memory at its peak",
      ours: "dry run",
      metric: "peakMegabytes",
      note: "with a heap of 100 MB, Node included",
    },
  ],
  rounds: { full: 1, quick: 1 },
  open,
};
