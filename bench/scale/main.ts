/** `npm run scale`: simulates a sale for a crowd of up to ten million, and says what is closest to its limit and what to turn. */
import { Command, CommanderError } from "commander";
import { limitsOf, pacesOf } from "./limits.ts";
import { saleOf, withSaleOptions, type SaleOptions } from "./options.ts";
import { simulate, type Simulated } from "./simulate.ts";

process.exitCode = main(process.argv.slice(2));

function main(args: string[]): number {
  try {
    const { json, ...given } = parse(args);
    const sale = saleOf(given);
    const found = simulate(sale);
    process.stdout.write(
      `${json ? JSON.stringify({ sale, found, limits: limitsOf(sale, found), paces: pacesOf(sale) }, null, 2) : print(sale, found)}\n`,
    );
    return 0;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    throw error;
  }
}

function parse(args: string[]) {
  const command = withSaleOptions(
    new Command("npm run scale --").description(
      "Simulates a sale by what was measured: when it sells out, how long people wait, what reaches its limit first.",
    ),
  )
    .option("--json", "everything as JSON", false)
    .allowExcessArguments(false)
    .exitOverride()
    .addHelpText(
      "after",
      `
Examples:
  npm run scale
  npm run scale -- --visitors 10000000 --stock 50000
  npm run scale -- --visitors 1000000 --join-shards 0          # without shards: joins wait for Redis
  npm run scale -- --visitors 1000000 --release-size 2000 --capacity 20000
  npm run scale -- --commands-per-second 100000 --seed 7 --json

What it goes by is bench/cost/inputs.ts; docs/SCALING.md says what of it was measured.
Exit code: 0 done · 2 not understood.`,
    );
  command.parse(args, { from: "user" });
  return command.opts<Parameters<typeof saleOf>[0] & { json: boolean }>();
}

function print(sale: SaleOptions, found: Simulated): string {
  const n = (value: number) => Math.round(value).toLocaleString("en");
  const time = (seconds: number) =>
    `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, "0")}`;
  const [pace] = pacesOf(sale);
  const limits = limitsOf(sale, found);
  const [first] = limits;
  return [
    `${n(sale.visitors)} visitors for ${n(sale.stock)} units, ${sale.joinShards} shards of joins, ${n(sale.commandsPerSecond)} Redis commands/s`,
    "",
    found.soldOutSeconds === undefined
      ? `sold ${n(found.sold)} of ${n(sale.stock)}: the line ended first`
      : `sold out after ${time(found.soldOutSeconds)}${pace === undefined ? "" : `; slowest by ${pace.by} (about ${time(pace.seconds)}): ${pace.turn}`}`,
    `joins up to ${n(found.joinsPerSecondMax)}/s · from asking to the place p50 ${found.joinWaitSeconds.p50} s, p99 ${found.joinWaitSeconds.p99} s · told to come back ${n(found.turnedAway)} times`,
    `from opening to the turn p50 ${time(found.turnWaitSeconds.p50)}, p99 ${time(found.turnWaitSeconds.p99)} (of those whose turn came)`,
    `looks ${n(found.looks)}, up to ${n(found.looksPerSecondMax)}/s · edge ${n(found.requests.edge)} answers, ${found.edgeCores.toFixed(1)} cores at the most · functions ${n(found.requests.functions)}, ${n(found.functionsAtOnceMax)} at once`,
    `Redis ${n(found.redis.commands)} billed commands in ${n(found.redis.calls)} calls · outbox up to ${n(found.outbox.entriesMax)} entries, ${found.outbox.lagSecondsMax.toFixed(3)} s behind`,
    "",
    ...limits.map(
      ({ what, used, peak, limit, unit }) =>
        `${(used * 100).toFixed(1).padStart(6)} %  ${what}: ${peak < 100 ? Number(peak.toPrecision(3)) : n(peak)} of ${n(limit)} ${unit}`,
    ),
    ...(first === undefined ? [] : ["", `Next limit: ${first.what}. What to turn: ${first.turn}.`]),
  ].join("\n");
}
