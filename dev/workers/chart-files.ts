/** The files of the console's charts, from the library that draws them (uplot), for our own static build. */
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import path from "node:path";

const library = path.dirname(createRequire(import.meta.url).resolve("uplot/package.json"));
/** Name → where the library has it. */
const names = {
  "uPlot.esm.js": "dist/uPlot.esm.js",
  "uPlot.min.css": "dist/uPlot.min.css",
  "LICENSE.txt": "LICENSE",
};

/** @returns name → content */
export async function chartFiles(): Promise<Map<string, Buffer>> {
  const files = new Map<string, Buffer>();
  for (const [name, from] of Object.entries(names)) files.set(name, await readFile(path.join(library, from)));
  return files;
}
