/**
 * What other sites may do. Nothing, for a browser that would send its cookies along (CSRF): browsers say where a request
 * comes from, by `Origin` and `Sec-Fetch-Site`, and who says neither is no browser and has no cookies but its own.
 * Everybody may read what is the same for everybody. Sites that a sale names (`allowedOrigins`) may act in it for their
 * own visitors, by tokens they hold themselves: cookies do not count there.
 */
import type { Context, MiddlewareHandler } from "hono";
import type { PublicSale } from "../domain/api.ts";
import { problem } from "../domain/problem.ts";
import { ACCESS_HEADER } from "../domain/internal.ts";
import { refuse } from "../domain/refusal.ts";
import type { EdgeContext } from "./env.ts";

/** For how long a browser remembers what a preflight said. */
const PREFLIGHT_SECONDS = 600;
const looks: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS"]);

export const crossOrigin: MiddlewareHandler<EdgeContext> = async (c, next) => {
  const origin = c.req.header("origin");
  const isOwn = origin === undefined || origin === new URL(c.req.url).origin;
  if (isOwn) {
    const site = c.req.header("sec-fetch-site");
    const isForeign = origin === undefined && (site === "cross-site" || site === "same-site");
    if (isForeign && !looks.has(c.req.method)) return problem(refuse("cross_origin"));
    await next();
    return undefined;
  }

  const isAllowed = await allows(c, origin);
  if (c.req.method === "OPTIONS" && c.req.header("access-control-request-method") !== undefined)
    return isAllowed ? preflight(origin) : problem(refuse("cross_origin"));
  if (!isAllowed && !looks.has(c.req.method)) return problem(refuse("cross_origin"));
  const headers = new Headers(c.req.raw.headers);
  for (const name of ["cookie", ACCESS_HEADER]) headers.delete(name);
  c.req.raw = new Request(c.req.raw, { headers });
  await next();
  if (isAllowed && !c.res.headers.has("access-control-allow-origin")) {
    c.header("access-control-allow-origin", origin);
    c.header("access-control-expose-headers", "retry-after, ratelimit, ratelimit-policy, x-request-id");
    c.header("vary", "origin", { append: true });
  }
  return undefined;
};

/** Whether the sale in the path names this origin; what is asked about the sale is the public answer, from its copy. */
async function allows(c: Context<EdgeContext>, origin: string): Promise<boolean> {
  const [, sale, rest] = /^\/api\/sales\/([a-z0-9-]{1,64})(\/.+)$/.exec(c.req.path) ?? [];
  if (sale === undefined || rest === "/pulse") return false;
  const answer = await c.var.api({ method: "GET", path: `/api/sales/${sale}` });
  return answer.ok && (await answer.json<PublicSale>()).allowedOrigins.includes(origin);
}

function preflight(origin: string): Response {
  return new Response(null, {
    status: 204,
    headers: {
      "access-control-allow-origin": origin,
      "access-control-allow-methods": "GET, POST, DELETE",
      "access-control-allow-headers": "authorization, content-type, traceparent",
      "access-control-max-age": String(PREFLIGHT_SECONDS),
      "cache-control": "no-store",
      vary: "origin",
    },
  });
}
