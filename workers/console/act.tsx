/** Asks before an action of actions.tsx, does it, and goes on; a refusal shows the same form again, with what was typed. */
import { Hono } from "hono";
import type { Discrepancy, StoredReservation } from "../../domain/api.ts";
import { refuse } from "../../domain/refusal.ts";
import type { Sale } from "../../domain/sale.ts";
import { actionNamed, callOf, type Action, type Seen } from "./actions.tsx";
import { refusedHere, type Refused } from "../answer.ts";
import { ask, formOf, statusOf } from "./ask.ts";
import { confirmPage } from "./confirm.tsx";
import type { ConsoleContext, Ctx } from "./context.ts";
import { page, salePath } from "./frame.tsx";
import { readLive } from "./live.tsx";
import { readSale, SALE } from "./sale.ts";
import { amountWords, reworded } from "./wording.ts";

const PATH = `${SALE}/do/:action`;

export const act = new Hono<ConsoleContext>();

act.get(PATH, async (c) => {
  const action = actionNamed(c.req.param("action"));
  if (action === undefined) return c.notFound();
  const sale = await readSale(c);
  if (!sale.ok) return c.html(outOfReach(c, action, sale), statusOf(c, sale));
  if (c.var.who.role === "viewer") {
    const refused = refusedHere(refuse("forbidden"));
    return c.html(outOfReach(c, action, refused, sale.value), statusOf(c, refused));
  }
  const live = await readLive(c);
  const said = (name: string) =>
    name === "id" && action.mints === true ? crypto.randomUUID() : (c.req.query(name) ?? "");
  return c.html(
    confirmOf(c, action, {
      sale: sale.value,
      live: live.ok ? live.value : undefined,
      said,
      refused: undefined,
      ...(await named(c, sale.value, said)),
    }),
  );
});

act.post(PATH, async (c) => {
  const name = c.req.param("action");
  const action = actionNamed(name);
  if (action === undefined) return c.notFound();
  const [sale, said] = [await readSale(c), await formOf(c)];
  if (!sale.ok) return c.html(outOfReach(c, action, sale), statusOf(c, sale));
  const seen: Seen = { sale: sale.value, live: undefined, said, refused: undefined };
  const done = await ask(c, callOf(action, seen));
  if (done.ok) {
    const to = action.leadsTo?.(seen) ?? action.tab;
    return c.redirect(`${salePath(sale.value.id, to)}?done=${name}`, 303);
  }
  const live = await readLive(c);
  const refused = reworded(done, (pointer) =>
    pointer === "/amount" ? amountWords(said("amount"), sale.value.currency) : undefined,
  );
  const again = { ...seen, ...(await named(c, sale.value, said)), refused };
  const html = confirmOf(c, action, { ...again, live: live.ok ? live.value : undefined });
  return c.html(html, statusOf(c, done));
});

/** What a link or form names by its id. */
async function named(c: Ctx, { id }: Sale, said: Seen["said"]): Promise<Pick<Seen, "discrepancy" | "order">> {
  const path = `/api/admin/sales/${id}`;
  const [run, order] = [said("run"), said("order")].map(encodeURIComponent);
  if (run !== undefined && run !== "") {
    const found = await ask<{ discrepancies: Discrepancy[] }>(c, {
      method: "GET",
      path: `${path}/reconciliations/${run}?discrepancy=${encodeURIComponent(said("discrepancy"))}`,
    });
    return { discrepancy: found.ok ? found.value.discrepancies[0] : undefined };
  }
  if (order !== undefined && order !== "") {
    const found = await ask<{ reservations: StoredReservation[] }>(c, {
      method: "GET",
      path: `${path}/reservations?id=${order}`,
    });
    return { order: found.ok ? found.value.reservations[0] : undefined };
  }
  return {};
}

function confirmOf(c: Ctx, action: Action, seen: Seen): string {
  const { title, button, tab, isFinal, passesOn = [], mints, takesNoReason, fields } = action;
  const hidden = [...passesOn, ...(mints === true ? ["id"] : [])];
  return confirmPage({
    who: c.var.who,
    sale: seen.sale,
    tab,
    title,
    text: action.text(seen),
    button,
    ...(isFinal === undefined ? {} : { isFinal }),
    action: new URL(c.req.url).pathname,
    hidden: Object.fromEntries(hidden.map((name) => [name, seen.said(name)])),
    ...(fields === undefined ? {} : { fields: fields(seen) }),
    ...(takesNoReason === true ? {} : { reason: seen.said("reason") }),
    ...(seen.refused === undefined ? {} : { refused: seen.refused }),
  });
}

const outOfReach = (c: Ctx, { title, tab }: Action, refused: Refused, sale?: { id: string; name: string }) =>
  page({
    title,
    who: c.var.who,
    refused,
    ...(sale === undefined ? {} : { sale, tab }),
    children: sale !== undefined && (
      <p>
        <a class="button" href={salePath(sale.id, tab)}>
          Back
        </a>
      </p>
    ),
  });
