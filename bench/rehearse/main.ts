/** `npm run rehearse`: parses, starts a local stack unless one is named, prints, and closes what it started. */
import { CommanderError } from "commander";
import { thinnedLobbySeconds } from "./crowd.ts";
import { RehearsalError } from "./errors.ts";
import { startLocalStack, type LocalStack } from "./local-stack.ts";
import { parseOptions, type CliOptions } from "./options.ts";
import { createProgress } from "./progress.ts";
import { withRegistration } from "./registration-window.ts";
import { runRehearsal } from "./run.ts";
import { builtInSale, saleFromFile } from "./sale.ts";
import { printReport } from "./table.ts";

const EXIT = { holds: 0, broken: 1, notRun: 2, interrupted: 130 };

process.exitCode = await main(process.argv.slice(2));

async function main(args: string[]): Promise<number> {
  try {
    return await rehearse(parseOptions(args, () => Math.floor(Math.random() * 2 ** 32)));
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : EXIT.notRun;
    if (!(error instanceof RehearsalError)) throw error;
    process.stderr.write(`${error.message}\n`);
    return EXIT.notRun;
  }
}

async function rehearse(options: CliOptions): Promise<number> {
  const { registered: people, slots, allocation } = options;
  const draftOptions = {
    registers: people > 0,
    openInSeconds: options.openIn,
    timeoutSeconds: options.timeout,
    isCrowdLarge: thinnedLobbySeconds(options.shoppers) !== undefined,
  };
  const plain =
    options.sale === undefined
      ? builtInSale(options.stock, options.price, draftOptions)
      : await saleFromFile(options.sale, draftOptions);

  const draft = people > 0 ? withRegistration(plain, { people, slots, allocation }) : plain;

  const progress = createProgress(options.json ? process.stderr : process.stdout);
  const interrupted = new AbortController();
  const onInterrupt = () => {
    // The second time somebody means it.
    if (interrupted.signal.aborted) process.exit(EXIT.interrupted);
    progress.note("stopping");
    interrupted.abort();
  };
  process.on("SIGINT", onInterrupt).on("SIGTERM", onInterrupt);

  let stack: LocalStack | undefined;
  try {
    if (options.url === undefined) {
      progress.note("starting a local stack");
      stack = await startLocalStack();
      if (interrupted.signal.aborted) return EXIT.interrupted;
    }
    const target = stack ?? { url: options.url ?? "", adminToken: options.adminToken ?? "" };
    const { shoppers, seed, timeout: timeoutSeconds, expectFaults: faultsExpected } = options;
    const { slowPayers, declined, abandonsPaying, closesTab } = options;
    const { signal } = interrupted;
    const report = await runRehearsal(
      target,
      {
        shoppers,
        seed,
        draft,
        timeoutSeconds,
        shares: { slowPayers, declined, abandonsPaying, closesTab },
        webhooks: { duplicated: options.webhooksDuplicated, lost: options.webhooksLost },
        pricePurchase: true,
        faultsExpected,
        signal,
      },
      progress,
    );
    process.stdout.write(`${options.json ? JSON.stringify(report, null, 2) : printReport(report)}\n`);
    if (!report.complete) {
      return EXIT.interrupted;
    }
    return report.holds ? EXIT.holds : EXIT.broken;
  } finally {
    await stack?.close();
    process.off("SIGINT", onInterrupt).off("SIGTERM", onInterrupt);
  }
}
