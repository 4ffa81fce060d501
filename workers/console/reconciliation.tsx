/** Reconciliation: its runs, and one of them with what it found, the evidence, and what becomes of it. */
import { Hono } from "hono";
import type { Found, Reconciliation } from "../../domain/api.ts";
import { moneyText } from "../../domain/currency.ts";
import type { Sale } from "../../domain/sale.ts";
import { doneOf } from "./actions.tsx";
import { ask, statusOf } from "./ask.ts";
import type { ConsoleContext, Ctx } from "./context.ts";
import { page, salePath } from "./frame.tsx";
import { Table, Tag } from "./parts.tsx";
import { pageWithoutSale, readSale, SALE } from "./sale.ts";
import { Time } from "./time.tsx";

const TAB = "/reconciliation";
const PAGE_ROWS = 100;

export const reconciliation = new Hono<ConsoleContext>();

reconciliation.get(SALE + TAB, async (c) => {
  const [sale, found] = await Promise.all([
    readSale(c),
    ask<{ runs: Reconciliation[] }>(c, {
      method: "GET",
      path: `/api/admin/sales/${c.req.param("sale")}/reconciliations`,
    }),
  ]);
  if (!sale.ok) return pageWithoutSale(c, "Reconciliation", sale);
  const runs = found.ok ? found.value.runs : [];
  const path = salePath(sale.value.id);
  const html = page({
    title: "Reconciliation",
    who: c.var.who,
    sale: sale.value,
    tab: TAB,
    done: doneOf(c.req.query("done")),
    refused: found.ok ? undefined : found,
    styles: ["console-records.css"],
    children: (
      <>
        <section class="card">
          <p>
            A run holds Redis, Postgres and Stripe against each other. A dry run changes nothing; one that
            repairs does what its remedies say, up to the remedy limit. Cron looks lightly each minute, and
            wholly after closing.
          </p>
          {c.var.who.role === "operator" && (
            <p class="actions">
              <a class="button button-main" href={`${path}/do/reconcile`}>
                Dry run…
              </a>
              <a class="button" href={`${path}/do/repair`}>
                Repair…
              </a>
              <a class="button" href={`${path}/do/remedy-limit`}>
                Remedy limit…
              </a>
            </p>
          )}
        </section>
        <Table
          caption="Runs, the latest first"
          heads={["Begun", "By", "Repairs", "State", "Looked at", "Ended"]}
          empty={runs.length === 0 ? "None yet." : undefined}
        >
          {runs.map((run) => (
            <tr>
              <th scope="row">
                <a href={`${path}${TAB}/${run.id}`}>
                  <Time iso={run.startedAt} />
                </a>
              </th>
              <td>{run.cause}</td>
              <td>{run.apply ? "yes" : "no"}</td>
              <td>
                <Tag word={run.state} />
              </td>
              <td>{lookedAt(run)}</td>
              <td>{run.endedAt === null ? "–" : <Time iso={run.endedAt} />}</td>
            </tr>
          ))}
        </Table>
      </>
    ),
  });
  return c.html(html, found.ok ? 200 : statusOf(c, found));
});

reconciliation.get(`${SALE}${TAB}/:run`, async (c) => {
  const after = c.req.query("after");
  const query = new URLSearchParams({ limit: String(PAGE_ROWS), ...(after === undefined ? {} : { after }) });
  const [sale, found] = await Promise.all([
    readSale(c),
    ask<Found>(c, {
      method: "GET",
      path: `/api/admin/sales/${c.req.param("sale")}/reconciliations/${encodeURIComponent(c.req.param("run"))}?${query.toString()}`,
    }),
  ]);
  if (!sale.ok) return pageWithoutSale(c, "Reconciliation", sale);
  const html = page({
    title: "Reconciliation",
    who: c.var.who,
    sale: sale.value,
    tab: TAB,
    done: doneOf(c.req.query("done")),
    refused: found.ok ? undefined : found,
    styles: ["console-records.css"],
    children: found.ok && <Run c={c} sale={sale.value} run={found.value} isFirst={after === undefined} />,
  });
  return c.html(html, found.ok ? 200 : statusOf(c, found));
});

const lookedAt = ({ lookedAt: steps }: Reconciliation) =>
  Object.entries(steps)
    .map(([step, count]) => `${step} ${count.toLocaleString("en")}`)
    .join(", ") || "–";

function Run({ c, sale, run, isFirst }: { c: Ctx; sale: Sale; run: Found; isFirst: boolean }) {
  const path = salePath(sale.id);
  const open = run.discrepancies.filter(({ outcome }) => outcome === "found" || outcome === "failed");
  const isOperator = c.var.who.role === "operator";
  return (
    <>
      <section class="card" aria-labelledby="run">
        <h2 id="run">
          {run.apply ? "A run that repairs" : "A dry run"} <Tag word={run.state} />
        </h2>
        <dl class="facts">
          <dt>Begun</dt>
          <dd>
            <Time iso={run.startedAt} /> by {run.cause}
          </dd>
          <dt>Step</dt>
          <dd>{run.step}</dd>
          <dt>Looked at</dt>
          <dd>{lookedAt(run)}</dd>
        </dl>
        {run.state === "done" && isFirst && run.discrepancies.length === 0 && (
          <p class="note note-good">Nothing differs.</p>
        )}
        <p class="actions">
          {isOperator && run.state === "running" && (
            <a
              class="button button-main"
              href={`${path}/do/continue?id=${run.id}&apply=${run.apply ? "yes" : "no"}`}
            >
              Go on…
            </a>
          )}
          {isOperator && run.state === "done" && open.length > 0 && (
            <a class="button button-danger" href={`${path}/do/repair`}>
              Repair what was found…
            </a>
          )}
          <a class="button" href={path + TAB}>
            All runs
          </a>
        </p>
      </section>
      {run.discrepancies.length > 0 && (
        <Table
          caption="Discrepancies, those that wait first"
          heads={["What", "Outcome", "Remedy", "Gives back", "Evidence", ""]}
        >
          {run.discrepancies.map((one) => (
            <tr>
              <th scope="row">
                {one.kind} {one.subject !== null && <code>{one.subject}</code>}
              </th>
              <td>
                {one.outcome !== null && <Tag word={one.outcome} />} {one.detail}
              </td>
              <td>{one.remedy ?? "–"}</td>
              <td class="num">{one.amount === 0 ? "–" : moneyText(one.amount, sale.currency)}</td>
              <td>
                <details>
                  <summary>Evidence</summary>
                  <pre class="evidence">{JSON.stringify(one.evidence, null, 2)}</pre>
                </details>
              </td>
              <td>
                {isOperator && one.outcome === "waiting" && (
                  <a
                    class="button button-small"
                    href={`${path}/do/approve?run=${run.id}&discrepancy=${one.id}`}
                  >
                    Approve…
                  </a>
                )}
              </td>
            </tr>
          ))}
        </Table>
      )}
      <nav class="pages" aria-label="Pages">
        {!isFirst && <a href={`${path}${TAB}/${run.id}`}>First page</a>}
        {run.next !== null && <a href={`?after=${encodeURIComponent(run.next)}`}>Next page</a>}
      </nav>
    </>
  );
}
