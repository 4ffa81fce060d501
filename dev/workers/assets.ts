/**
 * Makes `dist/static` of `static`: the same files, and what is in `assets/` once more under `/v/<version>/`, without
 * comments and spaces, where the version is a hash of all of it, so that browsers may keep those for ever and a change is a new address. One hash for
 * the folder, because its modules import each other by relative names. Pages learn it from `dist/assets-version.js`.
 * Wrangler runs this before each build (`[build]` in wrangler.toml). Files that are right already are not touched, so
 * that it may run while another serves them.
 */
import { createHash } from "node:crypto";
import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { chartFiles } from "./chart-files.ts";
import { transform } from "esbuild";
import { docsFiles } from "./docs-files.ts";

const root = path.resolve(import.meta.dirname, "../..");
const source = path.join(root, "static");
const dist = path.join(root, "dist");
const VERSION_CHARS = 12;
/** Browsers that have modules with a top-level await. */
const TARGET = "es2022";

/** The folder that is served. */
export const STATIC_DIR = path.join(dist, "static");

export async function buildStatic(): Promise<void> {
  const files = new Map<string, Buffer>();
  for (const name of await filesIn(source)) files.set(name, await readFile(path.join(source, name)));
  for (const [name, content] of await docsFiles()) files.set(`assets/docs/${name}`, content);
  for (const [name, content] of await chartFiles()) files.set(`assets/charts/${name}`, content);
  const ours = [...files].filter(([name]) => name.startsWith("assets/"));
  const assets: [name: string, content: Buffer][] = await Promise.all(
    ours.map(async ([name, content]) => [name, await small(name, content)]),
  );
  const hash = createHash("sha256");
  for (const [name, content] of assets) hash.update(`${name}\n${content.length}\n`).update(content);
  const version = hash.digest("hex").slice(0, VERSION_CHARS);
  for (const [name, content] of assets) files.set(name.replace("assets/", `v/${version}/`), content);

  for (const [name, content] of files) await write(path.join(STATIC_DIR, name), content);
  for (const name of await filesIn(STATIC_DIR))
    if (!files.has(name)) await rm(path.join(STATIC_DIR, name), { force: true });
  await write(
    path.join(dist, "assets-version.js"),
    Buffer.from(`export default ${JSON.stringify(version)};\n`),
  );
}

/** A script or style of ours as browsers get it; what others made is small already. */
async function small(name: string, content: Buffer): Promise<Buffer> {
  const [, loader] = /^assets\/(?!docs\/|charts\/).*\.(js|css)$/.exec(name) ?? [];
  if (loader !== "js" && loader !== "css") return content;
  const made = await transform(content, { loader, minify: true, target: TARGET });
  return Buffer.from(made.code);
}

/** Names relative to the folder, with `/`, sorted. */
async function filesIn(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => path.relative(folder, path.join(entry.parentPath, entry.name)).split(path.sep).join("/"))
    .sort();
}

async function write(file: string, content: Buffer): Promise<void> {
  const before = await readFile(file).catch(() => undefined);
  if (before?.equals(content) === true) return;
  await mkdir(path.dirname(file), { recursive: true });
  await writeFile(file, content);
}

if (import.meta.main) await buildStatic();
