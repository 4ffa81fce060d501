/**
 * The door of the API: lets a call through to the functions if it is what its policy asks for. In this order: a body
 * that can be one, an identity, a request left of those its limit allows, and for a new place that the functions have time
 * for it, and the bot check. What is turned away here costs the functions nothing.
 */
import type { Context } from "hono";
import { bearer, setCookie, SHOPPER_COOKIE, slotByCookie } from "../domain/credential.ts";
import { ACCESS_HEADER, REFUSED_HEADER, RETRY_HEADER } from "../domain/internal.ts";
import { problem } from "../domain/problem.ts";
import { isRefusal, notALink, refuse, type Refusal } from "../domain/refusal.ts";
import { readKind } from "./body.ts";
import { botCheck } from "./bot-check.ts";
import { edgeState } from "./edge-state.ts";
import type { EdgeContext, Env } from "./env.ts";
import { askFunctions, circuit, type From } from "./functions.ts";
import { identifyAnybody, identifyByToken, type Identity } from "./identity.ts";
import { addressKey, createLimiter, type Limiter, type Verdict } from "./limit.ts";
import { limitOf, limits, type Limit, type LimitName, type Policy } from "./policy.ts";
import { LIST_TAG, purgeChanged, saleTag } from "./purge.ts";
import { keysOf } from "./tokens.ts";

/** Keys that each limit remembers in an isolate. */
const KEYS_MAX = 50_000;
/** What Stripe's signature looks like; whether it is one, the functions know. */
const STRIPE_SIGNATURE = /^(?=.*\bt=\d)(?=.*\bv1=[0-9a-f]{64}\b)/;
const SALE_ID = /^[a-z0-9-]{1,64}$/;

const limiters = Object.fromEntries(
  Object.entries(limits).map(([name, limit]) => [name, createLimiter({ ...limit, keysMax: KEYS_MAX })]),
) as Record<LimitName, Limiter>;

export async function pass(c: Context<EdgeContext>, policy: Policy): Promise<Response> {
  const { method, url, headers } = c.req.raw;
  const { trace } = c.var;
  const { sale } = c.req.param();
  if (sale !== undefined && !SALE_ID.test(sale)) return problem(refuse("not_found"));
  const body = await readKind(c.req.raw, policy.body ?? "json");
  if (isRefusal(body)) return problem(body);

  const identity = await identify(c, policy, sale ?? "");
  const limit = policy.limit ?? limitOf[policy.from];
  const address = c.req.header("cf-connecting-ip") ?? "";
  const key = (limits[limit].by === "shopper" ? knownBy(identity) : undefined) ?? addressKey(address);
  const verdict = await take(c.env, limit, key);
  const fields = policy.from === "public" ? {} : limitFields(limit, verdict);
  if (!verdict.allowed)
    return problem(refuse("rate_limited", { retryAfterSeconds: verdict.retryAfterSeconds }), fields);
  if (identity !== undefined && isRefusal(identity)) return problem(identity, fields);

  const hasToken = await bringsToken(c.env, policy, sale ?? "", headers, body.json);
  if (typeof hasToken === "object") return problem(hasToken, fields);
  const checked = hasToken ? {} : await checkNewcomer(c.env, policy, identity, body.json, address);
  if (isRefusal(checked)) return problem(checked, fields);
  const from = fromWhom(policy, identity, checked);
  // A look has no body; one that was sent all the same is not passed on.
  const sent = method === "GET" || method === "HEAD" ? undefined : body.text;
  // Operators' calls may take their time too: a rebuild does.
  const mayTakeLong = policy.asksStripe === true || policy.from === "operator";
  const aboutEdge = policy.tellsOfItself === true ? await edgeState(c) : undefined;
  const call = { method, url, headers, body: sent, type: body.type, from, trace, aboutEdge, mayTakeLong };
  const answer = await askFunctions(c.env, call);

  if (policy.from === "public") {
    answer.headers.set("cache-tag", sale === undefined ? LIST_TAG : saleTag(sale));
    answer.headers.set("access-control-allow-origin", "*");
  }
  if (policy.from === "operator" && method !== "GET" && answer.ok) await purgeChanged(c, body.json);
  if (answer.headers.get(REFUSED_HEADER) === "rate_limited") {
    // A script has counted exactly: until its next second begins, this isolate need not ask again.
    const waitMs = Number(answer.headers.get(RETRY_HEADER));
    limiters[limit].block(key, Date.now() + waitMs);
    Object.assign(fields, limitFields(limit, { ...verdict, remaining: 0, retryAfterSeconds: waitMs / 1000 }));
  }
  for (const [name, value] of Object.entries(fields)) answer.headers.set(name, value);
  if (identity?.minted === true) {
    const token = await keysOf(c.env).sign({ kind: "shopper", shopper: identity.shopper });
    answer.headers.append("set-cookie", setCookie(SHOPPER_COOKIE, token));
  }
  return answer;
}

/** @returns undefined where nobody has to be known, or only the functions can tell */
async function identify(
  c: Context<EdgeContext>,
  { from, fenced }: Policy,
  sale: string,
): Promise<Identity | Refusal | undefined> {
  const { headers } = c.req.raw;
  switch (from) {
    case "public":
      return undefined;
    case "stripe":
      return STRIPE_SIGNATURE.test(headers.get("stripe-signature") ?? "")
        ? undefined
        : refuse("bad_signature");
    case "operator":
      return bearer(headers) === undefined && !headers.has(ACCESS_HEADER)
        ? refuse("unauthorized")
        : undefined;
    case "shopper":
      return await identifyAnybody(c.env, keysOf(c.env), sale, headers);
    case "ticket":
    case "pass":
      return await identifyByToken(keysOf(c.env), from, sale, headers, fenced === true);
  }
}

/** What requests are counted by; undefined for somebody new, who counts as their address. */
function knownBy(identity: Identity | Refusal | undefined): string | undefined {
  if (identity === undefined || isRefusal(identity)) return undefined;
  return identity.account ?? identity.registered ?? (identity.minted ? undefined : identity.shopper);
}

/**
 * Whether a request brings the token that its policy knows of. Who has one is no newcomer: who has a slot was looked at when
 * it was given.
 */
async function bringsToken(
  env: Env,
  { bodyToken }: Policy,
  sale: string,
  headers: Headers,
  body: unknown,
): Promise<boolean | Refusal<"invalid_input">> {
  if (bodyToken === undefined) return false;
  const { name, kind } = bodyToken;
  const keys = keysOf(env);
  const said: unknown = typeof body === "object" && body !== null ? Reflect.get(body, name) : undefined;
  if (typeof said !== "string")
    return kind === "slot" && (await slotByCookie(keys, sale, headers))?.sale === sale;
  const claims = await keys.verify(kind, said);
  return claims?.sale === sale ? true : notALink(`/${name}`);
}

/** Counts a request in this isolate, and what that allows in this location. */
async function take(env: Env, name: LimitName, key: string): Promise<Verdict> {
  const verdict = limiters[name].take(key, Date.now());
  const { perLocation }: Limit = limits[name];
  const location = perLocation === undefined ? undefined : env[perLocation.binding];
  if (!verdict.allowed || perLocation === undefined || location === undefined) return verdict;
  try {
    const { success } = await location.limit({ key: `${name} ${key}` });
    if (success) return verdict;
    return { allowed: false, remaining: 0, retryAfterSeconds: toNextWindow(perLocation.seconds, Date.now()) };
  } catch (error) {
    // As the table says: open.
    console.error(JSON.stringify({ error: `limit per location: ${String(error)}` }));
    return verdict;
  }
}

/** Seconds, half a window at least: where its windows begin is not said. */
const toNextWindow = (windowSeconds: number, nowMs: number) =>
  Math.max(windowSeconds / 2, windowSeconds - ((nowMs / 1000) % windowSeconds));

/** Who has a place, an address or an account is no newcomer, and has passed the bot check where there is one. */
async function checkNewcomer(
  env: Env,
  { newcomers, botCheck: wanted, shedFirst }: Policy,
  identity: Identity | undefined,
  body: unknown,
  address: string,
): Promise<{ failedBotCheck?: boolean } | Refusal<"bot_check_failed" | "rate_limited" | "unavailable">> {
  // A ghost is answered like anybody in line, and has a place of its own once it passes the check.
  if (wanted === true && identity?.isGhost === true)
    return { failedBotCheck: (await botCheck(env, botTokenIn(body), address)) !== "passed" };
  if (identity?.inLine === true) return {};
  if (shedFirst === true) {
    const retryAfterSeconds = circuit.turnAway(Date.now());
    if (retryAfterSeconds !== undefined) return refuse("unavailable", { retryAfterSeconds });
  }
  if (newcomers === "counted" && identity?.registered === undefined && identity?.account === undefined) {
    const { allowed, retryAfterSeconds } = limiters.newcomer.take(addressKey(address), Date.now());
    if (!allowed) return refuse("rate_limited", { retryAfterSeconds });
  }
  if (wanted !== true) return {};
  const verdict = await botCheck(env, botTokenIn(body), address);
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

const botTokenIn = (body: unknown): unknown =>
  typeof body === "object" && body !== null && "botCheck" in body ? body.botCheck : undefined;

function fromWhom(
  { from }: Policy,
  identity: Identity | undefined,
  checked: { failedBotCheck?: boolean },
): From | undefined {
  switch (from) {
    case "public":
      return undefined;
    case "stripe":
      return { stripe: true };
    case "operator":
      return { operator: true };
    case "shopper":
    case "ticket":
    case "pass":
      if (identity === undefined) throw new Error("every personal call has an identity");
      return { ...identity, ...checked };
  }
}

/** The RateLimit fields of the IETF draft (draft-ietf-httpapi-ratelimit-headers). */
function limitFields(name: LimitName, { remaining, retryAfterSeconds }: Verdict): Record<string, string> {
  return {
    "ratelimit-policy": `"${name}";q=${limits[name].perSecond};w=1`,
    ratelimit: `"${name}";r=${remaining};t=${Math.ceil(retryAfterSeconds)}`,
  };
}
