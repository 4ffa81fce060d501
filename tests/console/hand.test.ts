/** The operator's hand: what is sent twice is done once, who only looks changes nothing, and what is away is said. */
import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Browser } from "playwright-core";
import { launch, visitor } from "../browser/browser.ts";
import {
  createSale,
  live,
  operator,
  shoe,
  shopperInside,
  storeFindings,
  until,
  withStack,
} from "../http/harness.ts";
import { signedIn } from "./client.ts";

const VIEWER_TOKEN = "a-token-of-those-who-look";
const none = () => Promise.resolve({});
const stack = withStack([], none, () => Promise.resolve({ VIEWER_TOKEN }));
let browser: Browser;
beforeAll(async () => {
  browser = await launch();
});
afterAll(() => browser.close());

/** The hidden fields of a form, and what it would send of the others. */
const hiddenIn = (html: string) =>
  Object.fromEntries(
    Array.from(html.matchAll(/<input type="hidden" name="(\w+)" value="([^"]*)"/g), ([, name, value]) => [
      name ?? "",
      value ?? "",
    ]),
  );

test("a top-up sent twice adds once, and so does a refund", async () => {
  const sale = await createSale(stack.get(), { items: [shoe({ price: 4_900 })] });
  const ann = await signedIn(stack.get());
  const path = `/admin/sales/${sale}/do/top-up`;
  const form = { ...hiddenIn((await ann.get(`${path}?sku=shoe&units=5`)).html), units: "5", reason: "a box" };
  const answers = await Promise.all([ann.post(path, form), ann.post(path, form)]);
  expect(answers.map(({ status, location }) => [status, location])).toEqual(
    Array(2).fill([303, `/admin/sales/${sale}?done=top-up`]),
  );
  expect((await live(stack.get(), sale)).items[0]).toMatchObject({ stock: 15, available: 15 });
  // Another form is another top-up.
  const more = hiddenIn((await ann.get(`${path}?sku=shoe`)).html);
  await ann.post(path, { ...more, units: "5" });
  expect((await live(stack.get(), sale)).items[0]?.stock).toBe(20);

  const someone = await shopperInside(stack.get(), sale);
  const id = randomUUID();
  await someone.reserve(id);
  const { json } = await someone.checkout(id);
  stack.get().stripe.pay(/\bcs_\w+/.exec(String(json["url"]))?.[0] ?? "");
  const record = await until(
    () => ann.get(`/admin/sales/${sale}/records/${id}`),
    ({ html }) => html.includes("Refund…"),
  );
  const link = /href="([^"]*\/do\/refund[^"]*)"/.exec(record.html)?.[1]?.replaceAll("&amp;", "&") ?? "";
  const back = { ...hiddenIn((await ann.get(link)).html), amount: "9.00", reason: "scratched" };
  const to = link.split("?")[0] ?? "";
  for (const { location } of await Promise.all([ann.post(to, back), ann.post(to, back)]))
    expect(location).toBe(`/admin/sales/${sale}/records/${id}?done=refund`);
  const refunded = await until(
    () => ann.get(`/admin/sales/${sale}/records/${id}`),
    ({ html }) => html.includes(">done<"),
  );
  expect(refunded.html.split("€9.00").length - 1).toBe(1);
  expect(refunded.html).toContain("scratched");
});

test("what is wrong is said at its field, and what was typed stays", async () => {
  const sale = await createSale(stack.get());
  const ann = await signedIn(stack.get());
  const path = `/admin/sales/${sale}/do/top-up`;
  const form = hiddenIn((await ann.get(`${path}?sku=shoe&units=5`)).html);
  const { status, html } = await ann.post(path, { ...form, units: "-3", reason: "a box" });
  expect(status).toBe(422);
  expect(html).toContain('class="field field-bad"');
  expect(html).toContain('value="-3"');
  expect(html).toContain('value="a box"');
  expect(hiddenIn(html)["id"]).toBe(form["id"]);
  const limit = await ann.post(`/admin/sales/${sale}/do/remedy-limit`, { amount: "12.345" });
  expect([limit.status, limit.html]).toEqual([422, expect.stringContaining("an amount such as 149.00")]);
  expect((await ann.get(`/admin/sales/${sale}/do/nothing`)).status).toBe(404);
  const rebuilt = await ann.post(`/admin/sales/${sale}/do/rebuild`);
  expect([rebuilt.status, rebuilt.html.includes("Redis knows this sale")]).toEqual([409, true]);
});

test("addresses are put on the list; those that are none are named", async () => {
  const sale = await createSale(stack.get(), {
    identity: "registered",
    opensAt: new Date(Date.now() + 3_600_000).toISOString(),
    closesAt: new Date(Date.now() + 7_200_000).toISOString(),
  });
  const ann = await signedIn(stack.get());
  const invited = await ann.post(`/admin/sales/${sale}/invites`, {
    list: "ann@example.com\nnobody\nbob@example.com",
  });
  expect(invited.status).toBe(200);
  expect(invited.html).toContain("2 put on the list, 0 were on it already, 1 are no good.");
  const list = await ann.get(`/admin/sales/${sale}/registrations.csv`);
  expect(list.headers.get("content-disposition")).toContain(`registrations-${sale}.csv`);
  expect(list.html.trimEnd().split("\r\n")).toHaveLength(3);
});

test("what a run found is shown in pages, those that wait first, and each of them can be approved", async () => {
  const sale = await createSale(stack.get());
  const run = await storeFindings(stack.get(), sale, { gone: 3, waiting: 1_001 });
  const ann = await signedIn(stack.get());
  const path = `/admin/sales/${sale}/reconciliation/${run}`;
  const links = (html: string, kind: RegExp) =>
    Array.from(html.matchAll(/href="([^"]*)"/g), ([, to = ""]) => to.replaceAll("&amp;", "&")).filter((to) =>
      kind.test(to),
    );
  const approvals: string[] = [];
  let pages = 0;
  let html = "";
  for (let query: string | undefined = ""; query !== undefined; pages++) {
    ({ html } = await ann.get(path + query));
    approvals.push(...links(html, /\/do\/approve\?/));
    [query] = links(html, /^\?after=/);
  }
  expect([pages, new Set(approvals).size]).toEqual([11, 1_001]);
  expect(html).toContain("pi_3<");
  expect((await ann.get(approvals.at(-1) ?? "")).html).toContain("<code>pi_1004</code>");
});

test("one of a thing is said as one", async () => {
  const sale = await createSale(stack.get());
  await (await shopperInside(stack.get(), sale)).reserve(randomUUID());
  const ann = await signedIn(stack.get());
  expect((await ann.get(`/admin/sales/${sale}`)).html).toContain("1 reservation<");
});

test("a viewer sees the figures and no button, and is refused whatever they send", async () => {
  const sale = await createSale(stack.get());
  const bob = await signedIn(stack.get(), VIEWER_TOKEN);
  for (const tab of ["", "/records", "/registrations", "/emails", "/reconciliation", "/report"]) {
    const { status, html } = await bob.get(`/admin/sales/${sale}${tab}`);
    expect([tab, status, /\/do\/|\/invites/.test(html)]).toEqual([tab, 200, false]);
  }
  expect((await bob.get(`/admin/sales/${sale}/live.json`)).status).toBe(200);
  expect((await bob.get(`/admin/sales/${sale}/do/pause`)).status).toBe(403);
  expect((await bob.post(`/admin/sales/${sale}/do/pause`, { reason: "x" })).status).toBe(403);
  const { json } = await operator(stack.get(), `/sales/${sale}/live`);
  expect(json["mode"]).toBe("normal");
});

test("nobody reads the figures without a session", async () => {
  const sale = await createSale(stack.get());
  const answer = await fetch(`${stack.get().url}/admin/sales/${sale}/live.json`);
  expect([answer.status, answer.headers.get("cache-control")]).toEqual([401, "no-store"]);
});

test("Redis away is said on the page with the age of what stands there, and the page comes back by itself", async () => {
  const sale = await createSale(stack.get());
  const { page, context } = await visitor(browser, stack.get().url);
  await page.goto(`/admin/sign-in?to=/admin/sales/${sale}`);
  await page.getByLabel("Token").fill(stack.get().adminToken);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByText(/^Live, \d s old$/).waitFor();
  const { faults } = stack.get().redis;
  faults.add({ kind: "cut" });
  try {
    await page.getByText("Redis does not answer. Nothing is sold and nothing is lost").waitFor();
    await page.getByText(/^Last seen \d+ s ago: no answer/).waitFor();
    expect(await page.locator("#live").getAttribute("class")).toContain("stale");
    // What is rendered anew says so too, and offers what can be done.
    const ann = await signedIn(stack.get());
    const { status, html } = await ann.get(`/admin/sales/${sale}`);
    expect([status, html.includes("There are no figures now."), html.includes("/do/rebuild")]).toEqual([
      503,
      true,
      true,
    ]);
  } finally {
    faults.clear();
  }
  await page.getByText(/^Live, \d s old$/).waitFor();
  expect(await page.locator("#alerts").innerText()).toBe("");
  await context.close();
});

test("a page of a sale that cannot be read has the status of that, and says when to come again", async () => {
  const sale = await createSale(stack.get());
  const ann = await signedIn(stack.get());
  const tabs = [
    ...["", "/records", `/records/${randomUUID()}`, "/registrations", "/emails", "/checklist", "/edit"],
    ...["/reconciliation", `/reconciliation/${randomUUID()}`, "/report"],
  ];
  for (const tab of tabs)
    expect([tab, (await ann.get(`/admin/sales/no-such-sale${tab}`)).status]).toEqual([tab, 404]);
  const { redis, neon } = stack.get();
  redis.faults.add({ kind: "cut" });
  neon.faults.add({ kind: "cut" });
  try {
    for (const tab of tabs.filter((one) => one !== "/checklist")) {
      const { status, headers } = await ann.get(`/admin/sales/${sale}${tab}`);
      expect([tab, status, Number(headers.get("retry-after")) > 0]).toEqual([tab, 503, true]);
    }
  } finally {
    redis.faults.clear();
    neon.faults.clear();
  }
});

test("Postgres away is said beside the figures of Redis", async () => {
  const sale = await createSale(stack.get());
  const ann = await signedIn(stack.get());
  const { faults } = stack.get().neon;
  faults.add({ kind: "error", status: 500 });
  try {
    const { status, html } = await ann.get(`/admin/sales/${sale}`);
    expect(status).toBe(200);
    expect(html).toContain("Postgres does not answer. The sale goes on");
  } finally {
    faults.clear();
  }
});
