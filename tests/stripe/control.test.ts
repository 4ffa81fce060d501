/** The double's own paths: crowds pay, switches are set, the state is read, and only with the secret key. */
import { expect, test } from "vitest";
import { startStripe } from "../../dev/stripe/server.ts";
import { errorOf, open, order } from "./world.ts";

test("a crowd pays by the control path, with the outcome as answer", async () => {
  const { control, pass, session } = await open();
  const { id } = await session();
  const pay = (body: object) => control("POST", "pay", body);
  expect(await pay({ session: id, card: "declined" })).toEqual({
    status: 200,
    body: { outcome: "declined" },
  });
  expect(await pay({ session: id, card: "slow", afterMs: 50 })).toMatchObject({
    body: { outcome: "waiting" },
  });
  expect(await pay({ session: id })).toEqual({
    status: 409,
    body: { outcome: "refused", reason: "bank_is_asked" },
  });
  await pass(50);
  expect(await pay({ session: id })).toMatchObject({ status: 409, body: { reason: "session_complete" } });
  expect((await pay({ session: "none" })).status).toBe(404);
  expect((await pay({ session: id, card: "gold" })).status).toBe(422);
  expect((await pay({ session: id, colour: "red" })).status).toBe(422);
  expect(await pay({ session: (await session()).id })).toEqual({ status: 200, body: { outcome: "paid" } });
});

test("the state shows every object, each event's delivery, and the money", async () => {
  const { control, paid } = await open();
  const { id } = await paid();
  const { body } = await control("GET", "state");
  expect(body).toMatchObject({
    sessions: [{ status: "complete", payment_intent: id }],
    intents: [{ id, amount: 2400 }],
    charges: [{ payment_intent: id }],
    refunds: [],
    events: [
      { type: "payment_intent.amount_capturable_updated", delivery: "none", attempts: 0 },
      { type: "checkout.session.completed", delivery: "none" },
    ],
    totals: { eur: { authorised: 2400, captured: 0, refunded: 0, voided: 0, capturable: 2400 } },
  });
});

test("what the state shows is a copy", async () => {
  const { double, session } = await open();
  await session();
  for (const each of double.state().sessions) each.status = "complete";
  expect(double.state().sessions).toMatchObject([{ status: "open" }]);
});

test("switches and faults are set, listed and cleared, and work", async () => {
  const { control, double, session, stripe } = await open();
  await control("POST", "switches", { kind: "decline", times: 1 });
  const { body } = await control("POST", "switches", { kind: "error", status: 502 });
  expect(body).toEqual({
    switches: [{ kind: "decline", times: 1, probability: 1, delayMs: 3000 }],
    faults: [{ kind: "error", status: 502, probability: 1, delayMs: 1000 }],
  });
  expect((await errorOf(stripe.checkout.sessions.create(order))).statusCode).toBe(502);
  double.faults.clear();
  expect(double.pay((await session()).id)).toEqual({ outcome: "declined" });
  await control("POST", "switches", { kind: "lose" });
  expect(await control("DELETE", "switches")).toEqual({ status: 200, body: { switches: [], faults: [] } });
  expect((await control("POST", "switches", { kind: "explode" })).status).toBe(422);
  expect((await control("POST", "switches", { kind: "lose", probability: 2 })).status).toBe(422);
  expect((await control("GET", "switches")).body).toEqual({ switches: [], faults: [] });
});

test("without the secret key the control paths do nothing and tell nothing", async () => {
  const { double, session } = await open();
  const { id } = await session();
  for (const [method, path] of [
    ["GET", "state"],
    ["POST", "pay"],
    ["DELETE", "switches"],
    ["GET", "nothing"],
  ] as const) {
    const response = await fetch(`${double.url}/_control/${path}`, {
      method,
      headers: { Authorization: "Bearer sk_test_other" },
      ...(method === "POST" ? { body: JSON.stringify({ session: id }) } : {}),
    });
    expect(response.status).toBe(401);
    expect(await response.text()).not.toContain(id);
  }
  expect(double.state().intents).toEqual([]);
});

test("keys and secrets are Stripe-like and random, or those given", async () => {
  const { double } = await open();
  expect(double.secretKey).toMatch(/^sk_test_[A-Za-z0-9]{40}$/);
  expect(double.webhookSecret).toMatch(/^whsec_[A-Za-z0-9]{32}$/);
  expect((await open()).double.secretKey).not.toBe(double.secretKey);
  const given = await open({ secretKey: "sk_test_mine", webhookSecret: "whsec_mine" });
  expect(given.double).toMatchObject({ secretKey: "sk_test_mine", webhookSecret: "whsec_mine" });
});

test("a taken port is Node's own EADDRINUSE error", async () => {
  const { double } = await open();
  await expect(startStripe({ port: double.port })).rejects.toMatchObject({ code: "EADDRINUSE" });
});
