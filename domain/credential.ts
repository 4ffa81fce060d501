/**
 * Where tokens travel: `Authorization: Bearer …` for apps, `HttpOnly` `__Host-` cookies for browsers (design §5.1).
 * `__Host-` cookies have no path, so the name carries the sale.
 */
import type { ClaimsOf, TokenKeys } from "./token.ts";

export const SHOPPER_COOKIE = "__Host-shopper";
/** Of an operator at the console. */
export const SESSION_COOKIE = "__Host-session";
export const ticketCookie = (saleId: string) => `__Host-ticket-${saleId}`;
export const registeredCookie = (saleId: string) => `__Host-registered-${saleId}`;
export const slotCookie = (saleId: string) => `__Host-slot-${saleId}`;
export const passCookie = (saleId: string) => `__Host-pass-${saleId}`;

/** How long a browser keeps its tokens; the tokens themselves say what they are good for. */
const COOKIE_MAX_AGE_SECONDS = 30 * 24 * 3600;

/** @param sameSite `Strict`: not even a link of another site brings it along */
export function setCookie(
  name: string,
  value: string,
  maxAgeSeconds = COOKIE_MAX_AGE_SECONDS,
  sameSite: "Lax" | "Strict" = "Lax",
): string {
  return `${name}=${value}; Path=/; Max-Age=${maxAgeSeconds}; Secure; HttpOnly; SameSite=${sameSite}`;
}

export function bearer(headers: Headers): string | undefined {
  return /^Bearer ([^\s]+)$/i.exec(headers.get("authorization") ?? "")?.[1];
}

export function cookie(headers: Headers, name: string): string | undefined {
  for (const pair of (headers.get("cookie") ?? "").split(";")) {
    const at = pair.indexOf("=");
    if (at > 0 && pair.slice(0, at).trim() === name) return pair.slice(at + 1).trim();
  }
  return undefined;
}

const cookieOf = { ticket: ticketCookie, pass: passCookie, registered: registeredCookie };

/** The claims of the token of a kind that a request brings for this sale; undefined without one that is valid. */
export async function claimsFor<Kind extends keyof typeof cookieOf>(
  keys: TokenKeys,
  kind: Kind,
  sale: string,
  headers: Headers,
): Promise<ClaimsOf<Kind> | undefined> {
  const token = bearer(headers) ?? cookie(headers, cookieOf[kind](sale));
  const claims = token === undefined ? undefined : await keys.verify(kind, token);
  return claims?.sale === sale ? claims : undefined;
}

/** A slot that the browser keeps. It does not travel as bearer token: there a join brings its ticket. */
export async function slotByCookie(
  keys: TokenKeys,
  sale: string,
  headers: Headers,
): Promise<ClaimsOf<"slot"> | undefined> {
  const token = cookie(headers, slotCookie(sale));
  return token === undefined ? undefined : await keys.verify("slot", token);
}
