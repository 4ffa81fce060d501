/**
 * The isolate's own copies of what is the same for everybody, for as long as it may be kept: what gets past the CDN (its
 * misses, addresses made up to miss it) costs neither a rendering nor the functions, and while those are in trouble the
 * last good answer stands in, as long as it says it may. By hand, because it is the path of nearly every request that
 * reaches the Worker at all: one look into a table, before any router. Queries are ignored, because none of these pages
 * looks at one. Bounded; what is kept longest goes first.
 */
import { REFUSED_HEADER, RETRY_HEADER } from "../domain/internal.ts";

export interface Copy {
  body: ArrayBuffer;
  /** What `Response` takes; its `Age` is kept up to date. */
  init: { status: number; headers: Headers };
  etag: string;
  tags: ReadonlySet<string>;
  ageSeconds: number;
  bornAtMs: number;
  freshUntilMs: number;
  /** Until when it may stand in for an answer that cannot be had. */
  staleUntilMs: number;
  /** When a request last went to get a newer one; 0 before. */
  renewingSinceMs: number;
}

/** Answers kept: a few per sale, and the pages of sales that are not there. */
const COPIES_MAX = 500;
/** What can be copied: pages in each language, the list, a sale, its pulse, the contract. They look at nothing but the path. */
const COPIED =
  /^https?:\/\/[^/]+\/(?:[a-z]{2}|(?:[a-z]{2}\/)?sales\/[\w-]+|api\/sales(?:\/[\w-]+(?:\/pulse)?)?|openapi\.json)?$/;

const copies = new Map<string, Copy>();
let served = 0;
let purges = 0;

/** What a request for a copy is known by. */
export function keyOf({ url }: Request): string {
  const query = url.indexOf("?");
  return query < 0 ? url : url.slice(0, query);
}

export const copyOf = (key: string): Copy | undefined => copies.get(key);

/** The copy as an answer. */
export function answer(copy: Copy, request: Request, nowMs: number): Response {
  const age = Math.floor((nowMs - copy.bornAtMs) / 1000);
  if (age !== copy.ageSeconds) {
    copy.ageSeconds = age;
    copy.init.headers.set("age", String(age));
  }
  served++;
  return whole(copy, request);
}

/** All of it, or that the client has it already (RFC 9110 §13.1.2). */
function whole({ body, init, etag }: Pick<Copy, "body" | "init" | "etag">, request: Request): Response {
  const known = request.headers.get("if-none-match");
  if (known === null || init.status !== 200 || !isKnown(known, etag)) return new Response(body, init);
  const headers = new Headers(init.headers);
  for (const name of ["content-type", "content-length"]) headers.delete(name);
  return new Response(null, { status: 304, headers });
}

const isKnown = (tags: string, etag: string) =>
  tags.trim() === "*" || tags.split(",").some((tag) => tag.trim().replace(/^W\//, "") === etag);

/** Increases with each purge: what was asked for before one must not be kept after it. */
export const purgesSoFar = (): number => purges;

/**
 * Keeps an answer if it may be kept.
 * @param asked `purgesSoFar` when it was asked for
 * @returns it, with its `ETag`
 */
export async function keep(
  key: string,
  request: Request,
  response: Response,
  asked: number,
  nowMs: number,
): Promise<Response> {
  const cacheControl = response.headers.get("cache-control") ?? "";
  const seconds = (directive: string) =>
    Number(new RegExp(`\\b${directive}=(\\d+)`).exec(cacheControl)?.[1] ?? 0);
  const isShared = cacheControl.startsWith("public") && !response.headers.has("set-cookie");
  if (!isShared || (response.status !== 200 && response.status !== 404) || !COPIED.test(key)) return response;
  const body = await response.arrayBuffer();
  const etag = `"${hex(await crypto.subtle.digest("SHA-256", body)).slice(0, 32)}"`;
  const headers = new Headers(response.headers);
  headers.set("etag", etag);
  headers.delete("server-timing");
  const first = whole(
    { body, init: { status: response.status, headers: new Headers(headers) }, etag },
    request,
  );
  if (asked !== purges) return first;
  headers.set("x-layer", "edge");
  // For this request's line in the log only, and not to be told.
  for (const name of [REFUSED_HEADER, RETRY_HEADER]) headers.delete(name);
  const ageSeconds = Number(headers.get("age") ?? 0);
  const bornAtMs = nowMs - ageSeconds * 1000;
  const freshUntilMs = bornAtMs + seconds("max-age") * 1000;
  const copy: Copy = {
    body,
    init: { status: response.status, headers },
    etag,
    tags: new Set((headers.get("cache-tag") ?? "").split(",")),
    ageSeconds,
    bornAtMs,
    freshUntilMs,
    staleUntilMs: freshUntilMs + seconds("stale-if-error") * 1000,
    renewingSinceMs: 0,
  };
  copies.delete(key);
  copies.set(key, copy);
  if (copies.size > COPIES_MAX) copies.delete(copies.keys().next().value ?? "");
  return first;
}

/** Forgets what carries one of these tags. */
export function forget(tags: string[]): void {
  purges++;
  for (const [key, copy] of copies) if (tags.some((tag) => copy.tags.has(tag))) copies.delete(key);
}

/** How many requests copies have answered since this was last asked. */
export function servedSince(): number {
  const count = served;
  served = 0;
  return count;
}

const hex = (bytes: ArrayBuffer) =>
  Array.from(new Uint8Array(bytes), (byte) => byte.toString(16).padStart(2, "0")).join("");
