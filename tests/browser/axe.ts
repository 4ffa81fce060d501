/**
 * What axe-core finds wrong with a page by the rules of WCAG 2.2 A and AA. Also of pages without JavaScript: their HTML as
 * the browser has it is shown once more where scripts of the test may run and those of the page may not.
 */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import type { AxeResults, RunOptions } from "axe-core";
import type { Page } from "playwright-core";

const source = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

const OPTIONS: RunOptions = {
  runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"],
  // The one rule of 2.2 that axe does not look at unless asked to.
  rules: { "target-size": { enabled: true } },
  resultTypes: ["violations"],
};

/** @returns a line for each violation: rule, what it asks for, and where; an empty list for a clean page */
export const violations = (page: Page): Promise<string[]> => atRest(page, violationsHere);

/** Uses a page that scripts of the test may run in: itself, or where JavaScript is off a picture of it that stays as it is. */
export async function atRest<Result>(page: Page, use: (still: Page) => Promise<Result>): Promise<Result> {
  const mayRun = await page.evaluate(scriptsRun).catch(() => false);
  if (mayRun) return await use(page);
  const browser = page.context().browser();
  if (browser === null) throw new Error("the page belongs to no browser");
  const context = await browser.newContext({ viewport: page.viewportSize(), bypassCSP: true });
  try {
    const twin = await context.newPage();
    // It may be loading itself anew at this very moment.
    const html = await page.content().catch(() => page.waitForLoadState().then(() => page.content()));
    await twin.route("**/*", async (route) => {
      const kind = route.request().resourceType();
      if (kind === "document") await route.fulfill({ contentType: "text/html", body: html });
      else if (kind === "script") await route.abort();
      else await route.continue();
    });
    await twin.goto(page.url());
    return await use(twin);
  } finally {
    await context.close();
  }
}

/** A page without JavaScript answers the test's questions, but runs no timer. */
const scriptsRun = () => matchMedia("(scripting: enabled)").matches;

/** Of a page that scripts of the test may run in. */
export async function violationsHere(page: Page): Promise<string[]> {
  // What moves is looked at where it comes to rest.
  await page.evaluate(() => Promise.all(document.getAnimations().map(({ finished }) => finished)));
  await page.evaluate(source);
  const results = await page.evaluate((options) => {
    const { axe } = globalThis as unknown as {
      axe: { run: (where: Document, options: object) => Promise<AxeResults> };
    };
    return axe.run(document, options);
  }, OPTIONS as object);
  return results.violations.flatMap(({ id, help, nodes }) =>
    nodes.map(({ target, failureSummary = "" }) =>
      [id, help, target.join(" "), failureSummary.split("\n").slice(1).join(" ").trim()].join(" · "),
    ),
  );
}
