/** An operator's word for a remedy that waited for it: judged anew, done if it is still due, and written down. */
import { z } from "zod";
import { refuse, type Refusal } from "../../domain/refusal.ts";
import { saleSchema } from "../../domain/sale.ts";
import type { Services } from "../services.ts";
import { drain } from "../sync/sync.ts";
import type { Case, Finding } from "./case.ts";
import type { Outcome } from "./findings.ts";
import { judgeCase } from "./judge.ts";
import { remedy } from "./remedy.ts";
import { judgingOf, stockFindings, type Run } from "./run.ts";
import { refresh, stageRecords } from "./snapshot.ts";

const waitingRow = z.object({
  run_id: z.string(),
  kind: z.string(),
  subject: z.string(),
  case_id: z.string().nullable(),
  outcome: z.string(),
  definition: saleSchema,
  intents: z.array(z.string()),
});
type Waiting = z.output<typeof waitingRow>;

/** @returns what became of it; repeating the call answers the same */
export async function approve(
  services: Services,
  saleId: string,
  discrepancy: number,
): Promise<{ outcome: string; detail: string } | Refusal<"not_found">> {
  const [waiting] = await services.postgres(
    waitingRow,
    `select run_id, kind, subject, case_id, outcome, definition,
            array(select intent from payments
                   where payments.sale_id = $1 and payments.reservation_id = discrepancies.case_id)::text[] as intents
       from discrepancies join sales on sales.id = sale_id
      where discrepancies.id = $2 and sale_id = $1 and run_id is not null`,
    [saleId, discrepancy],
  );
  if (waiting === undefined) return refuse("not_found");
  if (waiting.outcome !== "waiting") return { outcome: waiting.outcome, detail: "" };
  await services.postgres(
    z.unknown(),
    "insert into audit_log (action, actor, sale_id, detail) values ('approve', $3, $1, $2)",
    [saleId, JSON.stringify({ discrepancy, kind: waiting.kind, subject: waiting.subject }), services.actor],
  );
  await drain(services, saleId);
  const run = { looking: { run: waiting.run_id, sale: saleId }, sale: waiting.definition };
  try {
    return await lookAgain(services, run, waiting);
  } finally {
    // A run that is still under way needs what it has seen: without its records it would count that nothing was sold.
    await services.postgres(
      z.unknown(),
      `with over as (select id from reconciliation_runs where id = $1 and state = 'done'),
            refunds as (delete from snapshot_refunds using over where run_id = over.id),
            intents as (delete from snapshot_intents using over where run_id = over.id)
       delete from snapshot_records using over where run_id = over.id`,
      [waiting.run_id],
    );
  }
}

async function lookAgain(
  services: Services,
  run: Pick<Run, "looking" | "sale">,
  waiting: Waiting,
): Promise<{ outcome: Outcome; detail: string }> {
  const { looking, sale } = run;
  let one: Case | undefined;
  let found: Finding[];
  if (waiting.case_id === null) {
    for (let cursor: string | undefined; cursor !== "";)
      cursor = (await stageRecords(services, looking, cursor ?? "")).cursor;
    found = await stockFindings(services, run);
  } else {
    const payment = waiting.subject.startsWith("pi_") ? [waiting.subject] : [];
    const intents = [...new Set([...waiting.intents, ...payment])].map((id) => ({ id }));
    [one] = await refresh(services, looking, [{ id: waiting.case_id, intents }]);
    found = one === undefined ? [] : judgeCase(one, judgingOf(services, run));
  }
  const finding = found.find(({ kind, subject }) => kind === waiting.kind && subject === waiting.subject);
  const done =
    finding === undefined
      ? ({ outcome: "gone", detail: "it is in order by now" } as const)
      : await remedy(services, finding, { looking, currency: sale.currency, one });
  await services.postgres(
    z.unknown(),
    `update discrepancies set outcome = $4, detail = $5, resolved_at = case when $4 <> 'failed' then now() end
      where run_id = $1 and kind = $2 and subject = $3`,
    [looking.run, waiting.kind, waiting.subject, done.outcome, done.detail],
  );
  return done;
}
