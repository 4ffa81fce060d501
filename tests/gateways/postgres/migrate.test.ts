/** Migrations: each file once, whole, in order, and never over another history. */
import { mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { migrate } from "../../../dev/postgres/migrate.ts";
import { failure, startStack, type Stack } from "./setup.ts";

let stack: Stack;
let folder: string;
let database: string;
let databases = 0;
beforeAll(async () => {
  stack = await startStack();
});
afterAll(() => stack.stop());
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "migrations-"));
  const name = `migrations_${++databases}`;
  await stack.sql.query(`create database ${name}`);
  database = stack.server.connectionString.replace(/postgres$/, name);
});
afterEach(() => rm(folder, { recursive: true }));

const write = (file: string, sql: string) => writeFile(join(folder, file), sql);
const run = () => migrate(database, folder);

async function rows(query: string): Promise<Record<string, unknown>[]> {
  const { default: pg } = await import("pg");
  const client = new pg.Client({ connectionString: database });
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(query)).rows;
  } finally {
    await client.end();
  }
}

test("files are applied in order, each once, and recorded", async () => {
  await write("0002_more.sql", "insert into items values (1); insert into items values (2);");
  await write("0001_items.sql", "create table items (n int);");
  await write(".DS_Store", "");
  expect(await run()).toEqual(["0001_items.sql", "0002_more.sql"]);
  expect(await run()).toEqual([]);
  await write("0003_last.sql", "insert into items values (3)");
  expect(await run()).toEqual(["0003_last.sql"]);
  expect(await rows("select n from items order by n")).toEqual([{ n: 1 }, { n: 2 }, { n: 3 }]);
  expect(
    await rows(
      "select version, name, length(sha256) as hash, applied_at <= now() as past from schema_migrations",
    ),
  ).toEqual([
    { version: 1, name: "items", hash: 64, past: true },
    { version: 2, name: "more", hash: 64, past: true },
    { version: 3, name: "last", hash: 64, past: true },
  ]);
});

test("an empty folder is a database without migrations", async () => {
  expect(await run()).toEqual([]);
});

test("eight runs at once apply each file once", async () => {
  await write("0001_items.sql", "create table items (n int); select pg_sleep(0.1);");
  await write("0002_more.sql", "insert into items values (1)");
  const applied = await Promise.all(Array.from({ length: 8 }, run));
  expect(applied.flat().sort()).toEqual(["0001_items.sql", "0002_more.sql"]);
  expect(await rows("select n from items")).toEqual([{ n: 1 }]);
});

test("a file that fails leaves nothing of itself, and those before it stay", async () => {
  await write("0001_items.sql", "create table items (n int)");
  await write("0002_broken.sql", "insert into items values (1);\ninsert into nowhere values (1);");
  const error = await failure(run());
  expect(error.message).toBe('0002_broken.sql line 2: relation "nowhere" does not exist');
  expect(error.cause).toMatchObject({ code: "42P01" });
  expect(await rows("select n from items")).toEqual([]);
  await write("0002_broken.sql", "insert into items values (1);");
  expect(await run()).toEqual(["0002_broken.sql"]);
});

test("a file changed after it was applied is refused, line endings apart", async () => {
  await write("0001_items.sql", "create table items (n int);\n");
  await run();
  await write("0001_items.sql", "create table items (n int);\r\n");
  await write("0002_more.sql", "insert into items values (1)");
  expect(await run()).toEqual(["0002_more.sql"]);
  await write("0001_items.sql", "create table items (n bigint);\n");
  await write("0003_last.sql", "insert into items values (2)");
  expect((await failure(run())).message).toContain("0001_items.sql changed after it was applied");
  expect(await rows("select n from items")).toEqual([{ n: 1 }]);
});

test("a database that is ahead of the folder, or took another path, is refused", async () => {
  await write("0001_items.sql", "create table items (n int)");
  await write("0002_more.sql", "insert into items values (1)");
  await run();
  await rename(join(folder, "0002_more.sql"), join(folder, "0002_other.sql"));
  expect((await failure(run())).message).toContain("0002_more.sql is applied to the database");
  await rm(join(folder, "0002_other.sql"));
  expect((await failure(run())).message).toContain("0002_more.sql is applied to the database");
});

test.for([
  ["a number used twice", ["0001_a.sql", "0001_b.sql"], "0001_b.sql: number 0001 is used twice"],
  ["a number 0000", ["0000_a.sql"], "0000_a.sql: number 0000 is used twice or is 0000"],
  ["a gap", ["0001_a.sql", "0003_c.sql"], "0003_c.sql: number 0002 is missing before it"],
  ["a name without a number", ["0001_a.sql", "readme.md"], "readme.md: migrations are named NNNN_name.sql"],
  ["capitals", ["0001_A.sql"], "0001_A.sql: migrations are named"],
  ["a short number", ["001_a.sql"], "001_a.sql: migrations are named"],
] as const)("%s is refused before anything is applied", async ([, files, message]) => {
  for (const file of files) await write(file, "create table never (n int)");
  expect((await failure(run())).message).toContain(message);
  expect(await rows("select to_regclass('never') as never, to_regclass('schema_migrations') as log")).toEqual(
    [{ never: null, log: null }],
  );
});

test("a file that ends its transaction is refused", async () => {
  await write("0001_rogue.sql", "create table rogue (n int); commit;");
  expect((await failure(run())).message).toContain(
    "0001_rogue.sql: a migration must not end its transaction",
  );
  expect(
    await rows("select count(*)::int as n from pg_tables where tablename = 'schema_migrations'"),
  ).toEqual([{ n: 1 }]);
});

test("a folder or database that is not there is an error", async () => {
  expect((await failure(migrate(database, join(folder, "nowhere")))).message).toContain("ENOENT");
  const gone = stack.server.connectionString.replace(/postgres$/, "gone");
  expect((await failure(migrate(gone, folder))).message).toContain('database "gone" does not exist');
});
