/** What of the line outlives Redis: how far it was served, a number that none given out exceeds, the size of a draw. */
import { expect, test, vi } from "vitest";
import type { Sale, SaleInput } from "../../domain/sale.ts";
import { tick } from "../../functions/queue/pulse.ts";
import { joinQueue } from "../../functions/queue/queue.ts";
import rememberSql from "../../functions/queue/remember.sql";
import { rememberLine } from "../../functions/queue/remember.ts";
import { saleKeys } from "../../functions/redis/keys.ts";
import { createSale } from "../../functions/sale/sale.ts";
import { must, newSale, tickNow, useWorld } from "./harness.ts";

const { world, services } = await useWorld();
const REMEMBER = "numbers_until = greatest";

async function create(changes: Partial<SaleInput> = {}): Promise<Sale> {
  const sale = newSale(changes);
  must(await createSale(services, sale));
  return sale;
}

/** Numbers given out past the queue, so that a crowd takes no time. */
const giveOut = async (saleId: string, lastNumber: number) =>
  await world.redis.redis.command("HSET", saleKeys(saleId).sale, "lastNumber", lastNumber);
const boundInRedis = async (saleId: string) =>
  Number(await world.redis.redis.command("HGET", saleKeys(saleId).sale, "numbersUntil"));
const remembered = async (saleId: string) => {
  const query = `select numbers_until::int as "numbersUntil", now_serving::int as "nowServing", draw_count::int as "drawCount"
                   from sales where id = $1`;
  return (await world.behind(query, [saleId]))[0];
};
const lookAt = async (saleId: string) => {
  const state = must(await tick(services, saleId));
  expect(await world.settle()).toEqual([]);
  return state;
};

test("the bound is moved when three quarters of it are used, ahead of a crowd that doubles; else nothing is written", async () => {
  const sale = await create();
  await lookAt(sale.id);
  expect(await remembered(sale.id)).toMatchObject({ numbersUntil: 0 });
  await giveOut(sale.id, 1);
  await lookAt(sale.id);
  expect(await remembered(sale.id)).toMatchObject({ numbersUntil: 1002 });
  expect(await boundInRedis(sale.id)).toBe(1002);
  for (const [given, bound, statements] of [
    [751, 1002, 0],
    [752, 2504, 1],
    [1878, 2504, 0],
    [1879, 4758, 1],
  ] as const) {
    const { queries } = world.postgres.stats();
    await giveOut(sale.id, given);
    await lookAt(sale.id);
    expect([given, await boundInRedis(sale.id)]).toEqual([given, bound]);
    expect(world.postgres.stats().queries - queries).toBe(statements);
    expect(await remembered(sale.id)).toMatchObject({ numbersUntil: bound });
  }
});

test("how far the line was served is written after each release", async () => {
  const sale = await create({ releaseSize: 2, items: [{ sku: "shoe", name: "Shoe", stock: 9, price: 0 }] });
  // Joins tick too when one is due; that must not happen in between.
  await world.redis.redis.command("HSET", saleKeys(sale.id).sale, "lastTick", 999_999);
  for (let i = 0; i < 5; i++) must(await joinQueue(services, sale.id, { shopper: `s${i}` }));
  await world.redis.redis.command(
    "HSET",
    saleKeys(sale.id).sale,
    "lastTick",
    Math.floor((Date.now() - Date.parse(sale.opensAt)) / 1000),
  );
  for (let rounds = 0; rounds < 5; rounds++)
    await tickNow(world, services, sale.id).then(() => world.settle());
  expect(await remembered(sale.id)).toMatchObject({ nowServing: 5 });
});

test("the size of a draw is written once, at opening", async () => {
  const sale = await create({ lobby: "draw" });
  await giveOut(sale.id, 40);
  expect((await lookAt(sale.id)).draw).toMatchObject({ drawn: 40 });
  expect(await remembered(sale.id)).toMatchObject({ drawCount: 40 });
  await giveOut(sale.id, 50);
  await lookAt(sale.id);
  expect(await remembered(sale.id)).toMatchObject({ drawCount: 40 });
});

test("only forward: a statement that comes late or twice changes nothing", async () => {
  const sale = await create({ lobby: "draw" });
  const remember = (epoch: number, nowServing: number, until: number, drawn: number | null) =>
    world.behind(rememberSql, [sale.id, epoch, nowServing, until, drawn]);
  await remember(1, 30, 1000, null);
  await remember(1, 20, 900, 40);
  const after = { nowServing: 30, numbersUntil: 1000, drawCount: 40 };
  expect(await remembered(sale.id)).toEqual(after);
  await remember(1, 30, 1000, 41);
  expect(await remembered(sale.id)).toEqual(after);
});

test("a draw of an epoch that is over is not taken for the one in force", async () => {
  const sale = await create({ lobby: "draw" });
  await world.behind("update sales set epoch = 2 where id = $1", [sale.id]);
  await world.behind(rememberSql, [sale.id, 1, 0, 0, 40]);
  expect(await remembered(sale.id)).toMatchObject({ drawCount: null });
  await world.behind(rememberSql, [sale.id, 2, 0, 0, 50]);
  expect(await remembered(sale.id)).toMatchObject({ drawCount: 50 });
});

test("of many looks at once one writes", async () => {
  const sale = await create();
  await giveOut(sale.id, 1);
  const { queries } = world.postgres.stats();
  await Promise.all(Array.from({ length: 30 }, () => tick(services, sale.id)));
  expect(await world.settle()).toEqual([]);
  expect(world.postgres.stats().queries - queries).toBe(1);
});

test("while Postgres is away the line goes on, the failure is heard of, and a later look writes", async () => {
  const sale = await create();
  await giveOut(sale.id, 5);
  world.postgres.faults.add({ kind: "cut", match: REMEMBER, times: 1 });
  must(await tick(services, sale.id));
  expect((await world.settle()).map(String)).toEqual([expect.stringContaining("postgres unavailable")]);
  expect(await remembered(sale.id)).toMatchObject({ numbersUntil: 0 });
  await lookAt(sale.id);
  expect(await remembered(sale.id)).toMatchObject({ numbersUntil: 1010 });
});

test("a lost answer, of Postgres or of Redis, leaves both bounds the same after the next look", async () => {
  const sale = await create();
  await giveOut(sale.id, 5);
  world.postgres.faults.add({ kind: "lose_answer", match: REMEMBER, times: 1 });
  must(await tick(services, sale.id));
  await world.settle();
  expect([await boundInRedis(sale.id), (await remembered(sale.id))?.numbersUntil]).toEqual([0, 1010]);
  await lookAt(sale.id);
  expect(await boundInRedis(sale.id)).toBe(1010);
  await giveOut(sale.id, 1000);
  world.redis.faults.add({ kind: "cut", match: '"numbersUntil"', times: 3 });
  must(await tick(services, sale.id));
  await world.settle();
  expect([await boundInRedis(sale.id), (await remembered(sale.id))?.numbersUntil]).toEqual([1010, 3000]);
  await lookAt(sale.id);
  expect(await boundInRedis(sale.id)).toBe(3000);
});

test("a write that hangs does not keep others from writing for ever", async () => {
  const sale = await create();
  await giveOut(sale.id, 5);
  const state = must(await tick(services, sale.id));
  expect(await world.settle()).toEqual([]);
  let [hangs, writes] = [0, 0];
  const later = () => undefined;
  const hanging = {
    ...services,
    later,
    postgres: () => {
      hangs++;
      return new Promise<never>(() => undefined);
    },
  };
  const counting = {
    ...services,
    later,
    postgres: () => {
      writes++;
      return Promise.resolve([]);
    },
  };
  const far = { ...state, joined: 99_999 };
  rememberLine(hanging, sale.id, far);
  rememberLine(counting, sale.id, far);
  expect([hangs, writes]).toEqual([1, 0]);
  const clock = vi.spyOn(Date, "now").mockReturnValue(Date.now() + 12_001);
  rememberLine(counting, sale.id, far);
  clock.mockRestore();
  expect(writes).toBe(1);
});
