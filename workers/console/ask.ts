/**
 * How a page of the console asks the operator's API: through the same door as any client, with the session as bearer token.
 * Who came by Cloudflare Access has no session; the door passes its assertion on.
 */
import { cookie, SESSION_COOKIE } from "../../domain/credential.ts";
import { refusals } from "../../domain/refusal.ts";
import { refusedBy, type Answer, type Refused } from "../answer.ts";
import type { ApiCall } from "../env.ts";
import type { Ctx } from "./context.ts";

/** The answer as it is: for files, which are sent on. */
export const send = (c: Ctx, call: ApiCall): Promise<Response> =>
  c.var.api({ bearer: cookie(c.req.raw.headers, SESSION_COOKIE), ...call });

/** What the API answers; null where that is nothing. */
export async function ask<Value>(c: Ctx, call: ApiCall): Promise<Answer<Value>> {
  const answer = await send(c, call);
  if (!answer.ok) return await refusedBy(answer);
  return { ok: true, value: answer.status === 204 ? (null as Value) : await answer.json<Value>() };
}

/** The status of the page that shows it, with what belongs to it. */
export function statusOf(c: Ctx, { problem, retryAfter }: Refused) {
  const { status } = refusals[problem.type];
  if (retryAfter !== null) c.header("retry-after", retryAfter);
  return status;
}

/** Fields of a form as text; one that is not there, or a file, is empty. */
export async function formOf(c: Ctx): Promise<(name: string) => string> {
  const form = await c.req.parseBody();
  return (name) => {
    const value = form[name];
    return typeof value === "string" ? value : "";
  };
}
