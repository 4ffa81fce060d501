/**
 * A reconciliation: Redis, Postgres and Stripe of one sale held against each other, page by page, and repaired where it is
 * to apply. It keeps where it stands after each page, so that whoever continues it (the caller, cron) goes on from there
 * within a Worker's limits; a page looked at twice finds and does the same.
 */
import { z } from "zod";
import { refuse, type Refusal } from "../../domain/refusal.ts";
import { saleSchema, type Sale } from "../../domain/sale.ts";
import { bigint } from "../postgres/client.ts";
import { expireHolds } from "../reservation/expire.ts";
import { missing } from "../sale/sale.ts";
import type { Services } from "../services.ts";
import { drain } from "../sync/sync.ts";
import { Unavailable } from "../unavailable.ts";
import { countersSchema, readCounters, type Counters } from "./books.ts";
import type { Case, Finding } from "./case.ts";
import { writeFinding } from "./findings.ts";
import finishRunSql from "./finish-run.sql";
import { judgeCase } from "./judge.ts";
import { judgeCounters, judgeStock, judgeStored, type Expected } from "./judge-stock.ts";
import { latestOrders } from "./latest-orders.ts";
import { remedy, type Context } from "./remedy.ts";
import {
  nextIds,
  PAGE,
  readCases,
  refresh,
  stageIntents,
  stageRecords,
  stageRefunds,
  type Looking,
} from "./snapshot.ts";
import storedUnitsSql from "./stored-units.sql";
import takeRunSql from "./take-run.sql";

export type Cause = "operator" | "cron";

/**
 * Begins a run, or finds the one that was begun under this id.
 * @param runId minted by who asks, reused on retry
 */
export async function beginRun(
  services: Services,
  saleId: string,
  { runId, applies, cause }: { runId: string; applies: boolean; cause: Cause },
): Promise<{ runId: string } | Refusal<"not_found" | "on_hold" | "run_under_way" | "conflicting_replay">> {
  if ((await readCounters(services, saleId)) === undefined) return await missing(services, saleId);
  await services.postgres(
    z.unknown(),
    `with begun as (
       insert into reconciliation_runs (id, sale_id, cause, applies) select $1, id, $3, $4 from sales where id = $2
       on conflict do nothing returning id
     )
     insert into audit_log (action, actor, sale_id, detail)
     select 'reconcile', $5, $2, jsonb_build_object('run', id, 'cause', $3::text, 'apply', $4::boolean) from begun`,
    [runId, saleId, cause, applies, services.actor],
  );
  const [row] = await services.postgres(
    z.object({ sale_id: z.string(), applies: z.boolean() }),
    "select sale_id, applies from reconciliation_runs where id = $1",
    [runId],
  );
  if (row === undefined) return refuse("run_under_way");
  return row.sale_id === saleId && row.applies === applies ? { runId } : refuse("conflicting_replay");
}

const steps = ["begin", "records", "intents", "refunds", "stock", "cases", "counters", "end"] as const;
type Step = (typeof steps)[number];

const takenRow = z.object({
  sale_id: z.string(),
  applies: z.boolean(),
  step: z.enum(steps),
  cursor: z.string(),
  began_with: countersSchema.nullable(),
  looked_at: z.partialRecord(z.enum(steps), z.number()),
  definition: saleSchema,
  remedy_limit: bigint,
  created: bigint,
});

export interface Run {
  looking: Looking;
  applies: boolean;
  sale: Sale;
  /** Minor units; a remedy that gives more back waits for approval. */
  limit: number;
  beganWith: Counters | null;
  /** Seconds of the epoch: older payments are not this sale's. */
  since: number;
}

/** Whatever is younger may still be on its way. */
export const GRACE_MS = 60_000;
const HOUR_SECONDS = 3600;
/** A sale that is over is looked at once more where something moved meanwhile, be it by a remedy; so often at most. */
const ROUNDS_MAX = 3;
/** Cases looked at again at once: each with a payment costs two requests of Stripe. */
const AGAIN_AT_ONCE = 50;

/**
 * Goes on with a run until it is done or the time is up.
 * @param untilMs when to stop at a page's end
 * @returns whether it is done; false also where somebody else is at it
 * @throws {Unavailable} a store or Stripe did not answer; it goes on from there next time
 */
export async function continueRun(services: Services, runId: string, untilMs: number): Promise<boolean> {
  const [taken] = await services.postgres(takenRow, takeRunSql, [runId]);
  if (taken === undefined) return false;
  const { definition: sale } = taken;
  const run: Run = {
    looking: { run: runId, sale: taken.sale_id },
    applies: taken.applies,
    sale,
    limit: taken.remedy_limit,
    beganWith: taken.began_with,
    since: Math.min(taken.created, Math.floor(Date.parse(sale.opensAt) / 1000)) - HOUR_SECONDS,
  };
  let [step, cursor]: [Step, string] = [taken.step, taken.cursor];
  const lookedAt = taken.looked_at;
  try {
    do {
      const page = await look(services, run, step, cursor);
      lookedAt[step] = (lookedAt[step] ?? 0) + page.seen;
      const isAgain = page.hasMoved === true && (lookedAt.begin ?? 0) < ROUNDS_MAX;
      if (isAgain) step = "begin";
      else if (page.cursor === "") step = steps[steps.indexOf(step) + 1] ?? "end";
      cursor = page.cursor;
      await services.postgres(
        z.unknown(),
        `update reconciliation_runs
            set step = $2, cursor = $3, looked_at = $4, began_with = $5, leased_until = now() + interval '1 minute'
          where id = $1`,
        [runId, step, cursor, JSON.stringify(lookedAt), JSON.stringify(run.beganWith)],
      );
    } while (step !== "end" && Date.now() < untilMs);
    if (step !== "end") return false;
    await services.postgres(z.unknown(), finishRunSql, [runId, run.looking.sale, run.applies]);
    return true;
  } finally {
    await services.postgres(
      z.unknown(),
      "update reconciliation_runs set leased_until = '-infinity' where id = $1",
      [runId],
    );
  }
}

interface Page {
  /** "" at the end. */
  cursor: string;
  seen: number;
  /** Of a sale that is over: counters and records were not of one moment. */
  hasMoved?: boolean;
}

/** One page of a step. */
async function look(services: Services, run: Run, step: Step, cursor: string): Promise<Page> {
  const { looking } = run;
  const nothing = { cursor: "", seen: 0 };
  switch (step) {
    case "begin":
      await expireHolds(services, looking.sale);
      await drain(services, looking.sale, { trim: true });
      run.beganWith = (await readCounters(services, looking.sale)) ?? null;
      return { cursor: "", seen: 1 };
    case "records":
      return await stageRecords(services, looking, cursor);
    case "intents":
      return services.payments === undefined
        ? nothing
        : await stageIntents(services, looking, run.since, cursor);
    case "refunds":
      return services.payments === undefined
        ? nothing
        : await stageRefunds(services, looking, run.since, cursor);
    case "stock":
      // Filled a moment ago: without this Postgres would not know how much there is, and read all of it for each page.
      await services.postgres(
        z.unknown(),
        "analyze snapshot_records, snapshot_intents, snapshot_refunds, reservations, payments",
        [],
      );
      return await lookAtStock(services, run);
    case "cases":
      return await lookAtCases(services, run, cursor);
    case "counters":
      return await lookAtCounters(services, run);
    case "end":
      return nothing;
  }
}

async function lookAtCases(services: Services, run: Run, cursor: string): Promise<Page> {
  const { looking } = run;
  const ids = await nextIds(services, looking, cursor);
  const judge = (one: Case) => judgeCase(one, judgingOf(services, run));
  const suspects = (await readCases(services, looking, ids)).filter((one) => judge(one).length > 0);
  if (suspects.length > 0) await drain(services, looking.sale);
  for (let first = 0; first < suspects.length; first += AGAIN_AT_ONCE) {
    const again = await refresh(services, looking, suspects.slice(first, first + AGAIN_AT_ONCE));
    for (const one of again) await handleCase(services, run, one, judge);
  }
  return { cursor: ids.length < PAGE ? "" : (ids.at(-1) ?? ""), seen: ids.length };
}

export const judgingOf = (services: Services, { sale: { currency } }: Pick<Run, "sale">) => ({
  nowMs: Date.now(),
  currency,
  graceMs: GRACE_MS,
  withPayments: services.payments !== undefined,
});

/** One finding after the other; where something was done, the case is judged anew. */
async function handleCase(
  services: Services,
  run: Run,
  first: Case,
  judge: (one: Case) => Finding[],
): Promise<void> {
  const handled = new Set<string>();
  let one: Case | undefined = first;
  while (one !== undefined) {
    const finding = judge(one).find(({ kind, subject }) => !handled.has(`${kind} ${subject}`));
    if (finding === undefined) return;
    handled.add(`${finding.kind} ${finding.subject}`);
    const isDone = await handle(services, run, finding, { one });
    if (isDone) [one] = await refresh(services, run.looking, [one]);
  }
}

/** @returns whether something was done about it */
async function handle(
  services: Services,
  run: Run,
  finding: Finding,
  about: Pick<Context, "one" | "expected">,
): Promise<boolean> {
  const { looking, applies, limit, sale } = run;
  const caseId = about.one === undefined ? {} : { caseId: about.one.id };
  if (!applies || finding.amount > limit) {
    const outcome = applies ? "waiting" : "found";
    await writeFinding(services, looking, finding, { ...caseId, outcome });
    return false;
  }
  // Written down first: whoever goes on after a crash in between finds it repaired, and would not know of it.
  await writeFinding(services, looking, finding, { ...caseId, outcome: "found" });
  const done = await remedy(services, finding, { looking, currency: sale.currency, ...about });
  await writeFinding(services, looking, finding, { ...caseId, ...done });
  return true;
}

async function lookAtStock(services: Services, run: Run): Promise<Page> {
  for (const finding of await stockFindings(services, run)) await handle(services, run, finding, {});
  for (const finding of await storedSlots(services, run)) await handle(services, run, finding, {});
  return { cursor: "", seen: run.sale.items.length };
}

/**
 * Units that only Postgres has set aside still, past the end of the slots: after a rollback of Redis it may have refused
 * the movement by which they went back, and would refuse whoever bought them.
 */
async function storedSlots(services: Services, { looking, sale }: Run): Promise<Finding[]> {
  const { claimUntil } = sale.slots ?? {};
  if (claimUntil === undefined || Date.now() < Date.parse(claimUntil)) return [];
  const rows = await services.postgres(
    z.object({ sku: z.string(), slots: bigint }),
    "select sku, slots from items where sale_id = $1 and slots > 0 order by sku",
    [looking.sale],
  );
  const counters = rows.length === 0 ? undefined : await readCounters(services, looking.sale);
  return rows
    .filter(({ sku }) => counters?.items.find((item) => item.sku === sku)?.slots === 0)
    .map(({ sku, slots }) => ({
      kind: "slot_unclaimed",
      subject: `postgres ${sku}`,
      evidence: { sku, slots, claimUntil },
      remedy: "free_stored_slots",
      amount: 0,
    }));
}

export async function stockFindings(
  services: Services,
  { looking, sale }: Pick<Run, "looking" | "sale">,
): Promise<Finding[]> {
  const counters = await readCounters(services, looking.sale);
  if (counters === undefined) return [];
  const claimUntilMs = sale.slots === undefined ? undefined : Date.parse(sale.slots.claimUntil);
  const found = judgeStock(counters, { nowMs: Date.now(), claimUntilMs });
  return await Promise.all(
    found.map(async (finding) => {
      if (finding.kind !== "confirmed_above_stock") return finding;
      const item = counters.items.find(({ sku }) => sku === finding.subject);
      const excess = item === undefined ? 0 : item.confirmed - item.stock;
      const orders = await latestOrders(services, looking, finding.subject, excess);
      const amount = orders.reduce((sum, { total }) => sum + total, 0);
      return { ...finding, amount, evidence: { ...finding.evidence, orders: orders.map(({ id }) => id) } };
    }),
  );
}

const recordedRow = z.object({ sku: z.string(), held: bigint, confirmed: bigint, stock: bigint });
const storedUnitsRow = z.object({
  sku: z.string(),
  account: z.enum(["stock", "slots", "held", "confirmed", "refunded", "unsold"]),
  counted: bigint,
  ledger: bigint,
  reserved: bigint.nullable(),
});

async function lookAtCounters(services: Services, run: Run): Promise<Page> {
  const { looking, beganWith } = run;
  const stored = judgeStored(await services.postgres(storedUnitsRow, storedUnitsSql, [looking.sale]));
  for (const finding of stored) await handle(services, run, finding, {});

  const recorded = await services.postgres(
    recordedRow,
    `select items.sku, items.stock,
            coalesce(sum(line.quantity) filter (where line.state = 'held'), 0) as held,
            coalesce(sum(line.quantity) filter (where line.state = 'confirmed'), 0) as confirmed
       from items
            left join (select record ->> 'state' as state, line.sku, line.quantity
                         from snapshot_records,
                              jsonb_to_recordset(record -> 'lines') as line (sku text, quantity bigint)
                        where run_id = $1) as line on line.sku = items.sku
      where items.sale_id = $2
      group by items.sku, items.stock`,
    [looking.run, looking.sale],
  );
  const counters = await readCounters(services, looking.sale);
  // Held against nothing, everything would be as it should.
  if (counters === undefined) throw new Unavailable("redis", "the sale of a run is not there");
  // Counters and records are of one moment only where nothing has moved since the run began.
  const stoodStill = beganWith !== null && JSON.stringify(counters) === JSON.stringify(beganWith);
  const expected = stoodStill
    ? new Map(recorded.map((item): [string, Expected] => [item.sku, item]))
    : undefined;
  for (const finding of judgeCounters(counters, expected)) await handle(services, run, finding, { expected });
  const isOver = Date.parse(run.sale.closesAt) < Date.now();
  return { cursor: "", seen: counters.items.length, hasMoved: isOver && !stoodStill };
}
