/** Each change of a sale is in Postgres once, whoever drains and however often. */
import { expect, test } from "vitest";
import { z } from "zod";
import { saleKeys } from "../../functions/redis/keys.ts";
import { expireHolds } from "../../functions/reservation/expire.ts";
import { extendReservation } from "../../functions/reservation/extend.ts";
import { releaseReservation } from "../../functions/reservation/reservation.ts";
import { readLive } from "../../functions/sale/live.ts";
import applySql from "../../functions/sync/apply.sql";
import { rowsOf } from "../../functions/sync/batch.ts";
import { drain } from "../../functions/sync/sync.ts";
import {
  APPLY,
  admit,
  buy,
  createUndrained,
  drainAgain,
  endHold,
  expectSameBooks,
  hold,
  must,
  outboxLength,
  useWorld,
  stored,
} from "./harness.ts";

const { world, services } = await useWorld();

const twoItems = {
  items: [
    { sku: "shoe", name: "Shoe", stock: 100, price: 0, limit: 5 },
    { sku: "lace", name: "Lace", stock: 50, price: 250, limit: 5 },
  ],
};

test("a hold that lasts longer moves no units, and Postgres has its new end, in one batch with it or in a later one", async () => {
  const sale = await createUndrained(world, services, twoItems);
  const [a, b] = await admit(services, sale.id, 2);
  const early = await hold(services, must(a), 2);
  expect(await drain(services, sale.id)).toBe(1);
  const late = await hold(services, must(b), 1);
  const ends: Record<string, string> = {};
  for (const [pass, id] of [
    [must(a), early],
    [must(b), late],
  ] as const)
    ends[id] = must(await extendReservation(services, pass, id)).expiresAt;
  must(await extendReservation(services, must(a), early));
  expect(await drain(services, sale.id)).toBe(3);

  await expectSameBooks(world, services, sale);
  const { reservations } = await stored(world, sale.id);
  expect(reservations).toHaveLength(2);
  for (const { id, expiresAtMs } of reservations ?? [])
    expect(new Date(Number(expiresAtMs)).toISOString()).toBe(ends[String(id)]);
  // And goes on as any other hold.
  must(await releaseReservation(services, must(a), early));
  expect(await drain(services, sale.id)).toBe(1);
  await expectSameBooks(world, services, sale);
});

test("held, confirmed, released and expired each reach Postgres once, with every figure the same", async () => {
  const sale = await createUndrained(world, services, twoItems);
  const [a, b, c, d, e] = await admit(services, sale.id, 5);
  const bought = await buy(services, must(a), 2);
  const held = await hold(services, must(b), 3, "lace");
  const released = await hold(services, must(c), 5);
  must(await releaseReservation(services, must(c), released));
  const expired = await hold(services, must(d), 4, "lace");
  await endHold(world, sale.id, expired);
  expect(await expireHolds(services, sale.id)).toBe(1);
  await buy(services, must(e), 1);

  expect(await drain(services, sale.id)).toBe(9);

  await expectSameBooks(world, services, sale);
  const { reservations, orders, items } = await stored(world, sale.id);
  const states = Object.fromEntries(reservations?.map(({ id, state }) => [String(id), state]) ?? []);
  expect(states).toMatchObject({
    [bought]: "confirmed",
    [held]: "held",
    [released]: "released",
    [expired]: "expired",
  });
  expect(orders).toHaveLength(2);
  expect(items).toEqual([
    { sku: "lace", stock: 50, held: 3, confirmed: 0 },
    { sku: "shoe", stock: 100, held: 0, confirmed: 3 },
  ]);
  expect(await drainAgain(world, sale.id)).toEqual([]);
});

test("before a drain the operator sees how far behind Postgres is, after it nothing is left over", async () => {
  const sale = await createUndrained(world, services);
  const [pass] = await admit(services, sale.id, 1);
  await buy(services, must(pass));
  const before = must(await readLive(services, sale.id));
  expect(before.outbox.entries).toBe(2);
  expect(before.stored).toMatchObject({ orders: 0, ledgerDifference: 0 });
  await drain(services, sale.id);
  const after = must(await readLive(services, sale.id));
  expect(after.outbox).toEqual({ entries: 0, lagSeconds: 0 });
  expect(after.stored).toMatchObject({ orders: 1, ledgerDifference: 0 });
  await drainAgain(world, sale.id);
});

test("a second drain changes nothing", async () => {
  const sale = await createUndrained(world, services);
  for (const pass of await admit(services, sale.id, 3)) await buy(services, pass);
  expect(await drain(services, sale.id)).toBe(6);
  const first = await stored(world, sale.id);
  expect(await drain(services, sale.id)).toBe(0);
  expect(await stored(world, sale.id)).toEqual(first);
  await expectSameBooks(world, services, sale);
  await drainAgain(world, sale.id);
});

test.each([2, 10])("%i drainers at once apply each entry once between them", async (drainers) => {
  const sale = await createUndrained(world, services);
  const passes = await admit(services, sale.id, 40);
  await Promise.all(passes.map((pass) => buy(services, pass)));
  const isolates = Array.from({ length: drainers }, () => world.services());
  const applied = await Promise.all(isolates.map((isolate) => drain(isolate, sale.id)));
  expect(applied.reduce((sum, entries) => sum + entries)).toBe(80);
  await expectSameBooks(world, services, sale);
  await drainAgain(world, sale.id);
});

test("drainers that all hold the same cursor move it once", async () => {
  const sale = await createUndrained(world, services);
  for (const pass of await admit(services, sale.id, 2)) await buy(services, pass);
  const [before] = (await stored(world, sale.id)).cursor ?? [];
  // Each has read cursor and entries before the first may apply.
  world.postgres.faults.add({ kind: "delay", match: APPLY, delayMs: 300, times: 10 });
  const isolates = Array.from({ length: 10 }, () => world.services());
  const { queries } = world.postgres.stats();
  const applied = await Promise.all(isolates.map((isolate) => drain(isolate, sale.id)));
  expect(world.postgres.faults.list()).toEqual([]);
  // Each reads the cursor and tries; the nine who come late look where it is now. Nothing had to be refused.
  expect(world.postgres.stats().queries - queries).toBe(29);
  expect(before).toEqual({ last_entry: "0-0" });
  expect(applied.filter((entries) => entries > 0)).toEqual([4]);
  await expectSameBooks(world, services, sale);
  await drainAgain(world, sale.id);
});

test("a statement for a cursor that has moved on changes nothing, not even what nobody has applied", async () => {
  const sale = await createUndrained(world, services);
  const [a, b] = await admit(services, sale.id, 2);
  await hold(services, must(a));
  await drain(services, sale.id);
  const before = await stored(world, sale.id);
  const id = await hold(services, must(b));
  const { reservations } = saleKeys(sale.id);
  const record = String(await world.redis.redis.command("HGET", reservations, id));
  const late = { entry: "9999999999999-0", event: record };
  const apply = (cursor: string) =>
    services.postgres(z.unknown(), applySql, [sale.id, cursor, late.entry, ...rowsOf([late])]);
  const nothing = [{ moved: false, refused: "0" }];
  expect(await apply("0-0")).toEqual(nothing);
  expect(await apply("9999999999998-0")).toEqual(nothing);
  expect(await stored(world, sale.id)).toEqual(before);
  await drain(services, sale.id);
  await expectSameBooks(world, services, sale);
  await drainAgain(world, sale.id);
});

test("a drainer overtaken by one that had read less goes on with the rest", async () => {
  const sale = await createUndrained(world, services);
  const [a, b] = await admit(services, sale.id, 2);
  await hold(services, must(a));
  // The first has read one entry and applies it late; the second reads two, and applies later still.
  world.postgres.faults.add({ kind: "delay", match: APPLY, delayMs: 300, times: 1 });
  world.postgres.faults.add({ kind: "delay", match: APPLY, delayMs: 600, times: 1 });
  const first = drain(services, sale.id);
  await expect.poll(() => world.postgres.faults.list()).toHaveLength(1);
  await hold(services, must(b));
  expect(await Promise.all([first, drain(world.services(), sale.id)])).toEqual([1, 1]);
  await expectSameBooks(world, services, sale);
  await drainAgain(world, sale.id);
});

test("several batches are applied by one drain, a change in the same batch as the one before it included", async () => {
  const sale = await createUndrained(world, services);
  const passes = await admit(services, sale.id, 300);
  const ids = await Promise.all(passes.map((pass) => buy(services, pass)));
  expect(await outboxLength(world, sale.id)).toBe(600);
  expect(await drain(services, sale.id)).toBe(600);
  await expectSameBooks(world, services, sale);
  expect((await stored(world, sale.id)).orders).toHaveLength(ids.length);
  await drainAgain(world, sale.id);
});

test("states that arrive in different batches end in the last one", async () => {
  const sale = await createUndrained(world, services);
  const [a, b] = await admit(services, sale.id, 2);
  const released = await hold(services, must(a));
  const expired = await hold(services, must(b));
  await drain(services, sale.id);
  must(await releaseReservation(services, must(a), released));
  await endHold(world, sale.id, expired);
  await expireHolds(services, sale.id);
  await drain(services, sale.id);
  await expectSameBooks(world, services, sale);
  await drainAgain(world, sale.id);
});

test("a sale that Postgres does not know is not drained", async () => {
  expect(await drain(services, `unknown-${crypto.randomUUID()}`)).toBe(0);
});
