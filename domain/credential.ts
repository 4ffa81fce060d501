/**
 * Where tokens travel: `Authorization: Bearer …` for apps, `HttpOnly` `__Host-` cookies for browsers (design §5.1).
 * `__Host-` cookies have no path, so the name carries the sale.
 */

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
