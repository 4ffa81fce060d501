/** What the tests of reconciliation share: a shop that takes money (tests/checkout), and runs over its sale. */
import { randomUUID } from "node:crypto";
import { expect } from "vitest";
import { saleKeys } from "../../functions/redis/keys.ts";
import { recordJson } from "../../functions/reservation/record.ts";
import { listFindings } from "../../functions/reconciliation/findings.ts";
import { beginRun, continueRun } from "../../functions/reconciliation/run.ts";
import { drain } from "../../functions/sync/sync.ts";
import { discrepancies } from "../checkout/books.ts";
import { admit, must } from "../sync/harness.ts";
import { minute, newBuyer, type Buyer, type Place } from "../checkout/world.ts";

export interface Found {
  kind: string;
  subject: string | null;
  outcome: string | null;
  evidence: unknown;
  detail: string | null;
}

/** Nothing is on its way any more: whatever is there is old enough to be judged. */
export async function settleDown(place: Place): Promise<void> {
  await place.quiet();
  await place.query("update payments set changed_at = now() - interval '5 minutes'");
  await place.query("update refunds set asked_at = now() - interval '5 minutes'");
}

/** A whole run. */
export async function reconcile(place: Place, applies: boolean): Promise<Found[]> {
  await settleDown(place);
  const runId = randomUUID();
  await place.done(async (services) => {
    must(await beginRun(services, place.sale.id, { runId, applies, cause: "operator" }));
    expect(await continueRun(services, runId, Date.now() + 20_000)).toBe(true);
  });
  await place.quiet();
  const { found } = await place.done((services) => listFindings(services, runId));
  return found.map(({ kind, subject, outcome, evidence, detail }) => ({
    ...{ kind, subject, outcome, evidence, detail },
  }));
}

const named = (found: Found[]) => found.map(({ kind, outcome }) => `${kind} ${String(outcome)}`).sort();

/**
 * The proof of a class: the dry run names it with its evidence and changes nothing, applying repairs it, a second run finds
 * nothing, and every book agrees.
 */
export async function expectRepaired(
  place: Place,
  kinds: string[],
  { evidence, holdsEnd = false }: { evidence: object; holdsEnd?: boolean },
): Promise<void> {
  await place.quiet();
  await place.done((services) => drain(services, place.sale.id));
  const before = await everything(place);
  const dry = await reconcile(place, false);
  expect(named(dry)).toEqual(kinds.map((kind) => `${kind} found`).sort());
  expect(dry[0]?.evidence).toMatchObject(evidence);
  expect(await everything(place)).toEqual(before);

  const applied = await reconcile(place, true);
  expect(applied.filter(({ outcome }) => outcome !== "applied")).toEqual([]);
  expect(named(applied)).toEqual(expect.arrayContaining(kinds.map((kind) => `${kind} applied`)));

  const after = await everything(place);
  expect(await reconcile(place, true)).toEqual([]);
  expect(await everything(place)).toEqual(after);
  expect(await reconcile(place, false)).toEqual([]);
  if (holdsEnd) await place.endHolds();
  await minute(place);
  await minute(place);
  expect((await discrepancies(place)).filter((what) => what !== "Postgres refused an event")).toEqual([]);
}

/** Everything that a repair may change. */
async function everything(place: Place): Promise<object> {
  const { intents, refunds } = place.stripe.state();
  const order = "order by 1";
  return {
    stock: await place.stockNow(),
    records: (await place.records()).sort((a, b) => (a.id < b.id ? -1 : 1)),
    reservations: await place.query(`select id, state from reservations where sale_id = $1 ${order}`, [
      place.sale.id,
    ]),
    items: await place.query(`select * from items where sale_id = $1 ${order}`, [place.sale.id]),
    payments: await place.query(`select intent, state from payments ${order}`),
    refunds: await place.query(`select id, state, amount, stripe_refund from refunds ${order}`),
    intents: intents.map(({ id, status }) => [id, status]),
    given: refunds.map(({ id }) => id),
  };
}

/** A buyer with an order, everything written. */
export async function order(place: Place, nth = 0): Promise<Buyer & { intent: string }> {
  const buyer = await newBuyer(place, nth);
  buyer.pay(await buyer.toPayment());
  await place.quiet();
  const { intent } = must(await place.record(buyer.id));
  return { ...buyer, intent: must(intent) };
}

/** Changes a record of Redis behind everybody's back. */
export async function tamper(place: Place, id: string, change: object): Promise<void> {
  const { reservations } = saleKeys(place.sale.id);
  const record = recordJson.parse(await place.redis.command("HGET", reservations, id));
  await place.redis.command("HSET", reservations, id, JSON.stringify({ ...record, ...change }));
}

/** A shopper more comes in; those who were inside have left, so that nothing waits for them. @returns the how-manieth */
export async function admitOne(place: Place): Promise<number> {
  await place.redis.command("DEL", saleKeys(place.sale.id).inside);
  const passes = await place.done((services) => admit(services, place.sale.id, 1));
  return place.shoppers.push(...passes) - 1;
}

export const keysOf = (place: Place) => saleKeys(place.sale.id);
