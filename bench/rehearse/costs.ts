/**
 * What a run costs behind the front and in Redis, as far as the target lets itself be asked. A join is priced on its
 * own, in a quiet moment before the crowd comes: it is all that somebody costs who only waits. Everything else (the
 * pulse, releases, the outbox, cheats, what was given back) is put on the purchases, each with a join of its own.
 */
import type { Figures } from "./figures.ts";
import type { Costs } from "./report.ts";
import { requestsSince, type StripeRequests } from "./stripe-requests.ts";
import type { RedisStats, RehearsalTarget } from "./target.ts";

interface Price {
  scriptCalls: number;
  billedCommands: number;
}

/** Something may run beside one join (cron); hardly beside each. */
const PRICED_JOINS = 3;

export function costMeter({ front, redis, stripeRequests }: RehearsalTarget, figures: Figures) {
  let price: Price | undefined;
  let atStart: RedisStats | undefined;
  let stripeAtStart: StripeRequests | undefined;
  let upstreamAtStart = 0;
  let operatorAtStart = 0;

  return {
    /** @param join one that has run before, so that its script is loaded */
    async priceJoins(join: () => Promise<unknown>): Promise<void> {
      for (let nth = 0; nth < PRICED_JOINS; nth++) {
        const before = await redis?.stats();
        await join();
        const after = await redis?.stats();
        if (before === undefined || after === undefined) return;
        const joined = difference(before, after);
        if (price === undefined || joined.billedCommands < price.billedCommands) price = joined;
      }
    },

    async start(): Promise<void> {
      atStart = await redis?.stats();
      stripeAtStart = await stripeRequests?.();
      upstreamAtStart = (await front?.stats())?.upstreamRequests ?? 0;
      operatorAtStart = figures.byStep.operator.requests;
    },

    /** @returns to be called with how many orders there are */
    async stop(): Promise<(orders: number) => Costs> {
      const own = figures.byStep.operator.requests - operatorAtStart;
      const upstream =
        front === undefined ? undefined : (await front.stats()).upstreamRequests - upstreamAtStart - own;
      const [atEnd, stripe] = [await redis?.stats(), await stripeRequests?.()];
      const asked =
        stripe === undefined || stripeAtStart === undefined
          ? undefined
          : requestsSince(stripeAtStart, stripe);
      const { join, slot_join: bySlot } = figures.byStep;
      const joins = join.latenciesMs.length + bySlot.latenciesMs.length;
      if (atStart === undefined || atEnd === undefined)
        return () => ({ upstream, stripe: asked, redis: undefined });
      const calls = atEnd.calls - atStart.calls;
      const total = difference(atStart, atEnd);
      return (orders) => {
        const perPurchase = (what: keyof Price) =>
          price === undefined || orders === 0
            ? undefined
            : (total[what] - price[what] * (joins - orders)) / orders;
        return {
          upstream,
          stripe: asked,
          redis: {
            calls,
            ...total,
            perWaitingShopper: price,
            perPurchase: {
              scriptCalls: perPurchase("scriptCalls"),
              billedCommands: perPurchase("billedCommands"),
            },
          },
        };
      };
    },
  };
}

const difference = (before: RedisStats, after: RedisStats): Price => ({
  scriptCalls: after.scriptCalls - before.scriptCalls,
  billedCommands: after.billedCommands - before.billedCommands,
});
