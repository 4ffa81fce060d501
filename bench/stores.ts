/**
 * The stores of a bench in a process of their own: this file again, forked. In the process that sends the load their gateways would
 * share its thread, and each would be measured waiting for the other. It ends with its parent, however that ends.
 */
import { fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import path from "node:path";
import { startFront } from "../dev/front/front.ts";
import { startNeonGateway } from "../dev/postgres/gateway.ts";
import { migrate } from "../dev/postgres/migrate.ts";
import { startPostgres } from "../dev/postgres/server.ts";
import { startRedisGateway } from "../dev/redis/gateway.ts";
import { startRedisServer } from "../dev/redis/server.ts";
import { buildStatic, STATIC_DIR } from "../dev/workers/assets.ts";

/** Bearer token of the Redis gateway. */
export const GATEWAY_TOKEN = "bench";

export interface Addresses {
  redis: { url: string; socketPath: string; pid: number };
  postgres: { connectionString: string; neonUrl: string; neonConnectionString: string };
  /** A server that answers what the Redis gateway could answer, without a Redis. */
  bareUrl: string;
  /** The front of the local stack with the static files, and no Worker behind. */
  frontUrl: string;
}

export type Stores<Part extends keyof Addresses> = Pick<Addresses, Part> & {
  /** Milliseconds of CPU that their process has used, Redis and PostgreSQL not included. */
  cpuMs: () => Promise<number>;
  close: () => Promise<void>;
};

/** @throws Error with one line for a part that does not start */
export async function startStores<Part extends keyof Addresses>(...parts: Part[]): Promise<Stores<Part>> {
  const child = fork(import.meta.filename, parts, {
    execArgv: [],
    stdio: ["ignore", "ignore", "inherit", "ipc"],
  });
  const ended = once(child, "exit");
  const close = async () => {
    if (child.connected) child.disconnect();
    await ended;
  };
  const said = (await answerOf(child)) as { started: Pick<Addresses, Part> } | { failed: string } | undefined;
  if (said === undefined || "failed" in said) {
    await close();
    throw new Error(said?.failed ?? "the stores ended before they were ready");
  }
  return {
    ...said.started,
    cpuMs: async () => {
      child.send("cpu");
      return Number(await answerOf(child));
    },
    close,
  };
}

async function answerOf(child: ChildProcess): Promise<unknown> {
  const waiting = new AbortController();
  const { signal } = waiting;
  const ended = once(child, "exit", { signal }).then(() => [undefined]);
  ended.catch(() => undefined);
  try {
    const [said] = (await Promise.race([once(child, "message", { signal }), ended])) as [unknown];
    return said;
  } finally {
    waiting.abort();
  }
}

const starters: {
  [Part in keyof Addresses]: (closing: (() => Promise<unknown>)[]) => Promise<Addresses[Part]>;
} = {
  async redis(closing) {
    const server = await startRedisServer();
    closing.push(() => server.stop());
    const gateway = await startRedisGateway({ redis: server, token: GATEWAY_TOKEN });
    closing.push(() => gateway.close());
    return { url: gateway.url, socketPath: server.socketPath, pid: server.pid };
  },
  async postgres(closing) {
    const database = await startPostgres();
    closing.push(() => database.stop());
    const { connectionString } = database;
    await migrate(connectionString, path.join(import.meta.dirname, "../migrations"));
    const gateway = await startNeonGateway({ connectionString });
    closing.push(() => gateway.close());
    return { connectionString, neonUrl: gateway.url, neonConnectionString: gateway.connectionString };
  },
  /** The least a Node server can do with the same requests: what of the gateway's time is node:http's. */
  async bareUrl(closing) {
    const server = createServer((request, response) => {
      request.on("data", () => undefined);
      request.on("end", () => {
        response.writeHead(200, { "Content-Type": "application/json", "Content-Length": 12 });
        response.end('{"result":1}');
      });
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    closing.push(() => {
      server.closeAllConnections();
      return Promise.resolve();
    });
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  },
  async frontUrl(closing) {
    await buildStatic();
    const front = await startFront({ upstream: "http://127.0.0.1:9", staticDir: STATIC_DIR });
    closing.push(() => front.close());
    return front.url;
  },
};

async function serve(parts: (keyof Addresses)[]): Promise<void> {
  // A terminal's Ctrl-C reaches both: the parent decides when to end.
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => undefined);
  const closing: (() => Promise<unknown>)[] = [];
  process.on("message", () => {
    const { user, system } = process.cpuUsage();
    process.send?.((user + system) / 1000);
  });
  process.once("disconnect", () => {
    void (async () => {
      for (const end of closing.toReversed()) await end();
      process.exit();
    })();
  });
  try {
    const started: Record<string, unknown> = {};
    for (const part of parts) started[part] = await starters[part](closing);
    process.send?.({ started });
  } catch (error) {
    process.send?.({ failed: error instanceof Error ? error.message : String(error) });
  }
}

if (import.meta.main) await serve(process.argv.slice(2) as (keyof Addresses)[]);
