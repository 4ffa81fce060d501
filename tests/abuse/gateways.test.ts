/**
 * The local gateways, asked for what no client of ours asks: each request is answered in their protocol, with a refusal where it is
 * none, and the stores behind them go on. The Workers' tests stand on them.
 */
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { oddText, oddValue, worse } from "../../bench/fuzz/odd.ts";
import { startHarness, type Harness } from "../gateways/redis/harness.ts";
import { startStack, type Stack } from "../gateways/postgres/setup.ts";

let redis: Harness;
let postgres: Stack;
beforeAll(async () => {
  [redis, postgres] = await Promise.all([startHarness(), startStack()]);
});
afterAll(() => postgres.stop());

const RUNS = 150;
const word = fc.oneof(
  fc.constantFrom(
    "GET",
    "SET",
    "HGETALL",
    "EVAL",
    "XADD",
    "ZPOPMIN",
    "return 1",
    "#!lua flags=x\nreturn 1",
    "{a}:k",
    "0",
    "-1",
    "1e999",
  ),
  // What would hold a shared connection, or end the server.
  fc.constantFrom(
    "SUBSCRIBE",
    "MONITOR",
    "BLPOP",
    "SHUTDOWN",
    "QUIT",
    "RESET",
    "MULTI",
    "DEBUG",
    "CLIENT",
    "HELLO",
  ),
  oddText,
);
const command = fc.oneof(
  { weight: 4, arbitrary: fc.array(word, { maxLength: 6 }) },
  { weight: 1, arbitrary: fc.array(oddValue, { maxLength: 4 }) },
);

test("Redis: any command, any list of them, any text and any path is answered, and what was written is still there", async () => {
  await redis.ask("/", ["SET", "kept", "here"]);
  const body = fc.oneof(
    command.map((value) => JSON.stringify(value)),
    fc.array(command, { maxLength: 4 }).map((value) => JSON.stringify(value)),
    worse('["SET","k",1]'),
    fc.string({ unit: "binary" }),
  );
  const where = fc.oneof(
    fc.constantFrom("/", "/pipeline", "/multi-exec"),
    // Longer ones are refused by Node's own server, without a word of the gateway's.
    oddText.map((text) => `/get/${encodeURIComponent(text.toWellFormed().slice(0, 500))}`),
    fc.constantFrom("/%zz", "//", "/_gateway/x", "/set/a/b?EX=x&_token=y"),
  );
  const seen = new Set<number>();
  await fc.assert(
    fc.asyncProperty(where, body, async (at, text) => {
      const { status, body: said } = await redis.ask(at, text, { signal: AbortSignal.timeout(5_000) });
      seen.add(status);
      expect(status, JSON.stringify(said)).toBeLessThan(500);
      expect(JSON.stringify(said)).not.toMatch(/\\n\s+at |node_modules/);
    }),
    { numRuns: RUNS },
  );
  expect([...seen]).toEqual(expect.arrayContaining([200, 400]));
  expect((await redis.ask("/", ["GET", "kept"])).body).toEqual({ result: "here" });
});

test("Postgres: any statement, parameter, batch and header is answered, and the next request is served", async () => {
  const query = fc.oneof(
    fc.constantFrom(
      "select 1",
      "select $1",
      "select $1::int",
      "select $1::jsonb",
      "select $1::text[]",
      "select pg_sleep(0)",
    ),
    fc.constantFrom(
      "copy (select 1) to stdout",
      "create temp table t (a int); copy t from stdin",
      "listen x",
      "begin",
      "rollback",
      "",
    ),
    fc.constantFrom(
      "select 1; select 2",
      "do $$ begin raise 'x'; end $$",
      "set session authorization nobody",
      "select repeat('x', 100000)",
    ),
    oddText,
  );
  const statement = fc.record(
    { query: fc.oneof(query, oddValue), params: fc.oneof(fc.array(oddValue, { maxLength: 3 }), oddValue) },
    { requiredKeys: [] },
  );
  const body = fc.oneof(
    statement.map((value) => JSON.stringify(value)),
    fc.array(statement, { maxLength: 3 }).map((queries) => JSON.stringify({ queries })),
    worse('{"query":"select $1","params":[1]}'),
    fc.string({ unit: "binary" }),
  );
  const flag = fc.constantFrom("true", "false", "", "Serializable", "x");
  const names = [
    "Neon-Raw-Text-Output",
    "Neon-Array-Mode",
    "Neon-Batch-Read-Only",
    "Neon-Batch-Isolation-Level",
  ];
  const headers = fc.record(Object.fromEntries(names.map((name) => [name, flag])), { requiredKeys: [] });
  const seen = new Set<number>();
  await fc.assert(
    fc.asyncProperty(body, headers, async (text, more) => {
      const answer = await postgres.post(text, more as Record<string, string>);
      const said = await answer.text();
      seen.add(answer.status);
      expect(answer.status, said).toBeLessThan(500);
      expect(() => JSON.parse(said) as unknown).not.toThrow();
      expect(said).not.toMatch(/\\n\s+at |node_modules/);
    }),
    { numRuns: RUNS },
  );
  expect([...seen]).toEqual(expect.arrayContaining([200, 400]));
  expect(await postgres.sql.query("select 1 as one")).toEqual([{ one: 1 }]);
});
