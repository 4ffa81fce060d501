/** A top-up reaches Postgres once, and outlives Redis. */
import { expect, test } from "vitest";
import { saleKeys } from "../../functions/redis/keys.ts";
import { readLive } from "../../functions/sale/live.ts";
import { rebuildSale } from "../../functions/sale/rebuild.ts";
import { createSale } from "../../functions/sale/sale.ts";
import { topUp } from "../../functions/sale/top-up.ts";
import { drain } from "../../functions/sync/sync.ts";
import { addByHand, must, newSale, stored, useWorld } from "./harness.ts";

const { world, services } = await useWorld();
const wish = (id: string) => ({ id, sku: "shoe", units: 50, reason: "more came in" });

test("is an entry of the ledger and a line of the audit log, once, however often it is asked for, whatever is lost", async () => {
  const sale = newSale();
  must(await createSale(services, sale));
  const id = crypto.randomUUID();
  world.redis.faults.add({ kind: "lose_answer", match: id, times: 1 });
  expect(await topUp(services, sale.id, wish(id))).toEqual({ sku: "shoe", stock: 1050 });
  expect(await topUp(services, sale.id, wish(id))).toEqual({ sku: "shoe", stock: 1050 });
  expect(await topUp(services, sale.id, { ...wish(id), units: 1 })).toMatchObject({
    refused: "conflicting_replay",
  });
  expect(await world.settle()).toEqual([]);
  const supplied = [50, 1000].map((units) => ({ sku: "shoe", way: "supply>available", units }));
  expect(await stored(world, sale.id)).toMatchObject({ ledger: supplied, items: [{ stock: 1050 }] });
  const audit = "select count(*)::int from audit_log where sale_id = $1 and action = 'top-up'";
  expect(await world.behind(audit, [sale.id])).toEqual([{ count: 1 }]);

  await world.redis.redis.command("DEL", ...Object.values(saleKeys(sale.id)));
  must(await rebuildSale(services, sale.id));
  expect(await topUp(services, sale.id, wish(id))).toEqual({ sku: "shoe", stock: 1050 });
  expect(await world.settle()).toEqual([]);
  const live = must(await readLive(services, sale.id));
  expect(live.items).toMatchObject([{ stock: 1050, available: 1050 }]);
  expect(live.stored).toMatchObject({ ledgerDifference: 0, discrepancies: 0 });
});

test("an event of it that comes twice is set aside the second time", async () => {
  const sale = newSale();
  must(await createSale(services, sale));
  must(await topUp(services, sale.id, wish(crypto.randomUUID())));
  await world.settle();
  const { topups } = saleKeys(sale.id);
  const [event] = (await world.redis.redis.command("HVALS", topups)) as string[];
  await addByHand(world, sale.id, must(event));
  await drain(services, sale.id);
  const books = await stored(world, sale.id);
  expect(books).toMatchObject({ items: [{ stock: 1050 }] });
  expect(books.discrepancies).toHaveLength(1);
});
