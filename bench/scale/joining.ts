/**
 * Newcomers on their way to a place: a queue as long as an answer may take, and beyond that they are told to come back, as
 * the edge's circuit does. What Redis has left when those inside were served is theirs.
 */
import { of } from "../cost/inputs.ts";
import { cohorts, ring, spread, STEP_SECONDS, steps } from "./counts.ts";
import type { SaleOptions } from "./options.ts";

/** @param onPlace for each group that has a place: when they asked, and how many */
export function newcomers({ joinShards }: SaleOptions, onPlace: (askedAt: number, count: number) => void) {
  const queue = cohorts();
  const comeBack = ring(steps(2 * of("latency.retrySeconds")));

  return {
    isEmpty: () => comeBack.isEmpty() && queue.count() < 1,
    /** @param room commands that are left in this step */
    advance(step: number, fresh: number, room: number) {
      const coming = fresh + comeBack.take(step);
      const { joins: most, calls: mostCalls } =
        joinShards === 0
          ? { joins: room / of("commands.join"), calls: 0 }
          : batchedJoins(room, joinShards, queue.count() + coming);
      const patience = (most / STEP_SECONDS) * (of("latency.slowMs") / 1000);
      const turnedAway = Math.floor(coming - Math.max(0, Math.min(coming, patience - queue.count())));
      for (const [count, delay] of spread(turnedAway, of("latency.retrySeconds")))
        comeBack.add(step + delay, count);
      queue.add(step, coming - turnedAway);

      const joining = Math.min(most, queue.count());
      queue.take(joining, onPlace);
      const calls =
        joinShards === 0 ? joining : Math.ceil(mostCalls * Math.min(1, joining / Math.max(1, most)));
      return {
        joining,
        turnedAway,
        calls,
        commands: calls * (joinShards === 0 ? of("commands.join") : of("batch.commandsPerCall")),
        // Nobody waits longer: who would, was turned away.
        queueSeconds: Math.min(
          of("latency.slowMs") / 1000,
          (queue.count() / Math.max(1, most)) * STEP_SECONDS,
        ),
      };
    },
  };
}

/** How many joins the shards carry in a step with so many commands left, and by how many calls. */
function batchedJoins(commands: number, shards: number, wanted: number): { joins: number; calls: number } {
  const calls = Math.min(
    commands / of("batch.commandsPerCall"),
    Math.max(1, wanted / of("batch.joinsPerCall")),
  );
  const carried = Math.min(
    calls * of("batch.joinsPerCall"),
    shards * of("batch.joinsPerShardPerSecond") * STEP_SECONDS,
  );
  return { joins: carried, calls };
}
