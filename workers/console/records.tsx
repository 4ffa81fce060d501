/** Reservations and orders, from Postgres: found by id, number, shopper and state; one of them with all that is known of it. */
import { Hono } from "hono";
import type { StoredReservation } from "../../domain/api.ts";
import { moneyText } from "../../domain/currency.ts";
import type { Sale } from "../../domain/sale.ts";
import { doneOf, leftOf } from "./actions.tsx";
import { refusedHere, type Refused } from "../answer.ts";
import { ask, statusOf } from "./ask.ts";
import type { ConsoleContext, Ctx } from "./context.ts";
import { passFile } from "./file.ts";
import { page, salePath } from "./frame.tsx";
import { Table, Tag } from "./parts.tsx";
import { pageWithoutSale, readSale, SALE } from "./sale.ts";
import { Time } from "./time.tsx";
import { refuse } from "../../domain/refusal.ts";

const PAGE_ROWS = 50;
const states = {
  "": "any state",
  held: "held",
  confirmed: "confirmed (an order)",
  released: "released",
  expired: "expired",
  refunded: "refunded",
};
const searches = ["id", "number", "shopper", "state"] as const;

export const records = new Hono<ConsoleContext>();

records.get(`${SALE}/records`, async (c) => {
  const sale = await readSale(c);
  if (!sale.ok) return pageWithoutSale(c, "Records", sale);
  const wish = (name: string) => (c.req.query(name) ?? "").trim();
  const query = new URLSearchParams({ limit: String(PAGE_ROWS) });
  for (const name of [...searches, "after"]) if (wish(name) !== "") query.set(name, wish(name));
  const found = await list(c, sale.value, query);
  const rows = found.ok ? found.value.reservations : [];
  const html = page({
    title: "Orders and reservations",
    who: c.var.who,
    sale: sale.value,
    tab: "/records",
    done: doneOf(c.req.query("done")),
    refused: found.ok ? undefined : found,
    styles: ["console-records.css"],
    children: (
      <>
        <Search sale={sale.value} wish={wish} />
        <List sale={sale.value} rows={rows} />
        <Pages rows={rows} query={query} isFirst={wish("after") === ""} />
      </>
    ),
  });
  return c.html(html, found.ok ? 200 : statusOf(c, found));
});

records.get(`${SALE}/orders.csv`, (c) =>
  passFile(c, `/api/admin/sales/${c.req.param("sale")}/orders?format=csv`, "/records"),
);

records.get(`${SALE}/records/:id`, async (c) => {
  const sale = await readSale(c);
  if (!sale.ok) return pageWithoutSale(c, "Record", sale);
  const found = await list(c, sale.value, new URLSearchParams({ id: c.req.param("id") }));
  const record = found.ok ? found.value.reservations[0] : undefined;
  const none = refusedHere(
    refuse("not_found", { detail: "Postgres knows no such reservation; the last second may be missing." }),
  );
  const refused: Refused | undefined = found.ok ? (record === undefined ? none : undefined) : found;
  const html = page({
    title: record?.confirmedAt == null ? "Reservation" : "Order",
    who: c.var.who,
    sale: sale.value,
    tab: "/records",
    done: doneOf(c.req.query("done")),
    refused,
    styles: ["console-records.css"],
    children: record !== undefined && <Record c={c} sale={sale.value} record={record} />,
  });
  return c.html(html, refused === undefined ? 200 : statusOf(c, refused));
});

const list = (c: Ctx, { id }: Sale, query: URLSearchParams) =>
  ask<{ reservations: StoredReservation[] }>(c, {
    method: "GET",
    path: `/api/admin/sales/${id}/reservations?${query.toString()}`,
  });

function Search({ sale, wish }: { sale: Sale; wish: (name: string) => string }) {
  return (
    <form class="search" method="get" action={salePath(sale.id, "/records")} role="search">
      <div class="field">
        <label for="id">Reservation or order</label>
        <input id="id" name="id" value={wish("id")} placeholder="its id" />
      </div>
      <div class="field">
        <label for="number">Number in line</label>
        <input id="number" name="number" inputmode="numeric" value={wish("number")} />
      </div>
      <div class="field">
        <label for="shopper">Shopper</label>
        <input id="shopper" name="shopper" value={wish("shopper")} placeholder="their id" />
      </div>
      <div class="field">
        <label for="state">State</label>
        <select id="state" name="state">
          {Object.entries(states).map(([state, name]) => (
            <option value={state} selected={state === wish("state")}>
              {name}
            </option>
          ))}
        </select>
      </div>
      <p class="actions">
        <button class="button button-main">Search</button>
        <a class="button" href={salePath(sale.id, "/orders.csv")} download>
          All orders as CSV
        </a>
      </p>
    </form>
  );
}

const linesText = (lines: StoredReservation["lines"]) =>
  lines.map(({ sku, quantity }) => `${quantity} × ${sku}`).join(", ");

function List({ sale, rows }: { sale: Sale; rows: StoredReservation[] }) {
  return (
    <Table
      caption="Reservations, by id"
      heads={["Reservation", "State", "Number", "Units", "Total", "Payment", "Held"]}
      empty={rows.length === 0 ? "None found." : undefined}
    >
      {rows.map((row) => (
        <tr>
          <th scope="row">
            <a class="mono" href={salePath(sale.id, `/records/${row.id}`)}>
              {row.id}
            </a>
          </th>
          <td>
            <Tag word={row.state} />
          </td>
          <td class="num">{row.number}</td>
          <td>{linesText(row.lines)}</td>
          <td class="num">{moneyText(row.total, sale.currency)}</td>
          <td>
            {row.payments.map(({ state }) => (
              <Tag word={state} />
            ))}
          </td>
          <td>
            <Time iso={row.heldAt} />
          </td>
        </tr>
      ))}
    </Table>
  );
}

interface PagesProps {
  rows: StoredReservation[];
  query: URLSearchParams;
  isFirst: boolean;
}

function Pages({ rows, query, isFirst }: PagesProps) {
  const to = (after: string | undefined) => {
    const other = new URLSearchParams(query);
    other.delete("limit");
    other.delete("after");
    if (after !== undefined) other.set("after", after);
    return `?${other.toString()}`;
  };
  return (
    <nav class="pages" aria-label="Pages">
      {!isFirst && <a href={to(undefined)}>First page</a>}
      {rows.length === PAGE_ROWS && <a href={to(rows.at(-1)?.id)}>Next page</a>}
    </nav>
  );
}

function Record({ c, sale, record }: { c: Ctx; sale: Sale; record: StoredReservation }) {
  const money = (amount: number) => moneyText(amount, sale.currency);
  const left = leftOf(record);
  const names = new Map(sale.items.map(({ sku, name }) => [sku, name]));
  const history: [string, string][] = [
    ["held", record.heldAt],
    ...(record.confirmedAt === null ? [] : [["confirmed: an order", record.confirmedAt] as [string, string]]),
    ...(record.state === "held" || record.changedAt === record.confirmedAt
      ? []
      : [[record.state, record.changedAt] as [string, string]]),
  ];
  return (
    <>
      <section class="card" aria-labelledby="record">
        <h2 id="record">
          {record.confirmedAt === null ? "Reservation" : "Order"} <span class="id">{record.id}</span>
        </h2>
        <dl class="facts">
          <dt>State</dt>
          <dd>
            <Tag word={record.state} />
          </dd>
          <dt>Shopper</dt>
          <dd>
            <a
              class="mono"
              href={`${salePath(sale.id, "/records")}?shopper=${encodeURIComponent(record.shopper)}`}
            >
              {record.shopper}
            </a>
          </dd>
          <dt>Number in line</dt>
          <dd>{record.number}</dd>
          <dt>Total</dt>
          <dd>{money(record.total)}</dd>
          <dt>Hold ends</dt>
          <dd>
            <Time iso={record.expiresAt} />
          </dd>
        </dl>
        {c.var.who.role === "operator" && left > 0 && (
          <p class="actions">
            <a class="button button-danger" href={`${salePath(sale.id, "/do/refund")}?order=${record.id}`}>
              Refund…
            </a>
          </p>
        )}
      </section>
      <Table caption="Lines" heads={["Item", "Quantity", "Price"]}>
        {record.lines.map(({ sku, quantity, price }) => (
          <tr>
            <th scope="row">
              {names.get(sku) ?? sku} <span class="id">{sku}</span>
            </th>
            <td>{quantity}</td>
            <td>{money(price)}</td>
          </tr>
        ))}
      </Table>
      <Table
        caption="Payments"
        heads={["At Stripe", "State", "Amount"]}
        empty={record.payments.length === 0 ? "None." : undefined}
      >
        {record.payments.map(({ intent, state, amount }) => (
          <tr>
            <th scope="row">
              <code>{intent}</code>
            </th>
            <td>
              <Tag word={state} />
            </td>
            <td>{money(amount)}</td>
          </tr>
        ))}
      </Table>
      <Table
        caption="Refunds"
        heads={["Refund", "State", "Amount", "Units", "Reason"]}
        empty={record.refunds.length === 0 ? "None." : undefined}
      >
        {record.refunds.map(({ id, state, amount, returnStock, reason, failure }) => (
          <tr>
            <th scope="row">
              <code>{id}</code>
            </th>
            <td>
              <Tag word={state} /> {failure}
            </td>
            <td>{money(amount)}</td>
            <td>{returnStock ? "go back into the sale" : "stay sold"}</td>
            <td>{reason}</td>
          </tr>
        ))}
      </Table>
      <Table caption="History" heads={["What", "When"]}>
        {history.map(([what, at]) => (
          <tr>
            <th scope="row">{what}</th>
            <td>
              <Time iso={at} />
            </td>
          </tr>
        ))}
      </Table>
    </>
  );
}
