/**
 * Where the links of e-mails lead, for browsers: to confirm an address, to come in by a slot, to take a registration back.
 * Opening one does nothing yet: programs that look into e-mails open links too. The page's button does it.
 */
import { Hono, type Context } from "hono";
import type { ConfirmedRegistration, Problem, PublicSale } from "../domain/api.ts";
import { refusals } from "../domain/refusal.ts";
import type { EdgeContext } from "./env.ts";
import {
  cancelledPage,
  cancelPage,
  confirmedPage,
  confirmPage,
  slotPage,
  type Asked,
} from "./pages/links.tsx";
import { notFoundPage } from "./pages/not-found.tsx";
import { noticeOf } from "./pages/notice.ts";
import { visitPath } from "./pages/paths.ts";

type Ctx = Context<EdgeContext>;

interface Link {
  /** The call of the API that the button makes. */
  call: (sale: string, token: string) => { path: string; body: object };
  asks: (asked: Asked) => string;
  /** After it was done. */
  done: (c: Ctx, sale: PublicSale, answer: Response) => Promise<Response>;
}

const noStore = { "cache-control": "no-store" };

const kinds: Record<string, Link> = {
  confirm: {
    call: (sale, token) => ({ path: `/api/sales/${sale}/registrations/confirm`, body: { token } }),
    asks: confirmPage,
    done: async (c, sale, answer) =>
      c.html(confirmedPage(c.var.say, sale, await answer.json<ConfirmedRegistration>()), 200, noStore),
  },
  slot: {
    call: (sale, token) => ({ path: `/api/sales/${sale}/queue`, body: { slotToken: token } }),
    asks: slotPage,
    done: (c, sale) => Promise.resolve(c.redirect(visitPath(c.var.say, sale.id), 303)),
  },
  unregister: {
    call: (sale, token) => ({ path: `/api/sales/${sale}/registrations/cancel`, body: { token } }),
    asks: cancelPage,
    done: (c, sale) => Promise.resolve(c.html(cancelledPage(c.var.say, sale), 200, noStore)),
  },
};

export const links = new Hono<EdgeContext>();

for (const [name, link] of Object.entries(kinds)) {
  const path = `/sales/:sale{[a-z0-9-]{1,64}}/${name}` as const;

  links.get(path, async (c) => {
    const sale = await readSale(c, c.req.param("sale"));
    return sale instanceof Response
      ? sale
      : c.html(link.asks({ say: c.var.say, sale, token: c.req.query("token") ?? "" }), 200, noStore);
  });

  links.post(path, async (c) => {
    const sale = await readSale(c, c.req.param("sale"));
    if (sale instanceof Response) return sale;
    const form = await c.req.parseBody();
    // A mail program that unsubscribes with one click posts to the link itself (RFC 8058).
    const token = typeof form["token"] === "string" ? form["token"] : (c.req.query("token") ?? "");
    const answer = await c.var.api({ method: "POST", ...link.call(sale.id, token) });
    for (const line of answer.headers.getSetCookie()) c.header("set-cookie", line, { append: true });
    if (answer.ok) return await link.done(c, sale, answer);
    const problem = await answer.json<Problem>();
    const { status } = refusals[problem.type];
    if (status >= 429) c.header("retry-after", answer.headers.get("retry-after") ?? "2");
    const { say } = c.var;
    return c.html(link.asks({ say, sale, token, notice: noticeOf(say, problem, sale) }), status, noStore);
  });
}

async function readSale(c: Ctx, saleId: string): Promise<PublicSale | Response> {
  const answer = await c.var.api({ method: "GET", path: `/api/sales/${saleId}` });
  if (answer.ok) return await answer.json<PublicSale>();
  return answer.status === 404 ? c.html(notFoundPage(c.var.say), 404) : answer;
}
