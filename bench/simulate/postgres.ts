/**
 * The real PostgreSQL of a simulation, as the Neon driver reaches it, without a network between: statements one after the
 * other on one connection, prepared once. `now()` is the simulation's, by functions that stand before Postgres' own in
 * the search path; each statement has a moment of its own. Rows whose order a statement leaves open come in the order of
 * their text, so that it is the same each time.
 */
import path from "node:path";
import pg from "pg";
import { migrate } from "../../dev/postgres/migrate.ts";
import { startPostgres } from "../../dev/postgres/server.ts";
import { toText, writeError, writeResults, type Modes, type TextRow } from "../../dev/postgres/wire.ts";
import type { Answer } from "./redis.ts";

export interface Statement {
  query: string;
  params: unknown[];
}

export interface SimulatedPostgres {
  /** Runs a client's statement at this time. */
  run(statement: Statement, arrayMode: boolean, nowMs: number): Promise<Answer>;
  /** A query of our own. */
  query(text: string, params?: unknown[]): Promise<Record<string, unknown>[]>;
  /** Forgets everything. */
  empty(): Promise<void>;
}

const CLOCK = `
create function public.now() returns timestamptz stable language sql
  return to_timestamp(current_setting('simulation.now')::float8);
create function public.clock_timestamp() returns timestamptz stable language sql
  return to_timestamp(current_setting('simulation.now')::float8);
create sequence public.simulated_uuids;
create function public.gen_random_uuid() returns uuid volatile language sql
  return md5('uuid ' || nextval('public.simulated_uuids'))::uuid;`;

/** Dead rows are left for so many simulations, then their space is given back. */
const COMPACT_EVERY = 100;

export async function startSimulatedPostgres(): Promise<SimulatedPostgres> {
  // One of our own: its clock is not to be anybody else's.
  delete process.env.DATABASE_URL;
  const server = await startPostgres({ fsync: false });
  const client = new pg.Client({ connectionString: server.connectionString });
  client.on("error", () => undefined);
  await client.connect();
  const settings = ["autovacuum = off", "jit = off", "plan_cache_mode = force_generic_plan"];
  for (const setting of settings) await client.query(`alter system set ${setting}`);
  await client.query("select pg_reload_conf()");
  await client.query(`alter database postgres set search_path = public, pg_catalog`);
  await client.query(`set search_path = public, pg_catalog; set simulation.now = 0; ${CLOCK}`);
  await client.query("alter database postgres set simulation.now = 0");
  await migrate(server.connectionString, path.join(import.meta.dirname, "../../migrations"));
  await client.query("set plan_cache_mode = force_generic_plan; set jit = off; set synchronous_commit = off");

  const tables = (
    await client.query<{ name: string }>(
      "select quote_ident(tablename) as name from pg_tables where schemaname = 'public' and tablename not like '%migrations'",
    )
  ).rows.map(({ name }) => name);
  const sequences = (
    await client.query<{ name: string }>(
      "select quote_ident(sequencename) as name from pg_sequences where schemaname = 'public'",
    )
  ).rows.map(({ name }) => name);
  const forget = [
    "set session_replication_role = replica",
    ...tables.map((table) => `delete from ${table}`),
    ...sequences.map((name) => `select setval('${name}', 1, false)`),
    "set session_replication_role = default",
  ].join(";");

  const names = new Map<string, string>();
  let emptied = 0;
  let [setMs, micros] = [0, 0];

  return {
    async run({ query, params }, arrayMode, nowMs) {
      // For the planner alone, which has nothing to gain here.
      if (query.startsWith("analyze ")) return answer([], { query, params }, arrayMode);
      let name = names.get(query);
      if (name === undefined) {
        names.set(query, (name = `s${names.size}`));
        await client.query(`prepare ${name} as ${query}`);
      }
      micros = setMs === nowMs ? micros + 1 : 0;
      setMs = nowMs;
      const now = (nowMs / 1000 + micros / 1e6).toFixed(6);
      const values = params.map(toText).map((text) => (text === null ? "null" : pg.escapeLiteral(text)));
      const execute = `execute ${name}${values.length === 0 ? "" : `(${values.join()})`}`;
      try {
        // In one message, so that it costs one round trip.
        const results: unknown = await client.query<TextRow>({
          text: `set simulation.now = ${now}; ${execute}`,
          rowMode: "array",
          types: { getTypeParser: () => (text: unknown) => text },
        });
        const result = (results as pg.QueryArrayResult<TextRow>[])[1];
        if (result === undefined) throw new Error("two statements have two results");
        if (!/\border by\b(?!.*\))/s.test(query)) result.rows.sort(byText);
        return answer([result], { query, params }, arrayMode);
      } catch (error) {
        return { status: 400, body: JSON.stringify(writeError(error)) };
      }
    },
    async query(text, params = []) {
      return (await client.query<Record<string, unknown>>(text, params)).rows;
    },
    async empty() {
      if (++emptied % COMPACT_EVERY === 0)
        await client.query(`truncate ${tables.join()} restart identity cascade`);
      await client.query(forget);
    },
  };
}

const byText = (a: TextRow, b: TextRow) => (String(a) < String(b) ? -1 : 1);

const raw: Modes = { rawText: true, arrayMode: true, begin: "", echo: {} };

function answer(
  results: pg.QueryArrayResult<TextRow>[],
  { query, params }: Statement,
  arrayMode: boolean,
): Answer {
  const modes = { ...raw, arrayMode };
  const nothing = { command: "", rowCount: 0, rowAsArray: arrayMode, fields: [], rows: [] };
  const body = results.length === 0 ? nothing : writeResults(results, { query, params }, modes);
  return { status: 200, body: JSON.stringify(body) };
}
