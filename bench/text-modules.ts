/** Lets Node import `.lua` and `.sql` files as text, as `[[rules]] type = "Text"` in functions/wrangler.toml does. */
import { readFileSync } from "node:fs";
import { registerHooks } from "node:module";
import { fileURLToPath } from "node:url";

/** Before the first import of a module that imports such a file: that one must be dynamic. */
export function readTextModules(): void {
  registerHooks({
    load: (url, context, next) =>
      /\.(lua|sql)$/.test(url)
        ? {
            format: "module",
            source: `export default ${JSON.stringify(readFileSync(fileURLToPath(url), "utf8"))}`,
            shortCircuit: true,
          }
        : next(url, context),
  });
}
