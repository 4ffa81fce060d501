/** The command line of the bench: what it takes, checked, with messages a person can act on. */
import { Command, InvalidArgumentError } from "commander";

export interface BenchOptions {
  quick: boolean;
  /** Names of rows; all of them without. */
  only?: string[];
  rounds?: number;
  json: boolean;
}

const ROUNDS_MAX = 1000;

/** @throws CommanderError for help and for anything that is not as it must be; it has been said already */
export function parseOptions(
  args: readonly string[],
  rows: readonly { name: string; about: string }[],
): BenchOptions {
  const command = new Command("npm run bench --")
    .description(
      "Measures each figure together with its limit and with what people would use instead, in turns, and holds the " +
        "ratios against the budgets.",
    )
    .option("--quick", "fewer and shorter rounds, smaller sizes: under two minutes in all", false)
    .option("--only <row...>", "these rows and no others")
    .option("--rounds <number>", "how often variants take turns (default: each row's own)", whole)
    .option("--json", "the results as JSON on stdout, progress on stderr", false)
    .allowExcessArguments(false)
    .exitOverride()
    .addHelpText("after", () => {
      const width = Math.max(...rows.map(({ name }) => name.length));
      const list = rows.map(({ name, about }) => `  ${name.padEnd(width)}  ${about}`).join("\n");
      return `
Rows:
${list}

Examples:
  npm run bench -- --quick
  npm run bench -- --only edge scripts --rounds 30
  npm run --silent bench -- --only sync --json > sync.json

Results are written to bench/results/; a whole run that is not quick also becomes bench/results/latest.json. Peers install
what they need into their own folders at their first run, and are skipped where that cannot be had.
Exit code: 0 every budget is met · 1 one is not, or something was done wrong · 2 it could not be run.`;
    });
  command.parse(args, { from: "user" });
  const options = command.opts<BenchOptions>();
  const unknown = options.only?.find((name) => !rows.some((row) => row.name === name));
  if (unknown !== undefined)
    command.error(
      `error: there is no row "${unknown}"; there are: ${rows.map(({ name }) => name).join(", ")}`,
    );
  return options;
}

function whole(text: string): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value < 1 || value > ROUNDS_MAX)
    throw new InvalidArgumentError(`A whole number from 1 to ${ROUNDS_MAX} is expected.`);
  return value;
}
