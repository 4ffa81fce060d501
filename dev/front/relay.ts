/** Answers that are not stored: passed on as they come, as fast as the client reads, never held whole. */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { CacheStatus } from "./answer.ts";
import { answerFields, type Fields } from "./headers.ts";
import type { Control, Receiver } from "./upstream.ts";

export type Relay = Pick<Receiver, "data" | "end" | "fail">;

/** Starts the client's answer. A client that leaves ends the Worker's answer too, as in production. */
export function relay(
  req: IncomingMessage,
  res: ServerResponse,
  head: { status: number; headers: Fields; cacheStatus: CacheStatus },
  control: Control,
  count: (bytes: number) => void,
): Relay {
  const giveUp = () => control.abort(new Error("the client went away"));
  if (res.destroyed) giveUp();
  res.on("close", () => {
    if (!res.writableFinished) giveUp();
  });
  const fields = answerFields(head.headers);
  fields.push("CF-Cache-Status", head.cacheStatus);
  res.writeHead(head.status, fields);
  if (req.method === "HEAD") {
    res.end();
    return { data: () => undefined, end: () => undefined, fail: () => undefined };
  }
  // A body of unknown length may take its time (an event stream): its head must not wait for the first byte.
  if (head.headers["content-length"] === undefined) res.flushHeaders();
  return {
    data(chunk) {
      count(chunk.length);
      if (res.write(chunk)) return;
      control.pause();
      res.once("drain", () => control.resume());
    },
    end: () => void res.end(),
    fail: () => void res.destroy(),
  };
}

const unreachableBody = Buffer.from(
  JSON.stringify({ type: "unreachable", title: "The shop cannot be reached right now.", status: 502 }),
);

const badRequestBody = Buffer.from(
  JSON.stringify({ type: "bad_request", title: "This request cannot be passed on.", status: 400 }),
);

/** The front's own refusals; if an answer has begun, all that is left is to cut it off. */
export function refuse(res: ServerResponse, status: 400 | 502, cacheStatus: CacheStatus): void {
  if (res.headersSent) return void res.destroy();
  const body = status === 502 ? unreachableBody : badRequestBody;
  res.writeHead(status, {
    "content-type": "application/problem+json",
    "content-length": body.length,
    "cache-control": "no-store",
    "CF-Cache-Status": cacheStatus,
    ...(status === 502 ? { "retry-after": "1" } : {}),
  });
  res.end(body);
}
