/** `npm run scale:docs`: writes anew what of the documentation comes from the models: plots, their tables, the bill. */
import { mkdir, readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { billOf, usualBill } from "../cost/bill.ts";
import { printBill } from "../cost/table.ts";
import { drawings, tableOf } from "./plots.ts";
import { usualSale } from "./options.ts";
import { simulate } from "./simulate.ts";

const root = path.resolve(import.meta.dirname, "../..");

/** Files by their path, as they should be. */
export async function documentation(): Promise<Map<string, string>> {
  const files = new Map<string, string>();
  const read = (name: string) => readFile(path.join(root, name), "utf8");
  let scaling = await read("docs/SCALING.md");
  for (const one of drawings()) {
    files.set(`docs/scaling/${one.name}.svg`, one.svg);
    const before = new RegExp(`!\\[[^\\]]*\\]\\(scaling/${one.name}\\.svg\\)\\n\\n(\\|.*\\n)+`);
    scaling = replaced(scaling, before, tableOf(one));
  }
  files.set("docs/SCALING.md", scaling);
  const sale = usualSale(1_000_000, 10_000);
  const bill = printBill(sale, billOf(sale, simulate(sale), usualBill));
  files.set("OPERATIONS.md", replaced(await read("OPERATIONS.md"), /\| part \| what .*\n(\|.*\n)+/, bill));
  return files;
}

/** @throws Error where the page has no such part */
function replaced(page: string, part: RegExp, by: string): string {
  if (!part.test(page)) throw new Error(`nothing like ${String(part)} is there to be replaced`);
  return page.replace(part, () => `${by}\n`);
}

if (process.argv[1] === import.meta.filename) {
  await mkdir(path.join(root, "docs/scaling"), { recursive: true });
  for (const [name, text] of await documentation()) await writeFile(path.join(root, name), text);
}
