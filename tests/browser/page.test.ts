/** What the cached pages promise to everybody: the same bytes, from this host, on any screen. */
import { expect, test } from "vitest";
import { look, step, useShop, visitor } from "./browser.ts";
import { createSale } from "./sales.ts";

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

test("the home page leads to the sale, in the reader's own time, without a fault", async () => {
  const { page, context, faults } = await visitor(browser, stack.url);
  await page.goto("/");
  await look(page, "home");
  await page.locator(`a[href="/sales/${sale}"]`).click();
  await step(page, "Opening soon");
  expect(await page.getByRole("button", { name: "Join the line" }).isDisabled()).toBe(true);
  const opens = page.locator("#live time").first();
  expect(await opens.getAttribute("datetime")).toMatch(/Z$/);
  expect(await opens.innerText()).not.toContain("UTC");
  await look(page, "scheduled");
  expect(faults).toEqual([]);
  await context.close();
});

test("nothing is wider than the narrowest screen", async () => {
  // Without the script, which would lead from the personal page back to the sale's.
  const { page, context } = await visitor(browser, stack.url, { width: 320, javaScript: false });
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
