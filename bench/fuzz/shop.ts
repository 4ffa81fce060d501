/** A shop to fuzz: an open sale, and a shopper inside it who holds something. */
import { randomUUID } from "node:crypto";
import { z } from "zod";
import type { Stack } from "../../dev/stack.ts";
import { liveAnswer } from "../rehearse/answers.ts";
import type { Known } from "./requests.ts";

const [SKU, STOCK] = ["shoe", 1_000];
const joined = z.object({ ticket: z.string() });
const entered = z.object({ pass: z.string() });

export interface Shop {
  known: Known;
  /** What `/openapi.json` says. */
  contract: unknown;
  /** What does not add up, after cron. */
  faults: () => Promise<string[]>;
}

export async function openShop(stack: Stack): Promise<Shop> {
  const sale = `fuzz-${randomUUID().slice(0, 8)}`;
  const reservationId = randomUUID();
  const call = async (path: string, token: string | undefined, body?: object) => {
    const answer = await fetch(stack.url + path, {
      method: body === undefined ? "GET" : "POST",
      headers: {
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
        ...(body === undefined ? {} : { "content-type": "application/json" }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await answer.text();
    return {
      ok: answer.ok,
      cookies: answer.headers.getSetCookie(),
      json: (): unknown => JSON.parse(text),
      text,
    };
  };
  const at = (ms: number) => new Date(Date.now() + ms).toISOString();
  const create = async (id: string) => {
    const created = await call("/api/admin/sales", stack.adminToken, {
      id,
      name: "Fuzzed",
      currency: "EUR",
      opensAt: at(-1_000),
      closesAt: at(3_600_000),
      items: [{ sku: SKU, name: "Shoe", stock: STOCK, price: 0, limit: 2 }],
      releaseEverySeconds: 1,
      allowedOrigins: ["https://shop.example"],
    });
    if (!created.ok) throw new Error(`the sale was refused: ${created.text}`);
    return id;
  };
  await create(sale);
  const operated = await create(`${sale}-operated`);
  const api = `/api/sales/${sale}`;
  const join = await call(`${api}/queue`, undefined, {});
  const { ticket } = joined.parse(join.json());
  const shopper = /__Host-shopper=([^;]+)/.exec(join.cookies.join())?.[1] ?? "";
  let entry = await call(`${api}/entry`, ticket, {});
  for (; !entry.ok; entry = await call(`${api}/entry`, ticket, {}))
    await new Promise((resolve) => setTimeout(resolve, 500));
  const { pass } = entered.parse(entry.json());
  await call(`${api}/reservations`, pass, { reservationId, lines: [{ sku: SKU, quantity: 1 }] });

  const books = async (id: string) => {
    const answer = await call(`/api/admin/sales/${id}/live`, stack.adminToken);
    const { items, stored } = liveAnswer.parse(answer.json());
    const wrong = items.flatMap(({ sku, stock, available, slots, held, confirmed }) =>
      available + slots + held + confirmed === stock && Math.min(available, held, confirmed) >= 0
        ? []
        : [`${sku} does not add up: ${JSON.stringify({ stock, available, held, confirmed })}`],
    );
    if (stored === null || stored.discrepancies + Math.abs(stored.ledgerDifference) > 0)
      wrong.push(`Postgres: ${JSON.stringify(stored)}`);
    return wrong;
  };
  return {
    known: { sale, sku: SKU, operated, operator: stack.adminToken, reservationId, ticket, pass, shopper },
    contract: (await call("/openapi.json", undefined)).json(),
    async faults() {
      await stack.cron();
      return [...(await books(sale)), ...(await books(operated))];
    },
  };
}
