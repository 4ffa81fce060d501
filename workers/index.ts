/**
 * The edge Worker: pages, the visit without JavaScript, and the API, whose calls are listed in policy.ts and pass
 * through door.ts.
 */
import { Hono, type Context } from "hono";
import { routePath } from "hono/route";
import type { PublicSale } from "../domain/api.ts";
import { REFUSED_HEADER } from "../domain/internal.ts";
import { problem } from "../domain/problem.ts";
import { refuse } from "../domain/refusal.ts";
import { widgetOf } from "./bot-check.ts";
import { confirm } from "./confirm.ts";
import { pass } from "./door.ts";
import { draw } from "./draw.ts";
import type { EdgeContext, Env } from "./env.ts";
import { askFunctions } from "./functions.ts";
import { NOT_FOUND_CACHE, PAGE_CACHE } from "./pages/cache.ts";
import { homePage } from "./pages/home.tsx";
import { notFoundPage } from "./pages/not-found.tsx";
import { salePage } from "./pages/sale.tsx";
import { troublePage } from "./pages/trouble.tsx";
import { policies } from "./policy.ts";
import { visit } from "./visit.tsx";

type Ctx = Context<EdgeContext>;

const RETRY_SECONDS = 5;

/** Nothing but our own; where the shop uses a bot check, its script and frame too. */
function contentPolicy(env: Env): string {
  const check = widgetOf(env);
  const others = check === undefined ? "" : ` ${new URL(check.script).origin}`;
  return [
    "default-src 'none'",
    `script-src 'self'${others}`,
    "style-src 'self'",
    "img-src 'self'",
    "connect-src 'self'",
    ...(others === "" ? [] : [`frame-src${others}`]),
    // Completing a priced order leads on to where it is paid.
    `form-action 'self' ${env.PAYMENT_ORIGIN ?? "https://checkout.stripe.com"}`,
    "base-uri 'none'",
    "frame-ancestors 'none'",
  ].join("; ");
}

const securityHeaders = {
  "referrer-policy": "same-origin",
  "strict-transport-security": "max-age=31536000",
  "x-content-type-options": "nosniff",
};

const app = new Hono<EdgeContext>();

app.use(async (c, next) => {
  c.set("api", async ({ method, path, body }) => {
    // A page's calls of the API go through the same door as a client's: same identity, same limits.
    const headers = new Headers(c.req.raw.headers);
    for (const name of ["content-type", "content-length"]) headers.delete(name);
    if (body !== undefined) headers.set("content-type", "application/json");
    const init = { method, headers, ...(body === undefined ? {} : { body: JSON.stringify(body) }) };
    return await app.fetch(new Request(new URL(path, c.req.url), init), c.env, c.executionCtx);
  });
  await next();
  c.header("content-security-policy", contentPolicy(c.env));
  for (const [name, value] of Object.entries(securityHeaders)) c.header(name, value);
  if (!c.res.headers.has("x-layer")) c.header("x-layer", "edge");
  countRefusal(c);
  if (!c.res.headers.has("cache-control")) c.header("cache-control", "no-store");
});

/** A form or script of another site must not act for a shopper: browsers send `Origin` with every such request. */
app.use(async (c, next) => {
  const origin = c.req.header("origin");
  const acts = c.req.method !== "GET" && c.req.method !== "HEAD";
  if (acts && origin !== undefined && origin !== new URL(c.req.url).origin)
    return problem(refuse("cross_origin"));
  await next();
  return undefined;
});

app.get("/", async (c) => {
  const answer = await readApi(c, "/api/sales");
  if (!answer.ok) return trouble(c);
  const { sales } = await answer.json<{ sales: PublicSale[] }>();
  return c.html(homePage(sales), 200, { "cache-control": PAGE_CACHE });
});

app.get("/sales/:sale", async (c) => {
  const answer = await readApi(c, `/api/sales/${encodeURIComponent(c.req.param("sale"))}`);
  if (answer.status === 404) return c.html(notFoundPage(), 404, { "cache-control": NOT_FOUND_CACHE });
  if (!answer.ok) return trouble(c);
  const shown = { widget: widgetOf(c.env), loginUrl: c.env.ACCOUNT_LOGIN_URL };
  return c.html(salePage(await answer.json<PublicSale>(), shown), 200, { "cache-control": PAGE_CACHE });
});

app.route("/", draw);
app.route("/", confirm);

app.route("/", visit);

for (const { path, methods } of policies) {
  for (const [method, policy] of Object.entries(methods)) app.on(method, path, (c) => pass(c, policy));
  const allow = Object.keys(methods).join(", ");
  app.all(path, () => problem(refuse("method_not_allowed"), { allow }));
}

app.notFound((c) =>
  c.req.header("accept")?.includes("text/html") === true && !c.req.path.startsWith("/api/")
    ? c.html(notFoundPage(), 404, { "cache-control": NOT_FOUND_CACHE })
    : problem(refuse("not_found")),
);

app.onError((error) => {
  console.error(JSON.stringify({ error: String(error) }));
  return problem(refuse("unavailable"));
});

/** One line for each refusal, to be counted by word: the route it was said on, never who it was said to. */
function countRefusal(c: Ctx): void {
  const refused = c.res.headers.get(REFUSED_HEADER);
  if (refused === null) return;
  c.res.headers.delete(REFUSED_HEADER);
  const { status, headers } = c.res;
  console.log(
    JSON.stringify({
      refused,
      status,
      method: c.req.method,
      route: routePath(c),
      layer: headers.get("x-layer"),
    }),
  );
}

/** What a page that is the same for everybody is made of. */
const readApi = (c: Ctx, path: string) =>
  askFunctions(c.env, { method: "GET", url: new URL(path, c.req.url), headers: c.req.raw.headers });

function trouble(c: Ctx): Response | Promise<Response> {
  const text = "The shop does not answer right now. Nothing is lost: this page tries again by itself.";
  return c.html(troublePage(text, { seconds: RETRY_SECONDS, url: c.req.path }), 503, {
    "cache-control": "no-store",
    "retry-after": String(RETRY_SECONDS),
  });
}

export default app;
