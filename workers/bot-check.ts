/**
 * The bot check at joining: Cloudflare Turnstile, where a secret is configured. Whoever did not take it, or took it too
 * long ago, is asked to; whoever failed it is let through marked, and the functions give a ticket that is never served:
 * a bot that learned that it failed would try again.
 */
import type { Env } from "./env.ts";

const VERIFY_URL = "https://challenges.cloudflare.com/turnstile/v0/siteverify";
const ANSWER_WITHIN_MS = 3_000;
/** What an honest browser can bring: no token, or one that is used up or old. */
const honest = new Set(["missing-input-response", "timeout-or-duplicate"]);

export type Verdict = "passed" | "failed" | "missing" | "unknown";

/** @param token what the page's widget gave, if anything */
export async function botCheck(env: Env, token: unknown, address: string): Promise<Verdict> {
  if (env.TURNSTILE_SECRET === undefined) return "passed";
  if (typeof token !== "string" || token === "") return "missing";
  try {
    const answer = await fetch(env.TURNSTILE_VERIFY_URL ?? VERIFY_URL, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ secret: env.TURNSTILE_SECRET, response: token, remoteip: address }),
      signal: AbortSignal.timeout(ANSWER_WITHIN_MS),
    });
    const { success, "error-codes": given } = await answer.json<Record<string, unknown>>();
    if (success === true) return "passed";
    const codes = Array.isArray(given) ? given.map(String) : [];
    if (codes.some((code) => honest.has(code))) return "missing";
    // Anything else, such as a wrong secret or a fault of theirs, says nothing about the shopper.
    return codes.includes("invalid-input-response") ? "failed" : "unknown";
  } catch (error) {
    console.error(JSON.stringify({ error: `bot check: ${String(error)}` }));
    return "unknown";
  }
}

/** What a page has to load for the check, for its content security policy. */
export const widgetOf = ({ TURNSTILE_SITE_KEY: siteKey, TURNSTILE_SCRIPT_URL: script }: Env) =>
  siteKey === undefined
    ? undefined
    : { siteKey, script: script ?? "https://challenges.cloudflare.com/turnstile/v0/api.js?render=explicit" };
