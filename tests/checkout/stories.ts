/** What shoppers, banks and operators do: each story walks some steps of a payment, and says how it has to end. */
import { randomUUID } from "node:crypto";
import { expect } from "vitest";
import { askRefund } from "../../functions/checkout/refund.ts";
import { expireHolds } from "../../functions/reservation/expire.ts";
import { releaseReservation } from "../../functions/reservation/reservation.ts";
import { discrepancies } from "./books.ts";
import type { FaultKind } from "./isolates.ts";
import type { Step } from "./requests.ts";
import {
  holdsEnd,
  minute,
  newBuyer,
  PRICE,
  recover,
  type Buyer,
  type Defect,
  type Place,
  type Shop,
} from "./world.ts";

/** How it ends for the shopper of the story. */
export type End =
  "order" | "back" | "voided" | "returned" | "part refunded" | "all refunded" | "given back by refund";

export interface Story {
  /** A clause that ends a title. */
  ends: string;
  end: End;
  /** What happens before any fault. */
  before: (place: Place) => Promise<Buyer>;
  tell: (place: Place, buyer: Buyer) => Promise<void>;
}

const BANK_MS = 30_000;
const loseWebhooks = (place: Place) => place.stripe.switches.add({ kind: "lose" });
/** Of two events about one payment one is enough, and then it is known which isolate does what. */
const oneWebhook = (place: Place) =>
  place.stripe.switches.add({ kind: "lose", match: '"type":"payment_intent.' });

async function holding(place: Place): Promise<Buyer> {
  oneWebhook(place);
  return await newBuyer(place);
}

/** On the payment page, and no webhook will ever come. */
async function unheard(place: Place): Promise<Buyer> {
  loseWebhooks(place);
  const buyer = await newBuyer(place);
  await buyer.toPayment();
  return buyer;
}

async function paidUnheard(place: Place): Promise<Buyer> {
  const buyer = await unheard(place);
  buyer.pay(await buyer.toPayment());
  return buyer;
}

/** The hold ended an hour ago, while the bank was still being asked. */
async function tooLate(place: Place): Promise<Buyer> {
  oneWebhook(place);
  const buyer = await newBuyer(place);
  buyer.pay(await buyer.toPayment(), { card: "slow", afterMs: BANK_MS });
  await holdsEnd(place, 3_600_000);
  expect((await place.record(buyer.id))?.state).toBe("expired");
  return buyer;
}

/** Somebody buys all there is. */
async function boughtOut(place: Place): Promise<void> {
  const { "available:shoe": available = 0 } = await place.stockNow();
  const rival = await newBuyer(place, 1, available);
  rival.pay(await rival.toPayment());
  await place.quiet();
  await rival.comesBack();
  expect((await place.record(rival.id))?.state).toBe("confirmed");
}

async function bankAnswers(place: Place): Promise<void> {
  place.pass(BANK_MS);
  await place.quiet();
}

async function bought(place: Place): Promise<Buyer> {
  const buyer = await holding(place);
  buyer.pay(await buyer.toPayment());
  await place.quiet();
  expect((await place.record(buyer.id))?.state).toBe("confirmed");
  return buyer;
}

/** An operator's client asks until it is answered, with the same id. */
async function refund(place: Place, { id }: Buyer, wish: { amount?: number; returnStock: boolean }) {
  const request = { id: randomUUID(), reason: "a test", ...wish };
  for (let attempt = 0; attempt < 5; attempt++) {
    const outcome = await place.act((services) => askRefund(services, place.sale.id, id, request));
    if (!("value" in outcome)) continue;
    expect(outcome.value).toEqual({ id: request.id, state: "asked" });
    break;
  }
  await place.quiet();
}

export const STORIES = {
  "paid while the hold lasts": {
    ends: "charged once, the order stands",
    end: "order",
    before: holding,
    async tell(place, buyer) {
      buyer.pay(await buyer.toPayment());
      await place.quiet();
    },
  },
  "paid, and only the shopper comes back": {
    ends: "charged once, the order stands",
    end: "order",
    before: paidUnheard,
    async tell(place, buyer) {
      await buyer.comesBack();
      await place.quiet();
    },
  },
  "paid, and only the end of the hold notices": {
    ends: "charged once, the order stands",
    end: "order",
    before: paidUnheard,
    tell: (place) => holdsEnd(place),
  },
  "not paid when the hold ends": {
    ends: "not charged, the unit goes back once",
    end: "back",
    before: unheard,
    tell: (place) => holdsEnd(place),
  },
  "declined when the hold ends": {
    ends: "not charged, the unit goes back once",
    end: "voided",
    async before(place) {
      const buyer = await unheard(place);
      buyer.pay(await buyer.toPayment(), { card: "declined" });
      return buyer;
    },
    tell: (place) => holdsEnd(place),
  },
  "given back from the payment page": {
    ends: "not charged, the unit goes back once",
    end: "back",
    before: unheard,
    async tell(place, { pass, id }) {
      await place.act((services) => releaseReservation(services, pass, id));
      await place.quiet();
    },
  },
  "given back just as it was paid": {
    ends: "charged once, the order stands",
    end: "order",
    before: paidUnheard,
    async tell(place, { pass, id }) {
      await place.act((services) => releaseReservation(services, pass, id));
      await place.quiet();
    },
  },
  "an hour too late, with units left": {
    ends: "the unit is theirs again, charged once",
    end: "order",
    before: tooLate,
    tell: (place) => bankAnswers(place),
  },
  "an hour too late, with none left": {
    ends: "not charged, and told so once",
    end: "voided",
    async before(place) {
      const buyer = await tooLate(place);
      await boughtOut(place);
      return buyer;
    },
    tell: (place) => bankAnswers(place),
  },
  "paid twice, in two sessions": {
    ends: "the second payment is given up, the order stands",
    end: "order",
    before: bought,
    async tell(place, { id }) {
      place.stripe.pay(await place.sessionByHand(id, "manual"));
      await place.quiet();
    },
  },
  "captured by somebody else for units that are gone": {
    ends: "refunded once",
    end: "returned",
    async before(place) {
      const buyer = await holding(place);
      await buyer.toPayment();
      await holdsEnd(place);
      await boughtOut(place);
      return buyer;
    },
    async tell(place, { id }) {
      place.stripe.pay(await place.sessionByHand(id, "automatic"));
      await place.quiet();
    },
  },
  "captured by somebody else, a second time": {
    ends: "refunded once, the order stands",
    end: "order",
    before: bought,
    async tell(place, { id }) {
      place.stripe.pay(await place.sessionByHand(id, "automatic"));
      await place.quiet();
    },
  },
  "a part refunded": {
    ends: "given back once, the order stands",
    end: "part refunded",
    before: bought,
    tell: (place, buyer) => refund(place, buyer, { amount: 1_000, returnStock: false }),
  },
  "all refunded, with the unit": {
    ends: "given back once, the unit returns once",
    end: "given back by refund",
    before: bought,
    tell: (place, buyer) => refund(place, buyer, { returnStock: true }),
  },
  "too late, and only cron notices": {
    ends: "not charged, and told so once",
    end: "voided",
    async before(place) {
      const buyer = await tooLate(place);
      await boughtOut(place);
      loseWebhooks(place);
      await bankAnswers(place);
      return buyer;
    },
    async tell(place) {
      await minute(place);
      await minute(place);
    },
  },
  "given up by half, and only cron notices": {
    ends: "not charged, and told so once",
    end: "voided",
    async before(place) {
      const buyer = await tooLate(place);
      await boughtOut(place);
      place.arm({ step: "void", kind: "crash" });
      await bankAnswers(place);
      place.arm(undefined);
      return buyer;
    },
    async tell(place) {
      await minute(place);
      await minute(place);
    },
  },
  "left authorised, and only cron notices": {
    ends: "charged once, the order stands",
    end: "order",
    async before(place) {
      const buyer = await paidUnheard(place);
      place.arm({ step: "write authorised", kind: "crash" });
      await buyer.comesBack();
      place.arm(undefined);
      return buyer;
    },
    async tell(place) {
      await minute(place);
      await minute(place);
    },
  },
} satisfies Record<string, Story>;

export type StoryName = keyof typeof STORIES;

/** What may go wrong at a step. */
export interface Fault {
  kind: FaultKind;
  times?: number;
  /** While the isolate waits for its answer, an hour passes, and somebody buys what there is then. */
  hour?: boolean;
}

export const FAULTS = {
  "crash after": { kind: "crash" },
  "lost answer of": { kind: "lose_answer" },
  "lost answers of": { kind: "lose_answer", times: 3 },
  "cut before": { kind: "cut", times: 3 },
  "500 instead of": { kind: "error", times: 3 },
  "500 after": { kind: "fail_after" },
  "done twice at once:": { kind: "twice" },
  "timeout, then late:": { kind: "overtaken" },
  "timeout in earnest of": { kind: "slow" },
  "timeout, still under way:": { kind: "under_way" },
  "an hour passes during": { kind: "pause", hour: true },
} satisfies Record<string, Fault>;
export type FaultName = keyof typeof FAULTS;

export interface Case {
  story: StoryName;
  fault: FaultName | undefined;
  step: Step;
  nth?: number | undefined;
}

/** Tells a story with a fault in it, lets production recover, and reads the books. */
export async function outcomeOf(
  shop: Shop,
  { story: name, fault: faultName, step, nth }: Case,
  defect?: Defect,
) {
  const story: Story = STORIES[name];
  const fault: Fault | undefined = faultName === undefined ? undefined : FAULTS[faultName];
  return await shop.at({ defect }, async (place) => {
    const buyer = await story.before(place);
    await place.quiet();
    const meanwhile = async () => {
      await place.endHolds(3_600_000);
      await place.act((services) => expireHolds(services, place.sale.id));
      const { "available:shoe": available = 0 } = await place.stockNow();
      const rival = await newBuyer(place, 1, available);
      rival.pay(await rival.toPayment());
    };
    if (fault !== undefined)
      place.arm({
        step,
        kind: fault.kind,
        ...(nth === undefined ? {} : { nth }),
        ...(fault.times === undefined ? {} : { times: fault.times }),
        ...(fault.hour === true ? { meanwhile } : {}),
      });
    await story.tell(place, buyer);
    await place.quiet();
    if (fault !== undefined && !place.hasFired()) place.violations.push("the fault never struck");
    await recover(place);
    const wrong = await discrepancies(place);
    const due = fault?.hour === true && !buyer.paidInTime ? "back" : story.end;
    return { wrong, end: wrong.length > 0 ? undefined : await endOf(place, buyer), due };
  });
}

export async function play(shop: Shop, one: Case): Promise<void> {
  const { wrong, end, due } = await outcomeOf(shop, one);
  expect(wrong).toEqual([]);
  expect(end).toBe(due);
}

/** How it has ended, and whether the shopper is told the same. */
export async function endOf(place: Place, buyer: Buyer): Promise<End> {
  const record = await place.record(buyer.id);
  const state = record?.state ?? "held";
  const { intents } = place.stripe.state();
  const outcome = await buyer.comesBack();
  if (!("value" in outcome) || "refused" in outcome.value) throw new Error("the shopper is told nothing");
  const { state: told, payment } = outcome.value;
  expect(told).toBe(state);
  const refunds = await place.query(
    "select amount::int as amount from refunds where state = 'done' and intent = $1",
    [record?.intent],
  );
  const refunded = refunds.reduce((sum, { amount }) => sum + Number(amount), 0);
  switch (state) {
    case "confirmed":
      expect(payment).toBe("captured");
      return refunded === 0 ? "order" : refunded === PRICE ? "all refunded" : "part refunded";
    case "refunded":
      expect([payment, refunded]).toEqual(["captured", PRICE]);
      return "given back by refund";
    case "expired":
    case "released": {
      const theirs = intents.filter(
        ({ metadata, latest_charge: charge }) => metadata["reservation"] === buyer.id && charge,
      );
      const [last] = theirs;
      const end = last === undefined ? "back" : last.status === "succeeded" ? "returned" : "voided";
      expect(payment).toBe(end === "back" ? "none" : end);
      return end;
    }
    case "held":
      throw new Error("still held");
  }
}
