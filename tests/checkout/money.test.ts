/** Refunds and payments beyond the table: what Stripe refuses, keeps waiting or forgets, and what Postgres refuses. */
import { randomUUID } from "node:crypto";
import { expect, test } from "vitest";
import { isRefusal } from "../../domain/refusal.ts";
import { HOLD_SECONDS_MAX } from "../../domain/sale.ts";
import { askRefund, issueRefunds, type RefundRequest } from "../../functions/checkout/refund.ts";
import { checkout } from "../../functions/checkout/checkout.ts";
import { settleAuthorised } from "../../functions/checkout/payment.ts";
import { paymentsOf, type StripeRefund } from "../../functions/checkout/stripe.ts";
import { saleKeys } from "../../functions/redis/keys.ts";
import { reserve } from "../../functions/reservation/reservation.ts";
import { everyMinute } from "../../functions/cron.ts";
import { discrepancies } from "./books.ts";
import { endOf, STORIES } from "./stories.ts";
import { must } from "../sync/harness.ts";
import {
  BEHIND_MS,
  clientOf,
  minute,
  newBuyer,
  ORIGIN,
  PRICE,
  recover,
  useShop,
  type Buyer,
  type Place,
} from "./world.ts";

const shop = await useShop();
const bought = STORIES["a part refunded"].before;

async function ask(place: Place, { id }: Buyer, wish: Partial<RefundRequest>) {
  const request = { id: randomUUID(), returnStock: false, reason: "a test", ...wish };
  const outcome = await place.done((services) => askRefund(services, place.sale.id, id, request));
  await place.quiet();
  return isRefusal(outcome) ? outcome.refused : outcome.state;
}
const refunds = (place: Place) =>
  place.query("select amount::int, state, failure, attempts from refunds order by asked_at");

test("a payment page that was closed with nothing paid is no way to pay: the time is over", async () => {
  await shop.at({}, async (place) => {
    const buyer = await newBuyer(place);
    const session = (await buyer.toPayment()) ?? "";
    // As when the hold is being ended at this moment.
    await place.done((services) => paymentsOf(services).closeSession(session));
    const answer = await place.done((services) =>
      checkout(services, buyer.pass, buyer.id, "https://shop.example"),
    );
    expect(answer).toMatchObject({ refused: "reservation_expired" });
  });
});

test("the longest hold, made longer: there is a payment page at the end of it too", async () => {
  await shop.at({}, async (place) => {
    const buyer = await newBuyer(place);
    place.pass((1.5 * HOLD_SECONDS_MAX - 10) * 1000 + BEHIND_MS);
    expect(await buyer.toPayment()).toMatch(/^cs_/);
  });
});

test("an id that is held again after Redis has lost the first hold: a payment page of its own, and each pays for theirs", async () => {
  await shop.at({}, async (place) => {
    const keys = Object.values(saleKeys(place.sale.id));
    const copy = async (from: string, to: string) => {
      for (const key of keys) {
        await place.redis.command("DEL", key + to);
        await place.redis.command("COPY", key + from, key + to);
      }
    };
    const [, other] = place.shoppers;
    if (other === undefined) throw new Error("there are two");
    await copy("", ":before");
    const buyer = await newBuyer(place);
    const first = await buyer.toPayment();
    await place.quiet();
    await copy(":before", "");
    const again = { reservationId: buyer.id, lines: [{ sku: "shoe", quantity: 1 }] };
    must(await place.done((services) => reserve(services, other, again)));
    const answer = must(await place.done((services) => checkout(services, other, buyer.id, ORIGIN)));
    const second = "url" in answer ? /cs_test_\w+/.exec(answer.url)?.[0] : undefined;
    expect(second).toMatch(/^cs_test_/);
    expect(second).not.toBe(first);
    buyer.pay(first);
    await place.quiet();
    expect(await place.record(buyer.id)).toMatchObject({ state: "held", shopper: other.shopper });
    expect(place.stripe.state().intents.map(({ status }) => status)).toEqual(["canceled"]);
    buyer.pay(second);
    await place.quiet();
    expect(await place.record(buyer.id)).toMatchObject({ state: "confirmed", shopper: other.shopper });
    for (const key of keys) await place.redis.command("DEL", `${key}:before`);
  });
});

test("a refund above what is left is refused; so are units for a part of the money", async () => {
  await shop.at({}, async (place) => {
    const buyer = await bought(place);
    expect(await ask(place, buyer, { amount: PRICE + 1 })).toBe("refund_above_rest");
    expect(await ask(place, buyer, { amount: 1_000 })).toBe("asked");
    expect(await ask(place, buyer, { amount: 1_501 })).toBe("refund_above_rest");
    expect(await ask(place, buyer, { amount: 1_000, returnStock: true })).toBe("refund_above_rest");
    expect(await ask(place, buyer, {})).toBe("asked");
    expect(await ask(place, buyer, {})).toBe("refund_above_rest");
    expect((await refunds(place)).map(({ amount, state }) => [amount, state])).toEqual([
      [1_000, "done"],
      [1_500, "done"],
    ]);
    await recover(place);
    expect(await discrepancies(place)).toEqual([]);
    expect(await endOf(place, buyer)).toBe("all refunded");
  });
});

test("the same id for another amount, or another order: refused as a conflict", async () => {
  await shop.at({ stock: 3 }, async (place) => {
    const buyer = await bought(place);
    place.stripe.switches.clear();
    const other = await newBuyer(place, 1);
    other.pay(await other.toPayment());
    await place.quiet();
    const id = randomUUID();
    expect(await ask(place, buyer, { id, amount: 1_000 })).toBe("asked");
    expect(await ask(place, buyer, { id, amount: 1_000 })).toBe("asked");
    expect(await ask(place, buyer, { id })).toBe("asked");
    expect(await ask(place, buyer, { id, amount: 999 })).toBe("conflicting_replay");
    expect(await ask(place, other, { id, amount: 1_000 })).toBe("conflicting_replay");
    expect(place.stripe.state().refunds).toHaveLength(1);
  });
});

test("somebody refunded all at Stripe itself: ours fails there for good, and is not asked for again", async () => {
  await shop.at({}, async (place) => {
    const buyer = await bought(place);
    const { intent = "" } = (await place.record(buyer.id)) ?? {};
    await clientOf(place.stripe).refunds.create({ payment_intent: intent });
    expect(await ask(place, buyer, { amount: 1_000 })).toBe("asked");
    await minute(place);
    await minute(place);
    expect(await refunds(place)).toEqual([
      { amount: 1_000, state: "failed", failure: "refused", attempts: 1 },
    ]);
    expect(place.stripe.state().refunds).toHaveLength(1);
  });
});

/** Stripe answers as it does for cards that take their time. */
const answering = (state: StripeRefund["state"], times: number) => ({
  services: ((services) => {
    const payments = services.payments;
    if (payments === undefined) return services;
    const refund: typeof payments.refund = async (...args) => {
      const answer = await payments.refund(...args);
      return answer !== undefined && times-- > 0 ? { ...answer, state } : answer;
    };
    return { ...services, payments: { ...payments, refund } };
  }) satisfies NonNullable<NonNullable<Parameters<typeof shop.at>[0]["defect"]>["services"]>,
});

test("a refund that is pending at Stripe is looked at until it is done, and its units return only then", async () => {
  await shop.at({ defect: answering("pending", 2) }, async (place) => {
    const buyer = await bought(place);
    expect(await ask(place, buyer, { returnStock: true })).toBe("asked");
    expect(await place.stockNow()).toMatchObject({ "confirmed:shoe": 1 });
    expect(await refunds(place)).toMatchObject([{ state: "asked", attempts: 1 }]);
    await minute(place);
    expect(await refunds(place)).toMatchObject([{ state: "asked", attempts: 2 }]);
    await minute(place);
    await recover(place);
    expect(await discrepancies(place)).toEqual([]);
    expect(await endOf(place, buyer)).toBe("given back by refund");
    expect(place.stripe.state().refunds).toHaveLength(1);
  });
});

test("a refund that fails at Stripe is failed here, its units stay sold, and the order can be refunded again", async () => {
  await shop.at({ defect: answering("failed", 1) }, async (place) => {
    const buyer = await bought(place);
    expect(await ask(place, buyer, { amount: 1_000 })).toBe("asked");
    expect(await refunds(place)).toMatchObject([{ state: "failed", failure: "failed" }]);
    expect(await place.stockNow()).toMatchObject({ "confirmed:shoe": 1 });
    expect(await ask(place, buyer, { amount: 1_500 })).toBe("asked");
    expect(await refunds(place)).toMatchObject([{ state: "failed" }, { state: "done" }]);
  });
});

test("crash after a refund, and Stripe has forgotten the key a day later: given back once", async () => {
  await shop.at({}, async (place) => {
    const buyer = await bought(place);
    place.arm({ step: "refund", kind: "crash" });
    await ask(place, buyer, { amount: 1_000 });
    expect(place.hasFired()).toBe(true);
    place.pass(25 * 3_600_000);
    await recover(place);
    expect(await discrepancies(place)).toEqual([]);
    expect(place.stripe.state().refunds).toHaveLength(1);
  });
});

test("Redis lost the sale when a refund's units were to return: they return once it is back", async () => {
  await shop.at({}, async (place) => {
    const buyer = await bought(place);
    const { sale, reservations } = saleKeys(place.sale.id);
    const aside = (key: string) => `${key}:aside`;
    for (const key of [sale, reservations]) await place.redis.command("RENAME", key, aside(key));
    await ask(place, buyer, { returnStock: true });
    await place.act(issueRefunds);
    for (const key of [sale, reservations]) await place.redis.command("RENAME", aside(key), key);
    await recover(place);
    expect(await discrepancies(place)).toEqual([]);
    expect(await endOf(place, buyer)).toBe("given back by refund");
  });
});

test("Postgres refuses a second captured payment of a reservation (payments_captured_once)", async () => {
  await shop.at({}, async (place) => {
    const { id } = await bought(place);
    const second = place.query(
      `insert into payments (intent, sale_id, reservation_id, amount, currency, state)
       values ('pi_second', $1, $2, 2500, 'EUR', 'captured')`,
      [place.sale.id, id],
    );
    await expect(second).rejects.toMatchObject({ constraint: "payments_captured_once" });
    const authorised = await place.query(
      `insert into payments (intent, sale_id, reservation_id, amount, currency, state)
       values ('pi_second', $1, $2, 2500, 'EUR', 'authorised') returning intent`,
      [place.sale.id, id],
    );
    expect(authorised).toHaveLength(1);
    await expect(
      place.query("update payments set state = 'captured' where intent = 'pi_second'"),
    ).rejects.toMatchObject({ constraint: "payments_captured_once" });
    await place.query("delete from payments where intent = 'pi_second'");
  });
});

test("left between authorisation and capture: cron takes the money a minute later, past one it cannot settle", async () => {
  await shop.at({}, async (place) => {
    const buyer = await STORIES["paid, and only the shopper comes back"].before(place);
    place.arm({ step: "write authorised", kind: "crash" });
    await buyer.comesBack();
    expect(place.hasFired()).toBe(true);
    // Older, and of a sale that Redis does not know at the moment.
    const metadata = { sale: `lost-${randomUUID()}`, reservation: randomUUID() };
    const stripe = clientOf(place.stripe);
    const session = await stripe.checkout.sessions.create({
      mode: "payment",
      payment_intent_data: { capture_method: "manual", metadata },
      metadata,
      line_items: [
        { quantity: 1, price_data: { currency: "eur", unit_amount: PRICE, product_data: { name: "Shoe" } } },
      ],
      success_url: "http://shop.test",
    });
    place.stripe.pay(session.id);
    const stuck = (await stripe.checkout.sessions.retrieve(session.id)).payment_intent;
    await place.query(
      `insert into payments (intent, sale_id, reservation_id, amount, currency, state, changed_at)
       values ($1, $2, $3, 2500, 'EUR', 'authorised', now() - interval '1 hour')`,
      [stuck, place.sale.id, metadata.reservation],
    );
    await place.query("update payments set changed_at = now() - interval '2 minutes' where intent <> $1", [
      stuck,
    ]);
    await place.act((services) => settleAuthorised(services, Infinity));
    await place.quiet();
    const states = await place.query("select state from payments where reservation_id = $1", [buyer.id]);
    expect(states).toEqual([{ state: "captured" }]);
  });
});

test("an authorisation younger than a minute is left to who is at it", async () => {
  await shop.at({}, async (place) => {
    const buyer = await STORIES["paid, and only the shopper comes back"].before(place);
    place.arm({ step: "write authorised", kind: "crash" });
    await buyer.comesBack();
    await place.act((services) => settleAuthorised(services, Infinity));
    expect(place.log).not.toContain("capture");
    await place.query("update payments set changed_at = now() - interval '61 seconds'");
    await place.act((services) => settleAuthorised(services, Infinity));
    await place.quiet();
    expect(place.log.filter((step) => step === "capture")).toHaveLength(1);
    await place.act(everyMinute);
    await recover(place);
    expect(await discrepancies(place)).toEqual([]);
  });
});
