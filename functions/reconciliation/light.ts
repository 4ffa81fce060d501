/**
 * A light look while a sale runs, every minute: the counters with themselves, and what has been left lying. It repairs
 * nothing; what it finds stands under one run an hour, for the operator and for the run after closing.
 */
import { z } from "zod";
import { bigint } from "../postgres/client.ts";
import type { Services } from "../services.ts";
import { readCounters } from "./books.ts";
import { uuidOf } from "./cancel.ts";
import type { Finding, Kind } from "./case.ts";
import { writeFinding } from "./findings.ts";
import { judgeCounters, judgeStock } from "./judge-stock.ts";

const HOUR_MS = 3_600_000;

const leftRow = z.object({ kind: z.string(), subject: z.string(), since: z.coerce.date(), amount: bigint });

/** @returns what was found */
export async function lightCheck(services: Services, saleId: string, nowMs: number): Promise<Finding[]> {
  const counters = await readCounters(services, saleId);
  if (counters === undefined) return [];
  const left = await services.postgres(
    leftRow,
    `select 'refund_not_done' as kind, refunds.id::text as subject, asked_at as since, refunds.amount
       from refunds join payments using (intent)
      where sale_id = $1 and refunds.state = 'asked' and asked_at < now() - interval '10 minutes'
     union all
     select 'authorisation_left', intent, changed_at, amount from payments
      where sale_id = $1 and state = 'authorised' and changed_at < now() - interval '10 minutes'
     limit 100`,
    [saleId],
  );
  const found = [
    ...judgeStock(counters, { nowMs, claimUntilMs: undefined }),
    ...judgeCounters(counters, undefined),
    ...left.map(({ kind, subject, since, amount }): Finding => ({
      kind: kind as Kind,
      subject,
      evidence: { since: since.toISOString(), amount },
      remedy: "look",
      amount: 0,
    })),
  ];
  if (found.length === 0) return [];
  const run = await uuidOf(`light ${saleId} ${Math.floor(nowMs / HOUR_MS)}`);
  await services.postgres(
    z.unknown(),
    `insert into reconciliation_runs (id, sale_id, cause, applies, state, step, ended_at)
     values ($1, $2, 'light', false, 'done', 'end', now()) on conflict (id) do update set ended_at = now()`,
    [run, saleId],
  );
  for (const finding of found)
    await writeFinding(services, { run, sale: saleId }, finding, { outcome: "found" });
  return found;
}
