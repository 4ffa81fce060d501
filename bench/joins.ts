/**
 * What gathering joins in shards gains and costs: at low load, at high load, and how many script calls a large number of joins
 * needs. Rounds of both ways take turns; quoted are medians, and the spread of the ratio over the rounds. Exit code 1
 * when 1,000 joins need more than ten calls. Run: `npx node bench/joins.ts [--joins 100000]`.
 */
import Table from "cli-table3";
import { Command, CommanderError, InvalidArgumentError } from "commander";
import type { Joins, Sample } from "./joins/joins.ts";
import type { Load } from "./joins/client.ts";
import { readTextModules } from "./text-modules.ts";

const CALLS_PER_THOUSAND_MAX = 10;
const LOADS: Record<string, Load> = {
  "low: 1 at a time": { joins: 60, connections: 1, pauseMs: 20 },
  "middle: 40 a second": { joins: 120, connections: 4, pauseMs: 90 },
};
const metrics: [metric: keyof Sample, title: string, digits: number][] = [
  ["perSecond", "joins a second", 0],
  ["medianMs", "median ms", 1],
  ["p95Ms", "95 % within ms", 1],
  ["callsPerThousand", "script calls per 1,000", 1],
  ["billedPerJoin", "billed commands per join", 2],
];

const median = (values: number[]) => values.toSorted((a, b) => a - b)[values.length >> 1] ?? NaN;
const of = (samples: Sample[], metric: keyof Sample) => samples.map((sample) => sample[metric]);

/** Both ways in turns. @returns samples of each, round by round */
async function inTurns({ variants }: Joins, load: Load, rounds: number) {
  const alone: Sample[] = [];
  const gathered: Sample[] = [];
  for (let round = 0; round < rounds; round++) {
    const first = round % 2 === 0;
    if (first) alone.push(await variants.alone.measure(load));
    gathered.push(await variants.gathered.measure(load));
    if (!first) alone.push(await variants.alone.measure(load));
  }
  return { alone, gathered };
}

function print(name: string, { alone, gathered }: { alone: Sample[]; gathered: Sample[] }): string {
  const table = new Table({
    head: [name, "alone", "gathered", "ratio", "rounds between"],
    colAligns: ["left", "right", "right", "right", "right"],
    style: { head: [], border: [] },
  });
  for (const [metric, title, digits] of metrics) {
    const [a, g] = [of(alone, metric), of(gathered, metric)];
    const ratios = g.map((value, round) => value / (a[round] ?? NaN));
    const number = (value: number) => value.toLocaleString("en", { maximumFractionDigits: digits });
    table.push([
      title,
      number(median(a)),
      number(median(g)),
      median(ratios).toFixed(2),
      `${Math.min(...ratios).toFixed(2)} and ${Math.max(...ratios).toFixed(2)}`,
    ]);
  }
  return table.toString();
}

function positive(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 1) throw new InvalidArgumentError("a whole number, 1 or more.");
  return value;
}

const command = new Command("node bench/joins.ts")
  .description("Joins as single script calls and gathered by shards, in turns, on a stack of its own.")
  .option("--joins <number>", "gathered joins in one go, whose script calls are counted", positive, 20_000)
  .option("--shards <number>", "of the sale", positive, 4)
  .option("--connections <number>", "joins under way at high load", positive, 1_000)
  .option("--rounds <number>", "of each load", positive, 5)
  .allowExcessArguments(false)
  .exitOverride();

try {
  const options = command.parse().opts<Record<"joins" | "shards" | "connections" | "rounds", number>>();
  readTextModules();
  const { openJoins } = await import("./joins/joins.ts");
  const joins = await openJoins(options.shards);
  const say = (text: string) => void process.stdout.write(`${text}\n`);
  try {
    const { connections, rounds } = options;
    const high = { joins: 4 * connections, connections, pauseMs: 0 };
    // Once through, so that every isolate has compiled and every object is there.
    await inTurns(joins, { ...high, joins: connections }, 1);
    for (const [name, load] of Object.entries({ ...LOADS, [`high: ${connections} at once`]: high }))
      say(print(name, await inTurns(joins, load, rounds)));
    const all = await joins.variants.gathered.measure({ ...high, joins: options.joins });
    const calls = Math.round((all.callsPerThousand * options.joins) / 1000);
    const seconds = options.joins / all.perSecond;
    say(
      `${options.joins.toLocaleString("en")} joins over ${options.shards} shards: ${calls.toLocaleString("en")} script calls, ` +
        `${all.billedPerJoin.toFixed(3)} billed commands each, in ${seconds.toFixed(1)} s`,
    );
    process.exitCode = all.callsPerThousand <= CALLS_PER_THOUSAND_MAX ? 0 : 1;
  } finally {
    await joins.close();
  }
} catch (error) {
  if (!(error instanceof CommanderError)) throw error;
  process.exitCode = error.exitCode === 0 ? 0 : 2;
}
