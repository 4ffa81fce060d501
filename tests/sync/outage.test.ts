/** Without Postgres the sale goes on and the outbox grows; with it back, one drain catches up (design §4.6). */
import { expect, test } from "vitest";
import { isRefusal } from "../../domain/refusal.ts";
import { everyMinute } from "../../functions/cron.ts";
import { releaseReservation } from "../../functions/reservation/reservation.ts";
import { readLive } from "../../functions/sale/live.ts";
import { createSale } from "../../functions/sale/sale.ts";
import { drain } from "../../functions/sync/sync.ts";
import {
  admit,
  buy,
  createUndrained,
  drainAgain,
  expectSameBooks,
  hold,
  must,
  newSale,
  outboxLength,
  useWorld,
  stored,
} from "./harness.ts";

const { world, services } = await useWorld();

test("Postgres dies amid 200 purchases: all succeed, and one drain after its return brings them over", async () => {
  const sale = newSale();
  must(await createSale(services, sale));
  const passes = await admit(services, sale.id, 200);
  let bought = 0;
  let killed: Promise<void> | undefined;
  await Promise.all(
    passes.map(async (pass) => {
      await buy(services, pass);
      if (++bought === 50) killed = world.database.kill();
    }),
  );
  await killed;
  expect(bought).toBe(200);
  for (const failure of await world.settle()) expect(String(failure)).toContain("postgres unavailable");

  const away = must(await readLive(services, sale.id));
  expect(away.stored).toBeNull();
  expect(away.items).toMatchObject([{ available: 800, held: 0, confirmed: 200 }]);
  expect(away.outbox.entries).toBeGreaterThan(0);

  await world.database.restart();
  await drain(services, sale.id);
  await expectSameBooks(world, services, sale);
  expect((await stored(world, sale.id)).orders).toHaveLength(200);
});

test("while Postgres is away the outbox keeps every entry, cron fails at nothing else, and cron alone catches up", async () => {
  const sale = newSale();
  must(await createSale(services, sale));
  await world.database.kill();
  const passes = await admit(services, sale.id, 20);
  for (const pass of passes.slice(0, 10)) await buy(services, pass);
  for (const pass of passes.slice(10)) {
    const id = await hold(services, pass);
    must(await releaseReservation(services, pass, id));
  }
  await everyMinute(services);
  await world.settle();
  expect(await outboxLength(world, sale.id)).toBe(40);
  await world.database.restart();
  await everyMinute(services);
  await world.settle();
  await expectSameBooks(world, services, sale);
  expect(await outboxLength(world, sale.id)).toBe(1);
});

test("a sale cannot be created while Postgres is away, and nothing of it is left behind", async () => {
  const sale = newSale();
  await world.database.kill();
  await expect(createSale(services, sale)).rejects.toThrow("postgres unavailable");
  await world.database.restart();
  expect(await world.redis.redis.command("EXISTS", `{${sale.id}}:sale`)).toBe(0);
  const created = await createSale(services, sale);
  expect(isRefusal(created)).toBe(false);
  expect(created).toMatchObject({ created: true });
});

test("a crash of Postgres in the midst of a drain leaves whole batches only", async () => {
  const sale = await createUndrained(world, services);
  const passes = await admit(services, sale.id, 300);
  await Promise.all(passes.map((pass) => buy(services, pass)));
  const outcome = drain(services, sale.id, { batchEntries: 500 }).then(
    () => "drained",
    (error: unknown) => String(error),
  );
  await new Promise((resolve) => setTimeout(resolve, 40));
  await world.database.kill();
  expect(await outcome).toMatch(/drained|postgres unavailable/);
  await world.database.restart();
  const { ledger, cursor } = await stored(world, sale.id);
  // One movement an entry, and the supply.
  const applied = (ledger?.length ?? 0) - 1;
  expect([0, 500, 600]).toContain(applied);
  expect(cursor?.[0]?.last_entry === "0-0").toBe(applied === 0);
  await drain(services, sale.id);
  await expectSameBooks(world, services, sale);
  await drainAgain(world, sale.id);
});
