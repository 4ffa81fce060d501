/** The console's pages in a real browser: on phone and desktop, dark and light, with script and without, by keyboard. */
import type { Browser, Page } from "playwright-core";
import { expect, test } from "vitest";
import { violations } from "../browser/axe.ts";
import { useShop } from "../browser/browser.ts";
import { at, createSale, operator } from "../http/harness.ts";

const { stack, browser } = await useShop();
const HOUR = 3_600_000;

/** In Berlin, with a width and a colour scheme; what goes wrong in the page goes into `faults`. */
async function visitor(of: Browser, options: { width?: number; dark?: boolean; javaScript?: boolean } = {}) {
  const { width = 1280, dark = false, javaScript = true } = options;
  const context = await of.newContext({
    baseURL: stack.url,
    javaScriptEnabled: javaScript,
    viewport: { width, height: 900 },
    colorScheme: dark ? "dark" : "light",
    timezoneId: "Europe/Berlin",
    locale: "en-GB",
  });
  const faults: string[] = [];
  context.on("console", (message) => {
    // That a refused form answers 4xx is no fault.
    const isAnswer = message.text().startsWith("Failed to load resource");
    if (["error", "warning"].includes(message.type()) && !isAnswer) faults.push(message.text());
  });
  context.on("weberror", (error) => faults.push(error.error().message));
  context.on("request", (request) => {
    if (new URL(request.url()).origin !== stack.url) faults.push(`other host: ${request.url()}`);
  });
  return { context, page: await context.newPage(), faults };
}

async function signIn(page: Page): Promise<void> {
  await page.goto("/admin/sign-in");
  await page.getByLabel("Token").fill(stack.adminToken);
  await page.getByLabel("Your name").fill("Ann");
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByRole("heading", { level: 1, name: "Sales" }).waitFor();
}

const widthBeyond = (page: Page) =>
  page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);

test("the first sale: from the empty list to the checklist, by keyboard alone, times by the reader's clock", async () => {
  const { page, context, faults } = await visitor(browser);
  await signIn(page);
  await page.getByText("There are no sales yet").waitFor();
  expect(await violations(page)).toEqual([]);
  await page.getByRole("link", { name: "Define the first sale" }).press("Enter");
  // Ten o'clock UTC is what the server begins with, and a clock in Berlin shows it as eleven or twelve.
  expect(await page.getByLabel("Time zone").inputValue()).toBe("Europe/Berlin");
  const opens = await page.getByLabel("Opens", { exact: true }).inputValue();
  expect(opens).toMatch(/T1[12]:00$/);
  await page.locator("#field-opensAt-about").getByText("10:00 UTC").waitFor();

  await page.getByLabel("Name", { exact: true }).first().focus();
  await page.keyboard.type("Été à Zürich!");
  expect(await page.locator("#field-id").inputValue()).toBe("ete-a-zurich");
  await page.getByLabel("SKU").first().focus();
  for (const text of ["M", "Medium", "500", "49.90", "2"]) {
    await page.keyboard.type(text);
    await page.keyboard.press("Tab");
  }
  const rows = await page.getByLabel("SKU").count();
  await page.getByRole("button", { name: "More rows" }).press("Enter");
  expect(await page.getByLabel("SKU").count()).toBe(rows + 1);
  const added = page.getByRole("group", { name: `Item ${rows + 1}` });
  expect(await added.getByLabel("SKU").evaluate((input) => input === document.activeElement)).toBe(true);
  expect(await added.getByLabel("SKU").getAttribute("name")).toBe(`items.${rows}.sku`);
  await page.keyboard.type("L");
  await page.getByRole("button", { name: "Create and publish" }).press("Enter");

  // The added row lacks its name, units and price: it is said there, and what was typed is kept, times too.
  const wrong = page.getByRole("alert");
  await wrong.getByRole("link", { name: "Item 2 › Name" }).press("Enter");
  expect(await page.getByLabel("Opens", { exact: true }).inputValue()).toBe(opens);
  await page.locator("#field-items-1-name").fill("Large");
  await page.locator("#field-items-1-stock").fill("5");
  await page.locator("#field-items-1-price").fill("0");
  const [preview] = await Promise.all([
    context.waitForEvent("page"),
    page.getByRole("button", { name: "Preview" }).press("Enter"),
  ]);
  await preview.getByRole("heading", { name: "Été à Zürich!" }).waitFor();
  await preview.close();
  // Its script is not let in: nothing in it may ask for a sale that is not there.
  const blocked = faults.splice(0).filter((fault) => !/sandboxed|^Loading the script /.test(fault));
  expect(blocked).toEqual([]);
  await page.getByRole("button", { name: "Create and publish" }).press("Enter");
  await page.getByText("The sale is created and published.").waitFor();
  const { json } = await operator(stack, "/sales/ete-a-zurich");
  expect(json).toMatchObject({
    sale: {
      opensAt: new Date(`${opens}:00${offsetOf(opens)}`).toISOString(),
      items: [{ price: 4990 }, { sku: "L" }],
    },
  });
  expect(faults).toEqual([]);
  await context.close();
});

/** Of Berlin. */
function offsetOf(local: string): string {
  const zone = new Intl.DateTimeFormat("en", { timeZone: "Europe/Berlin", timeZoneName: "longOffset" });
  const name =
    zone.formatToParts(new Date(`${local}Z`)).find(({ type }) => type === "timeZoneName")?.value ?? "";
  return name.replace("GMT", "");
}

const looks = [
  { width: 320, dark: false },
  { width: 1280, dark: true, javaScript: false },
];

test.each(looks)(
  "with %o no page has anything that axe-core finds wrong, or is wider than its screen",
  { timeout: 150_000 },
  async (look) => {
    const times = { opensAt: at(26 * HOUR), closesAt: at(30 * HOUR) };
    const coming = await createSale(stack, { ...times, slots: { count: 2, claimUntil: at(27 * HOUR) } });
    const running = await createSale(stack, {
      name: "A sale whose name is rather long and goes on for a while",
    });
    const { page, context, faults } = await visitor(browser, look);
    const clean = async (what: string) => {
      expect([what, await violations(page)]).toEqual([what, []]);
      expect([what, await widthBeyond(page)]).toEqual([what, 0]);
    };
    await page.goto("/admin/sign-in");
    await page.getByLabel("Token").fill("no-such-token");
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.getByText("This is not a token of this shop.").waitFor();
    await clean("a wrong token");
    await signIn(page);
    const paths = [
      "/admin",
      "/admin/new?from=file",
      `/admin/sales/${coming}/edit`,
      `/admin/sales/${running}/edit`,
      `/admin/sales/${coming}/checklist`,
      `/admin/sales/${running}/audit`,
    ];
    for (const path of paths) {
      await page.goto(path);
      await clean(path);
    }
    await page.goto("/admin/new");
    await page.getByRole("button", { name: "Create and publish" }).click();
    await page.getByRole("alert").waitFor();
    await clean("a refused form");
    expect(faults).toEqual([]);
    await context.close();
  },
);
