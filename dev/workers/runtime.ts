/**
 * A built Worker in a workerd of its own, on a fixed port of 127.0.0.1: so that one can be killed and started again
 * while the other goes on, as two Workers in two places would. Requests go straight to workerd (its direct socket),
 * past the simulator's proxy. One that dies by itself comes back, as on the platform.
 */
import { readFile } from "node:fs/promises";
import { connect } from "node:net";
import path from "node:path";
import { convertV4MiniflareOptions, Miniflare, Response, type Request } from "miniflare";
import { z } from "zod";
import type { Bundle } from "./build.ts";
import { freePort } from "../port.ts";

export interface RunningWorker {
  url: string;
  /** Runs the cron handler. Rejects while the Worker is down. */
  scheduled(): Promise<void>;
  /**
   * Takes a Durable Object out of memory that is doing nothing: until it is done, this process stands still, and nothing
   * that the object may wait for is answered. Rejects while the Worker is down, or where there is no such object.
   */
  evict(className: string, objectName: string): Promise<void>;
  /** Ends its workerd at once: requests under way get no answer. */
  kill(): Promise<void>;
  /** Starts it again on the same port. @param changed variables and secrets from now on; undefined takes one away */
  restart(changed?: Record<string, string | undefined>): Promise<void>;
}

export interface WorkerOptions {
  name: string;
  /** Variables and secrets. */
  bindings: Record<string, string>;
  /** Service bindings: the URL of the Worker behind each. */
  services?: Record<string, string>;
  /** What its `ctx.cache.purge` does; without it there is no such thing, as in workerd. */
  purge?: (tags: string[]) => void;
  /** Where e-mail goes that the Worker sends; without it there is no such binding. */
  mailboxUrl?: string;
  /** What the Worker logs, line by line. */
  log: (line: string) => void;
}

const MAIL_BINDING = "mail-binding";
const WATCH_MS = 500;
const PORTS_TRIED_MAX = 5;
const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

export async function startWorker(bundle: Bundle, options: WorkerOptions): Promise<RunningWorker> {
  let port = await freePort();
  const { name, services = {}, purge, mailboxUrl, log } = options;
  const bindings = { ...options.bindings };
  const modules = purge === undefined ? bundle.modules : [await cacheEntry(), ...bundle.modules];
  const start = async () => {
    // Miniflare ends the process at a signal by itself, before we could close the rest: ending is the stack's to do.
    const known = new Set(signals.flatMap((signal) => process.listeners(signal)));
    const isNew = (listener: NodeJS.SignalsListener) => !known.has(listener);
    const running = new Miniflare(
      convertV4MiniflareOptions({
        workers: [
          {
            name,
            compatibilityDate: bundle.compatibilityDate,
            modules,
            bindings,
            ratelimits: Object.fromEntries(bundle.rateLimits.map(({ name, ...limit }) => [name, limit])),
            durableObjects: Object.fromEntries(
              Object.entries(bundle.durableObjects).map(([binding, className]) => [
                binding,
                { className, useSQLite: true },
              ]),
            ),
            serviceBindings: {
              ...Object.fromEntries(
                Object.entries(services).map(([binding, url]) => [
                  binding,
                  { external: { address: new URL(url).host, http: {} } },
                ]),
              ),
              ...(mailboxUrl === undefined ? {} : { EMAIL: MAIL_BINDING }),
              ...(purge === undefined ? {} : { CACHE_PURGE: purging(purge) }),
            },
            unsafeDirectSockets: [{ host: "127.0.0.1", port }],
          },
          ...(mailboxUrl === undefined ? [] : [await mailBinding(bundle.compatibilityDate, mailboxUrl)]),
        ],
        handleStructuredLogs: ({ message }) => log(message),
      }),
    );
    await running.ready.catch(async (error: unknown) => {
      await running.dispose();
      throw error;
    });
    for (const signal of signals)
      process
        .listeners(signal)
        .filter(isNew)
        .forEach((l) => process.off(signal, l));
    return running;
  };
  /** A port that was free a moment ago may be somebody else's by now: then another one is. */
  const startFirst = async (): Promise<Miniflare> => {
    for (let attempt = 1; ; attempt++) {
      try {
        return await start();
      } catch (error) {
        const isTaken = error instanceof Error && "code" in error && error.code === "ERR_ADDRESS_IN_USE";
        if (!isTaken || attempt === PORTS_TRIED_MAX) throw error;
        port = await freePort();
      }
    }
  };
  let running: Miniflare | undefined = await startFirst();
  const watch = setInterval(() => void revive(), WATCH_MS);
  watch.unref();
  let reviving = false;

  /** As the platform does: a Worker whose process died is there again a moment later. */
  async function revive(): Promise<void> {
    const watched = running;
    if (watched === undefined || reviving || (await listens(port))) return;
    reviving = true;
    try {
      await watched.dispose().catch(() => undefined);
      // Killed on purpose meanwhile: then it stays down.
      if (running !== watched) return;
      const revived = await start();
      if (running !== watched) {
        await revived.dispose();
        return;
      }
      running = revived;
      log(`${name} had died and was started again`);
    } finally {
      reviving = false;
    }
  }

  return {
    url: `http://127.0.0.1:${port}`,
    async scheduled() {
      if (running === undefined) throw new Error(`${name} is down`);
      const worker = await running.getWorker();
      await worker.scheduled();
    },
    async evict(className, objectName) {
      if (running === undefined) throw new Error(`${name} is down`);
      await running.unsafeEvictDurableObject(name, className, { name: objectName });
    },
    async kill() {
      const ending = running;
      running = undefined;
      await ending?.dispose();
    },
    async restart(changed = {}) {
      for (const [binding, value] of Object.entries(changed))
        if (value === undefined) Reflect.deleteProperty(bindings, binding);
        else bindings[binding] = value;
      running ??= await start();
    },
  };
}

/** The Worker behind the `EMAIL` binding. */
async function mailBinding(compatibilityDate: string, mailboxUrl: string) {
  const contents = await readFile(path.join(import.meta.dirname, "mail-binding.js"), "utf8");
  return {
    name: MAIL_BINDING,
    compatibilityDate,
    modules: [{ type: "ESModule" as const, path: "mail-binding.js", contents }],
    bindings: { MAILBOX_URL: mailboxUrl },
  };
}

/** A module in front of the Worker's own that gives it `ctx.cache`, which workerd does not have. */
async function cacheEntry() {
  const contents = await readFile(path.join(import.meta.dirname, "cache-entry.js"), "utf8");
  return { type: "ESModule" as const, path: "cache-entry.js", contents };
}

const purgeOptions = z.object({ tags: z.array(z.string()) });

const purging = (purge: (tags: string[]) => void) => async (request: Request) => {
  purge(purgeOptions.parse(await request.json()).tags);
  return new Response(null, { status: 204 });
};

/** Whether anybody listens on a port of 127.0.0.1. */
async function listens(port: number): Promise<boolean> {
  const socket = connect(port, "127.0.0.1");
  return await new Promise<boolean>((resolve) => {
    socket.once("connect", () => resolve(true)).once("error", () => resolve(false));
  }).finally(() => socket.destroy());
}
