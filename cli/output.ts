/** What a command prints: JSON as the API has it, or tables and sentences for people. */
import Table from "cli-table3";
import { moneyText } from "../domain/currency.ts";

export interface Output {
  readonly json: boolean;
  /** @param human lines for a person; left out when JSON is wanted */
  show: (data: unknown, human: () => string) => void;
  /** What goes on meanwhile: for a person at a terminal only, and never among the data. */
  progress: (line: string) => void;
}

export function createOutput(json: boolean): Output {
  let written = false;
  const clear = () => {
    if (written) process.stderr.write("\r\u001b[2K");
    written = false;
  };
  return {
    json,
    show(data, human) {
      clear();
      process.stdout.write(`${json ? JSON.stringify(data, null, 2) : human()}\n`);
    },
    progress(line) {
      if (!process.stderr.isTTY) return;
      process.stderr.write(`\r\u001b[2K${line.slice(0, (process.stderr.columns || 100) - 1)}`);
      written = true;
    },
  };
}

/** No lines between rows: a screen holds more of them. */
const plain = {
  style: { head: [], border: [] },
  chars: { mid: "", "left-mid": "", "mid-mid": "", "right-mid": "" },
};
export const NOTHING = "–";

type Cell = string | number | null | undefined;
const cell = (value: Cell) => (value === null || value === undefined ? NOTHING : value);

/** Numbers to the right. */
export function table(head: string[], rows: Cell[][], none: string): string {
  if (rows.length === 0) return none;
  const isNumber = (column: number) => rows.every((row) => typeof row[column] === "number");
  const shown = new Table({
    ...plain,
    head,
    colAligns: head.map((_, column) => (isNumber(column) ? "right" : "left")),
  });
  for (const row of rows) shown.push(row.map(cell));
  return shown.toString();
}

export function facts(rows: [string, Cell][]): string {
  const shown = new Table(plain);
  for (const [name, value] of rows) shown.push([name, cell(value)]);
  return shown.toString();
}

/** An instant in UTC, to the second, such as 2026-12-01 10:00:00. */
export const time = (iso: string | null | undefined) =>
  iso === null || iso === undefined ? NOTHING : iso.replace("T", " ").replace(/(\.\d+)?Z$/, "");

export const money = (minor: number, currency: string) => (minor === 0 ? "free" : moneyText(minor, currency));

/** Details of an entry, in one line that fits. */
export function brief(value: unknown, max = 90): string {
  const text = JSON.stringify(value);
  return text.length <= max ? text : `${text.slice(0, max - 1)}…`;
}
