/**
 * Where tokens travel: `Authorization: Bearer …` for apps, `HttpOnly` `__Host-` cookies for browsers (design §5.1).
 * `__Host-` cookies have no path, so the name carries the sale.
 */
import type { ClaimsOf, TokenKeys } from "./token.ts";

export const SHOPPER_COOKIE = "__Host-shopper";
export const ticketCookie = (saleId: string) => `__Host-ticket-${saleId}`;
export const passCookie = (saleId: string) => `__Host-pass-${saleId}`;

/** How long a browser keeps its tokens; the tokens themselves say what they are good for. */
const COOKIE_MAX_AGE_SECONDS = 30 * 24 * 3600;

export function setCookie(name: string, value: string, maxAgeSeconds = COOKIE_MAX_AGE_SECONDS): string {
  return `${name}=${value}; Path=/; Max-Age=${maxAgeSeconds}; Secure; HttpOnly; SameSite=Lax`;
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

/** The claims of the ticket or pass a request brings for this sale; undefined without one that is valid. */
export async function claimsFor<Kind extends "ticket" | "pass">(
  keys: TokenKeys,
  kind: Kind,
  sale: string,
  headers: Headers,
): Promise<ClaimsOf<Kind> | undefined> {
  const token = bearer(headers) ?? cookie(headers, kind === "ticket" ? ticketCookie(sale) : passCookie(sale));
  const claims = token === undefined ? undefined : await keys.verify(kind, token);
  return claims?.sale === sale ? claims : undefined;
}
