/** Cron, long after everything else. */
import type { World } from "./world.ts";

const MINUTE_MS = 60_000;
/** A trouble each may keep the first runs from it. */
const RUNS_MAX = 5;

/** Runs cron after so long (ms), and again each minute until it is done, a few times at the most. */
export async function cronUntil(world: World, ms: number, isDone: () => Promise<boolean>): Promise<void> {
  const { kernel } = world;
  for (let run = 0; run < RUNS_MAX; run++) {
    let isOver = false;
    kernel.after(run === 0 ? ms : MINUTE_MS, () => {
      void world.run("cron", (services, steps) => steps.everyMinute(services)).then(() => (isOver = true));
    });
    await kernel.run(() => isOver, kernel.nowMs + ms + 10 * MINUTE_MS);
    if (await isDone()) return;
  }
}
