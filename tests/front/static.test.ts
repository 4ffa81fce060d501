/** Static files: served without the Worker, with the fields their `_headers` file gives them. */
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { parseHeaderRules } from "../../dev/front/header-rules.ts";
import { raw, startWorld } from "./world.ts";

async function startSite(files: Record<string, string>) {
  const root = mkdtempSync(join(tmpdir(), "front-static-"));
  onTestFinished(() => rmSync(root, { recursive: true }));
  const site = join(root, "site");
  mkdirSync(join(site, "sub"), { recursive: true });
  writeFileSync(join(root, "secret.txt"), "secret");
  symlinkSync(join(root, "secret.txt"), join(site, "link.txt"));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(site, name), text);
  return startWorld({ staticDir: site });
}

test("a file is served with its type and tag, counted apart, and the Worker does not run", async () => {
  const world = await startSite({ "style.css": "b{}", "sub/index.html": "<p>", "about.html": "<b>" });
  const got = await world.get("/style.css?v=1");
  expect(got).toMatchObject({ status: 200, cache: "HIT", body: "b{}" });
  expect(got.headers).toMatchObject({
    "content-type": "text/css; charset=utf-8",
    "cache-control": "public, max-age=0, must-revalidate",
  });
  expect((await world.get("/style.css", { "if-none-match": String(got.headers["etag"]) })).status).toBe(304);
  expect((await world.get("/sub/")).body).toBe("<p>");
  expect((await world.get("/about")).body).toBe("<b>");
  expect(await world.ask("HEAD", "/about.html")).toMatchObject({ status: 200, body: "" });
  expect(world.seen).toHaveLength(0);
  expect(world.front.stats().byStatus).toMatchObject({ STATIC: 5, HIT: 0 });
});

test("everything else is the Worker's, and so is every other method", async () => {
  const world = await startSite({ "style.css": "b{}" });
  expect((await world.get("/other")).cache).toBe("BYPASS");
  expect((await world.ask("POST", "/style.css")).cache).toBe("BYPASS");
  expect(world.seen).toHaveLength(2);
});

test("`_headers` sets, joins and removes fields by path, and is not a file of the site", async () => {
  const rules =
    "# all\n/*\n  X-Frame-Options: DENY\n  ! X-Content-Type-Options\n/app*.js\n  Cache-Control: max-age=9\n  X-Frame-Options: B\n";
  const world = await startSite({ _headers: rules, "app.1.js": "1", "x.txt": "x" });
  const app = await world.get("/app.1.js");
  expect(app.headers).toMatchObject({ "cache-control": "max-age=9", "x-frame-options": "DENY, B" });
  expect(app.headers).not.toHaveProperty("x-content-type-options");
  expect((await world.get("/x.txt")).headers["x-frame-options"]).toBe("DENY");
  expect((await world.get("/_headers")).body).toBe("run 1");
});

test("a line of `_headers` that means nothing is named", () => {
  expect(() => parseHeaderRules("/*\n  nonsense")).toThrow("_headers, line 2");
});

test.each(["/../secret.txt", "/sub/../../secret.txt", "/%2e%2e/secret.txt", "/..%2fsecret.txt", "/link.txt"])(
  "no path leads out of the folder: %s",
  async (path) => {
    const world = await startSite({ "style.css": "b{}" });
    expect(await raw(world.front, path)).toContain("run 1");
    expect(world.seen[0]?.url).toBe(path);
  },
);
