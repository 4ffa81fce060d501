/**
 * Defining sales: a new one, from scratch, from a copy or from a file; a change until the line opens; a look at the shop's page
 * before any of it is saved. The API judges all of it, and what it refuses is shown where it was typed.
 */
import { Hono } from "hono";
import type { PublicSale, StoredSale } from "../../domain/api.ts";
import { refuse } from "../../domain/refusal.ts";
import { widgetOf } from "../bot-check.ts";
import { salePage } from "../pages/sale.tsx";
import { refusedHere, type Refused } from "../answer.ts";
import { ask, formOf, statusOf } from "./ask.ts";
import type { ConsoleContext, Ctx } from "./context.ts";
import { compacted, copyOf, definitionOf, recordOf, valuesOf, type Values } from "./definition.ts";
import { EditorForm, type Editor } from "./editor.tsx";
import { page, salePath } from "./frame.tsx";
import { importPage } from "./import.tsx";
import { fieldAt } from "./labels.ts";
import { pageWithoutSale } from "./sale.ts";
import { inFormWords } from "./wording.ts";
import { isZone } from "./zone.ts";

export const define = new Hono<ConsoleContext>();

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const ROWS_MORE = 5;
const SALE = "/sales/:sale{[a-z0-9-]{1,64}}";

define.get("/new", async (c) => {
  if (c.req.query("from") === "file") return c.html(importPage(c.var.who));
  const copied = c.req.query("copy");
  if (copied === undefined) return showNew(c, valuesOf(await draft(c), "UTC"));
  const stored = await readStored(c, copied);
  if (!stored.ok) return showNew(c, valuesOf(await draft(c), "UTC"), stored);
  return showNew(c, valuesOf(copyOf({ ...stored.value.sale }, Date.now()), "UTC"));
});

define.post("/new", async (c) => {
  const values = await valuesSent(c);
  if (values["more"] !== undefined) return showNew(c, values, undefined, ROWS_MORE);
  const refused = await wrongZone(c, values);
  if (refused !== undefined) return showNew(c, values, refused);
  const body = definitionOf(values);
  const created = await ask<PublicSale>(c, { method: "POST", path: "/api/admin/sales", body });
  if (!created.ok) return showNew(c, values, created);
  return c.redirect(`${salePath(created.value.id, "/checklist")}?done=created`, 303);
});

define.post("/import", async (c) => {
  const text = (await formOf(c))("definition");
  const said = parsed(text);
  if (said === undefined)
    return c.html(importPage(c.var.who, text, refusedHere(refuse("malformed_json"))), 400);
  const judged = await ask<PublicSale>(c, { method: "POST", path: "/api/admin/preview", body: said });
  return showNew(c, valuesOf(said, "UTC"), judged.ok ? undefined : judged);
});

define.post("/preview", async (c) => {
  const values = await valuesSent(c);
  const judged = (await wrongZone(c, values)) ?? (await judge(c, values));
  if (!judged.ok) return showNew(c, values, judged);
  // Only to be looked at: its script and its buttons would ask for a sale that is not there.
  c.header("content-security-policy", "sandbox; default-src 'none'; style-src 'self'; img-src 'self'");
  return c.html(
    salePage(c.var.say, judged.value, { widget: widgetOf(c.env), loginUrl: c.env.ACCOUNT_LOGIN_URL }),
  );
});

define.get(`${SALE}/edit`, async (c) => {
  const stored = await readStored(c, c.req.param("sale"));
  if (!stored.ok) return pageWithoutSale(c, "Definition", stored);
  return showEdit(c, stored.value, valuesOf({ ...stored.value.sale }, "UTC"));
});

define.post(`${SALE}/edit`, async (c) => {
  const saleId = c.req.param("sale");
  const values = await valuesSent(c);
  const stored = await readStored(c, saleId);
  if (!stored.ok) return pageWithoutSale(c, "Definition", stored);
  const refused = await wrongZone(c, values);
  if (refused !== undefined) return showEdit(c, stored.value, values, refused);
  const body = { ...definitionOf(values), reason: values["reason"] ?? "" };
  const saved = await ask<PublicSale>(c, { method: "PUT", path: `/api/admin/sales/${saleId}`, body });
  if (!saved.ok) return showEdit(c, stored.value, values, saved);
  return c.redirect(`${salePath(saleId, "/edit")}?done=saved`, 303);
});

define.get(`${SALE}/definition.json`, async (c) => {
  const stored = await readStored(c, c.req.param("sale"));
  if (!stored.ok) return pageWithoutSale(c, "Definition", stored);
  c.header("content-type", "application/json");
  c.header("content-disposition", `attachment; filename="${stored.value.sale.id}.json"`);
  return c.body(`${JSON.stringify(stored.value.sale, null, 2)}\n`);
});

const readStored = (c: Ctx, saleId: string) =>
  ask<StoredSale>(c, { method: "GET", path: `/api/admin/sales/${encodeURIComponent(saleId)}` });

/** A new sale as it begins: the defaults are the API's own; it opens tomorrow at ten. */
async function draft(c: Ctx): Promise<Record<string, unknown>> {
  const opensAtMs = Math.floor(Date.now() / DAY_MS + 1) * DAY_MS + 10 * HOUR_MS;
  const own = {
    currency: "EUR",
    opensAt: new Date(opensAtMs).toISOString(),
    closesAt: new Date(opensAtMs + 2 * HOUR_MS).toISOString(),
  };
  const body = {
    ...own,
    id: "draft",
    name: "draft",
    items: [{ sku: "draft", name: "draft", stock: 0, price: 0 }],
  };
  const filled = await ask<PublicSale>(c, { method: "POST", path: "/api/admin/preview", body });
  return { ...(filled.ok ? filled.value : {}), ...own, id: "", name: "", items: [] };
}

async function valuesSent(c: Ctx): Promise<Values> {
  const form = await c.req.parseBody();
  const texts = Object.entries(form).filter(
    (entry): entry is [string, string] => typeof entry[1] === "string",
  );
  return compacted(Object.fromEntries(texts));
}

/** What the API makes of a form, without keeping anything of it. */
const judge = (c: Ctx, values: Values) =>
  ask<PublicSale>(c, { method: "POST", path: "/api/admin/preview", body: definitionOf(values) });

/** A zone that is none, and all else that is wrong, so that nobody finds out one after the other. */
async function wrongZone(c: Ctx, values: Values): Promise<Refused | undefined> {
  if (isZone(values["zone"] ?? "UTC")) return undefined;
  const judged = await judge(c, values);
  if (!judged.ok && judged.problem.type !== "invalid_input") return judged;
  const wrong = { pointer: "/zone", detail: "not a time zone that is known here, such as Europe/Berlin" };
  const errors = [wrong, ...(judged.ok ? [] : (judged.problem.errors ?? []))];
  return refusedHere(refuse("invalid_input", { errors }));
}

function parsed(text: string): Record<string, unknown> | undefined {
  try {
    const said = recordOf(JSON.parse(text));
    return Object.keys(said).length === 0 ? undefined : said;
  } catch {
    return undefined;
  }
}

function showNew(c: Ctx, values: Values, answer?: Refused, moreRows?: number): Response {
  const refused = answer && inFormWords(answer, values);
  const editor: Editor = {
    values,
    refused,
    state: "new",
    action: "/admin/new",
    cancel: "/admin",
    ...(moreRows === undefined ? {} : { moreRows }),
  };
  const html = page({
    title: "New sale",
    who: c.var.who,
    area: "/admin",
    refused,
    fieldAt,
    scripts: ["console-editor.js"],
    children: (
      <>
        <div class="head">
          <h1>New sale</h1>
          <a class="button" href="/admin/new?from=file">
            From a file
          </a>
        </div>
        <EditorForm {...editor} />
      </>
    ),
  });
  return c.html(html, refused === undefined ? 200 : statusOf(c, refused));
}

function showEdit(c: Ctx, { sale, state }: StoredSale, values: Values, answer?: Refused) {
  const refused = answer && inFormWords(answer, values);
  const isOpen = state.phase !== "scheduled" && state.phase !== "registration";
  const isFixed = isOpen || c.var.who.role === "viewer";
  const html = page({
    title: "Definition",
    who: c.var.who,
    sale,
    tab: "/edit",
    refused,
    done: c.req.query("done") === "saved" ? "Saved: the shop shows it so from now on." : undefined,
    fieldAt,
    scripts: ["console-editor.js"],
    children: (
      <>
        {isOpen && (
          <p class="note">
            The line of this sale has opened, so its definition stays as it is. Pausing, the release size,
            top-ups and closing still work; another sale can be a copy of it.
          </p>
        )}
        {!isFixed && (
          <p class="note">
            Published: people can see it. Until its line opens everything here may change, but for what they
            rely on.
          </p>
        )}
        <p class="actions">
          <a class="button" href={`/admin/new?copy=${sale.id}`}>
            Copy as a new sale
          </a>
          <a class="button" href={salePath(sale.id, "/definition.json")}>
            Save as a file
          </a>
        </p>
        <EditorForm
          values={values}
          refused={refused}
          state={isFixed ? "fixed" : "published"}
          action={salePath(sale.id, "/edit")}
          cancel={salePath(sale.id)}
        />
      </>
    ),
  });
  return c.html(html, refused === undefined ? 200 : statusOf(c, refused));
}
