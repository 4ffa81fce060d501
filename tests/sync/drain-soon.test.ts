/** Changes reach Postgres soon after they are made, without cron, and with few statements however many they are. */
import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { saleKeys } from "../../functions/redis/keys.ts";
import { createSale } from "../../functions/sale/sale.ts";
import { drainSoon } from "../../functions/sync/sync.ts";
import {
  APPLY,
  admit,
  buy,
  createUndrained,
  drainAgain,
  expectSameBooks,
  hold,
  must,
  newSale,
  useWorld,
  stored,
} from "./harness.ts";

const { world, services } = await useWorld();

test("a hundred calls at once are one drain", async () => {
  const sale = await createUndrained(world, services);
  const passes = await admit(services, sale.id, 100);
  const { queries } = world.postgres.stats();
  await Promise.all(passes.map((pass) => hold(services, pass)));
  await Promise.all(Array.from({ length: 100 }, () => drainSoon(services, sale.id)));
  expect(await drainAgain(world, sale.id)).toEqual([]);
  // The cursor is read, the batch is applied.
  expect(world.postgres.stats().queries - queries).toBe(2);
  await expectSameBooks(world, services, sale);
});

test("a stream of changes is drained at most once a lease, and all of it arrives without cron", async () => {
  const sale = newSale();
  must(await createSale(services, sale));
  const passes = await admit(services, sale.id, 100);
  await world.settle();
  const { queries } = world.postgres.stats();
  const began = Date.now();
  for (const pass of passes) {
    await buy(services, pass);
    await sleep(10);
  }
  expect(await world.settle()).toEqual([]);
  const leases = Math.ceil((Date.now() - began) / 500) + 1;
  expect(leases).toBeGreaterThan(2);
  expect(world.postgres.stats().queries - queries).toBeLessThanOrEqual(2 * leases);
  await expectSameBooks(world, services, sale);
});

test("a change that comes while a drain is under way arrives without cron", async () => {
  const sale = newSale();
  must(await createSale(services, sale));
  const [a, b] = await admit(services, sale.id, 2);
  world.postgres.faults.add({ kind: "delay", match: APPLY, times: 1, delayMs: 1000 });
  await hold(services, must(a));
  await expect.poll(() => world.postgres.faults.list()).toEqual([]);
  // The first drain has read the outbox; this change is not in what it applies.
  await hold(services, must(b));
  expect(await world.settle()).toEqual([]);
  await expectSameBooks(world, services, sale);
});

test("a change made while another isolate waits for the lease arrives with that isolate's drain", async () => {
  const sale = await createUndrained(world, services);
  const [pass] = await admit(services, sale.id, 1);
  const waiting = drainSoon(services, sale.id);
  await buy(services, must(pass));
  await drainAgain(world, sale.id);
  await waiting;
  await expectSameBooks(world, services, sale);
});

test("a drain that fails leaves the isolate free to drain at the next change", async () => {
  const sale = newSale();
  must(await createSale(services, sale));
  const [a, b, c] = await admit(services, sale.id, 3);
  world.postgres.faults.add({ kind: "error", match: APPLY, times: 1 });
  await hold(services, must(a));
  expect((await world.settle()).map(String)).toEqual([expect.stringContaining("postgres unavailable")]);
  world.redis.faults.add({ kind: "cut", match: `"${saleKeys(sale.id).drain}"`, times: 3 });
  await hold(services, must(b));
  expect((await world.settle()).map(String)).toEqual([expect.stringContaining("redis unavailable")]);
  expect((await stored(world, sale.id)).reservations).toEqual([]);
  await hold(services, must(c));
  expect(await world.settle()).toEqual([]);
  await expectSameBooks(world, services, sale);
});

test("a lost answer of the lease delays the drain and does not prevent it", async () => {
  const sale = newSale();
  must(await createSale(services, sale));
  const [pass] = await admit(services, sale.id, 1);
  world.redis.faults.add({ kind: "lose_answer", match: `"${saleKeys(sale.id).drain}"`, times: 1 });
  await hold(services, must(pass));
  expect(await world.settle()).toEqual([]);
  expect(world.redis.faults.list()).toEqual([]);
  await expectSameBooks(world, services, sale);
});
