/** English and German: a page of its own for each, the same for everybody, with a script that loads one language only. */
import { gzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { messages as de } from "../../static/assets/messages/de.js";
import { look, press, step, useShop, visitor } from "./browser.ts";
import { createSale } from "./sales.ts";

/** Design §7: HTML, CSS and JS of a first view, compressed. */
const FIRST_VIEW_MAX_BYTES = 30 * 1024;

const { stack, browser } = await useShop();

describe.each([
  ["with JavaScript", true],
  ["without JavaScript", false],
])("%s", (_, javaScript) => {
  const named = (name: string) => `de-${name}-${javaScript ? "js" : "plain"}`;

  test("somebody buys in German, pays, and comes back to German", async () => {
    const items = [{ sku: "sand", name: "Sand", stock: 3, price: 14_900, limit: 1 }];
    const sale = await createSale(stack, { items });
    const { page, context, faults } = await visitor(browser, stack.url, { javaScript });
    await page.goto(`/sales/${sale}`);
    await page.getByRole("link", { name: "Deutsch" }).click();
    await step(page, de.headlines.open);
    expect(await page.locator("html").getAttribute("lang")).toBe("de");
    await press(page, de.join);
    await step(page, de.yourTurn);
    await page.getByText("149,00\u00a0€").first().waitFor();
    await look(page, named("turn"));
    await press(page, de.reserve);
    await step(page, de.held);
    await look(page, named("held"));
    await press(page, de.pay);
    await page.waitForURL(`${stack.stripe.url}/pay/**`);
    await press(page, "Pay");
    await step(page, de.yours);
    expect(new URL(page.url()).pathname).toMatch(new RegExp(`^/de/sales/${sale}`));
    await look(page, named("order"));
    expect(faults.filter((fault) => !fault.startsWith(`other host: ${stack.stripe.url}`))).toEqual([]);
    await context.close();
  });

  test("refusals, too", async () => {
    const sale = await createSale(stack);
    const { page, context } = await visitor(browser, stack.url, { javaScript });
    await page.goto(`/de/sales/${sale}`);
    await press(page, de.join);
    await step(page, de.yourTurn);
    await page.getByLabel("Sand").selectOption("0");
    await press(page, de.reserve);
    await page.getByText(de.chooseOne).waitFor();
    await context.close();
  });
});

test.each(["", "/de"])(
  "the pages below '%s' are the same for everybody, and name each other",
  async (prefix) => {
    const sale = await createSale(stack, { opensInMs: 7_200_000 });
    const someone = { cookie: "__Host-shopper=x.y.z; language=en", "accept-language": "ja, en;q=0.5" };
    for (const path of [prefix || "/", `${prefix}/sales/${sale}`]) {
      const answers = await Promise.all([
        fetch(`${stack.edge.url}${path}`),
        fetch(`${stack.edge.url}${path}`, { headers: someone }),
      ]);
      const [first, second] = await Promise.all(answers.map((answer) => answer.text()));
      expect(second).toBe(first);
      for (const { headers } of answers) {
        expect(headers.get("cache-control")).toMatch(/^public, max-age=\d/);
        expect(headers.get("vary") ?? "").not.toMatch(/cookie|language/i);
      }
      for (const language of ["en", "de", "x-default"]) expect(first).toContain(`hreflang="${language}"`);
    }
  },
);

test("the short address is the shop's own language's; its long one leads there, and nowhere else", async () => {
  const sale = await createSale(stack);
  const moved = await fetch(`${stack.edge.url}/en/sales/${sale}?a=1`, { redirect: "manual" });
  expect([moved.status, moved.headers.get("location")]).toEqual([308, `/sales/${sale}?a=1`]);
  for (const path of ["/en//elsewhere.example", "/fr", `/fr/sales/${sale}`])
    expect((await fetch(`${stack.edge.url}${path}`, { redirect: "manual" })).status).toBe(404);
});

test.each(["en", "de"])(
  "a first view in %s weighs at most 30 KB compressed, and brings no other language",
  async (language) => {
    const sale = await createSale(stack, { opensInMs: 7_200_000 });
    const { page, context } = await visitor(browser, stack.url);
    const bodies: Promise<Buffer>[] = [];
    const words: string[] = [];
    page.on("response", (response) => {
      const { pathname } = new URL(response.url());
      if (pathname.includes("/api/")) return;
      bodies.push(response.body());
      words.push(...(/messages\/(\w+)\.js/.exec(pathname)?.slice(1) ?? []));
    });
    await page.goto(`${language === "en" ? "" : `/${language}`}/sales/${sale}`, { waitUntil: "networkidle" });
    await page.locator("#live .clock b").last().waitFor();
    const sizes = (await Promise.all(bodies)).map((body) => gzipSync(body).length);
    const sum = sizes.reduce((all, size) => all + size, 0);
    console.log(`first view in ${language}: ${sum} bytes in ${sizes.length} files`);
    expect(sizes.length).toBeGreaterThanOrEqual(3);
    expect(sum).toBeLessThanOrEqual(FIRST_VIEW_MAX_BYTES);
    expect(new Set(words)).toEqual(new Set([language]));
    await context.close();
  },
);
