/** What the cached pages promise to everybody: the same bytes, few of them, from this host, on any screen. */
import { gzipSync } from "node:zlib";
import { expect, test } from "vitest";
import { screenshot, step, useShop, visitor } from "./browser.ts";
import { createSale } from "./sales.ts";

/** Design §7: HTML, CSS and JS of a first view, compressed. */
const FIRST_VIEW_MAX_BYTES = 30 * 1024;

const { stack, browser } = await useShop();
const sale = await createSale(stack, { opensInMs: 7_200_000 });

test("two visitors get the same bytes, whoever they are", async () => {
  const someone = {
    cookie: "__Host-shopper=x.y.z; theme=dark",
    "accept-language": "ja",
    "user-agent": "one",
  };
  for (const path of ["/", `/sales/${sale}`]) {
    // Straight from the edge: a cache in between would make anything the same.
    const answers = await Promise.all([
      fetch(`${stack.edge.url}${path}`),
      fetch(`${stack.edge.url}${path}`, { headers: someone }),
    ]);
    const [first, second] = await Promise.all(answers.map((answer) => answer.text()));
    expect(first).toContain("Meridian One");
    expect(second).toBe(first);
    for (const answer of answers) expect(answer.headers.getSetCookie()).toEqual([]);
  }
});

test("a first view weighs at most 30 KB compressed", async () => {
  const { page, context } = await visitor(browser, stack.url);
  const bodies: Promise<Buffer>[] = [];
  page.on("response", (response) => {
    if (!response.url().includes("/api/")) bodies.push(response.body());
  });
  await page.goto(`/sales/${sale}`, { waitUntil: "networkidle" });
  await step(page, "Opening soon");
  const sizes = (await Promise.all(bodies)).map((body) => gzipSync(body).length);
  expect(sizes.length).toBeGreaterThanOrEqual(3);
  expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThanOrEqual(FIRST_VIEW_MAX_BYTES);
  await context.close();
});

test("the home page leads to the sale, in the reader's own time, without a fault", async () => {
  const { page, context, faults } = await visitor(browser, stack.url);
  await page.goto("/");
  await screenshot(page, "home");
  await page.locator(`a[href="/sales/${sale}"]`).click();
  await step(page, "Opening soon");
  expect(await page.getByRole("button", { name: "Join the line" }).isDisabled()).toBe(true);
  const opens = page.locator("#live time").first();
  expect(await opens.getAttribute("datetime")).toMatch(/Z$/);
  expect(await opens.innerText()).not.toContain("UTC");
  await screenshot(page, "scheduled");
  expect(faults).toEqual([]);
  await context.close();
});

test("nothing is wider than the narrowest screen", async () => {
  const { page, context } = await visitor(browser, stack.url, { width: 320 });
  for (const path of ["/", `/sales/${sale}`, `/sales/${sale}/visit`, "/sales/nothing-here"]) {
    await page.goto(path);
    const over = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    expect(over, path).toBeLessThanOrEqual(0);
  }
  await context.close();
});

test("names and descriptions are text, whatever is in them", async () => {
  const name = `"><img src=x onerror=alert(1)>`;
  const tricky = await createSale(stack, {
    name,
    description: "</p><script>alert(1)</script>",
    opensInMs: 7_200_000,
  });
  const { page, context, faults } = await visitor(browser, stack.url);
  await page.goto(`/sales/${tricky}`);
  expect(await page.getByRole("heading", { level: 1 }).innerText()).toBe(name);
  expect(await page.locator("img").count()).toBe(0);
  expect(faults).toEqual([]);
  await context.close();
});
