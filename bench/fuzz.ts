/**
 * 100,000 fuzzed requests at a shop of its own, half through the caching front and half straight at the edge Worker, with
 * progress; exit code 1 at a 5xx, at an answer that never comes, or when the sale's books do not balance afterwards. The tests
 * run some thousands of the same. Run: `npx node bench/fuzz.ts [requests] [seed]`.
 */
import { startStack } from "../dev/stack.ts";
import { fuzz, shown } from "./fuzz/fuzz.ts";
import { openShop } from "./fuzz/shop.ts";

const [requests = 100_000, seed = 1] = process.argv.slice(2).map(Number);
const stack = await startStack({ quiet: true });
try {
  const shop = await openShop(stack);
  const startedMs = performance.now();
  const progress = (sent: number) => {
    if (sent % 5_000 === 0)
      process.stderr.write(`${sent} sent, ${Math.round((performance.now() - startedMs) / 1000)} s\n`);
  };
  const report = await fuzz({
    requests,
    seed,
    urls: [stack.url, stack.edge.url],
    known: shop.known,
    progress,
  });
  const faults = [...report.faults.map(shown), ...(await shop.faults())];
  const counts = Object.entries(report.byStatus).map(([status, count]) => `${status}: ${count}`);
  console.log(
    `${report.sent} requests, seed ${seed}, ${Math.round((performance.now() - startedMs) / 1000)} s`,
  );
  console.log(counts.join(", "));
  for (const fault of faults) console.log(fault);
  if (faults.length > 0) process.exitCode = 1;
} finally {
  await stack.close();
}
