/** `checklist`: whether everything is ready for a sale. Its exit code lets a script wait for it. */
import type { Command } from "commander";
import { checklistSchema, type ChecklistItem } from "../domain/api.ts";
import { begin, examples, pathOf, saleArgument, whole } from "./program.ts";
import { Ended } from "./refused.ts";

const marks = { red: "✗", amber: "!", green: "✓" };
const order = ["red", "amber", "green"] as const;

export function defineChecklist(program: Command): void {
  program
    .command("checklist")
    .description("whether everything is ready for a sale, and what to do where it is not")
    .argument(...saleArgument)
    .option("--people <number>", "expected in line at once", whole(1, 100_000_000))
    .addHelpText("after", examples("checklist spring", "checklist spring --people 1000000 --json"))
    .action(async (sale: string, query: { people?: number }, command: Command) => {
      const { api, out } = begin(command);
      const list = await api.call(checklistSchema, `${pathOf(sale)}/checklist`, { query: { ...query } });
      const sorted = order.flatMap((light) => list.items.filter((item) => item.light === light));
      out.show(list, () => sorted.map(lineOf).join("\n"));
      const red = list.items.filter(({ light }) => light === "red").length;
      if (red > 0) throw new Ended(`${red} of ${list.items.length} are not ready.`);
    });
}

const lineOf = ({ light, title, found, todo }: ChecklistItem) =>
  `${marks[light]} ${title}: ${found}${todo === "" ? "" : `\n    → ${todo}`}`;
