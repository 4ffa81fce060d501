/**
 * Everybody who works on a sale by themselves does so at the same moment, each in an isolate of its own, on a real Postgres:
 * drainers, crons, reconcilers, receivers of webhooks, who ends holds, who decides slots, who sends mail and who rebuilds, while
 * shoppers pay, come back and go. In the end the books balance, and nothing waited for anything in a circle. Which moment is
 * whose follows from a seed.
 */
import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { beforeEach, expect, test, vi } from "vitest";
import { between, seeded, shuffled, type Random } from "../../bench/rehearse/random.ts";
import { isRefusal } from "../../domain/refusal.ts";
import { checkout } from "../../functions/checkout/checkout.ts";
import { settleAuthorised } from "../../functions/checkout/payment.ts";
import { askRefund, issueRefunds } from "../../functions/checkout/refund.ts";
import { fetchUndelivered, processEvents } from "../../functions/checkout/webhook.ts";
import { everyMinute } from "../../functions/cron.ts";
import { sendDueEmails } from "../../functions/mail/mailer.ts";
import { lightCheck } from "../../functions/reconciliation/light.ts";
import { beginRun, continueRun } from "../../functions/reconciliation/run.ts";
import { SALES_KEY, saleKeys } from "../../functions/redis/keys.ts";
import { settleSlotsNow } from "../../functions/registration/slots.ts";
import { expireHolds } from "../../functions/reservation/expire.ts";
import { releaseReservation } from "../../functions/reservation/reservation.ts";
import { rebuildSale } from "../../functions/sale/rebuild.ts";
import type { Services } from "../../functions/services.ts";
import { drain } from "../../functions/sync/sync.ts";
import { discrepancies } from "./books.ts";
import { newBuyer, ORIGIN, recover, useShop, type Buyer, type Place } from "./world.ts";

const shop = await useShop();
const BUYERS = 6;
const STOCK = 8;
const SEEDS = [1, 2, 3, 4, 5, 6];
/** All of them begin within this time. */
const SPREAD_MS = 60;

const errors = vi.mocked(console.error);
beforeEach(() => void errors.mockClear());

type Work = (services: Services) => Promise<unknown>;

/** A whole run, going on from wherever another one left it. */
const reconciling =
  (sale: string): Work =>
  async (services) => {
    const begun = await beginRun(services, sale, { runId: randomUUID(), applies: true, cause: "operator" });
    if (isRefusal(begun)) return begun.refused;
    return await continueRun(services, begun.runId, Date.now() + 3_000);
  };

const keepers = ({ sale: { id } }: Place): Work[] => [
  (services) => drain(services, id),
  (services) => drain(services, id, { trim: true }),
  (services) => drain(services, id),
  everyMinute,
  everyMinute,
  reconciling(id),
  reconciling(id),
  (services) => expireHolds(services, id),
  (services) => expireHolds(services, id),
  (services) => processEvents(services, Infinity),
  (services) => processEvents(services, Infinity),
  (services) => fetchUndelivered(services, Date.now(), Infinity),
  (services) => settleAuthorised(services, Infinity),
  (services) => issueRefunds(services),
  (services) => settleSlotsNow(services, id),
  (services) => settleSlotsNow(services, id),
  (services) => sendDueEmails(services),
  (services) => sendDueEmails(services),
  (services) => lightCheck(services, id, Date.now()),
  (services) => rebuildSale(services, id),
];

/** Somebody pays, comes back, gives back, has it refunded: what comes to their mind. */
function visitOf(
  place: Place,
  buyer: Buyer,
  session: string | undefined,
  random: Random,
): () => Promise<unknown> {
  const deeds: (() => unknown)[] = [
    () => buyer.pay(session),
    () => buyer.comesBack(),
    () => place.act((services) => checkout(services, buyer.pass, buyer.id, ORIGIN)),
    ...(random() < 0.3
      ? [() => place.act((services) => releaseReservation(services, buyer.pass, buyer.id))]
      : []),
    ...(random() < 0.4
      ? [
          () =>
            place.act((services) =>
              askRefund(services, place.sale.id, buyer.id, {
                id: randomUUID(),
                returnStock: random() < 0.5,
                reason: "",
              }),
            ),
        ]
      : []),
  ];
  return async () => {
    for (const deed of deeds) {
      await sleep(between(random, 0, SPREAD_MS / 2));
      await deed();
    }
  };
}

/** Lets them all begin at moments of their own. @returns what failed */
async function atOnce(random: Random, works: (() => Promise<unknown>)[]): Promise<unknown[]> {
  const outcomes = await Promise.all(
    shuffled(random, works).map(async (work) => {
      await sleep(between(random, 0, SPREAD_MS));
      return await work();
    }),
  );
  return outcomes.flatMap((outcome) =>
    typeof outcome === "object" && outcome !== null && "error" in outcome ? [String(outcome.error)] : [],
  );
}

const deadlocks = async () =>
  Number((await shop.query("select sum(deadlocks)::int as count from pg_stat_database"))[0]?.["count"]);

async function inOrder(place: Place, buyers: Buyer[]): Promise<void> {
  await place.quiet();
  await recover(place);
  expect(await discrepancies(place)).toEqual([]);
  // Each event was applied once: what went to orders is what the orders are of.
  const [applied] = await place.query(
    `select (select coalesce(sum(units), 0)::int from stock_ledger where sale_id = $1 and to_account = 'confirmed') as moved,
            (select coalesce(sum(quantity), 0)::int from order_lines where sale_id = $1) as ordered`,
    [place.sale.id],
  );
  expect(applied?.["moved"]).toBe(applied?.["ordered"]);
  // Nobody paid twice, whoever looked after it.
  const { intents } = place.stripe.state();
  for (const { id } of buyers) {
    const charged = intents.filter((one) => one.metadata["reservation"] === id && one.status === "succeeded");
    expect(charged.length).toBeLessThanOrEqual(1);
  }
}

test.each(SEEDS)(
  "all at once, seed %i: the books balance, each event is applied once, nothing deadlocks",
  async (seed) => {
    const random = seeded(seed);
    const before = await deadlocks();
    const slots = { count: 2, claimUntil: new Date(Date.now() + 1_800_000).toISOString() };
    await shop.at({ stock: STOCK, shoppers: BUYERS, slots }, async (place) => {
      await place.done((services) => settleSlotsNow(services, place.sale.id));
      const buyers: Buyer[] = [];
      const visits: (() => Promise<unknown>)[] = [];
      for (let nth = 0; nth < BUYERS; nth++) {
        const buyer = await newBuyer(place, nth);
        buyers.push(buyer);
        visits.push(visitOf(place, buyer, await buyer.toPayment(), random));
      }
      if (random() < 0.5) await place.endHolds();
      const works = keepers(place).map((work) => () => place.act(work));
      expect(await atOnce(random, [...works, ...visits, ...works])).toEqual([]);
      await place.quiet();

      // Redis loses it all, and three bring it back at once, beside everybody else.
      if (seed % 2 === 0) {
        await place.done((services) => drain(services, place.sale.id));
        await place.redis.command("DEL", ...Object.values(saleKeys(place.sale.id)));
        await place.redis.command("SREM", SALES_KEY, place.sale.id);
        const rebuilds = [1, 2, 3].map(
          () => () => place.act((services) => rebuildSale(services, place.sale.id)),
        );
        expect(await atOnce(random, [...rebuilds, ...works])).toEqual([]);
      }
      await inOrder(place, buyers);
    });
    expect(await deadlocks()).toBe(before);
    // No cron and nothing that was left for later failed either, with a serialisation failure least of all.
    expect(errors.mock.calls.map(String)).toEqual([]);
  },
);
