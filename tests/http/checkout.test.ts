/** Paying, at the HTTP contract and against the Stripe double: whatever fails in between, money and stock go together. */
import { randomUUID } from "node:crypto";
import pg from "pg";
import Stripe from "stripe";
import { afterEach, describe, expect, test } from "vitest";
import {
  ask,
  createSale,
  live,
  operator,
  pulse,
  shoe,
  shopperInside,
  until,
  withStack,
  type Shopper,
} from "./harness.ts";

const stack = withStack();
afterEach(() => {
  stack.get().stripe.switches.clear();
  stack.get().stripe.faults.clear();
});

const priced = (stock: number, more: Parameters<typeof createSale>[1] = {}) =>
  createSale(stack.get(), { items: [shoe({ stock, limit: 2, price: 2500 })], ...more });
const sessionIn = (url: unknown) => /cs_test_\w+/.exec(String(url))?.[0] ?? "";
const totals = (currency = "eur") =>
  stack.get().stripe.state().totals[currency] ?? { authorised: 0, captured: 0, refunded: 0, voided: 0 };

/** From the line to the payment page. @returns the reservation and its session */
async function toPayment(someone: Shopper) {
  const id = randomUUID();
  expect((await someone.reserve(id)).status).toBe(201);
  const { status, json } = await someone.checkout(id);
  expect(status).toBe(200);
  return { id, session: sessionIn(json.url) };
}
const orderState = (someone: Shopper, id: string) =>
  until(
    () => someone.order(id),
    ({ json }) => (json.payment as { state: string } | undefined)?.state === "captured",
  );
const books = async (sale: string) => (await live(stack.get(), sale)).items[0];

describe("a purchase", () => {
  test("is paid at Stripe, confirmed by the webhook, captured, and in Postgres; a receipt is sent", async () => {
    const sale = await priced(3);
    const before = totals();
    const ann = await shopperInside(stack.get(), sale);
    const { id, session } = await toPayment(ann);
    expect((await ann.checkout(id)).json.url).toContain(session);
    expect((await ann.reservation(id)).json).toMatchObject({ state: "held", payment: "open", total: 2500 });
    expect(stack.get().stripe.pay(session)).toEqual({ outcome: "paid" });
    const { json } = await orderState(ann, id);
    expect(json).toMatchObject({
      id,
      state: "confirmed",
      total: 2500,
      payment: { state: "captured" },
      refund: null,
    });
    expect((await ann.reservation(id)).json).toMatchObject({ state: "confirmed", payment: "captured" });
    expect((await ann.checkout(id)).json.order).toMatchObject({ id, state: "confirmed" });
    await until(
      () => live(stack.get(), sale),
      ({ stored }) => stored?.orders === 1,
    );
    expect(totals().captured - before.captured).toBe(2500);
    expect((await ann.giveBack(id)).type).toBe("already_confirmed");
    const read = await fetch(`${stack.get().mailbox.url}/api/messages`);
    const { messages } = (await read.json()) as { messages: { subject: string; text: string }[] };
    const receipts = messages.filter(({ text }) => text.includes(`Order ${id}`));
    expect(receipts).toMatchObject([{ subject: "Your order: A test sale" }]);
  });

  test("without any webhook: the shopper who comes back completes it", async () => {
    const sale = await priced(3);
    stack.get().stripe.switches.add({ kind: "lose" });
    const ann = await shopperInside(stack.get(), sale);
    const { id, session } = await toPayment(ann);
    stack.get().stripe.pay(session);
    const read = await until(
      () => ann.reservation(id),
      ({ json }) => json.state === "confirmed",
    );
    expect(read.json.payment).toBe("captured");
  });

  test("declined, the hold stays and the same page takes another card", async () => {
    const sale = await priced(3);
    const ann = await shopperInside(stack.get(), sale);
    const { id, session } = await toPayment(ann);
    expect(stack.get().stripe.pay(session, { card: "declined" })).toEqual({ outcome: "declined" });
    expect((await ann.reservation(id)).json).toMatchObject({ state: "held", payment: "open" });
    expect(sessionIn((await ann.checkout(id)).json.url)).toBe(session);
    stack.get().stripe.pay(session);
    await orderState(ann, id);
  });

  test("mixed with free items only what has a price is paid; a basket of free ones skips Stripe", async () => {
    const sale = await createSale(stack.get(), {
      items: [shoe({ price: 1200 }), { sku: "sticker", name: "Sticker", stock: 10, price: 0, limit: 5 }],
    });
    const ann = await shopperInside(stack.get(), sale);
    const id = randomUUID();
    await ann.reserve(id, [
      { sku: "shoe", quantity: 1 },
      { sku: "sticker", quantity: 2 },
    ]);
    const { json } = await ann.checkout(id);
    stack.get().stripe.pay(sessionIn(json.url));
    expect((await orderState(ann, id)).json.total).toBe(1200);
    const ben = await shopperInside(stack.get(), sale);
    const free = randomUUID();
    await ben.reserve(free, [{ sku: "sticker", quantity: 1 }]);
    expect((await ben.checkout(free)).json.order).toMatchObject({ payment: { state: "not_required" } });
  });

  test.each([
    ["JPY", 4800, "jpy", 4800],
    ["KWD", 12_500, "kwd", 12_500],
    ["ISK", 990, "isk", 99_000],
  ])("in %s the amount is the one people see", async (currency, price, code, charged) => {
    const sale = await createSale(stack.get(), { currency, items: [shoe({ price })] });
    const before = totals(code).captured;
    const ann = await shopperInside(stack.get(), sale);
    const { id, session } = await toPayment(ann);
    stack.get().stripe.pay(session);
    expect((await orderState(ann, id)).json).toMatchObject({ total: price, currency });
    expect(totals(code).captured - before).toBe(charged);
  });

  test("a price that a currency cannot have is refused with a pointer", async () => {
    const body = {
      id: `kwd-${randomUUID().slice(0, 8)}`,
      name: "A sale",
      currency: "KWD",
      opensAt: new Date().toISOString(),
      closesAt: new Date(Date.now() + 60_000).toISOString(),
      items: [shoe({ price: 12_345 })],
    };
    const answer = await operator(stack.get(), "/sales", { body });
    expect([answer.status, answer.json.errors]).toEqual([
      422,
      [{ pointer: "/items/0/price", detail: "must be a multiple of 10 in KWD" }],
    ]);
  });
});

describe("a hold that ends", () => {
  test("unpaid: its session is closed, its unit goes back, and nothing can be paid any more", async () => {
    const sale = await priced(1, { holdSeconds: 5 });
    const ann = await shopperInside(stack.get(), sale);
    const { id, session } = await toPayment(ann);
    await until(
      () => books(sale),
      (item) => item?.available === 1,
    );
    expect(stack.get().stripe.pay(session)).toEqual({ outcome: "refused", reason: "session_expired" });
    expect((await ann.reservation(id)).json).toMatchObject({ state: "expired", payment: "none" });
    expect((await ann.checkout(id)).type).toBe("reservation_expired");
  });

  test("paid in the last moment: it is an order, whatever became of the webhook", async () => {
    const sale = await priced(1, { holdSeconds: 5 });
    stack.get().stripe.switches.add({ kind: "lose" });
    const ann = await shopperInside(stack.get(), sale);
    const { session, id } = await toPayment(ann);
    stack.get().stripe.pay(session);
    await until(
      () => books(sale),
      (item) => item?.confirmed === 1,
    );
    await orderState(ann, id);
  });

  test("while the bank is being asked: it is kept for so long", async () => {
    const sale = await priced(1, { holdSeconds: 5 });
    const ann = await shopperInside(stack.get(), sale);
    const { session, id } = await toPayment(ann);
    stack.get().stripe.pay(session, { card: "slow", afterMs: 9_000 });
    await new Promise((resolve) => setTimeout(resolve, 7_000));
    expect(await books(sale)).toMatchObject({ available: 0, held: 1 });
    expect((await ann.reservation(id)).json).toMatchObject({ state: "held", payment: "pending" });
    expect((await ann.giveBack(id)).type).toBe("payment_pending");
    await orderState(ann, id);
  });

  test("while Stripe does not answer: no unit is lost, and none is sold twice", async () => {
    const sale = await priced(1, { holdSeconds: 5 });
    const ann = await shopperInside(stack.get(), sale);
    const { id } = await toPayment(ann);
    stack.get().stripe.faults.add({ kind: "cut" });
    await new Promise((resolve) => setTimeout(resolve, 7_000));
    await pulse(stack.get(), sale);
    expect(await books(sale)).toMatchObject({ available: 0, held: 1 });
    stack.get().stripe.faults.clear();
    await until(
      () => books(sale),
      (item) => item?.available === 1,
    );
    expect((await ann.reservation(id)).json.state).toBe("expired");
  });
});

describe("a payment that comes too late", () => {
  /** Somebody gave back in one tab and paid in another: the session could not be closed in between. */
  async function paidTooLate(sale: string, afterMs: number) {
    const ann = await shopperInside(stack.get(), sale);
    const { id, session } = await toPayment(ann);
    // The bank answers after the hold was given up as unpayable: the longest wait, cut short by hand.
    stack.get().stripe.pay(session, { card: "slow", afterMs });
    return { ann, id, session };
  }

  test("is answered with the units again, if they are there", async () => {
    const sale = await priced(2);
    const { ann, id } = await paidTooLate(sale, 4_000);
    await endHold(sale, id);
    expect(await books(sale)).toMatchObject({ available: 2, held: 0 });
    await orderState(ann, id);
    expect(await books(sale)).toMatchObject({ available: 1, held: 0, confirmed: 1 });
  });

  test("is voided if somebody else has them; the buyer is told and not charged", async () => {
    const sale = await priced(1);
    const before = totals();
    const { ann, id } = await paidTooLate(sale, 10_000);
    await endHold(sale, id);
    const ben = await shopperInside(stack.get(), sale);
    const his = await toPayment(ben);
    stack.get().stripe.pay(his.session);
    await orderState(ben, his.id);
    const told = await until(
      () => ann.reservation(id),
      ({ json }) => json.payment === "voided",
    );
    expect(told.json.state).toBe("expired");
    expect([totals().captured - before.captured, totals().voided - before.voided]).toEqual([2500, 2500]);
    expect(await books(sale)).toMatchObject({ available: 0, confirmed: 1 });
  });

  /** As if the wait for the bank were over: the record's hold ended long ago. */
  async function endHold(sale: string, id: string) {
    const key = `{${sale}}:reservations`;
    const { redis } = stack.get().redis;
    const record = JSON.parse(String(await redis.command("HGET", key, id))) as Record<string, unknown>;
    const long = Date.now() - 3_600_000;
    await redis.command("HSET", key, id, JSON.stringify({ ...record, expiresAtMs: long }));
    await redis.command("ZADD", `{${sale}}:holds`, long, id);
    await until(
      () => pulse(stack.get(), sale).then(() => books(sale)),
      (item) => item?.held === 0,
    );
  }
});

describe("webhooks", () => {
  test("twice, late and out of order: one order, one charge", async () => {
    const sale = await priced(3);
    const before = totals();
    for (const kind of ["duplicate", "reorder", "late"] as const)
      stack.get().stripe.switches.add({ kind, delayMs: 800 });
    const ann = await shopperInside(stack.get(), sale);
    const { id, session } = await toPayment(ann);
    stack.get().stripe.pay(session);
    await orderState(ann, id);
    await stack.get().stripe.settled();
    expect(totals().captured - before.captured).toBe(2500);
  });

  test("lost for good: cron finds the payment", async () => {
    const sale = await priced(3);
    stack.get().stripe.switches.add({ kind: "lose" });
    const ann = await shopperInside(stack.get(), sale);
    const { session } = await toPayment(ann);
    stack.get().stripe.pay(session);
    await until(
      async () => {
        await stack.get().cron();
        return await books(sale);
      },
      (item) => item?.confirmed === 1,
      100_000,
    );
  }, 120_000);

  test("not signed by Stripe, altered, or with another secret: 400, and nothing is stored", async () => {
    const body = JSON.stringify({ id: "evt_1", type: "x", data: { object: {} } });
    for (const signature of ["", "t=1,v1=00", `t=${Math.floor(Date.now() / 1000)},v1=${"0".repeat(64)}`]) {
      const answer = await ask(stack.get(), "/webhooks/stripe", {
        body,
        headers: { "stripe-signature": signature },
      });
      expect([answer.status, answer.type]).toEqual([400, "bad_signature"]);
    }
  });

  test("while Postgres is away they are not taken, and come again", async () => {
    const sale = await priced(3);
    const ann = await shopperInside(stack.get(), sale);
    const { id, session } = await toPayment(ann);
    stack.get().neon.faults.add({ kind: "error" });
    stack.get().stripe.pay(session);
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    stack.get().neon.faults.clear();
    await orderState(ann, id);
  });
});

describe("refunds", () => {
  async function bought(sale: string) {
    const ann = await shopperInside(stack.get(), sale);
    const { id, session } = await toPayment(ann);
    stack.get().stripe.pay(session);
    await orderState(ann, id);
    return { ann, id };
  }
  const refund = (sale: string, id: string, body: object) =>
    operator(stack.get(), `/sales/${sale}/orders/${id}/refunds`, { body });
  const done = (ann: Shopper, id: string) =>
    until(
      () => ann.order(id),
      ({ json }) => (json.refund as { state: string } | null)?.state === "done",
    );

  test("of all, with the units: they can be bought again, and the sale is not sold out any more", async () => {
    const sale = await priced(1);
    const before = totals();
    const { ann, id } = await bought(sale);
    await until(
      () => pulse(stack.get(), sale),
      ({ phase }) => phase === "sold_out",
    );
    const refundId = randomUUID();
    const request = { refundId, returnStock: true, reason: "wrong size" };
    expect((await refund(sale, id, request)).status).toBe(202);
    expect((await refund(sale, id, request)).status).toBe(202);
    expect((await done(ann, id)).json).toMatchObject({ state: "refunded", refund: { amount: 2500 } });
    expect(totals().refunded - before.refunded).toBe(2500);
    const client = new pg.Client({ connectionString: stack.get().database.connectionString });
    await client.connect();
    const log = "select detail from audit_log where action = 'refund' and sale_id = $1";
    const { rows } = await client.query(log, [sale]);
    await client.end();
    const detail = { order: id, refund: refundId, amount: 2500, returnStock: true, reason: "wrong size" };
    expect(rows).toEqual([{ detail }]);
    await until(
      () => pulse(stack.get(), sale),
      ({ phase }) => phase === "open",
    );
    const ben = await bought(sale);
    expect((await ben.ann.order(ben.id)).json.state).toBe("confirmed");
    await until(
      () => live(stack.get(), sale),
      ({ stored, outbox }) => outbox.entries === 0 && stored?.ledgerDifference === 0,
    );
  });

  test("of a part, twice; never more than was paid; without the units unless asked to", async () => {
    const sale = await priced(1);
    const { ann, id } = await bought(sale);
    expect((await refund(sale, id, { refundId: randomUUID(), amount: 1000 })).status).toBe(202);
    await done(ann, id);
    const second = randomUUID();
    expect((await refund(sale, id, { refundId: second, amount: 1500 })).status).toBe(202);
    expect((await refund(sale, id, { refundId: second, amount: 1 })).type).toBe("conflicting_replay");
    expect((await refund(sale, id, { refundId: randomUUID(), amount: 1 })).type).toBe("refund_above_rest");
    const all = await until(
      () => ann.order(id),
      ({ json }) => JSON.stringify(json.refund) === '{"amount":2500,"state":"done"}',
    );
    expect(all.json.state).toBe("refunded");
    expect(await books(sale)).toMatchObject({ available: 0, confirmed: 1 });
  });

  test("when Stripe fails after doing it, or its answer is lost: given back once", async () => {
    const sale = await priced(2);
    for (const [i, fault] of (["fail_after", "lose_answer"] as const).entries()) {
      const before = totals();
      const { ann, id } = await bought(sale);
      if (fault === "fail_after")
        stack.get().stripe.switches.add({ kind: fault, match: "POST /v1/refunds", times: 1 });
      else stack.get().stripe.faults.add({ kind: fault, match: "POST /v1/refunds", times: 1 });
      expect((await refund(sale, id, { refundId: randomUUID() })).status).toBe(202);
      await until(
        async () => {
          await stack.get().cron();
          return await ann.order(id);
        },
        ({ json }) => (json.refund as { state: string } | null)?.state === "done",
        60_000,
      );
      expect([i, totals().refunded - before.refunded]).toEqual([i, 2500]);
    }
  }, 150_000);

  test("of what is no order, or not paid: refused", async () => {
    const sale = await createSale(stack.get());
    const ann = await shopperInside(stack.get(), sale);
    const id = randomUUID();
    await ann.reserve(id);
    await ann.checkout(id);
    expect((await refund(sale, id, { refundId: randomUUID() })).type).toBe("not_found");
    expect((await refund(sale, randomUUID(), { refundId: randomUUID() })).type).toBe("not_found");
    const wrong = await refund(sale, id, { refundId: "x", amount: -1 });
    expect(wrong.status).toBe(422);
  });
});

test("paid twice, in two sessions: the second payment is given up, and the order stands", async () => {
  const sale = await priced(3);
  const before = totals();
  const ann = await shopperInside(stack.get(), sale);
  const { id, session } = await toPayment(ann);
  stack.get().stripe.pay(session);
  await orderState(ann, id);
  const { hostname, port } = new URL(stack.get().stripe.url);
  const stripe = new Stripe(stack.get().stripe.secretKey, {
    host: hostname,
    port: Number(port),
    protocol: "http",
  });
  const metadata = { sale, reservation: id };
  const price_data = { currency: "eur", unit_amount: 2500, product_data: { name: "Shoe" } };
  const second = await stripe.checkout.sessions.create({
    mode: "payment",
    payment_intent_data: { capture_method: "manual", metadata },
    metadata,
    line_items: [{ quantity: 1, price_data }],
    success_url: "http://127.0.0.1/",
  });
  stack.get().stripe.pay(second.id);
  await until(
    () => Promise.resolve(totals()),
    ({ voided }) => voided - before.voided === 2500,
  );
  expect(totals().captured - before.captured).toBe(2500);
  expect((await ann.order(id)).json).toMatchObject({ state: "confirmed", payment: { state: "captured" } });
});
