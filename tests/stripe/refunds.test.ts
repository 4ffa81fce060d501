/** Refunds of the Stripe double, through the real `stripe` package: never more than was captured. */
import { expect, test } from "vitest";
import { errorOf, open } from "./world.ts";

async function captured() {
  const world = await open();
  const { id } = await world.paid();
  await world.stripe.paymentIntents.capture(id);
  const refund = (amount?: number) =>
    world.stripe.refunds.create({ payment_intent: id, ...(amount === undefined ? {} : { amount }) });
  const refunded = () => world.double.state().totals.eur?.refunded;
  return { ...world, id, refund, refunded };
}

test("without an amount all is refunded, with reason and metadata", async () => {
  const { id, refunded, stripe } = await captured();
  const refund = await stripe.refunds.create({
    payment_intent: id,
    reason: "requested_by_customer",
    metadata: { reservation: "r1" },
    expand: ["charge"],
  });
  expect(refund).toMatchObject({
    object: "refund",
    amount: 2400,
    currency: "eur",
    metadata: { reservation: "r1" },
    payment_intent: id,
    reason: "requested_by_customer",
    status: "succeeded",
    charge: { amount_refunded: 2400, refunded: true },
  });
  expect(refund.id).toMatch(/^re_[A-Za-z0-9]{24}$/);
  expect(refunded()).toBe(2400);
});

test("parts are refunded until nothing is left, then it says so", async () => {
  const { double, refund, refunded } = await captured();
  expect((await refund(1000)).amount).toBe(1000);
  expect(double.state().charges).toMatchObject([{ amount_refunded: 1000, refunded: false }]);
  expect((await refund()).amount).toBe(1400);
  expect(double.state().charges).toMatchObject([{ amount_refunded: 2400, refunded: true }]);
  const error = await errorOf(refund(1));
  expect(error).toMatchObject({ statusCode: 400, code: "charge_already_refunded" });
  expect(refunded()).toBe(2400);
});

test("more than is left is refused, in money a person can read", async () => {
  const { refund, refunded } = await captured();
  await refund(1000);
  expect(await errorOf(refund(1401))).toMatchObject({
    statusCode: 400,
    param: "amount",
    message: "Refund amount (€14.01) is greater than unrefunded amount on charge (€14.00)",
  });
  expect(await errorOf(refund(0))).toMatchObject({ code: "parameter_invalid_integer", param: "amount" });
  expect(refunded()).toBe(1000);
});

test.each(["authorised", "canceled", "declined"])("what is only %s is not refunded", async (state) => {
  const { double, paid, session, stripe } = await open();
  if (state === "declined") double.pay((await session()).id, { card: "declined" });
  else await paid();
  const [intent] = double.state().intents;
  const payment_intent = intent?.id ?? "";
  if (state === "canceled") await stripe.paymentIntents.cancel(payment_intent);
  const error = await errorOf(stripe.refunds.create({ payment_intent }));
  expect(error.message).toBe(
    `This PaymentIntent (${payment_intent}) does not have a successful charge to refund.`,
  );
  expect(double.state().refunds).toEqual([]);
});

test("after a partial capture only that part can be refunded", async () => {
  const { double, paid, stripe } = await open();
  const { id } = await paid();
  await stripe.paymentIntents.capture(id, { amount_to_capture: 900 });
  expect((await errorOf(stripe.refunds.create({ payment_intent: id, amount: 901 }))).param).toBe("amount");
  expect((await stripe.refunds.create({ payment_intent: id })).amount).toBe(900);
  expect(double.state().totals.eur).toMatchObject({ captured: 900, refunded: 900, voided: 1500 });
});

test("refunds are found by id and by payment intent, by pages", async () => {
  const { id, paid, refund, stripe } = await captured();
  const ids = [(await refund(1)).id, (await refund(2)).id, (await refund(3)).id].reverse();
  const other = await paid();
  await stripe.paymentIntents.capture(other.id);
  await stripe.refunds.create({ payment_intent: other.id });
  expect((await stripe.refunds.retrieve(ids[0] ?? "")).amount).toBe(3);
  const listed: string[] = [];
  for await (const each of stripe.refunds.list({ payment_intent: id, limit: 1 })) listed.push(each.id);
  expect(listed).toEqual(ids);
  expect((await stripe.refunds.list()).data).toHaveLength(4);
});

test("what is not there cannot be refunded or read", async () => {
  const { stripe } = await open();
  expect(await errorOf(stripe.refunds.create({ payment_intent: "pi_none" }))).toMatchObject({
    statusCode: 400,
    code: "resource_missing",
    param: "payment_intent",
  });
  expect(await errorOf(stripe.refunds.retrieve("re_none"))).toMatchObject({
    statusCode: 404,
    message: "No such refund: 're_none'",
  });
});
