/** What must not pass from one request to another, and what callers and PostgreSQL going away must not do. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { startNeonGateway } from "../../../dev/postgres/gateway.ts";
import { failure, startStack, until, type Stack } from "./setup.ts";

const connectionsMax = 2;
let stack: Stack;
beforeAll(async () => {
  stack = await startStack({ connectionsMax });
});
afterAll(() => stack.stop());

/** Enough requests at once to use every connection of the pool. */
const everywhere = (query: string) =>
  Promise.all(Array.from({ length: 4 * connectionsMax }, () => stack.sql.query(query)));

test("settings, temporary tables and session locks end with the request that made them", async () => {
  const { sql, behind } = stack;
  await sql`set statement_timeout = '12345ms'`;
  await sql`create temporary table scratch (x int)`;
  await sql`select pg_advisory_lock(77)`;
  const state = "select current_setting('statement_timeout') as timeout, to_regclass('scratch') as scratch";
  for (const rows of await everywhere(state)) expect(rows).toEqual([{ timeout: "0", scratch: null }]);
  expect(await behind("select pg_try_advisory_lock(77) as free")).toEqual([{ free: true }]);
});

test("a transaction left open is not the next request's", async () => {
  const { sql, behind } = stack;
  await sql`create table open_end (x int)`;
  await sql`begin`;
  await everywhere("insert into open_end values (1)");
  expect(await behind("select count(*)::int as n from open_end")).toEqual([{ n: 4 * connectionsMax }]);
});

test("more requests than connections wait their turn", async () => {
  const answers = await Promise.all(Array.from({ length: 50 }, (_, i) => stack.sql`select ${i}::int as i`));
  expect(answers.map(([row]) => row?.i as number)).toEqual(Array.from({ length: 50 }, (_, i) => i));
});

test("a caller who hangs up ends the statement and gives the connection back", async () => {
  const { sql, behind } = stack;
  await sql`create table hung_up (x int)`;
  const running =
    "select count(*)::int as n from pg_stat_activity where query like '%pg_sleep(60)%' and pid <> pg_backend_pid()";
  const patience = new AbortController();
  const slow = Array.from({ length: connectionsMax }, () =>
    failure(
      sql.transaction([sql`insert into hung_up values (1)`, sql`select pg_sleep(60)`], {
        fetchOptions: { signal: patience.signal },
      }),
    ),
  );
  await until(async () => (await behind(running))[0]?.n === connectionsMax);
  patience.abort();
  for (const error of await Promise.all(slow)) expect(error.message).toContain("abort");
  await until(async () => (await behind(running))[0]?.n === 0);
  expect(await sql`select count(*)::int as n from hung_up`).toEqual([{ n: 0 }]);
  await everywhere("select 1");
});

test("a gateway that is closed lets a running statement end, but no new one begin", async () => {
  const gateway = await startNeonGateway({ connectionString: stack.server.connectionString });
  const request = () =>
    fetch(gateway.url, {
      method: "POST",
      body: '{"query":"select 1 from pg_sleep(0.2)"}',
      headers: { "Neon-Connection-String": gateway.connectionString },
    });
  const running = request();
  await until(() => Promise.resolve(gateway.stats().queries === 1));
  const began = performance.now();
  const closed = gateway.close();
  expect((await failure(request())).message).toBe("fetch failed");
  expect((await running).status).toBe(200);
  await closed;
  expect(performance.now() - began).toBeLessThan(3_000);
});

test("a PostgreSQL that is down is an error at once, and the gateway recovers by itself", async () => {
  const { sql, server } = stack;
  await sql`create table survivor (x int)`;
  await sql`insert into survivor values (1)`;
  await server.kill();
  let longestMs = 0;
  // A connection that was idle may hear a moment later that its server is gone: its error is another one.
  await until(async () => {
    const began = performance.now();
    const { message } = await failure(sql`select 1`);
    longestMs = Math.max(longestMs, performance.now() - began);
    return /HTTP status 500.*could not connect to the database/.test(message);
  });
  expect(longestMs).toBeLessThan(2_000);
  await server.restart();
  expect(await sql`select * from survivor`).toEqual([{ x: 1 }]);
  await everywhere("select 1");
});

test("a PostgreSQL that dies under a statement is an error of that statement", async () => {
  const { sql, server, behind } = stack;
  const slow = failure(sql`select pg_sleep(61)`);
  const slowBatch = failure(sql.transaction([sql`select pg_sleep(61)`]));
  const running = "select count(*)::int as n from pg_stat_activity where query = 'select pg_sleep(61)'";
  await until(async () => (await behind(running))[0]?.n === 2);
  await server.kill();
  expect((await slow).name).toBe("NeonDbError");
  expect((await slowBatch).name).toBe("NeonDbError");
  await server.restart();
  await everywhere("select 1");
});
