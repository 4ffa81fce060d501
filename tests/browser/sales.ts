/** Sales for the tests: each test has one of its own, under an id nobody else uses. */
import { randomUUID } from "node:crypto";
import type { SaleInput } from "../../domain/sale.ts";

export interface Shop {
  url: string;
  adminToken: string;
}

const fromNow = (ms: number) => new Date(Date.now() + ms).toISOString();

/** A free sale that has just opened and releases each second, unless told otherwise. @returns its id */
export async function createSale(
  shop: Shop,
  options: { opensInMs?: number; stock?: number } & Partial<SaleInput> = {},
): Promise<string> {
  const { opensInMs = -1000, stock = 5, ...fields } = options;
  const sale: SaleInput = {
    id: `browser-${randomUUID().slice(0, 8)}`,
    name: "Meridian One",
    description: "A trail runner, numbered by hand.\n\nNo restock.",
    currency: "EUR",
    opensAt: fromNow(opensInMs),
    closesAt: fromNow(24 * 3_600_000),
    releaseEverySeconds: 1,
    items: [{ sku: "sand", name: "Sand", stock, price: 0, limit: 2 }],
    ...fields,
  };
  const created = await fetch(`${shop.url}/api/admin/sales`, {
    method: "POST",
    headers: { "content-type": "application/json", authorization: `Bearer ${shop.adminToken}` },
    body: JSON.stringify(sale),
  });
  if (created.status !== 201) throw new Error(`no sale: ${created.status} ${await created.text()}`);
  return sale.id;
}

export const setMode = (shop: Shop, saleId: string, mode: string) =>
  operate(shop, `/sales/${saleId}/mode`, { mode });

/** A call of the admin API. @returns its answer */
export async function operate(
  shop: Shop,
  path: string,
  body?: object,
  method = body === undefined ? "GET" : "POST",
): Promise<unknown> {
  const answer = await fetch(`${shop.url}/api/admin${path}`, {
    method,
    headers: { "content-type": "application/json", authorization: `Bearer ${shop.adminToken}` },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
  return await answer.json();
}
