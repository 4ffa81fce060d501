/**
 * The local stand-in for Stripe, as the `stripe` package 23.1.0 speaks to it, unmodified, with `host`, `port` and
 * `protocol` set: the API the shop uses, the hosted payment page, and signed webhooks. Guarantee: an answer says what was
 * done, money is whole numbers and adds up, and what can go wrong between the shop and Stripe can be ordered here (faults,
 * switches). Listens on 127.0.0.1 only. Accepted: it forgets when the process ends; objects have only the fields that
 * mean something here (state.ts); no parameter is taken that is not simulated (parameters.ts).
 */
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Hono } from "hono";
import type { Faults } from "../faults.ts";
import { stateOf, type StripeState } from "./control.ts";
import { createDouble, type DoubleOptions } from "./double.ts";
import type { ApiEnv } from "./endpoint.ts";
import { pay, type PayOptions, type PayOutcome } from "./payments.ts";
import type { Switches } from "./switches.ts";

export type { StripeState } from "./control.ts";
export type { PayOptions, PayOutcome } from "./payments.ts";

export interface StripeOptions extends DoubleOptions {
  /** Default: a free one. A taken one rejects with Node's EADDRINUSE error. */
  port?: number;
}

export interface StripeDouble {
  /** `http://127.0.0.1:port`, of the API and of the hosted page. */
  url: string;
  port: number;
  secretKey: string;
  webhookSecret: string;
  /** What goes wrong between the shop and the API. */
  faults: Faults;
  /** What goes wrong with payments and webhooks. */
  switches: Switches;
  /** Pays as the hosted page does. */
  pay(session: string, options?: PayOptions): PayOutcome;
  /** A copy of all it knows; events in order, with their delivery. */
  state(): StripeState;
  /** Does what is due by the clock; resolves when every webhook due has been tried. */
  settled(): Promise<void>;
  /** Cuts what is under way, sends nothing any more. */
  close(): Promise<void>;
}

const bodyBytesMax = 1024 * 1024;
/** Longer than clients keep idle connections, so that they and not we close one just as it is used again. */
const keepAliveMs = 75_000;

export async function startStripe(options: StripeOptions = {}): Promise<StripeDouble> {
  let url = "";
  const { account, app, faults, webhooks, secretKey, webhookSecret } = createDouble(options, () => url);

  const server = createServer({ keepAliveTimeout: keepAliveMs }, (request, response) => {
    void serve(app, request, response).catch(() => response.destroy());
  });
  server.listen(options.port ?? 0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  url = `http://127.0.0.1:${port}`;

  return {
    url,
    port,
    secretKey,
    webhookSecret,
    faults,
    switches: account.switches,
    pay: (session, payOptions) => pay(account, session, payOptions),
    state: () => stateOf(account),
    settled: () => webhooks.settled(),
    async close() {
      account.schedule.stop();
      await webhooks.close();
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

async function serve(app: Hono<ApiEnv>, incoming: IncomingMessage, response: ServerResponse): Promise<void> {
  const request = await toRequest(incoming);
  if (request === undefined) {
    response.writeHead(413).end();
    return;
  }
  const answer = await app.fetch(request, { response });
  const body = Buffer.from(await answer.arrayBuffer());
  if (response.destroyed) return;
  response.writeHead(answer.status, { ...Object.fromEntries(answer.headers), "content-length": body.length });
  response.end(body);
}

/** @returns undefined if the body is too long; it is read to its end, so that the client gets to hear so */
async function toRequest(incoming: IncomingMessage): Promise<Request | undefined> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of incoming) {
    if (!(chunk instanceof Buffer)) continue;
    bytes += chunk.length;
    if (bytes <= bodyBytesMax) chunks.push(chunk);
  }
  if (bytes > bodyBytesMax) return undefined;
  const headers = new Headers();
  for (const [name, values] of Object.entries(incoming.headersDistinct))
    for (const value of values ?? []) headers.append(name, value);
  const method = incoming.method ?? "GET";
  const body = method === "GET" || method === "HEAD" ? null : Buffer.concat(chunks);
  return new Request(new URL(incoming.url ?? "/", "http://stripe.local"), { method, headers, body });
}
