/** `npm run bench`: the figures and budgets of the design, as ratios, in one run. */
import { readTextModules } from "./text-modules.ts";

readTextModules();
const { bench } = await import("./bench.ts");
process.exitCode = await bench(process.argv.slice(2));
