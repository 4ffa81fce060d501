/** Checkout Sessions of the Stripe double, through the real `stripe` package. */
import Stripe from "stripe";
import { expect, test } from "vitest";
import { clientOf, errorOf, line, open, order } from "./world.ts";

const minutes = 60;

test("a session is open, unpaid and without payment intent, with what it was created with", async () => {
  const { double, nowSeconds, session, stripe } = await open();
  const created = await session({
    client_reference_id: "r1",
    customer_email: "ann@mail.test",
    locale: "de",
    allowed_payment_method_types: ["card"],
    submit_type: "pay",
    expires_at: nowSeconds() + 31 * minutes,
  });
  expect(created).toMatchObject({
    object: "checkout.session",
    amount_subtotal: 2400,
    amount_total: 2400,
    cancel_url: order.cancel_url,
    client_reference_id: "r1",
    created: nowSeconds(),
    currency: "eur",
    customer_email: "ann@mail.test",
    expires_at: nowSeconds() + 31 * minutes,
    livemode: false,
    locale: "de",
    metadata: { reservation: "r1" },
    mode: "payment",
    payment_intent: null,
    payment_method_types: ["card"],
    payment_status: "unpaid",
    status: "open",
    submit_type: "pay",
    success_url: order.success_url,
    url: `${double.url}/pay/${created.id}`,
  });
  expect(created.id).toMatch(/^cs_test_[A-Za-z0-9]{58}$/);
  expect(created.lastResponse.requestId).toMatch(/^req_/);
  expect(created.lastResponse.apiVersion).toBe(Stripe.API_VERSION);
  const found = await stripe.checkout.sessions.retrieve(created.id);
  expect({ ...found }).toEqual({ ...created });
});

test("lines are summed, and shown where they are asked for", async () => {
  const { session, stripe } = await open();
  const created = await session({ line_items: [line(1200, 2), line(1), line(0)], expand: ["line_items"] });
  expect(created.amount_total).toBe(2401);
  expect(created.line_items?.data).toMatchObject([
    { description: "Lamp", quantity: 2, amount_total: 2400, currency: "eur" },
    { quantity: 1, amount_total: 1 },
    { quantity: 1, amount_total: 0 },
  ]);
  expect((await stripe.checkout.sessions.retrieve(created.id)).line_items).toBeUndefined();
});

test("the payment intent of a paid session can be expanded, with its charge", async () => {
  const { paid, stripe } = await open();
  const intent = await paid();
  const { data } = await stripe.checkout.sessions.list({
    payment_intent: intent.id,
    expand: ["data.payment_intent.latest_charge"],
  });
  expect(data).toMatchObject([
    { payment_intent: { id: intent.id, latest_charge: { amount: 2400, payment_intent: intent.id } } },
  ]);
});

test("an open session can be expired once; then it cannot be paid", async () => {
  const { double, session, stripe } = await open();
  const { id } = await session();
  expect(await stripe.checkout.sessions.expire(id)).toMatchObject({ status: "expired", url: null });
  expect(double.pay(id)).toEqual({ outcome: "refused", reason: "session_expired" });
  const again = await errorOf(stripe.checkout.sessions.expire(id));
  expect(again).toMatchObject({ type: "StripeInvalidRequestError", statusCode: 400 });
  expect(again.message).toBe(
    'Only Checkout Sessions with a status in ["open"] can be expired. This Checkout Session has a status of `expired`.',
  );
  expect(double.state().totals).toEqual({});
});

test("a paid session cannot be expired, and says that it is complete", async () => {
  const { double, session, stripe } = await open();
  const { id } = await session();
  double.pay(id);
  const { message } = await errorOf(stripe.checkout.sessions.expire(id));
  expect(message).toContain("has a status of `complete`");
});

test("a session expires by itself at expires_at, not a second earlier", async () => {
  const { nowSeconds, pass, session, stripe } = await open();
  const { id } = await session({ expires_at: nowSeconds() + 30 * minutes });
  const status = async () => (await stripe.checkout.sessions.retrieve(id)).status;
  await pass(30 * minutes * 1000 - 1000);
  expect(await status()).toBe("open");
  await pass(1000);
  expect(await status()).toBe("expired");
});

test("the clock alone expires a session: nobody has to ask for it", async () => {
  const { double, nowSeconds, pass, session } = await open();
  await session({ expires_at: nowSeconds() + 30 * minutes });
  await pass(30 * minutes * 1000);
  expect(double.state().sessions).toMatchObject([{ status: "expired" }]);
});

test("whoever asks after expires_at is told that it has expired, though no timer has run", async () => {
  let nowMs = Date.now();
  const { session, stripe } = await open({ now: () => nowMs });
  const { id, expires_at } = await session();
  nowMs = expires_at * 1000;
  expect((await stripe.checkout.sessions.retrieve(id)).status).toBe("expired");
});

test("without expires_at a session lives 24 hours", async () => {
  const { nowSeconds, session } = await open();
  expect((await session()).expires_at).toBe(nowSeconds() + 24 * 60 * minutes);
});

test.each([
  [30 * minutes, undefined],
  [24 * 60 * minutes, undefined],
  [
    30 * minutes - 1,
    "The `expires_at` timestamp must be at least 30 minutes from Checkout Session creation.",
  ],
  [
    24 * 60 * minutes + 1,
    "The `expires_at` timestamp must be less than 24 hours from Checkout Session creation.",
  ],
])("expires_at %d s after creation is answered with %s", async (seconds, message) => {
  const { double, nowSeconds, session } = await open();
  const creating = session({ expires_at: nowSeconds() + seconds });
  if (message === undefined) expect((await creating).status).toBe("open");
  else expect((await errorOf(creating)).message).toBe(message);
  expect(double.state().sessions).toHaveLength(message === undefined ? 1 : 0);
});

type Params = Partial<Stripe.Checkout.SessionCreateParams>;
const priced = (price_data: object, quantity = 1) => ({ line_items: [{ quantity, price_data }] }) as Params;
const product_data = { name: "Lamp" };

test.each<[string, Params, string | undefined, string | undefined]>([
  ["an unknown parameter", { colour: "red" } as Params, "parameter_unknown", "colour"],
  [
    "one inside",
    { payment_intent_data: { colour: "red" } } as Params,
    "parameter_unknown",
    "payment_intent_data[colour]",
  ],
  [
    "a real one that is not simulated",
    { allow_promotion_codes: true },
    "parameter_unknown",
    "allow_promotion_codes",
  ],
  [
    "payment_method_types, which this version took away",
    { payment_method_types: ["card"] } as Params,
    "parameter_unknown",
    "payment_method_types",
  ],
  ["another mode", { mode: "subscription" }, undefined, "mode"],
  ["a script for success_url", { success_url: "javascript:alert(1)" }, "url_invalid", "success_url"],
  ["an empty cancel_url", { cancel_url: "" }, "parameter_invalid_empty", "cancel_url"],
  ["no e-mail address", { customer_email: "ann" }, "email_invalid", "customer_email"],
  ["an unknown property to expand", { expand: ["customer"] }, undefined, "expand[0]"],
  [
    "an unknown currency",
    priced({ currency: "xyz", unit_amount: 1, product_data }),
    undefined,
    "line_items[0][price_data][currency]",
  ],
  [
    "half a cent",
    priced({ currency: "eur", unit_amount: 0.5, product_data }),
    "parameter_invalid_integer",
    "line_items[0][price_data][unit_amount]",
  ],
  [
    "a negative price",
    priced({ currency: "eur", unit_amount: -1, product_data }),
    "parameter_invalid_integer",
    "line_items[0][price_data][unit_amount]",
  ],
  [
    "no name",
    priced({ currency: "eur", unit_amount: 1, product_data: {} }),
    "parameter_missing",
    "line_items[0][price_data][product_data]",
  ],
  [
    "no quantity",
    { line_items: [{ price_data: { currency: "eur", unit_amount: 1, product_data } }] },
    "parameter_missing",
    "line_items[0][quantity]",
  ],
  [
    "none of an item",
    priced({ currency: "eur", unit_amount: 1, product_data }, 0),
    "parameter_invalid_integer",
    "line_items[0][quantity]",
  ],
  ["two currencies", { line_items: [line(1), line(1, 1, "usd")] }, undefined, "line_items"],
  ["nothing to pay", { line_items: [line(0)] }, "amount_too_small", undefined],
  ["more than Stripe takes", { line_items: [line(99_999_999), line(1)] }, "amount_too_large", undefined],
  [
    "a third decimal of KWD that is not 0",
    { line_items: [line(1005, 1, "kwd")] },
    undefined,
    "line_items[0][price_data][unit_amount]",
  ],
  [
    "51 keys of metadata",
    { metadata: Object.fromEntries(Array.from({ length: 51 }, (_, i) => [`k${i}`, "v"])) },
    undefined,
    "metadata",
  ],
  ["a long value of metadata", { metadata: { k: "v".repeat(501) } }, undefined, "metadata[k]"],
])("%s is refused, and no session is there", async (_, params, code, param) => {
  const { double, session } = await open();
  const error = await errorOf(session(params));
  expect(error).toMatchObject({ type: "StripeInvalidRequestError", statusCode: 400 });
  expect([error.code, error.param]).toEqual([code, param]);
  expect(double.state().sessions).toEqual([]);
});

test.each(["mode", "line_items", "success_url"])("without %s it is a missing parameter", async (param) => {
  const { stripe } = await open();
  const params = { ...order, [param]: undefined };
  expect(await errorOf(stripe.checkout.sessions.create(params))).toMatchObject({
    code: "parameter_missing",
    param,
    message: `Missing required param: ${param}.`,
  });
});

test("the largest amount, a price of 0 beside another, and whole dinars are taken", async () => {
  const { session } = await open();
  expect((await session({ line_items: [line(99_999_999)] })).amount_total).toBe(99_999_999);
  expect((await session({ line_items: [line(0), line(5)] })).amount_total).toBe(5);
  expect((await session({ line_items: [line(1010, 3, "KWD")] })).amount_total).toBe(3030);
});

test("an empty value of metadata unsets its key; any other name is a key", async () => {
  const { session } = await open();
  const metadata = { a: "", 0: "x", __proto__x: "y", constructor: "z" };
  expect((await session({ metadata })).metadata).toEqual({ 0: "x", __proto__x: "y", constructor: "z" });
});

test("lists are newest first, by pages, and filtered by status and time", async () => {
  const { nowSeconds, pass, session, stripe } = await open();
  const ids: string[] = [];
  for (let i = 0; i < 5; i++) {
    ids.unshift((await session()).id);
    await pass(1000);
  }
  await stripe.checkout.sessions.expire(ids[0] ?? "");
  const all: string[] = [];
  for await (const { id } of stripe.checkout.sessions.list({ limit: 2 })) all.push(id);
  expect(all).toEqual(ids);
  const list = async (params: Stripe.Checkout.SessionListParams) =>
    (await stripe.checkout.sessions.list(params)).data.map(({ id }) => id);
  expect(await list({ status: "open" })).toEqual(ids.slice(1));
  expect(await list({ created: { gte: nowSeconds() - 2 } })).toEqual(ids.slice(0, 2));
  expect(await list({ created: { gt: nowSeconds() - 3, lt: nowSeconds() - 1 } })).toEqual(ids.slice(1, 2));
  expect(await list({ created: nowSeconds() - 5 })).toEqual(ids.slice(4));
  expect(await errorOf(list({ starting_after: "cs_none" }))).toMatchObject({
    code: "resource_missing",
    param: "starting_after",
  });
});

test("a session that is not there is 404 with its id", async () => {
  const { stripe } = await open();
  expect(await errorOf(stripe.checkout.sessions.retrieve("cs_test_none"))).toMatchObject({
    statusCode: 404,
    code: "resource_missing",
    param: "session",
    message: "No such checkout.session: 'cs_test_none'",
  });
});

test("another key is 401 and gets nothing done", async () => {
  const { double } = await open({ secretKey: "sk_test_right" });
  const error = await errorOf(clientOf(double, "sk_test_wrongwrongwrong").checkout.sessions.create(order));
  expect(error).toMatchObject({ type: "StripeAuthenticationError", statusCode: 401 });
  expect(error.message).toBe("Invalid API Key provided: sk_test_***********rong");
  const without = await fetch(`${double.url}/v1/events`);
  expect(without.status).toBe(401);
  expect(await without.json()).toMatchObject({ error: { type: "invalid_request_error" } });
  expect(double.state().sessions).toEqual([]);
});

test("an address the API does not have is 404, and a body that is no form is refused", async () => {
  const { double, stripe } = await open();
  const error = await errorOf(stripe.customers.create({ name: "Ann" }));
  expect(error.statusCode).toBe(404);
  expect(error.message).toMatch(/^Unrecognized request URL \(POST: \/v1\/customers\)/);
  const json = await fetch(`${double.url}/v1/checkout/sessions`, {
    method: "POST",
    headers: { Authorization: `Bearer ${double.secretKey}`, "Content-Type": "application/json" },
    body: "{}",
  });
  expect(json.status).toBe(400);
  expect(await json.text()).toContain(
    "check that your POST content type is application/x-www-form-urlencoded",
  );
  const long = await fetch(`${double.url}/v1/checkout/sessions`, {
    method: "POST",
    body: "x".repeat(2 ** 21),
  });
  expect(long.status).toBe(413);
});
