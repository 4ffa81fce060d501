/** The options that `npm run scale` and `npm run cost` share: a sale, in the words of its definition. */
import { InvalidArgumentError, Option, type Command } from "commander";
import { of } from "../cost/inputs.ts";
import type { ArrivalProfile } from "./arrivals.ts";

export interface SaleOptions {
  visitors: number;
  stock: number;
  seed: number;
  profile: ArrivalProfile;
  /** From the first who may join to opening. */
  lobbySeconds: number;
  releaseSize: number;
  releaseEverySeconds: number;
  capacity: number;
  passSeconds: number;
  holdSeconds: number;
  /** Means of what people take: to look around before they reserve, and until they have paid. */
  lookSeconds: number;
  paySeconds: number;
  /** Into how many shards joins are spread; 0: each is a call of its own. */
  joinShards: number;
  commandsPerSecond: number;
  paid: boolean;
  /** All look as often as those near their turn: what it would be without the pace of those far back. */
  allLookAlike?: boolean | undefined;
}

export const VISITORS_MAX = 10_000_000;

/** A sale as large ones are run: some minutes to pay, joins in shards where the crowd is large. */
export const usualSale = (visitors: number, stock: number): SaleOptions => ({
  visitors,
  stock,
  seed: 1,
  profile: "burst",
  lobbySeconds: 900,
  releaseSize: Math.min(10_000, Math.max(100, Math.ceil(stock / 20))),
  releaseEverySeconds: 5,
  capacity: Math.min(100_000, Math.max(500, Math.ceil(stock / 2))),
  passSeconds: 300,
  holdSeconds: 600,
  lookSeconds: 30,
  paySeconds: 90,
  joinShards: visitors > 100_000 ? Math.ceil(visitors / 25_000) : 0,
  commandsPerSecond: of("redis.commandsPerSecond"),
  paid: true,
});

type Given = Partial<Omit<SaleOptions, "paid">> & { visitors: number; stock: number; free?: true };

export function withSaleOptions(command: Command): Command {
  return command
    .option("--visitors <number>", "people who come", whole(1, VISITORS_MAX), 1_000_000)
    .option("--stock <number>", "units, one for each", whole(1, 1_000_000), 10_000)
    .option("--free", "nothing has to be paid")
    .option("--all-look-alike", "without a slower pace for those far back: what it saves")
    .addOption(
      new Option(
        "--profile <kind>",
        "how they come: most within seconds of the opening, or as a rehearsal's crowd",
      )
        .choices(["burst", "rehearsal"])
        .default("burst"),
    )
    .option("--lobby-seconds <number>", "from the first who may join to opening (default 900)", whole(1, 900))
    .option(
      "--release-size <number>",
      "people at each release (default: a twentieth of the stock)",
      whole(1, 10_000),
    )
    .option("--release-every-seconds <number>", "(default 5)", whole(1, 60))
    .option("--capacity <number>", "people inside at once (default: half of the stock)", whole(1, 100_000))
    .option("--pass-seconds <number>", "(default 300)", whole(5, 3600))
    .option("--hold-seconds <number>", "(default 600)", whole(5, 3600))
    .option(
      "--look-seconds <number>",
      "people take before they reserve, at the mean (default 30)",
      whole(1, 3600),
    )
    .option("--pay-seconds <number>", "people take to pay, at the mean (default 90)", whole(1, 3600))
    .option(
      "--join-shards <number>",
      "0: a call of Redis for each join (default: one for 25,000 visitors)",
      whole(0, 1000),
    )
    .option(
      "--commands-per-second <number>",
      "that the Redis plan allows (default 10,000)",
      whole(100, 10_000_000),
    )
    .option("--seed <number>", "the same sale again", whole(0, 2 ** 32 - 1), 1);
}

export function saleOf({ free, ...given }: Given): SaleOptions {
  return { ...usualSale(given.visitors, given.stock), ...given, paid: free !== true };
}

function whole(low: number, high: number) {
  return (text: string): number => {
    const value = Number(text);
    if (!/^\d+$/.test(text) || value < low || value > high)
      throw new InvalidArgumentError(`A whole number from ${low} to ${high} is expected.`);
    return value;
  };
}
