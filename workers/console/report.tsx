/** What a settled sale came to. */
import { Hono } from "hono";
import type { Settlement } from "../../domain/api.ts";
import { moneyText } from "../../domain/currency.ts";
import { ask, statusOf } from "./ask.ts";
import type { ConsoleContext } from "./context.ts";
import { passFile } from "./file.ts";
import { page, salePath } from "./frame.tsx";
import { Table } from "./parts.tsx";
import { pageWithoutSale, readSale, SALE } from "./sale.ts";
import { Time } from "./time.tsx";

export const report = new Hono<ConsoleContext>();

report.get(`${SALE}/report`, async (c) => {
  const path = `/api/admin/sales/${c.req.param("sale")}/settlement`;
  const [sale, found] = await Promise.all([readSale(c), ask<Settlement>(c, { method: "GET", path })]);
  if (!sale.ok) return pageWithoutSale(c, "Report", sale);
  const isOpen = !found.ok && found.problem.type === "not_found";
  const html = page({
    title: "Report",
    who: c.var.who,
    sale: sale.value,
    tab: "/report",
    refused: found.ok || isOpen ? undefined : found,
    styles: ["console-records.css"],
    children: found.ok ? (
      <Report settlement={found.value} />
    ) : (
      isOpen && (
        <p>
          This sale is not settled yet. A minute after closing, once no reservation is held any more, it is
          reconciled and settled by itself; a discrepancy that waits for approval keeps it open: see{" "}
          <a href={salePath(sale.value.id, "/reconciliation")}>Reconciliation</a>.
        </p>
      )
    ),
  });
  return c.html(html, found.ok || isOpen ? 200 : statusOf(c, found));
});

report.get(`${SALE}/report.csv`, (c) =>
  passFile(c, `/api/admin/sales/${c.req.param("sale")}/settlement?format=csv`, "/report"),
);

function Report({ settlement }: { settlement: Settlement }) {
  const { items, money, timings, currency } = settlement;
  const text = (amount: number) => moneyText(amount, currency);
  const sums: [string, string | number][] = [
    ["Orders", settlement.orders],
    ["Shoppers", settlement.shoppers],
    ["Captured", text(money.captured)],
    ["Refunded", text(money.refunded)],
    ["Kept", text(money.kept)],
  ];
  return (
    <>
      <section class="card" aria-labelledby="sums">
        <h2 id="sums">What it came to</h2>
        <dl class="figures-row">
          {sums.map(([name, value]) => (
            <div>
              <dt>{name}</dt>
              <dd>{typeof value === "number" ? value.toLocaleString("en") : value}</dd>
            </div>
          ))}
        </dl>
        <dl class="facts">
          <dt>Charges, refunds, given up</dt>
          <dd>
            {money.charges}, {money.refunds}, {money.voided}
          </dd>
          <dt>Orders taken back</dt>
          <dd>{settlement.ordersTakenBack}</dd>
          {(
            [
              ["Opened", timings.opensAt],
              ["First order", timings.firstOrderAt],
              ["Last order", timings.lastOrderAt],
              ["Closed", timings.closesAt],
              ["Settled", timings.settledAt],
            ] as const
          ).map(([name, at]) => (
            <>
              <dt>{name}</dt>
              <dd>{at === null ? "–" : <Time iso={at} />}</dd>
            </>
          ))}
        </dl>
        <p class="actions">
          <a class="button" href={salePath(settlement.sale, "/report.csv")} download>
            The report as CSV
          </a>
        </p>
      </section>
      <Table caption="Items" heads={["Item", "Stock", "Topped up", "Sold", "Unsold"]}>
        {items.map(({ sku, stock, toppedUp, sold, unsold }) => (
          <tr>
            <th scope="row">{sku}</th>
            {[stock, toppedUp, sold, unsold].map((units) => (
              <td>{units.toLocaleString("en")}</td>
            ))}
          </tr>
        ))}
      </Table>
      <Table caption="Reservations by what became of them" heads={["State", "Count"]}>
        {Object.entries(settlement.reservations).map(([state, count]) => (
          <tr>
            <th scope="row">{state}</th>
            <td>{count.toLocaleString("en")}</td>
          </tr>
        ))}
      </Table>
      <Table
        caption="Discrepancies"
        heads={["What", "Outcome", "Count"]}
        empty={settlement.discrepancies.length === 0 ? "None." : undefined}
      >
        {settlement.discrepancies.map(({ kind, outcome, count }) => (
          <tr>
            <th scope="row">{kind}</th>
            <td>{outcome ?? "–"}</td>
            <td>{count}</td>
          </tr>
        ))}
      </Table>
    </>
  );
}
