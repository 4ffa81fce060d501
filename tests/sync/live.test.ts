/** What the live figures take from Postgres: of now, but for what takes long to add up. */
import { afterEach, expect, test, vi } from "vitest";
import { createSale } from "../../functions/sale/sale.ts";
import { readLive } from "../../functions/sale/live.ts";
import { must, newSale, useWorld } from "./harness.ts";

const { world, services } = await useWorld();
afterEach(() => void vi.restoreAllMocks());

async function newLedger(movements: number) {
  const sale = newSale({});
  must(await createSale(services, sale));
  let written = 0;
  /** Movements that no counter knows, each two units of difference. */
  const move = async (count: number) => {
    await world.behind(
      `insert into stock_ledger (sale_id, entry, sku, from_account, to_account, units, moved_at)
       select $1, 'strange ' || n, $2, 'supply', 'available', 1, now() from generate_series($3::int + 1, $3 + $4::int) as n`,
      [sale.id, sale.items[0]?.sku, written, count],
    );
    written += count;
  };
  await move(movements);
  const figures = async () => {
    const { stored } = must(await readLive(services, sale.id));
    return [stored?.orders, stored?.shoppers, stored?.ledgerDifference];
  };
  const sell = (id: string) =>
    world.behind(
      "insert into orders (sale_id, id, shopper, number, total, confirmed_at) values ($1, $2, 'a', 1, 0, now())",
      [sale.id, id],
    );
  return { move, sell, figures };
}
const ID = "00000000-0000-4000-8000-000000000001";

test("a large ledger is added up every ten seconds; orders are of now", async () => {
  const { move, sell, figures } = await newLedger(20_000);
  expect(await figures()).toEqual([0, 0, 40_000]);
  await move(1);
  await sell(ID);
  expect(await figures()).toEqual([1, 0, 40_000]);
  const { now } = Date;
  vi.spyOn(Date, "now").mockImplementation(() => now() + 10_000);
  expect(await figures()).toEqual([1, 1, 40_002]);
});

test("a small one each time", async () => {
  const { move, sell, figures } = await newLedger(1_000);
  expect(await figures()).toEqual([0, 0, 2_000]);
  await move(1);
  await sell(ID);
  expect(await figures()).toEqual([1, 1, 2_002]);
});
