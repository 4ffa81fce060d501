/**
 * Ends holds past their end. Lazily, when one stands in somebody's way or a tick sees it; by cron in any case. A hold whose
 * payment has begun ends only once that is closed to payments: if it was paid just now, it is an order.
 */
import { z } from "zod";
import { closePayment } from "../checkout/payment.ts";
import { runScript, type Script } from "../redis/client.ts";
import { saleKeys } from "../redis/keys.ts";
import type { Services } from "../services.ts";
import { drainSoon } from "../sync/sync.ts";
import { Unavailable } from "../unavailable.ts";
import expireLua from "./expire.lua";
import { recordJson, type Record } from "./record.ts";

/** Bounds the time one call keeps the sale's keys locked. */
const BATCH_HOLDS = 200;
/** For how long a hold is kept while its payment is being closed; then somebody else may try. */
const KEEP_MS = 5_000;
/** Longest that a hold waits for the bank beyond its end; a payment that comes later is a late one. */
const BANK_MS_MAX = 15 * 60_000;
/** Payments closed at once: a Worker has six connections. */
const AT_ONCE = 4;

export const expireScript: Script<[number, number, Record[]]> = {
  name: "expire",
  source: expireLua,
  reply: z.tuple([z.number(), z.number(), z.array(recordJson)]),
};

/** @returns how many holds ended */
export async function expireHolds(services: Services, saleId: string): Promise<number> {
  let total = 0;
  for (;;) {
    const [expired, seen, paying] = await expire(services, saleId, []);
    total += expired;
    const closed = await closeAll(services, saleId, paying);
    if (closed.length > 0) total += (await expire(services, saleId, closed))[0];
    if (seen < BATCH_HOLDS) break;
  }
  if (total > 0) services.later(drainSoon(services, saleId));
  return total;
}

async function expire(services: Services, saleId: string, closed: string[]) {
  const keys = saleKeys(saleId);
  return await runScript(
    services.redis,
    expireScript,
    [keys.stock, keys.inside, keys.reservations, keys.shoppers, keys.holds, keys.claims, keys.outbox],
    ["", BATCH_HOLDS, KEEP_MS, ...closed],
  );
}

/** @returns the ids of those that nobody can pay any more; of the others some are orders, and the rest is tried again */
async function closeAll(services: Services, saleId: string, paying: Record[]): Promise<string[]> {
  const closed: string[] = [];
  const waiting = [...paying];
  const worker = async () => {
    for (let record = waiting.shift(); record !== undefined; record = waiting.shift())
      if (await mayEnd(services, saleId, record)) closed.push(record.id);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  return closed;
}

async function mayEnd(services: Services, saleId: string, record: Record): Promise<boolean> {
  try {
    const closing = await closePayment(services, saleId, record);
    return closing === "closed" || (closing === "pending" && Date.now() > record.expiresAtMs + BANK_MS_MAX);
  } catch (error) {
    // Without Stripe the hold is kept: no unit is lost, and none is sold that may be paid for.
    if (!(error instanceof Unavailable)) throw error;
    console.error(JSON.stringify({ expire: record.id, error: error.message }));
    return false;
  }
}
