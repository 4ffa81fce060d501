/** What the unmodified client of Neon gets to see: values, results, batches, errors. */
import { neon, NeonDbError } from "@neondatabase/serverless";
import { afterAll, beforeAll, expect, test } from "vitest";
import { failure, startStack, type Stack } from "./setup.ts";

let stack: Stack;
beforeAll(async () => {
  stack = await startStack();
});
afterAll(() => stack.stop());

async function databaseError(promise: PromiseLike<unknown>): Promise<NeonDbError> {
  const error = await failure(promise);
  if (error instanceof NeonDbError) return error;
  throw error;
}

test("every type makes the round trip as at Neon", async () => {
  const { sql } = stack;
  const when = new Date("2026-11-24T10:20:30.456Z");
  const [row] = await sql`select
    ${"9007199254740993"}::int8 as big, ${"12345678901234567890.0123456789"}::numeric as exact,
    ${42}::int4 as int, ${1.5}::float8 as float, ${true}::boolean as yes, ${null}::text as nothing,
    ${"Zoë 🎟"}::text as text, ${when}::timestamptz as at, ${"2026-11-24"}::date::text as day,
    ${{ a: [1, null, 'q"\\'] }}::jsonb as json, ${JSON.stringify([1, "x"])}::json as list,
    ${Buffer.from([0, 255, 92])}::bytea as bytes,
    ${["a", 'b"c\\', null, "", "NULL", "{,}"]}::text[] as words, ${[1, 2]}::int4[] as ints,
    ${[
      [1, 2],
      [3, 4],
    ]}::int4[] as grid, ${["9007199254740993"]}::int8[] as bigs, ${[]}::uuid[] as none`;
  expect(row).toEqual({
    big: "9007199254740993",
    exact: "12345678901234567890.0123456789",
    int: 42,
    float: 1.5,
    yes: true,
    nothing: null,
    text: "Zoë 🎟",
    at: when,
    day: "2026-11-24",
    json: { a: [1, null, 'q"\\'] },
    list: [1, "x"],
    bytes: Buffer.from([0, 255, 92]),
    words: ["a", 'b"c\\', null, "", "NULL", "{,}"],
    ints: [1, 2],
    grid: [
      [1, 2],
      [3, 4],
    ],
    bigs: ["9007199254740993"],
    none: [],
  });
});

test("a full result has command, row count and fields", async () => {
  const { sql } = stack;
  await sql`create table full_result (id int primary key, name varchar(7))`;
  const options = { fullResults: true as const };
  const inserted = await sql.query("insert into full_result values (1, 'a'), (2, 'b')", [], options);
  expect(inserted).toMatchObject({ command: "INSERT", rowCount: 2, rows: [], fields: [], rowAsArray: false });
  const selected = await sql.query("select * from full_result order by id", [], options);
  expect(selected).toMatchObject({ command: "SELECT", rowCount: 2, rows: [{ id: 1, name: "a" }, { id: 2 }] });
  expect(selected.fields).toMatchObject([
    { name: "id", dataTypeID: 23, columnID: 1, dataTypeSize: 4, dataTypeModifier: -1, format: "text" },
    { name: "name", dataTypeID: 1043, columnID: 2, dataTypeSize: -1, dataTypeModifier: 11 },
  ]);
  expect(selected.fields[0]?.tableID).toBeGreaterThanOrEqual(16_384);
  expect(await sql.query("create table other (x int)", [], options)).toMatchObject({
    command: "CREATE",
    rowCount: null,
  });
  expect(await sql.query("", [], options)).toMatchObject({ command: "", rowCount: null, rows: [] });
});

test("rows come as arrays when asked for, two columns of one name included", async () => {
  expect(await stack.sql.query("select 1 as x, 2 as x", [], { arrayMode: true })).toEqual([[1, 2]]);
});

test("a query is executed when it is awaited, and again when it is awaited again", async () => {
  const { sql, behind } = stack;
  await sql`create table twice (at timestamptz default now())`;
  const insert = sql`insert into twice default values`;
  await insert;
  await insert;
  expect(await behind("select count(*)::int as n from twice")).toEqual([{ n: 2 }]);
});

test("an error carries all that PostgreSQL says", async () => {
  const { sql } = stack;
  await sql`create schema shop`;
  await sql`create table shop.stock (sku text constraint one_row_each primary key, left_over int check (left_over >= 0))`;
  await sql`insert into shop.stock values ('a', 1)`;
  expect(await databaseError(sql`insert into shop.stock values ('a', 2)`)).toMatchObject({
    message: 'duplicate key value violates unique constraint "one_row_each"',
    code: "23505",
    severity: "ERROR",
    detail: "Key (sku)=(a) already exists.",
    schema: "shop",
    table: "stock",
    constraint: "one_row_each",
    file: "nbtinsert.c",
    routine: "_bt_check_unique",
  });
  expect(await databaseError(sql`insert into shop.stock values (null, 2)`)).toMatchObject({
    code: "23502",
    column: "sku",
  });
  expect(await databaseError(sql`update shop.stock set left_over = left_over - 2`)).toMatchObject({
    code: "23514",
    constraint: "stock_left_over_check",
  });
  const misspelt = await databaseError(sql`select skoo from shop.stock`);
  expect(misspelt).toMatchObject({ code: "42703", position: "8" });
  expect(misspelt.hint).toContain("stock.sku");
  await sql`create domain small as int constraint below_ten check (value < 10)`;
  expect(await databaseError(sql`select ${11}::small`)).toMatchObject({
    dataType: "small",
    constraint: "below_ten",
  });
});

test("a query of two statements is refused, as at Neon", async () => {
  expect(await databaseError(stack.sql`select 1; select 2`)).toMatchObject({ code: "42601" });
});

test("a batch is answered in order, each statement seeing those before it", async () => {
  const { sql } = stack;
  const results = await sql.transaction([
    sql`create table batch (n int)`,
    sql`insert into batch select generate_series(1, 3) returning n`,
    sql`select sum(n) from batch`,
  ]);
  expect(results).toEqual([[], [{ n: 1 }, { n: 2 }, { n: 3 }], [{ sum: "6" }]]);
  expect(await sql.transaction([])).toEqual([]);
});

test("a failed batch leaves nothing behind", async () => {
  const { sql, behind } = stack;
  await sql`create table half (n int primary key)`;
  const batch = sql.transaction([sql`insert into half values (1)`, sql`insert into half values (1)`]);
  expect(await databaseError(batch)).toMatchObject({ code: "23505" });
  expect(await behind("select * from half")).toEqual([]);
});

test("a batch that fails at its commit leaves nothing behind", async () => {
  const { sql, behind } = stack;
  await sql`create table late (n int unique deferrable initially deferred)`;
  const batch = sql.transaction([sql`insert into late values (1)`, sql`insert into late values (1)`]);
  expect(await databaseError(batch)).toMatchObject({ code: "23505" });
  expect(await behind("select * from late")).toEqual([]);
});

test.for([
  ["ReadUncommitted", "read uncommitted"],
  ["ReadCommitted", "read committed"],
  ["RepeatableRead", "repeatable read"],
  ["Serializable", "serializable"],
] as const)("a batch runs at isolation level %s", async ([isolationLevel, name]) => {
  const { sql } = stack;
  const settings = [sql`select current_setting('transaction_isolation') as level`];
  expect(await sql.transaction(settings, { isolationLevel })).toEqual([[{ level: name }]]);
});

test("a batch is read only and deferrable when asked for", async () => {
  const { sql } = stack;
  const settings = [
    sql`select current_setting('transaction_read_only') as ro, current_setting('transaction_deferrable') as d`,
  ];
  expect(await sql.transaction(settings)).toEqual([[{ ro: "off", d: "off" }]]);
  expect(await sql.transaction(settings, { readOnly: true })).toEqual([[{ ro: "on", d: "off" }]]);
  expect(await sql.transaction(settings, { deferrable: true })).toEqual([[{ ro: "off", d: "on" }]]);
  expect(
    await databaseError(sql.transaction([sql`create table never (x int)`], { readOnly: true })),
  ).toMatchObject({
    code: "25006",
  });
});

test("of two serializable batches that read what the other writes, one fails with 40001", async () => {
  const { sql } = stack;
  await sql`create table skew (id int primary key, on_call boolean)`;
  await sql`insert into skew values (1, true), (2, true)`;
  const leave = (id: number) =>
    sql.transaction(
      [
        sql`select count(*) from skew where on_call`,
        sql`select pg_sleep(0.3)`,
        sql`update skew set on_call = false where id = ${id}`,
      ],
      { isolationLevel: "Serializable" },
    );
  const outcomes = await Promise.allSettled([leave(1), leave(2)]);
  const failures = outcomes.filter((o) => o.status === "rejected").map((o): unknown => o.reason);
  expect(failures).toMatchObject([{ code: "40001" }]);
  expect(await sql`select count(*)::int as n from skew where on_call`).toEqual([{ n: 1 }]);
});

test.for([
  [
    "a wrong password",
    "postgresql://postgres:wrong@localhost/postgres",
    "password authentication failed for user 'postgres'",
  ],
  [
    "another user",
    "postgresql://eve:wrong@localhost/postgres",
    "password authentication failed for user 'eve'",
  ],
  [
    "no password",
    "postgresql://postgres@localhost/postgres",
    "missing authentication credentials: required password",
  ],
] as const)("%s is refused in Neon's words", async ([, connectionString, message]) => {
  const before = stack.gateway.stats();
  expect(await databaseError(neon(connectionString)`select 1`)).toMatchObject({ message });
  expect(stack.gateway.stats()).toEqual({ requests: before.requests + 1, queries: before.queries });
});

test("another database than the one behind does not exist", async () => {
  const other = stack.gateway.connectionString.replace(/postgres$/, "elsewhere");
  expect(await databaseError(neon(other)`select 1`)).toMatchObject({
    code: "3D000",
    message: 'database "elsewhere" does not exist',
  });
});

test("the connection string of the server itself is a valid one for the client", async () => {
  expect(await neon(stack.server.connectionString)`select 1 as one`).toEqual([{ one: 1 }]);
});
