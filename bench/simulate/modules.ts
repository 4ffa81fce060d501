/**
 * Loads the functions' code as it is: once for each isolate, so that what a module remembers is remembered by one of
 * them; `.lua` and `.sql` as text; and, for a negative control, with one defect written into the text on its way.
 */
import { readFileSync } from "node:fs";
import { registerHooks } from "node:module";
import path from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { defectNamed, type Defect } from "./defects.ts";

const root = path.join(import.meta.dirname, "../..");
const functions = pathToFileURL(path.join(root, "functions")).href;

/** Before the first import of the functions' code, which must be dynamic. */
export function hookModules(): void {
  registerHooks({
    resolve(specifier, context, next) {
      const resolved = next(specifier, context);
      const isolate = /\?isolate=.+$/.exec(context.parentURL ?? "")?.[0];
      const isOfIsolate = isolate !== undefined && resolved.url.startsWith(functions);
      return isOfIsolate ? { ...resolved, url: resolved.url + isolate } : resolved;
    },
    load(url, context, next) {
      const file = path.relative(
        root,
        url.startsWith("file:") ? fileURLToPath(new URL(url.replace(/\?.*$/, ""))) : "",
      );
      if (!file.startsWith("functions")) return next(url, context);
      const defect = defectNamed(new URL(url).searchParams.get("defect") ?? undefined);
      const text = () => patched(file, readFileSync(path.join(root, file), "utf8"), defect);
      return /\.(lua|sql)$/.test(file)
        ? { format: "module", source: `export default ${JSON.stringify(text())}`, shortCircuit: true }
        : { format: "module-typescript", source: text(), shortCircuit: true };
    },
  });
}

/** A text of the functions with the defect in it, if it is this one's. @throws Error where the line is not there any more */
export function patched(file: string, text: string, defect: Defect | undefined): string {
  for (const { in: where, find, put } of defect?.changes ?? []) {
    if (where !== file) continue;
    if (text.split(find).length !== 2)
      throw new Error(`${file} does not have exactly one "${find}": the defect must be written anew`);
    text = text.replace(find, () => put);
  }
  return text;
}

/** The steps, in an isolate of their own. */
export async function loadIsolate(nth: number, defect?: Defect): Promise<typeof import("./steps.ts")> {
  const which = new URLSearchParams({ isolate: String(nth), ...(defect && { defect: defect.name }) });
  return (await import(`./steps.ts?${which}`)) as typeof import("./steps.ts");
}
