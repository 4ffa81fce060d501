/** `npm run cost`: what a sale costs, from measured counts and price lists (inputs.ts) and a simulated sale. */
import { Command, CommanderError, InvalidArgumentError } from "commander";
import { saleOf, withSaleOptions } from "../scale/options.ts";
import { simulate } from "../scale/simulate.ts";
import { billOf, usualBill, type BillOptions } from "./bill.ts";
import { inputs } from "./inputs.ts";
import { printBill, printInputs } from "./table.ts";

process.exitCode = main(process.argv.slice(2));

function main(args: string[]): number {
  try {
    const { json, ...given } = parse(args);
    const sale = saleOf(given);
    const found = simulate(sale);
    const bill = billOf(sale, found, given);
    process.stdout.write(
      json
        ? `${JSON.stringify({ sale, found, bill, inputs }, null, 2)}\n`
        : `${printBill(sale, bill)}\n\nFrom bench/cost/inputs.ts:\n${printInputs(bill)}\n`,
    );
    return 0;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    throw error;
  }
}

function parse(args: string[]) {
  const command = withSaleOptions(
    new Command("npm run cost --").description(
      "What a sale costs on the platforms' price lists, part by part.",
    ),
  )
    .option(
      "--registered <number>",
      "of the visitors: who register an address before",
      amount,
      usualBill.registered,
    )
    .option("--hours <number>", "for which Postgres is sized for the sale", amount, usualBill.hours)
    .option("--fixed-redis", "a Redis plan without a charge for commands", false)
    .option(
      "--payment-percent <number>",
      "what the payment provider takes of the money",
      amount,
      usualBill.paymentPercent,
    )
    .option("--order-value <dollars>", "for that", amount, usualBill.orderValue)
    .option("--json", "everything as JSON, the inputs too", false)
    .allowExcessArguments(false)
    .exitOverride()
    .addHelpText(
      "after",
      `
Examples:
  npm run cost
  npm run cost -- --visitors 1000000 --stock 10000 --registered 200000
  npm run cost -- --visitors 100000 --stock 1000 --join-shards 0
  npm run cost -- --visitors 1000000 --fixed-redis --payment-percent 2.9 --order-value 80
  npm run --silent cost -- --visitors 10000000 --stock 50000 --json > cost.json

Each line is a quantity of a simulated sale times a price; the inputs with their sources follow the table.
Exit code: 0 done · 2 not understood.`,
    );
  command.parse(args, { from: "user" });
  return command.opts<Parameters<typeof saleOf>[0] & BillOptions & { json: boolean }>();
}

function amount(text: string): number {
  const value = Number(text);
  if (!/^\d+(\.\d+)?$/.test(text)) throw new InvalidArgumentError("A number is expected.");
  return value;
}
