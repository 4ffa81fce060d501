/**
 * Who an operator's call is from: a token of the shop (ADMIN_TOKEN acts, VIEWER_TOKEN only looks), a session of the console
 * that was made with one, or somebody whom Cloudflare Access let in. Sessions are kept nowhere: each says by a keyed hash
 * with which token it was made, so that another token ends it.
 */
import type { Session } from "../domain/api.ts";
import { refuse, type Refusal } from "../domain/refusal.ts";
import { keyedHash, roles, type Role, type TokenKeys } from "../domain/token.ts";
import { whoAccessLetIn, type AccessSettings } from "./access.ts";
import type { Env } from "./services.ts";

type Settings = Pick<Env, "ADMIN_TOKEN" | "VIEWER_TOKEN" | "IDENTITY_SECRET"> & AccessSettings;

/** What a call brings to show who it is from. */
export interface Shown {
  bearer: string | undefined;
  /** Of Cloudflare Access. */
  assertion: string | undefined;
}

const SESSION_MS = 8 * 3_600_000;

/** @returns who it is; a bearer token counts alone, so that what is wrong with it does not go unnoticed */
export async function whoIs(
  settings: Settings,
  keys: TokenKeys,
  { bearer, assertion }: Shown,
  nowMs: number,
): Promise<Session | Refusal<"unauthorized" | "unavailable">> {
  if (bearer === undefined)
    return assertion === undefined ? refuse("unauthorized") : await whoAccessLetIn(settings, assertion);
  const role = await roleOf(settings, bearer);
  if (role !== undefined) return { role, name: nameOf(role), expiresAt: null };
  const claims = await keys.verify("session", bearer);
  if (claims === undefined || claims.expiresAtMs <= nowMs) return refuse("unauthorized");
  const token = tokensOf(settings)[claims.role];
  if (token === undefined || !(await isSame(claims.madeWith, await hashOf(settings, token))))
    return refuse("unauthorized");
  return { role: claims.role, name: claims.name, expiresAt: new Date(claims.expiresAtMs).toISOString() };
}

/**
 * A session for who shows a token. A session makes no other one: it ends when it said it would.
 * @param said who they say they are
 */
export async function signIn(
  settings: Settings,
  keys: TokenKeys,
  token: string | undefined,
  said: string,
  nowMs: number,
): Promise<(Session & { session: string }) | Refusal<"unauthorized">> {
  const role = token === undefined ? undefined : await roleOf(settings, token);
  if (token === undefined || role === undefined) return refuse("unauthorized");
  const name = said === "" ? nameOf(role) : `${said} (${nameOf(role)})`;
  const expiresAtMs = nowMs + SESSION_MS;
  const madeWith = await hashOf(settings, token);
  const session = await keys.sign({ kind: "session", role, name, madeWith, expiresAtMs });
  return { role, name, expiresAt: new Date(expiresAtMs).toISOString(), session };
}

const nameOf = (role: Role) => `${role} token`;

const tokensOf = ({ ADMIN_TOKEN, VIEWER_TOKEN }: Settings): Record<Role, string | undefined> => ({
  operator: ADMIN_TOKEN === "" ? undefined : ADMIN_TOKEN,
  viewer: VIEWER_TOKEN === "" ? undefined : VIEWER_TOKEN,
});

async function roleOf(settings: Settings, given: string): Promise<Role | undefined> {
  const tokens = tokensOf(settings);
  // Both are compared, whichever it is; where they are the same one it only looks.
  const same = await Promise.all(
    roles.map(async (role) => tokens[role] !== undefined && (await isSame(given, tokens[role]))),
  );
  return roles.find((_, index) => same[index]);
}

const hashOf = ({ IDENTITY_SECRET }: Settings, token: string) =>
  keyedHash(IDENTITY_SECRET, `session ${token}`);

/** Both are hashed first, so that neither content nor length shows in the time. */
async function isSame(given: string, expected: string): Promise<boolean> {
  const digest = (text: string) => crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  const [a, b] = await Promise.all([digest(given), digest(expected)]);
  return crypto.subtle.timingSafeEqual(a, b);
}
