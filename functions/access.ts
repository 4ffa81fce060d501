/**
 * Cloudflare Access in front of the console: the JWT it adds to each request, verified against the keys of the team, and
 * what the shop says its people may do. Who is on neither list may not come in, whatever Access thinks.
 */
import { createRemoteJWKSet, errors, jwtVerify } from "jose";
import type { Session } from "../domain/api.ts";
import { refuse, type Refusal } from "../domain/refusal.ts";
import type { Role } from "../domain/token.ts";

export interface AccessSettings {
  /** Such as https://shop.cloudflareaccess.com. */
  ACCESS_TEAM_DOMAIN?: string;
  /** The application's audience tag. */
  ACCESS_AUDIENCE?: string;
  /** Addresses, or names of service tokens, with commas between; `*@shop.example` is everybody there. */
  ACCESS_OPERATORS?: string;
  ACCESS_VIEWERS?: string;
}

const ANSWER_WITHIN_MS = 3_000;
const LOOK_AGAIN_MS = 5_000;
const CLOCK_TOLERANCE_SECONDS = 30;

let keys: { team: string; set: ReturnType<typeof createRemoteJWKSet> } | undefined;

export async function whoAccessLetIn(
  settings: AccessSettings,
  assertion: string,
): Promise<Session | Refusal<"unauthorized" | "unavailable">> {
  const { ACCESS_TEAM_DOMAIN: team, ACCESS_AUDIENCE: audience } = settings;
  if (team === undefined || audience === undefined) return refuse("unauthorized");
  if (keys?.team !== team) {
    const options = { cooldownDuration: LOOK_AGAIN_MS, timeoutDuration: ANSWER_WITHIN_MS };
    keys = { team, set: createRemoteJWKSet(new URL("/cdn-cgi/access/certs", team), options) };
  }
  try {
    const { payload } = await jwtVerify(assertion, keys.set, {
      issuer: new URL(team).origin,
      audience,
      algorithms: ["RS256"],
      clockTolerance: CLOCK_TOLERANCE_SECONDS,
      requiredClaims: ["exp"],
    });
    const name = payload["email"] ?? payload["common_name"];
    const role = typeof name === "string" ? roleOf(settings, name) : undefined;
    if (typeof name !== "string" || role === undefined) return refuse("unauthorized");
    return { role, name, expiresAt: new Date((payload.exp ?? 0) * 1000).toISOString() };
  } catch (error) {
    // What is wrong with the token is; everything else is about where its keys are.
    const isAboutKeys =
      !(error instanceof errors.JOSEError) ||
      ["ERR_JOSE_GENERIC", "ERR_JWKS_TIMEOUT", "ERR_JWKS_INVALID"].includes(error.code);
    if (!isAboutKeys) return refuse("unauthorized");
    console.error(JSON.stringify({ error: `access keys: ${String(error)}` }));
    return refuse("unavailable", { detail: "The keys of Cloudflare Access cannot be had." });
  }
}

function roleOf(settings: AccessSettings, name: string): Role | undefined {
  if (isOn(settings.ACCESS_OPERATORS, name)) return "operator";
  return isOn(settings.ACCESS_VIEWERS, name) ? "viewer" : undefined;
}

const isOn = (list: string | undefined, name: string): boolean => {
  const wanted = name.toLowerCase();
  return (list ?? "")
    .toLowerCase()
    .split(",")
    .map((entry) => entry.trim())
    .some((entry) => entry === wanted || (entry.startsWith("*@") && wanted.endsWith(entry.slice(1))));
};
