/** The command line of the simulator: what it takes, checked, with messages a person can act on. */
import { availableParallelism } from "node:os";
import { Command, InvalidArgumentError, Option } from "commander";
import { defects } from "./defects.ts";

export interface CliOptions {
  sales: number;
  seed: number;
  keep?: string;
  history: boolean;
  /** Whether every step is shown with the troubles that hit it. */
  coverage: boolean;
  workers: number;
  /** Seconds after which no further sale begins. */
  for: number;
  /** Whether a sale that breaks a rule does not end the run. */
  goOn: boolean;
  shrinkSeconds: number;
  defect?: string;
  json: boolean;
}

/** @throws CommanderError for help and for anything that is not as it must be; it has been said already */
export function parseOptions(args: readonly string[], newSeed: () => number): CliOptions {
  const command = new Command("npm run simulate --")
    .description(
      "Simulates whole sales with troubles at every step, on a real Redis and PostgreSQL in simulated time, and holds " +
        "the rules of the design against a plain model after each step. The same seed gives the same history.",
    )
    .option("--sales <number>", "how many; each has the next seed", whole(1, 1_000_000), 100)
    .option("--seed <number>", "of the first sale (printed by every run)", whole(0, 2 ** 32 - 1))
    .option(
      "--keep <parts>",
      'of one sale, only these parts of its plan: "shoppers=3,7 troubles=0 weather= deeds="',
    )
    .option("--history", "prints what happened in the last sale", false)
    .option("--coverage", "prints which trouble hit which step how often, and what none hit", false)
    .option("--workers <number>", "processes", whole(1, 64), availableParallelism())
    .option("--for <seconds>", "begins no further sale after so long", whole(1, 1_000_000), 1_000_000)
    .option("--go-on", "plays the others too when a sale breaks a rule", false)
    .option("--shrink-seconds <number>", "to look for the shortest failing history", whole(0, 3600), 60)
    .addOption(
      new Option("--defect <name>", "with a deliberate defect, which must be found").choices(
        defects.map(({ name }) => name),
      ),
    )
    .option("--json", "the result as JSON", false)
    .addHelpText(
      "after",
      `
Examples:
  npm run simulate -- --sales 1000            a thousand sales
  npm run simulate -- --sales 1 --seed 4711 --history
                                              one again, with all that happened
  npm run simulate -- --sales 200 --defect stock-check-off
                                              the stock check taken out: it must not hold

Exit codes: 0 all rules held, 1 one did not, 2 not understood or not run, 130 interrupted.`,
    )
    .allowExcessArguments(false)
    .exitOverride();
  const options = command.parse(args, { from: "user" }).opts<Omit<CliOptions, "seed"> & { seed?: number }>();
  if (options.keep !== undefined && (options.sales !== 1 || options.seed === undefined))
    command.error("error: --keep is for one sale: --sales 1 --seed S --keep …");
  return { ...options, seed: options.seed ?? newSeed() };
}

const whole = (low: number, high: number) => (text: string) => {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value < low || value > high)
    throw new InvalidArgumentError(`must be a whole number from ${low} to ${high}.`);
  return value;
};
