/**
 * What the tests of the asynchronous write share: a real Redis and a real Postgres behind their gateways, the functions'
 * own code on top, and the books: everything both stores say of a sale, held against each other. Each file starts one
 * world; each test takes a sale of its own.
 */
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import { afterAll, afterEach, expect } from "vitest";
import { z } from "zod";
import { migrate } from "../../dev/postgres/migrate.ts";
import { startNeonGateway } from "../../dev/postgres/gateway.ts";
import { startPostgres } from "../../dev/postgres/server.ts";
import { startRedisGateway } from "../../dev/redis/gateway.ts";
import { startRedisServer } from "../../dev/redis/server.ts";
import { isRefusal } from "../../domain/refusal.ts";
import { saleSchema, type Sale, type SaleInput } from "../../domain/sale.ts";
import { mintShopper, tokenKeys, type PassClaims } from "../../domain/token.ts";
import { checkout } from "../../functions/checkout/checkout.ts";
import { connectPostgres } from "../../functions/postgres/client.ts";
import { tick } from "../../functions/queue/pulse.ts";
import { enterSale, joinQueue } from "../../functions/queue/queue.ts";
import { connectRedis } from "../../functions/redis/client.ts";
import { saleKeys } from "../../functions/redis/keys.ts";
import { recordJson, type Record } from "../../functions/reservation/record.ts";
import { reserve } from "../../functions/reservation/reservation.ts";
import { readLive } from "../../functions/sale/live.ts";
import { createSale } from "../../functions/sale/sale.ts";
import type { Services } from "../../functions/services.ts";

// These tests kill and count: they need a PostgreSQL of their own, whatever the machine offers.
delete process.env.DATABASE_URL;

/** Texts by which a fault finds the statement it is for. */
export const APPLY =
  "insert into stock_ledger (sale_id, entry, sku, from_account, to_account, units, moved_at)\\n  select";
export const CURSOR = "select last_entry from sync_cursor";
export const SET_ASIDE = "event_refused";
export const CREATE = "insert into sales (id, definition, draw_seed";

const keys = tokenKeys(`t:${"secret-".repeat(6)}`);
const token = "only-for-this-test";
const migrations = join(import.meta.dirname, "../../migrations");

export type World = Awaited<ReturnType<typeof startWorld>>;

/** A world for one test file, without faults at the start of each test, ended with the file. */
export async function useWorld() {
  const world = await startWorld();
  afterEach(() => {
    world.postgres.faults.clear();
    world.redis.faults.clear();
  });
  afterAll(() => world.stop());
  return { world, services: world.services() };
}

async function startWorld() {
  const [redisServer, database] = await Promise.all([startRedisServer(), startPostgres({ fsync: false })]);
  await migrate(database.connectionString, migrations);
  const redis = await startRedisGateway({ redis: redisServer, token });
  const postgres = await startNeonGateway({ connectionString: database.connectionString });
  const underWay: Promise<unknown>[] = [];
  const failures: unknown[] = [];

  /** Another isolate, as far as its clients go. */
  const services = (): Services => ({
    redis: connectRedis(redis.url, token),
    postgres: connectPostgres(postgres.connectionString, postgres.url),
    keys,
    identitySecret: "i".repeat(32),
    email: { send: () => Promise.reject(new Error("no e-mail in these tests")) },
    emailFrom: "shop@example.com",
    actor: "a test",
    emailLimits: { perMinute: 100_000, perDay: 1_000_000 },
    later: (work) => void underWay.push(work.catch((error: unknown) => failures.push(error))),
  });

  const world = {
    redis,
    database,
    postgres,
    services,
    /** Waits for what was left for after the answers. @returns the errors of what failed since the last time */
    async settle(): Promise<unknown[]> {
      while (underWay.length > 0) await Promise.all(underWay.splice(0));
      return failures.splice(0);
    },
    /** A query past the gateway, to see what is really there. */
    async behind(query: string, params: unknown[] = []): Promise<{ [column: string]: unknown }[]> {
      const client = new pg.Client({ connectionString: database.connectionString });
      await client.connect();
      try {
        return (await client.query<{ [column: string]: unknown }>(query, params)).rows;
      } finally {
        await client.end();
      }
    },
    async stop() {
      redis.faults.clear();
      postgres.faults.clear();
      await world.settle();
      await Promise.all([redis.close(), postgres.close()]);
      await Promise.all([redisServer.stop(), database.stop()]);
    },
  };
  return world;
}

/** A free sale that has been open for a while, with an id that nobody had before. */
export function newSale(changes: Partial<SaleInput> = {}): Sale {
  return saleSchema.parse({
    id: `sale-${crypto.randomUUID()}`,
    name: "A sale",
    currency: "EUR",
    opensAt: new Date(Date.now() - 3_600_000).toISOString(),
    closesAt: new Date(Date.now() + 3_600_000).toISOString(),
    items: [{ sku: "shoe", name: "Shoe", stock: 1000, price: 0, limit: 10 }],
    releaseSize: 10_000,
    releaseEverySeconds: 1,
    capacity: 100_000,
    ...changes,
  });
}

/** Creates a sale whose drains happen only when a test calls `drain`: the lease is taken, so `drainSoon` waits. */
export async function createUndrained(
  world: World,
  services: Services,
  changes?: Partial<SaleInput>,
): Promise<Sale> {
  const sale = newSale(changes);
  must(await createSale(services, sale));
  await world.redis.redis.command("SET", saleKeys(sale.id).drain, "1", "PX", 60_000);
  return sale;
}

/** Gives the lease back and waits for the drains that waited for it. */
export async function drainAgain(world: World, saleId: string): Promise<unknown[]> {
  await world.redis.redis.command("DEL", saleKeys(saleId).drain);
  return await world.settle();
}

/** Releases as if another tick had passed: no test waits for one. */
export async function tickNow(world: World, services: Services, saleId: string) {
  const { sale } = saleKeys(saleId);
  const { redis } = world.redis;
  const rules = await redis.command("HMGET", sale, "lastTick", "opensAtMs", "everyMs");
  const [last = 0, opensAtMs = 0, everyMs = 1] = (Array.isArray(rules) ? rules : []).map(Number);
  const due = Math.floor((Date.now() - opensAtMs) / everyMs) - 1;
  await redis.command("HSET", sale, "lastTick", Math.min(last - 1, due));
  return must(await tick(services, saleId));
}

/** So many new shoppers, from the line to a pass each. */
export async function admit(services: Services, saleId: string, count: number): Promise<PassClaims[]> {
  const times = <Result>(work: () => Promise<Result>) => Promise.all(Array.from({ length: count }, work));
  const tickets = await times(async () => {
    const { answer } = must(await joinQueue(services, saleId, { shopper: mintShopper() }));
    return must(await services.keys.verify("ticket", answer.ticket));
  });
  while (must(await tick(services, saleId)).waiting > 0) await sleep(50);
  return await Promise.all(
    tickets.map(async (ticket) => {
      const { answer } = must(await enterSale(services, ticket));
      return must(await services.keys.verify("pass", answer.pass));
    }),
  );
}

/** @returns the reservation's id */
export async function hold(
  services: Services,
  pass: PassClaims,
  quantity = 1,
  sku = "shoe",
): Promise<string> {
  const reservationId = crypto.randomUUID();
  must(await reserve(services, pass, { reservationId, lines: [{ sku, quantity }] }));
  return reservationId;
}

/** @returns the order's id */
export async function buy(services: Services, pass: PassClaims, quantity = 1, sku = "shoe"): Promise<string> {
  const id = await hold(services, pass, quantity, sku);
  must(await checkout(services, pass, id, "https://shop.example"));
  return id;
}

/** Moves the end of a hold into the past, as far as the scripts go: no test waits for it. */
export async function endHold(world: World, saleId: string, id: string): Promise<void> {
  await world.redis.redis.command("ZADD", saleKeys(saleId).holds, 1, id);
}

/** @throws Error for what is not there or was refused */
export function must<Outcome>(outcome: Outcome): Exclude<Outcome, { refused: string } | undefined> {
  if (outcome === undefined) throw new Error("nothing there");
  if (typeof outcome === "object" && outcome !== null && isRefusal(outcome))
    throw new Error(`refused: ${outcome.refused}`);
  return outcome as Exclude<Outcome, { refused: string } | undefined>;
}

export async function outboxLength(world: World, saleId: string): Promise<number> {
  return Number(await world.redis.redis.command("XLEN", saleKeys(saleId).outbox));
}

/** Puts an entry into the outbox by hand. @returns its id */
export async function addByHand(world: World, saleId: string, event: string): Promise<string> {
  return String(await world.redis.redis.command("XADD", saleKeys(saleId).outbox, "*", "event", event));
}

/** What Postgres has written down of a sale, in a form that can be compared. */
export async function stored(world: World, saleId: string) {
  const [reservations, orders, lines, ledger, items, cursor, discrepancies] = await Promise.all(
    [
      `select id, shopper, number::int, state, lines, total::int, round(extract(epoch from changed_at) * 1000)::float8 as "changedAtMs",
              round(extract(epoch from expires_at) * 1000)::float8 as "expiresAtMs"
         from reservations where sale_id = $1 order by id`,
      `select id, shopper, number::int, total::int from orders where sale_id = $1 order by id`,
      `select order_id as id, sku, quantity, price::int from order_lines where sale_id = $1 order by 1, 2`,
      `select sku, from_account || '>' || to_account as way, units::int from stock_ledger
        where sale_id = $1 order by sku, way, units`,
      `select sku, stock::int, held::int, confirmed::int from items where sale_id = $1 order by sku`,
      `select last_entry from sync_cursor where sale_id = $1`,
      `select evidence from discrepancies where sale_id = $1 and kind = 'event_refused' order by id`,
    ].map((query) => world.behind(query, [saleId])),
  );
  return { reservations, orders, lines, ledger, items, cursor, discrepancies };
}

/** What Redis knows of a sale's reservations, and so what Postgres has to have written down. */
async function expected(world: World, sale: Sale) {
  const reply = z
    .array(z.string())
    .parse(await world.redis.redis.command("HVALS", saleKeys(sale.id).reservations));
  const records = reply.map((text) => recordJson.parse(text)).sort((a, b) => (a.id < b.id ? -1 : 1));
  const confirmed = records.filter(({ state }) => state === "confirmed" || state === "refunded");
  const units = (sku: string, state: Record["state"]) =>
    records
      .filter((record) => record.state === state)
      .flatMap(({ lines }) => lines.filter((line) => line.sku === sku))
      .reduce((sum, { quantity }) => sum + quantity, 0);
  const ways = {
    held: ["available>held"],
    confirmed: ["available>held", "held>confirmed"],
    released: ["available>held", "held>available"],
    expired: ["available>held", "held>available"],
    refunded: ["available>held", "held>confirmed", "confirmed>available"],
  };
  const movements = records.flatMap(({ state, lines }) =>
    lines.flatMap(({ sku, quantity }) => ways[state].map((way) => ({ sku, way, units: quantity }))),
  );
  const supplied = sale.items.map(({ sku, stock }) => ({ sku, way: "supply>available", units: stock }));
  return {
    reservations: records.map(({ id, shopper, number, state, lines, total, changedAtMs }) => ({
      id,
      shopper,
      number,
      state,
      lines,
      total,
      changedAtMs,
    })),
    orders: confirmed.map(({ id, shopper, number, total }) => ({ id, shopper, number, total })),
    lines: confirmed.flatMap(({ id, lines }) =>
      lines.map(({ sku, quantity, price }) => ({ id, sku, quantity, price })),
    ),
    ledger: [...supplied, ...movements].sort(
      (a, b) => compare(a.sku, b.sku) || compare(a.way, b.way) || a.units - b.units,
    ),
    items: sale.items
      .map(({ sku, stock }) => ({
        sku,
        stock,
        held: units(sku, "held"),
        confirmed: units(sku, "confirmed"),
      }))
      .sort((a, b) => compare(a.sku, b.sku)),
  };
}

const compare = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);

/**
 * Every record, order, line, movement and counter is in Postgres exactly as Redis has it, once; and the operator's view
 * says the same.
 */
export async function expectSameBooks(
  world: World,
  services: Services,
  sale: Sale,
  { discrepancies = 0 } = {},
): Promise<void> {
  const books = await stored(world, sale.id);
  expect(books).toMatchObject(await expected(world, sale));
  expect(books.discrepancies).toHaveLength(discrepancies);
  const live = must(await readLive(services, sale.id));
  expect(live.outbox.entries).toBe(0);
  expect(live.stored).toMatchObject({
    orders: books.orders?.length,
    shoppers: new Set(books.orders?.map(({ shopper }) => shopper)).size,
    discrepancies,
    ledgerDifference: 0,
    items: live.items.map(({ sku, stock, slots, held, confirmed }) => ({
      sku,
      stock,
      slots,
      held,
      confirmed,
    })),
  });
}
