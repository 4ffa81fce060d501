/**
 * Applies the numbered SQL files of a folder to a database, here and at Neon. Guarantees: each file once and whole or
 * not at all; in order; right under two runs at once (the second waits, then finds the work done); and never on top
 * of a history other than the folder's. The lock is a transaction's, so it holds through a connection pooler too.
 * Accepted trade-off: what cannot run in a transaction (CREATE INDEX CONCURRENTLY) cannot be in a file.
 */
import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import pg from "pg";

interface Migration {
  version: number;
  name: string;
  file: string;
  sql: string;
  sha256: string;
}

interface Applied {
  version: number;
  name: string;
  sha256: string;
}

/** Any fixed number that nothing else in the database locks. */
const lockKey = 7_315_206_648;
const connectMsMax = 10_000;

/**
 * Brings the database up to date with `folder`.
 * @returns names of the files applied by this run, in order
 * @throws Error in one line naming the file: a bad or repeated number or name, a gap, a changed or missing applied
 *   file, or a statement PostgreSQL refused (`cause` has its error); files before it stay applied
 */
export async function migrate(connectionString: string, folder: string): Promise<string[]> {
  const migrations = await readMigrations(folder);
  const client = new pg.Client({ connectionString, connectionTimeoutMillis: connectMsMax });
  client.on("error", () => undefined);
  await client.connect();
  try {
    const applied: string[] = [];
    for (;;) {
      const file = await applyNext(client, migrations);
      if (file === undefined) return applied;
      applied.push(file);
    }
  } finally {
    await client.end().catch(() => undefined);
  }
}

/** Reads and checks the folder; files whose names start with a dot are not part of it. */
async function readMigrations(folder: string): Promise<Migration[]> {
  const files = (await readdir(folder)).filter((file) => !file.startsWith(".")).sort();
  return await Promise.all(
    files.map(async (file, i) => {
      const [, number, name] = /^(\d{4})_([a-z0-9_]+)\.sql$/.exec(file) ?? [];
      if (number === undefined || name === undefined)
        throw new Error(`${file}: migrations are named NNNN_name.sql.`);
      const expected = i + 1;
      const version = Number(number);
      if (version < expected) throw new Error(`${file}: number ${number} is used twice or is 0000.`);
      if (version > expected)
        throw new Error(`${file}: number ${String(expected).padStart(4, "0")} is missing before it.`);
      // A checkout on Windows must not look like a change.
      const sql = (await readFile(join(folder, file), "utf8")).replaceAll("\r\n", "\n");
      return { version, name, file, sql, sha256: createHash("sha256").update(sql).digest("hex") };
    }),
  );
}

/** One transaction: lock, look, apply the first missing file. Returns its name, or undefined if none is missing. */
async function applyNext(client: pg.Client, migrations: Migration[]): Promise<string | undefined> {
  await client.query("begin");
  try {
    await client.query("select pg_advisory_xact_lock($1)", [lockKey]);
    await client.query(`create table if not exists schema_migrations (
      version integer primary key,
      name text not null,
      sha256 text not null,
      applied_at timestamptz not null default now()
    )`);
    const done = await client.query<Applied>(
      "select version, name, sha256 from schema_migrations order by version",
    );
    checkHistory(done.rows, migrations);
    const next = migrations[done.rows.length];
    if (next) await apply(client, next);
    await client.query("commit");
    return next?.file;
  } catch (error) {
    await client.query("rollback").catch(() => undefined);
    throw error;
  }
}

function checkHistory(applied: Applied[], migrations: Migration[]): void {
  for (const [i, { version, name, sha256 }] of applied.entries()) {
    const file = `${String(version).padStart(4, "0")}_${name}.sql`;
    const ours = migrations[i];
    if (ours?.version !== version || ours.name !== name) {
      throw new Error(`${file} is applied to the database, but the folder does not have it.`);
    }
    if (ours.sha256 !== sha256) {
      throw new Error(`${file} changed after it was applied; write a new migration instead.`);
    }
  }
}

async function apply(client: pg.Client, { version, name, file, sql, sha256 }: Migration): Promise<void> {
  try {
    await client.query(sql);
  } catch (error) {
    const position = error instanceof pg.DatabaseError ? Number(error.position ?? 0) : 0;
    const where = position > 0 ? ` line ${sql.slice(0, position).split("\n").length}` : "";
    throw new Error(`${file}${where}: ${error instanceof Error ? error.message : String(error)}`, {
      cause: error,
    });
  }
  if (client.getTransactionStatus() !== "T")
    throw new Error(`${file}: a migration must not end its transaction.`);
  const values = [version, name, sha256];
  await client.query("insert into schema_migrations (version, name, sha256) values ($1, $2, $3)", values);
}
