/** The checklist: each thing that is not as it must be says so, and what to do; the rest goes on being looked at. */
import { readdirSync } from "node:fs";
import path from "node:path";
import pg from "pg";
import { afterEach, describe, expect, test } from "vitest";
import { z } from "zod";
import { LAST_MIGRATION } from "../../functions/checklist/last-migration.ts";
import { paceSensible, timesSensible } from "../../functions/checklist/rules.ts";
import { saleSchema } from "../../domain/sale.ts";
import { run } from "../cli/world.ts";
import { at, createSale, operator, saleInput, shoe, withStack } from "../http/harness.ts";
import { signedIn } from "./client.ts";

const stack = withStack();
const HOUR = 3_600_000;
const later = { opensAt: at(HOUR), closesAt: at(3 * HOUR) };
afterEach(() => {
  stack.get().redis.faults.clear();
  stack.get().neon.faults.clear();
});

const list = z.object({
  light: z.string(),
  items: z.array(z.object({ id: z.string(), light: z.string(), found: z.string(), todo: z.string() })),
});

async function checklist(sale: string, query = "") {
  const { status, json } = await operator(stack.get(), `/sales/${sale}/checklist${query}`);
  expect(status).toBe(200);
  const { items, light } = list.parse(json);
  return { light, items, of: (id: string) => items.find((item) => item.id === id) };
}

async function postgres(statement: string, params: unknown[] = []): Promise<void> {
  const client = new pg.Client({ connectionString: stack.get().database.connectionString });
  await client.connect();
  await client.query(statement, params).finally(() => client.end());
}

const redis = (...command: string[]) =>
  fetch(stack.get().redis.url, {
    method: "POST",
    headers: { authorization: `Bearer ${stack.get().gatewayToken}` },
    body: JSON.stringify(command),
  });

/** The functions with other variables, for as long as `work` takes. */
async function withVariables(
  changed: Record<string, string | undefined>,
  back: Record<string, string | undefined>,
  work: () => Promise<void>,
): Promise<void> {
  const { functions } = stack.get();
  await functions.kill();
  await functions.restart(changed);
  try {
    await work();
  } finally {
    await functions.kill();
    await functions.restart(back);
  }
}

test("the number of the last migration is the last migration's", () => {
  const files = readdirSync(path.resolve(import.meta.dirname, "../../migrations"));
  expect(LAST_MIGRATION).toBe(Math.max(...files.map((file) => Number(file.slice(0, 4)))));
});

test("a sound sale on this machine is green, but for what only a deployed shop has; terminal and page say the same", async () => {
  const sale = await createSale(stack.get(), { ...later, items: [shoe({ stock: 100 })] });
  const { light, items } = await checklist(sale);
  expect(items.filter((item) => item.light === "red")).toEqual([]);
  expect(light).toBe("amber");
  const amber = items.filter((item) => item.light === "amber").map(({ id }) => id);
  // How far away the stores are is measured: on a busy machine it may be more than it should.
  expect(amber.filter((id) => id !== "redis" && id !== "postgres").sort()).toEqual([
    "bot-check",
    "keys",
    "mail-sender",
    "redis-memory",
  ]);
  for (const item of items) expect([item.id, item.todo !== ""]).toEqual([item.id, item.light !== "green"]);
  expect(JSON.stringify(items)).not.toContain(stack.get().adminToken);
  expect(JSON.stringify(items)).not.toContain(stack.get().gatewayToken);

  const ran = await run(stack.get(), ["checklist", sale, "--people", "1000000"]);
  expect(ran).toMatchObject({ code: 0, err: "" });
  expect(ran.out).toMatch(
    /! Room in Redis: 1,000,000 people in line need 126 MB[^]*✓ Stock: .* 100 units of 1 items/,
  );
  const browser = await signedIn(stack.get());
  const page = await browser.get(`/admin/sales/${sale}/checklist`);
  expect(page.status).toBe(200);
  expect(page.html.match(/<li class="check /g)).toHaveLength(items.length);
  expect(page.html).toContain(`npm run sale -- checklist ${sale}`);
});

test("stock that differs is red, and the command's exit code says so", async () => {
  const sale = await createSale(stack.get(), later);
  await redis("HINCRBY", `{${sale}}:stock`, "stock:shoe", "1");
  const { light, of } = await checklist(sale);
  expect(light).toBe("red");
  expect(of("stock")).toMatchObject({
    light: "red",
    found: expect.stringContaining("count shoe otherwise") as string,
  });
  expect(of("stock")?.todo).toContain(`npm run sale -- reconcile ${sale}`);
  const ran = await run(stack.get(), ["checklist", sale, "--json"]);
  expect([ran.code, ran.err]).toEqual([1, expect.stringMatching(/^1 of \d+ are not ready\.\n$/)]);
  expect(list.parse(JSON.parse(ran.out)).light).toBe("red");
  const none = await createSale(stack.get(), { ...later, items: [shoe({ stock: 0 })] });
  expect((await checklist(none)).of("stock")?.found).toContain("nothing to sell");
});

test("while Redis is away, what depends on it is red and the rest is looked at", async () => {
  const sale = await createSale(stack.get(), later);
  stack.get().redis.faults.add({ kind: "cut" });
  const { of } = await checklist(sale);
  for (const id of ["redis", "redis-memory", "redis-scripts", "clocks", "published", "stock"])
    expect([id, of(id)?.light]).toEqual([id, "red"]);
  expect(of("redis")?.found).toBe("Redis does not answer, or refuses what it is asked.");
  expect(of("redis")?.todo).toContain("UPSTASH_REDIS_REST_URL");
  for (const id of ["secrets", "migrations", "times", "pace"])
    expect([id, of(id)?.light]).toEqual([id, "green"]);
});

test("while Postgres is away, the sale is looked at as Redis has it", async () => {
  const sale = await createSale(stack.get(), later);
  stack.get().neon.faults.add({ kind: "cut" });
  const { of } = await checklist(sale);
  expect(of("postgres")).toMatchObject({
    light: "red",
    todo: expect.stringContaining("DATABASE_URL") as string,
  });
  expect(of("migrations")?.light).toBe("red");
  expect(of("redis-scripts")?.light).toBe("green");
});

test("a sale that Redis has lost is to be rebuilt", async () => {
  const sale = await createSale(stack.get(), { ...later, id: `rehearsal-${Date.now().toString(36)}` });
  await operator(stack.get(), `/sales/${sale}/drill`, { method: "POST" });
  const { of } = await checklist(sale);
  expect(of("published")).toMatchObject({ light: "red", todo: `npm run sale -- rebuild ${sale}` });
  expect(of("stock")?.light).toBe("red");
});

test("a database without the last migration is red", async () => {
  const sale = await createSale(stack.get(), later);
  const row = "update schema_migrations set version = $2 where version = $1";
  await postgres(row, [LAST_MIGRATION, -1]);
  try {
    expect((await checklist(sale)).of("migrations")).toMatchObject({
      light: "red",
      found: `The database is at ${LAST_MIGRATION - 1} of ${LAST_MIGRATION}.`,
      todo: expect.stringContaining("npm run deploy") as string,
    });
    await postgres("alter table schema_migrations rename to put_away");
    expect((await checklist(sale)).of("migrations")).toMatchObject({
      light: "red",
      found: "This database was never migrated.",
    });
    await postgres("alter table put_away rename to schema_migrations");
  } finally {
    await postgres(row, [-1, LAST_MIGRATION]);
  }
});

test("what costs money needs Stripe's secrets and its webhooks", async () => {
  const sale = await createSale(stack.get(), { ...later, items: [shoe({ price: 4_900 })] });
  const { of } = await checklist(sale);
  expect(of("stripe")).toMatchObject({
    light: "amber",
    found: expect.stringContaining("for tests") as string,
  });
  expect(of("webhooks")).toMatchObject({ light: "amber", found: "None has come yet." });
  const { secretKey, webhookSecret } = stack.get().stripe;
  const back = {
    STRIPE_SECRET_KEY: secretKey,
    STRIPE_WEBHOOK_SECRET: webhookSecret,
    TOKEN_KEYS: stack.get().tokenKeys,
  };
  const other = { TOKEN_KEYS: `local:${"another-secret-".repeat(3)}` };
  await withVariables({ STRIPE_WEBHOOK_SECRET: undefined, ...other }, back, async () => {
    const without = await checklist(sale);
    expect(without.of("stripe")).toMatchObject({
      light: "red",
      found: "STRIPE_WEBHOOK_SECRET not set: nobody could pay.",
      todo: "npx wrangler secret put STRIPE_WEBHOOK_SECRET -c functions/wrangler.toml",
    });
    expect(without.of("edge-keys")).toMatchObject({
      light: "red",
      found: expect.stringContaining("The edge has other TOKEN_KEYS") as string,
    });
  });
});

test("a secret that is missing is named; the rest is looked at by who has the token", async () => {
  const sale = await createSale(stack.get(), later);
  const { adminToken } = stack.get();
  const back = {
    STRIPE_SECRET_KEY: stack.get().stripe.secretKey,
    ADMIN_TOKEN: adminToken,
    VIEWER_TOKEN: undefined,
  };
  await withVariables({ ADMIN_TOKEN: "short", VIEWER_TOKEN: adminToken }, back, async () => {
    expect((await checklist(sale)).of("tokens")).toMatchObject({
      light: "amber",
      found: "ADMIN_TOKEN can be guessed: fewer than 24 characters.",
    });
  });
  await withVariables(
    { UPSTASH_REDIS_REST_TOKEN: "" },
    { UPSTASH_REDIS_REST_TOKEN: stack.get().gatewayToken },
    async () => {
      expect((await checklist(sale)).of("secrets")).toMatchObject({
        light: "red",
        found: "UPSTASH_REDIS_REST_TOKEN is not set.",
        todo: "npx wrangler secret put UPSTASH_REDIS_REST_TOKEN -c functions/wrangler.toml",
      });
    },
  );
});

describe("times and pace", () => {
  const sale = (changes: object) => saleSchema.parse({ ...saleInput(later), ...changes });

  test("too short to choose and pay in, or decided too late, is said", () => {
    const nowMs = Date.parse(later.opensAt) - HOUR;
    const from = (ms: number) => new Date(nowMs + ms).toISOString();
    expect(timesSensible(sale({}), nowMs)).toMatchObject({
      light: "green",
      found: "It opens in 60 min and lasts 2 h.",
    });
    expect(timesSensible(sale({ closesAt: from(HOUR + 600_000) }), nowMs)).toMatchObject({
      light: "amber",
      found: expect.stringMatching(/lasts 10 min, and one shopper may take 15 min/) as string,
    });
    expect(timesSensible(sale({ slots: { count: 1, claimUntil: from(2 * HOUR) } }), nowMs).found).toMatch(
      /Slots are decided 0 ms before opening/,
    );
    expect(timesSensible(sale({}), nowMs + 4 * HOUR).found).toBe("This sale has ended.");
  });

  test("is too slow where not all can be offered until closing, or a release does not fit inside", () => {
    // 500 inside for 300 s each at most: 1.67 a second; 100 every 5 s would be 20.
    const at20 = { items: [shoe({ stock: 1000 })], releaseEverySeconds: 5 };
    expect(paceSensible(sale(at20))).toMatchObject({
      light: "green",
      found:
        "20.0 people/s by the release size, 1.7 people/s at least by the room inside, for 1,000 units. All can be offered 10 min after opening, at the latest.",
    });
    expect(paceSensible(sale({ ...at20, items: [shoe({ stock: 20_000 })] })).found).toMatch(
      /Until closing 12,000 people come in for certain: units may be left/,
    );
    expect(paceSensible(sale({ ...at20, capacity: 50 })).found).toMatch(
      /room for 50 is smaller than one release of 100/,
    );
  });
});

test("a sale that is not there has no checklist", async () => {
  const { status, type } = await operator(stack.get(), "/sales/no-such-sale/checklist");
  expect([status, type]).toEqual([404, "not_found"]);
});
