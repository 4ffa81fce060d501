/**
 * Accounts of the shop's own login: a JWT, verified against the keys its JWKS address publishes. The keys are kept per
 * isolate; a token by an unknown key makes it look again, so a rotation needs nobody.
 */
import { createRemoteJWKSet, errors, jwtVerify } from "jose";
import { knownShopper } from "../domain/token.ts";
import type { Env } from "./env.ts";

/** How long after a look the next one is made at the earliest, for tokens by unknown keys. */
const LOOK_AGAIN_MS = 5_000;
const ANSWER_WITHIN_MS = 3_000;
/** How far the clocks of shop and login may be apart. */
const CLOCK_TOLERANCE_SECONDS = 30;
/** Signatures by a key pair; never by a shared secret, which a JWKS does not hold. */
const ALGORITHMS = ["RS256", "PS256", "ES256", "EdDSA"];

let keys: { url: string; set: ReturnType<typeof createRemoteJWKSet> } | undefined;

/** The shopper behind an account's token; `invalid` for one that is not good, `unknown` where the keys cannot be had. */
export async function shopperOfAccount(
  env: Env,
  token: string,
): Promise<{ shopper: string } | { failed: "invalid" | "unknown" }> {
  const { ACCOUNT_JWKS_URL: url, ACCOUNT_ISSUER: issuer, ACCOUNT_AUDIENCE: audience } = env;
  if (url === undefined || issuer === undefined) return { failed: "invalid" };
  if (keys?.url !== url) {
    const options = { cooldownDuration: LOOK_AGAIN_MS, timeoutDuration: ANSWER_WITHIN_MS };
    keys = { url, set: createRemoteJWKSet(new URL(url), options) };
  }
  try {
    const { payload } = await jwtVerify(token, keys.set, {
      issuer,
      ...(audience === undefined ? {} : { audience }),
      algorithms: ALGORITHMS,
      clockTolerance: CLOCK_TOLERANCE_SECONDS,
      requiredClaims: ["sub", "exp"],
    });
    return { shopper: await knownShopper(env.IDENTITY_SECRET, `account ${issuer} ${payload.sub ?? ""}`) };
  } catch (error) {
    if (saysTokenIsWrong(error)) return { failed: "invalid" };
    console.error(JSON.stringify({ error: `account keys: ${String(error)}` }));
    return { failed: "unknown" };
  }
}

/** Everything else is about the keys' address: no answer, no success, no key set. */
const saysTokenIsWrong = (error: unknown): boolean =>
  error instanceof errors.JOSEError &&
  !["ERR_JOSE_GENERIC", "ERR_JWKS_TIMEOUT", "ERR_JWKS_INVALID"].includes(error.code);
