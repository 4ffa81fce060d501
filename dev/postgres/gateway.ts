/**
 * The local stand-in for Neon over HTTP: `POST /sql` as `neon()` of @neondatabase/serverless speaks it, unmodified,
 * over a real PostgreSQL. Guarantee: what it answers, PostgreSQL has done; and faults can be ordered (dev/faults.ts)
 * where the real network would have them. Listens on 127.0.0.1 only. Not here: JWT sessions, WebSockets, TLS.
 */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { createFaults, strike, type Faults } from "../faults.ts";
import { control } from "./control.ts";
import { checkCredentials, credentialsOf, neonConnectionString } from "./credentials.ts";
import { openDatabase } from "./database.ts";
import { readBody, reply } from "./http.ts";
import {
  bytesMax,
  payloadSchema,
  readModes,
  Refusal,
  writeError,
  writeResults,
  type Payload,
} from "./wire.ts";

export interface NeonGatewayOptions {
  /** The PostgreSQL behind; its user, password and database are also what callers must name. */
  connectionString: string;
  /** Default: a free one. */
  port?: number;
  faults?: Faults;
  /** Opens `/_gateway/…` to who bears it; without it those paths do not exist. */
  token?: string;
  /** Connections to PostgreSQL at most. Default 20. */
  connectionsMax?: number;
}

export interface GatewayStats {
  /** Calls of /sql, refused ones included. */
  requests: number;
  /** Statements given to PostgreSQL. */
  queries: number;
}

export interface NeonGateway {
  /** For `neonConfig.fetchEndpoint`. */
  url: string;
  /** For `neon()`. */
  connectionString: string;
  faults: Faults;
  stats(): GatewayStats;
  /** Lets running requests end (5 s at most), then closes everything. */
  close(): Promise<void>;
}

/** Longer than clients keep idle connections, so that they and not we close one just as it is used again. */
const keepAliveMs = 75_000;
const closeMsMax = 5_000;

/** @throws Error if the port is taken; a PostgreSQL that is away shows in the answers instead */
export async function startNeonGateway(options: NeonGatewayOptions): Promise<NeonGateway> {
  const { connectionString, token, faults = createFaults() } = options;
  const credentials = credentialsOf(connectionString);
  const database = openDatabase(connectionString, options.connectionsMax ?? 20);
  let requests = 0;
  const stats = () => ({ requests, queries: database.queries() });

  async function sql(request: IncomingMessage, response: ServerResponse): Promise<void> {
    requests++;
    checkCredentials(request.headers["neon-connection-string"], credentials);
    const modes = readModes(request.headers);
    const body = await readBody(request, bytesMax);
    if (body === undefined) throw new Refusal(413, `request is too large (max is ${bytesMax} bytes)`);
    const payload = parsePayload(body);
    const fault = faults.take(body);
    const refuse = (status: number) =>
      reply(response, status, writeError(new Refusal(status, "injected fault")));
    if (fault && (await strike(fault, response, refuse))) return;
    const work = database.execute(payload, modes, hangUpSignal(response));
    if (fault?.kind === "lose_answer") {
      // Lost with it, if so, is the news that it failed.
      await work.catch(() => undefined);
      response.destroy();
      return;
    }
    const answer = writeResults(await work, payload, modes);
    reply(response, 200, answer, "queries" in payload ? modes.echo : {});
  }

  const server = createServer({ keepAliveTimeout: keepAliveMs }, (request, response) => {
    response.once("close", () => {
      // server.close() has ended the connections idle then; this one became so only now.
      if (!server.listening) setImmediate(() => server.closeIdleConnections());
    });
    void route(request, response).catch((error: unknown) => {
      // A statement that failed is the caller's affair, whatever the reason: Neon answers 400 to all of those.
      reply(response, error instanceof Refusal ? error.status : 400, writeError(error));
    });
  });

  async function route(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname } = new URL(request.url ?? "/", "http://gateway");
    if (pathname.startsWith("/_gateway/") && token !== undefined) {
      await control(request, response, pathname, { token, faults, stats });
    } else if (pathname !== "/sql") {
      reply(response, 404, { message: "not found" });
    } else if (request.method !== "POST") {
      reply(response, 405, { message: "use POST" }, { Allow: "POST" });
    } else {
      await sql(request, response);
    }
  }

  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(options.port ?? 0, "127.0.0.1", resolve);
  });
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/sql`,
    connectionString: neonConnectionString(credentials),
    faults,
    stats,
    async close() {
      const cut = setTimeout(() => server.closeAllConnections(), closeMsMax);
      await new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeIdleConnections();
      });
      clearTimeout(cut);
      await database.close();
    },
  };
}

function parsePayload(body: string): Payload {
  let json: unknown;
  try {
    json = JSON.parse(body);
  } catch (error) {
    throw new Refusal(
      400,
      `could not parse the HTTP request body: ${error instanceof Error ? error.message : ""}`,
    );
  }
  const payload = payloadSchema.safeParse(json);
  if (!payload.success)
    throw new Refusal(400, "could not parse the HTTP request body: neither query nor queries");
  return payload.data;
}

/** Aborts when the caller goes away before the answer is out. */
function hangUpSignal(response: ServerResponse): AbortSignal {
  const controller = new AbortController();
  const check = () => {
    if (!response.writableEnded) controller.abort();
  };
  if (response.destroyed) check();
  response.once("close", check);
  return controller.signal;
}
