/** The states that a purchase does not pass through by itself, with JavaScript and without: each is there, says what it should, and is looked at. */
import type { Page } from "playwright-core";
import { describe, expect, test } from "vitest";
import { look, press, step, useShop, visitor } from "./browser.ts";
import { createSale, operate } from "./sales.ts";

const { stack, browser } = await useShop();

const items = [
  { sku: "40", name: "Size 40", stock: 1, price: 0, limit: 1, image: "/favicon.svg" },
  { sku: "42", name: "Size 42", stock: 500, price: 14_900, limit: 2, image: "/favicon-turn.svg" },
];
const images = [
  { src: "/favicon.svg", alt: "The shoe from the side" },
  { src: "/favicon-turn.svg", alt: "The sole" },
];

async function toTurn(page: Page, sale: string): Promise<void> {
  await page.goto(`/sales/${sale}`);
  await press(page, "Join the line");
  await step(page, "It is your turn");
}

describe.each([
  ["with JavaScript", true],
  ["without JavaScript", false],
])("%s", (_, javaScript) => {
  const named = (name: string) => `${name}-${javaScript ? "js" : "plain"}`;
  const arrive = () => visitor(browser, stack.url, { javaScript });

  test("several pictures and variants: a picture each, and what is left", async () => {
    const gone = { sku: "44", name: "Size 44", stock: 0, price: 14_900, limit: 1 };
    const sale = await createSale(stack, { items: [...items, gone], images });
    const { page, context, faults } = await arrive();
    await page.goto(`/sales/${sale}`);
    await page.getByRole("img", { name: "The sole" }).waitFor();
    await page.getByRole("link", { name: "Picture 2" }).click();
    await expect
      .poll(() => page.locator(".strip").evaluate((strip) => Math.round(strip.scrollLeft)))
      .toBeGreaterThan(100);
    await press(page, "Join the line");
    await step(page, "It is your turn");
    await page.locator(".choice").last().getByText("Nothing left at the moment").waitFor();
    await look(page, named("variants"));
    expect(faults).toEqual([]);
    await context.close();
  });

  test("a hold about to end says so; more time is one press, once", async () => {
    const sale = await createSale(stack, { holdSeconds: 50 });
    const { page, context, faults } = await arrive();
    await toTurn(page, sale);
    await press(page, "Reserve");
    await step(page, "Held for you");
    await page.getByRole("alert").filter({ hasText: "Less than 60 seconds left." }).waitFor();
    await look(page, named("held-warning"));
    await press(page, "Give me more time");
    await page.getByText("You have taken more time.").waitFor();
    expect(await page.getByRole("button", { name: "Give me more time" }).count()).toBe(0);
    await look(page, named("held-extended"));
    await press(page, "Complete order");
    await step(page, "It is yours");
    expect(faults).toEqual([]);
    await context.close();
  });

  test("who misses their turn keeps the number and comes back in", async () => {
    const sale = await createSale(stack, { passSeconds: 5 });
    const { page, context } = await arrive();
    await toTurn(page, sale);
    await page.getByRole("alert").filter({ hasText: "your number is still yours" }).waitFor();
    if (javaScript) {
      await step(page, "Your turn has ended");
      await look(page, named("missed"));
      await press(page, "I am still here");
    } else {
      await page.waitForTimeout(6_000);
      await press(page, "Reserve");
      await page.getByText("Your turn had ended.").waitFor();
      await look(page, named("missed"));
      // Not a reload, which would send the form again.
      await page.goto(`/sales/${sale}/visit`);
    }
    await step(page, "It is your turn");
    await context.close();
  });

  test("a turn that ends with the sale promises nothing after it", async () => {
    const sale = await createSale(stack, { closesAt: new Date(Date.now() + 20_000).toISOString() });
    const { page, context } = await arrive();
    await toTurn(page, sale);
    const warning = page.getByRole("alert").filter({ hasText: "Less than 60 seconds left." });
    expect(await warning.innerText()).toBe("Less than 60 seconds left. After that the sale is over.");
    await context.close();
  });

  test("too late: a sale that has been closed", async () => {
    const sale = await createSale(stack);
    const { page, context, faults } = await arrive();
    await operate(stack, `/sales/${sale}/close`, { reason: "a test" });
    await page.goto(`/sales/${sale}`);
    await step(page, "This sale has ended");
    await look(page, named("closed"));
    expect(faults).toEqual([]);
    await context.close();
  });

  test("between several items nothing is chosen at first; what is gone is told, and not asked for again", async () => {
    const sale = await createSale(stack, { items });
    const [first, second] = [await arrive(), await arrive()];
    for (const { page } of [first, second]) await toTurn(page, sale);
    const { page } = second;
    const chosen = () =>
      page.locator("select").evaluateAll((all: HTMLSelectElement[]) => all.map((one) => one.value));
    expect(await chosen()).toEqual(["0", "0"]);
    await press(page, "Reserve");
    await page.getByText("Choose at least one item.").waitFor();

    await first.page.getByLabel("Size 40").selectOption("1");
    await press(first.page, "Reserve");
    await step(first.page, "Held for you");
    await page.getByLabel("Size 40").selectOption("1");
    await page.getByLabel("Size 42").selectOption("2");
    await press(page, "Reserve");
    await page.getByText("Nothing is left of Size 40 at the moment.").waitFor();
    await look(page, named("refused"));
    expect(await chosen()).toEqual(["0", "2"]);
    await press(page, "Reserve");
    await step(page, "Held for you");
    const lines = await page.locator(".lines").innerText();
    expect(lines).toContain("2 × Size 42");
    expect(lines).not.toContain("Size 40");
    await Promise.all([first.context.close(), second.context.close()]);
  });

  test("nothing at an address", async () => {
    const { page, context } = await arrive();
    await page.goto("/sales/nothing-here");
    await page.getByRole("heading", { name: "There is nothing here" }).waitFor();
    await look(page, named("not-found"));
    await context.close();
  });
});

test("a sale that is put off is so in every page that stands open: the clock, the texts, the steps", async () => {
  const from = Date.now();
  const later = (ms: number) => new Date(from + ms).toISOString();
  const sale = await createSale(stack, {
    registrationOpensAt: later(-60_000),
    registrationClosesAt: later(6_000),
    opensAt: later(6_000),
    closesAt: later(8_000),
    identity: "registered",
  });
  const { page, context, faults } = await visitor(browser, stack.url);
  await page.goto(`/sales/${sale}`);
  await step(page, "Registration is open");
  const { sale: definition } = (await operate(stack, `/sales/${sale}`)) as { sale: object };
  const hour = 3_600_000;
  const opensAt = later(2 * hour);
  const times = { registrationClosesAt: later(hour), opensAt, closesAt: later(3 * hour) };
  // A cache that has the sale as it was.
  const body = await (await fetch(`${stack.url}/api/sales/${sale}`)).text();
  await page.route(
    `**/api/sales/${sale}`,
    (route) => route.fulfill({ contentType: "application/json", body }),
    {
      times: 1,
    },
  );
  await operate(stack, `/sales/${sale}`, { ...definition, ...times }, "PUT");
  await page.locator(`#live time[datetime="${opensAt}"]`).waitFor();
  await page.waitForTimeout(from + 9_000 - Date.now());
  expect(await page.locator("#live h2").innerText()).toBe("Registration is open");
  const clock = async () => (await page.locator(".clock").innerText()).replace(/\s+/g, " ");
  expect(await clock()).toMatch(/00 ?hours 59 ?minutes/i);
  expect(faults).toEqual([]);
  await context.close();
});

test("offline, asleep and back: the page says so, and finds the place again", async () => {
  const sale = await createSale(stack, { opensInMs: 240_000 });
  const { page, context } = await visitor(browser, stack.url);
  await page.goto(`/sales/${sale}`);
  await press(page, "Join the line");
  await step(page, "You are in line");
  await context.setOffline(true);
  await page.getByText("The connection is gone").waitFor();
  await look(page, "offline");
  await context.setOffline(false);
  await page.locator(".notice").waitFor({ state: "hidden" });
  await page.goto("/");
  await page.goBack();
  await step(page, "You are in line");
  await context.close();
});

test.each([
  ["of several: it is not chosen again when it comes back", items, "0"],
  [
    "the only one there is: it is chosen again",
    [{ sku: "40", name: "Size 40", stock: 2, price: 0, limit: 2 }],
    "1",
  ],
])("an item that is gone is not chosen any more; %s", async (_, sold, after) => {
  const sale = await createSale(stack, { items: sold });
  const [first, second] = [await visitor(browser, stack.url), await visitor(browser, stack.url)];
  for (const { page } of [first, second]) await toTurn(page, sale);
  const chosen = second.page.getByLabel("Size 40");
  await chosen.selectOption("1");
  await first.page.getByLabel("Size 40").selectOption({ index: sold[0]?.limit ?? 0 });
  await press(first.page, "Reserve");
  await step(first.page, "Held for you");
  await second.page.getByText("Nothing left at the moment").waitFor();
  expect(await chosen.inputValue()).toBe("0");
  await second.page.getByText("Nothing chosen").waitFor();
  await press(first.page, "Give back");
  await second.page.getByText("Nothing left at the moment").waitFor({ state: "hidden" });
  expect(await chosen.inputValue()).toBe(after);
  await Promise.all([first.context.close(), second.context.close()]);
});

test("whoever is called sees it in the tab: another title and icon, and then the old ones", async () => {
  const sale = await createSale(stack);
  const { page, context, faults } = await visitor(browser, stack.url);
  await toTurn(page, sale);
  const icon = () => page.locator('link[rel="icon"]').getAttribute("href");
  await expect.poll(icon).toBe("/favicon-turn.svg");
  expect(await page.title()).toMatch(/^● It is your turn/);
  await press(page, "Reserve");
  await step(page, "Held for you");
  await expect.poll(icon).toBe("/favicon.svg");
  expect(await page.title()).not.toContain("●");
  expect(faults).toEqual([]);
  await context.close();
});

test("a sound or a notification comes to who asked for it, and to nobody else", async () => {
  const sale = await createSale(stack, { opensInMs: 12_000 });
  const { page, context, faults } = await visitor(browser, stack.url);
  // Counts the notes that are played.
  await page.addInitScript(() => {
    Object.assign(globalThis, { notes: 0 });
    globalThis.AudioContext = class extends AudioContext {
      override createOscillator() {
        (globalThis as unknown as { notes: number }).notes++;
        return super.createOscillator();
      }
    };
  });
  const notes = () => page.evaluate(() => (globalThis as unknown as { notes: number }).notes);
  await page.goto(`/sales/${sale}`);
  await press(page, "Join the line");
  await page.getByRole("button", { name: "Tell me by a sound" }).waitFor();
  expect(await notes()).toBe(0);
  await press(page, "Tell me by a sound");
  await page.getByRole("button", { name: "A sound tells you", pressed: true }).waitFor();
  const asked = await notes();
  expect(asked).toBeGreaterThan(0);
  await step(page, "It is your turn");
  await expect.poll(notes).toBe(2 * asked);
  expect(faults).toEqual([]);
  await context.close();
});

test("a shop that does not answer says so and asks again by itself", async () => {
  const sale = await createSale(stack);
  await stack.functions.kill();
  try {
    const { page, context } = await visitor(browser, stack.url, { javaScript: false });
    const answer = await page.goto(`/de/sales/${sale}/visit`);
    expect(answer?.status()).toBe(503);
    expect(answer?.headers()["refresh"]).toMatch(new RegExp(`^\\d+;url=/de/sales/${sale}/visit$`));
    await page.getByRole("heading", { name: "Einen Moment" }).waitFor();
    await look(page, "trouble");
    await context.close();
  } finally {
    await stack.functions.restart();
  }
});
