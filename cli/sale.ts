/** `npm run sale`: the operator's command line over the admin API. */
import { Command, CommanderError } from "commander";
import { defineBooks } from "./books.ts";
import { defineChecklist } from "./checklist.ts";
import { defineDefinition } from "./definition.ts";
import { defineHand } from "./hand.ts";
import { definePeople } from "./people.ts";
import { withCommonOptions } from "./program.ts";
import { defineRecords } from "./records.ts";
import { Ended, EXIT } from "./refused.ts";
import { defineWatch } from "./watch.ts";

const HELP = `
Examples:
  ADMIN_TOKEN=… npm run sale -- create spring.yaml
  npm run sale -- watch spring --url https://shop.example
  npm run --silent sale -- show spring --json > spring.json

ADMIN_TOKEN holds the operator's token. Every command may be repeated. \`COMMAND --help\` has examples of each.
Exit code: 0 done · 1 refused, with the word and what to do · 2 not understood · 3 reconciled, and something is open.`;

async function main(args: string[]): Promise<number> {
  const program = withCommonOptions(new Command("sale"))
    .description("Runs sales from the command line.")
    .configureHelp({ showGlobalOptions: true })
    .showHelpAfterError("See --help.")
    .exitOverride()
    .addHelpText("after", HELP);
  for (const define of [
    defineDefinition,
    defineChecklist,
    defineHand,
    defineWatch,
    defineRecords,
    defineBooks,
    definePeople,
  ])
    define(program);
  try {
    await program.parseAsync(args, { from: "user" });
    return EXIT.ok;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
    if (!(error instanceof Ended)) throw error;
    if (error.message !== "") process.stderr.write(`${error.message}\n`);
    return error.exitCode;
  }
}

// Whoever reads no further (`| head`) has read enough.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code !== "EPIPE") throw error;
  process.exit(EXIT.ok);
});
process.exitCode = await main(process.argv.slice(2));
