/**
 * One request to the Worker for a path that may be cached: a first fill, a revalidation in the foreground, or a refresh
 * behind a stale answer. What may be stored is gathered, stored and given to everybody who waits; what may not goes to
 * the one client that asked, streaming, and to nobody else.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import { createAnswer, type CacheStatus } from "./answer.ts";
import type { Judge } from "./freshness.ts";
import { line, requestFields, type Fields } from "./headers.ts";
import { relay, type Relay } from "./relay.ts";
import type { Entry, Lifetimes, Store } from "./store.ts";
import type { Control, Upstream } from "./upstream.ts";

export type Outcome =
  /** Everybody who waited may have it; nobody has been answered yet. */
  | { kind: "answer"; entry: Entry; cacheStatus: CacheStatus }
  /** Not to be shared; the asking client is being answered, under this word. */
  | { kind: "uncacheable"; cacheStatus: CacheStatus }
  /** The Worker gave no answer and nothing stale may stand in; nobody has been answered yet. */
  | { kind: "unreachable" };

export interface FillContext {
  store: Store;
  upstream: Upstream;
  judge: Judge;
  now: () => number;
  /** Larger answers are passed on, not stored. */
  entryBytesMax: number;
  count: (bytes: number) => void;
}

interface Storable {
  status: number;
  headers: Fields;
  verdict: Lifetimes;
}

/** The cache wants the whole answer and judges the client's own validators itself. */
const conditional: ReadonlySet<string> = new Set(["if-none-match", "if-modified-since", "if-range"]);

/** What a 304 must not change, because the stored body stays (RFC 9111 §3.2). */
const bodyFields: ReadonlySet<string> = new Set([
  "content-length",
  "content-encoding",
  "transfer-encoding",
  "content-range",
]);

function merged(stored: Fields, notModified: Fields): Fields {
  const news = Object.entries(notModified).filter(([name]) => !bodyFields.has(name));
  return { ...stored, ...Object.fromEntries(news) };
}

/**
 * @param res the client to stream an uncacheable answer to; without it (a refresh behind a stale answer) such an answer is dropped
 * @param stale what is stored under the key, if anything: revalidated, and served when the Worker fails
 */
export function fill(
  context: FillContext,
  req: IncomingMessage,
  res: ServerResponse | undefined,
  stale: Entry | undefined,
): Promise<Outcome> {
  const { store, upstream, judge, now } = context;
  const url = req.url ?? "/";
  const generation = store.generation;
  const fields = requestFields(req, conditional);
  if (stale?.answer.etag !== undefined) fields.push("If-None-Match", stale.answer.etag);
  if (stale?.answer.lastModified !== undefined) fields.push("If-Modified-Since", stale.answer.lastModified);

  return new Promise((settle) => {
    const chunks: Buffer[] = [];
    let gathered = 0;
    let answer: Storable | undefined;
    let control: Control | undefined;
    let live: Relay | undefined;

    function toOneClient(
      status: number,
      headers: Fields,
      cacheStatus: CacheStatus,
      by: Control,
    ): Relay | undefined {
      settle({ kind: "uncacheable", cacheStatus });
      if (res) live = relay(req, res, { status, headers, cacheStatus }, by, context.count);
      else by.abort(new Error("nobody waits for this answer"));
      return live;
    }

    /** Collects the body; one that outgrows the limit is passed on instead, from its beginning. */
    function gather(chunk: Buffer, { status, headers }: Storable, by: Control): void {
      chunks.push(chunk);
      gathered += chunk.length;
      if (gathered <= context.entryBytesMax) return;
      answer = undefined;
      const client = toOneClient(status, headers, "MISS", by);
      for (const early of chunks.splice(0)) client?.data(early);
    }

    function keep(body: Buffer): void {
      if (!answer) return;
      const { status, headers, verdict } = answer;
      const bornAt = now() - verdict.ageSeconds * 1000;
      const entry = store.put(
        url,
        req.headers,
        createAnswer(status, headers, body, bornAt),
        verdict,
        generation,
      );
      settle({ kind: "answer", entry, cacheStatus: stale ? "EXPIRED" : "MISS" });
    }

    /** @returns whether the stored answer stands in for the Worker's failure */
    function standIn(): boolean {
      if (!stale || now() >= stale.staleIfErrorUntil) return false;
      settle({ kind: "answer", entry: stale, cacheStatus: "STALE" });
      return true;
    }

    function revalidated(entry: Entry, notModified: Fields): void {
      const headers = merged(entry.answer.headers, notModified);
      const verdict = judge({ url, headers: req.headers }, entry.answer.status, headers);
      const bornAt = now() - (verdict.store ? verdict.ageSeconds * 1000 : 0);
      const renewed = createAnswer(entry.answer.status, headers, entry.answer.body, bornAt);
      if (verdict.store) {
        const kept = store.put(url, req.headers, renewed, verdict, generation);
        settle({ kind: "answer", entry: kept, cacheStatus: "REVALIDATED" });
        return;
      }
      store.delete(entry.key);
      const none = { pause: () => undefined, resume: () => undefined, abort: () => undefined };
      const client = toOneClient(renewed.status, headers, verdict.status, none);
      client?.data(renewed.body);
      client?.end();
      live = undefined;
    }

    upstream.send(
      { method: "GET", path: url, fields },
      {
        head(status, headers, by) {
          control = by;
          if (stale && status === 304) {
            revalidated(stale, headers);
            return;
          }
          if (status >= 500 && standIn()) return;
          const verdict = judge({ url, headers: req.headers }, status, headers);
          if (!verdict.store) {
            if (stale && status < 500) store.delete(stale.key);
            toOneClient(status, headers, verdict.status, by);
          } else if (Number(line(headers, "content-length") ?? 0) > context.entryBytesMax) {
            toOneClient(status, headers, "MISS", by);
          } else {
            answer = { status, headers, verdict };
          }
        },
        data(chunk) {
          if (live) live.data(chunk);
          else if (answer && control) gather(chunk, answer, control);
        },
        end() {
          if (live) live.end();
          else keep(Buffer.concat(chunks, gathered));
        },
        fail() {
          if (live) live.fail(new Error("the Worker broke off"));
          else if (!standIn()) settle({ kind: "unreachable" });
        },
      },
    );
  });
}
