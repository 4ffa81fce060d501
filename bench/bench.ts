/** The bench: parses, measures row by row, prints, and writes the results down. */
import { CommanderError } from "commander";
import { MissingBinary } from "../dev/redis/binary.ts";
import { ensureRedis } from "../dev/system-parts.ts";
import { parseOptions, type BenchOptions } from "./options.ts";
import { describeRun, writeResults } from "./results.ts";
import { rows } from "./rows.ts";
import { runRow, type RowResult } from "./run.ts";
import { printTable } from "./table.ts";

const EXIT = { met: 0, notMet: 1, notRun: 2 };

/** @returns the exit code */
export async function bench(args: readonly string[]): Promise<number> {
  const say = (line: string) => void process.stderr.write(`${line}\n`);
  try {
    const options = parseOptions(args, rows);
    ensureRedis(say);
    return await measure(options, say);
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.met : EXIT.notRun;
    if (!(error instanceof MissingBinary)) throw error;
    say(error.message);
    return EXIT.notRun;
  }
}

async function measure(
  { quick, only, rounds, json }: BenchOptions,
  say: (line: string) => void,
): Promise<number> {
  const startedMs = Date.now();
  const found: RowResult[] = [];
  for (const row of rows)
    if (only === undefined || only.includes(row.name)) {
      const result = await runRow(row, { quick, say }, rounds);
      found.push(result);
      if (!json) process.stdout.write(`${printTable([result])}\n\n`);
    }
  const results = describeRun(startedMs, quick, found);
  const files = writeResults(results, only === undefined && !quick && rounds === undefined);
  if (json) process.stdout.write(`${JSON.stringify(results, null, 2)}\n`);
  say(`${results.seconds} s, written to ${files.join(" and ")}`);
  const figures = found.flatMap((result) => result.figures);
  // Peers may be wrong, we may not.
  return figures.some(({ met, wrong, ours }) => met === false || wrong === ours) ? EXIT.notMet : EXIT.met;
}
