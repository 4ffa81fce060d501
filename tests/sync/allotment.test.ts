/** Who gets a slot, decided on real Postgres: once, whoever calls, and quickly for a hundred thousand; and what is forgotten. */
import pg from "pg";
import { expect, test } from "vitest";
import type { SaleInput } from "../../domain/sale.ts";
import { everyMinute } from "../../functions/cron.ts";
import { saleKeys } from "../../functions/redis/keys.ts";
import { cancelRegistration, confirmRegistration } from "../../functions/registration/registration.ts";
import { settleSlotsNow } from "../../functions/registration/slots.ts";
import { readLive } from "../../functions/sale/live.ts";
import { createSale } from "../../functions/sale/sale.ts";
import { drain } from "../../functions/sync/sync.ts";
import { placeOf } from "../../static/assets/draw.js";
import { must, newSale, useWorld } from "./harness.ts";

const { world, services } = await useWorld();
const DAY_MS = 24 * 3_600_000;
const DECIDE = "slots_decided_at = now(), slots_given";

const fromNow = (ms: number) => new Date(Date.now() + ms).toISOString();
const item = (stock: number) => [{ sku: "shoe", name: "Shoe", stock, price: 0, limit: 1 }];

/** A sale whose registration has just closed, with so many confirmed. */
async function registered(
  people: number,
  slots: NonNullable<SaleInput["slots"]>,
  changes: Partial<SaleInput> = {},
) {
  const sale = newSale({
    registrationOpensAt: fromNow(-7_200_000),
    registrationClosesAt: fromNow(-1_000),
    opensAt: fromNow(3_000_000),
    closesAt: fromNow(7_000_000),
    items: item(slots.count + 10),
    slots,
    ...changes,
  });
  must(await createSale(services, sale));
  await world.behind(
    `with list as (
       insert into registrations (sale_id, shopper, email, shop, state, number, confirmed_at)
       select $1, 'shopper-' || n, 'p' || n || '@mail.test', 'https://shop.example',
              case when $4 and n <= $3 then 'slot' else 'waiting' end, n, now()
         from generate_series(1, $2::bigint) as n)
     update sales set registered = $2, slots_given = case when $4 then least($2, $3) else 0 end where id = $1`,
    [sale.id, people, slots.count, slots.allocation === "first_come"],
  );
  return sale;
}

const numbersWith = async (saleId: string, state: string) =>
  (await world.behind("select number from registrations where sale_id = $1 and state = $2", [saleId, state]))
    .map(({ number }) => Number(number))
    .sort((a, b) => a - b);
const emailsOf = async (saleId: string) =>
  await world.behind(
    "select kind, count(*)::int as count from emails where sale_id = $1 group by kind order by kind",
    [saleId],
  );
const slotsLeft = async (saleId: string) =>
  Number(await services.redis.hget<string>(saleKeys(saleId).stock, "slots"));

test("100,000 registrations are drawn for 20,000 slots within 30 seconds, and each is written to once", async () => {
  const sale = await registered(100_000, {
    count: 20_000,
    allocation: "draw",
    claimUntil: fromNow(4_000_000),
  });
  const startedMs = performance.now();
  await settleSlotsNow(services, sale.id);
  const seconds = (performance.now() - startedMs) / 1000;
  console.log(`100,000 registrations drawn in ${seconds.toFixed(1)} s`);
  expect(seconds).toBeLessThan(30);
  expect(await emailsOf(sale.id)).toEqual([
    { kind: "slot", count: 20_000 },
    { kind: "waiting", count: 80_000 },
  ]);
  const winners = await numbersWith(sale.id, "slot");
  expect(winners).toHaveLength(20_000);
  const [row] = await world.behind("select slot_seed, slot_draw_count from sales where id = $1", [sale.id]);
  expect(Number(row?.slot_draw_count)).toBe(100_000);
  // Every one of a sample of them is on one of the first places, and of a sample of the others none.
  const won = new Set(winners);
  for (let number = 1; number <= 100_000; number += 997)
    expect([number, (await placeOf(String(row?.slot_seed), 100_000, number)) <= 20_000]).toEqual([
      number,
      won.has(number),
    ]);
  expect(await slotsLeft(sale.id)).toBe(20_000);
}, 90_000);

test("called by many at once, with answers lost, the draw is made once", async () => {
  const sale = await registered(300, { count: 40, allocation: "draw", claimUntil: fromNow(4_000_000) });
  world.postgres.faults.add({ match: DECIDE, kind: "lose_answer", times: 2 });
  const calls = await Promise.allSettled(
    Array.from({ length: 8 }, () => settleSlotsNow(world.services(), sale.id)),
  );
  expect(calls.some(({ status }) => status === "rejected")).toBe(true);
  await settleSlotsNow(services, sale.id);
  expect(await numbersWith(sale.id, "slot")).toHaveLength(40);
  expect(await emailsOf(sale.id)).toEqual([
    { kind: "slot", count: 40 },
    { kind: "waiting", count: 260 },
  ]);
  expect(await slotsLeft(sale.id)).toBe(40);
});

test("who is being confirmed when a slot becomes free has it before all who come later", async () => {
  const sale = await registered(
    1,
    { count: 1, allocation: "first_come", claimUntil: fromNow(4_000_000) },
    { registrationClosesAt: fromNow(600_000) },
  );
  const shop = "https://shop.example";
  for (const shopper of ["bob", "cid"])
    await world.behind(
      "insert into registrations (sale_id, shopper, email, shop) values ($1, $2, $2 || '@mail.test', $3)",
      [sale.id, shopper, shop],
    );
  const confirmed = async (shopper: string) =>
    must(
      await confirmRegistration(
        services,
        sale.id,
        await services.keys.sign({
          kind: "confirmation",
          sale: sale.id,
          shopper,
          id: crypto.randomUUID(),
          expiresAtMs: Date.now() + 60_000,
        }),
        `browser of ${shopper}`,
      ),
    );
  // Bob's confirmation is written and not committed yet when Ann takes hers back.
  const client = new pg.Client({ connectionString: world.database.connectionString });
  await client.connect();
  await client.query("begin");
  await client.query("update sales set registered = 2 where id = $1", [sale.id]);
  await client.query(
    "update registrations set state = 'waiting', number = 2, confirmed_at = now() where sale_id = $1 and shopper = 'bob'",
    [sale.id],
  );
  const cancelling = cancelRegistration(services, sale, "shopper-1");
  await new Promise((resolve) => setTimeout(resolve, 300));
  await client.query("commit");
  await client.end();
  await cancelling;
  expect((await confirmed("cid")).status).toBe("waiting");
  expect(await numbersWith(sale.id, "slot")).toEqual([2]);
});

test("who left before the draw is passed over, and nobody's slot is lost by it", async () => {
  const sale = await registered(20, { count: 20, allocation: "draw", claimUntil: fromNow(4_000_000) });
  await world.behind(
    "update registrations set state = 'left', email = null where sale_id = $1 and number <= 5",
    [sale.id],
  );
  await settleSlotsNow(services, sale.id);
  expect(await numbersWith(sale.id, "slot")).toEqual(Array.from({ length: 15 }, (_, i) => i + 6));
  expect(await slotsLeft(sale.id)).toBe(15);
});

test("without Postgres units past their time go to the line all the same, and the ledger hears of it later", async () => {
  const sale = await registered(
    3,
    { count: 3, allocation: "first_come", claimUntil: fromNow(-500) },
    { registrationClosesAt: fromNow(-3_700_000), opensAt: fromNow(-3_600_000) },
  );
  world.postgres.faults.add({ match: "select", kind: "error", status: 503, times: 1_000 });
  expect(await settleSlotsNow(services, sale.id)).toBe(3);
  expect(await settleSlotsNow(services, sale.id)).toBe(0);
  world.postgres.faults.clear();
  await world.settle();
  await drain(services, sale.id);
  const [row] = await world.behind("select slots::int from items where sale_id = $1", [sale.id]);
  expect(row).toEqual({ slots: 0 });
  expect(must(await readLive(services, sale.id)).stored).toMatchObject({
    ledgerDifference: 0,
    discrepancies: 0,
  });
});

test("a hundred thousand e-mails are spread so that the last is out ten minutes before opening", async () => {
  const sale = await registered(1_000, {
    count: 1_000,
    allocation: "first_come",
    claimUntil: fromNow(4_000_000),
  });
  await settleSlotsNow({ ...services, emailLimits: { perMinute: 100, perDay: 10_000 } }, sale.id);
  const [row] = await world.behind(
    "select extract(epoch from min(due_at)) as first, extract(epoch from max(due_at)) as last from emails where sale_id = $1",
    [sale.id],
  );
  const opensAt = Date.parse(sale.opensAt) / 1000;
  expect(opensAt - Number(row?.last)).toBeCloseTo(600, -1);
  expect(Number(row?.last) - Number(row?.first)).toBeCloseTo(599.4, 0);
});

test("addresses are forgotten some days after the sale, and those never confirmed after two", async () => {
  const sale = await registered(2, { count: 1, allocation: "first_come", claimUntil: fromNow(4_000_000) });
  await settleSlotsNow(services, sale.id);
  await world.behind(
    `insert into registrations (sale_id, shopper, email, shop, asked_at)
     values ($1, 'old', 'old@mail.test', 'https://shop.example', now() - interval '3 days'),
            ($1, 'new', 'new@mail.test', 'https://shop.example', now())`,
    [sale.id],
  );
  await everyMinute(services);
  const emails = async () =>
    (await world.behind("select email from registrations where sale_id = $1 order by email", [sale.id])).map(
      ({ email }) => email,
    );
  expect(await emails()).toEqual(["new@mail.test", "p1@mail.test", "p2@mail.test"]);
  await world.behind(
    `update sales set definition = (definition - 'slots' - 'registrationOpensAt' - 'registrationClosesAt') || $2 where id = $1`,
    [sale.id, JSON.stringify({ opensAt: fromNow(-33 * DAY_MS), closesAt: fromNow(-31 * DAY_MS) })],
  );
  await everyMinute(services);
  expect(await emails()).toEqual(["new@mail.test", null, null]);
  const [row] = await world.behind("select count(recipient)::int as known from emails where sale_id = $1", [
    sale.id,
  ]);
  expect(row).toEqual({ known: 0 });
});
