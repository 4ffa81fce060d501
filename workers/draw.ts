/** The check page of a draw: recomputes any place from what is public. */
import { Hono } from "hono";
import type { PublicSale } from "../domain/api.ts";
import { commitmentOf, placeOf } from "../static/assets/draw.js";
import type { EdgeContext } from "./env.ts";
import { NOT_FOUND_CACHE, PAGE_CACHE } from "./pages/cache.ts";
import { drawPage, type Checked } from "./pages/draw.tsx";
import { notFoundPage } from "./pages/not-found.tsx";

export const draw = new Hono<EdgeContext>();

draw.get("/sales/:sale/draw", async (c) => {
  const path = `/api/sales/${encodeURIComponent(c.req.param("sale"))}`;
  const answer = await c.var.api({ method: "GET", path });
  if (!answer.ok && answer.status !== 404) return answer;
  const sale = answer.ok ? await answer.json<PublicSale>() : undefined;
  if (sale?.draw === undefined)
    return c.html(notFoundPage(c.var.say), 404, { "cache-control": NOT_FOUND_CACHE });
  const checked = await check(sale.draw, c.req.query("number"));
  return c.html(drawPage({ say: c.var.say, sale, draw: sale.draw, ...checked }), 200, {
    "cache-control": PAGE_CACHE,
  });
});

async function check(
  { commitment, seed, count = 0 }: NonNullable<PublicSale["draw"]>,
  asked: string | undefined,
): Promise<Checked> {
  if (seed === undefined) return { isCommitted: undefined };
  const isCommitted = (await commitmentOf(seed)) === commitment;
  if (asked === undefined || !/^\d{1,9}$/.test(asked)) return { isCommitted };
  const number = Number(asked);
  const place = number >= 1 && number <= count ? await placeOf(seed, count, number) : undefined;
  return { isCommitted, asked: { number, place } };
}
