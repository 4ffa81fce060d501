/** How runs go on, wait, and end: page by page, by whoever, with an operator's word, and at last with a settled sale. */
import { randomUUID } from "node:crypto";
import { expect, test } from "vitest";
import { isRefusal } from "../../domain/refusal.ts";
import { readOrder } from "../../functions/checkout/checkout.ts";
import { settleIntent } from "../../functions/checkout/payment.ts";
import { paymentsOf } from "../../functions/checkout/stripe.ts";
import { everyMinute } from "../../functions/cron.ts";
import { SALES_KEY, saleKeys } from "../../functions/redis/keys.ts";
import { approve } from "../../functions/reconciliation/approve.ts";
import { lightCheck } from "../../functions/reconciliation/light.ts";
import {
  listRuns,
  readRun,
  reconcile as ask,
  setRemedyLimit,
} from "../../functions/reconciliation/reconcile.ts";
import { beginRun, continueRun } from "../../functions/reconciliation/run.ts";
import { drill } from "../../functions/sale/drill.ts";
import { rebuildSale } from "../../functions/sale/rebuild.ts";
import { missing, readSale, readSettled } from "../../functions/sale/sale.ts";
import { topUp } from "../../functions/sale/top-up.ts";
import { factsOf, readSettlement, reportCsv, reportPage } from "../../functions/settlement/report.ts";
import { settleSale } from "../../functions/settlement/settle.ts";
import type { Services } from "../../functions/services.ts";
import { discrepancies } from "../checkout/books.ts";
import { must } from "../sync/harness.ts";
import { newBuyer, PRICE, recover, useShop, type Place } from "../checkout/world.ts";
import { keysOf, order, reconcile, settleDown } from "./world.ts";

const shop = await useShop();
const { query } = shop;

async function chargedTwice(place: Place): Promise<string> {
  const buyer = await order(place);
  place.stripe.switches.add({ kind: "lose" });
  place.stripe.pay(await place.sessionByHand(buyer.id, "automatic"));
  place.stripe.switches.clear();
  await settleDown(place);
  return buyer.id;
}

test("a remedy above the operator's limit waits, is done once when approved, and then nothing is found", async () => {
  await shop.at({}, async (place) => {
    await chargedTwice(place);
    const { id: sale } = place.sale;
    await place.done((services) => setRemedyLimit(services, sale, PRICE - 1, "a test"));
    expect(await reconcile(place, true)).toMatchObject([{ kind: "captured_twice", outcome: "waiting" }]);
    expect(place.stripe.state().refunds).toEqual([]);
    const [row] = await query("select id::int, amount::int from discrepancies where sale_id = $1", [sale]);
    expect(row).toMatchObject({ amount: PRICE });
    const approving = () => place.done((services) => approve(services, sale, Number(row?.["id"])));
    expect(await approving()).toMatchObject({ outcome: "applied", detail: "returned" });
    await place.quiet();
    expect(await approving()).toMatchObject({ outcome: "applied" });
    expect(place.stripe.state().refunds).toHaveLength(1);
    expect(await reconcile(place, true)).toEqual([]);
    expect(isRefusal(await place.done((services) => approve(services, sale, 999_999)))).toBe(true);
    const audit = await query("select action from audit_log where sale_id = $1 order by id", [sale]);
    expect(audit.map(({ action }) => action)).toEqual(
      expect.arrayContaining(["remedy-limit", "reconcile", "approve"]),
    );
  });
});

test("what waited and came right by itself is not done any more", async () => {
  await shop.at({}, async (place) => {
    await chargedTwice(place);
    const { id: sale } = place.sale;
    await place.done((services) => setRemedyLimit(services, sale, 0, ""));
    await reconcile(place, true);
    await recover(place);
    const [row] = await query("select id::int from discrepancies where sale_id = $1", [sale]);
    expect(await place.done((services) => approve(services, sale, Number(row?.["id"])))).toMatchObject({
      outcome: "gone",
    });
    expect(place.stripe.state().refunds).toHaveLength(1);
  });
});

test("a run goes on from page to page, by two at once and after crashes, and does everything once", async () => {
  await shop.at({}, async (place) => {
    await chargedTwice(place);
    const { id: sale } = place.sale;
    const runId = randomUUID();
    await place.done((services) => beginRun(services, sale, { runId, applies: true, cause: "operator" }));
    let done = false;
    for (let call = 0; call < 40 && !done; call++) {
      // Each call looks at one page, and each third dies on the way, its lease still taken.
      if (call % 3 === 2) place.arm({ step: "refund", kind: "crash" });
      const going = () => place.act((services) => continueRun(services, runId, 0));
      const outcomes = await Promise.all([going(), going()]);
      place.arm(undefined);
      await place.quiet();
      await query("update reconciliation_runs set leased_until = '-infinity' where id = $1", [runId]);
      done = outcomes.some((outcome) => "value" in outcome && outcome.value);
    }
    expect(done).toBe(true);
    const run = must(await place.done((services) => readRun(services, sale, runId)));
    expect(run).toMatchObject({ state: "done", apply: true, discrepancies: [{ kind: "captured_twice" }] });
    expect(run.lookedAt["records"]).toBe(1);
    // What a crash left asked for, cron issues.
    await recover(place);
    expect(place.stripe.state().refunds).toHaveLength(1);
    for (const table of ["snapshot_records", "snapshot_intents", "snapshot_refunds"])
      expect(await query(`select 1 from ${table} where run_id = $1`, [runId])).toEqual([]);
    expect(await reconcile(place, true)).toEqual([]);
  });
});

test("approved while its run is still under way: the run goes on with all it has seen", async () => {
  await shop.at({}, async (place) => {
    await chargedTwice(place);
    const { id: sale } = place.sale;
    await place.done((services) => setRemedyLimit(services, sale, PRICE - 1, "a test"));
    const runId = randomUUID();
    await place.done((services) => beginRun(services, sale, { runId, applies: true, cause: "operator" }));
    const read = () => query("select id::int, outcome from discrepancies where run_id = $1", [runId]);
    for (let pages = 0; pages < 10 && (await read()).length === 0; pages++)
      expect(await place.act((services) => continueRun(services, runId, 0))).toEqual({ value: false });
    const [waiting] = await read();
    expect(waiting).toMatchObject({ outcome: "waiting" });
    const stock = await place.stockNow();
    must(await place.done((services) => approve(services, sale, Number(waiting?.["id"]))));
    await place.quiet();
    const run = must(await place.done((services) => ask(services, sale, runId, true)));
    expect(run).toMatchObject({ state: "done", discrepancies: [{ kind: "captured_twice" }] });
    expect(await place.stockNow()).toEqual(stock);
  });
});

test("Redis loses the sale while a run looks at it: nothing was compared, so the run goes on when it is there again", async () => {
  await shop.at({}, async (place) => {
    const { id: sale } = place.sale;
    const runId = randomUUID();
    await place.done((services) => beginRun(services, sale, { runId, applies: true, cause: "operator" }));
    const page = () => place.act((services) => continueRun(services, runId, 0));
    for (let pages = 0; pages < 3; pages++) expect(await page()).toEqual({ value: false });
    await place.redis.command("DEL", ...Object.values(keysOf(place)));
    let last = await page();
    for (let pages = 0; pages < 10 && "value" in last; pages++) last = await page();
    expect(last).toMatchObject({ error: { name: "Unavailable", store: "redis" } });
    must(await place.done((services) => rebuildSale(services, sale)));
    expect(must(await place.done((services) => ask(services, sale, runId, true))).state).toBe("done");
  });
});

test("one run at a time; its id goes on with it, and means nothing else", async () => {
  await shop.at({}, async (place) => {
    const { id: sale } = place.sale;
    const begin = (runId: string, applies: boolean) =>
      place.done((services) => beginRun(services, sale, { runId, applies, cause: "operator" }));
    const runId = randomUUID();
    expect(await begin(runId, false)).toEqual({ runId });
    expect(await begin(runId, false)).toEqual({ runId });
    expect(await begin(runId, true)).toMatchObject({ refused: "conflicting_replay" });
    expect(await begin(randomUUID(), false)).toMatchObject({ refused: "run_under_way" });
    expect(await place.done((services) => ask(services, sale, runId, false))).toMatchObject({
      state: "done",
    });
    expect(await place.done((services) => ask(services, "no-such-sale", randomUUID(), false))).toMatchObject({
      refused: "not_found",
    });
    expect(await place.done((services) => listRuns(services, sale))).toMatchObject([{ id: runId }]);
  });
});

test("what the sale does between two pages is no discrepancy", async () => {
  await shop.at({ stock: 5 }, async (place) => {
    const { id: sale } = place.sale;
    await order(place);
    const runId = randomUUID();
    await place.done((services) => beginRun(services, sale, { runId, applies: true, cause: "operator" }));
    // Redis and Stripe have been read, Postgres not yet.
    for (let page = 0; page < 4; page++) await place.done((services) => continueRun(services, runId, 0));
    await order(place, 1);
    await settleDown(place);
    await place.done((services) => continueRun(services, runId, Date.now() + 10_000));
    const run = must(await place.done((services) => readRun(services, sale, runId)));
    expect(run).toMatchObject({ state: "done", discrepancies: [] });
  });
});

test("the light look finds counters that do not add up and what was left lying, and repairs nothing", async () => {
  await shop.at({}, async (place) => {
    const { id: sale } = place.sale;
    const look = () => place.done((services) => lightCheck(services, sale, Date.now()));
    expect(await look()).toEqual([]);
    await place.redis.command("HINCRBY", keysOf(place).stock, "available:shoe", 1);
    expect(await look()).toMatchObject([{ kind: "counters_differ", subject: "shoe" }]);
    expect(await look()).toHaveLength(1);
    expect(await place.stockNow()).toMatchObject({ "available:shoe": 3 });
    const rows = await query("select kind, outcome from discrepancies where sale_id = $1", [sale]);
    expect(rows).toEqual([{ kind: "counters_differ", outcome: "found" }]);
    expect(await reconcile(place, true)).toMatchObject([{ kind: "counters_differ", outcome: "applied" }]);
    expect(
      await query("select 1 from discrepancies where sale_id = $1 and resolved_at is null", [sale]),
    ).toEqual([]);
  });
});

/** The sale's times move, for Redis and Postgres alike. */
async function closeNow(place: Place): Promise<void> {
  const closesAt = new Date(Date.now() - 120_000).toISOString();
  await query("update sales set definition = definition || $2 where id = $1", [
    place.sale.id,
    JSON.stringify({ closesAt }),
  ]);
  await place.redis.command("HSET", keysOf(place).sale, "closesAtMs", Date.parse(closesAt));
}

test("the payment of an order that only Postgres has is not given back: it waits until Redis has the order again", async () => {
  await shop.at({}, async (place) => {
    const { id, intent } = await order(place);
    await place.redis.command("HDEL", keysOf(place).reservations, id);
    const settling = async (services: Services) =>
      await settleIntent(services, await paymentsOf(services).readIntent(intent), undefined);
    expect(await place.act(settling)).toMatchObject({ error: { name: "Unavailable" } });
    expect(place.stripe.state().refunds).toEqual([]);
    expect(await query("select state from payments")).toEqual([{ state: "captured" }]);
    await reconcile(place, true);
    expect(await place.act(settling)).toEqual({ value: "captured" });
  });
});

test("a sale that is over: counters are held against the records again after a remedy moved them", async () => {
  await shop.at({ stock: 5 }, async (place) => {
    const { stock, reservations, shoppers } = keysOf(place);
    const gone = await order(place);
    await closeNow(place);
    // As after a failover: Redis lost the order, and a top-up of two before it.
    await place.redis.command("HDEL", reservations, gone.id);
    await place.redis.command("HINCRBY", shoppers, `${gone.pass.shopper}/shoe`, -1);
    const changes = {
      "confirmed:shoe": -1,
      ...{ "stock:shoe": -2, supplied: -2, unsold: -1 },
      ...{ "available:shoe": -1, available: -1 },
    };
    for (const [field, by] of Object.entries(changes)) await place.redis.command("HINCRBY", stock, field, by);
    const found = await reconcile(place, true);
    expect(found.map(({ kind, outcome }) => `${kind} ${outcome ?? ""}`).sort()).toEqual([
      "counters_differ applied",
      "order_not_in_redis applied",
    ]);
    expect(await place.stockNow()).toMatchObject({
      "stock:shoe": 5,
      "confirmed:shoe": 1,
      "available:shoe": 4,
    });
    expect(await reconcile(place, true)).toEqual([]);
  });
});

test("after closing cron reconciles and settles: unsold units go back, the report is kept, Redis forgets it a day later", async () => {
  await shop.at({ stock: 5 }, async (place) => {
    const { id: sale } = place.sale;
    const buyer = await order(place);
    await newBuyer(place, 1);
    await closeNow(place);
    await place.act(everyMinute);
    // Somebody still holds a unit.
    expect(await query("select settled_at from sales where id = $1", [sale])).toEqual([{ settled_at: null }]);
    await place.endHolds();
    await settleDown(place);
    for (let minute = 0; minute < 2; minute++) {
      await place.act(everyMinute);
      await place.quiet();
    }
    expect((await place.done((services) => readSale(services, sale)))?.phase).toBe("settled");
    const report = must(await place.done((services) => readSettlement(services, sale)));
    expect(report).toMatchObject({
      items: [{ sku: "shoe", stock: 5, toppedUp: 0, sold: 1, unsold: 4 }],
      ...{ orders: 1, shoppers: 1, reservations: { confirmed: 1, expired: 1 }, discrepancies: [] },
      money: { captured: PRICE, refunded: 0, kept: PRICE, charges: 1 },
    });
    expect(reportCsv(report)).toContain('"item shoe","unsold","4"\r\n');
    expect(reportPage(report)).toContain("<td>unsold</td><td>4</td>");
    expect(factsOf({ ...report, name: "=1<2" }).map(([, , value]) => value)).toContain("=1<2");
    expect(reportPage({ ...report, name: "=1<2" })).toContain("=1&#60;2");
    expect(reportCsv({ ...report, name: "=1<2" })).toContain(`"'=1<2"`);
    const [item] = await query(
      "select available::int, unsold::int, confirmed::int from items where sale_id = $1",
      [sale],
    );
    expect(item).toEqual({ available: 0, unsold: 4, confirmed: 1 });
    const unequal = `select 1 from stock_balances as balance join items using (sale_id, sku)
                      where sale_id = $1 and account = 'unsold' and balance.units <> items.unsold`;
    expect(await query(unequal, [sale])).toEqual([]);

    await query("update sales set settled_at = settled_at - interval '25 hours' where id = $1", [sale]);
    await place.act(everyMinute);
    expect(await place.redis.command("EXISTS", ...Object.values(saleKeys(sale)))).toBe(0);
    expect(await place.redis.command("SISMEMBER", SALES_KEY, sale)).toBe(0);
    expect(await place.done((services) => readSettled(services, sale))).toMatchObject({ phase: "settled" });
    expect(await place.done((services) => missing(services, sale))).toMatchObject({ refused: "not_found" });
    expect(await place.done((services) => rebuildSale(services, sale))).toMatchObject({
      refused: "not_found",
    });
    expect(await query("select 1 from orders where sale_id = $1", [sale])).toHaveLength(1);
    // Who bought may still look at the order.
    expect(await place.done((services) => readOrder(services, buyer.pass, buyer.id))).toMatchObject({
      state: "confirmed",
      payment: { state: "captured" },
    });
    expect(await place.done((services) => readOrder(services, buyer.pass, randomUUID()))).toMatchObject({
      refused: "not_found",
    });
  });
});

test("closed early, and a rollback of Redis lost that: it is closed there again before it is settled", async () => {
  await shop.at({}, async (place) => {
    const { id: sale } = place.sale;
    const { sale: rules } = keysOf(place);
    const opened = await place.redis.command("HGET", rules, "closesAtMs");
    expect(Number(opened)).toBeGreaterThan(Date.now());
    await closeNow(place);
    await place.redis.command("HSET", rules, "closesAtMs", String(opened));
    await place.act(everyMinute);
    expect(Number(await place.redis.command("HGET", rules, "closesAtMs"))).toBeLessThanOrEqual(Date.now());
    expect(await query("select settled_at from sales where id = $1", [sale])).toEqual([{ settled_at: null }]);
    const more = { id: randomUUID(), sku: "shoe", units: 1, reason: "a test" };
    expect(await place.done((services) => topUp(services, sale, more))).toMatchObject({
      refused: "sale_ended",
    });
    await closeNow(place);
    await place.act(everyMinute);
    expect((await place.done((services) => readSale(services, sale)))?.phase).toBe("settled");
  });
});

test("a sale with something open is not settled before it is decided", async () => {
  await shop.at({ stock: 5 }, async (place) => {
    const { id: sale } = place.sale;
    await chargedTwice(place);
    await place.done((services) => setRemedyLimit(services, sale, 0, ""));
    await query("update webhook_inbox set processed_at = now()");
    await closeNow(place);
    const settled = async () => {
      const [row] = await query("select settled_at is not null as settled from sales where id = $1", [sale]);
      return row?.["settled"];
    };
    const runId = randomUUID();
    await place.done(async (services) => {
      must(await beginRun(services, sale, { runId, applies: true, cause: "cron" }));
      await continueRun(services, runId, Date.now() + 10_000);
    });

    expect(await place.done((services) => settleSale(services, sale, runId))).toBe(false);
    expect(await settled()).toBe(false);
    const [row] = await query("select id::int from discrepancies where sale_id = $1", [sale]);
    await place.done((services) => approve(services, sale, Number(row?.["id"])));
    expect(await place.done((services) => settleSale(services, sale, runId))).toBe(true);
    expect(await place.done((services) => settleSale(services, sale, runId))).toBe(true);
    expect(await settled()).toBe(true);
  });
});

test("a drill is for rehearsals only", async () => {
  await shop.at({}, async (place) => {
    expect(await place.done((services) => drill(services, place.sale.id))).toMatchObject({
      refused: "not_a_rehearsal",
    });
  });
});

test("Redis lost with a payment under way that Postgres had not heard of: the rebuild asks Stripe, and it is an order", async () => {
  await shop.at({}, async (place) => {
    const buyer = await newBuyer(place);
    await place.quiet();
    const session = await buyer.toPayment();
    await query("update reservations set return_to = null where id = $1", [buyer.id]);
    await place.redis.command("DEL", ...Object.values(keysOf(place)));
    place.stripe.switches.add({ kind: "lose" });
    buyer.pay(session);
    place.stripe.switches.clear();
    must(await place.done((services) => rebuildSale(services, place.sale.id)));
    await place.quiet();
    expect(await place.record(buyer.id)).toMatchObject({ state: "confirmed", returnTo: "http://shop.test" });
    await recover(place);
    expect(await discrepancies(place)).toEqual([]);
  });
});
