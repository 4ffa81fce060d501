/**
 * A Worker that makes one of the edge's checks and then says hello, so that a check can be measured against none. The checks
 * are the edge's own; which one is said by the path.
 */
import { bearer } from "../../domain/credential.ts";
import { tokenKeys } from "../../domain/token.ts";
import { createLimiter } from "../../workers/limit.ts";
import { keysOf } from "../../workers/tokens.ts";

interface Env {
  TOKEN_KEYS: string;
}

const hello = new TextEncoder().encode("Hello world").buffer;
const limiter = createLimiter({ perSecond: 10, burst: 1_000_000_000, keysMax: 50_000 });
let keys: ReturnType<typeof tokenKeys> | undefined;
let mac: { key: CryptoKey; bytes: ArrayBuffer } | undefined;

export default {
  async fetch(request: Request, env: Env): Promise<Response> {
    switch (new URL(request.url).pathname) {
      case "/token": {
        keys ??= tokenKeys(env.TOKEN_KEYS);
        return answer((await keys.verify("pass", bearer(request.headers) ?? "")) !== undefined);
      }
      case "/remembered":
        return answer((await keysOf(env).verify("pass", bearer(request.headers) ?? "")) !== undefined);
      case "/hmac":
        return answer(await bareCheck(bearer(request.headers) ?? ""));
      case "/limited":
        return answer(limiter.take(bearer(request.headers) ?? "", Date.now()).allowed);
      default:
        return answer(true);
    }
  },
};

const answer = (isGood: boolean) => new Response(hello, { status: isGood ? 200 : 403 });

/** What a MAC over as many bytes costs, and nothing around it. */
async function bareCheck(token: string): Promise<boolean> {
  if (mac === undefined) {
    const key = await crypto.subtle.generateKey({ name: "HMAC", hash: "SHA-256" }, false, ["sign", "verify"]);
    mac = { key, bytes: await crypto.subtle.sign("HMAC", key, hello) };
  }
  await crypto.subtle.verify("HMAC", mac.key, mac.bytes, new TextEncoder().encode(token));
  return true;
}
