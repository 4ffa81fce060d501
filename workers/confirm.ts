/** The link of a confirmation e-mail, for browsers: a page that asks, and one that says it is done. */
import { Hono, type Context } from "hono";
import type { ConfirmedRegistration, Problem, PublicSale } from "../domain/api.ts";
import { refusals } from "../domain/refusal.ts";
import type { EdgeContext } from "./env.ts";
import { confirmedPage, confirmPage } from "./pages/confirm.tsx";
import { notFoundPage } from "./pages/not-found.tsx";
import { noticeOf } from "./pages/notice.ts";

export const confirm = new Hono<EdgeContext>();
const PATH = "/sales/:sale{[a-z0-9-]{1,64}}/confirm";

confirm.get(PATH, async (c) => {
  const sale = await readSale(c, c.req.param("sale"));
  if (sale instanceof Response) return sale;
  return c.html(confirmPage(sale, c.req.query("token") ?? ""), 200, { "cache-control": "no-store" });
});

confirm.post(PATH, async (c) => {
  const saleId = c.req.param("sale");
  const form = await c.req.parseBody();
  const token = typeof form["token"] === "string" ? form["token"] : "";
  const sale = await readSale(c, saleId);
  if (sale instanceof Response) return sale;
  const path = `/api/sales/${saleId}/registrations/confirm`;
  const answer = await c.var.api({ method: "POST", path, body: { token } });
  const headers = { "cache-control": "no-store" };
  if (answer.ok) {
    await answer.json<ConfirmedRegistration>();
    for (const line of answer.headers.getSetCookie()) c.header("set-cookie", line, { append: true });
    return c.html(confirmedPage(sale), 200, headers);
  }
  const problem = await answer.json<Problem>();
  return c.html(confirmPage(sale, token, noticeOf(problem, sale)), refusals[problem.type].status, headers);
});

async function readSale(c: Context<EdgeContext>, saleId: string): Promise<PublicSale | Response> {
  const answer = await c.var.api({ method: "GET", path: `/api/sales/${saleId}` });
  if (answer.ok) return await answer.json<PublicSale>();
  return answer.status === 404 ? c.html(notFoundPage(), 404) : answer;
}
