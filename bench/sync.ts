/**
 * How many orders a second the outbox brings to Postgres, against bare `unnest` inserts in batches of the same size
 * through the same gateway in the same run: of the order rows alone, and of all the rows a drain writes for an order
 * (reservation, order, line, two movements). Redis, Postgres and the gateways run in other processes; the three variants
 * take turns, and medians are compared. Run: `node bench/sync.ts [orders] [rounds]`.
 *
 * Trade-off: the bare tables have the same keys and checks, but no counters and no judgement of what may follow what.
 */
import { fork } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { join } from "node:path";
import { z } from "zod";
import { migrate } from "../dev/postgres/migrate.ts";
import { startNeonGateway } from "../dev/postgres/gateway.ts";
import { startPostgres } from "../dev/postgres/server.ts";
import { startRedisGateway } from "../dev/redis/gateway.ts";
import { startRedisServer } from "../dev/redis/server.ts";
import { saleSchema } from "../domain/sale.ts";
import { mintShopper } from "../domain/token.ts";
import type { Record } from "../functions/reservation/record.ts";
import { readTextModules } from "./text-modules.ts";
import { benchServices } from "./services.ts";

/** As in functions/sync/sync.ts, two entries an order. */
const BATCH_ORDERS = 1000;
const token = "bench";

const stackSchema = z.object({ redis: z.string(), neon: z.string(), connectionString: z.string() });

/** The other processes: this file again, with `gateways` as its argument. */
async function serveGateways(): Promise<void> {
  const [redisServer, database] = await Promise.all([startRedisServer(), startPostgres()]);
  await migrate(database.connectionString, join(import.meta.dirname, "../migrations"));
  const redis = await startRedisGateway({ redis: redisServer, token });
  const neon = await startNeonGateway({ connectionString: database.connectionString });
  process.once("disconnect", () => {
    void Promise.all([redis.close(), neon.close()])
      .then(() => Promise.all([redisServer.stop(), database.stop()]))
      .then(() => process.exit());
  });
  process.send?.({ redis: redis.url, neon: neon.url, connectionString: neon.connectionString });
}

async function measure(orders: number, rounds: number): Promise<void> {
  readTextModules();
  const { connectPostgres } = await import("../functions/postgres/client.ts");
  const { connectRedis } = await import("../functions/redis/client.ts");
  const { saleKeys } = await import("../functions/redis/keys.ts");
  const { createSale } = await import("../functions/sale/sale.ts");
  const { drain } = await import("../functions/sync/sync.ts");

  const child = fork(import.meta.filename, ["gateways"]);
  const [message] = (await once(child, "message")) as [unknown];
  const stack = stackSchema.parse(message);
  const services = benchServices({
    redis: connectRedis(stack.redis, token),
    postgres: connectPostgres(stack.connectionString, stack.neon),
  });
  for (const table of ["reservations", "orders", "order_lines", "stock_ledger"])
    await services.postgres(z.unknown(), `create table bare_${table} (like ${table} including all)`, []);

  const figures = { drained: [] as number[], bareOrders: [] as number[], bareRows: [] as number[] };
  // The first round warms up and does not count.
  for (let round = 0; round <= rounds; round++) {
    const saleId = `sale-${round}`;
    const now = Date.now();
    const sale = saleSchema.parse({
      id: saleId,
      name: saleId,
      currency: "EUR",
      opensAt: new Date(now).toISOString(),
      closesAt: new Date(now + 3_600_000).toISOString(),
      items: [{ sku: "shoe", name: "Shoe", stock: orders, price: 0 }],
    });
    await createSale(services, sale);
    const records = Array.from({ length: orders }, (_, i) => recordOf(i, now));
    const { outbox } = saleKeys(saleId);
    for (const batch of batches(records, BATCH_ORDERS)) {
      const pipeline = services.redis.pipeline();
      for (const state of ["held", "confirmed"])
        for (const record of batch)
          pipeline.xadd(outbox, "*", { event: JSON.stringify({ ...record, state }) });
      await pipeline.exec();
    }

    const drained = await perSecond(orders, async () => {
      const entries = await drain(services, saleId);
      if (entries !== 2 * orders) throw new Error(`${entries} entries drained instead of ${2 * orders}`);
    });
    const bareOrders = await perSecond(orders, async () => {
      for (const batch of batches(records, BATCH_ORDERS))
        await services.postgres(z.unknown(), bareOrdersSql, [saleId, ...columnsOf(batch).slice(0, 5)]);
    });
    await services.postgres(z.unknown(), "truncate bare_orders", []);
    const bareRows = await perSecond(orders, async () => {
      for (const batch of batches(records, BATCH_ORDERS))
        await services.postgres(z.unknown(), bareRowsSql, [saleId, ...columnsOf(batch)]);
    });
    if (round === 0) continue;
    figures.drained.push(drained);
    figures.bareOrders.push(bareOrders);
    figures.bareRows.push(bareRows);
  }
  const exited = once(child, "exit");
  child.disconnect();
  await exited;

  const [drained, bareOrders, bareRows] = [
    median(figures.drained),
    median(figures.bareOrders),
    median(figures.bareRows),
  ];
  const line = (name: string, value: number, all: number[]) =>
    console.log(`${name.padEnd(32)} ${format(value).padStart(8)} orders/s  (${all.map(format).join(", ")})`);
  line("drained from the outbox", drained, figures.drained);
  line("bare unnest, order rows only", bareOrders, figures.bareOrders);
  line("bare unnest, the same rows", bareRows, figures.bareRows);
  console.log(`drained / order rows only        ${(drained / bareOrders).toFixed(2)}`);
  console.log(`drained / the same rows          ${(drained / bareRows).toFixed(2)}`);
}

function recordOf(i: number, nowMs: number): Record {
  return {
    id: randomUUID(),
    shopper: mintShopper(),
    number: i + 1,
    state: "held",
    lines: [{ sku: "shoe", quantity: 1, price: 0 }],
    total: 0,
    currency: "EUR",
    heldAtMs: nowMs,
    expiresAtMs: nowMs + 600_000,
    changedAtMs: nowMs + 1_000,
  };
}

/** Ids, shoppers, numbers, totals, times, lines, entries. */
const columnsOf = (records: Record[]): unknown[] => [
  records.map(({ id }) => id),
  records.map(({ shopper }) => shopper),
  records.map(({ number }) => number),
  records.map(({ total }) => total),
  records.map(({ changedAtMs }) => new Date(changedAtMs).toISOString()),
  records.map(({ lines }) => JSON.stringify(lines)),
  records.map(({ number, heldAtMs }) => `${heldAtMs}-${number}`),
];

const bareOrdersSql = `
insert into bare_orders (sale_id, id, shopper, number, total, confirmed_at)
select $1, * from unnest($2::uuid[], $3::text[], $4::bigint[], $5::bigint[], $6::timestamptz[])`;

const bareRowsSql = `
with given as (
  select * from unnest($2::uuid[], $3::text[], $4::bigint[], $5::bigint[], $6::timestamptz[], $7::jsonb[], $8::text[])
    as given (id, shopper, number, total, at, lines, entry)
),
reserved as (
  insert into bare_reservations (sale_id, id, shopper, number, state, lines, total, held_at, expires_at, changed_at)
  select $1, id, shopper, number, 'confirmed', lines, total, at, at, at from given
),
ordered as (
  insert into bare_orders (sale_id, id, shopper, number, total, confirmed_at)
  select $1, id, shopper, number, total, at from given
),
lined as (
  insert into bare_order_lines (sale_id, order_id, sku, quantity, price) select $1, id, 'shoe', 1, 0 from given
)
insert into bare_stock_ledger (sale_id, entry, sku, from_account, to_account, units, moved_at)
select $1, entry || suffix, 'shoe', taken, given_to, 1, at
  from given, (values ('a', 'available', 'held'), ('b', 'held', 'confirmed')) as ways (suffix, taken, given_to)`;

async function perSecond(orders: number, work: () => Promise<void>): Promise<number> {
  const began = performance.now();
  await work();
  return (orders * 1000) / (performance.now() - began);
}

function* batches<Item>(items: Item[], size: number): Generator<Item[]> {
  for (let i = 0; i < items.length; i += size) yield items.slice(i, i + size);
}

const median = (values: number[]) => [...values].sort((a, b) => a - b)[values.length >> 1] ?? 0;
const format = (value: number) => Math.round(value).toLocaleString("en");

if (process.argv[2] === "gateways") await serveGateways();
else await measure(Number(process.argv[2] ?? 10_000), Number(process.argv[3] ?? 5));
