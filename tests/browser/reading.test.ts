/** What people need who read and operate the page otherwise: by keyboard, by ear, larger, in their own colours, from right to left. */
import { readFileSync } from "node:fs";
import type { Page } from "playwright-core";
import { describe, expect, test } from "vitest";
import { violations } from "./axe.ts";
import { sideways, step, useShop, visitor } from "./browser.ts";
import { createSale } from "./sales.ts";

const { stack, browser } = await useShop();

const focused = (page: Page) => page.evaluate(() => document.activeElement?.textContent.trim() ?? "");

/** Goes on by Tab until the focus is on a control with this text, and presses Enter. */
async function tabTo(page: Page, text: string): Promise<void> {
  for (let i = 0; i < 20 && (await focused(page)) !== text; i++) await page.keyboard.press("Tab");
  expect(await focused(page)).toBe(text);
  const ring = await page.evaluate(
    () => getComputedStyle(document.activeElement ?? document.body).outlineStyle,
  );
  expect(ring).toBe("solid");
  await page.keyboard.press("Enter");
}

describe.each([
  ["with JavaScript", true],
  ["without JavaScript", false],
])("%s", (_, javaScript) => {
  test("by keyboard alone from the page to the order; each new card has the focus", async () => {
    const sale = await createSale(stack, { holdSeconds: 50 });
    const { page, context, faults } = await visitor(browser, stack.url, { javaScript });
    await page.goto(`/sales/${sale}`);
    await page.keyboard.press("Tab");
    expect(await focused(page)).toBe("Skip to content");
    await tabTo(page, "Join the line");
    await step(page, "It is your turn");
    // Without JavaScript the page that loads itself anew has no say in where the reader is.
    if (javaScript) expect(await focused(page)).toBe("It is your turn");
    await tabTo(page, "Reserve");
    await step(page, "Held for you");
    // With little time left, more of it is one key away.
    if (javaScript) expect(await focused(page)).toBe("Give me more time");
    if (javaScript) await page.keyboard.press("Enter");
    else await tabTo(page, "Give me more time");
    await page.getByText("You have taken more time.").waitFor();
    if (javaScript) expect(await focused(page)).toBe("Held for you");
    await tabTo(page, "Complete order");
    await step(page, "It is yours");
    if (javaScript) expect(await focused(page)).toBe("It is yours");
    expect(faults).toEqual([]);
    await context.close();
  });
});

test("the place in line is read out at most every 30 s, however often it changes", async () => {
  const sale = await createSale(stack, { opensInMs: 600_000, capacity: 1 });
  for (let i = 0; i < 3; i++) await fetch(`${stack.url}/api/sales/${sale}/queue`, { method: "POST" });
  const { page, context } = await visitor(browser, stack.url);
  await page.clock.install();
  await page.goto(`/sales/${sale}`);
  await page.getByRole("button", { name: "Join the line" }).click();
  await step(page, "You are in line");
  await page.evaluate(() => {
    const said: number[] = [];
    Object.assign(globalThis, { said });
    const region = document.getElementById("announce");
    if (region) new MutationObserver(() => said.push(Date.now())).observe(region, { childList: true });
  });
  await page.clock.runFor(120_000);
  const said = await page.evaluate(() => (globalThis as unknown as { said: number[] }).said);
  expect(said.length).toBeGreaterThanOrEqual(2);
  for (const [i, at] of said.slice(1).entries()) expect(at - (said[i] ?? 0)).toBeGreaterThanOrEqual(30_000);
  await context.close();
});

describe("every layout holds", () => {
  const open = async (width: number) => {
    const sale = await createSale(stack);
    const one = await visitor(browser, stack.url, { width });
    await one.page.goto(`/sales/${sale}`);
    await one.page.getByRole("button", { name: "Join the line" }).click();
    await step(one.page, "It is your turn");
    return one;
  };

  test("at 320 px, and with text twice as large", async () => {
    for (const [width, size] of [
      [320, "100%"],
      [640, "200%"],
    ] as const) {
      const { page, context } = await open(width);
      await page.evaluate((size) => document.documentElement.style.setProperty("font-size", size), size);
      expect(await sideways(page)).toBeLessThanOrEqual(0);
      await context.close();
    }
  });

  test("from right to left, and no rule of the style knows left or right", async () => {
    for (const width of [320, 1280]) {
      const { page, context } = await open(width);
      await page.evaluate(() => (document.documentElement.dir = "rtl"));
      expect(await sideways(page)).toBeLessThanOrEqual(0);
      const start = await page.locator(".brand").evaluate((brand) => brand.getBoundingClientRect().right);
      expect(start).toBeGreaterThan(width / 2);
      expect(await violations(page)).toEqual([]);
      await context.close();
    }
    const css = readFileSync(new URL("../../static/assets/shop.css", import.meta.url), "utf8");
    const physical =
      /(?:^|[\s;{])(?:(?:margin|padding|border|inset)-)?(?:left|right|top|bottom)(?:-\w+)*\s*:|(?:^|[\s;{])(?:(?:min|max)-)?(?:width|height)\s*:|text-align:\s*(?:left|right)/gm;
    expect(css.match(physical) ?? []).toEqual([]);
  });

  test("in the reader's own colours, and without motion for who wants none", async () => {
    const { page, context } = await open(1280);
    await page.emulateMedia({ forcedColors: "active" });
    expect(await violations(page)).toEqual([]);
    await page.emulateMedia({ forcedColors: "none", reducedMotion: "reduce" });
    expect(await page.evaluate(() => document.getAnimations().length)).toBe(0);
    await context.close();
  });
});
