/**
 * Signed tokens: the shopper's id, a confirmed address, what links in e-mails carry, the slot, the ticket, the pass, and an
 * operator's session. A token is `payload.keyId.mac`, payload and MAC in
 * base64url, the MAC an HMAC-SHA-256 over `payload.keyId`. Whoever holds a token can read it; nobody can change it.
 * Verification needs no I/O, so both Workers do it; Web Crypto compares MACs in constant time.
 *
 * Keys rotate by id: the first of `TOKEN_KEYS` ("id:secret,id:secret") signs, all of them verify.
 *
 * A ghost's ticket is signed over one word more, which does not stand in the token: only who has the keys can tell it
 * from a ticket that will be served.
 */
import type { Sale } from "./sale.ts";

/** By what a person is told from others. */
export type IdentityKind = Sale["identity"];

export interface ShopperClaims {
  kind: "shopper";
  shopper: string;
}
/** What the link of a confirmation e-mail carries. */
export interface ConfirmationClaims {
  kind: "confirmation";
  sale: string;
  shopper: string;
  /** Of this link, which can be used once. */
  id: string;
  expiresAtMs: number;
}
/** A confirmed address, by its HMAC. */
export interface RegisteredClaims {
  kind: "registered";
  sale: string;
  shopper: string;
}
/** What the link of every e-mail to a registered address carries, for taking the registration back. */
export interface CancellationClaims {
  kind: "cancellation";
  sale: string;
  shopper: string;
}
/** A unit set aside for one person, until `claimUntil`: their way past the line. */
export interface SlotClaims {
  kind: "slot";
  sale: string;
  shopper: string;
}
export interface TicketClaims {
  kind: "ticket";
  sale: string;
  shopper: string;
  identity: IdentityKind;
  /** The place in line; with `lobby`, a number of the lobby, which the draw turns into a place; 0 with a slot. */
  number: number;
  lobby?: true;
  /** Waits for nobody: a unit is set aside. */
  slot?: true;
  epoch: number;
  joinedAtMs: number;
  expiresAtMs: number;
  /** Never in a token: it follows from the signature. */
  ghost?: true;
}
export interface PassClaims {
  kind: "pass";
  sale: string;
  shopper: string;
  identity: IdentityKind;
  number: number;
  /** For the one unit that is set aside, and no other. */
  slot?: true;
  epoch: number;
  expiresAtMs: number;
}
/** What one may do at the console and the operator's API: look, or act too. */
export const roles = ["viewer", "operator"] as const;
export type Role = (typeof roles)[number];

/** Somebody signed in at the console with a token, for some hours. */
export interface SessionClaims {
  kind: "session";
  role: Role;
  /** As the audit log says it. */
  name: string;
  /** The keyed hash of the token it was made with: it ends with that one. */
  madeWith: string;
  expiresAtMs: number;
}
export type Claims =
  | ShopperClaims
  | ConfirmationClaims
  | RegisteredClaims
  | CancellationClaims
  | SlotClaims
  | TicketClaims
  | PassClaims
  | SessionClaims;

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
/** Signed behind a ghost's ticket. */
const GHOST = ".ghost";

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
    async sign({ ghost, ...claims }: Claims & { ghost?: true }) {
      const token = `${toBase64Url(utf8(JSON.stringify(claims)))}.${signingId}`;
      const key = await keys.get(signingId);
      if (key === undefined) throw new Error("no signing key");
      const mac = await crypto.subtle.sign("HMAC", key, utf8(ghost === true ? token + GHOST : token));
      return `${token}.${toBase64Url(new Uint8Array(mac))}`;
    },

    async verify(kind, token) {
      if (token.length > TOKEN_MAX_CHARS) return undefined;
      const [payload, keyId, mac, ...rest] = token.split(".");
      if (payload === undefined || keyId === undefined || mac === undefined || rest.length > 0)
        return undefined;
      const [key, macBytes, bytes] = [await keys.get(keyId), fromBase64Url(mac), fromBase64Url(payload)];
      if (key === undefined || macBytes === undefined || bytes === undefined) return undefined;
      const isSigned = (text: string) => crypto.subtle.verify("HMAC", key, macBytes, utf8(text));
      const isOwn = await isSigned(`${payload}.${keyId}`);
      if (!isOwn && !(await isSigned(`${payload}.${keyId}${GHOST}`))) return undefined;
      // Behind a valid MAC the payload is our own, so its shape is known once its kind is.
      const claims = JSON.parse(new TextDecoder().decode(bytes)) as Claims;
      if (claims.kind !== kind) return undefined;
      return { ...claims, ...(isOwn ? {} : { ghost: true }) } as ClaimsOf<typeof kind>;
    },
  };
}

/** A new shopper: 96 random bits, which a line of millions cannot collide in, in 16 characters, which Redis keeps in a line of millions. */
export const mintShopper = (): string => toBase64Url(crypto.getRandomValues(new Uint8Array(12)));

/**
 * The shopper's id of somebody who is known by more than a cookie: the same person has the same one on every device, and
 * nobody can find the address or account in it.
 * @param secret `IDENTITY_SECRET`; unlike the token keys it stays for as long as sales know people by it
 * @param who what the person is known by, with its sort: "address spring ann@example.com"
 */
export const knownShopper = (secret: string, who: string): Promise<string> => keyedHash(secret, who);

/** 96 bits that only who has the secret can make of a text, and that say nothing about it. @param secret `IDENTITY_SECRET` */
export async function keyedHash(secret: string, text: string): Promise<string> {
  if (secret.length < SECRET_MIN_CHARS)
    throw new Error(`IDENTITY_SECRET must have ${SECRET_MIN_CHARS} characters or more`);
  const key = await crypto.subtle.importKey("raw", utf8(secret), { name: "HMAC", hash: "SHA-256" }, false, [
    "sign",
  ]);
  const mac = new Uint8Array(await crypto.subtle.sign("HMAC", key, utf8(text)));
  return toBase64Url(mac.slice(0, 12));
}

/** By which both Workers see that they go by the same keys. */
export const keysHash = (env: { IDENTITY_SECRET: string; TOKEN_KEYS: string }) =>
  keyedHash(env.IDENTITY_SECRET, `keys ${env.TOKEN_KEYS}`);

const utf8 = (text: string) => new TextEncoder().encode(text);

function toBase64Url(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes))
    .replaceAll("+", "-")
    .replaceAll("/", "_")
    .replace(/=+$/, "");
}

/** Only what `toBase64Url` can give, so that no token has two spellings: behind the last byte, no bit is set. */
const BASE64URL = /^(?:[\w-]{4})*(?:[\w-][AQgw]|[\w-]{2}[AEIMQUYcgkosw048])?$/;

function fromBase64Url(text: string): Uint8Array<ArrayBuffer> | undefined {
  if (text === "" || !BASE64URL.test(text)) return undefined;
  const binary = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
  // Not `Uint8Array.from`, which takes several times as long, and every first request of a shopper comes through here.
  const bytes = new Uint8Array(binary.length);
  for (let i = 0; i < bytes.length; i++) bytes[i] = binary.charCodeAt(i);
  return bytes;
}
