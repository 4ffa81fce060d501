/** Paying, capturing and canceling, through the real `stripe` package; every case ends with the books adding up. */
import { afterEach, expect, test } from "vitest";
import { errorOf, line, open as openWorld, order, type World } from "./world.ts";

const days = 24 * 60 * 60 * 1000;
let last: World | undefined;
const open = async () => (last = await openWorld());

afterEach(() => {
  for (const sums of Object.values(last?.double.state().totals ?? {}))
    expect(sums.authorised).toBe(sums.captured + sums.voided + sums.capturable);
  last = undefined;
});

test("a good card is authorised, not charged: the session is complete and unpaid until the capture", async () => {
  const { double, paid, stripe } = await open();
  const intent = await paid();
  expect(intent).toMatchObject({
    amount: 2400,
    amount_capturable: 2400,
    amount_received: 0,
    capture_method: "manual",
    currency: "eur",
    metadata: { reservation: "r1" },
    status: "requires_capture",
  });
  expect(intent.id).toMatch(/^pi_[A-Za-z0-9]{24}$/);
  const sessionNow = async () => (await stripe.checkout.sessions.list({ payment_intent: intent.id })).data[0];
  expect(await sessionNow()).toMatchObject({ status: "complete", payment_status: "unpaid", url: null });
  expect(await stripe.paymentIntents.capture(intent.id)).toMatchObject({
    status: "succeeded",
    amount_capturable: 0,
    amount_received: 2400,
  });
  expect(await sessionNow()).toMatchObject({ status: "complete", payment_status: "paid" });
  expect(double.state().totals).toEqual({
    eur: { authorised: 2400, captured: 2400, refunded: 0, voided: 0, capturable: 0 },
  });
});

test("without manual capture a good card is charged at once", async () => {
  const { double, paid, stripe } = await open();
  const intent = await paid({ payment_intent_data: {} });
  expect(intent).toMatchObject({ status: "succeeded", amount_received: 2400, amount_capturable: 0 });
  expect((await stripe.checkout.sessions.list()).data).toMatchObject([{ payment_status: "paid" }]);
  expect(double.state().totals.eur).toMatchObject({ authorised: 2400, captured: 2400 });
});

test("a second capture is refused and takes nothing", async () => {
  const { double, paid, stripe } = await open();
  const { id } = await paid();
  await stripe.paymentIntents.capture(id);
  const error = await errorOf(stripe.paymentIntents.capture(id));
  expect(error).toMatchObject({
    statusCode: 400,
    code: "payment_intent_unexpected_state",
    message: "This PaymentIntent could not be captured because it has already been captured.",
    payment_intent: { id, status: "succeeded" },
  });
  expect(double.state().totals.eur?.captured).toBe(2400);
});

test("a part can be captured, once; the rest is released, and more than was authorised is refused", async () => {
  const { double, paid, stripe } = await open();
  const { id } = await paid();
  const error = await errorOf(stripe.paymentIntents.capture(id, { amount_to_capture: 2401 }));
  expect(error).toMatchObject({ code: "amount_too_large", param: "amount_to_capture" });
  expect(double.state().totals.eur?.captured).toBe(0);
  const captured = await stripe.paymentIntents.capture(id, {
    amount_to_capture: 1000,
    expand: ["latest_charge"],
  });
  expect(captured).toMatchObject({
    amount_received: 1000,
    latest_charge: { amount: 2400, amount_captured: 1000, captured: true, refunded: false },
  });
  expect(double.state().totals.eur).toEqual({
    authorised: 2400,
    captured: 1000,
    refunded: 0,
    voided: 1400,
    capturable: 0,
  });
});

test("an authorisation that is canceled is given back and cannot be captured or canceled again", async () => {
  const { double, nowSeconds, paid, stripe } = await open();
  const { id } = await paid();
  const canceled = await stripe.paymentIntents.cancel(id, { cancellation_reason: "abandoned" });
  expect(canceled).toMatchObject({
    status: "canceled",
    amount_capturable: 0,
    canceled_at: nowSeconds(),
    cancellation_reason: "abandoned",
  });
  const code = "payment_intent_unexpected_state";
  expect(await errorOf(stripe.paymentIntents.capture(id))).toMatchObject({ code });
  const again = await errorOf(stripe.paymentIntents.cancel(id));
  expect(again).toMatchObject({ code, payment_intent: { status: "canceled" } });
  expect(double.state().totals.eur).toEqual({
    authorised: 2400,
    captured: 0,
    refunded: 0,
    voided: 2400,
    capturable: 0,
  });
});

test("what is captured can no longer be canceled", async () => {
  const { double, paid, stripe } = await open();
  const { id } = await paid();
  await stripe.paymentIntents.capture(id);
  const error = await errorOf(stripe.paymentIntents.cancel(id));
  expect(error.code).toBe("payment_intent_unexpected_state");
  expect(error.message).toMatch(
    /^You cannot cancel this PaymentIntent because it has a status of succeeded\./,
  );
  expect(double.state().totals.eur?.voided).toBe(0);
});

test("an authorisation that nobody captures is canceled after 7 days", async () => {
  const { pass, paid, stripe } = await open();
  const { id } = await paid();
  await pass(7 * days - 1);
  expect((await stripe.paymentIntents.retrieve(id)).status).toBe("requires_capture");
  await pass(1);
  expect(await stripe.paymentIntents.retrieve(id)).toMatchObject({
    status: "canceled",
    cancellation_reason: "automatic",
  });
});

test("a declined card leaves the session open; the next try uses the same payment intent", async () => {
  const { double, session, stripe } = await open();
  const { id } = await session();
  expect(double.pay(id, { card: "declined" })).toEqual({ outcome: "declined" });
  const intentNow = async () => {
    const { payment_intent } = await stripe.checkout.sessions.retrieve(id, {
      expand: ["payment_intent.latest_charge"],
    });
    return payment_intent;
  };
  expect(await stripe.checkout.sessions.retrieve(id)).toMatchObject({ status: "open", url: /\/pay\// });
  expect(await intentNow()).toMatchObject({
    status: "requires_payment_method",
    last_payment_error: { type: "card_error", code: "card_declined", message: "Your card was declined." },
    latest_charge: { status: "failed", paid: false, failure_code: "card_declined" },
  });
  expect(double.state().totals).toEqual({});
  expect(double.pay(id)).toEqual({ outcome: "paid" });
  expect(await intentNow()).toMatchObject({
    status: "requires_capture",
    last_payment_error: null,
    latest_charge: { status: "succeeded", amount: 2400 },
  });
  expect(double.state().intents).toHaveLength(1);
  expect(double.state().totals.eur?.authorised).toBe(2400);
});

test("a session is paid once, whoever tries again", async () => {
  const { double, session } = await open();
  const { id } = await session();
  double.pay(id);
  expect(double.pay(id)).toEqual({ outcome: "refused", reason: "session_complete" });
  expect(double.pay("cs_test_none")).toEqual({ outcome: "refused", reason: "no_such_session" });
  expect(double.state().charges).toHaveLength(1);
});

test("a slow payment waits for the bank, then is authorised; meanwhile it cannot be paid again", async () => {
  const { double, nowSeconds, pass, session, stripe } = await open();
  const { id } = await session();
  expect(double.pay(id, { card: "slow", afterMs: 5000 })).toEqual({
    outcome: "waiting",
    untilMs: nowSeconds() * 1000 + 5000,
  });
  expect(double.pay(id)).toEqual({ outcome: "refused", reason: "bank_is_asked" });
  const status = async () => {
    const found = await stripe.checkout.sessions.retrieve(id, { expand: ["payment_intent"] });
    return [found.status, (found.payment_intent as { status: string } | null)?.status];
  };
  await pass(4999);
  expect(await status()).toEqual(["open", "requires_action"]);
  await pass(1);
  expect(await status()).toEqual(["complete", "requires_capture"]);
});

test("a bank may say no, later", async () => {
  const { double, pass, session } = await open();
  const { id } = await session();
  double.pay(id, { card: "declined", afterMs: 2000 });
  await pass(2000);
  expect(double.state().intents).toMatchObject([{ status: "requires_payment_method" }]);
  expect(double.pay(id)).toEqual({ outcome: "paid" });
});

test("a session that expires while the bank is asked is not paid by its answer", async () => {
  const { double, pass, session, stripe } = await open();
  const { id } = await session();
  double.pay(id, { card: "slow" });
  await stripe.checkout.sessions.expire(id);
  await pass(60_000);
  const { intents, charges, sessions } = double.state();
  expect(intents).toMatchObject([
    { status: "canceled", cancellation_reason: "expired", latest_charge: null },
  ]);
  expect(charges).toEqual([]);
  expect(sessions).toMatchObject([{ status: "expired", payment_status: "unpaid" }]);
});

test("an intent of an open session is not canceled by itself: its session is to be expired", async () => {
  const { double, session, stripe } = await open();
  const { id } = await session();
  double.pay(id, { card: "declined" });
  const [intent] = double.state().intents;
  const error = await errorOf(stripe.paymentIntents.cancel(intent?.id ?? ""));
  expect(error).toMatchObject({ statusCode: 400, code: "payment_intent_unexpected_state" });
  expect(error.message).toContain("Expire the Checkout Session instead");
  await stripe.checkout.sessions.expire(id);
  expect((await stripe.paymentIntents.retrieve(intent?.id ?? "")).status).toBe("canceled");
});

test("what a shopper does not finish is not captured: an unpaid intent is refused by its status", async () => {
  const { double, session, stripe } = await open();
  double.pay((await session()).id, { card: "declined" });
  const [intent] = double.state().intents;
  const { message } = await errorOf(stripe.paymentIntents.capture(intent?.id ?? ""));
  expect(message).toContain("has a status of requires_payment_method. Only a PaymentIntent with one of");
});

test("switches decide over any card: by a rule, by the session's metadata, by the intent's", async () => {
  const { double, session } = await open();
  double.switches.add({ kind: "decline", times: 1 });
  const first = await session();
  expect(double.pay(first.id)).toEqual({ outcome: "declined" });
  expect(double.pay(first.id)).toEqual({ outcome: "paid" });
  const declined = await session({ metadata: { test: "decline" } });
  expect(double.pay(declined.id)).toEqual({ outcome: "declined" });
  expect(double.pay(declined.id)).toEqual({ outcome: "declined" });
  const slow = await session({ payment_intent_data: { metadata: { test: "lose, slow" } } });
  expect(double.pay(slow.id)).toMatchObject({ outcome: "waiting" });
});

test("a rule with a match or a chance hits only what it should", async () => {
  const chances = [0.9, 0.1];
  const world = await openWorld({ random: () => chances.shift() ?? 1 });
  const { double, session } = world;
  double.switches.add({ kind: "decline", match: '"reservation":"r2"' });
  expect(double.pay((await session()).id)).toEqual({ outcome: "paid" });
  expect(double.pay((await session({ metadata: { reservation: "r2" } })).id)).toEqual({
    outcome: "declined",
  });
  double.switches.clear();
  double.switches.add({ kind: "slow", probability: 0.5, delayMs: 7 });
  expect(double.pay((await session()).id)).toEqual({ outcome: "paid" });
  expect(double.pay((await session()).id)).toMatchObject({ outcome: "waiting" });
});

test("intents are listed newest first, by pages and by time", async () => {
  const { nowSeconds, paid, pass, stripe } = await open();
  const ids: string[] = [];
  for (let i = 0; i < 3; i++) {
    ids.unshift((await paid()).id);
    await pass(1000);
  }
  const first = await stripe.paymentIntents.list({ limit: 2 });
  expect([first.data.map(({ id }) => id), first.has_more]).toEqual([ids.slice(0, 2), true]);
  const second = await stripe.paymentIntents.list({ limit: 2, starting_after: ids[1] ?? "" });
  expect([second.data.map(({ id }) => id), second.has_more]).toEqual([ids.slice(2), false]);
  const late = await stripe.paymentIntents.list({
    created: { gte: nowSeconds() - 1 },
    expand: ["data.latest_charge"],
  });
  expect(late.data).toMatchObject([{ id: ids[0], latest_charge: { paid: true } }]);
});

test("an intent that is not there is 404", async () => {
  const { stripe } = await open();
  const missing = { statusCode: 404, code: "resource_missing", message: "No such payment_intent: 'pi_none'" };
  expect(await errorOf(stripe.paymentIntents.retrieve("pi_none"))).toMatchObject(missing);
  expect(await errorOf(stripe.paymentIntents.capture("pi_none"))).toMatchObject(missing);
  expect(await errorOf(stripe.paymentIntents.cancel("pi_none"))).toMatchObject(missing);
});

test("yen and dinars go through whole, each in books of its own", async () => {
  const { double, paid, stripe } = await open();
  const yen = await paid({ ...order, line_items: [line(500, 3, "jpy")] });
  const dinars = await paid({ ...order, line_items: [line(12_340, 1, "kwd")] });
  expect([yen.amount, yen.currency, dinars.amount, dinars.currency]).toEqual([1500, "jpy", 12_340, "kwd"]);
  await stripe.paymentIntents.capture(dinars.id);
  await stripe.refunds.create({ payment_intent: dinars.id, amount: 340 });
  expect(double.state().totals).toEqual({
    jpy: { authorised: 1500, captured: 0, refunded: 0, voided: 0, capturable: 1500 },
    kwd: { authorised: 12_340, captured: 12_340, refunded: 340, voided: 0, capturable: 0 },
  });
});
