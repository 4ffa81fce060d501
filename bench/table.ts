/** The results as a table for a terminal. Pure. */
import Table from "cli-table3";
import type { Budget } from "./measure.ts";
import type { Found, RowResult } from "./run.ts";
import type { Spread } from "./statistics.ts";

/** How a metric's numbers are read: by how its name ends. */
const units: [RegExp, string][] = [
  [/perSecond$/i, "/s"],
  [/micros$/i, " µs"],
  [/ms$/i, " ms"],
  [/seconds$/i, " s"],
  [/kilobytes$/i, " KB"],
  [/megabytes$/i, " MB"],
  [/bytes$/i, " B"],
];

export const shown = (metric: string, value: number): string =>
  `${short(value)}${units.find(([ends]) => ends.test(metric))?.[1] ?? ""}`;

/** Three digits, or all of a whole number. */
function short(value: number): string {
  if (Math.abs(value) >= 100) return Math.round(value).toLocaleString("en");
  return Number.isInteger(value) ? String(value) : value.toPrecision(Math.abs(value) < 1 ? 2 : 3);
}

export function printTable(results: readonly RowResult[]): string {
  return results.map(printRow).join("\n\n");
}

function printRow({ row, about, figures, rounds, seconds }: RowResult): string {
  const table = new Table({
    head: ["", "measured", "against", "ratio (quartiles)", "budget", ""],
    colAligns: ["left", "right", "left", "left", "left", "left"],
    style: { head: [], border: [], compact: true },
  });
  for (const found of figures) table.push(cells(found));
  const notes = figures.flatMap(({ what, note }) => (note === undefined ? [] : [`  ${what}: ${note}`]));
  const times = rounds === 1 ? "once" : `${rounds} rounds`;
  return [`${row}: ${about} (${times}, ${seconds.toFixed(0)} s)`, table.toString(), ...notes].join("\n");
}

function cells({
  what,
  ours,
  metric,
  value,
  limit,
  against,
  ratio,
  budget,
  met,
  why,
  wrong,
}: Found): string[] {
  const given = budget === undefined ? "" : printBudget(budget, metric);
  const verdict = met === undefined ? "" : met ? "met" : "NOT MET";
  const noted = why === undefined ? "" : `${wrong === undefined ? "skipped" : "WRONG"}: ${why}`;
  if (value === undefined) return [what, "–", against ?? "", "", given, noted];
  return [
    what,
    shown(metric, value.median),
    limit === undefined ? (against ?? "") : `${against ?? ours}, ${shown(metric, limit.median)}`,
    ratio === undefined ? quartiles(value, (each) => shown(metric, each)) : printRatio(ratio),
    given,
    [verdict, noted].filter((text) => text !== "").join("; "),
  ];
}

/** Two digits behind the point, or three digits in all: 0.94, 12.3, 4,210. */
const factor = (value: number) =>
  value >= 100 ? Math.round(value).toLocaleString("en") : value >= 10 ? value.toFixed(1) : value.toFixed(2);

const printRatio = ({ low, median, high }: Spread) =>
  `${factor(median)} × ${low === high ? "" : `(${factor(low)}–${factor(high)})`}`.trim();

const quartiles = ({ low, high }: Spread, print: (value: number) => string) =>
  low === high ? "" : `(${print(low)}–${print(high)})`;

function printBudget({ of, atLeast, atMost }: Budget, metric: string): string {
  const print = (value: number) => (of === "ratio" ? `${value} ×` : shown(metric, value));
  const bounds = [
    ...(atLeast === undefined ? [] : [`≥ ${print(atLeast)}`]),
    ...(atMost === undefined ? [] : [`≤ ${print(atMost)}`]),
  ];
  return bounds.join(", ");
}
