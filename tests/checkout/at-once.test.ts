/** Everybody who may notice a payment notices it at the same moment, in isolates of their own. */
import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { isRefusal } from "../../domain/refusal.ts";
import { checkout } from "../../functions/checkout/checkout.ts";
import { askRefund } from "../../functions/checkout/refund.ts";
import { everyMinute } from "../../functions/cron.ts";
import { expireHolds } from "../../functions/reservation/expire.ts";
import { releaseReservation } from "../../functions/reservation/reservation.ts";
import { discrepancies } from "./books.ts";
import { endOf, STORIES } from "./stories.ts";
import { newBuyer, ORIGIN, recover, useShop, type Place } from "./world.ts";

const shop = await useShop();
const rounds = (count: number) => Array.from({ length: count }, (_, round) => round);
const ROUNDS = 20;
/** From at once to surely afterwards. */
const momentOf = (round: number) => (round === ROUNDS - 1 ? 1_000 : round * 2);

const expire = (place: Place) => place.act((services) => expireHolds(services, place.sale.id));

async function inOrder(place: Place) {
  await place.quiet();
  await recover(place);
  expect(await discrepancies(place)).toEqual([]);
}

test("webhooks, the shopper in two tabs, the end of the hold and two crons: one order, one charge, one receipt", async () => {
  for (const round of rounds(ROUNDS))
    await shop.at({}, async (place) => {
      const buyer = await newBuyer(place);
      const session = await buyer.toPayment();
      await place.quiet();
      buyer.pay(session);
      if (round % 2 === 0) await place.endHolds();
      await Promise.all([
        buyer.comesBack(),
        place.act((services) => checkout(services, buyer.pass, buyer.id, ORIGIN)),
        expire(place),
        place.act(everyMinute),
        place.act(everyMinute),
      ]);
      await inOrder(place);
      expect(await endOf(place, buyer)).toBe("order");
      expect(place.stripe.state().totals["eur"]).toMatchObject({ captured: 2500, voided: 0 });
    });
}, 60_000);

test("the same for a payment that came too late: given up once, and told once", async () => {
  for (let round = 0; round < ROUNDS / 2; round++)
    await shop.at({}, async (place) => {
      const story = STORIES["an hour too late, with none left"];
      const buyer = await story.before(place);
      place.stripe.switches.clear();
      place.pass(30_000);
      await Promise.all([
        place.stripe.settled(),
        buyer.comesBack(),
        place.act(everyMinute),
        place.act(everyMinute),
        expire(place),
      ]);
      await inOrder(place);
      expect(await endOf(place, buyer)).toBe("voided");
    });
}, 60_000);

test("given back and paid at once: whoever has paid has the unit, else it is back", async () => {
  const ends = new Set<string>();
  for (const round of rounds(ROUNDS))
    await shop.at({}, async (place) => {
      const buyer = await newBuyer(place);
      const session = await buyer.toPayment();
      await Promise.all([
        place.act((services) => releaseReservation(services, buyer.pass, buyer.id)),
        sleep(momentOf(round)).then(() => buyer.pay(session)),
      ]);
      await inOrder(place);
      const end = await endOf(place, buyer);
      expect(end).toBe(buyer.paidInTime ? "order" : "back");
      ends.add(end);
    });
  expect(ends, "both came first at times").toEqual(new Set(["order", "back"]));
}, 60_000);

test("the hold ends and it is paid at once: whoever has paid has the unit, else it is back", async () => {
  const ends = new Set<string>();
  for (const round of rounds(ROUNDS))
    await shop.at({}, async (place) => {
      const buyer = await newBuyer(place);
      const session = await buyer.toPayment();
      await place.endHolds();
      await Promise.all([
        expire(place),
        expire(place),
        sleep(momentOf(round)).then(() => buyer.pay(session)),
      ]);
      await inOrder(place);
      const end = await endOf(place, buyer);
      expect(end).toBe(buyer.paidInTime ? "order" : "back");
      ends.add(end);
    });
  expect(ends, "both came first at times").toEqual(new Set(["order", "back"]));
}, 60_000);

async function askedAtOnce(place: Place, wishes: { id: string; amount?: number }[]) {
  const buyer = await STORIES["a part refunded"].before(place);
  const outcomes = await Promise.all(
    wishes.map((wish) =>
      place.act((services) =>
        askRefund(services, place.sale.id, buyer.id, { returnStock: false, reason: "a test", ...wish }),
      ),
    ),
  );
  await inOrder(place);
  const given = place.stripe.state().refunds.reduce((sum, { amount }) => sum + amount, 0);
  const words = outcomes.map((outcome) =>
    "value" in outcome ? (isRefusal(outcome.value) ? outcome.value.refused : outcome.value.state) : "failed",
  );
  return { given, words: words.sort() };
}

test("a refund asked for five times at once with the same id: given once, and all are told so", async () => {
  for (let round = 0; round < ROUNDS / 4; round++)
    await shop.at({}, async (place) => {
      const wish = { id: randomUUID(), amount: 1_000 };
      const { given, words } = await askedAtOnce(
        place,
        Array.from({ length: 5 }, () => wish),
      );
      expect({ given, words }).toEqual({ given: 1_000, words: Array.from({ length: 5 }, () => "asked") });
    });
});

test("two refunds at once, together more than was paid: one is asked for, the other refused", async () => {
  for (let round = 0; round < ROUNDS / 2; round++)
    await shop.at({}, async (place) => {
      const wishes = [1_500, 1_500].map((amount) => ({ id: randomUUID(), amount }));
      const { given, words } = await askedAtOnce(place, wishes);
      expect({ given, words }).toEqual({ given: 1_500, words: ["asked", "refund_above_rest"] });
    });
});

test("three refunds of a part at once, together what was paid: all are given", async () => {
  await shop.at({}, async (place) => {
    const wishes = [1_000, 1_000, 500].map((amount) => ({ id: randomUUID(), amount }));
    const { given, words } = await askedAtOnce(place, wishes);
    expect({ given, words }).toEqual({ given: 2_500, words: ["asked", "asked", "asked"] });
  });
});
