/** Webhooks and events: what the real `stripe` package verifies, and what may go wrong on the way on purpose. */
import Stripe from "stripe";
import { expect, test } from "vitest";
import type { StripeOptions } from "../../dev/stripe/server.ts";
import { errorOf, open as openWorld, openReceiver, type Received } from "./world.ts";

async function open(options: StripeOptions = {}) {
  const receiver = await openReceiver();
  const world = await openWorld({ webhookUrl: () => receiver.url, ...options });
  /** The types not yet delivered, as reconciliation would ask for them; oldest first. */
  const undelivered = async () => {
    const { data } = await world.stripe.events.list({ delivery_success: false, limit: 100 });
    return data.map(({ type }) => type).reverse();
  };
  const intentOf = async (id: string) => {
    const { payment_intent } = await world.stripe.checkout.sessions.retrieve(id);
    return typeof payment_intent === "string" ? payment_intent : "";
  };
  const payNew = async (more?: Parameters<typeof world.session>[0]) => {
    const { id } = await world.session(more);
    world.double.pay(id);
    await world.double.settled();
    return id;
  };
  return { ...world, receiver, undelivered, intentOf, payNew };
}

const authorised = "payment_intent.amount_capturable_updated";
const completed = "checkout.session.completed";

test("what happened is told: authorised, captured, refunded, declined, canceled, expired", async () => {
  const { double, intentOf, payNew, receiver, session, stripe } = await open();
  const told = async () => {
    await double.settled();
    return receiver.received
      .splice(0)
      .map(({ event }) => event.type)
      .sort();
  };
  const id = await payNew();
  expect(await told()).toEqual([completed, authorised]);
  const payment_intent = await intentOf(id);
  await stripe.paymentIntents.capture(payment_intent);
  expect(await told()).toEqual(["payment_intent.succeeded"]);
  await stripe.refunds.create({ payment_intent: payment_intent });
  expect(await told()).toEqual(["charge.refunded", "refund.created", "refund.updated"]);
  const other = await session();
  double.pay(other.id, { card: "declined" });
  expect(await told()).toEqual(["payment_intent.payment_failed"]);
  await stripe.checkout.sessions.expire(other.id);
  expect(await told()).toEqual(["checkout.session.expired", "payment_intent.canceled"]);
  await payNew();
  await told();
  const newest = (await stripe.paymentIntents.list({ limit: 1 })).data[0];
  await stripe.paymentIntents.cancel(newest?.id ?? "");
  // As at Stripe, where a released authorisation is a "refunded" charge that never was captured.
  expect(await told()).toEqual(["charge.refunded", "payment_intent.canceled"]);
});

test("a session that expires by the clock tells so by itself", async () => {
  const { nowSeconds, pass, receiver, session } = await open();
  const { id } = await session({ expires_at: nowSeconds() + 1800 });
  await pass(1800_000);
  expect(receiver.received).toMatchObject([
    { event: { type: "checkout.session.expired", data: { object: { id, status: "expired" } } } },
  ]);
});

test("the real package verifies the signature, and refuses another secret, body or time", async () => {
  const { double, nowSeconds, payNew, receiver, stripe } = await open();
  await payNew();
  const verify = ({ body, signature }: Received, secret = double.webhookSecret, receivedAt = nowSeconds()) =>
    stripe.webhooks.constructEventAsync(
      body,
      signature,
      secret,
      300,
      Stripe.createSubtleCryptoProvider(),
      receivedAt * 1000,
    );
  const first = receiver.received[0];
  if (first === undefined) throw new Error("nothing was received");
  expect(await verify(first)).toMatchObject({
    object: "event",
    api_version: Stripe.API_VERSION,
    created: nowSeconds(),
    livemode: false,
    pending_webhooks: 1,
  });
  await expect(verify(first, "whsec_other")).rejects.toThrow("No signatures found matching");
  await expect(verify({ ...first, body: first.body + " " })).rejects.toThrow("No signatures found matching");
  await expect(verify(first, double.webhookSecret, nowSeconds() + 301)).rejects.toThrow("Timestamp outside");
  expect(first.signature).toMatch(/^t=\d+,v1=[0-9a-f]{64}$/);
});

test("an event shows its object as it was then, and is found again as it was sent", async () => {
  const { intentOf, payNew, receiver, stripe } = await open();
  const id = await payNew();
  const payment_intent = await intentOf(id);
  await stripe.paymentIntents.capture(payment_intent);
  const event = receiver.received.find((each) => each.event.type === authorised)?.event;
  expect(event?.data.object).toMatchObject({ status: "requires_capture", amount_capturable: 2400 });
  const found = await stripe.events.retrieve(event?.id ?? "");
  expect({ ...found }).toEqual({ ...event, pending_webhooks: 0 });
  expect(await errorOf(stripe.events.retrieve("evt_none"))).toMatchObject({ statusCode: 404 });
});

test("what is not answered with 2xx is sent again with growing pauses, the same bytes, till it is", async () => {
  const { pass, payNew, receiver, undelivered, nowSeconds } = await open();
  receiver.answers = 503;
  await payNew();
  expect(receiver.received).toHaveLength(2);
  expect((await undelivered()).sort()).toEqual([completed, authorised]);
  await pass(999);
  expect(receiver.received).toHaveLength(2);
  await pass(1);
  expect(receiver.received).toHaveLength(4);
  await pass(1999);
  expect(receiver.received).toHaveLength(4);
  receiver.answers = 204;
  await pass(1);
  expect(receiver.received).toHaveLength(6);
  expect(await undelivered()).toEqual([]);
  await pass(3600_000);
  expect(receiver.received).toHaveLength(6);
  expect(new Set(receiver.received.map(({ body }) => body)).size).toBe(2);
  const times = receiver.received.map(({ signature }) => Number(/^t=(\d+)/.exec(signature)?.[1]));
  expect(times.map((time) => time - (nowSeconds() - 3603))).toEqual([0, 0, 1, 1, 3, 3]);
});

test("it gives up one day, and the event stays undelivered", async () => {
  const { double, pass, payNew, receiver, undelivered } = await open();
  receiver.answers = 500;
  await payNew();
  for (let minute = 0; minute < 60; minute++) await pass(60_000);
  const [event] = double.state().events;
  expect(event).toMatchObject({ delivery: "failed", attempts: 20, pending_webhooks: 1 });
  expect(receiver.received).toHaveLength(40);
  expect(await undelivered()).toHaveLength(2);
});

test("a redirect is no delivery, and neither is a receiver that is away", async () => {
  let url = "http://127.0.0.1:9/";
  const { pass, payNew, receiver, undelivered } = await open({ webhookUrl: () => url });
  await payNew();
  expect(await undelivered()).toHaveLength(2);
  url = receiver.url;
  receiver.answers = 302;
  await pass(1000);
  expect(receiver.received).toHaveLength(2);
  expect(await undelivered()).toHaveLength(2);
  receiver.answers = 200;
  await pass(2000);
  expect(await undelivered()).toEqual([]);
});

test("while there is nobody to tell, events are noted and count as delivered", async () => {
  const target: { url?: string } = {};
  const { double, payNew, receiver, undelivered } = await open({ webhookUrl: () => target.url });
  await payNew();
  expect(double.state().events).toMatchObject([
    { delivery: "none", pending_webhooks: 0 },
    { delivery: "none" },
  ]);
  expect(await undelivered()).toEqual([]);
  target.url = receiver.url;
  await payNew();
  expect(receiver.received).toHaveLength(2);
});

test("duplicate: the same event comes twice", async () => {
  const { double, payNew, receiver } = await open();
  double.switches.add({ kind: "duplicate", match: completed, times: 1 });
  await payNew();
  const bodies = receiver.received.filter(({ event }) => event.type === completed).map(({ body }) => body);
  expect(bodies).toHaveLength(2);
  expect(bodies[0]).toBe(bodies[1]);
  expect(receiver.received).toHaveLength(3);
});

test("reorder: an event comes after the next one", async () => {
  const { double, payNew, receiver, stripe } = await open();
  double.switches.add({ kind: "reorder", match: authorised, times: 1 });
  await payNew();
  expect(receiver.types()).toEqual([completed, authorised]);
  const { data } = await stripe.events.list();
  expect(data.map(({ type }) => type).reverse()).toEqual([authorised, completed]);
});

test("reorder: an event that none follows comes late", async () => {
  const { double, pass, payNew, receiver } = await open();
  double.switches.add({ kind: "reorder", match: completed, times: 1, delayMs: 500 });
  await payNew();
  expect(receiver.types()).toEqual([authorised]);
  await pass(500);
  expect(receiver.types()).toEqual([authorised, completed]);
});

test("late: an event comes after its delay, not before", async () => {
  const { double, pass, payNew, receiver, undelivered } = await open();
  double.switches.add({ kind: "late", match: completed, delayMs: 10_000 });
  await payNew();
  await pass(9_999);
  expect(receiver.types()).toEqual([authorised]);
  expect(await undelivered()).toEqual([completed]);
  await pass(1);
  expect(receiver.types()).toEqual([authorised, completed]);
});

test("lose: an event never comes, and is found by delivery_success=false", async () => {
  const { double, pass, payNew, receiver, stripe, undelivered } = await open();
  double.switches.add({ kind: "lose", match: completed, times: 1 });
  const id = await payNew();
  await pass(24 * 3600_000);
  expect(receiver.types()).toEqual([authorised]);
  expect(await undelivered()).toEqual([completed]);
  const { data } = await stripe.events.list({ delivery_success: false, type: completed });
  expect(data).toMatchObject([{ data: { object: { id } }, pending_webhooks: 1 }]);
  expect((await stripe.events.list({ delivery_success: true })).data).toMatchObject([{ type: authorised }]);
});

test("an object brings its own misfortune in its metadata", async () => {
  const { payNew, receiver, undelivered } = await open();
  await payNew({
    metadata: { test: "duplicate" },
    payment_intent_data: { capture_method: "manual", metadata: { test: "lose" } },
  });
  expect(receiver.types()).toEqual([completed, completed]);
  expect(await undelivered()).toEqual([authorised]);
});

test("events are filtered by type, group of types and time", async () => {
  const { nowSeconds, pass, payNew, session, stripe } = await open();
  await payNew();
  await pass(5000);
  await stripe.checkout.sessions.expire((await session()).id);
  const types = async (params: Stripe.EventListParams) =>
    (await stripe.events.list(params)).data.map(({ type }) => type);
  expect(await types({})).toEqual(["checkout.session.expired", completed, authorised]);
  expect(await types({ type: completed })).toEqual([completed]);
  expect(await types({ type: "checkout.session.*" })).toEqual(["checkout.session.expired", completed]);
  expect(await types({ types: [authorised, "checkout.session.expired"] })).toEqual([
    "checkout.session.expired",
    authorised,
  ]);
  expect(await types({ created: { gte: nowSeconds() } })).toEqual(["checkout.session.expired"]);
  const [first] = (await stripe.events.list({ limit: 1 })).data;
  expect(await types({ starting_after: first?.id ?? "", limit: 1 })).toEqual([completed]);
});

test("more webhooks than it sends at a time all arrive", async () => {
  const { double, receiver, session, undelivered } = await open();
  const ids: string[] = [];
  for (let i = 0; i < 40; i++) ids.push((await session()).id);
  for (const id of ids) double.pay(id);
  await double.settled();
  expect(receiver.received).toHaveLength(80);
  expect(await undelivered()).toEqual([]);
});

test("close cuts a delivery that is not answered", async () => {
  const receiver = await openReceiver();
  receiver.answers = "never";
  const { double, session } = await openWorld({ webhookUrl: () => receiver.url, now: Date.now });
  double.pay((await session()).id);
  while (receiver.received.length < 2) await new Promise((resolve) => setTimeout(resolve, 5));
  const closed = double.close().then(() => "closed");
  expect(await Promise.race([closed, new Promise((resolve) => setTimeout(resolve, 2000))])).toBe("closed");
  expect(double.state().events).toMatchObject([{ delivery: "pending" }, { delivery: "pending" }]);
});

test("close ends it: nothing is tried again", async () => {
  const receiver = await openReceiver();
  const { double, session } = await openWorld({ webhookUrl: () => receiver.url, now: Date.now });
  receiver.answers = 500;
  double.pay((await session()).id);
  await double.settled();
  expect(receiver.received).toHaveLength(2);
  await double.close();
  await new Promise((resolve) => setTimeout(resolve, 1100));
  expect(receiver.received).toHaveLength(2);
});

test("without anybody moving a clock, webhooks go out and come again by real time", async () => {
  const receiver = await openReceiver();
  const { double, session } = await openWorld({ webhookUrl: () => receiver.url, now: Date.now });
  receiver.answers = 500;
  double.pay((await session()).id);
  const until = async (count: number) => {
    for (let i = 0; i < 300 && receiver.received.length < count; i++)
      await new Promise((resolve) => setTimeout(resolve, 10));
    expect(receiver.received.length).toBeGreaterThanOrEqual(count);
  };
  await until(2);
  receiver.answers = 200;
  await until(4);
});
