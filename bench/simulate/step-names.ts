/** What a statement or a request to Stripe is for, by name: troubles are planned by it, and the coverage is counted by it. */
import { globSync, readFileSync } from "node:fs";
import path from "node:path";

const root = path.join(import.meta.dirname, "../..");
const name = (file: string, ending: string) =>
  `${path.basename(path.dirname(file))}/${path.basename(file, ending)}`;

/** By the first line of their text that is no comment: the text itself may have a defect in it. */
const headOf = (text: string) =>
  text
    .split("\n")
    .filter((line) => line.startsWith("--"))
    .slice(0, 2)
    .join(" ");
const files = new Map(
  globSync("functions/**/*.sql", { cwd: root }).map((file) => [
    headOf(readFileSync(path.join(root, file), "utf8")),
    name(file, ".sql"),
  ]),
);

/** Those that stand in the code. */
const inline: [RegExp, string][] = [
  [/^select last_entry from sync_cursor/, "sync/cursor"],
  [/^update sync_cursor/, "sale/rebuild-cursor"],
  [/^with forfeits/, "sale/rebuild-epoch"],
  [/^update sales set published_at/, "sale/published"],
  [/^select id from sales where published_at/, "sale/unpublished"],
  [/^select settled_at is not null as settled/, "sale/missing"],
  [/^with changed as \(update sales set (mode|release_size)/, "sale/rule"],
  [/^insert into audit_log .*'top-up'/s, "sale/audit-top-up"],
  [/^insert into audit_log .*'rebuild'/s, "sale/audit-rebuild"],
  [/^select intent from payments where intent/, "checkout/left-authorised"],
  [/^select intent from payments where state/, "checkout/all-authorised"],
  [/^select id from reservations where sale_id = .* and intent = /, "checkout/is-order"],
  [/^update webhook_inbox/, "checkout/event-done"],
  [/^insert into refunds \(id, intent, amount, reason, returns_stock\)\n/, "checkout/refund-whole"],
  [/^update refunds set state = 'asked'/, "reconciliation/ask-again"],
  [/^update refunds set state = \$2/, "checkout/refund-done"],
  [/^insert into emails/, "checkout/notice"],
  [/^with begun as/, "reconciliation/begin"],
  [/^select sale_id, applies from reconciliation_runs/, "reconciliation/begun"],
  [/^update reconciliation_runs\s+set step/, "reconciliation/page"],
  [/^update reconciliation_runs set leased_until/, "reconciliation/lease-back"],
  [/^insert into snapshot_records/, "reconciliation/stage-records"],
  [/^insert into snapshot_intents/, "reconciliation/stage-intents"],
  [/^insert into snapshot_refunds/, "reconciliation/stage-refunds"],
  [/^delete from snapshot_records/, "reconciliation/unstage"],
  [/^insert into discrepancies/, "reconciliation/finding"],
  [/^select run_id, kind, subject, case_id/, "reconciliation/waiting"],
  [/^insert into audit_log .*'approve'/s, "reconciliation/approve"],
  [/^update discrepancies set outcome/, "reconciliation/approved"],
  [/^with changed as \(update sales set remedy_limit/, "reconciliation/remedy-limit"],
  [/^with over as \(select id from reconciliation_runs/, "reconciliation/unstage"],
  [/^with unconfirmed as/, "registration/forget-asked"],
  [/^with over as/, "registration/forget-addresses"],
  [/^analyze snapshot_records/, "reconciliation/analyze"],
  [/^select id, total, units\s+from/, "reconciliation/latest-orders"],
  [/^insert into reconciliation_runs .*'light'/s, "reconciliation/light-run"],
  [/^select 'refund_not_done'/, "reconciliation/light-left"],
  [/^select sku, slots from items/, "reconciliation/stored-slots"],
  [/^select items.sku, items.stock,/, "reconciliation/recorded"],
  [/^select id, cause, applies/, "reconciliation/read-run"],
  [/^select id, kind, subject/, "reconciliation/findings"],
  [/^select sales.id, extract/, "settlement/closed"],
  [/^select id, settled_at </, "settlement/settled"],
  [/^update sales set cleared_at/, "settlement/cleared"],
  [/^select definition, slot_seed/, "registration/slots"],
  [/^select id from sales\s+where definition \?/, "registration/with-slots"],
  [/^update registrations set returned_at = now/, "registration/returned"],
  [/^select number from registrations/, "registration/waiting"],
];

const known = new Map<string, string>();
export function statementStep(query: string): string {
  let step = known.get(query);
  if (step !== undefined) return step;
  step = files.get(headOf(query)) ?? inline.find(([pattern]) => pattern.test(query))?.[1];
  step ??= `other: ${query.replaceAll(/\s+/g, " ").slice(0, 40)}`;
  step = `sql ${step}`;
  known.set(query, step);
  return step;
}

const calls: [RegExp, string][] = [
  [/^POST \/v1\/checkout\/sessions$/, "open session"],
  [/^POST \/v1\/checkout\/sessions\/\w+\/expire$/, "close session"],
  [/^GET \/v1\/checkout\/sessions\/\w+/, "read session"],
  [/^GET \/v1\/checkout\/sessions\?.*payment_intent=/, "find session"],
  [/^GET \/v1\/checkout\/sessions\?/, "list sessions"],
  [/^POST \/v1\/payment_intents\/\w+\/capture$/, "capture"],
  [/^POST \/v1\/payment_intents\/\w+\/cancel$/, "void"],
  [/^GET \/v1\/payment_intents\/\w+/, "read intent"],
  [/^GET \/v1\/payment_intents\?/, "list intents"],
  [/^GET \/v1\/refunds\?.*payment_intent=/, "look for refund"],
  [/^GET \/v1\/refunds\?/, "list refunds"],
  [/^POST \/v1\/refunds$/, "refund"],
  [/^GET \/v1\/events\?/, "list events"],
];
export function callStep(method: string, pathAndQuery: string): string {
  const call = `${method} ${pathAndQuery}`;
  return `stripe ${calls.find(([pattern]) => pattern.test(call))?.[1] ?? call}`;
}
