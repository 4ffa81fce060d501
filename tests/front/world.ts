/** A front on a clock that the test moves, before a real HTTP server whose answers the test scripts. */
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from "node:http";
import { once } from "node:events";
import { connect } from "node:net";
import { Readable } from "node:stream";
import { Agent, request, type Dispatcher } from "undici";
import { onTestFinished } from "vitest";
import { startFront, type Front, type FrontOptions } from "../../dev/front/front.ts";

export interface Got {
  status: number;
  /** The word in CF-Cache-Status. */
  cache: string | undefined;
  age: string | undefined;
  body: string;
  headers: Record<string, string | string[] | undefined>;
}

export interface World {
  front: Front;
  /** What reached the Worker, in order. */
  seen: { method: string; url: string; headers: IncomingMessage["headers"]; body: string }[];
  /** Replaces the Worker's answer to everything. */
  answer: (listener: RequestListener) => void;
  /** Moves the front's clock. */
  pass: (seconds: number) => void;
  get: (path: string, headers?: Record<string, string>) => Promise<Got>;
  ask: (method: Dispatcher.HttpMethod, path: string, options?: AskOptions) => Promise<Got>;
  stopWorker: () => Promise<void>;
  startWorker: () => Promise<void>;
}

export interface AskOptions {
  headers?: Record<string, string> | string[];
  body?: string | AsyncIterable<Buffer>;
}

async function listen(listener: RequestListener, port = 0) {
  const server = createServer(listener);
  server.listen(port, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (typeof address !== "object" || !address) throw new Error("no port");
  const close = async () => {
    server.closeAllConnections();
    server.close();
    await once(server, "close");
  };
  return { port: address.port, close };
}

/** An answer with these fields and a body that tells how often the Worker has run. */
export function counted(fields: Record<string, string | string[]>, status = 200): RequestListener {
  let runs = 0;
  return (_, res) => void res.writeHead(status, fields).end(`run ${++runs}`);
}

/** Sends one request as bytes, for what no HTTP client would send. */
export async function raw(front: Front, target: string, fields = ""): Promise<string> {
  const socket = connect(front.port, "127.0.0.1");
  socket.write(`GET ${target} HTTP/1.1\r\nHost: shop.test\r\nConnection: close, x-mine\r\n${fields}\r\n`);
  let text = "";
  for await (const chunk of socket) text += String(chunk);
  return text;
}

/** Waits until something asynchronous has become true; no fixed sleeps. */
export async function until(fact: () => boolean): Promise<void> {
  for (const giveUpAt = Date.now() + 3000; !fact(); await new Promise((r) => setTimeout(r, 2))) {
    if (Date.now() > giveUpAt) throw new Error("it never became true");
  }
}

export async function startWorld(options: Partial<FrontOptions> = {}): Promise<World> {
  const seen: World["seen"] = [];
  let listener: RequestListener = counted({ "cache-control": "no-store" });
  let clock = Date.now();

  const onRequest = (req: IncomingMessage, res: ServerResponse) => {
    const entry = { method: req.method ?? "", url: req.url ?? "", headers: req.headers, body: "" };
    seen.push(entry);
    req.on("data", (chunk: Buffer) => (entry.body += chunk.toString()));
    listener(req, res);
  };
  let worker = await listen(onRequest);
  const port = worker.port;
  const front = await startFront({ upstream: `http://127.0.0.1:${port}`, now: () => clock, ...options });
  const agent = new Agent({ connections: 256 });
  onTestFinished(async () => {
    await agent.destroy();
    await front.close();
    await worker.close().catch(() => undefined);
  });

  const ask: World["ask"] = async (method, path, { headers, body } = {}) => {
    const answer = await request(front.url + path, {
      dispatcher: agent,
      method,
      headers: headers ?? {},
      ...(body === undefined ? {} : { body: typeof body === "string" ? body : Readable.from(body) }),
    });
    const one = (name: string) => {
      const value = answer.headers[name];
      return Array.isArray(value) ? value.join() : value;
    };
    return {
      status: answer.statusCode,
      cache: one("cf-cache-status"),
      age: one("age"),
      body: await answer.body.text(),
      headers: answer.headers,
    };
  };

  return {
    front,
    seen,
    ask,
    answer: (next) => (listener = next),
    pass: (seconds) => (clock += seconds * 1000),
    get: (path, headers) => ask("GET", path, headers ? { headers } : {}),
    stopWorker: () => worker.close(),
    startWorker: async () => void (worker = await listen(onRequest, port)),
  };
}
