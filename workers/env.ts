/** What the edge Worker is given, and what its middleware puts beside a request. */
import type { Speech } from "./pages/speech.ts";
import type { Trace } from "./trace.ts";

export interface Env {
  /** The functions Worker; the only way to it. */
  FUNCTIONS: Fetcher;
  /** The files of `dist/static`, which are served without this Worker. */
  ASSETS?: Fetcher;
  /** "id:secret[,id:secret]", the same as the functions Worker's. */
  TOKEN_KEYS: string;
  /** By what accounts become ids of shoppers; the same as the functions Worker's. */
  IDENTITY_SECRET: string;

  /** Counts per location, over its isolates: 100 in 10 s, as wrangler.toml says. */
  PER_LOCATION?: RateLimit;
  /** 20 in 60 s. */
  SIGN_INS?: RateLimit;

  /** The language of the addresses without one, `en` or `de`; English, if not said. */
  LANGUAGE?: string;

  /** Where shoppers pay, if not at Stripe's own address. */
  PAYMENT_ORIGIN?: string;

  /** The bot check (Cloudflare Turnstile): with a secret, who joins has to pass it. */
  TURNSTILE_SECRET?: string;
  TURNSTILE_SITE_KEY?: string;
  /** Where tokens are verified, and where the page's widget comes from; Cloudflare's, if not said. */
  TURNSTILE_VERIFY_URL?: string;
  TURNSTILE_SCRIPT_URL?: string;

  /** The shop's own accounts, for sales with `identity: "account"`: where its keys are, and what its tokens say. */
  ACCOUNT_JWKS_URL?: string;
  ACCOUNT_ISSUER?: string;
  ACCOUNT_AUDIENCE?: string;
  /** The cookie in which a browser brings the token; apps send it as bearer token. */
  ACCOUNT_COOKIE?: string;
  /** Where a shopper signs in. */
  ACCOUNT_LOGIN_URL?: string;
}

/** A call of the JSON API on behalf of who is behind the current request: same identity, same limits. */
export interface ApiCall {
  method: "GET" | "POST" | "PUT" | "DELETE";
  /** Such as `/api/sales/spring/queue`. */
  path: string;
  body?: unknown;
  /** What the body is, if not JSON: then it is text. */
  type?: "text/csv";
  /** Sent as bearer token: of an operator, whose session is in a cookie that only the console knows of. */
  bearer?: string | undefined;
}

export interface EdgeContext {
  Bindings: Env;
  Variables: {
    /** The shopper's id: from the token or cookie, else minted for this request. */
    shopper: string;
    /** What pages at this address are written with. */
    say: Speech;
    api: (call: ApiCall) => Promise<Response>;
    trace: Trace;
  };
}
