/** What runs found, written down with evidence, remedy and outcome; once a run, however often a page is looked at. */
import { z } from "zod";
import { bigint } from "../postgres/client.ts";
import type { Services } from "../services.ts";
import type { Finding } from "./case.ts";
import type { Looking } from "./snapshot.ts";

export type Outcome = "found" | "waiting" | "applied" | "failed" | "gone";

export async function writeFinding(
  services: Services,
  { run, sale }: Looking,
  { kind, subject, evidence, remedy, amount }: Finding,
  { caseId, outcome, detail = null }: { caseId?: string; outcome: Outcome; detail?: string | null },
): Promise<void> {
  const isResolved = outcome === "applied" || outcome === "gone";
  await services.postgres(
    z.unknown(),
    `insert into discrepancies (run_id, sale_id, kind, subject, case_id, evidence, remedy, amount, outcome, detail,
                                resolved_at)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, case when $11 then now() end)
     on conflict (run_id, kind, subject) do update
        set outcome = excluded.outcome, detail = excluded.detail, resolved_at = excluded.resolved_at
      where discrepancies.outcome <> 'applied'`,
    [
      run,
      sale,
      kind,
      subject,
      caseId ?? null,
      JSON.stringify(evidence),
      remedy,
      amount,
      outcome,
      detail,
      isResolved,
    ],
  );
}

export const discrepancyRow = z.object({
  id: bigint,
  kind: z.string(),
  subject: z.string().nullable(),
  evidence: z.unknown(),
  remedy: z.string().nullable(),
  amount: bigint,
  outcome: z.string().nullable(),
  detail: z.string().nullable(),
  found_at: z.coerce.date(),
  resolved_at: z.coerce.date().nullable(),
});

export interface FindingsPage {
  /** The `next` of the page before. */
  after?: string | undefined;
  limit: number;
  /** This one only. */
  discrepancy?: number | undefined;
}
export const FIRST_PAGE: FindingsPage = { limit: 1000 };

/**
 * A page of what a run found: what waits for somebody comes first, because it keeps the sale from being settled.
 * @returns `next`: where the next page begins, as `after` takes it; null where there is none
 */
export async function listFindings(
  services: Services,
  run: string,
  { after, limit, discrepancy }: FindingsPage = FIRST_PAGE,
): Promise<{ found: z.output<typeof discrepancyRow>[]; next: string | null }> {
  const [place, id] = after?.split("-") ?? [];
  const rows = await services.postgres(
    discrepancyRow,
    `select id, kind, subject, evidence, remedy, amount, outcome, detail, found_at, resolved_at
       from discrepancies
      where run_id = $1 and ($2::bigint is null or id = $2)
        and ($3::boolean is null or (outcome is distinct from 'waiting', id) > ($3, $4::bigint))
      order by outcome is distinct from 'waiting', id limit $5`,
    [run, discrepancy ?? null, place === undefined ? null : place !== "waiting", id ?? null, limit + 1],
  );
  const found = rows.slice(0, limit);
  const last = rows.length > limit ? found.at(-1) : undefined;
  const next = last === undefined ? null : `${last.outcome === "waiting" ? "waiting" : "other"}-${last.id}`;
  return { found, next };
}
