/**
 * The functions Worker's entry, and the only place in `functions/` that knows HTTP: it decodes requests by the contract
 * (domain/api.ts), calls one step, and encodes the outcome. Only the edge's service binding reaches it, which is why it
 * believes the edge about who the shopper is; tokens it verifies itself all the same.
 */
import { OpenAPIHono } from "@hono/zod-openapi";
import type { Context } from "hono";
import { HTTPException } from "hono/http-exception";
import { routePath } from "hono/route";
import * as api from "../domain/api.ts";
import {
  bearer,
  claimsFor,
  passCookie,
  registeredCookie,
  slotByCookie,
  slotCookie,
  setCookie,
  ticketCookie,
} from "../domain/credential.ts";
import { withExamples } from "../domain/document.ts";
import {
  ACCESS_HEADER,
  ACCOUNT_HEADER,
  BOT_CHECK_HEADER,
  EDGE_HEADER,
  EPOCH_HEADER,
  REFUSED_HEADER,
  REGISTERED_HEADER,
  REQUEST_ID_HEADER,
  SHOPPER_HEADER,
  TRACE_HEADER,
  TURNED_AWAY_HEADER,
} from "../domain/internal.ts";
import { problem } from "../domain/problem.ts";
import { isRefusal, notALink, refusals, refuse, type Refusal } from "../domain/refusal.ts";
import type { PassClaims, TicketClaims } from "../domain/token.ts";
import { readChecklist } from "./checklist/checklist.ts";
import { checkout, readOrder, readReservation } from "./checkout/checkout.ts";
import { askRefund } from "./checkout/refund.ts";
import { receive } from "./checkout/webhook.ts";
import { everyMinute } from "./cron.ts";
import { listEmails, retryEmail } from "./mail/outbox.ts";
import { readMetrics } from "./metrics.ts";
import { signIn, whoIs } from "./operator.ts";
import { readPulse } from "./queue/pulse.ts";
import { enterSale, joinQueue, leaveQueue } from "./queue/queue.ts";
import { persist } from "./redis/client.ts";
import { exportRegistrations, importInvites, readNumbers } from "./registration/list.ts";
import {
  cancelRegistration,
  confirmRegistration,
  readRegistration,
  register,
} from "./registration/registration.ts";
import { extendReservation } from "./reservation/extend.ts";
import { releaseReservation, reserve } from "./reservation/reservation.ts";
import { approve } from "./reconciliation/approve.ts";
import { listRuns, readRun, reconcile, setRemedyLimit } from "./reconciliation/reconcile.ts";
import { readSettlement, reportCsv, reportPage } from "./settlement/report.ts";
import { listOrders, listStoredSales, readLive } from "./sale/live.ts";
import { listAudit, listReservations, ordersCsv, readStoredSale } from "./sale/stored.ts";
import { readOverview } from "./sale/overview.ts";
import { drill } from "./sale/drill.ts";
import { rebuildSale } from "./sale/rebuild.ts";
import { closeSale, openSale, updateSale } from "./sale/redefine.ts";
import { pauseSale, resumeSale, setMode, setReleaseSize } from "./sale/rules.ts";
import { topUp } from "./sale/top-up.ts";
import { createSale, listSales, previewSale, missing, readSale, readSettled } from "./sale/sale.ts";
import { services, type Env, type Services } from "./services.ts";
import { count } from "./tallies.ts";
import { Unavailable } from "./unavailable.ts";
import { z } from "zod";

interface FunctionsContext {
  Bindings: Env;
  Variables: { services: Services; who: api.Session };
}
type Ctx = Context<FunctionsContext>;

/** What everybody may be told, and for how long a cache may tell it (seconds). */
const cacheable = {
  sale: "public, max-age=5, stale-while-revalidate=30, stale-if-error=600",
  pulse: "public, max-age=1, stale-if-error=30",
  absent: "public, max-age=5",
  contract: "public, max-age=300, stale-if-error=86400",
};

const app = new OpenAPIHono<FunctionsContext>({
  defaultHook: (result) => {
    if (result.success) return undefined;
    if (result.target === "param") return problem(refuse("not_found"));
    return problem(refuse("invalid_input", { errors: pointers(result.error.issues) }));
  },
});

app.use(async (c, next) => {
  const startedMs = Date.now();
  c.set("services", services(c.env, c.executionCtx));
  countTurnedAway(c.req.path, c.req.header(TURNED_AWAY_HEADER));
  await next();
  if (!c.res.headers.has("cache-control")) c.header("cache-control", "no-store");
  // One line for each request, under the id and the trace of the edge's; nothing personal.
  const { status, headers } = c.res;
  console.log(
    JSON.stringify({
      request: c.req.header(REQUEST_ID_HEADER),
      trace: c.req.header(TRACE_HEADER)?.split("-")[1],
      route: routePath(c),
      method: c.req.method,
      status,
      outcome: headers.get(REFUSED_HEADER) ?? (status < 400 ? "ok" : `http_${status}`),
      layer: "functions",
      ms: Date.now() - startedMs,
    }),
  );
});

app.use("/api/admin/*", async (c, next) => {
  const shown = { bearer: bearer(c.req.raw.headers), assertion: c.req.header(ACCESS_HEADER) };
  const who = await whoIs(c.env, c.var.services.keys, shown, Date.now());
  if (isRefusal(who)) return problem(who);
  // Signing in is no change.
  const looks = c.req.method === "GET" || c.req.path === api.createSession.path;
  if (who.role === "viewer" && !looks) return problem(refuse("forbidden"));
  c.set("who", who);
  c.set("services", { ...c.var.services, actor: who.name });
  await next();
  return undefined;
});

app.openapi(api.listSales, async (c) => {
  c.header("cache-control", cacheable.sale);
  return c.json({ sales: await listSales(c.var.services) }, 200);
});

app.openapi(api.readSale, async (c) => {
  const { sale: id } = c.req.valid("param");
  const sale = accepted(
    (await readSale(c.var.services, id)) ??
      (await readSettled(c.var.services, id)) ??
      (await missing(c.var.services, id)),
    absent,
  );
  c.header("cache-control", cacheable.sale);
  return c.json(sale, 200);
});

app.openapi(api.readPulse, async (c) => {
  const pulse = accepted(await readPulse(c.var.services, c.req.valid("param").sale), absent);
  c.header("cache-control", cacheable.pulse);
  c.header(EPOCH_HEADER, String(pulse.epoch));
  return c.json(pulse, 200);
});

app.openapi(api.joinQueue, async (c) => {
  const { sale } = c.req.valid("param");
  const shopper = c.req.header(SHOPPER_HEADER);
  if (shopper === undefined) throw new Error("the edge names the shopper of every join");
  const { created, answer } = accepted(
    await joinQueue(c.var.services, sale, {
      shopper,
      registered: c.req.header(REGISTERED_HEADER),
      account: c.req.header(ACCOUNT_HEADER),
      old: await ticketOf(c, sale),
      failedCheck: c.req.header(BOT_CHECK_HEADER) === "failed",
      slot: accepted(await slotOf(c, sale, c.req.valid("json").slotToken)).slot,
    }),
  );
  c.header("set-cookie", setCookie(ticketCookie(sale), answer.ticket));
  if (answer.pass !== undefined)
    c.header("set-cookie", setCookie(passCookie(sale), answer.pass), { append: true });
  c.header(EPOCH_HEADER, String(answer.epoch));
  return c.json(answer, created ? 201 : 200);
});

app.openapi(api.register, async (c) => {
  const { sale } = c.req.valid("param");
  const { email } = c.req.valid("json");
  const failedCheck = c.req.header(BOT_CHECK_HEADER) === "failed";
  const shop = new URL(c.req.url).origin;
  accepted(await register(c.var.services, sale, { email, shop, failedCheck }));
  return c.body(null, 202);
});

app.openapi(api.confirmRegistration, async (c) => {
  const { sale } = c.req.valid("param");
  const { token } = c.req.valid("json");
  const browser = c.req.header(SHOPPER_HEADER) ?? "";
  const answer = accepted(await confirmRegistration(c.var.services, sale, token, browser));
  c.header("set-cookie", setCookie(registeredCookie(sale), answer.registration));
  keepSlot(c, sale, answer.slotToken);
  return c.json(answer, 200);
});

app.openapi(api.readRegistration, async (c) => {
  const { sale: id } = c.req.valid("param");
  const { shopper } = accepted(registeredShopper(c));
  const sale = accepted((await readSale(c.var.services, id)) ?? (await missing(c.var.services, id)));
  const mine = accepted(
    (await readRegistration(c.var.services, sale, shopper)) ?? refuse("registration_needed"),
  );
  keepSlot(c, id, mine.slotToken);
  return c.json(mine, 200);
});

app.openapi(api.cancelRegistration, async (c) => {
  const { sale: id } = c.req.valid("param");
  const token = c.req.valid("json").token;
  const sale = accepted((await readSale(c.var.services, id)) ?? (await missing(c.var.services, id)));
  const { shopper } = accepted(
    token === undefined ? registeredShopper(c) : ((await ofCancellation(c, id, token)) ?? notALink("/token")),
  );
  await cancelRegistration(c.var.services, sale, shopper);
  for (const name of [registeredCookie, slotCookie])
    c.header("set-cookie", setCookie(name(id), "", 0), { append: true });
  return c.body(null, 204);
});

app.openapi(api.leaveQueue, async (c) => {
  const { sale } = c.req.valid("param");
  const ticket = accepted((await ticketOf(c, sale)) ?? refuse("invalid_ticket"));
  accepted(await leaveQueue(c.var.services, ticket));
  c.header("set-cookie", setCookie(ticketCookie(sale), "", 0));
  return c.body(null, 204);
});

app.openapi(api.enterSale, async (c) => {
  const { sale } = c.req.valid("param");
  const ticket = accepted((await ticketOf(c, sale)) ?? refuse("invalid_ticket"));
  const { created, epoch, answer } = accepted(await enterSale(c.var.services, ticket));
  c.header("set-cookie", setCookie(passCookie(sale), answer.pass));
  c.header(EPOCH_HEADER, String(epoch));
  return c.json(answer, created ? 201 : 200);
});

app.openapi(api.reserve, async (c) => {
  const pass = accepted(await passOf(c, c.req.valid("param").sale));
  const { created, answer } = accepted(await reserve(c.var.services, pass, c.req.valid("json")));
  return c.json(answer, created ? 201 : 200);
});

app.openapi(api.readReservation, async (c) => {
  const { sale, id } = c.req.valid("param");
  const pass = accepted(await passOf(c, sale));
  return c.json(accepted(await readReservation(c.var.services, pass, id)), 200);
});

app.openapi(api.releaseReservation, async (c) => {
  const { sale, id } = c.req.valid("param");
  const pass = accepted(await passOf(c, sale));
  accepted(await releaseReservation(c.var.services, pass, id));
  return c.body(null, 204);
});

app.openapi(api.extendReservation, async (c) => {
  const { sale, id } = c.req.valid("param");
  const pass = accepted(await passOf(c, sale));
  return c.json(accepted(await extendReservation(c.var.services, pass, id)), 200);
});

app.openapi(api.checkout, async (c) => {
  const { sale, id } = c.req.valid("param");
  const pass = accepted(await passOf(c, sale));
  const { language } = c.req.valid("json");
  const { origin } = new URL(c.req.url);
  const shop = language === undefined ? origin : `${origin}/${language}`;
  return c.json(accepted(await checkout(c.var.services, pass, id, shop)), 200);
});

app.openapi(api.readOrder, async (c) => {
  const { sale, id } = c.req.valid("param");
  const pass = accepted(await passOf(c, sale));
  return c.json(accepted(await readOrder(c.var.services, pass, id)), 200);
});

app.openapi(api.createSession, async (c) => {
  const [token, { name }] = [bearer(c.req.raw.headers), c.req.valid("json")];
  return c.json(accepted(await signIn(c.env, c.var.services.keys, token, name, Date.now())), 201);
});

app.openapi(api.readSession, (c) => c.json(c.var.who, 200));

app.openapi(api.createSale, async (c) => {
  const { created, sale } = accepted(await createSale(c.var.services, c.req.valid("json")));
  return c.json(sale, created ? 201 : 200);
});

app.openapi(api.listSalesForOperator, async (c) =>
  c.json({ sales: await listStoredSales(c.var.services) }, 200),
);

app.openapi(api.previewSale, async (c) => c.json(accepted(await previewSale(c.req.valid("json"))), 200));

app.openapi(api.readOverview, async (c) => c.json(await readOverview(c.var.services), 200));

app.openapi(api.readStoredSale, async (c) =>
  c.json(accepted(await readStoredSale(c.var.services, c.req.valid("param").sale)), 200),
);

app.openapi(api.readChecklist, async (c) => {
  const told = edgeState.safeParse(JSON.parse(c.req.header(EDGE_HEADER) ?? "null"));
  const asked = {
    env: c.env,
    host: new URL(c.req.url).hostname,
    edge: told.success ? told.data : undefined,
    people: c.req.valid("query").people,
  };
  return c.json(accepted(await readChecklist(c.var.services, c.req.valid("param").sale, asked)), 200);
});

const edgeState = z.object({
  botCheck: z.enum(["on", "off", "half"]),
  purge: z.enum(["works", "fails", "none"]),
  keys: z.string(),
});

app.openapi(api.updateSale, async (c) => {
  const { reason, ...sale } = c.req.valid("json");
  accepted(sale.id === c.req.valid("param").sale ? sale : otherId());
  return c.json(accepted(await updateSale(c.var.services, sale, reason)), 200);
});

app.openapi(api.openSale, async (c) => {
  const { reason } = c.req.valid("json");
  return c.json(accepted(await openSale(c.var.services, c.req.valid("param").sale, reason)), 200);
});

app.openapi(api.closeSale, async (c) => {
  const { reason } = c.req.valid("json");
  return c.json(accepted(await closeSale(c.var.services, c.req.valid("param").sale, reason)), 200);
});

app.openapi(api.pauseSale, async (c) => {
  const { reason } = c.req.valid("json");
  return c.json(accepted(await pauseSale(c.var.services, c.req.valid("param").sale, reason)), 200);
});

app.openapi(api.resumeSale, async (c) => {
  const { reason } = c.req.valid("json");
  return c.json(accepted(await resumeSale(c.var.services, c.req.valid("param").sale, reason)), 200);
});

app.openapi(api.listReservations, async (c) => {
  const { sale } = c.req.valid("param");
  const reservations = await listReservations(c.var.services, sale, c.req.valid("query"));
  return c.json(accepted(reservations), 200);
});

app.openapi(api.listAudit, async (c) =>
  c.json({ entries: await listAudit(c.var.services, c.req.valid("query")) }, 200),
);

app.openapi(api.readLive, async (c) => {
  return c.json(accepted(await readLive(c.var.services, c.req.valid("param").sale)), 200);
});

app.openapi(api.setMode, async (c) => {
  const { mode, reason } = c.req.valid("json");
  return c.json(accepted(await setMode(c.var.services, c.req.valid("param").sale, mode, reason)), 200);
});

app.openapi(api.setReleaseSize, async (c) => {
  const { releaseSize, reason } = c.req.valid("json");
  const { sale } = c.req.valid("param");
  return c.json(accepted(await setReleaseSize(c.var.services, sale, releaseSize, reason)), 200);
});

app.openapi(api.topUpSale, async (c) => {
  const { topUpId, ...wish } = c.req.valid("json");
  return c.json(
    accepted(await topUp(c.var.services, c.req.valid("param").sale, { id: topUpId, ...wish })),
    200,
  );
});

app.openapi(api.drillSale, async (c) =>
  c.json(accepted(await drill(c.var.services, c.req.valid("param").sale)), 200),
);

app.openapi(api.rebuildSale, async (c) =>
  c.json(accepted(await rebuildSale(c.var.services, c.req.valid("param").sale)), 200),
);

app.openapi(api.readRegistrationNumbers, async (c) =>
  c.json(accepted(await readNumbers(c.var.services, c.req.valid("param").sale)), 200),
);

app.openapi(api.exportRegistrations, async (c) => {
  const { sale } = c.req.valid("param");
  return csv(c, `registrations-${sale}`, accepted(await exportRegistrations(c.var.services, sale)).pages);
});

app.openapi(api.importInvites, async (c) => {
  const { sale } = c.req.valid("param");
  const list = await c.req.text();
  const shop = new URL(c.req.url).origin;
  return c.json(accepted(await importInvites(c.var.services, sale, list, shop)), 200);
});

app.openapi(api.reconcileSale, async (c) => {
  const { sale } = c.req.valid("param");
  const { runId = crypto.randomUUID(), apply } = c.req.valid("json");
  const run = accepted(await reconcile(c.var.services, sale, runId, apply));
  return c.json(run, run.state === "done" ? 200 : 202);
});

app.openapi(api.listReconciliations, async (c) =>
  c.json({ runs: await listRuns(c.var.services, c.req.valid("param").sale) }, 200),
);

app.openapi(api.readReconciliation, async (c) => {
  const { sale, id } = c.req.valid("param");
  return c.json(accepted(await readRun(c.var.services, sale, id, c.req.valid("query"))), 200);
});

app.openapi(api.approveRemedy, async (c) => {
  const { sale, discrepancy } = c.req.valid("param");
  return c.json(accepted(await approve(c.var.services, sale, discrepancy)), 200);
});

app.openapi(api.setRemedyLimit, async (c) => {
  const { amount, reason } = c.req.valid("json");
  return c.json(
    accepted(await setRemedyLimit(c.var.services, c.req.valid("param").sale, amount, reason)),
    200,
  );
});

app.openapi(api.readSettlement, async (c) => {
  const report = accepted(await readSettlement(c.var.services, c.req.valid("param").sale));
  switch (c.req.valid("query").format) {
    case "json":
      return c.json(report, 200);
    case "csv":
      return c.text(reportCsv(report), 200, { "content-type": "text/csv; charset=utf-8" });
    case "html":
      return c.html(reportPage(report), 200);
  }
});

app.openapi(api.refundOrder, async (c) => {
  const { sale, id } = c.req.valid("param");
  const { refundId, ...request } = c.req.valid("json");
  accepted(await askRefund(c.var.services, sale, id, { id: refundId, ...request }));
  return c.json({ refundId, state: "asked" as const }, 202);
});

app.openapi(api.listEmails, async (c) =>
  c.json({ emails: await listEmails(c.var.services, c.req.valid("query")) }, 200),
);

app.openapi(api.retryEmail, async (c) =>
  c.json(accepted(await retryEmail(c.var.services, c.req.valid("param").id)), 200),
);

app.openapi(api.listOrders, async (c) => {
  const { sale } = c.req.valid("param");
  const { after, limit, format } = c.req.valid("query");
  switch (format) {
    case "json":
      return c.json({ orders: await listOrders(c.var.services, sale, after, limit) }, 200);
    case "csv":
      return csv(c, `orders-${sale}`, accepted(await ordersCsv(c.var.services, sale)).pages);
  }
});

/** Not in the contract: for Prometheus. */
app.get("/api/admin/metrics", async (c) => {
  const text = await readMetrics(c.var.services, Date.now());
  return c.body(text, 200, { "content-type": "text/plain; version=0.0.4; charset=utf-8" });
});

/** Not in the contract: between Stripe and us. */
app.post("/webhooks/stripe", async (c) => {
  const signature = c.req.header("stripe-signature") ?? "";
  accepted(await receive(c.var.services, await c.req.text(), signature));
  return c.body(null, 200);
});

app.get("/healthz", async (c) => {
  const { redis, postgres } = c.var.services;
  const state = async (asked: Promise<unknown>) => {
    const [answer] = await Promise.allSettled([asked]);
    return answer.status === "fulfilled" ? "ok" : "unavailable";
  };
  const [redisState, postgresState] = await Promise.all([
    state(persist("PING", () => redis.ping())),
    state(postgres(z.unknown(), "select 1", [])),
  ]);
  // Without Postgres the sale goes on, so only Redis decides.
  return c.json({ redis: redisState, postgres: postgresState }, redisState === "ok" ? 200 : 503);
});

app.openAPIRegistry.registerComponent("securitySchemes", "ticket", { type: "http", scheme: "bearer" });
app.openAPIRegistry.registerComponent("securitySchemes", "pass", { type: "http", scheme: "bearer" });
app.openAPIRegistry.registerComponent("securitySchemes", "registration", { type: "http", scheme: "bearer" });
app.openAPIRegistry.registerComponent("securitySchemes", "operator", { type: "http", scheme: "bearer" });

app.get("/openapi.json", (c) => {
  c.header("cache-control", cacheable.contract);
  return c.json(
    withExamples(
      app.getOpenAPI31Document({ openapi: "3.1.0", info: { title: "Flash sale", version: "0.1.0" } }),
    ),
    200,
  );
});

app.notFound(() => problem(refuse("not_found")));

app.onError((error) => {
  if (error instanceof Unavailable) {
    console.error(JSON.stringify({ error: error.message }));
    return problem(refuse("unavailable"));
  }
  if (error instanceof HTTPException) return error.res ?? problem(refuse("malformed_json"));
  console.error(JSON.stringify({ error: String(error), stack: error.stack }));
  return problem(refuse("unavailable"));
});

const ticketOf = (c: Ctx, sale: string): Promise<TicketClaims | undefined> =>
  claimsFor(c.var.services.keys, "ticket", sale, c.req.raw.headers);

/** The slot a request brings: said in its body, or else kept by the browser, where a worthless one does no harm. */
async function slotOf(
  c: Ctx,
  sale: string,
  said: string | undefined,
): Promise<{ slot: { shopper: string; asked: boolean } | undefined } | Refusal<"invalid_input">> {
  const claims =
    said === undefined
      ? await slotByCookie(c.var.services.keys, sale, c.req.raw.headers)
      : await c.var.services.keys.verify("slot", said);
  if (claims?.sale === sale) return { slot: { shopper: claims.shopper, asked: said !== undefined } };
  return said === undefined ? { slot: undefined } : notALink("/slotToken");
}

/** What the edge says with a call about a sale: how many it has turned away. */
function countTurnedAway(path: string, said: string | undefined): void {
  const [, limited, failed] = /^429=(\d+),5xx=(\d+)$/.exec(said ?? "") ?? [];
  const sale = /\/sales\/([^/]+)/.exec(path)?.[1];
  if (sale === undefined || limited === undefined || failed === undefined) return;
  count(sale, "edge 429", Number(limited));
  count(sale, "edge 5xx", Number(failed));
}

const otherId = () =>
  refuse("invalid_input", { errors: [{ pointer: "/id", detail: "is not the one of the address" }] });

/**
 * A file, sent page by page. One that breaks off must not look whole, so what fails on the way fails the body; and what fails
 * before the first rows are there is no file at all.
 */
async function csv(c: Ctx, name: string, pages: AsyncGenerator<string, void>) {
  // The names of the columns, and the first rows.
  const begun = [await pages.next(), await pages.next()];
  const encoder = new TextEncoder();
  const body = new ReadableStream<Uint8Array>({
    async pull(out) {
      try {
        const { done, value } = begun.shift() ?? (await pages.next());
        if (done === true) out.close();
        else out.enqueue(encoder.encode(value));
      } catch (error) {
        console.error(JSON.stringify({ error: String(error), file: name }));
        throw error;
      }
    },
  });
  c.header("content-type", "text/csv; charset=utf-8");
  c.header("content-disposition", `attachment; filename="${name}.csv"`);
  return c.body(body, 200);
}

const ofCancellation = async (c: Ctx, sale: string, token: string) => {
  const claims = await c.var.services.keys.verify("cancellation", token);
  return claims?.sale === sale ? { shopper: claims.shopper } : undefined;
};

/** Who is registered, as the edge verified it. */
const registeredShopper = (c: Ctx): { shopper: string } | Refusal<"registration_needed"> => {
  const shopper = c.req.header(REGISTERED_HEADER);
  return shopper === undefined ? refuse("registration_needed") : { shopper };
};

function keepSlot(c: Ctx, sale: string, token: string | undefined): void {
  if (token !== undefined) c.header("set-cookie", setCookie(slotCookie(sale), token), { append: true });
}

const passOf = async (c: Ctx, sale: string): Promise<PassClaims | Refusal<"invalid_pass">> =>
  (await claimsFor(c.var.services.keys, "pass", sale, c.req.raw.headers)) ?? refuse("invalid_pass");

/**
 * An outcome that is no refusal. A refusal ends the request with its problem document, thrown, because only that leaves
 * the handlers' answers typed by the contract.
 */
function accepted<Outcome extends object>(
  outcome: Outcome,
  headers: (refusal: Refusal) => Record<string, string> = () => ({}),
): Exclude<Outcome, Refusal> {
  if (isRefusal(outcome)) {
    const res = problem(outcome, headers(outcome));
    throw new HTTPException(refusals[outcome.refused].status, { res });
  }
  return outcome as Exclude<Outcome, Refusal>;
}

/** That a sale is not there may be cached like the sale itself; that it is on hold may not. */
const absent = ({ refused }: Refusal): Record<string, string> =>
  refused === "not_found" ? { "cache-control": cacheable.absent } : {};

function pointers(issues: z.core.$ZodIssue[]): { pointer: string; detail: string }[] {
  const pointer = (path: PropertyKey[]) =>
    path.map((step) => `/${String(step).replaceAll("~", "~0").replaceAll("/", "~1")}`).join("");
  return issues.flatMap((issue) =>
    issue.code === "unrecognized_keys"
      ? issue.keys.map((key) => ({ pointer: pointer([...issue.path, key]), detail: "unknown field" }))
      : [{ pointer: pointer(issue.path), detail: issue.message }],
  );
}

/** The platform finds the class of an object among the exports of the entry. */
export { JoinShard } from "./queue/shard-object.ts";

export default {
  fetch: app.fetch,
  async scheduled(_event, env, context) {
    await everyMinute(services(env, context));
  },
} satisfies ExportedHandler<Env>;
