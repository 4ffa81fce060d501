/** Refusals as RFC 9457 problem documents: the one place where a word becomes an HTTP answer. */
import { REFUSED_HEADER, RETRY_HEADER } from "./internal.ts";
import { refusals, type Refusal } from "./refusal.ts";

/** Seconds to wait when a 425, 429 or 503 has nothing better to say; these statuses never go without. */
const DEFAULT_RETRY_AFTER_SECONDS = 2;

const mustSayWhen: ReadonlySet<number> = new Set([425, 429, 503]);

export function problem({ refused, evidence }: Refusal, headers: Record<string, string> = {}): Response {
  const { status, title } = refusals[refused];
  const { retryAfterSeconds, ...shown } = evidence;
  const retryAfter = retryAfterSeconds ?? (mustSayWhen.has(status) ? DEFAULT_RETRY_AFTER_SECONDS : undefined);
  return new Response(JSON.stringify({ type: refused, title, status, ...shown }), {
    status,
    headers: {
      "content-type": "application/problem+json",
      "cache-control": "no-store",
      [REFUSED_HEADER]: refused,
      ...(retryAfter === undefined
        ? {}
        : {
            "retry-after": String(Math.max(1, Math.ceil(retryAfter))),
            [RETRY_HEADER]: String(Math.ceil(retryAfter * 1000)),
          }),
      ...(status === 401 ? { "www-authenticate": "Bearer" } : {}),
      ...headers,
    },
  });
}
