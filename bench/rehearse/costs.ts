/** What a run costs behind the front and in Redis, as far as the target lets itself be asked. */
import type { Figures } from "./figures.ts";
import type { Costs } from "./report.ts";
import { nowMs } from "./sleep.ts";
import type { RedisStats, RehearsalTarget } from "./target.ts";
import type { World } from "./world.ts";

/**
 * What the run costs in calls behind the front and commands in Redis. Before opening there is nothing but joins and the
 * pulse; what these cost per join is taken as the price of somebody who only waits, the rest is the purchases'.
 */
export function costMeter({ front, redis }: RehearsalTarget, { opensAtMs, tally }: World, figures: Figures) {
  let atStart: RedisStats | undefined;
  let frontAtStart = 0;
  let operatorAtStart = 0;
  let waiting: { scriptCalls: number; billedCommands: number } | undefined;
  let timer: NodeJS.Timeout | undefined;

  const atOpening = async () => {
    const joins = figures.byStep.join.latenciesMs.length;
    const stats = await redis?.stats();
    if (stats === undefined || atStart === undefined || joins === 0) return;
    waiting = {
      scriptCalls: (stats.scriptCalls - atStart.scriptCalls) / joins,
      billedCommands: (stats.billedCommands - atStart.billedCommands) / joins,
    };
  };

  return {
    async start(): Promise<void> {
      atStart = await redis?.stats();
      frontAtStart = front?.stats().upstreamRequests ?? 0;
      operatorAtStart = figures.byStep.operator.requests;
      timer = setTimeout(() => void atOpening().catch(() => undefined), opensAtMs - nowMs() - 100);
    },
    cancel: () => clearTimeout(timer),
    async stop(): Promise<Costs> {
      const operatorRequests = figures.byStep.operator.requests - operatorAtStart;
      const upstream =
        front === undefined ? undefined : front.stats().upstreamRequests - frontAtStart - operatorRequests;
      const atEnd = await redis?.stats();
      if (atStart === undefined || atEnd === undefined) return { upstream, redis: undefined };
      const scriptCalls = atEnd.scriptCalls - atStart.scriptCalls;
      const billedCommands = atEnd.billedCommands - atStart.billedCommands;
      // One join belongs to a purchase; all others are the price of waiting.
      const otherJoins = figures.byStep.join.latenciesMs.length - tally.orders;
      const perPurchase = (total: number, each: number) =>
        tally.orders === 0 ? undefined : (total - each * otherJoins) / tally.orders;
      return {
        upstream,
        redis: {
          calls: atEnd.calls - atStart.calls,
          scriptCalls,
          billedCommands,
          perWaitingShopper: waiting,
          perPurchase: {
            scriptCalls: waiting && perPurchase(scriptCalls, waiting.scriptCalls),
            billedCommands: waiting && perPurchase(billedCommands, waiting.billedCommands),
          },
        },
      };
    },
  };
}
