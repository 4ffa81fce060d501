/**
 * One running postmaster, from its start until it takes connections, to its end: graceful, or as a crash.
 */
import { spawn, type ChildProcess } from "node:child_process";
import { closeSync, openSync, readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import type { Account } from "./account.ts";
import { cleanEnvironment, type Home } from "./cluster.ts";
import type { Guard } from "./guard.ts";

export interface PostmasterOptions {
  postgres: string;
  home: Home;
  port: number;
  account: Account | undefined;
  guard: Guard;
  fsync: boolean;
}

export interface Postmaster {
  /**
   * `fast`: ends sessions, writes everything out, and ends; `crash`: ends at once, the next start recovers from the
   * log. Harder signals follow if it does not end.
   */
  shutDown(how: "fast" | "crash"): Promise<void>;
}

/** Patience in milliseconds before a start is given up, and before a harder signal follows. */
const readyMsMax = 60_000;
const shutdownMsMax = 5_000;

/**
 * Starts PostgreSQL on an existing cluster and waits until it takes connections.
 * @throws Error in one line with PostgreSQL's own reason
 */
export async function startPostmaster(options: PostmasterOptions): Promise<Postmaster> {
  const { postgres, home, port, account, guard } = options;
  const log = openSync(home.log, "w");
  // Detached: Ctrl-C in the terminal reaches us, and we stop what writes to it first.
  const child = spawn(postgres, ["-D", home.data, ...settings(port, options.fsync)], {
    ...account,
    cwd: home.folder,
    env: cleanEnvironment(),
    stdio: ["ignore", log, log],
    detached: true,
  });
  closeSync(log);
  child.unref();
  const exited = new Promise<void>((resolve) =>
    child.once("exit", () => resolve()).once("error", () => resolve()),
  );
  const end = async (how: "fast" | "crash") => {
    await shutDown(child, exited, how);
    guard.watch();
  };
  guard.watch(child.pid);
  try {
    await waitUntilReady(child, home);
    return { shutDown: end };
  } catch (error) {
    await end("crash");
    throw error;
  }
}

function settings(port: number, fsync: boolean): string[] {
  const values = {
    port: `${port}`,
    listen_addresses: "127.0.0.1",
    unix_socket_directories: "",
    timezone: "UTC",
    // Refused statements are the callers' affair; the log is for why a server does not start or dies.
    log_min_messages: "log",
    ...(fsync ? {} : { fsync: "off" }),
  };
  return Object.entries(values).flatMap(([name, value]) => ["-c", `${name}=${value}`]);
}

async function waitUntilReady(child: ChildProcess, home: Home): Promise<void> {
  const deadline = Date.now() + readyMsMax;
  while (Date.now() < deadline) {
    if (hasEnded(child)) throw new Error(`PostgreSQL did not start: ${lastWords(home)}`);
    if (statusLine(home, child.pid) === "ready") return;
    await sleep(10);
  }
  throw new Error(`PostgreSQL was not ready after ${readyMsMax / 1000} s: ${lastWords(home)}`);
}

function hasEnded(child: ChildProcess): boolean {
  return child.pid === undefined || child.exitCode !== null || child.signalCode !== null;
}

/** The status in postmaster.pid, if that file is this process's and not a leftover of a crash. */
function statusLine(home: Home, pid: number | undefined): string | undefined {
  try {
    const lines = readFileSync(`${home.data}/postmaster.pid`, "utf8").split("\n");
    return Number(lines[0]) === pid ? lines[7]?.trim() : undefined;
  } catch {
    return undefined;
  }
}

function lastWords(home: Home): string {
  const lines = readFileSync(home.log, "utf8").trim().split("\n");
  return lines.findLast((l) => l.includes("FATAL")) ?? (lines.at(-1) || "no reason given");
}

async function shutDown(child: ChildProcess, exited: Promise<void>, how: "fast" | "crash"): Promise<void> {
  const harder = { fast: ["SIGINT", "SIGQUIT", "SIGKILL"], crash: ["SIGQUIT", "SIGKILL"] } as const;
  for (const signal of harder[how]) {
    // False when it has ended already; the pid may then be somebody else's, which kill() of a ChildProcess knows.
    if (!child.kill(signal)) break;
    const patience = new AbortController();
    const late = sleep(shutdownMsMax, true, { signal: patience.signal }).catch(() => false);
    const inTime = await Promise.race([exited.then(() => true), late.then(() => false)]);
    patience.abort();
    if (inTime) return;
  }
  await exited;
}
