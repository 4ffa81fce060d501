/**
 * How many orders a second the outbox brings to Postgres, against bare `unnest` inserts in batches of the same size
 * through the same gateway: of the order rows alone, and of all the rows a drain writes for an order (reservation, order, line, two
 * movements). The bare tables have the same keys and checks, but no counters and no judgement of what may follow what.
 */
import { z } from "zod";
import { saleSchema } from "../../domain/sale.ts";
import { mintShopper } from "../../domain/token.ts";
import { saleKeys } from "../../functions/redis/keys.ts";
import type { Record } from "../../functions/reservation/record.ts";
import { createSale } from "../../functions/sale/sale.ts";
import type { Services } from "../../functions/services.ts";
import { drain } from "../../functions/sync/sync.ts";
import { Incorrect, type Opened, type Row, type Settings } from "../measure.ts";
import { benchServices, connectStores } from "../services.ts";
import { startStores } from "../stores.ts";

/** As in functions/sync/sync.ts, two entries an order. */
const BATCH_ORDERS = 1000;
const HOUR_MS = 3_600_000;

async function open({ quick }: Settings): Promise<Opened> {
  const stores = await startStores("redis", "postgres");
  const services = benchServices(connectStores(stores));
  const { postgres } = services;
  for (const table of ["reservations", "orders", "order_lines", "stock_ledger"])
    await postgres(z.unknown(), `create table bare_${table} (like ${table} including all)`, []);
  const orders = quick ? 5_000 : 20_000;
  let sales = 0;

  const bare = (statement: string, columns: number) => async () => {
    const saleId = `bare-${++sales}`;
    const all = batches(recordsOf(orders), BATCH_ORDERS).map((batch) => columnsOf(batch).slice(0, columns));
    return await perSecond(orders, async () => {
      for (const given of all) await postgres(z.unknown(), statement, [saleId, ...given]);
    });
  };

  return {
    variants: {
      drained: {
        async measure() {
          const saleId = `sale-${++sales}`;
          await fillOutbox(services, saleId, recordsOf(orders));
          const sample = await perSecond(orders, async () => {
            const entries = await drain(services, saleId);
            if (entries !== 2 * orders) throw new Incorrect(`${entries} of ${2 * orders} entries drained`);
          });
          const count = "select count(*)::int as n from orders where sale_id = $1";
          const [stored] = await postgres(z.object({ n: z.number() }), count, [saleId]);
          if (stored?.n !== orders) throw new Incorrect(`Postgres has ${stored?.n ?? 0} of ${orders} orders`);
          return sample;
        },
      },
      "bare, the same rows": { measure: bare(bareRowsSql, 7) },
      "bare, order rows only": { measure: bare(bareOrdersSql, 5) },
    },
    close: stores.close,
  };
}

/** A sale whose orders are all in the outbox, and none in Postgres. */
async function fillOutbox(services: Services, saleId: string, records: Record[]): Promise<void> {
  const nowMs = Date.now();
  const sale = saleSchema.parse({
    id: saleId,
    name: saleId,
    currency: "EUR",
    opensAt: new Date(nowMs).toISOString(),
    closesAt: new Date(nowMs + HOUR_MS).toISOString(),
    items: [{ sku: "shoe", name: "Shoe", stock: records.length, price: 0 }],
  });
  await createSale(services, sale);
  const { outbox } = saleKeys(saleId);
  for (const batch of batches(records, BATCH_ORDERS)) {
    const pipeline = services.redis.pipeline();
    for (const state of ["held", "confirmed"])
      for (const record of batch) pipeline.xadd(outbox, "*", { event: JSON.stringify({ ...record, state }) });
    await pipeline.exec();
  }
}

function recordsOf(orders: number): Record[] {
  const nowMs = Date.now();
  return Array.from({ length: orders }, (_, i) => ({
    id: crypto.randomUUID(),
    shopper: mintShopper(),
    number: i + 1,
    state: "held",
    lines: [{ sku: "shoe", quantity: 1, price: 0 }],
    total: 0,
    currency: "EUR",
    heldAtMs: nowMs,
    expiresAtMs: nowMs + 600_000,
    changedAtMs: nowMs + 1_000,
  }));
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

async function perSecond(orders: number, work: () => Promise<void>): Promise<{ perSecond: number }> {
  const began = performance.now();
  await work();
  return { perSecond: (orders * 1000) / (performance.now() - began) };
}

function batches<Item>(items: Item[], size: number): Item[][] {
  const all: Item[][] = [];
  for (let first = 0; first < items.length; first += size) all.push(items.slice(first, first + size));
  return all;
}

export const sync: Row = {
  name: "sync",
  about: "orders from the outbox to Postgres, against bare inserts",
  figures: [
    { what: "orders drained", ours: "drained", budget: { of: "value", atLeast: 15_000 } },
    {
      what: "orders drained",
      ours: "drained",
      against: "bare, the same rows",
      budget: { of: "ratio", atLeast: 0.7 },
    },
    { what: "orders drained", ours: "drained", against: "bare, order rows only" },
  ],
  rounds: { full: 7, quick: 2 },
  warm: true,
  open,
};
