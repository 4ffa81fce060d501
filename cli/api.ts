/**
 * The operator's API as the command line calls it. Every call may be sent twice, so one without an answer is sent again, the
 * same bytes; answers are decoded by the contract's schemas.
 * @throws {Ended} what was refused, or that nothing answers
 */
import { setTimeout as sleep } from "node:timers/promises";
import type { z } from "zod";
import { Ended, refusedBy } from "./refused.ts";

export interface Call {
  method?: "GET" | "POST" | "PUT";
  /** Sent as JSON. */
  body?: unknown;
  csv?: string;
  query?: Record<string, string | number | undefined>;
}

export interface Api {
  readonly url: string;
  /** @param path below `/api/admin` */
  call: <Schema extends z.ZodType>(schema: Schema, path: string, call?: Call) => Promise<z.output<Schema>>;
  /** The answer itself, which was a success. */
  send: (path: string, call?: Call) => Promise<Response>;
}

const ATTEMPTS = 3;
const BACKOFF_MS = 500;
/** A reconciliation works for 20 s in one call, a rebuild for as long as it has to. */
const TIMEOUT_MS = 120_000;
const PASSING = new Set([429, 502, 504]);

export function connect(url: string, token: string): Api {
  const api: Api = {
    url,
    async send(path, { method, body, csv, query = {} } = {}) {
      const address = new URL(`/api/admin${path}`, url);
      for (const [name, value] of Object.entries(query))
        if (value !== undefined) address.searchParams.set(name, String(value));
      const content = csv ?? (body === undefined ? undefined : JSON.stringify(body));
      const init = {
        method: method ?? (content === undefined ? "GET" : "POST"),
        headers: {
          authorization: `Bearer ${token}`,
          ...(content === undefined
            ? {}
            : { "content-type": csv === undefined ? "application/json" : "text/csv" }),
        },
        ...(content === undefined ? {} : { body: content }),
      };
      for (let attempt = 1; ; attempt++) {
        const answer = await fetch(address, { ...init, signal: AbortSignal.timeout(TIMEOUT_MS) }).catch(
          (error: unknown) => {
            if (attempt === ATTEMPTS) throw new Ended(`${url} does not answer: ${why(error)}. See --url.`);
          },
        );
        if (answer?.ok === true) return answer;
        if (answer !== undefined && (!PASSING.has(answer.status) || attempt === ATTEMPTS))
          throw refusedBy(answer.status, await answer.text());
        await sleep(1000 * Number(answer?.headers.get("retry-after") ?? 0) || BACKOFF_MS * attempt);
      }
    },
    async call(schema, path, call) {
      const answer = await api.send(path, call);
      const decoded = schema.safeParse(await answer.json().catch(() => undefined));
      if (decoded.success) return decoded.data;
      throw new Ended(`${url} answers otherwise than this version expects, at ${path}.`);
    },
  };
  return api;
}

/** fetch says "fetch failed", and why in its cause. */
function why(error: unknown): string {
  const cause = error instanceof Error ? (error.cause ?? error) : error;
  if (cause instanceof Error) return "code" in cause ? String(cause.code) : cause.message;
  return String(cause);
}
