/** An operator's sale from nothing to its export, at the console alone, in a real browser: with JavaScript and without. */
import { randomUUID } from "node:crypto";
import { readFile } from "node:fs/promises";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { z } from "zod";
import { violations } from "../browser/axe.ts";
import { launch, visitor } from "../browser/browser.ts";
import { operator, shopperInside, withStack } from "../http/harness.ts";

const stack = withStack();
let browser: Browser;
beforeAll(async () => {
  browser = await launch();
});
afterAll(() => browser.close());

async function signIn(page: Page): Promise<void> {
  await page.goto("/admin");
  await page.getByLabel("Token").fill(stack.get().adminToken);
  await page.getByLabel("Your name").fill("Ann");
  await page.getByRole("button", { name: "Sign in" }).click();
}

/** The figure of the live page, as it stands there. */
const figure = (page: Page, name: string) => page.locator(`[data-figure="${name}"] .figure-text`);

/** Presses the link or button on the page for asking, says why, and does it. */
async function act(page: Page, link: string, reason: string | undefined, button: string): Promise<void> {
  await page.getByRole("link", { name: link, exact: true }).click();
  if (reason !== undefined) await page.getByLabel("Reason").fill(reason);
  await page.getByRole("button", { name: button, exact: true }).click();
}

const said = (page: Page, text: string) => page.getByRole("status").filter({ hasText: text }).waitFor();

async function buy(sale: string): Promise<string> {
  const someone = await shopperInside(stack.get(), sale);
  const id = randomUUID();
  expect((await someone.reserve(id, [{ sku: "M", quantity: 1 }])).status).toBe(201);
  expect((await someone.checkout(id)).status).toBe(200);
  return id;
}

describe.each([
  ["with JavaScript", true],
  ["without JavaScript", false],
])("%s", (_, javaScript) => {
  test(
    "an operator creates a sale, opens, pauses, resumes, tops up, closes, reconciles and exports",
    { timeout: 120_000 },
    async () => {
      const sale = `c-${randomUUID().slice(0, 13)}`;
      const { page, context, faults } = await visitor(browser, stack.get().url, { javaScript });
      const clean = async (where: string) => expect([where, ...(await violations(page))]).toEqual([where]);
      await signIn(page);

      await page.goto("/admin/new");
      const fields = {
        id: sale,
        name: "Spring drop",
        "items.0.sku": "M",
        "items.0.name": "Medium",
        "items.0.stock": "5",
        "items.0.price": "0",
        releaseEverySeconds: "1",
      };
      for (const [name, value] of Object.entries(fields)) {
        const field = page.locator(`[name="${name}"]`);
        const closed = page.locator("details:not([open])", { has: field }).locator("summary");
        if ((await closed.count()) > 0) await closed.first().click();
        await field.fill(value);
      }
      await page.getByRole("button", { name: "Create and publish" }).click();
      await page.waitForURL(`**/sales/${sale}/checklist**`);

      await page.getByRole("link", { name: "Live", exact: true }).click();
      await clean("live");
      await act(page, "Open now…", "everybody is here", "Open now");
      await said(page, "The sale is open.");
      await page.getByText("Open", { exact: true }).waitFor();

      const order = await buy(sale);
      if (javaScript) {
        // Within two seconds of the order, without a hand on the page.
        await figure(page, "sold").filter({ hasText: "1" }).waitFor({ timeout: 2_000 });
        await page.locator("#charts canvas").first().waitFor();
      } else {
        await page.getByRole("link", { name: "Reload" }).click();
        expect(await figure(page, "sold").innerText()).toBe("1");
      }

      await act(page, "Pause…", "the till is down", "Pause");
      await said(page, "Paused");
      await page.getByText("Mode on hold: nobody is let in").waitFor();
      await act(page, "Resume…", "the till is up", "Resume");
      await said(page, "Resumed");

      await page.getByLabel("Top-up", { exact: true }).fill("7");
      await page.getByRole("button", { name: "Add…" }).click();
      await page.getByText("Now its stock is 5: 4 left, 0 reserved, 1 sold.").waitFor();
      await clean("top-up");
      await page.getByLabel("Reason").fill("a box was found");
      await page.getByRole("button", { name: "Add them" }).click();
      await said(page, "The units are added.");
      expect(await page.locator('[data-sku="M"] [data-account="stock"]').innerText()).toBe("12");

      await page.getByLabel("Release size").fill("3");
      await page.getByRole("button", { name: "Change…" }).first().click();
      await page.getByRole("button", { name: "Change the size" }).click();
      await said(page, "The release size is changed.");
      await buy(sale);

      await act(page, "Close…", "enough for today", "Close the sale");
      await said(page, "The sale is closed.");
      await page.getByText("Closed", { exact: true }).waitFor();

      await act(page, "Reconcile…", undefined, "Look");
      await page.getByText("Nothing differs.").waitFor();
      await clean("run");

      await page.getByRole("link", { name: "Orders and reservations" }).click();
      await clean("records");
      await page.getByLabel("Reservation or order").fill(order);
      await page.getByRole("button", { name: "Search" }).click();
      await page.getByRole("link", { name: order }).click();
      await page.getByText("confirmed: an order").waitFor();
      await clean("record");
      await page.getByRole("link", { name: "Orders and reservations" }).click();
      const [download] = await Promise.all([
        page.waitForEvent("download"),
        page.getByRole("link", { name: "All orders as CSV" }).click(),
      ]);
      expect(download.suggestedFilename()).toBe(`orders-${sale}.csv`);
      const rows = (await readFile(await download.path(), "utf8")).trimEnd().split("\r\n");
      expect(rows).toHaveLength(3);
      expect(rows.some((row) => row.startsWith(order))).toBe(true);

      for (const tab of ["Registrations", "E-mails", "Reconciliation", "Report"]) {
        await page.getByRole("link", { name: tab, exact: true }).click();
        await clean(tab);
      }
      const { json } = await operator(stack.get(), `/audit-log?sale=${sale}`);
      const entries = z
        .array(z.object({ action: z.string(), detail: z.object({ reason: z.string().optional() }) }))
        .parse(json["entries"]);
      const reasons = Object.fromEntries(entries.map(({ action, detail }) => [action, detail.reason]));
      expect(reasons).toMatchObject({
        open: "everybody is here",
        pause: "the till is down",
        resume: "the till is up",
        "top-up": "a box was found",
        close: "enough for today",
      });
      expect(faults).toEqual([]);
      await context.close();
    },
  );

  test("Enter in a field of a new sale looks at the shop's page, and adds no rows", async () => {
    const { page, context } = await visitor(browser, stack.get().url, { javaScript });
    await signIn(page);
    await page.goto("/admin/new");
    const fields = { id: `c-${randomUUID().slice(0, 13)}`, name: "Entered", "items.0.sku": "M" };
    const item = { "items.0.name": "Medium", "items.0.stock": "5", "items.0.price": "12" };
    for (const [name, value] of Object.entries({ ...fields, ...item }))
      await page.locator(`[name="${name}"]`).fill(value);
    const rows = await page.locator("[data-row]").count();
    for (const name of ["name", "items.0.stock", "holdSeconds"]) {
      const opening = context.waitForEvent("page", { timeout: 5_000 });
      await page.locator(`[name="${name}"]`).press("Enter");
      const preview = await opening;
      await preview.getByRole("heading", { name: "Entered", exact: true }).waitFor();
      expect(preview.url()).toContain("/admin/preview");
      await preview.close();
    }
    expect(await page.locator("[data-row]").count()).toBe(rows);
    await context.close();
  });

  test("after a sale was refused the focus is on what is wrong, and a link there leads to its field", async () => {
    const { page, context, faults } = await visitor(browser, stack.get().url, { javaScript });
    await signIn(page);
    await page.goto("/admin/new");
    await page.locator('[name="holdSeconds"]').fill("1");
    await page.getByRole("button", { name: "Create and publish" }).click();
    const summary = page.getByRole("alert").filter({ hasText: "Some fields are not as they must be." });
    await summary.and(page.locator(":focus")).waitFor();
    await page.keyboard.press("Tab");
    await page.keyboard.press("Enter");
    await page.locator("#field-id:focus, #field-name:focus").waitFor();
    expect(faults.filter((fault) => !fault.includes("422"))).toEqual([]);
    await context.close();
  });
});
