/** Postgres is the judge of what was sold: what its constraints refuse, no code can write (design §4.7). */
import { beforeEach, expect, test } from "vitest";
import { createSale } from "../../functions/sale/sale.ts";
import { must, newSale, useWorld } from "./harness.ts";

const { world, services } = await useWorld();
let sale = newSale();
beforeEach(async () => {
  sale = newSale();
  must(await createSale(services, sale));
});

const items = (change: string) => world.behind(`update items set ${change} where sale_id = $1`, [sale.id]);
const reservation = (id: string, state = "confirmed") =>
  world.behind(
    `insert into reservations (sale_id, id, shopper, number, state, lines, total, held_at, expires_at, changed_at)
     values ($1, $2, 'somebody', 1, $3, '[]', 0, now(), now(), now())`,
    [sale.id, id, state],
  );
const order = (id: string) =>
  world.behind(
    `insert into orders (sale_id, id, shopper, number, total, confirmed_at)
     values ($1, $2, 'somebody', 1, 0, now())`,
    [sale.id, id],
  );
const orderLine = (id: string, sku: string, quantity: number, price = 0) =>
  world.behind(
    `insert into order_lines (sale_id, order_id, sku, quantity, price) values ($1, $2, $3, $4, $5)`,
    [sale.id, id, sku, quantity, price],
  );
const movement = (from: string, to: string, units: number) =>
  world.behind(
    `insert into stock_ledger (sale_id, entry, sku, from_account, to_account, units, moved_at)
     values ($1, $2, $3, $4, $5, $6, now())`,
    [sale.id, "1-0", "shoe", from, to, units],
  );
const refusedBy = (constraint: string) => expect.objectContaining({ constraint }) as Error;

test("units held and sold beyond the stock are refused, up to it they are not", async () => {
  await items("confirmed = 600, held = 400");
  await expect(items("confirmed = 601")).rejects.toEqual(refusedBy("items_not_oversold"));
  await expect(items("held = 401")).rejects.toEqual(refusedBy("items_not_oversold"));
  await expect(items("held = 0, confirmed = 1001")).rejects.toEqual(refusedBy("items_not_oversold"));
  await expect(items("stock = 999")).rejects.toEqual(refusedBy("items_not_oversold"));
});

test("units of all accounts beyond the stock are refused, and what is in none of them is available", async () => {
  await items("confirmed = 600, held = 100, slots = 100, refunded = 100, unsold = 50");
  expect(await world.behind("select available::int from items where sale_id = $1", [sale.id])).toEqual([
    { available: 50 },
  ]);
  for (const account of ["slots", "refunded", "unsold"])
    await expect(items(`${account} = ${account} + 51`)).rejects.toEqual(refusedBy("items_not_oversold"));
});

test("negative counters are refused", async () => {
  await expect(items("held = -1")).rejects.toEqual(refusedBy("items_held_check"));
  await expect(items("confirmed = -1")).rejects.toEqual(refusedBy("items_confirmed_check"));
  await expect(items("stock = -1, held = 0")).rejects.toThrow(/check constraint/);
});

test("an order comes once", async () => {
  const id = crypto.randomUUID();
  await reservation(id);
  await order(id);
  await expect(order(id)).rejects.toEqual(refusedBy("orders_pkey"));
  await expect(reservation(id)).rejects.toEqual(refusedBy("reservations_pkey"));
});

test("an order's line comes once, and with units", async () => {
  const id = crypto.randomUUID();
  await reservation(id);
  await order(id);
  await orderLine(id, "shoe", 1);
  await expect(orderLine(id, "shoe", 1)).rejects.toEqual(refusedBy("order_lines_pkey"));
  await expect(orderLine(id, "lace", 0)).rejects.toEqual(refusedBy("order_lines_quantity_check"));
  await expect(orderLine(id, "lace", 1, -1)).rejects.toEqual(refusedBy("order_lines_price_check"));
});

test("a reservation has a state that there is", async () => {
  await expect(reservation(crypto.randomUUID(), "lost")).rejects.toEqual(
    refusedBy("reservations_state_check"),
  );
});

test("a movement has units, goes from one account to another, and is written once", async () => {
  await expect(movement("held", "held", 1)).rejects.toEqual(refusedBy("stock_ledger_check"));
  await expect(movement("held", "confirmed", 0)).rejects.toEqual(refusedBy("stock_ledger_units_check"));
  await expect(movement("held", "confirmed", -1)).rejects.toEqual(refusedBy("stock_ledger_units_check"));
  await expect(movement("pocket", "held", 1)).rejects.toEqual(refusedBy("stock_ledger_from_account_check"));
  await expect(movement("held", "pocket", 1)).rejects.toEqual(refusedBy("stock_ledger_to_account_check"));
  await movement("available", "held", 1);
  await expect(movement("held", "confirmed", 1)).rejects.toEqual(refusedBy("stock_ledger_pkey"));
});
