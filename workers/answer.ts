/** What the API answers to a page that asks on somebody's behalf: what was asked for, or the "no" to be shown. */
import type { Problem } from "../domain/api.ts";
import { refusals, type Refusal } from "../domain/refusal.ts";

export interface Refused {
  ok: false;
  problem: Problem;
  retryAfter: string | null;
}
export type Answer<Value> = { ok: true; value: Value } | Refused;

/** The refusal in an answer that is none of the ones asked for. */
export async function refusedBy(answer: Response): Promise<Refused> {
  const retryAfter = answer.headers.get("retry-after");
  if (answer.headers.get("content-type")?.startsWith("application/problem+json") === true)
    return { ok: false, problem: await answer.json<Problem>(), retryAfter };
  await answer.body?.cancel();
  return { ok: false, problem: { type: "unavailable", ...refusals.unavailable }, retryAfter };
}

/** A "no" of the page itself, in the shape of the API's. */
export const refusedHere = ({ refused, evidence }: Refusal): Refused => ({
  ok: false,
  problem: { type: refused, ...refusals[refused], ...evidence },
  retryAfter: null,
});
