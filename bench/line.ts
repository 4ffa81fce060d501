/**
 * What a line costs in Redis (design §7): the memory of its people, and the time Redis is busy with one join, one release
 * of 1,000 and one pulse, with 1,000, 100,000 and 1,000,000 people in line, by arrival and in a drawn lobby. The scripts
 * are the ones the functions run, the ids as they are minted. Exit code 1 when a budget does not hold.
 *
 * Times are medians of what Redis itself logs for each call, so neither this process nor the socket is in them; other
 * work on the machine still is. Run: `node bench/line.ts [--quick] [--json]`.
 */
import Table from "cli-table3";
import { Command, CommanderError } from "commander";
import { RELEASE, startRedis, type Redis } from "./line/line.ts";
import { readTextModules } from "./text-modules.ts";

const SIZES = [1_000, 100_000, 1_000_000];
const QUICK_SIZES = [1_000, 10_000, 100_000];
const CALLS = 301;
const RELEASES = 21;
/** Of 1,000,000 people; smaller lines are held to the same bytes for each. */
const PEOPLE_MAX_BYTES = 150_000_000 / 1_000_000;
/** log(1,000,000) / log(1,000) is 2; twice that leaves room for what no longer fits into the processor's cache. */
const RATIO_MAX = 4;
/** The draw's shuffle tries up to four numbers for a place, depending on the lobby's size. */
const DRAW_RATIO_MAX = 4 * RATIO_MAX;

interface Row {
  what: string;
  unit: "bytes" | "µs";
  /** By size, as in `sizes`. */
  values: number[];
  /** Of the last size: bytes for each person, or the ratio to the first size. */
  judged: number;
  budget: number;
  holds: boolean;
}

const median = (values: number[]) => values.toSorted((a, b) => a - b)[values.length >> 1] ?? NaN;
const times = (count: number, work: () => Promise<void>) => async () => {
  for (let nth = 0; nth < count; nth++) await work();
};

async function measure(redis: Redis, sizes: number[], say: (line: string) => void): Promise<Row[]> {
  const found = { memory: [], called: [], join: [], release: [], pulse: [] } as Record<string, number[]>;
  const drawn = { memory: [], join: [], release: [] } as Record<string, number[]>;
  const note = (into: Record<string, number[]>, what: string, value: number) => into[what]?.push(value);

  for (const size of sizes) {
    say(`by arrival: ${size.toLocaleString("en")}`);
    const empty = await redis.usedBytes();
    const line = await redis.newLine("arrival");
    await line.fill(size);
    note(found, "memory", (await redis.usedBytes()) - empty);
    note(found, "join", median(await redis.timed(times(CALLS, line.join))));
    const releases: number[] = [];
    const pulses: number[] = [];
    for (let nth = 0; nth < RELEASES; nth++) {
      // So that each release finds as many in line as the one before.
      await line.fill(RELEASE);
      releases.push(...(await redis.timed(line.release)));
      pulses.push(...(await redis.timed(times(Math.ceil(CALLS / RELEASES), line.pulse))));
    }
    note(found, "release", median(releases));
    note(found, "pulse", median(pulses));
    await line.callAll();
    note(found, "called", (await redis.usedBytes()) - empty);
    await redis.empty();
  }

  for (const size of sizes) {
    say(`drawn lobby: ${size.toLocaleString("en")}`);
    const releases: number[] = [];
    while (releases.length < RELEASES) {
      const empty = await redis.usedBytes();
      const lobby = await redis.newLine("draw");
      await lobby.fill(size);
      if (releases.length === 0) {
        note(drawn, "memory", (await redis.usedBytes()) - empty);
        note(drawn, "join", median(await redis.timed(times(CALLS, lobby.join))));
      }
      const now = Math.min(RELEASES - releases.length, Math.floor(size / RELEASE));
      releases.push(...(await redis.timed(times(now, lobby.release))));
      await redis.empty();
    }
    note(drawn, "release", median(releases));
  }

  const [first = 0] = sizes;
  const last = sizes.at(-1) ?? first;
  const row = (what: string, unit: Row["unit"], values: number[] = [], budget: number): Row => {
    const largest = values.at(-1) ?? NaN;
    const judged = unit === "bytes" ? largest / last : largest / (values[0] ?? NaN);
    return { what, unit, values, judged, budget, holds: judged <= budget };
  };
  const release = `release of ${RELEASE.toLocaleString("en")}`;
  return [
    row("line: memory", "bytes", found["memory"], PEOPLE_MAX_BYTES),
    row("line: memory once all were called in", "bytes", found["called"], PEOPLE_MAX_BYTES),
    row("line: one join", "µs", found["join"], RATIO_MAX),
    row(`line: ${release}`, "µs", found["release"], RATIO_MAX),
    row("line: one pulse", "µs", found["pulse"], RATIO_MAX),
    row("drawn lobby: memory", "bytes", drawn["memory"], PEOPLE_MAX_BYTES),
    row("drawn lobby: one join", "µs", drawn["join"], RATIO_MAX),
    row(`drawn lobby: ${release}`, "µs", drawn["release"], DRAW_RATIO_MAX),
  ];
}

function print(sizes: number[], rows: Row[]): string {
  const table = new Table({
    head: ["", ...sizes.map((size) => size.toLocaleString("en")), "judged", "budget", ""],
    colAligns: ["left", ...sizes.map(() => "right" as const), "right", "right", "left"],
    style: { head: [], border: [] },
  });
  for (const { what, unit, values, judged, budget, holds } of rows)
    table.push([
      what,
      ...values.map((value) =>
        unit === "bytes" ? `${(value / 1e6).toFixed(1)} MB` : `${value.toLocaleString("en")} µs`,
      ),
      unit === "bytes" ? `${judged.toFixed(0)} bytes each` : `${judged.toFixed(2)} × the first`,
      `≤ ${budget}`,
      holds ? "holds" : "DOES NOT HOLD",
    ]);
  return table.toString();
}

const command = new Command("node bench/line.ts")
  .description("Memory and cost of a line of up to 1,000,000 people, in a redis-server of its own.")
  .option("--quick", "up to 100,000 people only", false)
  .option("--json", "the figures as JSON on stdout, progress on stderr", false)
  .allowExcessArguments(false)
  .exitOverride();

try {
  const { quick, json } = command.parse().opts<{ quick: boolean; json: boolean }>();
  const sizes = quick ? QUICK_SIZES : SIZES;
  readTextModules();
  const redis = await startRedis();
  try {
    const rows = await measure(redis, sizes, (line) => void process.stderr.write(`${line}\n`));
    process.stdout.write(`${json ? JSON.stringify({ sizes, rows }, null, 2) : print(sizes, rows)}\n`);
    process.exitCode = rows.every(({ holds }) => holds) ? 0 : 1;
  } finally {
    await redis.stop();
  }
} catch (error) {
  if (!(error instanceof CommanderError)) throw error;
  process.exitCode = error.exitCode === 0 ? 0 : 2;
}
