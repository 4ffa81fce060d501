/** What a sale came to: the report that settlement keeps, and the forms in which an operator reads it. Pure but for reading. */
import { z } from "zod";
import { moneyText } from "../../domain/currency.ts";
import { settlementSchema, type Settlement } from "../../domain/api.ts";
import { refuse, type Refusal } from "../../domain/refusal.ts";
import type { Services } from "../services.ts";

const reportRow = z.object({ report: settlementSchema });

export async function readSettlement(
  services: Services,
  saleId: string,
): Promise<Settlement | Refusal<"not_found">> {
  const [row] = await services.postgres(reportRow, "select report from settlements where sale_id = $1", [
    saleId,
  ]);
  return row?.report ?? refuse("not_found", { detail: "This sale is not settled." });
}

/** Section, name, value: one fact a line. */
export function factsOf(report: Settlement): [section: string, name: string, value: string][] {
  const money = (amount: number) => moneyText(amount, report.currency);
  const { money: sums, timings } = report;
  return [
    ["sale", "id", report.sale],
    ["sale", "name", report.name],
    ...report.items.flatMap(({ sku, ...units }): [string, string, string][] =>
      Object.entries(units).map(([name, value]) => [`item ${sku}`, name, String(value)]),
    ),
    ["orders", "orders", String(report.orders)],
    ["orders", "taken back", String(report.ordersTakenBack)],
    ["orders", "shoppers", String(report.shoppers)],
    ...Object.entries(report.reservations).map(([state, count]): [string, string, string] => [
      "reservations",
      state,
      String(count),
    ]),
    ["money", "captured", money(sums.captured)],
    ["money", "refunded", money(sums.refunded)],
    ["money", "kept", money(sums.kept)],
    ["money", "charges", String(sums.charges)],
    ["money", "refunds", String(sums.refunds)],
    ["money", "given up uncharged", String(sums.voided)],
    ...report.discrepancies.map(({ kind, outcome, count }): [string, string, string] => [
      "discrepancies",
      `${kind} ${outcome ?? ""}`.trim(),
      String(count),
    ]),
    ...Object.entries(timings).map(([name, at]): [string, string, string] => ["timings", name, at ?? ""]),
  ];
}

/** RFC 4180. A cell that a spreadsheet would take for a formula is text. */
export function reportCsv(report: Settlement): string {
  const cell = (text: string) => `"${text.replace(/^[=+\-@\t\r]/, "'$&").replaceAll('"', '""')}"`;
  const rows = [["section", "name", "value"], ...factsOf(report)];
  return rows.map((row) => `${row.map(cell).join()}\r\n`).join("");
}

export function reportPage(report: Settlement): string {
  const escaped = (text: string) => text.replace(/[&<>"]/g, (sign) => `&#${sign.charCodeAt(0)};`);
  const rows = factsOf(report).map(
    (row) => `<tr>${row.map((text) => `<td>${escaped(text)}</td>`).join("")}</tr>`,
  );
  const title = `Settlement: ${escaped(report.name)}`;
  return [
    `<!doctype html><html lang="en"><meta charset="utf-8"><title>${title}</title>`,
    `<link rel="stylesheet" href="/assets/shop.css"><main><h1>${title}</h1>`,
    `<table><thead><tr><th>Section</th><th>Name</th><th>Value</th></tr></thead><tbody>`,
    ...rows,
    `</tbody></table></main></html>`,
  ].join("\n");
}
