/** A process that simulates one sale after the other, as it is told. */
import { defectNamed } from "./defects.ts";
import { replaceGlobals } from "./globals.ts";
import { keep, type Kept } from "./keep.ts";

export interface Task {
  seed: number;
  /** Without it, all of the plan. */
  kept?: Kept | undefined;
  /** The name of one that the functions' code is to have. */
  defect?: string | undefined;
  wantsHistory: boolean;
}

export interface Done {
  seed: number;
  violations: { rule: string; what: string; atMs: number }[];
  hash: string;
  history?: string;
  shoppers: number;
  orders: number;
  events: number;
  seen: [step: string, times: number][];
  hits: [stepAndTrouble: string, times: number][];
}

export type FromWorker = { ready: true } | { done: Done } | { failed: string };

replaceGlobals();
// What the functions log of troubles that were planned is nothing to look into.
console.error = () => undefined;
const tell = (message: FromWorker) => void process.send?.(message);

try {
  const { startEngines } = await import("./engines.ts");
  const { planOf } = await import("./plan.ts");
  const { simulate } = await import("./simulate.ts");
  const engines = await startEngines();
  process.on("message", (task: Task) => {
    const whole = planOf(task.seed);
    const plan = task.kept === undefined ? whole : keep(whole, task.kept);
    const simulated = engines(defectNamed(task.defect)).then((loaded) => simulate(plan, loaded));
    simulated.then(
      ({ history, seen, hits, ...result }) => {
        const isWanted = task.wantsHistory || result.violations.length > 0;
        tell({ done: { ...result, seen: [...seen], hits: [...hits], ...(isWanted ? { history } : {}) } });
      },
      (error: unknown) =>
        tell({ failed: `seed ${task.seed}: ${error instanceof Error ? (error.stack ?? "") : ""}` }),
    );
  });
  // Both servers end with the process, whatever it is doing.
  process.on("disconnect", () => process.exit());
  tell({ ready: true });
} catch (error) {
  tell({ failed: error instanceof Error ? error.message : String(error) });
}
