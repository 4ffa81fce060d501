/** Commands that look up what happened: orders, reservations, the audit log; refunds, and files of it all. */
import { randomUUID } from "node:crypto";
import { createWriteStream } from "node:fs";
import { rename, rm } from "node:fs/promises";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { Argument, Option, type Command } from "commander";
import { z } from "zod";
import {
  auditEntrySchema,
  storedOrderSchema,
  storedReservationSchema,
  storedSaleSchema,
} from "../domain/api.ts";
import type { Api } from "./api.ts";
import { codeOf } from "./definition.ts";
import { brief, money, table, time, type Output } from "./output.ts";
import { begin, confirmed, examples, pathOf, reasonOption, saleArgument, uuid, whole } from "./program.ts";
import { Ended } from "./refused.ts";

const limitOption = ["--limit <rows>", "rows at most (1000)", whole(1, 1000), 100] as const;
const afterOption = ["--after <id>", "the last id of the page before", uuid] as const;

/** Of a sale; the API's JSON has no need of it. */
async function currencyOf(api: Api, out: Output, sale: string): Promise<string> {
  if (out.json) return "";
  return (await api.call(storedSaleSchema, pathOf(sale))).sale.currency;
}

/** A full page may have a next one. */
const more = (rows: { id: string | number }[], limit: number, option: string) =>
  rows.length < limit ? "" : `\nThere may be more: ${option} ${rows.at(-1)?.id ?? ""}`;

/** @throws {Ended} that it broke off */
async function* untilBroken(body: ReadableStream<Uint8Array>, what: string): AsyncGenerator<Uint8Array> {
  try {
    yield* body;
  } catch (error) {
    throw new Ended(`${what} broke off: ${codeOf(error)}. Try again.`);
  }
}

export function defineRecords(program: Command): void {
  program
    .command("orders")
    .description("orders as Postgres knows them, by id")
    .argument(...saleArgument)
    .option(...limitOption)
    .option(...afterOption)
    .addHelpText("after", examples("orders spring", "orders spring --limit 1000 --json"))
    .action(async (sale: string, query: { limit: number; after?: string }, command: Command) => {
      const { api, out } = begin(command);
      const answer = z.object({ orders: z.array(storedOrderSchema) });
      const page = await api.call(answer, `${pathOf(sale)}/orders`, { query: { ...query } });
      const currency = await currencyOf(api, out, sale);
      out.show(page, () => {
        const rows = page.orders.map((order) => [
          order.id,
          order.number,
          order.units,
          money(order.total, currency),
          time(order.confirmedAt),
        ]);
        const head = ["order", "number in line", "units", "total", "confirmed (UTC)"];
        return table(head, rows, "There are no orders.") + more(page.orders, query.limit, "--after");
      });
    });

  program
    .command("reservations")
    .description("reservations as Postgres knows them, by id")
    .argument(...saleArgument)
    .option("--id <uuid>", "this one only", uuid)
    .option("--shopper <id>", "of this shopper only")
    .addOption(
      new Option("--state <state>", "in this state only").choices(
        storedReservationSchema.shape.state.options,
      ),
    )
    .option(...limitOption)
    .option(...afterOption)
    .addHelpText("after", examples("reservations spring --state held", "reservations spring --id 0190…"))
    .action(
      async (
        sale: string,
        query: { limit: number; after?: string; id?: string; shopper?: string; state?: string },
        command: Command,
      ) => {
        const { api, out } = begin(command);
        const answer = z.object({ reservations: z.array(storedReservationSchema) });
        const page = await api.call(answer, `${pathOf(sale)}/reservations`, { query: { ...query } });
        const currency = await currencyOf(api, out, sale);
        out.show(page, () => {
          const rows = page.reservations.map((one) => [
            one.id,
            one.state,
            one.lines.map(({ sku, quantity }) => `${quantity} ${sku}`).join(", "),
            money(one.total, currency),
            one.payments.map(({ state, intent }) => `${state} ${intent}`).join(", "),
            time(one.changedAt),
            one.shopper,
          ]);
          const head = ["reservation", "state", "units", "total", "payment", "changed (UTC)", "shopper"];
          return table(head, rows, "There are none.") + more(page.reservations, query.limit, "--after");
        });
      },
    );

  program
    .command("refund")
    .description("give an order's money back, all of it or a part")
    .argument(...saleArgument)
    .argument("<order>", "id of the order", uuid)
    .option("--amount <minor>", "minor units; all that is left when not said", whole(1, 1_000_000_000_000))
    .option("--return-stock", "its units go back into the sale; only with the whole amount")
    .option("--id <uuid>", "of the refund, to send it again", uuid)
    .option(...reasonOption)
    .option("--yes", "do not ask")
    .addHelpText(
      "after",
      examples('refund spring 0190… --reason "arrived broken"', "refund spring 0190… --amount 1500"),
    )
    .action(
      async (
        sale: string,
        order: string,
        options: { amount?: number; returnStock?: true; id?: string; reason: string; yes?: true },
        command: Command,
      ) => {
        const { api, out } = begin(command);
        const { amount, returnStock = false, reason, id: refundId = randomUUID() } = options;
        await confirmed(`Refund ${amount ?? "all that is left"} of ${order}?`, options.yes);
        const asked = await api.call(
          z.object({ refundId: z.string(), state: z.string() }),
          `${pathOf(sale)}/orders/${order}/refunds`,
          { body: { refundId, returnStock, reason, ...(amount === undefined ? {} : { amount }) } },
        );
        out.show(asked, () => `Refund ${refundId} is ${asked.state}; Stripe is told within a minute.`);
      },
    );

  program
    .command("audit")
    .description("what operators did, the latest first")
    .argument("[sale]", "of this sale only")
    .option(...limitOption)
    .option("--before <id>", "the last id of the page before", whole(1, Number.MAX_SAFE_INTEGER))
    .addHelpText("after", examples("audit", "audit spring --limit 20"))
    .action(async (sale: string | undefined, query: { limit: number; before?: number }, command: Command) => {
      const { api, out } = begin(command);
      const answer = z.object({ entries: z.array(auditEntrySchema) });
      const page = await api.call(answer, "/audit-log", { query: { ...query, sale } });
      out.show(page, () => {
        const rows = page.entries.map(({ at, sale: of, action, by, detail }) => [
          time(at),
          of,
          action,
          by,
          typeof detail["reason"] === "string" ? detail["reason"] : "",
          brief(Object.fromEntries(Object.entries(detail).filter(([name]) => name !== "reason")), 70),
        ]);
        const head = ["at (UTC)", "sale", "action", "by", "reason", "detail"];
        return table(head, rows, "There is nothing in it.") + more(page.entries, query.limit, "--before");
      });
    });

  program
    .command("export")
    .description("all orders or registrations of a sale as a CSV file")
    .addArgument(new Argument("<what>").choices(["orders", "registrations"]))
    .argument(...saleArgument)
    .argument("<file>", "where to; - for standard output")
    .addHelpText("after", examples("export orders spring orders.csv", "export registrations spring -"))
    .action(
      async (what: "orders" | "registrations", sale: string, file: string, _: object, command: Command) => {
        const { api, out } = begin(command);
        const path = what === "orders" ? "orders?format=csv" : "registrations.csv";
        const { body } = await api.send(`${pathOf(sale)}/${path}`);
        if (body === null) throw new Ended(`${api.url} sent nothing.`);
        const chunks = untilBroken(body, `The ${what} of ${sale}`);
        if (file === "-") {
          for await (const chunk of chunks) process.stdout.write(chunk);
          return;
        }
        // Whole or not at all: what broke off must not look like all there is.
        const part = `${file}.part`;
        try {
          await pipeline(Readable.from(chunks), createWriteStream(part));
          await rename(part, file);
        } catch (error) {
          await rm(part, { force: true });
          if (error instanceof Ended) throw error;
          throw new Ended(`${file} cannot be written: ${codeOf(error)}.`);
        }
        out.show({ file }, () => `The ${what} of ${sale} are in ${file}.`);
      },
    );
}
