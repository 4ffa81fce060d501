/** A real browser for the tests, and what it must never be seen doing: errors, policy violations, other hosts. */
import { accessSync, constants } from "node:fs";
import path from "node:path";
import { chromium, type Browser, type BrowserContext, type Page } from "playwright-core";
import { afterAll, expect } from "vitest";
import { startStack, type Stack } from "../../dev/stack.ts";
import { atRest, violationsHere } from "./axe.ts";

const NAMES = ["chromium", "chromium-browser", "google-chrome"];
const { SCREENSHOTS } = process.env;
const VIEWPORTS = [
  { width: 360, height: 740, colorScheme: "dark" },
  { width: 1280, height: 860, colorScheme: "light" },
] as const;

/** @throws Error when there is no browser: a test that did not run must not look like one that passed */
function executable(): string {
  const folders = (process.env["PATH"] ?? "").split(path.delimiter);
  const candidates = NAMES.flatMap((name) => folders.map((folder) => path.join(folder, name)));
  for (const candidate of [process.env["CHROMIUM"] ?? "", ...candidates]) {
    try {
      accessSync(candidate, constants.X_OK);
      return candidate;
    } catch {
      // Not this one.
    }
  }
  throw new Error(`no browser: install one of ${NAMES.join(", ")}, or say where it is in CHROMIUM`);
}

/** One stack and one browser for a test file. */
export async function useShop(): Promise<{ stack: Stack; browser: Browser }> {
  const browser = await launch();
  const stack = await startStack({ quiet: true }).catch(async (error: unknown) => {
    await browser.close();
    throw error;
  });
  afterAll(async () => {
    await browser.close();
    await stack.close();
  });
  return { stack, browser };
}

export const launch = (): Promise<Browser> =>
  chromium.launch({
    executablePath: executable(),
    args: [
      "--headless",
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
    ],
  });

/** One shopper with a cookie jar of their own. */
export interface Visitor {
  context: BrowserContext;
  page: Page;
  /** Console errors, exceptions, policy violations, failed requests and requests to any other host, so far. */
  faults: string[];
}

interface VisitorOptions {
  javaScript?: boolean;
  width?: number;
}

export async function visitor(browser: Browser, url: string, options: VisitorOptions = {}): Promise<Visitor> {
  const { javaScript = true, width = 1280 } = options;
  const context = await browser.newContext({
    baseURL: url,
    javaScriptEnabled: javaScript,
    viewport: { width, height: 860 },
  });
  const faults: string[] = [];
  context.on("request", (request) => {
    if (new URL(request.url()).origin !== new URL(url).origin) faults.push(`other host: ${request.url()}`);
  });
  context.on("console", (message) => {
    // Violations of the content security policy are reported here too.
    if (message.type() === "error" || message.type() === "warning") faults.push(message.text());
  });
  context.on("weberror", (error) => faults.push(error.error().message));
  return { context, page: await context.newPage(), faults };
}

/** The card's heading: the step the shopper is at. */
export async function step(page: Page, heading: string): Promise<void> {
  await page.getByRole("heading", { level: 2, name: heading, exact: true }).waitFor();
}

export async function press(page: Page, button: string): Promise<void> {
  await page.getByRole("button", { name: button, exact: true }).click();
}

/** Loads a page anew that may be doing so by itself at this very moment: of the two, the later one stands. */
export async function reload(page: Page): Promise<void> {
  await page.reload().catch(async (error: unknown) => {
    if (!String(error).includes("ERR_ABORTED")) throw error;
    await page.waitForLoadState();
  });
}

/** The number on the ticket, as the card shows it. */
export async function numberOf(page: Page): Promise<number> {
  const text = await page.locator(".number").innerText();
  return Number(text.replace(/\D/g, ""));
}

/**
 * Looks at a page on a phone, dark, and on a desk, light: nothing is against WCAG 2.2 AA, nothing is wider than the screen.
 * With SCREENSHOTS in the environment it is photographed into that folder, for people to look at.
 */
export async function look(page: Page, name: string): Promise<void> {
  const before = page.viewportSize();
  await atRest(page, async (still) => {
    for (const { colorScheme, ...viewport } of VIEWPORTS) {
      const what = `${name} at ${viewport.width}`;
      await still.setViewportSize(viewport);
      await still.emulateMedia({ colorScheme });
      expect(await violationsHere(still), what).toEqual([]);
      expect(await sideways(still), what).toBeLessThanOrEqual(0);
      const file = SCREENSHOTS && path.join(SCREENSHOTS, `${name}-${viewport.width}.png`);
      if (file) await still.screenshot({ path: file, fullPage: true });
    }
    await still.emulateMedia({ colorScheme: null });
    if (before) await still.setViewportSize(before);
  });
}

/** By how much (px) a page is wider than its window. */
export const sideways = (page: Page): Promise<number> =>
  page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
