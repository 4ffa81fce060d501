/** Reconciliation as an operator asks for it: begun, gone on with, read. */
import { z } from "zod";
import type { Discrepancy, Found, Reconciliation } from "../../domain/api.ts";
import { isRefusal, refuse, type Refusal } from "../../domain/refusal.ts";
import type { Services } from "../services.ts";
import { discrepancyRow, FIRST_PAGE, listFindings, type FindingsPage } from "./findings.ts";
import { beginRun, continueRun } from "./run.ts";

/** What one call does of a run at most. */
const CALL_MS = 20_000;

/** Begins a run, or goes on with the one of this id, for as long as a call may take. */
export async function reconcile(
  services: Services,
  saleId: string,
  runId: string,
  applies: boolean,
): Promise<Found | Refusal<"not_found" | "on_hold" | "run_under_way" | "conflicting_replay">> {
  const begun = await beginRun(services, saleId, { runId, applies, cause: "operator" });
  if (isRefusal(begun)) return begun;
  await continueRun(services, runId, Date.now() + CALL_MS);
  return await readRun(services, saleId, runId);
}

const runRow = z
  .object({
    id: z.string(),
    cause: z.enum(["operator", "cron", "light"]),
    applies: z.boolean(),
    state: z.enum(["running", "done"]),
    step: z.string(),
    looked_at: z.record(z.string(), z.number()),
    started_at: z.coerce.date(),
    ended_at: z.coerce.date().nullable(),
  })
  .transform(({ id, cause, applies, state, step, ...row }): Reconciliation => ({
    ...{ id, cause, apply: applies, state, step },
    lookedAt: row.looked_at,
    startedAt: row.started_at.toISOString(),
    endedAt: row.ended_at?.toISOString() ?? null,
  }));

const columns = "id, cause, applies, state, step, looked_at, started_at, ended_at";

export async function listRuns(services: Services, saleId: string): Promise<Reconciliation[]> {
  return await services.postgres(
    runRow,
    `select ${columns} from reconciliation_runs where sale_id = $1 order by started_at desc limit 100`,
    [saleId],
  );
}

export async function readRun(
  services: Services,
  saleId: string,
  runId: string,
  page: FindingsPage = FIRST_PAGE,
): Promise<Found | Refusal<"not_found">> {
  const [run] = await services.postgres(
    runRow,
    `select ${columns} from reconciliation_runs where sale_id = $1 and id = $2`,
    [saleId, runId],
  );
  if (run === undefined) return refuse("not_found");
  const { found, next } = await listFindings(services, runId, page);
  return { ...run, discrepancies: found.map(discrepancyOf), next };
}

const outcomes = z.enum(["found", "waiting", "applied", "failed", "gone", "superseded"]).nullable();

function discrepancyOf({
  found_at,
  resolved_at,
  outcome,
  ...row
}: z.output<typeof discrepancyRow>): Discrepancy {
  return {
    ...row,
    outcome: outcomes.parse(outcome),
    foundAt: found_at.toISOString(),
    resolvedAt: resolved_at?.toISOString() ?? null,
  };
}

export async function setRemedyLimit(
  services: Services,
  saleId: string,
  amount: number,
  reason: string,
): Promise<{ amount: number } | Refusal<"not_found">> {
  const [row] = await services.postgres(
    z.object({ id: z.string() }),
    `with changed as (update sales set remedy_limit = $2 where id = $1 returning id),
          audited as (insert into audit_log (action, actor, sale_id, detail)
                      select 'remedy-limit', $4, id, jsonb_build_object('amount', $2::bigint, 'reason', $3::text) from changed)
     select id from changed`,
    [saleId, amount, reason, services.actor],
  );
  return row === undefined ? refuse("not_found") : { amount };
}
