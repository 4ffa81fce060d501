/**
 * A sale without JavaScript: forms post here, every success answers 303 to the personal page, every refusal the same
 * page with its own status and in plain words. The page finds its step from the cookies and the API alone, so a
 * reload, a second tab or a lost answer shows the same step again.
 *
 * What it costs: up to four calls of the functions Worker per look, where the script needs none. The few who come
 * this way pay it with a page that refreshes every five seconds.
 */
import { Hono, type Context } from "hono";
import type {
  Order,
  PassAnswer,
  PublicSale,
  Pulse,
  Registration,
  Reservation,
  TicketAnswer,
} from "../domain/api.ts";
import {
  cookie,
  passCookie,
  registeredCookie,
  setCookie,
  slotCookie,
  ticketCookie,
} from "../domain/credential.ts";
import { refusals, refuse } from "../domain/refusal.ts";
import { placeOf } from "../static/assets/draw.js";
import { refusedBy, refusedHere, type Answer, type Refused } from "./answer.ts";
import type { ApiCall, EdgeContext } from "./env.ts";
import type { Visit } from "./pages/cards.tsx";
import { shownClaims } from "./pages/claims.ts";
import { notFoundPage } from "./pages/not-found.tsx";
import { noticeOf, type Notice } from "./pages/notice.ts";
import { salePath, visitPath } from "./pages/paths.ts";
import { troublePage } from "./pages/trouble.tsx";
import { refreshSeconds, visitPage } from "./pages/visit.tsx";

type VisitContext = Context<EdgeContext>;
/** An attempt to reserve that did not succeed, to be shown again as it was. */
interface Attempt {
  reservationId: string;
  chosen: ReadonlyMap<string, number>;
}

const UUID = /^[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}$/i;
const SKU = /^[\w.-]{1,64}$/;
const RETRY_SECONDS = 5;
const reservationCookie = (saleId: string) => `__Host-reservation-${saleId}`;

export const visit = new Hono<EdgeContext>();
const SALE = "/sales/:sale{[a-z0-9-]{1,64}}/visit";

visit.get(SALE, (c) => show(c, c.req.param("sale")));

visit.post(`${SALE}/join`, async (c) => {
  const saleId = c.req.param("sale");
  const check = (await c.req.parseBody())["cf-turnstile-response"];
  const joined = await tell(c, {
    method: "POST",
    path: `/api/sales/${saleId}/queue`,
    ...(typeof check === "string" && check !== "" ? { body: { botCheck: check } } : {}),
  });
  return joined.ok ? toPage(c, saleId) : show(c, saleId, joined);
});

visit.post(`${SALE}/register`, async (c) => {
  const saleId = c.req.param("sale");
  const { email, "cf-turnstile-response": check } = await c.req.parseBody();
  const asked = await tell(c, {
    method: "POST",
    path: `/api/sales/${saleId}/registrations`,
    body: {
      email: typeof email === "string" ? email : "",
      ...(typeof check === "string" && check !== "" ? { botCheck: check } : {}),
    },
  });
  return show(c, saleId, asked.ok ? undefined : asked, undefined, asked.ok);
});

visit.post(`${SALE}/leave`, async (c) => {
  const saleId = c.req.param("sale");
  const left = await tell(c, { method: "DELETE", path: `/api/sales/${saleId}/queue` });
  // A ticket that is not valid holds no place that could be kept.
  if (!left.ok && left.problem.type !== "invalid_ticket") return show(c, saleId, left);
  for (const name of [ticketCookie, passCookie, reservationCookie]) forget(c, name(saleId));
  return c.redirect(salePath(c.var.say, saleId), 303);
});

visit.post(`${SALE}/reserve`, async (c) => {
  const saleId = c.req.param("sale");
  const form = await c.req.parseBody();
  const sent = form["reservationId"];
  const reservationId =
    typeof sent === "string" && UUID.test(sent) ? sent.toLowerCase() : crypto.randomUUID();
  const chosen = quantities(form);
  if (chosen.size === 0) return show(c, saleId, nothingChosen, { reservationId, chosen });

  const lines = [...chosen].map(([sku, quantity]) => ({ sku, quantity }));
  const path = `/api/sales/${saleId}/reservations`;
  const reserved = await tell(c, { method: "POST", path, body: { reservationId, lines } });
  if (reserved.ok) return hold(c, saleId, reservationId);
  const { type, status, reservationId: live } = reserved.problem;
  // Either way there is a reservation of this shopper already: the page shows it instead of an error.
  const mine = type === "conflicting_replay" ? reservationId : live;
  if (mine !== undefined && UUID.test(mine)) return hold(c, saleId, mine);
  // The answer may have been lost behind a hold that stands: the next look at the page asks for it.
  if (status >= 500)
    c.header("set-cookie", setCookie(reservationCookie(saleId), reservationId), { append: true });
  return show(c, saleId, reserved, { reservationId, chosen: ofWhatIsLeft(chosen, reserved.problem) });
});

visit.post(`${SALE}/checkout`, async (c) => {
  const saleId = c.req.param("sale");
  const reservationId = reservationOf(c, saleId);
  if (reservationId === undefined) return toPage(c, saleId);
  const path = `/api/sales/${saleId}/reservations/${reservationId}/checkout`;
  // The way back from paying leads to the same language.
  const { prefix } = c.var.say;
  const body = prefix === "" ? {} : { body: { language: prefix.slice(1) } };
  const done = await ask<{ url?: string }>(c, { method: "POST", path, ...body });
  if (!done.ok) return show(c, saleId, done);
  return done.value.url === undefined ? toPage(c, saleId) : c.redirect(done.value.url, 303);
});

visit.post(`${SALE}/extend`, async (c) => {
  const saleId = c.req.param("sale");
  const reservationId = reservationOf(c, saleId);
  if (reservationId === undefined) return toPage(c, saleId);
  const path = `/api/sales/${saleId}/reservations/${reservationId}/extension`;
  const extended = await tell(c, { method: "POST", path });
  return extended.ok ? toPage(c, saleId) : show(c, saleId, extended);
});

visit.post(`${SALE}/give-back`, async (c) => {
  const saleId = c.req.param("sale");
  const reservationId = reservationOf(c, saleId);
  if (reservationId === undefined) return toPage(c, saleId);
  const path = `/api/sales/${saleId}/reservations/${reservationId}`;
  const returned = await tell(c, { method: "DELETE", path });
  if (!returned.ok && returned.problem.type !== "not_found") return show(c, saleId, returned);
  forget(c, reservationCookie(saleId));
  return toPage(c, saleId);
});

/** The personal page; after a refusal it says so and carries its status. */
async function show(
  c: VisitContext,
  saleId: string,
  refused?: Refused,
  attempt?: Attempt,
  registered = false,
) {
  const { say } = c.var;
  const [sale, pulse] = await Promise.all([
    ask<PublicSale>(c, { method: "GET", path: `/api/sales/${saleId}` }),
    ask<Pulse>(c, { method: "GET", path: `/api/sales/${saleId}/pulse` }),
  ]);
  c.header("cache-control", "no-store");
  if (!sale.ok)
    return sale.problem.type === "not_found"
      ? c.html(notFoundPage(c.var.say), 404)
      : trouble(c, saleId, sale);

  const seen = pulse.ok ? pulse.value : undefined;
  const found = await find(c, sale.value, seen, refused, attempt);
  if ("ok" in found) return trouble(c, saleId, found);
  if (refused?.retryAfter != null) c.header("retry-after", refused.retryAfter);
  const notice = refused === undefined ? found.notice : noticeOf(say, refused.problem, sale.value);
  const at: Visit =
    found.visit.step === "outside"
      ? { ...found.visit, registered, registration: await readRegistration(c, sale.value) }
      : found.visit;
  const isStill = c.req.query("still") !== undefined;
  const view = { say, sale: sale.value, visit: at, pulse: seen, notice, nowMs: Date.now(), isStill };
  const seconds = refreshSeconds(view);
  if (seconds !== undefined) c.header("refresh", `${seconds};url=${visitPath(say, saleId)}`);
  return c.html(visitPage(view), refused === undefined ? 200 : statusOf(refused));
}

interface Found {
  visit: Visit;
  notice?: Notice;
}

/** Which step this shopper is at: an order or a hold first, then a pass that lasts, then a place in line. */
async function find(
  c: VisitContext,
  sale: PublicSale,
  pulse: Pulse | undefined,
  refused: Refused | undefined,
  attempt: Attempt | undefined,
): Promise<Found | Refused> {
  let notice: Notice | undefined;
  const reservationId = attempt === undefined ? reservationOf(c, sale.id) : undefined;
  if (reservationId !== undefined) {
    const path = `/api/sales/${sale.id}/reservations/${reservationId}`;
    const read = await ask<Reservation>(c, { method: "GET", path });
    if (read.ok && read.value.state === "held") {
      const step = read.value.payment === "pending" ? "paying" : "held";
      return { visit: { step, reservation: read.value } };
    }
    if (read.ok && (read.value.state === "confirmed" || read.value.state === "refunded")) {
      const order = await ask<Order>(c, {
        method: "GET",
        path: `/api/sales/${sale.id}/orders/${reservationId}`,
      });
      return order.ok ? { visit: { step: "order", order: order.value } } : order;
    }
    if (!read.ok && read.problem.status >= 429) return read;
    if (read.ok || read.problem.type === "not_found") forget(c, reservationCookie(sale.id));
    if (read.ok) notice = noticeOfEnd(c, sale, read.value);
  }

  const at = await findPlace(c, sale, pulse, refused, attempt);
  return notice === undefined ? at : { notice, ...at };
}

/** What became of a hold that is over: its payment may have come too late. */
function noticeOfEnd(c: VisitContext, sale: PublicSale, { payment, state }: Reservation): Notice | undefined {
  if (payment === "voided" || payment === "returned") return noticeOf(c.var.say, { type: payment }, sale);
  return state === "expired" ? noticeOf(c.var.say, { type: "reservation_expired" }, sale) : undefined;
}

async function findPlace(
  c: VisitContext,
  sale: PublicSale,
  pulse: Pulse | undefined,
  refused: Refused | undefined,
  attempt: Attempt | undefined,
): Promise<Found> {
  const word = refused?.problem.type;
  // A refusal is newer than the pulse, which may be a second old. That of a choice tells of what was chosen, not of the sale.
  const isOver = word === "closed" || (word === "sold_out" && attempt === undefined);
  const phase = isOver ? word : (pulse?.phase ?? sale.phase);
  const { expiresAtMs: passUntil = 0 } = shownClaims(cookie(c.req.raw.headers, passCookie(sale.id)));
  const shown = await placeOfTicket(c, sale, pulse);
  if (phase === "sold_out" || phase === "closed" || phase === "settled" || shown === undefined)
    return { visit: { step: "outside", phase } };
  const { number, lobby, joinedAtMs } = shown;

  const turn = (passUntilMs: number): Found => ({
    visit: {
      step: "turn",
      number,
      passUntilMs,
      reservationId: attempt?.reservationId ?? crypto.randomUUID(),
      chosen: attempt?.chosen ?? new Map(),
    },
  });
  const waiting = (called: boolean): Found => ({
    visit: { step: "waiting", number, lobby, joinedAtMs, phase, called },
  });

  const passRefused = refused?.problem.type === "invalid_pass" || refused?.problem.type === "pass_expired";
  if (passUntil > Date.now() && !passRefused) return turn(passUntil);
  const isCalled = number === 0 ? phase === "open" : !lobby && (pulse?.nowServing ?? 0) >= number;
  if (pulse === undefined || !isCalled) return waiting(false);

  const entered = await ask<PassAnswer>(c, { method: "POST", path: `/api/sales/${sale.id}/entry` });
  if (entered.ok) return turn(Date.parse(entered.value.expiresAt));
  const { type } = entered.problem;
  if (type === "not_your_turn") return waiting(true);
  if (type === "sold_out" || type === "closed") return { visit: { step: "outside", phase: type } };
  if (type === "slot_ended") {
    for (const name of [ticketCookie, slotCookie]) forget(c, name(sale.id));
    return { visit: { step: "outside", phase }, notice: noticeOf(c.var.say, entered.problem, sale) };
  }
  const notice = noticeOf(c.var.say, entered.problem, sale);
  if (type !== "invalid_ticket") return { ...waiting(true), notice };
  forget(c, ticketCookie(sale.id));
  return { visit: { step: "outside", phase }, notice };
}

/** How the registration stands of somebody who has one, in this browser. */
async function readRegistration(c: VisitContext, sale: PublicSale): Promise<Registration | undefined> {
  if (sale.registration === undefined) return undefined;
  if (cookie(c.req.raw.headers, registeredCookie(sale.id)) === undefined) return undefined;
  const mine = await ask<Registration>(c, {
    method: "GET",
    path: `/api/sales/${sale.id}/registrations/mine`,
  });
  return mine.ok ? mine.value : undefined;
}

/** The place a ticket's cookie tells of: by the draw, where there was one; found again, where the line was rebuilt. */
async function placeOfTicket(
  c: VisitContext,
  sale: PublicSale,
  pulse: Pulse | undefined,
): Promise<{ number: number; lobby: boolean; joinedAtMs: number } | undefined> {
  const shown = shownClaims(cookie(c.req.raw.headers, ticketCookie(sale.id)));
  const { number, lobby = false, joinedAtMs = 0, epoch } = shown;
  if (number === undefined) return undefined;
  if (pulse !== undefined && epoch !== undefined && epoch < pulse.epoch) {
    const again = await ask<TicketAnswer>(c, { method: "POST", path: `/api/sales/${sale.id}/queue` });
    return again.ok
      ? { number: again.value.number, lobby: again.value.lobby === true, joinedAtMs }
      : { number, lobby, joinedAtMs };
  }
  const { seed, count = 0 } = pulse?.draw ?? {};
  return lobby && seed !== undefined && number <= count
    ? { number: await placeOf(seed, count, number), lobby: false, joinedAtMs }
    : { number, lobby, joinedAtMs };
}

async function send(c: VisitContext, call: ApiCall): Promise<Response> {
  const answer = await c.var.api(call);
  for (const line of answer.headers.getSetCookie()) c.header("set-cookie", line, { append: true });
  return answer;
}

/** A call whose answer is used. */
async function ask<Value>(c: VisitContext, call: ApiCall): Promise<Answer<Value>> {
  const answer = await send(c, call);
  return answer.ok ? { ok: true, value: await answer.json<Value>() } : refusedBy(answer);
}

/** A call of which only the success counts. */
async function tell(c: VisitContext, call: ApiCall): Promise<Answer<null>> {
  const answer = await send(c, call);
  if (!answer.ok) return refusedBy(answer);
  await answer.body?.cancel();
  return { ok: true, value: null };
}

const nothingChosen = refusedHere(
  refuse("invalid_input", { errors: [{ pointer: "/lines", detail: "nothing is chosen" }] }),
);

function quantities(form: Record<string, unknown>): ReadonlyMap<string, number> {
  const chosen = new Map<string, number>();
  for (const [name, value] of Object.entries(form)) {
    const sku = name.startsWith("quantity.") ? name.slice("quantity.".length) : "";
    const quantity = Number(value);
    if (SKU.test(sku) && Number.isInteger(quantity) && quantity > 0) chosen.set(sku, quantity);
  }
  return chosen;
}

/** What was chosen, as far as a refusal says that it is left: sent again, the form asks for the rest. */
function ofWhatIsLeft(chosen: ReadonlyMap<string, number>, { left = [] }: Refused["problem"]) {
  const most = new Map(left.map(({ sku, left }) => [sku, left]));
  return new Map([...chosen].map(([sku, quantity]) => [sku, Math.min(quantity, most.get(sku) ?? quantity)]));
}

function reservationOf(c: VisitContext, saleId: string): string | undefined {
  const id = cookie(c.req.raw.headers, reservationCookie(saleId));
  return id !== undefined && UUID.test(id) ? id : undefined;
}

function hold(c: VisitContext, saleId: string, reservationId: string) {
  c.header("set-cookie", setCookie(reservationCookie(saleId), reservationId), { append: true });
  return toPage(c, saleId);
}

const forget = (c: VisitContext, name: string) =>
  c.header("set-cookie", setCookie(name, "", 0), { append: true });

function toPage(c: VisitContext, saleId: string) {
  c.header("cache-control", "no-store");
  // A reader without JavaScript goes on at the new card's heading.
  return c.redirect(`${visitPath(c.var.say, saleId)}#now`, 303);
}

function trouble(c: VisitContext, saleId: string, refused: Refused) {
  const seconds = Math.max(RETRY_SECONDS, Number(refused.retryAfter ?? 0) || 0);
  c.header("retry-after", String(seconds));
  const { say } = c.var;
  c.header("refresh", `${seconds};url=${visitPath(say, saleId)}`);
  const { text } = noticeOf(say, refused.problem, { items: [] });
  return c.html(troublePage(say, text, `/sales/${saleId}/visit`), statusOf(refused));
}

const statusOf = ({ problem }: Refused) => refusals[problem.type].status;
