/**
 * 100,000 fuzzed requests at a shop of its own, half through the caching front and half straight at the edge Worker, with
 * progress; exit code 1 at a 5xx, at an answer that never comes or shows the code's inside, at an exception in a Worker's
 * log, or when the sales' books do not balance afterwards. The tests run some thousands of the same.
 * Run: `npx node bench/fuzz.ts [requests] [--seed S]`.
 */
import { Command } from "commander";
import { whole } from "../cli/program.ts";
import { startStack } from "../dev/stack.ts";
import { exceptionsIn, fuzz, shown } from "./fuzz/fuzz.ts";
import { openShop } from "./fuzz/shop.ts";

const SEED_MAX = 2 ** 31 - 1;

async function main(requests: number, seed: number): Promise<void> {
  const log: string[] = [];
  const stack = await startStack({ log: (line) => void log.push(line) });
  try {
    const shop = await openShop(stack);
    const startedMs = performance.now();
    const seconds = () => Math.round((performance.now() - startedMs) / 1000);
    const progress = (sent: number) => {
      if (sent % 5_000 === 0) process.stderr.write(`${sent} sent, ${seconds()} s\n`);
    };
    const urls = [stack.url, stack.edge.url];
    const report = await fuzz({ requests, seed, urls, shop, progress });
    const faults = [...report.faults.map(shown), ...exceptionsIn(log), ...(await shop.faults())];
    const counts = Object.entries(report.byStatus).map(([status, count]) => `${status}: ${count}`);
    console.log(`${report.sent} requests, seed ${seed}, ${seconds()} s`);
    console.log(counts.join(", "));
    for (const fault of faults) console.log(fault);
    if (faults.length > 0) process.exitCode = 1;
  } finally {
    await stack.close();
  }
}

await new Command("fuzz")
  .description("Sends requests nobody foresaw to a shop of its own, and looks at what comes back.")
  .argument("[requests]", "how many", whole(1, 100_000_000), 100_000)
  .option("--seed <seed>", "what they are made from: the same seed, the same requests", whole(0, SEED_MAX), 1)
  .addHelpText(
    "after",
    "\nExample:\n  npx node bench/fuzz.ts 20000 --seed 7\n\nExit code: 0 nothing found · 1 something was.",
  )
  .action((requests: number, { seed }: { seed: number }) => main(requests, seed))
  .parseAsync();
