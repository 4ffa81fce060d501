/**
 * A real Redis behind the gateway for one test file, spoken to with the client the functions use. Tests in a file share it:
 * each takes a fresh sale, nothing is flushed, unless a test is about a Redis that lost everything.
 */
import { randomUUID } from "node:crypto";
import { afterAll, beforeAll } from "vitest";
import { startRedisGateway, type RedisGateway } from "../../dev/redis/gateway.ts";
import { startRedisServer, type RedisServer } from "../../dev/redis/server.ts";
import { saleSchema, type Sale, type SaleInput } from "../../domain/sale.ts";
import { tokenKeys } from "../../domain/token.ts";
import { connectRedis } from "../../functions/redis/client.ts";
import { createSale } from "../../functions/sale/sale.ts";
import type { Services } from "../../functions/services.ts";
import { postgresSaying } from "./postgres.ts";
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
    services = servicesOn(gateway.url);
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

function servicesOn(url: string): Services {
  return {
    redis: connectRedis(url, token),
    postgres: postgresSaying(),
    keys: tokenKeys(`test:${"k".repeat(32)}`),
    identitySecret: "i".repeat(32),
    email: { send: () => Promise.reject(new Error("no e-mail in these tests")) },
    emailFrom: "shop@example.com",
    actor: "a test",
    emailLimits: { perMinute: 100_000, perDay: 1_000_000 },
    later: (work) => void work.catch(() => undefined),
  };
}

function started<Part>(part: Part | undefined): Part {
  if (part === undefined) throw new Error("only inside a test");
  return part;
}
