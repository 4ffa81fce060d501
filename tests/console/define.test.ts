/** Defining a sale at the console, without JavaScript: what is refused stands at its field, what was typed is kept. */
import { randomUUID } from "node:crypto";
import { expect, test } from "vitest";
import { z } from "zod";
import { at, createSale, operator, saleInput, shoe, withStack } from "../http/harness.ts";
import { consoleBrowser, signedIn, type Browser } from "./client.ts";

const stack = withStack();
const HOUR = 3_600_000;
const later = { opensAt: at(48 * HOUR), closesAt: at(50 * HOUR) };
const newId = () => `t-${randomUUID().slice(0, 13)}`;

/** Of a page: what each field would send, as a browser reads it. */
function fields(html: string): Record<string, string> {
  const form = html.slice(html.indexOf("data-editor"), html.indexOf("</form>", html.indexOf("data-editor")));
  const text = (escaped: string) =>
    escaped
      .replaceAll("&quot;", '"')
      .replaceAll("&lt;", "<")
      .replaceAll("&gt;", ">")
      .replaceAll("&amp;", "&");
  const found: [string, string][] = [];
  for (const [tag] of form.matchAll(/<input[^>]*>/g)) {
    const [, name = ""] = / name="([^"]*)"/.exec(tag) ?? [];
    found.push([name, text(/ value="([^"]*)"/.exec(tag)?.[1] ?? "")]);
  }
  for (const [, name = "", value = ""] of form.matchAll(/<textarea[^>]* name="([^"]*)"[^>]*>([^<]*)</g))
    found.push([name, text(value)]);
  for (const [, name = "", options = ""] of form.matchAll(
    /<select[^>]* name="([^"]*)"[^>]*>([^]*?)<\/select>/g,
  ))
    found.push([
      name,
      /value="([^"]*)" selected/.exec(options)?.[1] ?? /value="([^"]*)"/.exec(options)?.[1] ?? "",
    ]);
  return Object.fromEntries(found);
}

const stored = async (id: string) =>
  z
    .object({ sale: z.record(z.string(), z.unknown()) })
    .parse((await operator(stack.get(), `/sales/${id}`)).json).sale;

/** What is said to be wrong at a field. */
const wrongAt = (html: string, id: string) =>
  new RegExp(`id="${id}-about">((?:<p class="wrong">[^<]*</p>)+)`)
    .exec(html)?.[1]
    ?.replaceAll(/<[^>]+>/g, "");

const open = async (path: string): Promise<[Browser, Record<string, string>]> => {
  const browser = await signedIn(stack.get());
  const { status, html } = await browser.get(path);
  expect([path, status]).toEqual([path, 200]);
  return [browser, fields(html)];
};

test("a new sale begins with the API's defaults, and is created with what was typed, times by the clock of a zone", async () => {
  const [browser, form] = await open("/admin/new");
  expect(form).toMatchObject({
    currency: "EUR",
    releaseSize: "100",
    holdSeconds: "600",
    identity: "anyone",
    zone: "UTC",
  });
  const id = newId();
  const { status, location } = await browser.post("/admin/new", {
    ...form,
    id,
    name: "Größe & <b>Co</b>",
    zone: "Europe/Berlin",
    opensAt: "2031-07-01T10:00",
    closesAt: "2031-12-01T10:00",
    "items.0.sku": "M",
    "items.0.name": "Medium",
    "items.0.stock": "500",
    "items.0.price": "149,90",
    "items.0.limit": "2",
    "items.1.sku": " ",
    allowedOrigins: "https://a.example\nhttps://b.example",
  });
  expect([status, location]).toEqual([303, `/admin/sales/${id}/checklist?done=created`]);
  expect(await stored(id)).toMatchObject({
    name: "Größe & <b>Co</b>",
    // Summer time and winter time.
    opensAt: "2031-07-01T08:00:00.000Z",
    closesAt: "2031-12-01T09:00:00.000Z",
    items: [{ sku: "M", name: "Medium", stock: 500, price: 14_990, limit: 2 }],
    allowedOrigins: ["https://a.example", "https://b.example"],
  });
  const page = await browser.get(location);
  expect(page.html).toContain("The sale is created and published.");
  expect(page.html).toContain("Größe &amp; &lt;b&gt;Co&lt;/b&gt;");
});

test("what the schema refuses stands at its field, and everything typed is still there", async () => {
  const [browser, form] = await open("/admin/new");
  const typed = {
    ...form,
    id: "Not An Id",
    name: "",
    description: "two\n\nparagraphs",
    opensAt: "2031-01-01T10:00",
    closesAt: "2031-01-01T09:00",
    "items.0.sku": "M",
    "items.0.name": "Medium",
    "items.0.stock": "many",
    // An empty row between: the second item of the API is the third of the form.
    "items.2.sku": "L",
    "items.2.name": "Large",
    "items.2.stock": "5",
    "items.2.price": "1.999",
    releaseSize: "0",
    "slots.count": "9",
  };
  const { status, html } = await browser.post("/admin/new", typed);
  expect(status).toBe(422);
  expect(fields(html)).toMatchObject({
    id: "Not An Id",
    description: "two\n\nparagraphs",
    "items.0.stock": "many",
    "items.1.sku": "L",
    "items.1.price": "1.999",
    releaseSize: "0",
    "slots.count": "9",
  });
  expect(wrongAt(html, "field-name")).toBe("must not be empty");
  expect(wrongAt(html, "field-items-0-stock")).toBe("must be a whole number from 0 to 10000000");
  expect(wrongAt(html, "field-items-1-price")).toBe("an amount such as 149.00");
  expect(wrongAt(html, "field-id")).toContain("lower-case letters");
  expect(wrongAt(html, "field-releaseSize")).toBeDefined();
  expect(wrongAt(html, "field-slots-claimUntil")).toBe("a date and a time");
  for (const [field, label] of Object.entries({
    "items-0-stock": "Item 1 › Units",
    "items-1-price": "Item 2 › Price",
    "slots-claimUntil": "Slots › Kept until",
    releaseSize: "People at each release",
  }))
    expect(html).toContain(`<a href="#field-${field}">${label}</a>`);

  const zone = await browser.post("/admin/new", { ...typed, zone: "Atlantis" });
  expect([zone.status, wrongAt(zone.html, "field-zone")]).toEqual([
    422,
    "not a time zone that is known here, such as Europe/Berlin",
  ]);
  expect(wrongAt(zone.html, "field-name")).toBe("must not be empty");
  expect(wrongAt(zone.html, "field-items-1-price")).toBe("an amount such as 149.00");
  expect(fields(zone.html)).toMatchObject({ zone: "Atlantis", opensAt: typed.opensAt });
  const order = await browser.post("/admin/new", {
    ...form,
    id: newId(),
    name: "x",
    opensAt: typed.opensAt,
    closesAt: typed.closesAt,
    "items.0.sku": "M",
    "items.0.name": "Medium",
    "items.0.stock": "1",
    "items.0.price": "0",
  });
  expect(wrongAt(order.html, "field-closesAt")).toBe("must be after opensAt");
});

test("an item without a price is refused at its field and never free, which is typed as 0", async () => {
  const [browser, form] = await open("/admin/new");
  const typed = { ...form, id: newId(), name: "Priced", "items.0.sku": "M", "items.0.name": "Medium" };
  const item = { ...typed, "items.0.stock": "5" };
  for (const path of ["/admin/new", "/admin/preview"]) {
    const { status, html } = await browser.post(path, { ...item, "items.0.price": " " });
    expect([path, status]).toEqual([path, 422]);
    expect(wrongAt(html, "field-items-0-price")).toBeDefined();
  }
  expect((await operator(stack.get(), `/sales/${typed.id}`)).status).toBe(404);
  expect((await browser.post("/admin/new", { ...item, "items.0.price": "0" })).status).toBe(303);
  expect(await stored(typed.id)).toMatchObject({ items: [{ price: 0 }] });

  const copy = await createSale(stack.get(), later);
  const [editing, edited] = await open(`/admin/sales/${copy}/edit`);
  const before = (await stored(copy))["items"];
  const emptied = await editing.post(`/admin/sales/${copy}/edit`, { ...edited, "items.0.price": "" });
  expect([emptied.status, (await stored(copy))["items"]]).toEqual([422, before]);
});

test.each([
  ["EUR", "149.00", ["1,999.99", "1.499,00", "€149", "149.999", ""]],
  ["JPY", "149", ["149.00", "¥149"]],
  ["KWD", "149.000", ["1.2345", "KWD 1"]],
])("what is no amount of %s is said so, with %s", async (currency, example, amounts) => {
  const [browser, form] = await open("/admin/new");
  const rows = amounts.flatMap((price, row) =>
    Object.entries({ sku: `S${row}`, name: "Some", stock: "1", price }).map(
      ([field, value]) => [`items.${row}.${field}`, value] as const,
    ),
  );
  const typed = { ...form, id: newId(), name: "Priced", currency, ...Object.fromEntries(rows) };
  const { html } = await browser.post("/admin/new", { ...typed, opensAt: "" });
  for (const row of amounts.keys())
    expect(wrongAt(html, `field-items-${row}-price`)).toBe(`an amount such as ${example}`);
  expect(wrongAt(html, "field-opensAt")).toBe("a date and a time");
  expect(html).toContain(`such as ${example}; 0 is free`);
  const unknown = await browser.post("/admin/new", { ...typed, currency: "eur" });
  expect(wrongAt(unknown.html, "field-items-0-price")).toBe("an amount, once the currency is right");
});

test("more rows keep what was typed", async () => {
  const [browser, form] = await open("/admin/new");
  const { status, html } = await browser.post("/admin/new", {
    ...form,
    more: "1",
    name: "Kept",
    "items.1.sku": "M",
  });
  const after = fields(html);
  expect([status, after["name"], after["items.0.sku"]]).toEqual([200, "Kept", "M"]);
  expect(Object.keys(after).filter((name) => name.endsWith(".sku")).length).toBeGreaterThan(4);
});

test("an id that is taken is refused, and nothing of what was typed is lost", async () => {
  const id = await createSale(stack.get(), later);
  const [browser, form] = await open(`/admin/new?copy=${id}`);
  expect(form).toMatchObject({ id: "", name: "A test sale", "items.0.sku": "shoe", "items.0.stock": "10" });
  const { status, html } = await browser.post("/admin/new", { ...form, id, name: "Another" });
  expect([status, html.includes("There is another sale with this id.")]).toEqual([409, true]);
  expect(fields(html)["name"]).toBe("Another");
  expect((await browser.post("/admin/new", { ...form, id: newId() })).status).toBe(303);
});

test("a published sale is changed, but for what people rely on; once its line is open it is only shown", async () => {
  const id = await createSale(stack.get(), { ...later, slots: { count: 2, claimUntil: at(49 * HOUR) } });
  const [browser, form] = await open(`/admin/sales/${id}/edit`);
  const page = await browser.get(`/admin/sales/${id}/edit`);
  expect(page.html).toMatch(/<input id="field-items-0-stock"[^>]* readonly/);
  expect(page.html).not.toMatch(/<input id="field-items-0-price"[^>]* readonly/);
  expect(page.html).not.toContain('<select id="field-lobby"');

  // Everything goes through the form and comes back the same.
  const before = await stored(id);
  const saved = await browser.post(`/admin/sales/${id}/edit`, { ...form, name: "Renamed", reason: "a typo" });
  expect([saved.status, saved.location]).toEqual([303, `/admin/sales/${id}/edit?done=saved`]);
  const minutes = (text: unknown) => String(text).slice(0, 16);
  const after = await stored(id);
  expect(after).toEqual({
    ...before,
    name: "Renamed",
    opensAt: after["opensAt"],
    closesAt: after["closesAt"],
    slots: after["slots"],
  });
  expect(minutes(after["opensAt"])).toBe(minutes(before["opensAt"]));
  const forced = await browser.post(`/admin/sales/${id}/edit`, {
    ...form,
    "items.0.stock": "11",
    lobby: "draw",
  });
  expect(forced.status).toBe(422);
  expect(wrongAt(forced.html, "field-items-0-stock")).toContain("stays 10");
  expect(forced.html).toContain('href="#field-lobby"');

  const running = await createSale(stack.get());
  const fixed = await browser.get(`/admin/sales/${running}/edit`);
  expect(fixed.html).toContain("The line of this sale has opened");
  expect(fixed.html).not.toContain(">Save<");
  const late = await browser.post(`/admin/sales/${running}/edit`, fields(fixed.html));
  expect([late.status, late.html.includes("line_open")]).toEqual([409, true]);
});

test("the shop's page is looked at before anything is saved, and can do nothing", async () => {
  const [browser, form] = await open("/admin/new");
  const sale = {
    ...form,
    id: newId(),
    name: "Look at me",
    "items.0.sku": "M",
    "items.0.name": "Medium",
    "items.0.stock": "5",
    "items.0.price": "12",
  };
  const { status, html, headers } = await browser.post("/admin/preview", sale);
  expect([status, headers.get("cache-control")]).toEqual([200, "no-store"]);
  expect(html).toContain("Look at me");
  expect(html).toContain("Opening soon");
  expect(headers.get("content-security-policy")).toMatch(/^sandbox; default-src 'none'/);
  expect((await operator(stack.get(), `/sales/${sale.id}`)).status).toBe(404);
  const wrong = await browser.post("/admin/preview", { ...sale, "items.0.stock": "x" });
  expect([wrong.status, wrongAt(wrong.html, "field-items-0-stock")]).toEqual([
    422,
    "must be a whole number from 0 to 10000000",
  ]);
});

test("a sale goes out as a file and comes back into the form; what is no sale is said", async () => {
  const id = await createSale(stack.get(), { ...later, emails: { note: "Bring a bag." } });
  const browser = await signedIn(stack.get());
  const file = await browser.get(`/admin/sales/${id}/definition.json`);
  expect(file.headers.get("content-disposition")).toBe(`attachment; filename="${id}.json"`);
  expect(JSON.parse(file.html)).toEqual(await stored(id));
  const read = await browser.post("/admin/import", { definition: file.html });
  expect([read.status, fields(read.html)["emails.note"], fields(read.html)["id"]]).toEqual([
    200,
    "Bring a bag.",
    id,
  ]);
  const unknown = await browser.post("/admin/import", {
    definition: JSON.stringify({ ...saleInput({ ...later, items: [shoe({ stock: -1 })] }), colour: "red" }),
  });
  expect(unknown.status).toBe(422);
  expect(unknown.html).toContain("unknown field");
  expect(wrongAt(unknown.html, "field-items-0-stock")).toBeDefined();
  for (const definition of ["", "{", "[]", "null", '"x"', "id: spring"]) {
    const refused = await browser.post("/admin/import", { definition });
    expect([definition, refused.status]).toEqual([definition, 400]);
  }
});

test("nobody defines anything without signing in, and a viewer sees why not", async () => {
  const stranger = consoleBrowser(stack.get());
  expect(await stranger.post("/admin/new", { id: "x" })).toMatchObject({
    status: 303,
    location: "/admin/sign-in",
  });
  expect((await stranger.get("/admin/new")).location).toBe("/admin/sign-in?to=%2Fadmin%2Fnew");
});
