/** Reading requests and writing answers of the gateway, by hand: this is where the throughput goes. */
import type { IncomingMessage, ServerResponse } from "node:http";

/**
 * Reads a body; with callbacks, because an iterator per request is work in the hottest path.
 * @param bytesMax beyond it the rest is read and dropped, so that the client gets to hear the answer
 * @param done called once, with undefined if the body is longer; never if the client goes away before its end
 */
export function readBody(
  request: IncomingMessage,
  bytesMax: number,
  done: (body: Buffer | undefined) => void,
): void {
  let chunks: Buffer[] = [];
  let bytes = 0;
  request.on("data", (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes <= bytesMax) chunks.push(chunk);
    else chunks = [];
  });
  request.on("end", () => {
    const [first] = chunks;
    if (bytes > bytesMax) done(undefined);
    else done(chunks.length === 1 && first !== undefined ? first : Buffer.concat(chunks));
  });
}

/** Counts answers, so that each has another sync token. */
let answers = 0;
const startedAt = Date.now().toString(36);

/** Upstash's token stands for what the client has seen; with one Redis, any that changes will do. */
export function answer(
  response: ServerResponse,
  status: number,
  json: string,
  headers?: Record<string, string>,
): void {
  if (response.destroyed) return;
  response.writeHead(status, {
    "Content-Type": "application/json",
    "Content-Length": Buffer.byteLength(json),
    "upstash-sync-token": `${startedAt}.${++answers}`,
    ...headers,
  });
  response.end(json);
}

export type Access = "full" | "read_only";

/**
 * Tells whose token a request bears, in its header or as `_token`. Compared plainly: on 127.0.0.1, in front of data
 * that ends with the process, timing attacks are nobody's worry.
 */
export function accessCheck(token: string, readOnlyToken: string | undefined) {
  const usualHeader = `Bearer ${token}`;
  return (header: string | undefined, query: URLSearchParams): Access | undefined => {
    if (header === usualHeader) return "full";
    const borne = header === undefined ? query.get("_token") : /^bearer +(.*)$/i.exec(header)?.[1];
    if (!borne) return undefined;
    if (borne === token) return "full";
    return borne === readOnlyToken ? "read_only" : undefined;
  };
}
