/**
 * A real Redis behind the gateway for one test file, spoken to with the client the functions use. Tests in a file share it:
 * each takes a fresh sale, nothing is flushed, unless a test is about a Redis that lost everything.
 */
import { randomUUID } from "node:crypto";
import { afterAll, beforeAll } from "vitest";
import { z } from "zod";
import { startRedisGateway, type RedisGateway } from "../../dev/redis/gateway.ts";
import { startRedisServer, type RedisServer } from "../../dev/redis/server.ts";
import { saleSchema, type Sale, type SaleInput } from "../../domain/sale.ts";
import { tokenKeys } from "../../domain/token.ts";
import { connectRedis } from "../../functions/redis/client.ts";
import createSql from "../../functions/sale/create.sql";
import { createSale } from "../../functions/sale/sale.ts";
import type { Services } from "../../functions/services.ts";
import { TestSale } from "./sale.ts";

/** What a test says of its sale; the rest has defaults. Items cost nothing unless they say so. */
export interface Rules extends Partial<Omit<SaleInput, "items" | "opensAt" | "closesAt">> {
  /** sku → stock, or its item. Default: 10 of "shoe". */
  items?: Record<string, number | { stock: number; limit?: number; price?: number }>;
  /** Default: a time far from now, so that a script that reads the clock itself is found out. */
  opensAtMs?: number;
  /** Default: an hour. */
  openSeconds?: number;
}

export interface TestRedis {
  readonly gateway: RedisGateway;
  readonly services: Services;
  /** A sale of its own, published as the functions publish it. */
  sale: (rules?: Rules) => Promise<TestSale>;
}

const token = "test";
const defaultOpensAtMs = Date.parse("2030-06-01T12:00:00Z");

/** Call it at the top of a test file: it starts before the file's tests and stops after them. */
export function withRedis(): TestRedis {
  let server: RedisServer | undefined;
  let gateway: RedisGateway | undefined;
  let services: Services | undefined;
  beforeAll(async () => {
    server = await startRedisServer();
    gateway = await startRedisGateway({ redis: server, token });
    services = servicesOn(gateway.url, 1);
  });
  afterAll(async () => {
    await gateway?.close();
    await server?.stop();
  });
  const world: TestRedis = {
    get gateway() {
      return started(gateway);
    },
    get services() {
      return started(services);
    },
    async sale(rules = {}) {
      const sale = definition(rules);
      await createSale(world.services, sale);
      return new TestSale(world, sale);
    },
  };
  return world;
}

/** Publishes a sale under an epoch, through the function that does it in production. */
export async function publishAs(world: TestRedis, sale: Sale, epoch: number): Promise<void> {
  await createSale({ ...world.services, postgres: postgresSaying(epoch) }, sale);
}

export function definition(rules: Rules): Sale {
  const { items = { shoe: 10 }, opensAtMs = defaultOpensAtMs, openSeconds = 3600, ...rest } = rules;
  return saleSchema.parse({
    id: randomUUID(),
    name: "Test",
    currency: "EUR",
    opensAt: new Date(opensAtMs).toISOString(),
    closesAt: new Date(opensAtMs + openSeconds * 1000).toISOString(),
    items: Object.entries(items).map(([sku, item]) => ({
      sku,
      name: sku,
      price: 0,
      ...(typeof item === "number" ? { stock: item } : item),
    })),
    ...rest,
  });
}

function servicesOn(url: string, epoch: number): Services {
  return {
    redis: connectRedis(url, token),
    postgres: postgresSaying(epoch),
    keys: tokenKeys(`test:${"k".repeat(32)}`),
    later: (work) => void work.catch(() => undefined),
  };
}

/** Postgres has no part in these tests but to say, of any sale, that it is new and which epoch it has. */
function postgresSaying(epoch: number): Services["postgres"] {
  const created = { created: true, same: true, published: false, epoch };
  return (row, statement) => Promise.resolve(z.array(row).parse(statement === createSql ? [created] : []));
}

function started<Part>(part: Part | undefined): Part {
  if (part === undefined) throw new Error("only inside a test");
  return part;
}
