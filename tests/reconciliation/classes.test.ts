/** Each class of discrepancy, planted: named with evidence, repaired once, and then nothing is found. */
import { randomUUID } from "node:crypto";
import { expect, test } from "vitest";
import { confirm } from "../../functions/checkout/payment.ts";
import { askRefund } from "../../functions/checkout/refund.ts";
import { paymentsOf } from "../../functions/checkout/stripe.ts";
import { must } from "../sync/harness.ts";
import { clientOf, newBuyer, PRICE, useShop, type Place } from "../checkout/world.ts";
import { admitOne, expectRepaired, keysOf, order, reconcile, tamper } from "./world.ts";

const shop = await useShop();
const { query } = shop;

const count = (place: Place, table: string) =>
  place.query(`select count(*)::int from ${table}`).then(([row]) => row?.["count"]);
/** An order whose payment is authorised, and that nobody goes on with. @returns its payment */
async function uncaptured(place: Place, id: string, session: string | undefined): Promise<string> {
  place.stripe.switches.add({ kind: "lose" });
  place.stripe.pay(must(session));
  place.stripe.switches.clear();
  const intent = must(place.stripe.state().intents.find((one) => one.metadata["reservation"] === id)).id;
  await place.done(async (services) => {
    const read = await paymentsOf(services).readIntent(intent);
    expect(await confirm(services, place.sale.id, id, { intent: read })).toMatchObject(["confirmed", {}]);
  });
  await query(
    `insert into payments (intent, sale_id, reservation_id, amount, currency, state)
     values ($1, $2, $3, $4, 'EUR', 'authorised')`,
    [intent, place.sale.id, id, PRICE],
  );
  return intent;
}

const subjectsOf = (place: Place, text: string) =>
  place.mailbox.filter(({ subject }) => subject.startsWith(text)).length;

test("a sale in order has nothing to find", async () => {
  await shop.at({ stock: 3 }, async (place) => {
    await order(place);
    await newBuyer(place, 1);
    expect(await reconcile(place, false)).toEqual([]);
    expect(await reconcile(place, true)).toEqual([]);
  });
});

test("order_missing: confirmed in Redis, and the outbox lost it", async () => {
  await shop.at({}, async (place) => {
    const { id } = await order(place);
    const lost = [place.sale.id, id];
    await query("delete from order_lines where sale_id = $1 and order_id = $2", lost);
    await query("delete from orders where sale_id = $1 and id = $2", lost);
    await query("update reservations set state = 'held' where sale_id = $1 and id = $2", lost);
    await query("update items set held = 1, confirmed = 0 where sale_id = $1", [place.sale.id]);
    await query("delete from stock_ledger where sale_id = $1 and to_account = 'confirmed'", [place.sale.id]);
    await expectRepaired(place, ["order_missing"], { evidence: { redis: "confirmed", postgres: "held" } });
    expect(await query("select id from orders where sale_id = $1", [place.sale.id])).toEqual([{ id }]);
  });
});

test("reservation_missing: held in Redis, and Postgres never heard of it", async () => {
  await shop.at({}, async (place) => {
    const { id } = await newBuyer(place);
    await place.quiet();
    await query("delete from reservations where sale_id = $1 and id = $2", [place.sale.id, id]);
    await query("update items set held = 0 where sale_id = $1", [place.sale.id]);
    await query("delete from stock_ledger where sale_id = $1 and to_account = 'held'", [place.sale.id]);
    await expectRepaired(place, ["reservation_missing"], {
      evidence: { redis: "held", postgres: null },
      holdsEnd: true,
    });
  });
});

test("order_not_in_redis: Redis lost the order, or that it is one", async () => {
  await shop.at({ stock: 3, shoppers: 3 }, async (place) => {
    const [gone, back] = [await order(place, 0), await order(place, 1)];
    const keys = keysOf(place);
    // As after a failover: as if the one had never been, and the other only held.
    await place.redis.command("HDEL", keys.reservations, gone.id);
    await place.redis.command("HINCRBY", keys.stock, "confirmed:shoe", -2);
    await place.redis.command("HINCRBY", keys.stock, "available:shoe", 1);
    await place.redis.command("HINCRBY", keys.stock, "available", 1);
    await place.redis.command("HINCRBY", keys.stock, "held:shoe", 1);
    await place.redis.command("HINCRBY", keys.stock, "unsold", 2);
    await place.redis.command("HINCRBY", keys.shoppers, `${gone.pass.shopper}/shoe`, -1);
    await tamper(place, back.id, { state: "held" });
    await place.redis.command("ZADD", keys.holds, Date.now() + 600_000, back.id);
    await expectRepaired(place, ["order_not_in_redis", "order_not_in_redis"], {
      evidence: { postgres: "confirmed" },
    });
    expect(await place.record(gone.id)).toMatchObject({ state: "confirmed", intent: gone.intent });
  });
});

test("reservation_not_in_redis: a hold that Redis lost comes back, or is over where its units are gone", async () => {
  await shop.at({ stock: 2, shoppers: 2 }, async (place) => {
    const keys = keysOf(place);
    const lose = async (id: string) => {
      await place.quiet();
      await place.redis.command("HDEL", keys.reservations, id);
      await place.redis.command("ZREM", keys.holds, id);
      await place.redis.command("HINCRBY", keys.stock, "held:shoe", -1);
      await place.redis.command("HINCRBY", keys.stock, "available:shoe", 1);
      await place.redis.command("HINCRBY", keys.stock, "available", 1);
    };
    const [kept, over] = [await newBuyer(place, 0), await newBuyer(place, 1)];
    await lose(kept.id);
    await lose(over.id);
    // Somebody takes a unit meanwhile; Postgres cannot know of it before one of the holds is over.
    const taker = await newBuyer(place, await admitOne(place));
    await place.quiet();
    // One of the two has to end before Postgres can take the third.
    await reconcile(place, true);
    await reconcile(place, true);
    expect(await reconcile(place, true)).toEqual([]);
    const states = await Promise.all([kept.id, over.id].map(async (id) => (await place.record(id))?.state));
    expect(states.sort()).toEqual(["expired", "held"]);
    expect((await place.record(taker.id))?.state).toBe("held");
    expect(await place.stockNow()).toMatchObject({ "available:shoe": 0, "held:shoe": 2 });
    expect(await query("select held::int from items where sale_id = $1", [place.sale.id])).toEqual([
      { held: 2 },
    ]);
  });
});

test("hold_overdue: a hold past its end that nobody's list has any more", async () => {
  await shop.at({}, async (place) => {
    const { id } = await newBuyer(place);
    await place.redis.command("ZREM", keysOf(place).holds, id);
    await tamper(place, id, { expiresAtMs: Date.now() - 3_600_000 });
    await expectRepaired(place, ["hold_overdue"], { evidence: { lines: [{ sku: "shoe", quantity: 1 }] } });
    expect(await place.stockNow()).toMatchObject({ "available:shoe": 2, "held:shoe": 0 });
  });
});

test("webhook_missing: paid, and nobody told us: it is an order", async () => {
  await shop.at({}, async (place) => {
    const buyer = await newBuyer(place);
    place.stripe.switches.add({ kind: "lose" });
    buyer.pay(await buyer.toPayment());
    place.stripe.switches.clear();
    await expectRepaired(place, ["webhook_missing"], {
      evidence: { reservation: buyer.id, stripe: { state: "authorised", amount: PRICE }, postgres: null },
    });
    expect(await place.record(buyer.id)).toMatchObject({ state: "confirmed" });
    expect(await place.query("select state from payments")).toEqual([{ state: "captured" }]);
  });
});

test("paid_without_reservation: paid for a hold that is over and whose units are gone: not charged, and told", async () => {
  await shop.at({ stock: 1, shoppers: 1 }, async (place) => {
    const late = await newBuyer(place);
    const session = await place.sessionByHand(late.id, "manual");
    await place.endHolds();
    await reconcile(place, true);
    await order(place, await admitOne(place));
    place.stripe.switches.add({ kind: "lose" });
    late.pay(session);
    place.stripe.switches.clear();
    await expectRepaired(place, ["paid_without_reservation"], {
      evidence: { reservation: late.id, state: "expired", stripe: { state: "authorised" } },
    });
    expect(subjectsOf(place, "Not charged")).toBe(1);
  });
});

test("paid_without_reservation: charged for nothing: given back, once", async () => {
  await shop.at({ stock: 1, shoppers: 1 }, async (place) => {
    const late = await newBuyer(place);
    const session = await place.sessionByHand(late.id, "automatic");
    await place.endHolds();
    await reconcile(place, true);
    await order(place, await admitOne(place));
    place.stripe.switches.add({ kind: "lose" });
    late.pay(session);
    place.stripe.switches.clear();
    await expectRepaired(place, ["paid_without_reservation"], {
      evidence: { stripe: { state: "captured" } },
    });
    expect(place.stripe.state().refunds).toMatchObject([{ amount: PRICE }]);
  });
});

test("captured_twice: a second charge for the same order is given back, once, and the order stays", async () => {
  await shop.at({}, async (place) => {
    const buyer = await order(place);
    place.stripe.switches.add({ kind: "lose" });
    place.stripe.pay(await place.sessionByHand(buyer.id, "automatic"));
    place.stripe.switches.clear();
    await expectRepaired(place, ["captured_twice"], {
      evidence: { reservation: buyer.id, state: "confirmed" },
    });
    expect(place.stripe.state().refunds).toHaveLength(1);
    expect(await place.record(buyer.id)).toMatchObject({ state: "confirmed", intent: buyer.intent });
  });
});

test("authorisation_left: confirmed, and never captured: it is", async () => {
  await shop.at({}, async (place) => {
    const buyer = await newBuyer(place);
    await uncaptured(place, buyer.id, await buyer.toPayment());
    await expectRepaired(place, ["authorisation_left"], {
      evidence: { reservation: buyer.id, state: "confirmed", postgres: "authorised" },
    });
  });
});

test("amount_differs: who was charged more than the order's total gets the difference back", async () => {
  await shop.at({}, async (place) => {
    const buyer = await order(place);
    for (const [table, id] of [
      ["reservations", "id"],
      ["orders", "id"],
    ] as const)
      await query(`update ${table} set total = 2000 where sale_id = $1 and ${id} = $2`, [
        place.sale.id,
        buyer.id,
      ]);
    await tamper(place, buyer.id, { total: 2000 });
    const dry = await reconcile(place, false);
    expect(dry).toMatchObject([
      { kind: "amount_differs", evidence: { stripe: { amount: PRICE }, order: { total: 2000 } } },
    ]);
    expect(await reconcile(place, true)).toMatchObject([{ kind: "amount_differs", outcome: "applied" }]);
    expect(await reconcile(place, true)).toEqual([]);
    expect(place.stripe.state().refunds).toMatchObject([{ amount: 500 }]);
    expect(await count(place, "refunds")).toBe(1);
  });
});

test("amount_differs: who paid in another currency gets all of it, and the units go back", async () => {
  await shop.at({}, async (place) => {
    const buyer = await newBuyer(place);
    const stripe = clientOf(place.stripe);
    const metadata = { sale: place.sale.id, reservation: buyer.id };
    const session = await stripe.checkout.sessions.create({
      mode: "payment",
      payment_intent_data: { capture_method: "manual", metadata },
      metadata,
      line_items: [
        { quantity: 1, price_data: { currency: "usd", unit_amount: PRICE, product_data: { name: "Shoe" } } },
      ],
      success_url: "http://shop.test",
    });
    place.stripe.pay(session.id);
    await place.quiet();
    expect(await reconcile(place, false)).toMatchObject([
      { kind: "amount_differs", evidence: { stripe: { currency: "USD" }, order: { currency: "EUR" } } },
    ]);
    expect(await reconcile(place, true)).toMatchObject([{ kind: "amount_differs", outcome: "applied" }]);
    expect(await reconcile(place, true)).toEqual([]);
    expect(place.stripe.state().refunds).toMatchObject([{ amount: PRICE }]);
    expect(await place.record(buyer.id)).toMatchObject({ state: "refunded" });
    expect(await place.stockNow()).toMatchObject({ "available:shoe": 2, "confirmed:shoe": 0 });
    expect(subjectsOf(place, "Cancelled")).toBe(1);
  });
});

test("order_unpaid: an order whose payment is gone is taken back", async () => {
  await shop.at({}, async (place) => {
    const buyer = await newBuyer(place);
    const intent = await uncaptured(place, buyer.id, await buyer.toPayment());
    // As when the bank lets an authorisation lapse.
    place.stripe.switches.add({ kind: "lose" });
    await clientOf(place.stripe).paymentIntents.cancel(intent);
    place.stripe.switches.clear();
    await query("update payments set state = 'voided'");
    expect(await reconcile(place, false)).toMatchObject([
      { kind: "order_unpaid", evidence: { stripe: "voided" } },
    ]);
    expect(await reconcile(place, true)).toMatchObject([{ kind: "order_unpaid", outcome: "applied" }]);
    expect(await reconcile(place, true)).toEqual([]);
    expect(await place.stockNow()).toMatchObject({ "available:shoe": 2, "confirmed:shoe": 0 });
    expect(place.stripe.state().refunds).toEqual([]);
  });
});

test("refund_not_done: asked for, and never issued; and said to be done, and it is not", async () => {
  await shop.at({ stock: 3 }, async (place) => {
    const [asked, said] = [await order(place, 0), await order(place, 1)];
    for (const [{ intent }, state] of [
      [asked, "asked"],
      [said, "done"],
    ] as const)
      await query(
        `insert into refunds (id, intent, amount, reason, returns_stock, state, due_at)
         values ($1, $2, 1000, 'a test', false, $3, now() + interval '1 hour')`,
        [randomUUID(), intent, state],
      );
    await expectRepaired(place, ["refund_not_done", "refund_not_done"], { evidence: {} });
    expect(place.stripe.state().refunds.map(({ amount }) => amount)).toEqual([1000, 1000]);
  });
});

test("refunded_twice: written down, so that the books say what was given", async () => {
  await shop.at({}, async (place) => {
    const buyer = await order(place);
    const refund = randomUUID();
    await place.done((services) =>
      askRefund(services, place.sale.id, buyer.id, {
        id: refund,
        amount: 1000,
        returnStock: false,
        reason: "",
      }),
    );
    await place.quiet();
    await clientOf(place.stripe).refunds.create({
      payment_intent: buyer.intent,
      amount: 1000,
      metadata: { refund },
    });
    const dry = await reconcile(place, false);
    expect(dry).toMatchObject([{ kind: "refunded_twice", evidence: { refund, amount: 1000 } }]);
    expect(await reconcile(place, true)).toMatchObject([{ kind: "refunded_twice", outcome: "applied" }]);
    expect(await reconcile(place, true)).toEqual([]);
    expect(await count(place, "refunds")).toBe(2);
    expect(place.stripe.state().refunds).toHaveLength(2);
  });
});

test("refund_not_booked: given at Stripe itself", async () => {
  await shop.at({}, async (place) => {
    const buyer = await order(place);
    await clientOf(place.stripe).refunds.create({ payment_intent: buyer.intent, amount: 700 });
    expect(await reconcile(place, false)).toMatchObject([
      { kind: "refund_not_booked", evidence: { amount: 700 } },
    ]);
    expect(await reconcile(place, true)).toMatchObject([{ outcome: "applied" }]);
    expect(await reconcile(place, true)).toEqual([]);
  });
});

test("confirmed_above_stock: the latest order goes back, and its buyer is told", async () => {
  await shop.at({ stock: 2, shoppers: 2 }, async (place) => {
    const keys = keysOf(place);
    const buyers = [await order(place, 0), await order(place, 1)];
    // The stock check was wrong for a moment, and sold a unit that is not there.
    await place.redis.command("HINCRBY", keys.stock, "available:shoe", 1);
    await place.redis.command("HINCRBY", keys.stock, "available", 1);
    await place.redis.command("HINCRBY", keys.stock, "unsold", 1);
    await place.redis.command("HDEL", keys.sale, "soldOut");
    const last = await order(place, await admitOne(place));
    await place.redis.command("HINCRBY", keys.stock, "unsold", -1);
    await place.redis.command("HSET", keys.sale, "soldOut", "1");
    const dry = await reconcile(place, false);
    expect(dry).toContainEqual(
      expect.objectContaining({
        kind: "confirmed_above_stock",
        subject: "shoe",
        evidence: { confirmed: 3, stock: 2, excess: 1, orders: [last.id] },
      }),
    );
    await reconcile(place, true);
    expect(await reconcile(place, true)).toEqual([]);
    expect(await place.stockNow()).toMatchObject({
      ...{ "available:shoe": 0, "held:shoe": 0, "confirmed:shoe": 2, available: 0, unsold: 0 },
    });
    expect(await place.record(last.id)).toMatchObject({ state: "refunded" });
    for (const { id } of buyers) expect(await place.record(id)).toMatchObject({ state: "confirmed" });
    expect(place.stripe.state().refunds).toMatchObject([{ payment_intent: last.intent, amount: PRICE }]);
    expect(subjectsOf(place, "Cancelled")).toBe(1);
    const orders =
      "select id, refunded_at is not null as refunded from orders where sale_id = $1 order by confirmed_at";
    expect((await query(orders, [place.sale.id])).map((row) => row["refunded"])).toEqual([
      false,
      false,
      true,
    ]);
    const refused = "select resolved_at from discrepancies where sale_id = $1 and kind = 'event_refused'";
    for (const { resolved_at: at } of await query(refused, [place.sale.id])) expect(at).not.toBeNull();
  });
});

test("slot_unclaimed: units nobody claimed in time go back into the sale", async () => {
  const claimUntil = new Date(Date.now() - 60_000).toISOString();
  const slots = { count: 2, allocation: "first_come", claimUntil } as const;
  await shop.at({ stock: 5, slots }, async (place) => {
    // The first look at the sale returned them; as if it had not.
    await place.quiet();
    const { stock, outbox } = keysOf(place);
    const lines = [{ sku: "shoe", quantity: 2 }];
    const moved = { state: "moved", from: "available", to: "slots", lines, changedAtMs: 1 };
    await place.redis.command(
      "HSET",
      stock,
      "available:shoe",
      3,
      "slots:shoe",
      2,
      "available",
      3,
      "slots",
      2,
    );
    await place.redis.command("XADD", outbox, "*", "event", JSON.stringify(moved));
    await expectRepaired(place, ["slot_unclaimed"], { evidence: { slots: 2, claimUntil } });
    expect(await place.stockNow()).toMatchObject({ "available:shoe": 5, "slots:shoe": 0, slots: 0 });
  });
});

test("slot_unclaimed: what Postgres alone has set aside past its time is available there too", async () => {
  const claimUntil = new Date(Date.now() - 60_000).toISOString();
  const slots = { count: 2, allocation: "first_come", claimUntil } as const;
  await shop.at({ stock: 5, slots }, async (place) => {
    await place.quiet();
    // As after a movement back that Postgres refused.
    const lines = [{ sku: "shoe", quantity: 2 }];
    const moved = { state: "moved", from: "available", to: "slots", lines, changedAtMs: 1 };
    await place.redis.command("XADD", keysOf(place).outbox, "*", "event", JSON.stringify(moved));
    await expectRepaired(place, ["slot_unclaimed"], { evidence: { sku: "shoe", slots: 2, claimUntil } });
    const [item] = await query("select slots::int, available::int from items where sale_id = $1", [
      place.sale.id,
    ]);
    expect(item).toEqual({ slots: 0, available: 5 });
  });
});

test("counters_differ: Redis' counters are made to say what its records come to", async () => {
  await shop.at({ stock: 5 }, async (place) => {
    await order(place);
    await newBuyer(place, 1);
    const { stock } = keysOf(place);
    await place.redis.command(
      "HSET",
      stock,
      "available:shoe",
      4,
      "held:shoe",
      0,
      "available",
      9,
      "unsold",
      1,
    );
    await expectRepaired(place, ["counters_differ"], {
      evidence: { is: { available: 4, held: 0 }, should: { available: 3, held: 1, confirmed: 1 } },
      holdsEnd: true,
    });
  });
});

test("counters_differ: Postgres' counters and ledger are made to say what its reservations come to", async () => {
  await shop.at({ stock: 5 }, async (place) => {
    await order(place);
    await query("update items set confirmed = 0, held = 2 where sale_id = $1", [place.sale.id]);
    await query("delete from stock_ledger where sale_id = $1 and to_account = 'confirmed'", [place.sale.id]);
    const dry = await reconcile(place, false);
    expect(dry.map(({ subject }) => subject)).toEqual(["postgres shoe confirmed", "postgres shoe held"]);
    expect((await reconcile(place, true)).map(({ outcome }) => outcome)).toEqual(["applied", "applied"]);
    expect(await reconcile(place, true)).toEqual([]);
    expect(
      await query("select held::int, confirmed::int from items where sale_id = $1", [place.sale.id]),
    ).toEqual([{ held: 0, confirmed: 1 }]);
  });
});
