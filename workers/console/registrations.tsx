/** Who registered for a sale: numbers, the whole list as CSV, and addresses put on it. */
import { Hono } from "hono";
import type { Imported, RegistrationNumbers } from "../../domain/api.ts";
import { refuse } from "../../domain/refusal.ts";
import type { Sale } from "../../domain/sale.ts";
import { refusedHere, type Answer, type Refused } from "../answer.ts";
import { ask, formOf, statusOf } from "./ask.ts";
import { Field } from "./confirm.tsx";
import type { ConsoleContext, Ctx } from "./context.ts";
import { passFile } from "./file.ts";
import { page, salePath } from "./frame.tsx";
import { Table } from "./parts.tsx";
import { fieldId } from "./refusal.tsx";
import { pageWithoutSale, readSale, SALE } from "./sale.ts";
import { Time } from "./time.tsx";

const TAB = "/registrations";

export const registrations = new Hono<ConsoleContext>();

registrations.get(SALE + TAB, (c) => show(c, {}));

registrations.get(`${SALE}/registrations.csv`, (c) =>
  passFile(c, `/api/admin/sales/${c.req.param("sale")}/registrations.csv`, TAB),
);

/** Whoever is on the list already is known: sending it twice puts nobody on it twice. */
registrations.post(`${SALE}/invites`, async (c) => {
  // Of one kind: the reader of CSV goes by the first line end it sees.
  const list = (await formOf(c))("list").trim().replaceAll(/\r?\n/g, "\r\n");
  if (list === "") {
    const errors = [{ pointer: "/list", detail: "is empty" }];
    return await show(c, { refused: refusedHere(refuse("invalid_input", { errors })) });
  }
  // A list of addresses alone is a list too.
  const csv = /^[^\n]*\bemail\b/i.test(list) ? list : `email\r\n${list}`;
  const path = `/api/admin/sales/${c.req.param("sale")}/invites`;
  const imported = await ask<Imported>(c, { method: "POST", path, body: csv, type: "text/csv" });
  return await show(c, imported.ok ? { imported: imported.value } : { refused: imported, list });
});

interface Shown {
  imported?: Imported;
  refused?: Refused;
  /** As it was typed. */
  list?: string;
}

async function show(c: Ctx, { imported, refused, list = "" }: Shown): Promise<Response> {
  const [sale, numbers] = await Promise.all([
    readSale(c),
    ask<RegistrationNumbers>(c, {
      method: "GET",
      path: `/api/admin/sales/${c.req.param("sale") ?? ""}/registrations`,
    }),
  ]);
  if (!sale.ok) return pageWithoutSale(c, "Registrations", sale);
  const wrong = refused ?? (numbers.ok ? undefined : numbers);
  const html = page({
    title: "Registrations",
    who: c.var.who,
    sale: sale.value,
    tab: TAB,
    refused: wrong,
    styles: ["console-records.css"],
    done:
      imported === undefined
        ? undefined
        : `${imported.imported} put on the list, ${imported.known} were on it already, ${imported.errors.length} are no good.`,
    children: (
      <>
        <Numbers sale={sale.value} numbers={numbers} />
        {imported !== undefined && imported.errors.length > 0 && (
          <Table caption="Rows that are no good" heads={["Row", "What is wrong"]}>
            {imported.errors.map(({ row, detail }) => (
              <tr>
                <th scope="row">{row}</th>
                <td>{detail}</td>
              </tr>
            ))}
          </Table>
        )}
        {c.var.who.role === "operator" && <Invite sale={sale.value} list={list} refused={refused} />}
      </>
    ),
  });
  return c.html(html, wrong === undefined ? 200 : statusOf(c, wrong));
}

function Numbers({ sale, numbers }: { sale: Sale; numbers: Answer<RegistrationNumbers> }) {
  if (!numbers.ok) return <></>;
  const { asked, waiting, slot, left, slots, emails } = numbers.value;
  const facts: [string, number][] = [
    ["Sent a link", asked],
    ["Confirmed, without a slot", waiting],
    ["With a slot", slot],
    ["Took it back", left],
  ];
  return (
    <section class="card" aria-labelledby="numbers">
      <h2 id="numbers">Registrations</h2>
      <dl class="figures-row">
        {facts.map(([name, count]) => (
          <div>
            <dt>{name}</dt>
            <dd>{count.toLocaleString("en")}</dd>
          </div>
        ))}
      </dl>
      <dl class="facts">
        <dt>Slots</dt>
        <dd>
          {slots.count === 0
            ? "none"
            : `${slots.given} of ${slots.count} given, ${slots.decided ? "which is final" : "not final yet"}`}
        </dd>
        {slots.count > 0 && !slots.decided && (
          <>
            <dt>Decided</dt>
            <dd>
              <Time iso={slots.decidesAt} />
            </dd>
          </>
        )}
        <dt>E-mails</dt>
        <dd>
          {emails.sent} sent, {emails.queued + emails.sending} on their way,{" "}
          <a href={salePath(sale.id, "/emails")}>{emails.dead} dead letters</a>
        </dd>
        {emails.lastAt !== null && (
          <>
            <dt>Last one out</dt>
            <dd>
              <Time iso={emails.lastAt} />
            </dd>
          </>
        )}
      </dl>
      <p class="actions">
        <a class="button" href={salePath(sale.id, "/registrations.csv")} download>
          The list as CSV
        </a>
      </p>
    </section>
  );
}

function Invite({ sale, list, refused }: { sale: Sale; list: string; refused: Refused | undefined }) {
  return (
    <form class="card" method="post" action={salePath(sale.id, "/invites")}>
      <h2>Invite</h2>
      <Field
        label="Addresses"
        pointer="/list"
        hint="One a line, or CSV with a column `email`; up to some thousand. They are confirmed at once. Longer lists: npm run sale -- invite."
        refused={refused}
      >
        <textarea name="list" id={fieldId("/list")} rows={6} spellcheck={false}>
          {list}
        </textarea>
      </Field>
      <p class="actions">
        <button class="button button-main">Put them on the list</button>
      </p>
    </form>
  );
}
