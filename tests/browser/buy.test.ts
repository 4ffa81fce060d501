/** A person buys, with JavaScript and without, in a real browser on the real system. */
import { describe, expect, test } from "vitest";
import { look, numberOf, press, reload, step, useShop, visitor } from "./browser.ts";
import { createSale, setMode } from "./sales.ts";

const { stack, browser } = await useShop();

describe("with JavaScript", () => {
  test("one person joins, is let in, reserves and has an order, without a single error", async () => {
    const sale = await createSale(stack);
    const { page, context, faults } = await visitor(browser, stack.url);
    await page.goto(`/sales/${sale}`);
    await step(page, "On sale now");
    await look(page, "open");
    await press(page, "Join the line");
    await step(page, "It is your turn");
    await look(page, "turn");
    await page.getByLabel("Sand").selectOption("2");
    await press(page, "Reserve");
    await step(page, "Held for you");
    expect(await page.locator(".lines").innerText()).toContain("2 × Sand");
    await look(page, "held");
    await press(page, "Complete order");
    await step(page, "It is yours");
    await look(page, "order");

    await reload(page);
    await step(page, "It is yours");
    const cookies = await context.cookies();
    const tokens = cookies.filter(({ name }) => /^__Host-(ticket|pass|shopper)/.test(name));
    expect(tokens.length).toBe(3);
    expect(tokens.every(({ httpOnly, secure }) => httpOnly && secure)).toBe(true);
    const stored = await page.evaluate(() => JSON.stringify(Object.entries(localStorage)));
    for (const { value } of tokens) expect(stored).not.toContain(value);
    expect(faults).toEqual([]);
    await context.close();
  });

  test("a reload keeps the number, and so does a second tab", async () => {
    const sale = await createSale(stack, { opensInMs: 120_000 });
    const ahead = await visitor(browser, stack.url);
    await ahead.page.goto(`/sales/${sale}`);
    await press(ahead.page, "Join the line");
    await step(ahead.page, "You are in line");

    const { page, context, faults } = await visitor(browser, stack.url);
    await page.goto(`/sales/${sale}`);
    await step(page, "The line is open");
    await look(page, "lobby");
    await press(page, "Join the line");
    await step(page, "You are in line");
    expect(await numberOf(page)).toBe((await numberOf(ahead.page)) + 1);
    await look(page, "waiting");
    const number = await numberOf(page);

    await reload(page);
    await step(page, "You are in line");
    expect(await numberOf(page)).toBe(number);

    const tab = await context.newPage();
    await tab.goto(`/sales/${sale}`);
    await step(tab, "You are in line");
    expect(await numberOf(tab)).toBe(number);

    // What a browser remembers may be gone; the ticket in the cookie still has the place.
    await tab.evaluate(() => localStorage.clear());
    await reload(tab);
    await press(tab, "Join the line");
    await step(tab, "You are in line");
    expect(await numberOf(tab)).toBe(number);
    expect([...faults, ...ahead.faults]).toEqual([]);
    await Promise.all([context.close(), ahead.context.close()]);
  });

  test("a second tab follows the first one to the order", async () => {
    const sale = await createSale(stack);
    const { page, context } = await visitor(browser, stack.url);
    await page.goto(`/sales/${sale}`);
    await press(page, "Join the line");
    await step(page, "It is your turn");
    const tab = await context.newPage();
    await tab.goto(`/sales/${sale}`);
    await step(tab, "It is your turn");
    await press(page, "Reserve");
    await step(tab, "Held for you");
    await press(page, "Give me more time");
    await tab.getByText("You have taken more time.").waitFor({ timeout: 5_000 });
    await press(tab, "Complete order");
    await step(page, "It is yours");
    await context.close();
  });

  test("a unit given back can be reserved again, and who waits is told when the last one is sold", async () => {
    const sale = await createSale(stack, { stock: 1 });
    const [first, second] = [await visitor(browser, stack.url), await visitor(browser, stack.url)];
    await first.page.goto(`/sales/${sale}`);
    await press(first.page, "Join the line");
    await step(first.page, "It is your turn");
    await press(first.page, "Reserve");
    await step(first.page, "Held for you");
    await second.page.goto(`/sales/${sale}`);
    await press(second.page, "Join the line");
    await step(second.page, "You are in line");

    await press(first.page, "Give back");
    await step(first.page, "It is your turn");
    // The pulse may be from before: until the next one it says that nothing is left.
    await first.page.waitForTimeout(2_500);
    expect(await first.page.getByLabel("Sand").inputValue()).toBe("1");
    await press(first.page, "Reserve");
    await step(first.page, "Held for you");
    await press(first.page, "Complete order");
    await step(first.page, "It is yours");
    await step(second.page, "Sold out");
    await look(second.page, "sold-out");
    await Promise.all([first.context.close(), second.context.close()]);
  });

  test("a paused sale says so and goes on by itself", async () => {
    const sale = await createSale(stack);
    await setMode(stack, sale, "hold");
    const { page, context } = await visitor(browser, stack.url);
    await page.goto(`/sales/${sale}`);
    await press(page, "Join the line");
    await page.getByText("The sale is paused for a moment").waitFor();
    await look(page, "paused");
    await setMode(stack, sale, "normal");
    await step(page, "It is your turn");
    await context.close();
  });

  test("a lost connection is told and made up for", async () => {
    const sale = await createSale(stack);
    await setMode(stack, sale, "hold");
    const { page, context } = await visitor(browser, stack.url);
    await page.goto(`/sales/${sale}`);
    await press(page, "Join the line");
    await step(page, "You are in line");
    await context.setOffline(true);
    await page.getByText("The connection is gone").waitFor();
    await setMode(stack, sale, "normal");
    await context.setOffline(false);
    await step(page, "It is your turn");
    expect(await page.locator(".notice").isVisible()).toBe(false);
    await context.close();
  });
});

describe("without JavaScript", () => {
  test("one person joins, is let in, reserves, gives back, reserves again and has an order", async () => {
    const sale = await createSale(stack);
    const { page, context, faults } = await visitor(browser, stack.url, { javaScript: false });
    await page.goto(`/sales/${sale}`);
    await press(page, "Join the line");
    await step(page, "It is your turn");
    await look(page, "plain-turn");
    await page.getByLabel("Sand").selectOption("2");
    await press(page, "Reserve");
    await step(page, "Held for you");
    await look(page, "plain-held");
    await press(page, "Give back");
    await step(page, "It is your turn");
    await press(page, "Reserve");
    await step(page, "Held for you");
    await press(page, "Complete order");
    await step(page, "It is yours");
    expect(await page.locator(".lines").innerText()).toContain("1 × Sand");
    await reload(page);
    await step(page, "It is yours");
    expect(faults).toEqual([]);
    await context.close();
  });

  test("the page moves on by itself when the turn comes", async () => {
    const sale = await createSale(stack, { opensInMs: 20_000 });
    const { page, context } = await visitor(browser, stack.url, { javaScript: false });
    await page.goto(`/sales/${sale}`);
    await press(page, "Join the line");
    await step(page, "You are in line");
    const number = await numberOf(page);
    await reload(page);
    expect(await numberOf(page)).toBe(number);
    await look(page, "plain-waiting");
    await step(page, "It is your turn");
    await context.close();
  });

  test("an empty basket and a sold-out sale are told in words", async () => {
    const sale = await createSale(stack, { stock: 1 });
    const [first, second] = [
      await visitor(browser, stack.url, { javaScript: false }),
      await visitor(browser, stack.url, { javaScript: false }),
    ];
    await second.page.goto(`/sales/${sale}`);
    await first.page.goto(`/sales/${sale}`);
    await press(first.page, "Join the line");
    await step(first.page, "It is your turn");
    await first.page.getByLabel("Sand").selectOption("0");
    await press(first.page, "Reserve");
    await first.page.getByText("Choose at least one item.").waitFor();
    await first.page.getByLabel("Sand").selectOption("1");
    await press(first.page, "Reserve");
    await press(first.page, "Complete order");
    await step(first.page, "It is yours");

    await press(second.page, "Join the line");
    await step(second.page, "Sold out");
    await Promise.all([first.context.close(), second.context.close()]);
  });

  test("a browser whose script came too late goes on where its form left off", async () => {
    const sale = await createSale(stack, { opensInMs: 120_000 });
    const { page, context } = await visitor(browser, stack.url);
    await page.goto(`/sales/${sale}`);
    await context.request.post(`${stack.url}/sales/${sale}/visit/join`, { headers: { origin: stack.url } });
    await page.goto(`/sales/${sale}/visit`);
    await page.waitForURL(`${stack.url}/sales/${sale}`);
    await step(page, "You are in line");
    await context.close();
  });
});
