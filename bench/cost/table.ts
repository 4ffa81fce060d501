/** A bill for people, in Markdown: the terminal and OPERATIONS.md show the same lines. */
import type { SaleOptions } from "../scale/options.ts";
import type { Bill } from "./bill.ts";
import { inputs, type InputName } from "./inputs.ts";

export function printBill({ visitors, stock }: SaleOptions, bill: Bill): string {
  const rows = bill.lines.map(
    ({ part, what, quantity, unit, dollars }) =>
      `| ${part} | ${what} | ${rounded(quantity)} ${unit} | ${money(dollars)} |`,
  );
  return [
    "| part | what | how much | $ |",
    "|---|---|---:|---:|",
    ...rows,
    `| **all** | ${count(visitors)} visitors, ${count(stock)} units | ${cents(bill.perVisitorDollars)} a visitor, ${cents(bill.perOrderDollars)} an order | **${money(bill.totalDollars)}** |`,
  ].join("\n");
}

/** The inputs of the lines, each once: what it is, where it is from. */
export function printInputs({ lines }: Bill): string {
  const names = [...new Set(lines.flatMap(({ from }) => from))].sort();
  return names.map((name) => `${name}: ${inputText(name)}`).join("\n");
}

export function inputText(name: InputName): string {
  const { value, unit, from, ...figure } = inputs[name];
  return `${rounded(value)} ${unit} (${from})${"assumed" in figure ? " – assumed" : ""}`;
}

const count = (value: number) => value.toLocaleString("en");
const rounded = (value: number) =>
  value >= 100 ? Math.round(value).toLocaleString("en") : String(Number(value.toPrecision(3)));
const money = (dollars: number) => dollars.toFixed(2);
const cents = (dollars: number) => `${Number((dollars * 100).toPrecision(3))} ¢`;
