/**
 * The CDN of the local stack: a caching reverse proxy that plays Cloudflare's Workers Cache in front of the edge Worker,
 * because workerd does not simulate it. Guarantees: an answer marked uncacheable reaches one client only; simultaneous
 * misses of one key run the Worker once; memory is bounded. Accepted: one tier, one location, no ranges, no WebSockets,
 * and a collapsed miss waits for the whole body instead of joining its stream.
 *
 * Where production would leak (the key knows no cookie and no host) this leaks too, so that tests notice.
 */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { once } from "node:events";
import { sendAnswer, type CacheStatus } from "./answer.ts";
import { fill, type FillContext, type Outcome } from "./fill.ts";
import { createJudge } from "./freshness.ts";
import { requestFields } from "./headers.ts";
import { refuse, relay, type Relay } from "./relay.ts";
import { createStaticFiles } from "./static.ts";
import { createStats, type FrontStats } from "./stats.ts";
import { createStore, type Entry, type Purge } from "./store.ts";
import { createUpstream } from "./upstream.ts";

export interface FrontOptions {
  /** `http://127.0.0.1:port` of the edge Worker; a function is asked for each request. */
  upstream: string | (() => string);
  /** 0 or absent: any free port. A taken port rejects with Node's EADDRINUSE error. */
  port?: number;
  host?: string;
  /** Files served without running code, with Cloudflare's `_headers` file if the folder has one. */
  staticDir?: string;
  /** Most bytes kept in memory; the least recently used answers go first. An eighth of it is the most for one answer. */
  cacheBytesMax?: number;
  /** The clock of all ages, in milliseconds since the epoch. */
  now?: () => number;
}

export interface Front {
  url: string;
  port: number;
  stats(): FrontStats;
  resetStats(): void;
  /** @returns how many stored answers went */
  purge(what: Purge): number;
  /** All that it has kept, as text: for who looks for what must not be there. */
  kept(): string[];
  close(): Promise<void>;
}

const CACHE_BYTES_MAX = 64 * 1024 * 1024;
/** A Worker that varies by something else each time must not keep a request waiting for ever. */
const WAITS_MAX = 3;
/** A whole crowd connects at the opening second. */
const BACKLOG = 4096;
/** Longer than the clients keep theirs, so that no request meets a closing connection. */
const KEEP_ALIVE_MS = 75_000;

export async function startFront(options: FrontOptions): Promise<Front> {
  const now = options.now ?? Date.now;
  const bytesMax = options.cacheBytesMax ?? CACHE_BYTES_MAX;
  const store = createStore(bytesMax);
  const upstream = createUpstream(options.upstream);
  const stats = createStats(upstream, store);
  const files = options.staticDir === undefined ? undefined : createStaticFiles(options.staticDir);
  const flights = new Map<string, Promise<Outcome>>();
  const context: FillContext = {
    store,
    upstream,
    now,
    judge: createJudge(now),
    entryBytesMax: bytesMax / 8,
    count: stats.sent,
  };

  function send(req: IncomingMessage, res: ServerResponse, entry: Entry, cacheStatus: CacheStatus): void {
    stats.answered(cacheStatus);
    stats.sent(sendAnswer(req, res, entry.answer, cacheStatus, now()));
  }

  function finish(req: IncomingMessage, res: ServerResponse, outcome: Outcome): void {
    switch (outcome.kind) {
      case "answer":
        send(req, res, outcome.entry, outcome.cacheStatus);
        break;
      case "uncacheable":
        stats.answered(outcome.cacheStatus);
        break;
      case "unreachable":
        stats.answered("MISS");
        refuse(res, 502, "MISS");
        break;
    }
  }

  /** What every other method gets, and whatever must not touch the cache. */
  function bypass(req: IncomingMessage, res: ServerResponse): void {
    stats.answered("BYPASS");
    let live: Relay | undefined;
    const hasBody =
      req.headers["transfer-encoding"] !== undefined || Number(req.headers["content-length"] ?? 0) > 0;
    const giveUp = upstream.send(
      {
        method: req.method ?? "GET",
        path: req.url ?? "/",
        fields: requestFields(req),
        ...(hasBody ? { body: req } : {}),
      },
      {
        head(status, headers, control) {
          live = relay(req, res, { status, headers, cacheStatus: "BYPASS" }, control, stats.sent);
        },
        data: (chunk) => live?.data(chunk),
        end: () => live?.end(),
        fail(error) {
          if (live) live.fail(error);
          else refuse(res, 502, "BYPASS");
        },
      },
    );
    res.on("close", () => {
      if (!res.writableFinished) giveUp(new Error("the client went away"));
    });
  }

  function take(key: string, flight: Promise<Outcome>): Promise<Outcome> {
    flights.set(key, flight);
    void flight.then(() => {
      if (flights.get(key) === flight) flights.delete(key);
    });
    return flight;
  }

  /** @param waits how often this request has waited for another's answer that was not its own */
  function cached(req: IncomingMessage, res: ServerResponse, url: string, waits: number): void {
    const key = store.keyFor(url, req.headers);
    const found = store.get(key);
    const authorized = req.headers.authorization !== undefined;
    const entry = authorized && found?.shareable === false ? undefined : found;
    if (entry) {
      const at = now();
      if (at < entry.freshUntil) {
        send(req, res, entry, "HIT");
        return;
      }
      if (at < entry.staleWhileRevalidateUntil) {
        if (!flights.has(key)) void take(key, fill(context, req, undefined, entry));
        send(req, res, entry, "UPDATING");
        return;
      }
    }
    const flight = authorized ? undefined : flights.get(key);
    if (flight && waits < WAITS_MAX) {
      void flight.then((outcome) => landed(req, res, url, waits, outcome));
      return;
    }
    const own = fill(context, req, res, entry);
    void (authorized || flight ? own : take(key, own)).then((outcome) => finish(req, res, outcome));
  }

  /** Another request's answer is here: this one's too, unless it is another variant or meant for one client. */
  function landed(
    req: IncomingMessage,
    res: ServerResponse,
    url: string,
    waits: number,
    outcome: Outcome,
  ): void {
    if (outcome.kind === "uncacheable") {
      void fill(context, req, res, undefined).then((own) => finish(req, res, own));
    } else if (outcome.kind === "unreachable") {
      finish(req, res, outcome);
    } else if (outcome.entry.suits(req.headers)) {
      send(req, res, outcome.entry, outcome.cacheStatus === "STALE" ? "STALE" : "HIT");
    } else {
      cached(req, res, url, waits + 1);
    }
  }

  function serve(req: IncomingMessage, res: ServerResponse): void {
    stats.asked();
    const url = req.url ?? "/";
    if (!url.startsWith("/")) {
      stats.answered("BYPASS");
      refuse(res, 400, "BYPASS");
      return;
    }
    if (req.method !== "GET" && req.method !== "HEAD") {
      bypass(req, res);
      return;
    }
    const file = files?.find(url);
    if (file) {
      stats.answered("STATIC");
      stats.sent(sendAnswer(req, res, file, "STATIC", now()));
      return;
    }
    cached(req, res, url, 0);
  }

  const server = createServer({ keepAliveTimeout: KEEP_ALIVE_MS, noDelay: true }, serve);
  const host = options.host ?? "127.0.0.1";
  server.listen({ port: options.port ?? 0, host, backlog: BACKLOG });
  await once(server, "listening");
  const address = server.address();
  const port = typeof address === "object" && address ? address.port : 0;

  return {
    url: `http://${host}:${port}`,
    port,
    stats: stats.read,
    resetStats: stats.reset,
    purge(what) {
      // Whoever asks after a purge must not wait for an answer from before it.
      flights.clear();
      return store.purge(what);
    },
    kept: () =>
      store
        .all()
        .map(
          ({ key, answer: { headers, body } }) => `${key}\n${JSON.stringify(headers)}\n${body.toString()}`,
        ),
    async close() {
      server.close();
      server.closeAllConnections();
      await upstream.close();
    },
  };
}
