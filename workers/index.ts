/**
 * The edge Worker: pages, the visit without JavaScript, the operator's console, and the API, whose calls are listed in policy.ts and pass
 * through door.ts.
 */
import { Hono, type Context } from "hono";
import { routePath } from "hono/route";
import type { PublicSale } from "../domain/api.ts";
import { REFUSED_HEADER, RETRY_HEADER } from "../domain/internal.ts";
import { problem } from "../domain/problem.ts";
import { refuse } from "../domain/refusal.ts";
import { widgetOf } from "./bot-check.ts";
import { answer, copyOf, keep, keyOf, purgesSoFar, type Copy } from "./copies.ts";
import { operatorConsole } from "./console/console.tsx";
import { crossOrigin } from "./cross-origin.ts";
import { pass } from "./door.ts";
import { draw } from "./draw.ts";
import type { EdgeContext, Env } from "./env.ts";
import { CONSOLE_FORM_MAX_BYTES, PAGE_FORM_MAX_BYTES, smallForm } from "./forms.ts";
import { circuit } from "./functions.ts";
import { links } from "./links.ts";
import { logLine } from "./log.ts";
import { oldAssets } from "./old-assets.ts";
import { NOT_FOUND_CACHE, PAGE_CACHE } from "./pages/cache.ts";
import { docsPage } from "./pages/docs.tsx";
import { homePage } from "./pages/home.tsx";
import { notFoundPage } from "./pages/not-found.tsx";
import { salePage } from "./pages/sale.tsx";
import { languages, speechFor } from "./pages/speech.ts";
import { troublePage } from "./pages/trouble.tsx";
import { policies } from "./policy.ts";
import { LIST_TAG, saleTag } from "./purge.ts";
import { securityHeaders } from "./security.ts";
import { traceOf, type Trace } from "./trace.ts";
import { noteTurnedAway } from "./turned-away.ts";
import { visit } from "./visit.tsx";

type Ctx = Context<EdgeContext>;

const RETRY_SECONDS = 5;
/** How often an isolate goes to get a new answer in place of one that is past its time. */
const RENEW_EVERY_MS = 1_000;

/** What a browser says of the page it asks for, and not of what that page asks for. */
const aboutThePage = ["content-type", "content-length", "if-none-match", "origin", "sec-fetch-site"];

const app = new Hono<EdgeContext>();

/** Calls of the API on behalf of a page: part of its request, so they have no line of their own in the log. */
const inner = new WeakMap<Request, Trace>();

app.use(async (c, next) => {
  const startedMs = Date.now();
  const outer = inner.get(c.req.raw);
  const trace = outer ?? traceOf(c.req.raw.headers);
  c.set("trace", trace);
  c.set("api", async ({ method, path, body, type, bearer }) => {
    // A page's calls of the API go through the same door as a client's: same identity, same limits.
    const headers = new Headers(c.req.raw.headers);
    for (const name of aboutThePage) headers.delete(name);
    if (body !== undefined) headers.set("content-type", type ?? "application/json");
    if (bearer !== undefined) headers.set("authorization", `Bearer ${bearer}`);
    const text = type !== undefined && typeof body === "string" ? body : JSON.stringify(body);
    const init = { method, headers, ...(body === undefined ? {} : { body: text }) };
    const request = new Request(new URL(path, c.req.url), init);
    inner.set(request, trace);
    const answer = await handle(request, c.env, c.executionCtx);
    const refused = answer.headers.get(REFUSED_HEADER);
    if (refused !== null) c.header(REFUSED_HEADER, refused);
    return answer;
  });
  await next();
  // A page may be stricter.
  for (const [name, value] of Object.entries(securityHeaders(c.env)))
    if (!c.res.headers.has(name)) c.header(name, value);
  if (!c.res.headers.has("x-layer")) c.header("x-layer", "edge");
  if (!c.res.headers.has("cache-control")) c.header("cache-control", "no-store");
  if (outer !== undefined) return;
  finish(c, Date.now() - startedMs);
});

/** The router takes a path as it is written, the functions as it is meant: what these differ in is nowhere. */
app.use(async (c, next) => {
  if (!isPlain(c.req.url)) return problem(refuse("not_found"));
  await next();
  return undefined;
});
app.use(crossOrigin);
app.use("/admin/*", smallForm(CONSOLE_FORM_MAX_BYTES));

/** The language is in the address, so that what is cached is the same for everybody. */
app.use(async (c, next) => {
  const { say, moved } = speechFor(c.env, c.req.path);
  if (moved !== undefined) return c.redirect(moved + new URL(c.req.url).search, 308);
  c.set("say", say);
  await next();
  return undefined;
});

/** What people see; once for each language. */
const pages = new Hono<EdgeContext>();
pages.use("/sales/*", smallForm(PAGE_FORM_MAX_BYTES));

pages.get("/", async (c) => {
  const answer = await readApi(c, "/api/sales");
  if (!answer.ok) return trouble(c);
  const { sales } = await answer.json<{ sales: PublicSale[] }>();
  return c.html(homePage(c.var.say, sales), 200, { ...kept(answer), "cache-tag": LIST_TAG });
});

pages.get("/sales/:sale{[a-z0-9-]{1,64}}", async (c) => {
  const sale = c.req.param("sale");
  const answer = await readApi(c, `/api/sales/${encodeURIComponent(sale)}`);
  const tag = { "cache-tag": saleTag(sale) };
  if (answer.status === 404)
    return c.html(notFoundPage(c.var.say), 404, { "cache-control": NOT_FOUND_CACHE, ...tag });
  if (!answer.ok) return trouble(c);
  const shown = { widget: widgetOf(c.env), loginUrl: c.env.ACCOUNT_LOGIN_URL };
  const page = salePage(c.var.say, await answer.json<PublicSale>(), shown);
  return c.html(page, 200, { ...kept(answer), ...tag });
});

/** A page is as old as what it is made of. */
const kept = ({ headers }: Response) => ({
  "cache-control": PAGE_CACHE,
  ...(headers.has("age") ? { age: headers.get("age") ?? "" } : {}),
});

app.get("/docs", (c) => c.html(docsPage(), 200, { "cache-control": PAGE_CACHE }));

for (const part of [draw, links, visit]) pages.route("/", part);
for (const base of ["/", ...languages.map((language) => `/${language}`)]) app.route(base, pages);

app.route("/", oldAssets);

app.route("/admin", operatorConsole);

for (const { path, methods } of policies) {
  for (const [method, policy] of Object.entries(methods)) app.on(method, path, (c) => pass(c, policy));
  const allow = Object.keys(methods).join(", ");
  app.all(path, () => problem(refuse("method_not_allowed"), { allow }));
}

app.notFound((c) =>
  c.req.header("accept")?.includes("text/html") === true && !c.req.path.startsWith("/api/")
    ? c.html(notFoundPage(c.var.say), 404, { "cache-control": NOT_FOUND_CACHE })
    : problem(refuse("not_found")),
);

app.onError((error, c) => {
  console.error(JSON.stringify({ error: String(error), request: c.var.trace.requestId }));
  return problem(refuse("unavailable"));
});

/** Whether a path has no dots to be resolved, no backslashes, nothing that a URL would write otherwise. */
function isPlain(url: string): boolean {
  const { origin, pathname } = new URL(url);
  const rest = url.slice(origin.length);
  return rest.startsWith(pathname) && /^(?:$|[?#])/.test(rest.slice(pathname.length));
}

/** Ends a request: one line of the log, and nothing of what the Workers tell each other goes out. */
function finish(c: Ctx, ms: number): void {
  const { status, headers } = c.res;
  logLine(c.req.method, routePath(c), c.var.trace, c.res, ms);
  noteTurnedAway(c.req.path, status);
  for (const name of [REFUSED_HEADER, RETRY_HEADER]) headers.delete(name);
  if (headers.get("cache-control") !== "no-store") return;
  c.header("x-request-id", c.var.trace.requestId);
  c.header("server-timing", `edge;dur=${ms}`, { append: true });
  if (status === 503) c.header("retry-after", headers.get("retry-after") ?? String(RETRY_SECONDS));
}

/** What a page that is the same for everybody is made of. */
const readApi = (c: Ctx, path: string) => c.var.api({ method: "GET", path });

function trouble(c: Ctx): Response | Promise<Response> {
  const { say } = c.var;
  const path = c.req.path.slice(say.prefix.length) || "/";
  return c.html(troublePage(say, say.m.noAnswer, path), 503, {
    "cache-control": "no-store",
    refresh: `${RETRY_SECONDS};url=${c.req.path}`,
    "retry-after": String(RETRY_SECONDS),
  });
}

/**
 * A copy where there is one that will do, else the routes above. Not `async`, and nothing is looked at that need not be:
 * nearly all that reaches the Worker ends in its third line.
 */
function handle(request: Request, env: Env, context: Context["executionCtx"]): Response | Promise<Response> {
  const key = keyOf(request);
  const copy = copyOf(key);
  const nowMs = Date.now();
  if (copy !== undefined && nowMs < copy.freshUntilMs && request.method === "GET")
    return answer(copy, request, nowMs);
  return request.method === "GET"
    ? renew(key, copy, request, env, context)
    : app.fetch(request, env, context);
}

/** A new answer, which becomes the copy; or the old copy, while the functions are in trouble and as long as it may. */
async function renew(
  key: string,
  copy: Copy | undefined,
  request: Request,
  env: Env,
  context: Context["executionCtx"],
): Promise<Response> {
  const startedMs = Date.now();
  const fresh = async () => {
    const asked = purgesSoFar();
    return await keep(key, request, await app.fetch(request, env, context), asked, Date.now());
  };
  if (copy === undefined || startedMs >= copy.staleUntilMs) return await fresh();
  // One request a second goes to get a new one; whoever comes meanwhile does not wait for it.
  const isRenewing = startedMs - copy.renewingSinceMs < RENEW_EVERY_MS;
  if (!isRenewing) copy.renewingSinceMs = startedMs;
  if (circuit.isOpen()) {
    // Nobody waits for functions in trouble.
    if (!isRenewing) context.waitUntil(fresh());
    return answer(copy, request, startedMs);
  }
  if (isRenewing && startedMs < copy.freshUntilMs + RENEW_EVERY_MS) return answer(copy, request, startedMs);
  const made = await fresh();
  return made.status < 500 ? made : answer(copy, request, Date.now());
}

export default { fetch: handle } satisfies ExportedHandler<Env>;
