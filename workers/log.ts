/**
 * One line of the log for each request that reaches this Worker's routes: what was asked, what came of it, where, how long
 * it took; never who asked. Answers from the isolate's copies are only counted, in the next line: a line for each would
 * cost more than the answer. Cloudflare's own invocation log has them all.
 */
import { REFUSED_HEADER } from "../domain/internal.ts";
import { servedSince } from "./copies.ts";
import type { Trace } from "./trace.ts";

/**
 * @param route such as `/api/sales/:sale/queue`: an address may name somebody
 * @param ms from the request's arrival to its answer; on Workers the clock moves only while something is waited for
 */
export function logLine(
  method: string,
  route: string,
  trace: Trace,
  { status, headers }: Response,
  ms: number,
): void {
  const functionsMs = /functions;dur=(\d+)/.exec(headers.get("server-timing") ?? "")?.[1];
  console.log(
    JSON.stringify({
      request: trace.requestId,
      trace: trace.traceId,
      route,
      method,
      status,
      outcome: headers.get(REFUSED_HEADER) ?? (status < 400 ? "ok" : `http_${status}`),
      layer: headers.get("x-layer"),
      ms,
      ...(functionsMs === undefined ? {} : { functionsMs: Number(functionsMs) }),
      copies: servedSince(),
    }),
  );
}
