/**
 * The way to the edge Worker: one pool of kept-alive connections per address. No retries: a CDN that repeats a request
 * would hide exactly the lost answers the rehearsals look for.
 */
import type { IncomingMessage } from "node:http";
import { PassThrough } from "node:stream";
import { Pool, type Dispatcher } from "undici";
import type { Fields } from "./headers.ts";

export interface Control {
  pause: () => void;
  resume: () => void;
  abort: (reason: Error) => void;
}

/** `head` once, then `data`s and `end`; or `fail` at any moment, once and last. */
export interface Receiver {
  head(status: number, headers: Fields, control: Control): void;
  data(chunk: Buffer): void;
  end(): void;
  fail(error: Error): void;
}

export interface Upstream {
  /** @returns a function that gives the request up; the receiver then hears `fail` */
  send(
    request: { method: string; path: string; fields: string[]; body?: IncomingMessage },
    to: Receiver,
  ): (reason: Error) => void;
  requests(): number;
  resetRequests(): void;
  close(): Promise<void>;
}

const CONNECTIONS_MAX = 512;
const HEADERS_TIMEOUT_MS = 60_000;

/** @param address `http://127.0.0.1:port`, or a function asked for each request (a restarted Worker may have moved) */
export function createUpstream(address: string | (() => string)): Upstream {
  let pool: { origin: string; pool: Pool } | undefined;
  let requests = 0;

  function poolFor(origin: string): Pool {
    if (pool?.origin !== origin) {
      void pool?.pool.close();
      pool = {
        origin,
        pool: new Pool(origin, { connections: CONNECTIONS_MAX, headersTimeout: HEADERS_TIMEOUT_MS }),
      };
    }
    return pool.pool;
  }

  /** undici destroys the body of a failed request, and destroying the client's request would cut off its answer. */
  function detached(body: IncomingMessage): PassThrough {
    const through = new PassThrough();
    body.on("close", () => {
      if (!body.complete) through.destroy(new Error("the client went away"));
    });
    through.on("close", () => body.unpipe(through).resume());
    return body.pipe(through);
  }

  return {
    send({ method, path, fields, body }, to) {
      requests++;
      let given: Error | undefined;
      let controller: Dispatcher.DispatchController | undefined;
      const handler: Dispatcher.DispatchHandler = {
        onRequestStart(it) {
          controller = it;
          if (given) it.abort(given);
        },
        onResponseStart(it, status, headers) {
          if (status >= 200) to.head(status, headers, it);
        },
        onResponseData: (_, chunk) => to.data(chunk),
        onResponseEnd: () => to.end(),
        onResponseError: (_, error) => to.fail(error),
      };
      try {
        const origin = typeof address === "string" ? address : address();
        poolFor(origin).dispatch(
          { method, path, headers: fields, body: body ? detached(body) : null },
          handler,
        );
      } catch (error) {
        // No address to ask yet is the same to a client as nobody answering there.
        to.fail(error instanceof Error ? error : new Error(String(error)));
      }
      return (reason) => {
        given = reason;
        controller?.abort(reason);
      };
    },
    requests: () => requests,
    resetRequests: () => void (requests = 0),
    close: async () => pool?.pool.destroy(),
  };
}
