/** Paying in a real browser, with JavaScript and without: to Stripe's page and back, whatever the bank says. */
import pg from "pg";
import type { Page } from "playwright-core";
import { describe, expect, test } from "vitest";
import { look, press, reload, step, useShop, visitor } from "./browser.ts";
import { createSale, operate } from "./sales.ts";

const { stack, browser } = await useShop();

const priced = (stock: number, holdSeconds = 300) =>
  createSale(stack, {
    holdSeconds,
    items: [{ sku: "sand", name: "Sand", stock, price: 14_900, limit: 1 }],
  });

/** From the sale's page to the payment page. */
async function toPayment(page: Page, sale: string, javaScript: boolean): Promise<void> {
  await page.goto(`/sales/${sale}`);
  await press(page, "Join the line");
  await step(page, "It is your turn");
  if (javaScript) await page.getByText("€149.00").first().waitFor();
  await press(page, "Reserve");
  await step(page, "Held for you");
  await press(page, "Pay");
  await page.waitForURL(`${stack.stripe.url}/pay/**`);
}

/** An event that could not be seen to is taken up again fifteen seconds later, or thirty. */
async function eventsAreDue(): Promise<void> {
  const client = new pg.Client({ connectionString: stack.database.connectionString });
  await client.connect();
  await client.query("update webhook_inbox set due_at = now()");
  await client.end();
}

describe.each([
  ["with JavaScript", true],
  ["without JavaScript", false],
])("%s", (_, javaScript) => {
  const kind = javaScript ? "js" : "plain";

  test("a card is declined, another pays, and the order says so; a refund shows too", async () => {
    const sale = await priced(3);
    const { page, context, faults } = await visitor(browser, stack.url, { javaScript });
    await toPayment(page, sale, javaScript);
    await press(page, "Pay with a card that is declined");
    await page.getByText("Your card was declined.").waitFor();
    await press(page, "Pay");
    await step(page, "It is yours");
    await expect.poll(() => page.locator("#live").innerText(), { timeout: 30_000 }).toContain("Paid.");
    await look(page, `paid-${kind}`);

    const id = (await page.locator("code").innerText()).trim();
    const request = { refundId: crypto.randomUUID(), returnStock: true, reason: "a test" };
    await operate(stack, `/sales/${sale}/orders/${id}/refunds`, request);
    await expect
      .poll(
        async () => {
          await reload(page);
          await page.getByText("Finding where you were").waitFor({ state: "hidden" });
          return await page.locator("#live").innerText();
        },
        { timeout: 15_000, interval: 1000 },
      )
      .toContain("Refunded");
    await look(page, `refunded-${kind}`);
    // The payment page is another host's, as Stripe's is.
    expect(faults.filter((fault) => !fault.startsWith(`other host: ${stack.stripe.url}`))).toEqual([]);
    await context.close();
  });

  test("an order whose money is taken later says so by itself once it is", async () => {
    const sale = await priced(3);
    const { page, context } = await visitor(browser, stack.url, { javaScript });
    await toPayment(page, sale, javaScript);
    // Postgres cannot write down that it was taken.
    stack.neon.faults.add({ kind: "error", match: '"captured"' });
    await press(page, "Pay");
    await step(page, "It is yours");
    await page.getByText("it is being taken").waitFor();
    stack.neon.faults.clear();
    await eventsAreDue();
    await stack.cron();
    await page.getByText("Paid.").waitFor();
    await context.close();
  });

  test("back from the payment page without paying, the hold is there and leads to the same page", async () => {
    const sale = await priced(3);
    const { page, context } = await visitor(browser, stack.url, { javaScript });
    await toPayment(page, sale, javaScript);
    const paying = page.url();
    await page.getByRole("link", { name: "Back to the shop" }).click();
    await step(page, "Held for you");
    await press(page, "Pay");
    await page.waitForURL(paying);
    await context.close();
  });

  test("the tab is closed after paying: the order is there when the shopper comes back", async () => {
    const sale = await priced(3);
    const { page, context } = await visitor(browser, stack.url, { javaScript });
    await toPayment(page, sale, javaScript);
    const session = /cs_test_\w+/.exec(page.url())?.[0] ?? "";
    await page.close();
    stack.stripe.pay(session);
    const tab = await context.newPage();
    await tab.goto(`/sales/${sale}${javaScript ? "" : "/visit"}`);
    await step(tab, "It is yours");
    await context.close();
  });

  test("paid too late, with nothing left: not charged, and told so", async () => {
    const sale = await priced(1, 8);
    const { page, context } = await visitor(browser, stack.url, { javaScript });
    await toPayment(page, sale, javaScript);
    const session = /cs_test_\w+/.exec(page.url())?.[0] ?? "";
    const captured = stack.stripe.state().totals["eur"]?.captured ?? 0;
    const available = async () => {
      const live = (await operate(stack, `/sales/${sale}/live`)) as { items: { available: number }[] };
      return live.items[0]?.available;
    };
    await expect.poll(available, { timeout: 20_000, interval: 500 }).toBe(1);
    expect(stack.stripe.pay(session).outcome).toBe("refused");
    await page.getByRole("button", { name: "Pay", exact: true }).click();
    await page.getByText("expired").first().waitFor();
    await page.goto(`/sales/${sale}${javaScript ? "" : "/visit"}`);
    await page.getByText("The time for this reservation has run out").waitFor();
    await look(page, `too-late-${kind}`);
    expect(stack.stripe.state().totals["eur"]?.captured ?? 0).toBe(captured);
    await context.close();
  });
});
