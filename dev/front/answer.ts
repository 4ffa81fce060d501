/**
 * A stored answer, and how it is sent. Everything a hit needs is built when the answer is stored: a hit changes two
 * strings of a ready list and hands Node one list and one buffer.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import { answerFields, line, type Fields } from "./headers.ts";

/** `STATIC` is counted apart and shown to clients as `HIT`. */
export type CacheStatus =
  "HIT" | "MISS" | "STALE" | "UPDATING" | "REVALIDATED" | "EXPIRED" | "BYPASS" | "DYNAMIC" | "STATIC";

export interface Answer {
  status: number;
  /** As the Worker sent them; a later 304 is merged into these. */
  headers: Fields;
  body: Buffer;
  etag: string | undefined;
  lastModified: string | undefined;
  /** Ends in `CF-Cache-Status, <word>`: for what the Worker has just said. */
  firstHand: string[];
  /** Ends in `CF-Cache-Status, <word>, Age, <seconds>`: for what comes out of the cache. */
  fromCache: string[];
  /** Instant in milliseconds at which `Age` was 0. */
  bornAt: number;
}

/** @param bornAt instant in milliseconds since the epoch at which the answer's age was 0 */
export function createAnswer(status: number, headers: Fields, body: Buffer, bornAt: number): Answer {
  const flat = answerFields(headers).filter((_, i, all) => all[i - (i % 2)] !== "content-length");
  if (status !== 204 && status !== 304) flat.push("content-length", String(body.length));
  if (headers["date"] === undefined) flat.push("date", new Date(bornAt).toUTCString());
  return {
    status,
    headers,
    body,
    etag: line(headers, "etag"),
    lastModified: line(headers, "last-modified"),
    firstHand: [...flat, "CF-Cache-Status", ""],
    fromCache: [...flat, "CF-Cache-Status", "", "Age", ""],
    bornAt,
  };
}

const opaque = (tag: string) => tag.trim().replace(/^W\//, "");

/** Whether the client already has these bytes (RFC 9110 §13.1.2, weak comparison). */
function clientHas(request: Fields, answer: Answer): boolean {
  const tags = line(request, "if-none-match");
  if (tags !== undefined) {
    if (tags.trim() === "*") return true;
    const mine = answer.etag === undefined ? undefined : opaque(answer.etag);
    return mine !== undefined && tags.split(",").some((tag) => opaque(tag) === mine);
  }
  const since = Date.parse(line(request, "if-modified-since") ?? "");
  return answer.lastModified !== undefined && Date.parse(answer.lastModified) <= since;
}

const describesTheBody: ReadonlySet<string> = new Set(["content-length", "content-type", "content-encoding"]);

/**
 * Sends a stored answer: the whole, the head alone, or 304.
 * @returns how many body bytes went out
 */
export function sendAnswer(
  req: IncomingMessage,
  res: ServerResponse,
  answer: Answer,
  cacheStatus: CacheStatus,
  now: number,
): number {
  let fields: string[];
  if (cacheStatus === "MISS" || cacheStatus === "EXPIRED" || cacheStatus === "STATIC") {
    fields = answer.firstHand;
    fields[fields.length - 1] = cacheStatus === "STATIC" ? "HIT" : cacheStatus;
  } else {
    // Changed in place, list after list: Node turns it into bytes before writeHead returns.
    fields = answer.fromCache;
    fields[fields.length - 3] = cacheStatus;
    fields[fields.length - 1] = String(Math.max(0, Math.floor((now - answer.bornAt) / 1000)));
  }
  if (answer.status === 200 && clientHas(req.headers, answer)) {
    res.writeHead(
      304,
      fields.filter((_, i) => !describesTheBody.has(fields[i - (i % 2)] ?? "")),
    );
    res.end();
    return 0;
  }
  res.writeHead(answer.status, fields);
  if (req.method === "HEAD" || answer.body.length === 0) {
    res.end();
    return 0;
  }
  res.end(answer.body);
  return answer.body.length;
}
