/** Idempotency keys and faults of the API: a retry with the same key does nothing twice, whatever happened before. */
import Stripe from "stripe";
import { expect, test } from "vitest";
import { clientOf, errorOf, headerOf, open, order } from "./world.ts";

const idempotencyKey = "reservation-r1";
const hours = 60 * 60 * 1000;

test("the same key and parameters get the first answer again, marked as replayed", async () => {
  const { double, pass, stripe } = await open();
  const first = await stripe.checkout.sessions.create(order, { idempotencyKey });
  await pass(10_000);
  await stripe.checkout.sessions.expire(first.id);
  const again = await stripe.checkout.sessions.create(order, { idempotencyKey });
  expect({ ...again }).toEqual({ ...first });
  expect(again.status).toBe("open");
  const headers = (answer: typeof first) =>
    ["idempotent-replayed", "original-request", "idempotency-key"].map((name) => headerOf(answer, name));
  const { requestId } = first.lastResponse;
  expect(headers(first)).toEqual([null, requestId, idempotencyKey]);
  expect(headers(again)).toEqual(["true", requestId, idempotencyKey]);
  expect(again.lastResponse.requestId).not.toBe(first.lastResponse.requestId);
  expect(double.state().sessions).toHaveLength(1);
});

test("other parameters under a key are refused, and so is another endpoint", async () => {
  const { double, stripe } = await open();
  await stripe.checkout.sessions.create(order, { idempotencyKey });
  const other = await errorOf(
    stripe.checkout.sessions.create({ ...order, client_reference_id: "r2" }, { idempotencyKey }),
  );
  expect(other).toMatchObject({ type: "StripeIdempotencyError", statusCode: 400 });
  expect(other.message).toContain("can only be used with the same parameters");
  const [session] = double.state().sessions;
  const elsewhere = await errorOf(
    stripe.checkout.sessions.expire(session?.id ?? "", undefined, { idempotencyKey }),
  );
  expect(elsewhere.message).toContain("same endpoint they were first used for ('/v1/checkout/sessions')");
  expect(double.state().sessions).toMatchObject([{ status: "open", client_reference_id: null }]);
});

test("parameters in another order are the same parameters", async () => {
  const { double, stripe } = await open();
  const reversed = Object.fromEntries(Object.entries(order).reverse()) as typeof order;
  const first = await stripe.checkout.sessions.create(order, { idempotencyKey });
  expect((await stripe.checkout.sessions.create(reversed, { idempotencyKey })).id).toBe(first.id);
  expect(double.state().sessions).toHaveLength(1);
});

test("a key is forgotten after 24 hours: then the same request is a new one", async () => {
  const { pass, stripe } = await open();
  const create = async () => (await stripe.checkout.sessions.create(order, { idempotencyKey })).id;
  const first = await create();
  await pass(24 * hours - 1);
  expect(await create()).toBe(first);
  await pass(1);
  expect(await create()).not.toBe(first);
});

test("a second request while the first is under way is told so, and does nothing", async () => {
  const { double, stripe } = await open();
  double.faults.add({ kind: "delay", delayMs: 200, times: 1 });
  const first = stripe.checkout.sessions.create(order, { idempotencyKey });
  while (double.faults.list().length > 0) await new Promise(setImmediate);
  const second = await errorOf(stripe.checkout.sessions.create(order, { idempotencyKey }));
  expect(second).toMatchObject({ statusCode: 409, code: "idempotency_key_in_use" });
  expect((await stripe.checkout.sessions.create(order, { idempotencyKey: "another" })).status).toBe("open");
  expect((await first).status).toBe("open");
  expect(double.state().sessions).toHaveLength(2);
});

test("refusals of what was executed are kept, those of wrong parameters are not", async () => {
  const { double, paid, session, stripe } = await open();
  const { id } = await session();
  double.pay(id, { card: "declined" });
  const [intent] = double.state().intents;
  const capture = () => stripe.paymentIntents.capture(intent?.id ?? "", {}, { idempotencyKey });
  expect((await errorOf(capture())).code).toBe("payment_intent_unexpected_state");
  double.pay(id);
  expect((await errorOf(capture())).headers?.["idempotent-replayed"]).toBe("true");
  expect(double.state().totals.eur?.captured).toBe(0);

  const payment_intent = (await paid({ payment_intent_data: {} })).id;
  const refund = (amount: number) =>
    stripe.refunds.create({ payment_intent, amount }, { idempotencyKey: "refund" });
  expect((await errorOf(refund(0.5))).code).toBe("parameter_invalid_integer");
  expect((await refund(5)).amount).toBe(5);
});

test("a lost answer is retried with the same key: one session, the first one's", async () => {
  const { double, stripe } = await open();
  double.faults.add({ kind: "lose_answer", times: 1 });
  const lost = await errorOf(stripe.checkout.sessions.create(order, { idempotencyKey }));
  expect(lost.type).toBe("StripeConnectionError");
  const [session] = double.state().sessions;
  expect((await stripe.checkout.sessions.create(order, { idempotencyKey })).id).toBe(session?.id);
  expect(double.state().sessions).toHaveLength(1);
});

test("the answer to a request that is refused can be lost as well", async () => {
  const { double, stripe } = await open();
  double.faults.add({ kind: "lose_answer", times: 1 });
  expect((await errorOf(stripe.refunds.create({ amount: 1 }))).type).toBe("StripeConnectionError");
});

test("without a key of its own a retry after a lost answer makes a second session", async () => {
  const { double, stripe } = await open();
  double.faults.add({ kind: "lose_answer", times: 1 });
  await errorOf(stripe.checkout.sessions.create(order));
  await stripe.checkout.sessions.create(order);
  expect(double.state().sessions).toHaveLength(2);
});

test("the package's own retries survive a lost answer, an outage and an error before execution", async () => {
  const { double } = await open();
  for (const kind of ["lose_answer", "cut", "error"] as const) double.faults.add({ kind, times: 1 });
  const { host, port, protocol } = { host: "127.0.0.1", port: double.port, protocol: "http" as const };
  const stripe = new Stripe(double.secretKey, { host, port, protocol, maxNetworkRetries: 3 });
  const { id } = await stripe.checkout.sessions.create(order);
  expect(double.state().sessions).toMatchObject([{ id }]);
  expect(double.faults.list()).toEqual([]);
});

test("a cut connection and an error before execution do nothing, and leave the key free", async () => {
  const { double, stripe } = await open();
  const create = () => stripe.checkout.sessions.create(order, { idempotencyKey });
  double.faults.add({ kind: "cut", times: 1 });
  expect((await errorOf(create())).type).toBe("StripeConnectionError");
  double.faults.add({ kind: "error", status: 503, times: 1 });
  expect(await errorOf(create())).toMatchObject({ type: "StripeAPIError", statusCode: 503 });
  expect(double.state().sessions).toEqual([]);
  expect(headerOf(await create(), "idempotent-replayed")).toBeNull();
  expect(double.state().sessions).toHaveLength(1);
});

test("a 500 after it was done is repeated under its key, though the refund is there", async () => {
  const { double, paid, stripe } = await open();
  const { id } = await paid({ payment_intent_data: {} });
  double.switches.add({ kind: "fail_after", match: "POST /v1/refunds", times: 1 });
  const refund = () => stripe.refunds.create({ payment_intent: id }, { idempotencyKey });
  expect((await stripe.refunds.list()).data).toEqual([]);
  const failed = await errorOf(refund());
  expect(failed).toMatchObject({ type: "StripeAPIError", statusCode: 500 });
  expect(failed.headers?.["stripe-should-retry"]).toBe("false");
  const again = await errorOf(refund());
  expect(again.statusCode).toBe(500);
  expect(again.headers?.["idempotent-replayed"]).toBe("true");
  expect((await stripe.refunds.list({ payment_intent: id })).data).toMatchObject([{ amount: 2400 }]);
});

test("a fault hits what it matches only: method, path and form", async () => {
  const { double, paid, stripe } = await open();
  const { id } = await paid();
  double.faults.add({ kind: "cut", match: `POST /v1/payment_intents/${id}/capture` });
  expect((await stripe.paymentIntents.retrieve(id)).status).toBe("requires_capture");
  expect((await errorOf(stripe.paymentIntents.capture(id))).type).toBe("StripeConnectionError");
  double.faults.clear();
  expect((await stripe.paymentIntents.capture(id)).status).toBe("succeeded");
});

test.each([
  ["lose_answer", undefined, 1],
  ["cut", undefined, 0],
  ["error", 503, 0],
  ["fail_after", 500, 1],
  ["none", 200, 1],
])("a header orders %s for one request: %s, with %d refunds done", async (fault, status, refunds) => {
  const { double, paid } = await open();
  const { id } = await paid({ payment_intent_data: {} });
  const refund = async (more: Record<string, string>) => {
    const request = fetch(`${double.url}/v1/refunds`, {
      method: "POST",
      headers: { Authorization: `Basic ${btoa(`${double.secretKey}:`)}`, ...more },
      body: new URLSearchParams({ payment_intent: id, amount: "1" }),
    });
    return (await request.catch(() => undefined))?.status;
  };
  expect(await refund({ "Stripe-Double-Fault": fault })).toBe(status);
  expect(double.state().refunds).toHaveLength(refunds);
  expect(await refund({})).toBe(200);
});

test("a key that is far too long is refused", async () => {
  const { double } = await open();
  const creating = clientOf(double).checkout.sessions.create(order, { idempotencyKey: "k".repeat(256) });
  expect((await errorOf(creating)).type).toBe("StripeIdempotencyError");
  expect(double.state().sessions).toEqual([]);
});
