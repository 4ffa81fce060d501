/**
 * What a line costs in Redis: the memory of its people, and the time Redis is busy with one join, one release of 1,000 and one
 * pulse, with 1,000, 100,000 and 1,000,000 people in line, by arrival and in a drawn lobby. The scripts are the ones the
 * functions run, the ids as they are minted. Times are medians of what Redis itself logs for each call, so neither this process nor the
 * socket is in them.
 */
import { RELEASE, startRedis, type Line, type Redis } from "../line/line.ts";
import type { Figure, Opened, Row, Sample, Settings } from "../measure.ts";
import { quantile } from "../statistics.ts";

const SIZES = { full: [1_000, 100_000, 1_000_000], quick: [1_000, 10_000, 50_000] };
const NAMES = ["small", "middle", "large"];
const CALLS = 301;
const RELEASES = 21;
/** Of 1,000,000 people; smaller lines are held to the same bytes for each. */
const PERSON_MAX_BYTES = 150_000_000 / 1_000_000;
/** log(1,000,000) / log(1,000) is 2; twice that leaves room for what no longer fits into the processor's cache. */
const RATIO_MAX = 4;
/** The draw's shuffle tries up to four numbers for a place, depending on the lobby's size. */
const DRAW_RATIO_MAX = 4 * RATIO_MAX;

const median = (values: number[]) => quantile(values, 0.5);
const times = (count: number, work: () => Promise<void>) => async () => {
  for (let nth = 0; nth < count; nth++) await work();
};

async function byArrival(redis: Redis, size: number): Promise<Sample> {
  const empty = await redis.usedBytes();
  const line = await redis.newLine("arrival");
  await line.fill(size);
  const bytes = (await redis.usedBytes()) - empty;
  const joins = await redis.timed(times(CALLS, line.join));
  const releases: number[] = [];
  const pulses: number[] = [];
  for (let nth = 0; nth < RELEASES; nth++) {
    // So that each release finds as many in line as the one before.
    await line.fill(RELEASE);
    releases.push(...(await redis.timed(line.release)));
    pulses.push(...(await redis.timed(times(Math.ceil(CALLS / RELEASES), line.pulse))));
  }
  await line.callAll();
  const calledBytes = (await redis.usedBytes()) - empty;
  await redis.empty();
  return {
    ...{ megabytes: bytes / 1e6, eachBytes: bytes / size, eachCalledBytes: calledBytes / size },
    ...{ joinMicros: median(joins), releaseMicros: median(releases), pulseMicros: median(pulses) },
  };
}

async function drawn(redis: Redis, size: number): Promise<Sample> {
  const releases: number[] = [];
  let [eachBytes, joinMicros] = [NaN, NaN];
  while (releases.length < RELEASES) {
    const empty = await redis.usedBytes();
    const lobby: Line = await redis.newLine("draw");
    await lobby.fill(size);
    if (releases.length === 0) {
      eachBytes = ((await redis.usedBytes()) - empty) / size;
      joinMicros = median(await redis.timed(times(CALLS, lobby.join)));
    }
    const now = Math.min(RELEASES - releases.length, Math.floor(size / RELEASE));
    releases.push(...(await redis.timed(times(now, lobby.release))));
    await redis.empty();
  }
  return { eachBytes, joinMicros, releaseMicros: median(releases) };
}

async function open({ quick, say }: Settings): Promise<Opened> {
  const redis = await startRedis();
  const sizes = SIZES[quick ? "quick" : "full"];
  const variants: Opened["variants"] = {};
  for (const [nth, size] of sizes.entries())
    for (const [kind, measure] of [
      ["line", byArrival],
      ["lobby", drawn],
    ] as const)
      variants[`${NAMES[nth] ?? ""} ${kind}`] = {
        measure: () => {
          say(`line: a ${kind} of ${size.toLocaleString("en")}`);
          return measure(redis, size);
        },
      };
  return { variants, close: redis.stop };
}

const growth = (kind: string, what: string, metric: string, atMost: number): Figure[] =>
  ["middle", "large"].map((name) => ({
    what: `${name} ${kind}: ${what}`,
    ours: `${name} ${kind}`,
    against: `small ${kind}`,
    metric,
    budget: { of: "ratio", atMost },
  }));
const memory = (kind: string, what: string, metric: string): Figure => ({
  what: `large ${kind}: ${what}`,
  ours: `large ${kind}`,
  metric,
  budget: { of: "value", atMost: PERSON_MAX_BYTES },
});

export const line: Row = {
  name: "line",
  about: "a line of 1,000, 100,000 and 1,000,000 people (quick: up to 50,000), and a drawn lobby of as many",
  figures: [
    memory("line", "memory of each", "eachBytes"),
    { what: "large line: memory", ours: "large line", metric: "megabytes" },
    memory("line", "… once all were called in", "eachCalledBytes"),
    ...growth("line", "one join", "joinMicros", RATIO_MAX),
    ...growth("line", "a release of 1,000", "releaseMicros", RATIO_MAX),
    ...growth("line", "one pulse", "pulseMicros", RATIO_MAX),
    memory("lobby", "memory of each", "eachBytes"),
    ...growth("lobby", "one join", "joinMicros", RATIO_MAX),
    ...growth("lobby", "a release of 1,000", "releaseMicros", DRAW_RATIO_MAX),
  ],
  rounds: { full: 1, quick: 1 },
  open,
};
