/**
 * The end of a sale: reconciled, then settled, then forgotten by Redis. Cron does it minute by minute, each step from where
 * it stands; nothing depends on when it runs, or how often.
 */
import { z } from "zod";
import { persist } from "../redis/client.ts";
import { SALES_KEY, saleKeys } from "../redis/keys.ts";
import { readCounters } from "../reconciliation/books.ts";
import { beginRun, continueRun } from "../reconciliation/run.ts";
import { closeSale } from "../sale/redefine.ts";
import { settlementSchema } from "../../domain/api.ts";
import { isRefusal } from "../../domain/refusal.ts";
import type { Services } from "../services.ts";
import reportSql from "./report.sql";
import settleSql from "./settle.sql";

/** When everything that began before closing has come to an end, but for what is lost: the longest hold, and the bank. */
const ENDS_AFTER = "interval '1 minute'";
const GIVES_UP_AFTER_MS = 20 * 60_000;
/** So long after a run that left something open, the next one looks again. */
const AGAIN_AFTER_MS = 10 * 60_000;

const closedRow = z.object({
  id: z.string(),
  closed: z.coerce.number(),
  hold_seconds: z.coerce.number(),
  run: z.string().nullable(),
  run_state: z.enum(["running", "done"]).nullable(),
  run_ended: z.coerce.number().nullable(),
});

/** Reconciles and settles every sale that is over. @param untilMs when to leave the rest to the next minute */
export async function settleClosed(services: Services, untilMs: number): Promise<void> {
  const closed = await services.postgres(
    closedRow,
    `select sales.id, extract(epoch from (definition ->> 'closesAt')::timestamptz) * 1000 as closed,
            definition ->> 'holdSeconds' as hold_seconds, run.id as run, run.state as run_state,
            extract(epoch from run.ended_at) * 1000 as run_ended
       from sales
            left join lateral (select id, state, ended_at from reconciliation_runs
                                where sale_id = sales.id
                                  and (state = 'running'
                                       or applies and started_at > (definition ->> 'closesAt')::timestamptz)
                                order by state = 'running' desc, started_at desc limit 1) as run on true
      where settled_at is null and (definition ->> 'closesAt')::timestamptz < now() - ${ENDS_AFTER}`,
    [],
  );
  for (const sale of closed) {
    if (Date.now() > untilMs) return;
    await settleOne(services, sale, untilMs).catch((error: unknown) =>
      console.error(JSON.stringify({ settle: sale.id, error: String(error) })),
    );
  }
}

async function settleOne(
  services: Services,
  { id, closed, hold_seconds, run, run_state: state, run_ended: ended }: z.output<typeof closedRow>,
  untilMs: number,
): Promise<void> {
  if (await isOpenInRedis(services, id)) {
    await closeSale(services, id, "it was closed before, and Redis had lost that");
    return;
  }
  if (run !== null && state === "done") {
    if (await settleSale(services, id, run)) return;
    if ((ended ?? 0) + AGAIN_AFTER_MS > Date.now()) return;
  }
  if (run !== null && state === "running") {
    if (await continueRun(services, run, untilMs)) await settleSale(services, id, run);
    return;
  }
  const held = (await readCounters(services, id))?.items.some((item) => item.held > 0) === true;
  if (held && Date.now() < closed + hold_seconds * 1000 + GIVES_UP_AFTER_MS) return;
  const runId = crypto.randomUUID();
  const begun = await beginRun(services, id, { runId, applies: true, cause: "cron" });
  if (isRefusal(begun)) return;
  if (await continueRun(services, runId, untilMs)) await settleSale(services, id, runId);
}

/** Closed early, and then Redis was rolled back to before: it would go on selling what is settled. */
async function isOpenInRedis(services: Services, saleId: string): Promise<boolean> {
  const closesAt = await persist("HGET", () => services.redis.hget(saleKeys(saleId).sale, "closesAtMs"));
  return closesAt !== null && Number(closesAt) > Date.now();
}

/** @param run that reconciled it after closing. @returns whether it is settled, now or before */
export async function settleSale(services: Services, saleId: string, run: string): Promise<boolean> {
  const [row] = await services.postgres(z.object({ report: settlementSchema }), reportSql, [saleId]);
  if (row === undefined) return false;
  const [outcome] = await services.postgres(z.object({ at_all: z.boolean() }), settleSql, [
    saleId,
    run,
    JSON.stringify(row.report),
  ]);
  if (outcome?.at_all !== true) return false;
  await tellRedis(services, saleId);
  return true;
}

/** Only a sale that Redis knows: an empty one must not come to look like one. */
async function tellRedis(services: Services, saleId: string): Promise<void> {
  const { sale } = saleKeys(saleId);
  if ((await persist("HEXISTS", () => services.redis.hexists(sale, "epoch"))) === 1)
    await persist("HSET", () => services.redis.hset(sale, { settled: "1" }));
}

/** Nothing can be paid any more by then: sessions end some two hours after the last hold began. */
const KEEP = "interval '24 hours'";

/** Takes settled sales out of Redis, a day later; the tables stay. */
export async function clearSettled(services: Services): Promise<number> {
  const settled = await services.postgres(
    z.object({ id: z.string(), due: z.boolean() }),
    `select id, settled_at < now() - ${KEEP} as due from sales where settled_at is not null and cleared_at is null`,
    [],
  );
  let cleared = 0;
  for (const { id, due } of settled) {
    if (!due) {
      // In case its settlement ended before Redis heard of it.
      await tellRedis(services, id);
      continue;
    }
    await persist("UNLINK", () => services.redis.unlink(...Object.values(saleKeys(id))));
    await persist("SREM", () => services.redis.srem(SALES_KEY, id));
    await services.postgres(z.unknown(), "update sales set cleared_at = now() where id = $1", [id]);
    cleared++;
  }
  return cleared;
}
