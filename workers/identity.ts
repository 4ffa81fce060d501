/**
 * Who a request is from, decided without a store. A token that names its shopper is believed once its MAC is; where a
 * shopper is known by cookie, the cookie must then name the same one, so that a ticket copied to another browser is not a
 * second place.
 */
import { bearer, claimsFor, cookie, SHOPPER_COOKIE } from "../domain/credential.ts";
import { refuse, type Refusal } from "../domain/refusal.ts";
import { mintShopper, type PassClaims, type TicketClaims, type TokenKeys } from "../domain/token.ts";
import { shopperOfAccount } from "./account.ts";
import type { Env } from "./env.ts";
import { isOutdated, sawEpoch } from "./epoch.ts";

export interface Identity {
  /** By cookie, or the one a ticket or pass names. */
  shopper: string;
  /** By a confirmed address, and by an account, where that was shown: which one counts is a rule of the sale. */
  registered?: string | undefined;
  account?: string | undefined;
  /** Was made for this request: its cookie has to be set. */
  minted: boolean;
  /** Brings a ticket of this sale. */
  inLine?: boolean;
  /** The ticket is one that will never be served; its holder must not learn of it. */
  isGhost?: boolean;
}

/** Clocks of different machines may differ by so much; a ticket from further ahead is not ours. */
const CLOCKS_APART_MS = 5 * 60_000;

/** The shopper behind a request that needs a ticket or a pass of this sale. */
export async function identifyByToken(
  keys: TokenKeys,
  kind: "ticket" | "pass",
  sale: string,
  headers: Headers,
  fenced = false,
): Promise<Identity | Refusal<"invalid_ticket" | "outdated_ticket" | "invalid_pass">> {
  const invalid = refuse(kind === "ticket" ? "invalid_ticket" : "invalid_pass");
  const claims = await claimsFor(keys, kind, sale, headers);
  if (claims === undefined || !(await isOwn(keys, claims, headers))) return invalid;
  if (claims.kind === "ticket" && !isOfNow(claims)) return invalid;
  if (fenced && isOutdated(sale, claims.epoch)) return refuse("outdated_ticket");
  sawEpoch(`/api/sales/${sale}/`, claims.epoch);
  return { shopper: claims.shopper, minted: false };
}

/** The shopper behind a request that anybody may make: everything that was shown of them, or a new one. */
export async function identifyAnybody(
  env: Env,
  keys: TokenKeys,
  sale: string,
  headers: Headers,
): Promise<Identity | Refusal<"invalid_ticket" | "login_needed" | "unavailable">> {
  const byCookie = await shopperOfCookie(keys, headers);
  const found: Identity =
    byCookie === undefined ? { shopper: mintShopper(), minted: true } : { shopper: byCookie, minted: false };

  const registered = await claimsFor(keys, "registered", sale, headers);
  if (registered !== undefined) found.registered = registered.shopper;

  const ticket = await claimsFor(keys, "ticket", sale, headers);
  const isGood = ticket !== undefined && isOfNow(ticket) && (await isOwn(keys, ticket, headers));
  if (isGood) {
    sawEpoch(`/api/sales/${sale}/`, ticket.epoch);
    Object.assign(found, { inLine: true, isGhost: ticket.ghost === true });
    if (ticket.identity === "anyone") Object.assign(found, { shopper: ticket.shopper, minted: false });
    else found[ticket.identity] = ticket.shopper;
  }

  const sent = bearer(headers);
  if (sent !== undefined && (isGood || registered !== undefined)) return found;
  const account =
    sent ?? (env.ACCOUNT_COOKIE === undefined ? undefined : cookie(headers, env.ACCOUNT_COOKIE));
  if (account === undefined || found.account !== undefined) return found;
  // What was sent and is none of ours is taken for an account's, where there are any.
  if (env.ACCOUNT_JWKS_URL === undefined) return sent === undefined ? found : refuse("invalid_ticket");
  const known = await shopperOfAccount(env, account);
  if ("shopper" in known) found.account = known.shopper;
  else if (known.failed === "unknown") return refuse("unavailable");
  else if (sent !== undefined) return refuse("login_needed");
  return found;
}

const isOfNow = ({ joinedAtMs, expiresAtMs }: TicketClaims, nowMs = Date.now()) =>
  joinedAtMs <= nowMs + CLOCKS_APART_MS && expiresAtMs > nowMs;

/** Addresses and accounts are the same person on every device; who is known by a cookie only is so in one browser. */
async function isOwn(keys: TokenKeys, claims: TicketClaims | PassClaims, headers: Headers): Promise<boolean> {
  if (claims.identity !== "anyone") return true;
  const known = await shopperOfCookie(keys, headers);
  return known === undefined || known === claims.shopper;
}

async function shopperOfCookie(keys: TokenKeys, headers: Headers): Promise<string | undefined> {
  const token = cookie(headers, SHOPPER_COOKIE);
  return token === undefined ? undefined : (await keys.verify("shopper", token))?.shopper;
}
