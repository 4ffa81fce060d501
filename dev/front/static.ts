/**
 * Static files as the CDN serves them: without running code. The folder is small, so it is held in memory and looked
 * over at most once a second; only names found by listing the folder are served, so no path can lead out of it.
 * Left out: redirects between `/page.html` and `/page`; both are served.
 */
import { createHash } from "node:crypto";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { extname, join, relative, sep } from "node:path";
import { createAnswer, type Answer } from "./answer.ts";
import { headersFor, parseHeaderRules, type HeaderRule } from "./header-rules.ts";

export interface StaticFiles {
  /** The file for a request target, query ignored, or nothing: then the Worker is asked. */
  find(url: string): Answer | undefined;
}

const LOOK_AGAIN_MS = 1000;
const DEFAULT_CACHE_CONTROL = "public, max-age=0, must-revalidate";
/** Instructions to the CDN, not files of the site. */
const control: ReadonlySet<string> = new Set(["/_headers", "/_redirects"]);

const types: Readonly<Record<string, string>> = {
  ".css": "text/css; charset=utf-8",
  ".html": "text/html; charset=utf-8",
  ".ico": "image/x-icon",
  ".jpg": "image/jpeg",
  ".js": "text/javascript; charset=utf-8",
  ".json": "application/json",
  ".map": "application/json",
  ".png": "image/png",
  ".svg": "image/svg+xml",
  ".txt": "text/plain; charset=utf-8",
  ".webmanifest": "application/manifest+json",
  ".webp": "image/webp",
  ".woff2": "font/woff2",
};

/** The paths a file answers: `/a/index.html` also as `/a/`, `/b.html` also as `/b`. */
function pathsOf(file: string): string[] {
  const path = encodeURI(`/${file.split(sep).join("/")}`);
  if (path.endsWith("/index.html")) return [path, path.slice(0, -"index.html".length)];
  return path.endsWith(".html") ? [path, path.slice(0, -".html".length)] : [path];
}

function answer(file: string, path: string, rules: readonly HeaderRule[]): Answer {
  const body = readFileSync(file);
  const headers = {
    "content-type": types[extname(file)] ?? "application/octet-stream",
    "cache-control": DEFAULT_CACHE_CONTROL,
    etag: `"${createHash("sha256").update(body).digest("base64url").slice(0, 22)}"`,
    "x-content-type-options": "nosniff",
    ...headersFor(rules, path),
  };
  return createAnswer(200, headers, body, Date.now());
}

/**
 * @param folder root of the site; links in it are not followed
 * @throws Error when the folder cannot be read or its `_headers` file is wrong
 */
export function createStaticFiles(folder: string): StaticFiles {
  let files = new Map<string, Answer>();
  let seen = "";
  let lookedAt = performance.now();

  function look(): void {
    const found = readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name));
    const stats = found.map((file) => statSync(file));
    const state = found
      .map((file, i) => `${file} ${stats[i]?.mtimeMs ?? 0} ${stats[i]?.size ?? 0}`)
      .join("\n");
    if (state === seen) return;
    const headersFile = found.find((file) => relative(folder, file) === "_headers");
    const rules = headersFile === undefined ? [] : parseHeaderRules(readFileSync(headersFile, "utf8"));
    const next = new Map<string, Answer>();
    for (const file of found) {
      for (const path of pathsOf(relative(folder, file))) {
        if (!control.has(path)) next.set(path, answer(file, path, rules));
      }
    }
    files = next;
    seen = state;
  }

  look();
  return {
    find(url) {
      const at = performance.now();
      if (at - lookedAt >= LOOK_AGAIN_MS) {
        lookedAt = at;
        try {
          look();
        } catch (error) {
          // A file saved half-way must not take the shop down: the files as they were go on.
          process.emitWarning(`static files not reloaded: ${String(error)}`);
        }
      }
      const query = url.indexOf("?");
      return files.get(query < 0 ? url : url.slice(0, query));
    },
  };
}
