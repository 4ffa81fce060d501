/**
 * Who a request is from, decided without I/O. A token that names its shopper is believed once its MAC is; a browser's
 * shopper cookie must then name the same one, so that a ticket copied to another browser is not a second place.
 */
import { claimsFor, cookie, SHOPPER_COOKIE } from "../domain/credential.ts";
import { refuse, type Refusal } from "../domain/refusal.ts";
import { mintShopper, type TokenKeys } from "../domain/token.ts";

export interface Identity {
  shopper: string;
  /** Was made for this request: its cookie has to be set. */
  minted: boolean;
}

/** The shopper behind a request that needs a ticket or a pass of this sale. */
export async function identifyByToken(
  keys: TokenKeys,
  kind: "ticket" | "pass",
  sale: string,
  headers: Headers,
): Promise<Identity | Refusal<"invalid_ticket" | "invalid_pass">> {
  const invalid = refuse(kind === "ticket" ? "invalid_ticket" : "invalid_pass");
  const claims = await claimsFor(keys, kind, sale, headers);
  if (claims === undefined) return invalid;
  const known = await shopperOfCookie(keys, headers);
  if (known !== undefined && known !== claims.shopper) return invalid;
  return { shopper: claims.shopper, minted: false };
}

/** The shopper behind a request that anybody may make: known by cookie, by a ticket sent along, or new. */
export async function identifyAnybody(
  keys: TokenKeys,
  sale: string | undefined,
  headers: Headers,
): Promise<Identity | Refusal<"invalid_ticket" | "invalid_pass">> {
  if (sale !== undefined && headers.has("authorization"))
    return await identifyByToken(keys, "ticket", sale, headers);
  const known = await shopperOfCookie(keys, headers);
  return known === undefined ? { shopper: mintShopper(), minted: true } : { shopper: known, minted: false };
}

async function shopperOfCookie(keys: TokenKeys, headers: Headers): Promise<string | undefined> {
  const token = cookie(headers, SHOPPER_COOKIE);
  return token === undefined ? undefined : (await keys.verify("shopper", token))?.shopper;
}
