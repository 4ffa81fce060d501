/**
 * The local stand-in for Upstash Redis over REST, as @upstash/redis speaks it, unmodified, over a real Redis. Guarantee:
 * what it answers, Redis has done; it counts what Upstash would bill; and faults can be ordered (dev/faults.ts) where the
 * real network would have them. Listens on 127.0.0.1 only. Not here: RESP2 answers, SSE subscriptions, ACL users, TLS,
 * replicas: the one Redis is always in sync.
 */
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { createFaults, type Faults } from "../faults.ts";
import { createBilling, type GatewayStats } from "./billing.ts";
import { loadCommands } from "./commands.ts";
import { openConnection, RedisAway, type Reply } from "./connection.ts";
import { control, type ControlContext } from "./control.ts";
import { accessCheck, answer, readBody } from "./http.ts";
import { writeError } from "./reply.ts";
import { BadRequest } from "./request.ts";
import { methodsFor, serve } from "./rest.ts";
import { createRunner } from "./runner.ts";
import { createScripts } from "./scripts.ts";
import type { RedisServer } from "./server.ts";

export type { GatewayStats } from "./billing.ts";

export interface RedisGatewayOptions {
  redis: RedisServer;
  /** Bearer token that may do everything, `/_gateway/…` included. */
  token: string;
  /** Bearer token that may only read. */
  readOnlyToken?: string;
  /** Default: a free one. */
  port?: number;
  faults?: Faults;
}

/** What raw access gives: text, numbers (exact up to 2^53), null, lists of these. */
export type RawReply = string | number | null | RawReply[];

export interface RedisGateway {
  /** For `new Redis({ url, token })`. */
  url: string;
  faults: Faults;
  /** Past the gateway, for tests and tools: not counted, except for calls inside scripts. Rejects with errors of Redis. */
  redis: { command(...args: (string | number)[]): Promise<RawReply> };
  /** @throws {RedisAway} */
  stats(): Promise<GatewayStats>;
  /** Starts counting from zero. @throws {RedisAway} */
  resetStats(): Promise<void>;
  /** A Redis that lost everything: data and scripts. @throws {RedisAway} */
  wipe(): Promise<void>;
  /** Lets running requests end (2 s at most), then closes everything; the Redis goes on. */
  close(): Promise<void>;
}

/** Upstash's limit for a request. */
const bodyBytesMax = 10 * 1024 * 1024;
/** Longer than clients keep idle connections, so that they and not we close one just as it is used again. */
const keepAliveMs = 75_000;
const closeMsMax = 2_000;
const connectionsMax = 10_000;
const noQuery = new URLSearchParams();

/** @throws Error if the port is taken or Redis does not answer */
export async function startRedisGateway(options: RedisGatewayOptions): Promise<RedisGateway> {
  const { token, readOnlyToken, faults = createFaults() } = options;
  const connection = openConnection(options.redis.socketPath);
  const commands = await loadCommands(connection);
  const billing = await createBilling(connection, commands.statName);
  const accessOf = accessCheck(token, readOnlyToken);
  const runner = createRunner(connection, commands, createScripts(), billing);

  const wipe = async () => {
    const replies = await billing.sendOwn([
      ["FLUSHALL", "SYNC"],
      ["SCRIPT", "FLUSH", "SYNC"],
    ]);
    for (const reply of replies) raw(reply);
  };
  const context: ControlContext = { faults, stats: billing.stats, resetStats: billing.reset, wipe };

  function receive(request: IncomingMessage, response: ServerResponse): void {
    const { method = "", url = "" } = request;
    const mark = url.indexOf("?");
    const pathname = mark < 0 ? url : url.slice(0, mark);
    const query = mark < 0 ? noQuery : new URLSearchParams(url.slice(mark));
    const isControl = pathname.startsWith("/_gateway/");
    if (!isControl) billing.countRequest();
    const access = accessOf(request.headers.authorization, query);
    if (access === undefined || (isControl && access !== "full")) {
      answer(response, 401, writeError("WRONGPASS invalid or missing auth token"));
      return;
    }
    const allowed = methodsFor(pathname);
    if (!isControl && !allowed.has(method)) {
      const message = `ERR unsupported HTTP method: ${method}`;
      answer(response, 405, writeError(message), { Allow: [...allowed].join(", ") });
      return;
    }
    readBody(request, bodyBytesMax, (body) => {
      const readOnly = access === "read_only";
      let work: Promise<void>;
      if (body === undefined) {
        const message = `ERR max request size exceeded. Limit: ${bodyBytesMax} bytes`;
        work = Promise.reject(new BadRequest(413, message));
      } else if (isControl) {
        work = controlled(method, pathname, body, response);
      } else {
        work = serve({ request, response, pathname, query, body, readOnly }, runner, faults);
      }
      work.catch((error: unknown) => refuse(response, error));
    });
  }

  async function controlled(method: string, pathname: string, body: Buffer, response: ServerResponse) {
    answer(response, 200, JSON.stringify(await control(method, pathname, body.toString(), context)));
  }

  const server = createServer({ keepAliveTimeout: keepAliveMs }, receive);
  server.maxConnections = connectionsMax;
  try {
    server.listen(options.port ?? 0, "127.0.0.1");
    await once(server, "listening");
  } catch (error) {
    connection.close();
    throw error;
  }
  const { port } = server.address() as AddressInfo;

  return {
    url: `http://127.0.0.1:${port}`,
    faults,
    redis: {
      command: async (...args) => raw((await billing.sendOwn([args.map(String)]))[0] ?? null),
    },
    stats: billing.stats,
    resetStats: billing.reset,
    wipe,
    async close() {
      const cut = setTimeout(() => server.closeAllConnections(), closeMsMax);
      const closed = once(server, "close");
      server.close();
      server.closeIdleConnections();
      await closed;
      clearTimeout(cut);
      connection.close();
    },
  };
}

function refuse(response: ServerResponse, error: unknown): void {
  const status = error instanceof BadRequest ? error.status : error instanceof RedisAway ? 503 : 500;
  answer(response, status, writeError(error instanceof Error ? error.message : "ERR internal error"));
}

/** @throws the reply, if it is an error of Redis */
function raw(reply: Reply): RawReply {
  if (reply instanceof Error) throw reply;
  if (Array.isArray(reply)) return reply.map(raw);
  return Buffer.isBuffer(reply) ? reply.toString() : reply === null ? null : Number(reply);
}
