/** One dry run in a process that does nothing else, with a heap as small as a Worker's; says what it found, how long and how large. */
import { z } from "zod";
import { readTextModules } from "../text-modules.ts";

readTextModules();
const { connectStripe } = await import("../../functions/checkout/stripe.ts");
const { connectPostgres } = await import("../../functions/postgres/client.ts");
const { reconcile } = await import("../../functions/reconciliation/reconcile.ts");
const { connectRedis } = await import("../../functions/redis/client.ts");
const { benchServices } = await import("../services.ts");

const PEAK_EVERY_MS = 20;

const given = z.object({
  saleId: z.string(),
  redis: z.tuple([z.string(), z.string()]),
  postgres: z.tuple([z.string(), z.string()]),
  stripe: z.tuple([z.string(), z.string(), z.string()]),
});
export type JudgeInput = z.output<typeof given>;
export interface JudgeOutput {
  seconds: number;
  peakMegabytes: number;
  /** Discrepancies of each kind. */
  found: Record<string, number>;
}

const { saleId, redis, postgres, stripe } = given.parse(JSON.parse(process.argv[2] ?? ""));
const services = benchServices({
  redis: connectRedis(...redis),
  postgres: connectPostgres(...postgres),
  payments: connectStripe(...stripe),
});
const runId = crypto.randomUUID();
const began = performance.now();
let peak = process.memoryUsage().rss;
const watch = setInterval(() => (peak = Math.max(peak, process.memoryUsage().rss)), PEAK_EVERY_MS);
for (;;) {
  const run = await reconcile(services, saleId, runId, false);
  if ("refused" in run) throw new Error(run.refused);
  if (run.state !== "done") continue;
  clearInterval(watch);
  const found: JudgeOutput["found"] = {};
  for (const { kind } of run.discrepancies) found[kind] = (found[kind] ?? 0) + 1;
  process.send?.({
    seconds: (performance.now() - began) / 1000,
    peakMegabytes: peak / 1e6,
    found,
  } satisfies JudgeOutput);
  break;
}
