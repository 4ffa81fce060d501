/** What was done, by whom and why: of all sales or of one, the latest first, in pages. */
import { Hono } from "hono";
import type { AuditEntry, StoredSale } from "../../domain/api.ts";
import { ask, statusOf } from "./ask.ts";
import type { ConsoleContext, Ctx } from "./context.ts";
import { page, salePath, type Frame } from "./frame.tsx";
import { Time } from "./time.tsx";

export const audit = new Hono<ConsoleContext>();

const PAGE_ENTRIES = 50;
const SALE = "[a-z0-9-]{1,64}";

audit.get("/audit", async (c) => {
  const sale = c.req.query("sale") ?? "";
  return await show(
    c,
    { title: "Audit log", who: c.var.who, area: "/admin/audit" },
    sale,
    "/admin/audit",
    true,
  );
});

audit.get(`/sales/:sale{${SALE}}/audit`, async (c) => {
  const id = c.req.param("sale");
  const stored = await ask<StoredSale>(c, { method: "GET", path: `/api/admin/sales/${id}` });
  const name = stored.ok ? stored.value.sale.name : id;
  const frame = { title: "Audit log", who: c.var.who, sale: { id, name }, tab: "/audit" } as const;
  return await show(c, frame, id, salePath(id, "/audit"), false);
});

async function show(
  c: Ctx,
  frame: Omit<Frame, "children">,
  sale: string,
  path: string,
  hasFilter: boolean,
): Promise<Response> {
  const before = c.req.query("before");
  const query = new URLSearchParams({
    limit: String(PAGE_ENTRIES),
    ...(sale === "" ? {} : { sale }),
    ...(before === undefined ? {} : { before }),
  });
  const answer = await ask<{ entries: AuditEntry[] }>(c, {
    method: "GET",
    path: `/api/admin/audit-log?${query.toString()}`,
  });
  const filter = hasFilter && <Filter sale={sale} />;
  if (!answer.ok) {
    const refused = page({ ...frame, refused: answer, children: filter });
    return c.html(refused, statusOf(c, answer));
  }
  const { entries } = answer.value;
  const last = entries.at(-1)?.id;
  const further = new URLSearchParams({
    ...(hasFilter && sale !== "" ? { sale } : {}),
    before: String(last),
  });
  const older = `${path}?${further.toString()}`;
  const html = page({
    ...frame,
    children: (
      <>
        {frame.sale === undefined && <h1>Audit log</h1>}
        {filter}
        {entries.length === 0 ? (
          <p>There is nothing in it.</p>
        ) : (
          <Entries entries={entries} showsSale={hasFilter} />
        )}
        <p class="actions">
          {before !== undefined && (
            <a class="button" href={hasFilter && sale !== "" ? `${path}?sale=${sale}` : path}>
              Latest
            </a>
          )}
          {entries.length === PAGE_ENTRIES && (
            <a class="button" href={older}>
              Older
            </a>
          )}
        </p>
      </>
    ),
  });
  return c.html(html);
}

function Filter({ sale }: { sale: string }) {
  return (
    <form class="filter" method="get" action="/admin/audit">
      <label for="sale">Sale</label>
      <input id="sale" name="sale" value={sale} placeholder="id, or empty for all" autocomplete="off" />
      <button class="button">Show</button>
    </form>
  );
}

function Entries({ entries, showsSale }: { entries: AuditEntry[]; showsSale: boolean }) {
  return (
    <div class="scroll" tabindex={0} role="region" aria-label="Audit log">
      <table>
        <thead>
          <tr>
            <th scope="col">At</th>
            {showsSale && <th scope="col">Sale</th>}
            <th scope="col">Action</th>
            <th scope="col">By</th>
            <th scope="col">Reason</th>
            <th scope="col">Detail</th>
          </tr>
        </thead>
        <tbody>
          {entries.map(({ at, sale, action, by, detail: { reason, ...detail } }) => (
            <tr>
              <td>
                <Time iso={at} />
              </td>
              {showsSale && (
                <td>
                  <a href={salePath(sale, "/audit")}>{sale}</a>
                </td>
              )}
              <td>
                <b>{action}</b>
              </td>
              <td>{by}</td>
              <td>{typeof reason === "string" ? reason : ""}</td>
              <td>
                <Detail detail={detail} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

const BRIEF_CHARS = 90;

function Detail({ detail }: { detail: Record<string, unknown> }) {
  const text = JSON.stringify(detail);
  if (text === "{}") return null;
  if (text.length <= BRIEF_CHARS) return <code>{text}</code>;
  return (
    <details>
      <summary>
        <code>{`${text.slice(0, BRIEF_CHARS - 1)}…`}</code>
      </summary>
      <pre>{JSON.stringify(detail, null, 2)}</pre>
    </details>
  );
}
