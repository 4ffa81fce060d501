/**
 * The scripts of a purchase against the three lines an article would use (look at the stock, take one if there is one), on the
 * same Redis: one call at a time on each of many connections, as shoppers' calls come; many in a pipeline, where the calls
 * themselves are what is left; and by what Redis itself says a call took.
 */
import { openConnection } from "../../dev/redis/connection.ts";
import { connectRedis } from "../../functions/redis/client.ts";
import { postgresSaying } from "../../tests/support/postgres.ts";
import { loadRedis, type RedisLoad } from "../load/redis.ts";
import { Incorrect, type Figure, type Opened, type Row, type Sample, type Settings } from "../measure.ts";
import { benchServices } from "../services.ts";
import { openStage, people, type Command, type Person, type Stage } from "../stage.ts";
import { GATEWAY_TOKEN, startStores } from "../stores.ts";

const steps: Record<
  string,
  { word?: string; prepare?: "call" | "letIn" | "hold"; command: (stage: Stage) => (p: Person) => Command }
> = {
  join: { word: "joined", command: (stage) => stage.join },
  entry: { word: "entered", prepare: "call", command: (stage) => stage.enter },
  reserve: { word: "held", prepare: "letIn", command: (stage) => stage.reserve },
  confirm: { word: "confirmed", prepare: "hold", command: (stage) => stage.confirm },
  "three lines": { command: (stage) => () => stage.threeLines() },
};

/** One at a time: with each command a system call on both sides, as with a connection for each caller. */
const ONE_BY_ONE = { connections: 50, pipeline: 1 };
const PIPELINED = { connections: 4, pipeline: 16 };

async function open({ quick }: Settings): Promise<Opened> {
  const stores = await startStores("redis");
  const redis = openConnection(stores.redis.socketPath);
  const services = benchServices({
    redis: connectRedis(stores.redis.url, GATEWAY_TOKEN),
    postgres: postgresSaying(),
  });
  const calls = quick ? 4_000 : 10_000;

  async function measure(step: string): Promise<Sample> {
    const { word, prepare, command } = steps[step] ?? steps["three lines"] ?? { command: (s) => s.join };
    const stage = await openStage(services, redis, 2 * calls);
    const crowd = people(2 * calls);
    if (prepare !== undefined) await stage[prepare](crowd);
    const commands = crowd.map(command(stage));
    const load = async (part: Command[], how: RedisLoad) =>
      await loadRedis(stores.redis.socketPath, part, word === undefined ? how : { ...how, word });
    const before = await evalStats(redis);
    const perSecond = await load(commands.slice(0, calls), ONE_BY_ONE);
    const pipelinedPerSecond = await load(commands.slice(calls), PIPELINED);
    const after = await evalStats(redis);
    const units = await stage.units();
    const taken = step === "reserve" ? units.held : units.confirmed;
    if ((step === "reserve" || step === "confirm") && taken !== crowd.length)
      throw new Incorrect(`${taken} units were taken for ${crowd.length} people`);
    await stage.clear();
    const micros = (after.micros - before.micros) / (after.calls - before.calls);
    return { perSecond, pipelinedPerSecond, micros };
  }

  return {
    variants: Object.fromEntries(Object.keys(steps).map((step) => [step, { measure: () => measure(step) }])),
    close: async () => {
      redis.close();
      await stores.close();
    },
  };
}

/** What Redis has counted of script calls. */
async function evalStats(
  redis: ReturnType<typeof openConnection>,
): Promise<{ calls: number; micros: number }> {
  const [info] = await redis.send([["INFO", "commandstats"]]);
  const [, calls, micros] = /^cmdstat_evalsha:calls=(\d+),usec=(\d+)/m.exec(String(info)) ?? [];
  return { calls: Number(calls), micros: Number(micros) };
}

const against = { against: "three lines" };
const figures: Figure[] = ["join", "entry", "reserve", "confirm"].flatMap((ours): Figure[] => [
  { what: ours, ours, ...against, ...(ours === "reserve" ? { budget: { of: "ratio", atLeast: 0.5 } } : {}) },
  { what: `${ours}, pipelined`, ours, ...against, metric: "pipelinedPerSecond" },
  { what: `${ours}, inside Redis`, ours, ...against, metric: "micros" },
]);

export const scripts: Row = {
  name: "scripts",
  about: "each script of a purchase against the three-line script, on the same Redis",
  figures,
  rounds: { full: 9, quick: 2 },
  warm: true,
  open,
};
