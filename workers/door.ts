/**
 * The door of the API: lets a call through to the functions if it is what its policy asks for. In this order: a body
 * that can be one, an identity, a request left of this second's ten.
 */
import type { Context } from "hono";
import { setCookie, SHOPPER_COOKIE } from "../domain/credential.ts";
import { problem } from "../domain/problem.ts";
import { isRefusal, refuse } from "../domain/refusal.ts";
import { tokenKeys, type TokenKeys } from "../domain/token.ts";
import { readJsonBody } from "./body.ts";
import type { EdgeContext, Env } from "./env.ts";
import { askFunctions } from "./functions.ts";
import { identifyAnybody, identifyByToken } from "./identity.ts";
import { addressKey, createLimiter, SHOPPER_LIMIT, type Verdict } from "./limit.ts";
import type { Policy } from "./policy.ts";

/** Per isolate: imported keys, and what each shopper has used of their requests. */
let imported: { secrets: string; keys: TokenKeys } | undefined;
const limiter = createLimiter(SHOPPER_LIMIT);

export async function pass(c: Context<EdgeContext>, { from }: Policy): Promise<Response> {
  const { method, url, headers } = c.req.raw;
  const body = await readJsonBody(c.req.raw);
  if (isRefusal(body)) return problem(body);
  if (from === "public") return await askFunctions(c.env, { method, url, headers });

  const keys = keysOf(c.env);
  const sale = c.req.param("sale") ?? "";
  const identity =
    from === "operator"
      ? undefined
      : from === "shopper"
        ? await identifyAnybody(keys, sale, headers)
        : await identifyByToken(keys, from, sale, headers);
  const known =
    identity !== undefined && !isRefusal(identity) && !identity.minted ? identity.shopper : undefined;
  const verdict = limiter(known ?? addressKey(c.req.header("cf-connecting-ip") ?? ""), Date.now());
  const limits = limitHeaders(verdict);
  if (!verdict.allowed)
    return problem(refuse("rate_limited", { retryAfterSeconds: verdict.retryAfterSeconds }), limits);
  if (identity !== undefined && isRefusal(identity)) return problem(identity, limits);

  const answer = await askFunctions(c.env, {
    method,
    url,
    headers,
    body: body.text,
    from: identity === undefined ? { operator: true } : { shopper: identity.shopper },
  });
  for (const [name, value] of Object.entries(limits)) answer.headers.set(name, value);
  if (identity?.minted === true) {
    const token = await keys.sign({ kind: "shopper", shopper: identity.shopper });
    answer.headers.append("set-cookie", setCookie(SHOPPER_COOKIE, token));
  }
  return answer;
}

function keysOf(env: Env): TokenKeys {
  if (imported?.secrets !== env.TOKEN_KEYS)
    imported = { secrets: env.TOKEN_KEYS, keys: tokenKeys(env.TOKEN_KEYS) };
  return imported.keys;
}

/** The RateLimit fields of the IETF draft (draft-ietf-httpapi-ratelimit-headers). */
function limitHeaders({ remaining, retryAfterSeconds }: Verdict): Record<string, string> {
  return {
    "ratelimit-policy": `"shopper";q=${SHOPPER_LIMIT.perSecond};w=1`,
    ratelimit: `"shopper";r=${remaining};t=${Math.ceil(retryAfterSeconds)}`,
  };
}
