/** Secrets and variables: whether they are there and fit together. Names only; what they are is never said. Pure. */
import type { EdgeState } from "../../domain/internal.ts";
import { keysHash } from "../../domain/token.ts";
import type { Env } from "../services.ts";
import { check, type Finding } from "./finding.ts";

const required = [
  "UPSTASH_REDIS_REST_URL",
  "UPSTASH_REDIS_REST_TOKEN",
  "DATABASE_URL",
  "TOKEN_KEYS",
  "IDENTITY_SECRET",
  "ADMIN_TOKEN",
] as const;
const TOKEN_MIN_CHARS = 24;
const put = (name: string) => `npx wrangler secret put ${name} -c functions/wrangler.toml`;

export function secretsThere(env: Env): Finding {
  const { green, red } = check("secrets", "Secrets");
  const missing = required.filter((name) => ((env[name] as string | undefined) ?? "") === "");
  return missing.length === 0
    ? green(`${required.join(", ")} are set.`)
    : red(`${missing.join(", ")} ${missing.length === 1 ? "is" : "are"} not set.`, put(missing[0] ?? ""));
}

export function tokensApart(env: Env): Finding {
  const { green, amber, red } = check("tokens", "Tokens for signing in");
  const { ADMIN_TOKEN: admin = "", VIEWER_TOKEN: viewer = "" } = env as Partial<Env>;
  if (admin !== "" && admin === viewer)
    return red(
      "VIEWER_TOKEN is the same as ADMIN_TOKEN, so nobody may act.",
      `Give one of them another value: ${put("VIEWER_TOKEN")}`,
    );
  const short = Object.entries({ ADMIN_TOKEN: admin, VIEWER_TOKEN: viewer }).filter(
    ([, token]) => token !== "" && token.length < TOKEN_MIN_CHARS,
  );
  if (short.length > 0)
    return amber(
      `${short.map(([name]) => name).join(" and ")} can be guessed: fewer than ${TOKEN_MIN_CHARS} characters.`,
      `Take 32 random ones: openssl rand -base64 24 | ${put(short[0]?.[0] ?? "")}`,
    );
  return green(
    viewer === "" ? "One for operators, none for viewers." : "One for operators, one for viewers.",
  );
}

/** @param host where the shop is asked for */
export function keysOwn(env: Env, host: string): Finding {
  const { green, amber, red } = check("keys", "Keys");
  const isHere = /^(localhost|127\.0\.0\.1|\[::1\])$/.test(host);
  const local = [
    ...(/(^|,)\s*local:/.test(env.TOKEN_KEYS) ? ["TOKEN_KEYS"] : []),
    ...(["UPSTASH_REDIS_REST_URL", "DATABASE_URL"] as const).filter((name) =>
      /\/\/([^@/]*@)?(localhost|127\.0\.0\.1)[:/]/.test(env[name]),
    ),
  ];
  if (local.length === 0) return green("None is of a local stack.");
  const found = `${local.join(", ")} ${local.length === 1 ? "is" : "are"} of a local stack.`;
  return isHere
    ? amber(`${found} So is this shop.`, "Nothing here; a deployed shop needs its own.")
    : red(found, `Set your own: ${put(local[0] ?? "")}`);
}

/** What the edge told of itself. */
export async function edgeFits(env: Env, edge: EdgeState | undefined): Promise<Finding> {
  const { green, amber, red } = check("edge-keys", "Keys of both Workers");
  if (edge === undefined)
    return amber("The edge said nothing of itself.", "Deploy the edge of this version.");
  const own = await keysHash(env);
  return own === edge.keys
    ? green("The edge and the functions have the same TOKEN_KEYS and IDENTITY_SECRET.")
    : red(
        "The edge has other TOKEN_KEYS or another IDENTITY_SECRET than the functions: tickets of one are nothing to the other.",
        "Set both to the same values on both Workers: npx wrangler secret put TOKEN_KEYS -c wrangler.toml",
      );
}

export function edgeCache(edge: EdgeState | undefined): Finding {
  const { green, amber, red } = check("edge-cache", "Cache of the edge");
  switch (edge?.purge) {
    case "works":
      return green("What is cached of a sale can be purged.");
    case "fails":
      return red(
        "Purging fails: shoppers would see a change for some seconds too late.",
        "Look at the edge's log for “purge”, and at [cache] in wrangler.toml.",
      );
    case "none":
    case undefined:
      return amber(
        "There is no cache in front of the edge, or it cannot be purged.",
        "Set [cache] enabled = true in wrangler.toml and deploy: without it each poll is a request of the Worker.",
      );
  }
}

/** @param identity who may join the sale */
export function botCheck(edge: EdgeState | undefined, identity: string): Finding {
  const { green, amber, red } = check("bot-check", "Bot check");
  const way = "Set TURNSTILE_SITE_KEY, and: npx wrangler secret put TURNSTILE_SECRET -c wrangler.toml";
  switch (edge?.botCheck) {
    case "on":
      return green("Who joins passes Cloudflare Turnstile.");
    case "half":
      return red("TURNSTILE_SECRET is set and TURNSTILE_SITE_KEY is not: nobody could join.", way);
    case "off":
    case undefined:
      return identity === "anyone"
        ? amber("It is off, and this sale is for anybody: only the limits hold programs back.", way)
        : green(
            `It is off; this sale is for ${identity === "registered" ? "confirmed addresses" : "accounts"}.`,
          );
  }
}
