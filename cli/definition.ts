/** Commands that define sales and show them. */
import { readFile } from "node:fs/promises";
import type { Command } from "commander";
import { parse as parseYaml } from "yaml";
import { z } from "zod";
import { overviewSchema, publicSaleSchema, storedSaleSchema } from "../domain/api.ts";
import { saleSchema, type Sale } from "../domain/sale.ts";
import type { Api } from "./api.ts";
import { facts, money, NOTHING, table, time } from "./output.ts";
import { begin, examples, pathOf, reasonOption, saleArgument } from "./program.ts";
import { Ended, EXIT } from "./refused.ts";

export function defineDefinition(program: Command): void {
  program
    .command("create")
    .description("create and publish a sale from a file; the same file again changes nothing")
    .argument("<file>", "JSON or YAML")
    .addHelpText("after", examples("create spring.yaml"))
    .action(async (file: string, _options: object, command: Command) => {
      const { api, out } = begin(command);
      const sale = await api.call(publicSaleSchema, "/sales", { body: await saleIn(file) });
      out.show(
        sale,
        () => `${sale.id} is there. It opens ${time(sale.opensAt)} UTC: ${api.url}/sales/${sale.id}`,
      );
    });

  program
    .command("update")
    .description(
      "define a sale anew from a file, until its line opens; stock, items, identity, lobby, slots stay",
    )
    .argument("<file>", "JSON or YAML; its id says which sale")
    .option(...reasonOption)
    .addHelpText("after", examples('update spring.yaml --reason "the truck is late"'))
    .action(async (file: string, { reason }: { reason: string }, command: Command) => {
      const { api, out } = begin(command);
      const definition = await saleIn(file);
      if (typeof definition.id !== "string") throw new Ended(`${file} names no id.`, EXIT.usage);
      const sale = await api.call(publicSaleSchema, pathOf(definition.id), {
        method: "PUT",
        body: { ...definition, reason },
      });
      out.show(sale, () => `${sale.id} is defined so. It opens ${time(sale.opensAt)} UTC.`);
    });

  program
    .command("list")
    .description("all sales, the latest created first")
    .addHelpText("after", examples("list", "list --json"))
    .action(async (_options: object, command: Command) => {
      const { api, out } = begin(command);
      const all = await api.call(z.object({ sales: z.array(saleSchema) }), "/sales");
      const redis = out.json ? new Map<string, string>() : await redisOf(api);
      out.show(all, () =>
        table(
          ["sale", "name", "opens (UTC)", "closes (UTC)", "items", "stock", "Redis has it"],
          all.sales.map((sale) => [
            sale.id,
            sale.name,
            time(sale.opensAt),
            time(sale.closesAt),
            sale.items.length,
            sale.items.reduce((sum, { stock }) => sum + stock, 0),
            redis.get(sale.id),
          ]),
          "There are no sales yet: `create FILE` makes one.",
        ),
      );
    });

  program
    .command("show")
    .description("a sale's definition and state")
    .argument(...saleArgument)
    .addHelpText("after", examples("show spring", "show spring --json > spring.json"))
    .action(async (id: string, _options: object, command: Command) => {
      const { api, out } = begin(command);
      const stored = await api.call(storedSaleSchema, pathOf(id));
      const { sale, state } = stored;
      out.show(stored, () => `${about(sale, state)}\n${itemsOf(sale)}`);
    });
}

const redisWords = { knows: "yes", missing: "lost: `rebuild`", unavailable: "no answer", gone: NOTHING };

/** Whether Redis knows them, of the 200 sales that open last. */
async function redisOf(api: Api): Promise<Map<string, string>> {
  const { sales } = await api.call(overviewSchema, "/overview");
  return new Map(sales.map(({ id, redis }) => [id, redisWords[redis]]));
}

function about(sale: Sale, state: z.output<typeof storedSaleSchema>["state"]): string {
  return facts([
    ["sale", `${sale.id}: ${sale.name}`],
    ["phase", state.phase],
    ["mode", state.mode],
    ["opens", `${time(sale.opensAt)} UTC`],
    ["closes", `${time(sale.closesAt)} UTC`],
    ["line", `by ${sale.lobby}, for ${sale.identity}`],
    ["release", `${state.releaseSize} every ${sale.releaseEverySeconds} s, ${sale.capacity} inside at most`],
    ["pass, hold", `${sale.passSeconds} s, ${sale.holdSeconds} s`],
    [
      "slots",
      sale.slots &&
        `${sale.slots.count} by ${sale.slots.allocation}, until ${time(sale.slots.claimUntil)} UTC`,
    ],
    ["Redis has it", state.redis],
    ["epoch", state.epoch],
    ["created, settled", `${time(state.createdAt)}, ${time(state.settledAt)} UTC`],
  ]);
}

const itemsOf = ({ items, currency }: Sale) =>
  table(
    ["sku", "name", "stock at first", "price", "each"],
    items.map(({ sku, name, stock, price, limit }) => [sku, name, stock, money(price, currency), limit]),
    "",
  );

/** @throws {Ended} when it is not there, neither JSON nor YAML, or no mapping; what it says the API judges */
export async function saleIn(file: string): Promise<Record<string, unknown>> {
  const text = await readFile(file, "utf8").catch((error: unknown) => {
    throw new Ended(`${file} cannot be read: ${codeOf(error)}.`, EXIT.usage);
  });
  let said: unknown;
  try {
    // JSON is YAML too, so one parser reads both. What cannot be sent, such as an alias of itself, is found here.
    said = JSON.parse(JSON.stringify(parseYaml(text, { logLevel: "error" }) ?? null));
  } catch (error) {
    const [line = ""] = (error instanceof Error ? error.message : String(error)).split("\n");
    throw new Ended(`${file} is neither JSON nor YAML: ${line.replace(/:$/, "")}`, EXIT.usage);
  }
  const mapping = z.record(z.string(), z.unknown()).safeParse(said);
  if (!mapping.success)
    throw new Ended(`${file} is not a sale: a mapping with id, name, … is expected.`, EXIT.usage);
  return mapping.data;
}

export const codeOf = (error: unknown): string =>
  error instanceof Error && "code" in error ? String(error.code) : String(error);
