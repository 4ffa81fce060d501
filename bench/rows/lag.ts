/**
 * How long Postgres does not know of an order, at 500 orders a second: holds are confirmed on a fixed schedule by the functions' own
 * step, which also asks for the drains, and the cursor in Postgres is looked at all the while. An order's lag ends with the first look that finds
 * the cursor past it, so it is an upper bound.
 */
import { setTimeout as wait } from "node:timers/promises";
import { z } from "zod";
import { openConnection } from "../../dev/redis/connection.ts";
import { confirm } from "../../functions/checkout/payment.ts";
import type { Services } from "../../functions/services.ts";
import { drain } from "../../functions/sync/sync.ts";
import { Incorrect, type Opened, type Row, type Sample, type Settings } from "../measure.ts";
import { benchServices, connectStores } from "../services.ts";
import { openStage, people } from "../stage.ts";
import { quantile } from "../statistics.ts";
import { startStores } from "../stores.ts";

const PER_SECOND = 500;
const LOOK_EVERY_MS = 20;

async function open({ quick }: Settings): Promise<Opened> {
  const stores = await startStores("redis", "postgres");
  const redis = openConnection(stores.redis.socketPath);
  const drains = new Set<Promise<unknown>>();
  const services = {
    ...benchServices(connectStores(stores)),
    later: (work: Promise<unknown>) => {
      drains.add(work);
      void work.finally(() => drains.delete(work)).catch(() => undefined);
    },
  };
  const orders = PER_SECOND * (quick ? 3 : 20);

  async function measure(): Promise<Sample> {
    const stage = await openStage(services, redis, orders);
    const crowd = people(orders);
    await stage.hold(crowd);
    await drain(services, stage.saleId);
    const looks = watchCursor(services, stage.saleId);
    const startedMs = performance.now();
    const confirmed: Promise<number>[] = [];
    for (const [nth, { shopper, reservationId }] of crowd.entries()) {
      const dueMs = startedMs + (nth * 1000) / PER_SECOND;
      if (performance.now() < dueMs) await wait(dueMs - performance.now());
      const confirming = confirm(services, stage.saleId, reservationId, { shopper });
      confirmed.push(confirming.then(([, record]) => record?.changedAtMs ?? NaN));
    }
    const times = await Promise.all(confirmed);
    const perSecond = (orders * 1000) / (performance.now() - startedMs);
    while (drains.size > 0) await Promise.allSettled(drains);
    const seen = await looks.stop();
    const lags = times.map(
      (atMs) => ((seen.find(({ ms }) => ms > atMs + 1) ?? seen.at(-1))?.seenAtMs ?? NaN) - atMs,
    );

    const count = "select count(*)::int as n from orders where sale_id = $1";
    const [stored] = await services.postgres(z.object({ n: z.number() }), count, [stage.saleId]);
    if (stored?.n !== orders) throw new Incorrect(`Postgres has ${stored?.n ?? 0} of ${orders} orders`);
    await stage.clear();
    return { perSecond, medianSeconds: quantile(lags, 0.5) / 1000, p99Seconds: quantile(lags, 0.99) / 1000 };
  }

  return {
    variants: { orders: { measure } },
    close: async () => {
      redis.close();
      await stores.close();
    },
  };
}

/** Looks at the cursor again and again: `ms` is the time of the last entry that Postgres has, `seenAtMs` when that was first seen. */
function watchCursor(services: Services, saleId: string) {
  const row = z.object({ last_entry: z.string() });
  const seen: { ms: number; seenAtMs: number }[] = [];
  const stopping = new AbortController();
  const look = async () => {
    const cursor = "select last_entry from sync_cursor where sale_id = $1";
    const [found] = await services.postgres(row, cursor, [saleId]);
    const ms = Number(found?.last_entry.split("-")[0]);
    if (ms !== seen.at(-1)?.ms) seen.push({ ms, seenAtMs: Date.now() });
  };
  const looking = (async () => {
    while (!stopping.signal.aborted) {
      await look();
      await wait(LOOK_EVERY_MS);
    }
    await look();
  })();
  return {
    async stop() {
      stopping.abort();
      await looking;
      return seen;
    },
  };
}

export const lag: Row = {
  name: "lag",
  about: "how long Postgres does not know of an order, at 500 a second",
  figures: [
    { what: "lag, 99 of 100", ours: "orders", metric: "p99Seconds", budget: { of: "value", atMost: 2 } },
    { what: "lag, median", ours: "orders", metric: "medianSeconds" },
    // Else it was another rate that was measured.
    { what: "orders", ours: "orders", budget: { of: "value", atLeast: 0.95 * PER_SECOND } },
  ],
  rounds: { full: 3, quick: 1 },
  open,
};
