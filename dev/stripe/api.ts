/**
 * The endpoints of Stripe's API that the shop uses, for the real `stripe` package. Not here: everything else, above all
 * customers, prices, payment methods, disputes, Connect, search, and updating what exists.
 */
import { Hono, type Context } from "hono";
import { endpoints, respond, type ApiEnv, type EndpointParts } from "./endpoint.ts";
import { isDelivered, isOfType } from "./events.ts";
import { answerOf } from "./idempotency.ts";
import { newId } from "./ids.ts";
import { cancelByApi, captureIntent } from "./intents.ts";
import { pageOf } from "./lists.ts";
import * as parameters from "./parameters.ts";
import { createRefund } from "./refunds.ts";
import { done, missing, type Refusal, type Result } from "./result.ts";
import { createSession, expireSession } from "./sessions.ts";

export function createApi(parts: EndpointParts & { secretKey: string }): Hono<ApiEnv> {
  const { account, secretKey } = parts;
  const { store } = account;
  const on = endpoints(parts);
  const api = new Hono<ApiEnv>();

  api.use(async (c, next) => {
    c.set("requestId", newId("req"));
    const refusal = unauthorized(c, secretKey);
    if (refusal !== undefined) return respond(c, answerOf(refusal));
    await next();
    return undefined;
  });

  const sessions = () => store.sessions.values().map(({ session }) => session);
  api.post(
    "/checkout/sessions",
    on(parameters.sessionCreate, (params) => createSession(account, params)),
  );
  api.get(
    "/checkout/sessions",
    on(parameters.sessionList, ({ payment_intent, status, ...paging }) =>
      pageOf(
        sessions(),
        paging,
        (session) =>
          (payment_intent === undefined || session.payment_intent === payment_intent) &&
          (status === undefined || session.status === status),
      ),
    ),
  );
  api.get(
    "/checkout/sessions/:id",
    on(parameters.sessionRead, (_, id) =>
      found(store.sessions.get(id)?.session, "checkout.session", id, "session"),
    ),
  );
  api.post(
    "/checkout/sessions/:id/expire",
    on(parameters.sessionRead, (_, id) => expireSession(account, id)),
  );

  api.get(
    "/payment_intents",
    on(parameters.intentList, (paging) => pageOf(store.intents.values(), paging, () => true)),
  );
  api.get(
    "/payment_intents/:id",
    on(parameters.intentRead, (_, id) => found(store.intents.get(id), "payment_intent", id, "intent")),
  );
  api.post(
    "/payment_intents/:id/capture",
    on(parameters.intentCapture, ({ amount_to_capture }, id) =>
      captureIntent(account, id, amount_to_capture),
    ),
  );
  api.post(
    "/payment_intents/:id/cancel",
    on(parameters.intentCancel, ({ cancellation_reason = null }, id) =>
      cancelByApi(account, id, cancellation_reason),
    ),
  );

  api.post(
    "/refunds",
    on(parameters.refundCreate, (params) => createRefund(account, params)),
  );
  api.get(
    "/refunds",
    on(parameters.refundList, ({ payment_intent, ...paging }) =>
      pageOf(
        store.refunds.values(),
        paging,
        (refund) => payment_intent === undefined || refund.payment_intent === payment_intent,
      ),
    ),
  );
  api.get(
    "/refunds/:id",
    on(parameters.refundRead, (_, id) => found(store.refunds.get(id), "refund", id, "refund")),
  );

  api.get(
    "/events",
    on(
      parameters.eventList,
      ({ type, types = type === undefined ? ["*"] : [type], delivery_success, ...paging }) =>
        pageOf(
          store.events.values().map(({ event }) => event),
          paging,
          (event) =>
            types.some((pattern) => isOfType(event.type, pattern)) &&
            (delivery_success === undefined || String(wasDelivered(event.id)) === delivery_success),
        ),
    ),
  );
  const wasDelivered = (id: string) => {
    const record = store.events.get(id);
    return record !== undefined && isDelivered(record);
  };
  api.get(
    "/events/:id",
    on(parameters.eventRead, (_, id) => found(store.events.get(id)?.event, "event", id, "id")),
  );

  api.all("*", (c) => respond(c, answerOf(unrecognized(c))));
  return api;
}

const found = <Item extends object>(
  item: Item | undefined,
  object: string,
  id: string,
  param: string,
): Result<Item> => (item === undefined ? missing(object, id, param) : done(item));

const unrecognized = (c: Context): Refusal => ({
  status: 404,
  error: {
    type: "invalid_request_error",
    message: `Unrecognized request URL (${c.req.method}: ${c.req.path}). Please see https://stripe.com/docs or we can help at https://support.stripe.com/.`,
  },
});

/** The key as bearer token, or as the user of basic authentication. */
function unauthorized(c: Context, secretKey: string): Refusal | undefined {
  const [scheme = "", credentials = ""] = (c.req.header("Authorization") ?? "").split(" ");
  const isBasic = scheme.toLowerCase() === "basic";
  const key = isBasic ? atobOrNothing(credentials).replace(/:$/, "") : credentials;
  if (key === secretKey) return undefined;
  const message =
    key === ""
      ? "You did not provide an API key. You need to provide your API key in the Authorization header, using Bearer auth (e.g. 'Authorization: Bearer YOUR_SECRET_KEY')."
      : `Invalid API Key provided: ${key.slice(0, 8)}${"*".repeat(Math.max(0, key.length - 12))}${key.slice(8).slice(-4)}`;
  return { status: 401, error: { type: "invalid_request_error", message } };
}

const atobOrNothing = (text: string) => Buffer.from(text, "base64").toString();
