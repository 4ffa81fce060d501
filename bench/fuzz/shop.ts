/** A shop to fuzz: an open sale, and a shopper inside it who holds something. */
import { randomUUID } from "node:crypto";
import { z } from "zod";
import type { Stack } from "../../dev/stack.ts";
import { liveAnswer } from "../rehearse/answers.ts";
import type { Known } from "./requests.ts";

const STOCK = 1_000;
const joined = z.object({ ticket: z.string() });
const entered = z.object({ pass: z.string() });

export async function openShop(stack: Stack): Promise<{ known: Known; faults: () => Promise<string[]> }> {
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
  const created = await call("/api/admin/sales", stack.adminToken, {
    id: sale,
    name: "Fuzzed",
    currency: "EUR",
    opensAt: at(-1_000),
    closesAt: at(3_600_000),
    items: [{ sku: "shoe", name: "Shoe", stock: STOCK, price: 0, limit: 2 }],
    releaseEverySeconds: 1,
    allowedOrigins: ["https://shop.example"],
  });
  if (!created.ok) throw new Error(`the sale was refused: ${created.text}`);
  const api = `/api/sales/${sale}`;
  const join = await call(`${api}/queue`, undefined, {});
  const { ticket } = joined.parse(join.json());
  const shopper = /__Host-shopper=([^;]+)/.exec(join.cookies.join())?.[1] ?? "";
  let entry = await call(`${api}/entry`, ticket, {});
  for (; !entry.ok; entry = await call(`${api}/entry`, ticket, {}))
    await new Promise((resolve) => setTimeout(resolve, 500));
  const { pass } = entered.parse(entry.json());
  await call(`${api}/reservations`, pass, { reservationId, lines: [{ sku: "shoe", quantity: 1 }] });

  return {
    known: { sale, reservationId, ticket, pass, shopper },
    async faults() {
      await stack.cron();
      const { items, stored } = liveAnswer.parse(
        (await call(`/api/admin/sales/${sale}/live`, stack.adminToken)).json(),
      );
      const wrong = items.flatMap(({ sku, stock, available, slots, held, confirmed }) =>
        available + slots + held + confirmed === stock && Math.min(available, held, confirmed) >= 0
          ? []
          : [`${sku} does not add up: ${JSON.stringify({ stock, available, held, confirmed })}`],
      );
      if (stored === null || stored.discrepancies + Math.abs(stored.ledgerDifference) > 0)
        wrong.push(`Postgres: ${JSON.stringify(stored)}`);
      return wrong;
    },
  };
}
