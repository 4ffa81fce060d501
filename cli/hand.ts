/** Commands that steer a sale while it runs. */
import { randomUUID } from "node:crypto";
import type { Command } from "commander";
import { Argument } from "commander";
import { z } from "zod";
import { publicSaleSchema } from "../domain/api.ts";
import { modes } from "../domain/mode.ts";
import { skuSchema, STOCK_MAX } from "../domain/sale.ts";
import { time } from "./output.ts";
import { begin, confirmed, examples, pathOf, reasonOption, saleArgument, uuid, whole } from "./program.ts";

const modeAnswer = z.object({ mode: z.enum(modes) });

interface Said {
  reason: string;
  yes?: true;
}

export function defineHand(program: Command): void {
  program
    .command("open")
    .description("open a sale now, before its time")
    .argument(...saleArgument)
    .option(...reasonOption)
    .option("--yes", "do not ask")
    .addHelpText("after", examples('open spring --reason "everybody is here"'))
    .action(async (sale: string, { reason, yes }: Said, command: Command) => {
      const { api, out } = begin(command);
      await confirmed(`Open ${sale} now?`, yes);
      const opened = await api.call(publicSaleSchema, `${pathOf(sale)}/open`, { body: { reason } });
      out.show(opened, () => `${sale} is ${opened.phase}, since ${time(opened.opensAt)} UTC.`);
    });

  program
    .command("close")
    .description("close a sale that is open, now and for good")
    .argument(...saleArgument)
    .option(...reasonOption)
    .option("--yes", "do not ask")
    .addHelpText("after", examples('close spring --reason "enough for today"'))
    .action(async (sale: string, { reason, yes }: Said, command: Command) => {
      const { api, out } = begin(command);
      await confirmed(`Close ${sale} for good?`, yes);
      const closed = await api.call(publicSaleSchema, `${pathOf(sale)}/close`, { body: { reason } });
      out.show(closed, () => `${sale} is ${closed.phase}, since ${time(closed.closesAt)} UTC.`);
    });

  for (const [verb, what] of [
    ["pause", "let nobody in until `resume`: mode hold, which remembers the mode before"],
    ["resume", "go on after a pause, in the mode before"],
  ] as const)
    program
      .command(verb)
      .description(what)
      .argument(...saleArgument)
      .option(...reasonOption)
      .addHelpText("after", examples(`${verb} spring --reason "the till is down"`))
      .action(async (sale: string, { reason }: Said, command: Command) => {
        const { api, out } = begin(command);
        const now = await api.call(modeAnswer, `${pathOf(sale)}/${verb}`, { body: { reason } });
        out.show(now, () => `${sale} is in mode ${now.mode}.`);
      });

  program
    .command("mode")
    .description(
      "set the mode: hold lets nobody in, drain nobody new, reject nobody at all, passthrough everybody",
    )
    .argument(...saleArgument)
    .addArgument(new Argument("<mode>").choices(modes))
    .option(...reasonOption)
    .addHelpText("after", examples("mode spring drain", "mode spring normal"))
    .action(async (sale: string, mode: string, { reason }: Said, command: Command) => {
      const { api, out } = begin(command);
      const now = await api.call(modeAnswer, `${pathOf(sale)}/mode`, { body: { mode, reason } });
      out.show(now, () => `${sale} is in mode ${now.mode}.`);
    });

  program
    .command("release-size")
    .description("how many people come in at each release, at most")
    .argument(...saleArgument)
    .argument("<people>", "1 to 10000", whole(1, 10_000))
    .option(...reasonOption)
    .addHelpText("after", examples("release-size spring 50"))
    .action(async (sale: string, releaseSize: number, { reason }: Said, command: Command) => {
      const { api, out } = begin(command);
      const answer = z.object({ releaseSize: z.number() });
      const body = { releaseSize, reason };
      const now = await api.call(answer, `${pathOf(sale)}/release-size`, { body });
      out.show(now, () => `${now.releaseSize} people come in at each release of ${sale}, from the next on.`);
    });

  program
    .command("top-up")
    .description("add units to an item; with the id of an earlier call, nothing is added twice")
    .argument(...saleArgument)
    .argument("<sku>", "the item")
    .argument("<units>", "how many", whole(1, STOCK_MAX))
    .option(...reasonOption)
    .option("--id <uuid>", "of the top-up, to send it again", uuid)
    .addHelpText("after", examples('top-up spring M 50 --reason "a box was found"'))
    .action(
      async (sale: string, sku: string, units: number, options: Said & { id?: string }, command: Command) => {
        const { api, out } = begin(command);
        const topUpId = options.id ?? randomUUID();
        const body = { topUpId, sku, units, reason: options.reason };
        out.progress(`top-up ${topUpId}`);
        const answer = z.object({ sku: skuSchema, stock: z.number() });
        const now = await api.call(answer, `${pathOf(sale)}/top-up`, { body });
        out.show(
          { topUpId, ...now },
          () => `${sku} of ${sale} has a stock of ${now.stock} (top-up ${topUpId}).`,
        );
      },
    );
}
