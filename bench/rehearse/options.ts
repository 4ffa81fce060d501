/** The command line of the rehearsal: what it takes, checked, with messages a person can act on. */
import { Command, InvalidArgumentError, Option } from "commander";
import { thinnedLobbySeconds, usualShares } from "./crowd.ts";
import { usualTrouble } from "./payment-page.ts";
import { NEEDS_MAILBOX } from "./run.ts";
import { OPENS_IN_SECONDS } from "./sale.ts";

export interface CliOptions {
  shoppers: number;
  stock: number;
  price: number;
  /** Of the shoppers. */
  registered: number;
  slots?: number;
  allocation?: "first_come" | "draw";
  sale?: string;
  url?: string;
  adminToken?: string;
  seed: number;
  openIn?: number;
  timeout: number;
  /** Of those who have to pay, and of webhooks; in 0…1. */
  slowPayers: number;
  declined: number;
  abandonsPaying: number;
  closesTab: number;
  webhooksDuplicated: number;
  webhooksLost: number;
  expectFaults: boolean;
  json: boolean;
}

type Given = Omit<CliOptions, "seed" | "timeout"> & { seed?: number; timeout?: number };

/** A line opens a quarter of an hour before its sale, and so many can come in that time. */
const SHOPPERS_MAX = 150_000;
/** Of a crowd that comes at once; one that comes thinned has three times as long as that takes besides, for slow machines. */
const TIMEOUT_SECONDS = 300;
const STOCK_MAX = 1_000_000;
const PRICE_MAX = 1_000_000_000;

/** @throws CommanderError for help and for anything that is not as it must be; it has been said already */
export function parseOptions(args: readonly string[], newSeed: () => number): CliOptions {
  const command = new Command("npm run rehearse --")
    .description(
      "Sends a crowd of simulated shoppers through a real sale over HTTP, then proves from what they were " +
        "answered and from the books that exactly the stock was sold, to those whose turn it was.",
    )
    .option("--shoppers <number>", "how many come", whole(1, SHOPPERS_MAX), 500)
    .addOption(
      new Option("--stock <number>", "units of the built-in sale")
        .argParser(whole(0, STOCK_MAX))
        .default(50)
        .conflicts("sale"),
    )
    .addOption(
      new Option("--price <minor>", "price of the built-in sale's units, in cents; 0 is free")
        .argParser(whole(0, PRICE_MAX))
        .default(0)
        .conflicts("sale"),
    )
    .option(
      "--registered <number>",
      "of the shoppers: how many register by e-mail before it opens (needs the local stack's mailbox)",
      whole(0, SHOPPERS_MAX),
      0,
    )
    .option(
      "--slots <number>",
      "units set aside for them (default: what the file says, or half of the stock, but no more than register)",
      whole(1, STOCK_MAX),
    )
    .addOption(
      new Option(
        "--allocation <way>",
        "who of them has a slot (default: what the file says, or first_come)",
      ).choices(["first_come", "draw"]),
    )
    .option("--sale <file>", "a sale as JSON or YAML; its times are moved to now")
    .option("--url <url>", "a system that is already running; without it, a local one is started", address)
    .addOption(
      new Option("--admin-token <token>", "the operator's token, needed with --url").env("ADMIN_TOKEN"),
    )
    .option("--seed <number>", "the same crowd again (printed by every run)", whole(0, 2 ** 32 - 1))
    .option(
      "--open-in <seconds>",
      `when the sale opens (default: what the file says, or ${OPENS_IN_SECONDS}; a large crowd comes evenly until then)`,
      seconds(2, 3600),
    )
    .option(
      "--timeout <seconds>",
      `the crowd's time; who is not done then breaks the proof (default: ${TIMEOUT_SECONDS}, and more for a large crowd)`,
      seconds(10, 86_400),
    )
    .addOption(
      share("slow-payers", "where there are prices: whose bank takes a while", usualShares.slowPayers),
    )
    .addOption(
      share("declined", "… whose card is declined, half of them having no other", usualShares.declined),
    )
    .addOption(share("abandons-paying", "… who leave at the payment page", usualShares.abandonsPaying))
    .addOption(share("closes-tab", "… who pay and never come back", usualShares.closesTab))
    .addOption(share("webhooks-duplicated", "… webhooks that come twice", usualTrouble.duplicated))
    .addOption(share("webhooks-lost", "… webhooks that never come", usualTrouble.lost))
    .option("--expect-faults", "count 5xx answers without holding them against the system", false)
    .option("--json", "the report as JSON on stdout, progress on stderr", false)
    .allowExcessArguments(false)
    .exitOverride()
    .addHelpText(
      "after",
      `
Examples:
  npm run rehearse
  npm run rehearse -- --shoppers 5000 --stock 200
  npm run rehearse -- --shoppers 1000 --stock 100 --price 4900
  npm run rehearse -- --shoppers 100000 --stock 1000
  npm run rehearse -- --shoppers 2000 --stock 200 --registered 1000 --slots 100 --allocation draw
  npm run rehearse -- --sale bench/sales/concert.yaml --shoppers 1000
  npm run --silent rehearse -- --seed 42 --json > report.json
  ADMIN_TOKEN=… npm run rehearse -- --url https://staging.example.com --shoppers 100

Exit code: 0 everything holds · 1 something does not · 2 it could not be run · 130 interrupted.
Against an address elsewhere the whole crowd comes from this machine's one address, and is limited like it, and nobody can
pay: purchases that have a price stop at the payment page.`,
    );
  command.parse(args, { from: "user" });
  const { seed, timeout, openIn, ...options } = command.opts<Given>();
  if (options.url !== undefined && (options.adminToken ?? "") === "")
    command.error("error: --url needs the operator's token, by --admin-token or ADMIN_TOKEN");
  if (options.registered > 0 && options.url !== undefined) command.error(`error: ${NEEDS_MAILBOX}`);
  if (options.registered > options.shoppers)
    command.error(
      `error: ${options.registered} cannot register where ${options.shoppers} come: see --shoppers`,
    );
  if (options.registered === 0 && (options.slots !== undefined || options.allocation !== undefined))
    command.error("error: --slots and --allocation are for people who register: see --registered");
  const lobbySeconds = thinnedLobbySeconds(options.shoppers);
  const opensIn = openIn ?? (lobbySeconds === undefined ? undefined : lobbySeconds + OPENS_IN_SECONDS);
  return {
    ...options,
    seed: seed ?? newSeed(),
    timeout: timeout ?? TIMEOUT_SECONDS + 3 * (lobbySeconds ?? 0),
    ...(opensIn === undefined ? {} : { openIn: opensIn }),
  };
}

function whole(low: number, high: number) {
  return (text: string): number => {
    const value = Number(text);
    if (!/^\d+$/.test(text) || value < low || value > high)
      throw new InvalidArgumentError(`A whole number from ${low} to ${high} is expected.`);
    return value;
  };
}

/** In percent on the command line. */
function share(name: string, what: string, usual: number): Option {
  return new Option(`--${name} <percent>`, what)
    .argParser((text) => {
      const value = Number(text);
      if (!/^\d+(\.\d+)?$/.test(text) || value > 100)
        throw new InvalidArgumentError("Percent from 0 to 100 are expected.");
      return value / 100;
    })
    .default(usual, `${usual * 100}`);
}

function seconds(low: number, high: number) {
  return (text: string): number => {
    const value = Number(text);
    if (!/^\d+(\.\d+)?$/.test(text) || value < low || value > high)
      throw new InvalidArgumentError(`Seconds from ${low} to ${high} are expected.`);
    return value;
  };
}

function address(text: string): string {
  if (!URL.canParse(text) || !/^https?:$/.test(new URL(text).protocol))
    throw new InvalidArgumentError("An http or https address is expected.");
  return new URL(text).origin;
}
