/** What the network loses between the drain and its two stores changes nothing twice and leaves nothing out. */
import { expect, test } from "vitest";
import { z } from "zod";
import type { FaultRule } from "../../dev/faults.ts";
import type { Sale } from "../../domain/sale.ts";
import { saleKeys } from "../../functions/redis/keys.ts";
import { drain } from "../../functions/sync/sync.ts";
import {
  APPLY,
  CURSOR,
  admit,
  buy,
  createUndrained,
  drainAgain,
  expectSameBooks,
  outboxLength,
  useWorld,
  stored,
} from "./harness.ts";

const { world, services } = await useWorld();

async function saleWithOrders(orders: number): Promise<Sale> {
  const sale = await createUndrained(world, services);
  const passes = await admit(services, sale.id, orders);
  await Promise.all(passes.map((pass) => buy(services, pass)));
  return sale;
}

const cursorOf = async (saleId: string) => (await stored(world, saleId)).cursor?.[0]?.last_entry;
const streamStart = async (saleId: string) =>
  String(await world.redis.redis.command("XRANGE", saleKeys(saleId).outbox, "-", "+", "COUNT", 1)).split(
    ",",
  )[0];

test("an apply whose answer is lost after the commit is not repeated by the next drain", async () => {
  const sale = await saleWithOrders(3);
  world.postgres.faults.add({ kind: "lose_answer", match: APPLY, times: 1 });
  await expect(drain(services, sale.id)).rejects.toThrow("postgres unavailable");
  const committed = await stored(world, sale.id);
  expect(committed.orders).toHaveLength(3);
  expect(await drain(services, sale.id)).toBe(0);
  expect(await stored(world, sale.id)).toEqual(committed);
  await expectSameBooks(world, services, sale);
  await drainAgain(world, sale.id);
});

test.each<FaultRule>([
  { kind: "cut", match: APPLY, times: 1 },
  { kind: "error", match: APPLY, times: 1, status: 503 },
  { kind: "error", match: APPLY, times: 1, status: 500 },
  // A 400 without a code of Postgres is no verdict on the events.
  { kind: "error", match: APPLY, times: 1, status: 400 },
  { kind: "cut", match: CURSOR, times: 1 },
  { kind: "lose_answer", match: CURSOR, times: 1 },
])("after $kind $status at Postgres nothing was applied, and the next drain applies all", async (rule) => {
  const sale = await saleWithOrders(2);
  world.postgres.faults.add(rule);
  await expect(drain(services, sale.id)).rejects.toThrow("postgres unavailable");
  expect(await cursorOf(sale.id)).toBe("0-0");
  expect((await stored(world, sale.id)).reservations).toEqual([]);
  expect(await outboxLength(world, sale.id)).toBe(4);
  expect(await drain(services, sale.id)).toBe(4);
  await expectSameBooks(world, services, sale);
  await drainAgain(world, sale.id);
});

test("an apply that is delayed is applied once, another drain meanwhile included", async () => {
  const sale = await saleWithOrders(2);
  world.postgres.faults.add({ kind: "delay", match: APPLY, times: 1, delayMs: 500 });
  const slow = drain(services, sale.id);
  await expect.poll(() => world.postgres.faults.list()).toEqual([]);
  expect(await drain(world.services(), sale.id)).toBe(4);
  expect(await slow).toBe(0);
  await expectSameBooks(world, services, sale);
  await drainAgain(world, sale.id);
});

test.each<FaultRule>([
  { kind: "lose_answer", match: '"XRANGE"', times: 2 },
  { kind: "cut", match: '"XRANGE"', times: 2 },
  { kind: "error", match: '"XRANGE"', times: 2 },
  { kind: "lose_answer", match: '"XTRIM"', times: 2 },
  { kind: "cut", match: '"XTRIM"', times: 2 },
])("XRANGE or XTRIM met by $kind twice is sent again ($match)", async (rule) => {
  const sale = await saleWithOrders(2);
  world.redis.faults.add(rule);
  expect(await drain(services, sale.id, { trim: true })).toBe(4);
  expect(world.redis.faults.list()).toEqual([]);
  await expectSameBooks(world, services, sale);
  expect(await outboxLength(world, sale.id)).toBe(1);
  await drainAgain(world, sale.id);
});

test("a drain that dies between the apply and XTRIM leaves entries, which the next one trims and does not apply", async () => {
  const sale = await saleWithOrders(2);
  world.redis.faults.add({ kind: "cut", match: '"XTRIM"' });
  await expect(drain(services, sale.id, { trim: true })).rejects.toThrow("redis unavailable");
  world.redis.faults.clear();
  expect(await outboxLength(world, sale.id)).toBe(4);
  expect(await drain(services, sale.id, { trim: true })).toBe(0);
  expect(await outboxLength(world, sale.id)).toBe(1);
  await expectSameBooks(world, services, sale);
  await drainAgain(world, sale.id);
});

test("a drain that dies between two batches leaves the first one applied and the rest to the next", async () => {
  const sale = await saleWithOrders(300);
  world.redis.faults.add({ kind: "delay", match: '"(0-0"', times: 1, delayMs: 0 });
  world.redis.faults.add({ kind: "cut", match: '"XRANGE"' });
  await expect(drain(services, sale.id, { batchEntries: 500 })).rejects.toThrow("redis unavailable");
  world.redis.faults.clear();
  const entries = z
    .array(z.unknown())
    .parse(
      await world.redis.redis.command(
        "XRANGE",
        saleKeys(sale.id).outbox,
        `(${String(await cursorOf(sale.id))}`,
        "+",
      ),
    );
  expect(entries).toHaveLength(600 - 500);
  expect(await drain(services, sale.id)).toBe(100);
  await expectSameBooks(world, services, sale);
  await drainAgain(world, sale.id);
});

test("trimming never removes what is not applied, not even by a drainer whose cursor is old", async () => {
  const sale = await saleWithOrders(2);
  const other = world.services();
  // This one stops before its XTRIM, with the cursor of the first four entries in its hands.
  world.redis.faults.add({ kind: "delay", match: '"XTRIM"', times: 1, delayMs: 700 });
  const old = drain(services, sale.id, { trim: true });
  await expect.poll(() => world.redis.faults.list()).toEqual([]);
  const oldCursor = await cursorOf(sale.id);

  const passes = await admit(other, sale.id, 3);
  for (const pass of passes.slice(0, 2)) await buy(other, pass);
  expect(await drain(other, sale.id, { trim: true })).toBe(4);
  const newCursor = await cursorOf(sale.id);
  for (const pass of passes.slice(2)) await buy(other, pass);
  expect(await old).toBe(4);

  expect(newCursor).not.toBe(oldCursor);
  expect(await streamStart(sale.id)).toBe(newCursor);
  expect(await outboxLength(world, sale.id)).toBe(3);
  expect(await drain(services, sale.id)).toBe(2);
  await expectSameBooks(world, services, sale);
  await drainAgain(world, sale.id);
});

test("a drain that could not apply does not trim", async () => {
  const sale = await saleWithOrders(60);
  world.postgres.faults.add({ kind: "error", match: APPLY });
  await expect(drain(services, sale.id, { trim: true })).rejects.toThrow("postgres unavailable");
  world.postgres.faults.clear();
  expect(await outboxLength(world, sale.id)).toBe(120);
  expect(await drain(services, sale.id)).toBe(120);
  expect(await outboxLength(world, sale.id)).toBe(1);
  await expectSameBooks(world, services, sale);
  await drainAgain(world, sale.id);
});
