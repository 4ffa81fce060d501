/**
 * The real Redis behind the local stand-in for Upstash: a redis-server of our own on a unix socket in a private folder,
 * nothing on the network. Guarantee: it and its folder are gone after `stop`, and also when this process ends in any
 * other way. Trade-off: nothing is written to disk, so its data ends with it.
 */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { findRedisBinary } from "./binary.ts";

export { MissingBinary } from "./binary.ts";

export interface RedisServer {
  /** The unix socket it listens on. */
  socketPath: string;
  pid: number;
  /** Ends it at once; it has nothing to save. May be called again. */
  stop(): Promise<void>;
}

const readyMsMax = 10_000;

/**
 * Starts a Redis and waits till it takes connections.
 * @throws {MissingBinary} there is no Redis on this machine
 * @throws Error it did not start; with the end of its log
 */
export async function startRedisServer(): Promise<RedisServer> {
  const binary = findRedisBinary();
  // Not under a longer path: unix socket paths are limited to about 100 bytes.
  const folder = mkdtempSync(join(tmpdir(), "redis-"));
  const socketPath = join(folder, "s");
  const logPath = join(folder, "log");
  const child = launch(binary, folder, socketPath, logPath);
  const exited = new Promise<void>((resolve) => {
    child.once("exit", () => resolve());
    child.once("error", () => resolve());
  });
  const guard = child.pid === undefined ? undefined : guardAgainstOrphans(child.pid, folder);
  // The guard must not outlive the Redis it would kill: its pid may then be another's.
  void exited.then(() => guard?.kill("SIGKILL"));

  const stop = async () => {
    child.kill("SIGKILL");
    await exited;
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    await ready(socketPath, exited);
    if (child.pid === undefined) throw new Error("no process");
  } catch (error) {
    const log = readFileSync(logPath, "utf8").trim().split("\n").slice(-3).join(" | ");
    await stop();
    throw new Error(`${binary} did not start: ${log || String(error)}`, { cause: error });
  }
  return { socketPath, pid: child.pid, stop };
}

function launch(binary: string, folder: string, socketPath: string, logPath: string): ChildProcess {
  const log = openSync(logPath, "w", 0o600);
  const settings = {
    port: "0",
    unixsocket: socketPath,
    unixsocketperm: "700",
    dir: folder,
    save: "",
    appendonly: "no",
    daemonize: "no",
    "maxmemory-policy": "noeviction",
  };
  const args = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value]);
  // Its own process group: Ctrl-C in a terminal reaches us, who may still need it, and not Redis.
  const child = spawn(binary, args, { stdio: ["ignore", log, log], detached: true });
  child.unref();
  closeSync(log);
  return child;
}

/**
 * A shell that waits for its input to end, which the system does whatever ends this process (SIGKILL too), then kills
 * Redis and removes its folder. Signal handlers here could not do that and would get in the way of the program's own.
 */
function guardAgainstOrphans(pid: number, folder: string): ChildProcess {
  const script = 'read -r _; kill -9 "$1" && rm -rf -- "$2"';
  const guard = spawn("/bin/sh", ["-c", script, "sh", String(pid), folder], {
    stdio: ["pipe", "ignore", "ignore"],
    detached: true,
  });
  guard.unref();
  return guard;
}

async function ready(socketPath: string, exited: Promise<void>): Promise<void> {
  const ended = exited.then(() => "ended" as const);
  for (const until = Date.now() + readyMsMax; Date.now() < until;) {
    if (await accepts(socketPath)) return;
    if ((await Promise.race([ended, sleep(5)])) === "ended") throw new Error("it ended");
  }
  throw new Error(`not ready after ${readyMsMax} ms`);
}

async function accepts(socketPath: string): Promise<boolean> {
  const socket = connect(socketPath);
  try {
    await once(socket, "connect");
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}
