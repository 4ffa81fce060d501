/** The sale a page is about. From its public answer, which Redis has and this isolate keeps; where that is away, from Postgres. */
import type { PublicSale, StoredSale } from "../../domain/api.ts";
import type { Sale } from "../../domain/sale.ts";
import type { Answer, Refused } from "../answer.ts";
import { ask, statusOf } from "./ask.ts";
import type { Ctx } from "./context.ts";
import { page } from "./frame.tsx";

export const SALE = "/sales/:sale{[a-z0-9-]{1,64}}";

export async function readSale(c: Ctx): Promise<Answer<Sale>> {
  const id = c.req.param("sale") ?? "";
  const known = await ask<PublicSale>(c, { method: "GET", path: `/api/sales/${id}` });
  if (known.ok) return known;
  const stored = await ask<StoredSale>(c, { method: "GET", path: `/api/admin/sales/${id}` });
  return stored.ok ? { ok: true, value: stored.value.sale } : stored;
}

/** The page that there is without the sale: why, and with the status of that. */
export const pageWithoutSale = (c: Ctx, title: string, refused: Refused) =>
  c.html(page({ title, who: c.var.who, refused, children: null }), statusOf(c, refused));
