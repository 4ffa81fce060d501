/**
 * Signed tokens: the shopper's id, the ticket and the pass. A token is `payload.keyId.mac`, payload and MAC in
 * base64url, the MAC an HMAC-SHA-256 over `payload.keyId`. Whoever holds a token can read it; nobody can change it.
 * Verification needs no I/O, so both Workers do it; Web Crypto compares MACs in constant time.
 *
 * Keys rotate by id: the first of `TOKEN_KEYS` ("id:secret,id:secret") signs, all of them verify.
 */

export interface ShopperClaims {
  kind: "shopper";
  shopper: string;
}
export interface TicketClaims {
  kind: "ticket";
  sale: string;
  shopper: string;
  number: number;
  epoch: number;
  joinedAtMs: number;
}
export interface PassClaims {
  kind: "pass";
  sale: string;
  shopper: string;
  number: number;
  epoch: number;
  expiresAtMs: number;
}
export type Claims = ShopperClaims | TicketClaims | PassClaims;

export type TokenKind = Claims["kind"];
export type ClaimsOf<Kind extends TokenKind> = Extract<Claims, { kind: Kind }>;

export interface TokenKeys {
  sign: (claims: Claims) => Promise<string>;
  /** The claims of a token of this kind, or undefined: malformed, other kind, unknown key or wrong MAC, no one learns which. */
  verify: <Kind extends TokenKind>(kind: Kind, token: string) => Promise<ClaimsOf<Kind> | undefined>;
}

/** Longer than any token the system makes; anything above is not looked at. */
const TOKEN_MAX_CHARS = 1024;
const SECRET_MIN_CHARS = 32;

/**
 * @param secrets `TOKEN_KEYS`: "id:secret[,id:secret…]", each secret at least 32 characters
 * @throws Error when the setting is unusable; it does not quote the secrets
 */
export function tokenKeys(secrets: string): TokenKeys {
  const keys = new Map<string, Promise<CryptoKey>>();
  for (const entry of secrets.split(",")) {
    const [, id, secret] = /^([\w-]{1,16}):(.+)$/.exec(entry.trim()) ?? [];
    if (id === undefined || secret === undefined || secret.length < SECRET_MIN_CHARS)
      throw new Error(
        `TOKEN_KEYS must be "id:secret[,id:secret]", each secret ${SECRET_MIN_CHARS} characters or more`,
      );
    keys.set(
      id,
      crypto.subtle.importKey("raw", utf8(secret), { name: "HMAC", hash: "SHA-256" }, false, [
        "sign",
        "verify",
      ]),
    );
  }
  const [signingId = ""] = keys.keys();

  return {
    async sign(claims) {
      const signed = `${toBase64Url(utf8(JSON.stringify(claims)))}.${signingId}`;
      const key = await keys.get(signingId);
      if (key === undefined) throw new Error("no signing key");
      return `${signed}.${toBase64Url(new Uint8Array(await crypto.subtle.sign("HMAC", key, utf8(signed))))}`;
    },

    async verify(kind, token) {
      if (token.length > TOKEN_MAX_CHARS) return undefined;
      const [payload, keyId, mac, ...rest] = token.split(".");
      if (payload === undefined || keyId === undefined || mac === undefined || rest.length > 0)
        return undefined;
      const [key, macBytes, bytes] = [await keys.get(keyId), fromBase64Url(mac), fromBase64Url(payload)];
      if (key === undefined || macBytes === undefined || bytes === undefined) return undefined;
      if (!(await crypto.subtle.verify("HMAC", key, macBytes, utf8(`${payload}.${keyId}`)))) return undefined;
      // Behind a valid MAC the payload is our own, so its shape is known once its kind is.
      const claims = JSON.parse(new TextDecoder().decode(bytes)) as Claims;
      return claims.kind === kind ? (claims as ClaimsOf<typeof kind>) : undefined;
    },
  };
}

/** A new shopper: 96 random bits, which a line of millions cannot collide in, in 16 characters, which Redis keeps in a line of millions. */
export const mintShopper = (): string => toBase64Url(crypto.getRandomValues(new Uint8Array(12)));

const utf8 = (text: string) => new TextEncoder().encode(text);

function toBase64Url(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes))
    .replaceAll("+", "-")
    .replaceAll("/", "_")
    .replace(/=+$/, "");
}

/** Strict: only the one spelling `toBase64Url` gives, so that no token has two. */
function fromBase64Url(text: string): Uint8Array<ArrayBuffer> | undefined {
  if (!/^[\w-]+$/.test(text)) return undefined;
  try {
    const bytes = Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (c) =>
      c.charCodeAt(0),
    );
    return toBase64Url(bytes) === text ? bytes : undefined;
  } catch {
    return undefined;
  }
}
