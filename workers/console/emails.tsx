/** E-mails of a sale by state, the dead letters first: each with the platform's word, and a way to have it tried once more. */
import { Hono } from "hono";
import type { StoredEmail } from "../../domain/api.ts";
import { doneOf } from "./actions.tsx";
import { ask, statusOf } from "./ask.ts";
import type { ConsoleContext } from "./context.ts";
import { page, salePath } from "./frame.tsx";
import { Table, Tag } from "./parts.tsx";
import { pageWithoutSale, readSale, SALE } from "./sale.ts";
import { Time } from "./time.tsx";

const PAGE_ROWS = 100;
const states = { dead: "Dead letters", queued: "Queued", sending: "Being sent", sent: "Sent" } as const;
const isState = (text: string): text is keyof typeof states => Object.hasOwn(states, text);

export const emails = new Hono<ConsoleContext>();

emails.get(`${SALE}/emails`, async (c) => {
  const said = c.req.query("state") ?? "";
  const state = isState(said) ? said : "dead";
  const after = c.req.query("after");
  const query = new URLSearchParams({ state, sale: c.req.param("sale"), limit: String(PAGE_ROWS) });
  if (after !== undefined) query.set("after", after);
  const [sale, found] = await Promise.all([
    readSale(c),
    ask<{ emails: StoredEmail[] }>(c, { method: "GET", path: `/api/admin/emails?${query.toString()}` }),
  ]);
  if (!sale.ok) return pageWithoutSale(c, "E-mails", sale);
  const rows = found.ok ? found.value.emails : [];
  const path = salePath(sale.value.id, "/emails");
  const html = page({
    title: "E-mails",
    who: c.var.who,
    sale: sale.value,
    tab: "/emails",
    done: doneOf(c.req.query("done")),
    refused: found.ok ? undefined : found,
    styles: ["console-records.css"],
    children: (
      <>
        <nav class="pages" aria-label="States">
          {Object.entries(states).map(([name, title]) => (
            <a href={`${path}?state=${name}`} aria-current={name === state ? "page" : undefined}>
              {title}
            </a>
          ))}
        </nav>
        <Table
          caption={states[state]}
          heads={["To", "Kind", "State", "Attempts", "The platform's word", "Created", ""]}
          empty={rows.length === 0 ? "None." : undefined}
        >
          {rows.map((row) => (
            <tr>
              <th scope="row">{row.recipient ?? "deleted"}</th>
              <td>{row.kind}</td>
              <td>
                <Tag word={row.state} />
              </td>
              <td class="num">{row.attempts}</td>
              <td>{row.failure ?? "–"}</td>
              <td>
                <Time iso={row.createdAt} />
              </td>
              <td>
                {c.var.who.role === "operator" && row.state === "dead" && row.recipient !== null && (
                  <a
                    class="button button-small"
                    href={`${salePath(sale.value.id, "/do/retry-email")}?email=${row.id}&failure=${encodeURIComponent(row.failure ?? "")}`}
                  >
                    Try again…
                  </a>
                )}
              </td>
            </tr>
          ))}
        </Table>
        {rows.length === PAGE_ROWS && (
          <nav class="pages" aria-label="Pages">
            <a href={`${path}?state=${state}&after=${rows.at(-1)?.id ?? ""}`}>Next page</a>
          </nav>
        )}
      </>
    ),
  });
  return c.html(html, found.ok ? 200 : statusOf(c, found));
});
