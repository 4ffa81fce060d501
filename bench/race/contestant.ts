/**
 * One contestant of a race, in a process of its own: this file, forked with the module to run. All contestants are driven alike: so
 * many calls under way at once, each answered yes or no, with its time. What they say of themselves is judged elsewhere (race.ts).
 */
import { pathToFileURL } from "node:url";
import { readTextModules } from "../text-modules.ts";

export interface Addresses {
  redis: { url: string; token: string };
  /** Straight to PostgreSQL, and by Neon's protocol. */
  postgres: { connectionString: string; neonUrl: string; neonConnectionString: string };
}

/** What a module's `enter` gives. Peers are plain JavaScript, because what they import is there only once it was installed. */
export interface Contestant {
  /** Once per race: nothing of an earlier one may count. @param callers each once */
  prepare: (race: string, stock: number, callers: string[]) => Promise<void>;
  /** Whether this caller gets one. */
  take: (caller: string) => Promise<boolean>;
  /** Units that nobody got, as the contestant's own store has it. */
  left: () => Promise<number>;
  /** One who joins the line, looks so often how it stands, and takes a unit if it is their turn. */
  visit?: (caller: string, polls: number) => Promise<boolean>;
}

export interface RaceInput {
  race: string;
  stock: number;
  /** In this order; one may call several times. */
  calls: string[];
  underWay: number;
  /** Whole visits with so many looks, instead of single calls. */
  polls?: number;
}

export interface RaceOutput {
  /** The callers of each call that was answered yes. */
  got: string[];
  left: number;
  seconds: number;
  /** Of all calls. */
  latenciesMs: number[];
}

async function run(contestant: Contestant, input: RaceInput): Promise<RaceOutput> {
  const { race, stock, calls, underWay, polls } = input;
  await contestant.prepare(race, stock, [...new Set(calls)]);
  const got: string[] = [];
  const latenciesMs: number[] = [];
  let next = 0;
  const startedMs = performance.now();
  const lane = async () => {
    for (let call = calls[next++]; call !== undefined; call = calls[next++]) {
      const calledMs = performance.now();
      const isTaken =
        polls === undefined ? await contestant.take(call) : await contestant.visit?.(call, polls);
      latenciesMs.push(performance.now() - calledMs);
      if (isTaken === true) got.push(call);
    }
  };
  await Promise.all(Array.from({ length: underWay }, lane));
  const seconds = (performance.now() - startedMs) / 1000;
  return { got, left: await contestant.left(), seconds, latenciesMs };
}

if (import.meta.main) {
  const [module = "", addresses = ""] = process.argv.slice(2);
  process.once("disconnect", () => process.exit());
  const say = (said: { ready: true } | { failed: string } | RaceOutput) => void process.send?.(said);
  const failed = (error: unknown) => {
    say({ failed: error instanceof Error ? (error.stack ?? error.message) : String(error) });
  };
  try {
    readTextModules();
    const { enter } = (await import(pathToFileURL(module).href)) as {
      enter: (addresses: Addresses) => Promise<Contestant>;
    };
    const contestant = await enter(JSON.parse(addresses) as Addresses);
    process.on("message", (input: RaceInput) => void run(contestant, input).then(say, failed));
    say({ ready: true });
  } catch (error) {
    failed(error);
  }
}
