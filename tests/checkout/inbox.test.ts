/** What may arrive at the webhook: in any order, more than once, or not at all; and what is not for us, or is hostile. */
import { createHmac, randomBytes, randomUUID } from "node:crypto";
import { describe, expect, test, vi } from "vitest";
import { isRefusal } from "../../domain/refusal.ts";
import { fetchUndelivered, processEvents, receive } from "../../functions/checkout/webhook.ts";
import { everyMinute } from "../../functions/cron.ts";
import { askRefund } from "../../functions/checkout/refund.ts";
import type { SwitchRule } from "../../dev/stripe/switches.ts";
import { discrepancies } from "./books.ts";
import { endOf, STORIES } from "./stories.ts";
import { minute, newBuyer, PRICE, recover, useShop, type Place } from "./world.ts";

const shop = await useShop();

async function booksAreFine(place: Place) {
  await recover(place);
  expect(await discrepancies(place)).toEqual([]);
}

/** As Stripe would send it, signed with the secret of the place. */
async function arrives(place: Place, event: object) {
  const body = JSON.stringify(event);
  const at = Math.floor(Date.now() / 1000);
  const mac = createHmac("sha256", place.stripe.webhookSecret).update(`${at}.${body}`).digest("hex");
  const outcome = await place.act((services) => receive(services, body, `t=${at},v1=${mac}`));
  await place.quiet();
  if (!("value" in outcome)) throw "error" in outcome ? outcome.error : new Error("crashed");
  return isRefusal(outcome.value) ? outcome.value.refused : "stored";
}
const inbox = (place: Place) => place.query("select * from webhook_inbox order by received_at");

describe("events of one payment", () => {
  const WAYS: Record<string, SwitchRule[]> = {
    "each twice": [{ kind: "duplicate" }],
    "each overtaken by the next": [{ kind: "reorder" }],
    "each twice and overtaken": [{ kind: "duplicate" }, { kind: "reorder" }],
    "an hour late": [{ kind: "late", delayMs: 3_600_000 }],
    "lost for good": [{ kind: "lose" }],
    "the session's before the payment's": [
      { kind: "late", match: "amount_capturable_updated", delayMs: 60_000 },
    ],
    "the payment's alone": [{ kind: "lose", match: "checkout.session.completed" }],
    "the capture's before the authorisation's": [
      { kind: "late", match: "checkout.session.completed", delayMs: 600_000 },
      { kind: "late", match: "amount_capturable_updated", delayMs: 600_000 },
    ],
  };
  const stories = ["paid while the hold lasts", "an hour too late, with none left"] as const;
  test.each(
    Object.keys(WAYS).flatMap((way) => stories.map((story) => ({ way, story, ends: STORIES[story].ends }))),
  )("$way, $story: $ends", async ({ way, story }) => {
    await shop.at({}, async (place) => {
      const buyer = await STORIES[story].before(place);
      place.stripe.switches.clear();
      for (const rule of WAYS[way] ?? []) place.stripe.switches.add(rule);
      await STORIES[story].tell(place, buyer);
      await minute(place);
      place.stripe.switches.clear();
      place.pass(3_600_000);
      await place.quiet();
      place.pass(-3_600_000);
      await booksAreFine(place);
      expect(await endOf(place, buyer)).toBe(STORIES[story].end);
    });
  });

  test("the refund's before the capture's: charged once, given back once, and not revived", async () => {
    await shop.at({}, async (place) => {
      place.stripe.switches.add({ kind: "late", match: '"type":"payment_intent.', delayMs: 3_600_000 });
      const buyer = await newBuyer(place);
      buyer.pay(await buyer.toPayment());
      await place.quiet();
      await place.done((services) =>
        askRefund(services, place.sale.id, buyer.id, {
          id: randomUUID(),
          returnStock: true,
          reason: "a test",
        }),
      );
      await place.quiet();
      place.stripe.switches.clear();
      place.pass(3_600_000);
      await place.quiet();
      place.pass(-3_600_000);
      await booksAreFine(place);
      expect(await endOf(place, buyer)).toBe("given back by refund");
    });
  });

  test("declined, then paid with another card: charged once, the order stands", async () => {
    await shop.at({}, async (place) => {
      const buyer = await newBuyer(place);
      const session = await buyer.toPayment();
      buyer.pay(session, { card: "declined" });
      await place.quiet();
      expect((await place.record(buyer.id))?.state).toBe("held");
      buyer.pay(session);
      await place.quiet();
      await booksAreFine(place);
      expect(await endOf(place, buyer)).toBe("order");
    });
  });

  test("declined, and the hold ends: the unit goes back, and nobody is told of a charge that never was", async () => {
    await shop.at({}, async (place) => {
      const buyer = await newBuyer(place);
      buyer.pay(await buyer.toPayment(), { card: "declined" });
      await place.quiet();
      await booksAreFine(place);
      expect((await place.record(buyer.id))?.state).toBe("expired");
      expect(await place.query("select kind from emails")).toEqual([]);
    });
  });

  test("crash after a void: the event that it causes finishes it, and the buyer is told once", async () => {
    await shop.at({}, async (place) => {
      const story = STORIES["an hour too late, with none left"];
      const buyer = await story.before(place);
      place.stripe.switches.clear();
      place.arm({ step: "void", kind: "crash" });
      await story.tell(place);
      expect(place.hasFired()).toBe(true);
      const notices = await place.query("select recipient from emails where kind = 'too_late'");
      expect(notices).toEqual([{ recipient: "buyer@example.com" }]);
      await booksAreFine(place);
      expect(await endOf(place, buyer)).toBe("voided");
    });
  });

  test("150 of them that no webhook brought: cron finds the oldest too", async () => {
    await shop.at({}, async (place) => {
      const buyer = await STORIES["an hour too late, with none left"].before(place);
      place.stripe.switches.clear();
      place.stripe.switches.add({ kind: "lose" });
      place.pass(30_000);
      for (let i = 0; i < 75; i++) {
        const session = await place.sessionByHand(randomUUID(), "manual");
        place.stripe.pay(session, { card: "declined" });
        place.stripe.pay(session, { card: "declined" });
      }
      await place.act(everyMinute);
      await place.act(everyMinute);
      await place.quiet();
      expect(await place.query("select state from payments where reservation_id = $1", [buyer.id])).toEqual([
        { state: "voided" },
      ]);
    });
  });
});

describe("events that ask for nothing", () => {
  const LONG = "x".repeat(10_000);
  const intent = (metadata: object, id = "pi_nobodys") => ({ object: "payment_intent", id, metadata });
  const session = (metadata: object) => ({ object: "checkout.session", id: "cs_test_nobodys", metadata });
  test.each([
    ["of a type nobody knows", "radar.early_fraud_warning.created", { object: "radar", id: "issfr_1" }],
    ["of an object without an id", "balance.available", { object: "balance", available: [] }],
    ["of an object that is none of what is known", "v9.thing", {}],
    ["without metadata", "payment_intent.canceled", { object: "payment_intent", id: "pi_1" }],
    ["with metadata null", "checkout.session.completed", { ...session({}), metadata: null }],
    ["of somebody else's payment", "checkout.session.completed", session({ order: "77" })],
    ["with metadata that are no texts", "checkout.session.completed", session({ sale: 7, reservation: {} })],
    ["with metadata of another shape", "payment_intent.canceled", { ...intent({}), metadata: [1, 2] }],
    ["of an intent with metadata of 10 kB, not telling", "payment_intent.succeeded", intent({ sale: LONG })],
    ["with a huge id of the object", "payment_intent.succeeded", intent({ sale: "s" }, `pi_${LONG}`)],
  ])("%s: taken, stored, and done with", async (_, type, object) => {
    await shop.at({ shoppers: 0 }, async (place) => {
      const id = `evt_${randomUUID()}`;
      expect(await arrives(place, { id, object: "event", type, data: { object } })).toBe("stored");
      const [row, ...others] = await inbox(place);
      expect(others).toEqual([]);
      expect(row).toMatchObject({ event_id: id, type, failure: null });
      expect(row?.["processed_at"]).not.toBeNull();
      expect(place.log).not.toContain("confirm");
    });
  });
});

describe("hostile events", () => {
  const told = (object: object, type = "checkout.session.completed", id = `evt_${randomUUID()}`) => ({
    id,
    object: "event",
    type,
    data: { object },
  });

  test("of a session that Stripe does not know: kept, tried again later, and others are not kept waiting", async () => {
    await shop.at({}, async (place) => {
      const metadata = { sale: place.sale.id, reservation: randomUUID() };
      for (let i = 0; i < 3; i++)
        await arrives(place, told({ object: "checkout.session", id: `cs_test_x${i}`, metadata }));
      const buyer = await newBuyer(place);
      buyer.pay(await buyer.toPayment());
      await place.quiet();
      expect((await place.record(buyer.id))?.state).toBe("confirmed");
      const failed = (await inbox(place)).filter((row) => row["failure"] !== null);
      expect(failed).toHaveLength(3);
      expect(failed.every((row) => row["processed_at"] === null && Number(row["attempts"]) === 1)).toBe(true);
    });
  });

  test.each([
    ["not a UUID: it is not of our making, and left alone", "1; drop table orders", "capturable"],
    ["500 characters long: it is not of our making, and left alone", "x".repeat(500), "capturable"],
    ["nobody's: it is given up", randomUUID(), "voided"],
  ] as const)("paid for a reservation that is %s", async (_, reservation, end) => {
    await shop.at({}, async (place) => {
      const id = await place.sessionByHand(reservation, "manual");
      place.stripe.pay(id);
      await place.quiet();
      await minute(place);
      const totals = { authorised: PRICE, captured: 0, refunded: 0, voided: 0, capturable: 0 };
      expect(place.stripe.state().totals["eur"]).toEqual({ ...totals, [end]: PRICE });
      expect(await place.stockNow()).toMatchObject({ "confirmed:shoe": 0, "available:shoe": 2 });
      expect((await inbox(place)).every((row) => row["processed_at"] !== null)).toBe(true);
    });
  });

  test("with an id of 20 kB: it cannot be stored, so it is not answered as taken", async () => {
    await shop.at({ shoppers: 0 }, async (place) => {
      const event = told(
        { object: "checkout.session", id: "cs_test_1" },
        "v9.thing",
        `evt_${randomBytes(10_000).toString("hex")}`,
      );
      await expect(arrives(place, event)).rejects.toThrow(/index row|too (long|large)/);
      expect(await inbox(place)).toEqual([]);
    });
  });

  test("the same id with other content: the first is kept, and truth is read from Stripe either way", async () => {
    await shop.at({}, async (place) => {
      const buyer = await newBuyer(place);
      const session = await buyer.toPayment();
      const id = `evt_${randomUUID()}`;
      const metadata = { sale: place.sale.id, reservation: buyer.id };
      const claims = { object: "checkout.session", id: session, metadata, payment_status: "paid" };
      await arrives(place, told(claims, "checkout.session.completed", id));
      await arrives(place, told({ ...claims, id: "cs_test_other" }, "checkout.session.completed", id));
      expect((await inbox(place)).map((row) => row["session"])).toEqual([session]);
      expect((await place.record(buyer.id))?.state).toBe("held");
    });
  });

  test("signed five minutes and more ago, or for another text: refused, and nothing is stored", async () => {
    await shop.at({ shoppers: 0 }, async (place) => {
      const body = JSON.stringify(told({ object: "checkout.session", id: "cs_test_1" }));
      const sign = (at: number, text: string) =>
        `t=${at},v1=${createHmac("sha256", place.stripe.webhookSecret).update(`${at}.${text}`).digest("hex")}`;
      const now = Math.floor(Date.now() / 1000);
      for (const signature of [sign(now - 400, body), sign(now, `${body} `), "", "t=,v1="]) {
        const outcome = await place.done((services) => receive(services, body, signature));
        expect(isRefusal(outcome) && outcome.refused).toBe("bad_signature");
      }
      expect(await inbox(place)).toEqual([]);
    });
  });
});

describe("more than a minute has time for", () => {
  const count = async (place: Place, where = "true") =>
    Number((await place.query(`select count(*) from webhook_inbox where ${where}`))[0]?.["count"]);
  /** Events of a payment page that nobody has paid on. */
  async function crowd(place: Place, size: number) {
    const session = await place.sessionByHand(randomUUID(), "manual");
    await place.query(
      `insert into webhook_inbox (event_id, type, session)
       select 'evt_' || n, 'checkout.session.completed', $1 from generate_series(1, $2::int) as n`,
      [session, size],
    );
  }
  const slow = (place: Place, delayMs: number) => place.stripe.faults.add({ kind: "delay", delayMs });

  test("120 that only the inbox knows: cron processes all in a minute, and the sales have their turn meanwhile", async () => {
    await shop.at({ shoppers: 0 }, async (place) => {
      await crowd(place, 120);
      const { now } = Date;
      // The 60th takes long.
      const isLate = () => nthOf(place.log, "event done", 60) !== undefined;
      const clock = vi.spyOn(Date, "now").mockImplementation(() => now() + (isLate() ? 11_000 : 0));
      await place.done(everyMinute).finally(() => clock.mockRestore());
      expect(await count(place, "processed_at is null")).toBe(0);
      const [soon, last] = [70, 120].map((nth) => nthOf(place.log, "event done", nth));
      expect(place.log.slice(0, soon)).toContain("expire due");
      expect(place.log.slice(soon, last)).not.toContain("expire due");
    });
  });

  test("what there is no time for is not begun, and is due as before", async () => {
    await shop.at({ shoppers: 0 }, async (place) => {
      await crowd(place, 60);
      slow(place, 200);
      const ended = await place.done((services) => processEvents(services, Date.now() + 300));
      expect(ended.more).toBe(true);
      expect(ended.processed).toBeLessThan(30);
      expect(await count(place, "processed_at is not null")).toBe(ended.processed);
      place.stripe.faults.clear();
      expect(await count(place, "attempts = 0")).toBe(60 - ended.processed);
      await place.done((services) => processEvents(services, Infinity));
      expect(await count(place, "processed_at is null")).toBe(0);
    });
  });

  test("undelivered ones: a walk that is broken off goes on, and what it has passed is not listed again", async () => {
    await shop.at({ shoppers: 0 }, async (place) => {
      place.stripe.switches.add({ kind: "lose" });
      place.pass(-3_600_000);
      for (let page = 0; page < 25; page++) {
        const session = await place.sessionByHand(randomUUID(), "manual");
        for (let i = 0; i < 10; i++) place.stripe.pay(session, { card: "declined" });
        place.pass(1_000);
      }
      const all = place.stripe.state().events.length;
      expect(all).toBeGreaterThan(200);
      const fetched = async (ms: number) => {
        const before = place.log.length;
        await place.done((services) => fetchUndelivered(services, Date.now(), Date.now() + ms));
        const lists = place.log.slice(before).filter((step) => step === "list events").length;
        return { lists, stored: await count(place) };
      };
      place.stripe.faults.add({ kind: "delay", delayMs: 300 });
      const broken = await fetched(450);
      expect(broken.lists).toBe(2);
      expect(broken.stored).toBeGreaterThan(150);
      expect(broken.stored).toBeLessThan(all);
      place.stripe.faults.clear();
      expect(await fetched(10_000)).toEqual({ lists: 2, stored: all });
      expect(await fetched(10_000)).toEqual({ lists: 1, stored: all });
      // What comes after that is walked through too, and no further.
      place.pass(3_500_000);
      const session = await place.sessionByHand(randomUUID(), "manual");
      for (let i = 0; i < 150; i++) place.stripe.pay(session, { card: "declined" });
      expect(await fetched(10_000)).toEqual({ lists: 3, stored: place.stripe.state().events.length });
    });
  });
});

/** Where the nth of these stands. */
const nthOf = (log: Place["log"], step: string, nth: number) =>
  log.flatMap((one, at) => (one === step ? [at] : []))[nth - 1];

test("ten who process at once: each event is taken by one", async () => {
  await shop.at({}, async (place) => {
    place.stripe.switches.add({ kind: "lose" });
    const buyer = await newBuyer(place);
    buyer.pay(await buyer.toPayment());
    const { events } = place.stripe.state();
    for (const event of events)
      await place.query(
        "insert into webhook_inbox (event_id, type, session) values ($1, $2, $3) on conflict do nothing",
        [event.id, event.type, event.type === "checkout.session.completed" ? event.data.object.id : null],
      );
    const counts = await Promise.all(
      Array.from({ length: 10 }, () => place.done((services) => processEvents(services, Infinity))),
    );
    expect(counts.reduce((sum, { processed }) => sum + processed, 0)).toBe(events.length);
    await booksAreFine(place);
    expect(await endOf(place, buyer)).toBe("order");
  });
});
