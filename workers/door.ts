/**
 * The door of the API: lets a call through to the functions if it is what its policy asks for. In this order: a body
 * that can be one, an identity, a request left of this second's ten, and for a new place the bot check.
 */
import type { Context } from "hono";
import { setCookie, SHOPPER_COOKIE } from "../domain/credential.ts";
import { problem } from "../domain/problem.ts";
import { isRefusal, refuse, type Refusal } from "../domain/refusal.ts";
import { tokenKeys, type TokenKeys } from "../domain/token.ts";
import { BODY_MAX_BYTES, EVENT_MAX_BYTES, readJsonBody } from "./body.ts";
import { botCheck } from "./bot-check.ts";
import type { EdgeContext, Env } from "./env.ts";
import { askFunctions, type From } from "./functions.ts";
import { identifyAnybody, identifyByToken, type Identity } from "./identity.ts";
import { addressKey, createLimiter, NEWCOMER_LIMIT, SHOPPER_LIMIT, type Verdict } from "./limit.ts";
import type { Policy } from "./policy.ts";

/** Per isolate: imported keys, what each shopper has used of their requests, and each address of newcomers. */
let imported: { secrets: string; keys: TokenKeys } | undefined;
const limiter = createLimiter(SHOPPER_LIMIT);
const newcomerLimiter = createLimiter(NEWCOMER_LIMIT);

export async function pass(c: Context<EdgeContext>, policy: Policy): Promise<Response> {
  const { method, url, headers } = c.req.raw;
  const body = await readJsonBody(c.req.raw, policy.from === "stripe" ? EVENT_MAX_BYTES : BODY_MAX_BYTES);
  if (isRefusal(body)) return problem(body);
  if (policy.from === "public") return await askFunctions(c.env, { method, url, headers });
  if (policy.from === "stripe")
    return await askFunctions(c.env, { method, url, headers, body: body.text, from: { stripe: true } });

  const keys = keysOf(c.env);
  const identity = await identify(c, policy, keys);
  const address = c.req.header("cf-connecting-ip") ?? "";
  const verdict = limiter(knownBy(identity) ?? addressKey(address), Date.now());
  const limits = limitHeaders(verdict);
  if (!verdict.allowed)
    return problem(refuse("rate_limited", { retryAfterSeconds: verdict.retryAfterSeconds }), limits);
  if (identity !== undefined && isRefusal(identity)) return problem(identity, limits);

  const from: From = identity === undefined ? { operator: true } : identity;
  const checked = await checkNewcomer(c.env, policy, identity, body.json, address);
  if (isRefusal(checked)) return problem(checked, limits);
  const answer = await askFunctions(c.env, {
    method,
    url,
    headers,
    body: body.text,
    from: { ...from, ...checked },
  });
  for (const [name, value] of Object.entries(limits)) answer.headers.set(name, value);
  if (identity?.minted === true) {
    const token = await keys.sign({ kind: "shopper", shopper: identity.shopper });
    answer.headers.append("set-cookie", setCookie(SHOPPER_COOKIE, token));
  }
  return answer;
}

/** @returns undefined for an operator, whom the functions know */
async function identify(
  c: Context<EdgeContext>,
  { from, fenced }: Policy,
  keys: TokenKeys,
): Promise<Identity | Refusal | undefined> {
  const sale = c.req.param("sale") ?? "";
  const { headers } = c.req.raw;
  if (from === "operator" || from === "public" || from === "stripe") return undefined;
  if (from === "shopper") return await identifyAnybody(c.env, keys, sale, headers);
  return await identifyByToken(keys, from, sale, headers, fenced === true);
}

/** What requests are counted by; undefined for somebody new, who counts as their address. */
function knownBy(identity: Identity | Refusal | undefined): string | undefined {
  if (identity === undefined || isRefusal(identity)) return undefined;
  return identity.account ?? identity.registered ?? (identity.minted ? undefined : identity.shopper);
}

/** Who has a place, an address or an account is no newcomer, and has passed the bot check where there is one. */
async function checkNewcomer(
  env: Env,
  { newcomers, botCheck: wanted }: Policy,
  identity: Identity | undefined,
  body: unknown,
  address: string,
): Promise<{ failedBotCheck?: boolean } | Refusal<"bot_check_failed" | "rate_limited" | "unavailable">> {
  if (identity?.inLine === true) return {};
  if (newcomers === "counted" && identity?.registered === undefined && identity?.account === undefined) {
    const { allowed, retryAfterSeconds } = newcomerLimiter(addressKey(address), Date.now());
    if (!allowed) return refuse("rate_limited", { retryAfterSeconds });
  }
  if (wanted !== true) return {};
  const token = typeof body === "object" && body !== null && "botCheck" in body ? body.botCheck : undefined;
  const verdict = await botCheck(env, token, address);
  switch (verdict) {
    case "missing":
      return refuse("bot_check_failed");
    case "unknown":
      return refuse("unavailable");
    case "passed":
    case "failed":
      return { failedBotCheck: verdict === "failed" };
  }
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
