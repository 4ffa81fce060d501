/**
 * Runs the statements of one request on a pooled connection. Guarantees: a batch is one transaction and a failed one
 * leaves nothing behind; no connection outlives the request it misbehaved in; settings, temporary tables, prepared
 * statements and session locks do not pass from one request to the next (DISCARD ALL, after the answer is out, so it
 * costs the caller nothing). A caller who hangs up ends their statement, as at Neon: whether it took effect is then
 * as unknown as after any lost answer.
 */
import pg from "pg";
import {
  bytesMax,
  Refusal,
  toText,
  type Modes,
  type Payload,
  type Statement,
  type TextResult,
  type TextRow,
} from "./wire.ts";

export interface Database {
  /**
   * The results in order, one for a single statement.
   * @throws pg.DatabaseError from PostgreSQL, Refusal from us, Error if the connection broke meanwhile
   */
  execute(payload: Payload, modes: Modes, hungUp: AbortSignal): Promise<TextResult[]>;
  /** Statements given to PostgreSQL so far, without those that open and close a transaction. */
  queries(): number;
  close(): Promise<void>;
}

/** Milliseconds to get a connection: a PostgreSQL that is away is an error, not a wait. */
const connectMsMax = 10_000;

export function openDatabase(connectionString: string, connectionsMax: number): Database {
  const connect = { connectionString, connectionTimeoutMillis: connectMsMax };
  const pool = new pg.Pool({ ...connect, max: connectionsMax });
  // Connections break when PostgreSQL goes away; whoever uses one learns it from their statement.
  pool.on("error", () => undefined);
  pool.on("connect", (client) => client.on("error", () => undefined));
  let queries = 0;

  async function borrow(): Promise<pg.PoolClient> {
    try {
      return await pool.connect();
    } catch (error) {
      const { message, code } = error as NodeJS.ErrnoException;
      const sqlState = error instanceof pg.DatabaseError ? code : "";
      throw new Refusal(
        500,
        `could not connect to the database: ${message || code || "no reason given"}`,
        sqlState,
      );
    }
  }

  async function run(
    client: pg.PoolClient,
    statement: Statement,
    size: { bytes: number },
  ): Promise<TextResult> {
    queries++;
    return await client.query<TextRow>(textQuery(statement, size));
  }

  async function transaction(
    client: pg.PoolClient,
    statements: Statement[],
    begin: string,
  ): Promise<TextResult[]> {
    const size = { bytes: 0 };
    await client.query(begin);
    try {
      const results: TextResult[] = [];
      for (const statement of statements) results.push(await run(client, statement, size));
      await client.query("COMMIT");
      return results;
    } catch (error) {
      await client.query("ROLLBACK").catch(() => undefined);
      throw error;
    }
  }

  return {
    async execute(payload, modes, hungUp) {
      const client = await borrow();
      const watch = watchCaller(hungUp, client, connect);
      try {
        if (hungUp.aborted) throw new Refusal(400, "the caller hung up");
        return "queries" in payload
          ? await transaction(client, payload.queries, modes.begin)
          : [await run(client, payload, { bytes: 0 })];
      } finally {
        void watch.end().then((terminated) => giveBack(client, terminated));
      }
    },
    queries: () => queries,
    close: () => pool.end(),
  };
}

/** Fails, and so drops the connection, if a transaction is still open or the connection is broken. */
async function giveBack(client: pg.PoolClient, terminated: boolean): Promise<void> {
  if (terminated) {
    client.release(true);
    return;
  }
  await client.query("DISCARD ALL").then(
    () => client.release(),
    () => client.release(true),
  );
}

/** Ends the session of a caller who hangs up: closing our side alone would let a long statement run on. */
function watchCaller(hungUp: AbortSignal, client: pg.PoolClient, connect: pg.ClientConfig) {
  let termination: Promise<void> | undefined;
  const onAbort = () => {
    termination = terminate(client, connect);
  };
  hungUp.addEventListener("abort", onAbort, { once: true });
  return {
    /** Until this resolves the connection is kept, lest the termination hit its next user. */
    async end(): Promise<boolean> {
      hungUp.removeEventListener("abort", onAbort);
      await termination;
      return termination !== undefined;
    },
  };
}

async function terminate(client: pg.PoolClient, connect: pg.ClientConfig): Promise<void> {
  if (!("processID" in client) || typeof client.processID !== "number") return;
  // A connection of its own: the pool may be full of statements waiting for the one to be ended.
  const other = new pg.Client(connect);
  other.on("error", () => undefined);
  try {
    await other.connect();
    await other.query("select pg_terminate_backend($1)", [client.processID]);
  } catch {
    // PostgreSQL is away, and the statement with it.
  } finally {
    await other.end().catch(() => undefined);
  }
}

/**
 * A statement by the extended protocol (as Neon: one statement each, parameters in text), its values left as text.
 * Reading stops with a Refusal once the values of a request exceed what a reply may carry.
 */
function textQuery(statement: Statement, size: { bytes: number }) {
  const keepText = (text: unknown) => {
    if (typeof text === "string") size.bytes += text.length;
    if (size.bytes > bytesMax) throw new Refusal(507, `response is too large (max is ${bytesMax} bytes)`);
    return text;
  };
  return {
    text: statement.query,
    values: statement.params.map(toText),
    rowMode: "array" as const,
    queryMode: "extended",
    types: { getTypeParser: () => keepText },
  };
}
