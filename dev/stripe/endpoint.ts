/**
 * The way of a request through the API: fault, parameters, idempotency key, execution, answer. Whatever the key keeps
 * was executed; a fault of the network (`lose_answer`, `cut`) is never kept.
 */
import type { ServerResponse } from "node:http";
import type { Context } from "hono";
import type { z } from "zod";
import { faultSchema, strike, type Fault, type Faults } from "../faults.ts";
import { apiVersion } from "./events.ts";
import { answerOf, type Answer, type IdempotencyKeys } from "./idempotency.ts";
import { expanded } from "./lists.ts";
import { parse } from "./parse.ts";
import { invalid, type Refusal, type Result } from "./result.ts";
import type { Account } from "./state.ts";

export interface ApiEnv {
  /** Node's own, for faults that cut the connection. */
  Bindings: { response: ServerResponse };
  Variables: { requestId: string };
}

/** Orders a fault for this request alone: a kind of dev/faults.ts, or `fail_after`. */
export const faultHeader = "Stripe-Double-Fault";

export interface EndpointParts {
  account: Account;
  faults: Faults;
  keys: IdempotencyKeys;
}

type Run<Params> = (params: Params, id: string) => Result<object>;

/** @returns makes a route of an endpoint's schema and what it does */
export const endpoints =
  ({ account, faults, keys }: EndpointParts) =>
  <Schema extends z.ZodType<{ expand?: string[] | undefined }>>(schema: Schema, run: Run<z.output<Schema>>) =>
  async (c: Context<ApiEnv>): Promise<Response> => {
    const { method, path } = c.req;
    const form = method === "GET" ? new URL(c.req.url).search.slice(1) : await c.req.text();
    const subject = `${method} ${path} ${form}`;
    const ordered = c.req.header(faultHeader);
    const fault = faultSchema.safeParse({ kind: ordered }).data ?? faults.take(subject);
    if (fault?.kind === "cut" || fault?.kind === "error") return await struck(c, fault);
    const params = method === "POST" && form !== "" && !isForm(c) ? notForm : parse(schema, form);

    const execute = (asked: z.output<Schema>): Answer => {
      const result = run(asked, c.req.param("id") ?? "");
      if (!result.ok) return answerOf(result.refusal);
      if (ordered === "fail_after" || account.switches.take("fail_after", subject) !== undefined)
        return failedAfter;
      const value = expanded(result.value, asked.expand ?? [], account.store);
      return { status: 200, body: JSON.stringify(value), headers: {} };
    };
    const key = method === "POST" ? c.req.header("Idempotency-Key") : undefined;
    const answer = params.ok
      ? await keys.once(key, { endpoint: path, form }, async () => {
          // Under the key: a second request meanwhile is told that it is in use.
          if (fault?.kind === "delay") await strike(fault, c.env.response, () => undefined);
          const { status, body, headers } = execute(params.value);
          return { status, body, headers: { ...headers, "Original-Request": c.get("requestId") } };
        })
      : answerOf(params.refusal);
    if (fault?.kind === "lose_answer") c.env.response.destroy();
    return respond(c, answer);
  };

const isForm = (c: Context) =>
  /^application\/x-www-form-urlencoded\b/i.test(c.req.header("Content-Type") ?? "");
const notForm = invalid(
  "Invalid request (check that your POST content type is application/x-www-form-urlencoded).",
);

const internal = (status: number): Answer => ({
  status,
  body: JSON.stringify({
    error: { type: "api_error", message: "An unknown error occurred." } satisfies Refusal["error"],
  }),
  headers: {},
});

/** A 500 that is kept would only be repeated, so Stripe tells clients not to try. */
const failedAfter: Answer = { ...internal(500), headers: { "Stripe-Should-Retry": "false" } };

async function struck(c: Context<ApiEnv>, fault: Fault): Promise<Response> {
  let answer = internal(500);
  await strike(fault, c.env.response, (status) => (answer = internal(status)));
  return respond(c, answer);
}

export function respond(c: Context<ApiEnv>, { status, body, headers }: Answer): Response {
  const key = c.req.header("Idempotency-Key");
  return new Response(body, {
    status,
    headers: {
      "Content-Type": "application/json",
      "Cache-Control": "no-cache, no-store",
      "Request-Id": c.get("requestId"),
      "Stripe-Version": c.req.header("Stripe-Version") ?? apiVersion,
      ...(key === undefined ? {} : { "Idempotency-Key": key }),
      ...headers,
    },
  });
}
