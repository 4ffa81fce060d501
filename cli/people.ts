/** Commands about registrations. */
import { readFile } from "node:fs/promises";
import type { Command } from "commander";
import { importedSchema, registrationNumbersSchema } from "../domain/api.ts";
import { codeOf } from "./definition.ts";
import { facts, table, time } from "./output.ts";
import { begin, examples, pathOf, saleArgument } from "./program.ts";
import { Ended, EXIT } from "./refused.ts";

export function definePeople(program: Command): void {
  program
    .command("registrations")
    .description("registrations by state, and how far their e-mails are")
    .argument(...saleArgument)
    .addHelpText("after", examples("registrations spring", "export registrations spring list.csv"))
    .action(async (sale: string, _options: object, command: Command) => {
      const { api, out } = begin(command);
      const numbers = await api.call(registrationNumbersSchema, `${pathOf(sale)}/registrations`);
      const { slots, emails } = numbers;
      out.show(numbers, () =>
        facts([
          ["asked, not confirmed", numbers.asked],
          ["confirmed, waiting", numbers.waiting],
          ["with a slot", numbers.slot],
          ["taken back", numbers.left],
          [
            "slots",
            `${slots.given} given of ${slots.count}, ${slots.decided ? "decided" : `to be decided ${time(slots.decidesAt)} UTC`}`,
          ],
          [
            "e-mails",
            `queued ${emails.queued}, sending ${emails.sending}, sent ${emails.sent}, dead ${emails.dead}`,
          ],
          ["last e-mail out", `${time(emails.lastAt)} UTC`],
        ]),
      );
    });

  program
    .command("invite")
    .description("put a CSV's addresses on the list, confirmed; again, it changes nothing")
    .argument(...saleArgument)
    .argument("<file>", "CSV with a column `email`, 1 MB at most")
    .addHelpText("after", examples("invite spring friends.csv"))
    .action(async (sale: string, file: string, _options: object, command: Command) => {
      const { api, out } = begin(command);
      const csv = await readFile(file, "utf8").catch((error: unknown) => {
        throw new Ended(`${file} cannot be read: ${codeOf(error)}.`, EXIT.usage);
      });
      const done = await api.call(importedSchema, `${pathOf(sale)}/invites`, { csv });
      out.show(done, () => {
        const rows = done.errors.map(({ row, detail }) => [row, detail]);
        const wrong = rows.length === 0 ? "" : `\n${table(["row", "left out because"], rows, "")}`;
        return `${done.imported} invited, ${done.known} were on the list, ${rows.length} left out.${wrong}`;
      });
    });
}
