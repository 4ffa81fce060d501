/** Ends holds past their end. Lazily, when one stands in somebody's way or a tick sees it; by cron in any case. */
import { z } from "zod";
import { runScript, type Script } from "../redis/client.ts";
import { saleKeys } from "../redis/keys.ts";
import type { Services } from "../services.ts";
import { drainSoon } from "../sync/sync.ts";
import expireLua from "./expire.lua";

/** Bounds the time one call keeps the sale's keys locked. */
const BATCH_HOLDS = 200;

export const expireScript: Script<[number, number]> = {
  name: "expire",
  source: expireLua,
  reply: z.tuple([z.number(), z.number()]),
};

/** @returns how many holds ended */
export async function expireHolds(services: Services, saleId: string): Promise<number> {
  const keys = saleKeys(saleId);
  let total = 0;
  for (;;) {
    const [expired, seen] = await runScript(
      services.redis,
      expireScript,
      [keys.stock, keys.reservations, keys.shoppers, keys.holds, keys.outbox],
      ["", BATCH_HOLDS],
    );
    total += expired;
    if (seen < BATCH_HOLDS) break;
  }
  if (total > 0) services.later(drainSoon(services, saleId));
  return total;
}
