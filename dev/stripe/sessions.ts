/**
 * Checkout Sessions in payment mode, as API version 2026-10-28.endive has them (which stripe 23.1.0 pins): there is no
 * payment intent until the customer first pays; `url` is null once the session is not open; with manual capture a
 * complete session stays `unpaid` until its capture.
 */
import { amountMax, type SessionCreate } from "./parameters.ts";
import { cancelIntent } from "./intents.ts";
import { newId } from "./ids.ts";
import { done, invalid, missing, type Result } from "./result.ts";
import { born, type Account, type LineItem, type Session } from "./state.ts";

const expirySecondsMin = 30 * 60;
const expirySecondsMax = 24 * 60 * 60;

export function createSession(account: Account, params: SessionCreate): Result<Session> {
  const { id, created } = born("cs_test", account.now);
  const { expires_at = created + expirySecondsMax, payment_intent_data: intentData = {} } = params;
  // The real API names no parameter here.
  if (expires_at < created + expirySecondsMin)
    return invalid("The `expires_at` timestamp must be at least 30 minutes from Checkout Session creation.");
  if (expires_at > created + expirySecondsMax)
    return invalid("The `expires_at` timestamp must be less than 24 hours from Checkout Session creation.");

  const lineItems = params.line_items.map(
    ({ quantity, price_data: { currency, unit_amount, product_data } }): LineItem => ({
      id: newId("li"),
      object: "item",
      amount_discount: 0,
      amount_subtotal: unit_amount * quantity,
      amount_tax: 0,
      amount_total: unit_amount * quantity,
      currency,
      description: product_data.name,
      quantity,
    }),
  );
  const total = lineItems.reduce((sum, { amount_total }) => sum + amount_total, 0);
  const currency = lineItems[0]?.currency ?? "";
  if (lineItems.some((item) => item.currency !== currency))
    return invalid("All line items must have the same currency.", { param: "line_items" });
  if (total === 0)
    return invalid("The Checkout Session's total amount due must be more than zero.", {
      code: "amount_too_small",
    });
  if (total > amountMax)
    return invalid(`The Checkout Session's total amount must be no more than ${amountMax}.`, {
      code: "amount_too_large",
    });

  const session: Session = {
    id,
    object: "checkout.session",
    allowed_payment_method_types: params.allowed_payment_method_types ?? null,
    amount_subtotal: total,
    amount_total: total,
    cancel_url: params.cancel_url ?? null,
    client_reference_id: params.client_reference_id ?? null,
    created,
    currency,
    customer: null,
    customer_details: null,
    customer_email: params.customer_email ?? null,
    expires_at,
    livemode: false,
    locale: params.locale ?? null,
    metadata: params.metadata ?? {},
    mode: "payment",
    payment_intent: null,
    payment_method_types: ["card"],
    payment_status: "unpaid",
    status: "open",
    submit_type: params.submit_type ?? null,
    success_url: params.success_url,
    ui_mode: "hosted_page",
    url: account.pageUrl(id),
  };
  const { capture_method = "automatic_async", description = null, metadata = {} } = intentData;
  account.store.sessions.set(id, {
    session,
    lineItems,
    intentData: { capture_method, description, metadata },
  });
  account.schedule.at(expires_at * 1000, () => {
    if (session.status === "open") expire(account, session);
  });
  return done(session);
}

export function expireSession(account: Account, id: string): Result<Session> {
  const session = account.store.sessions.get(id)?.session;
  if (session === undefined) return missing("checkout.session", id, "session");
  if (session.status !== "open")
    return invalid(
      `Only Checkout Sessions with a status in ["open"] can be expired. This Checkout Session has a status of \`${session.status}\`.`,
    );
  expire(account, session);
  return done(session);
}

/** A payment still at the bank is not waited for: its intent is canceled, and the bank's answer finds it so. */
function expire(account: Account, session: Session): void {
  session.status = "expired";
  session.url = null;
  account.emit("checkout.session.expired", session);
  const intent = account.store.intents.get(session.payment_intent ?? "");
  if (intent !== undefined) cancelIntent(account, intent, "expired");
}
