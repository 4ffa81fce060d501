/**
 * `npm run simulate`: hands the seeds out to processes, shows how far it is, shrinks the first history that breaks a rule,
 * and says last whether all rules held.
 *
 * What limits it: a sale of 35 shoppers is about 440 commands of Redis, 300 statements of PostgreSQL and 360 requests to the
 * functions, one after the other, because the next thing that happens may depend on each; on two cores half of the time is the
 * functions' own code, the rest the two servers and the way to them. More processes than cores make it slower.
 */
import { CommanderError } from "commander";
import { Coverage } from "./coverage.ts";
import { everything, keep, readKept, written } from "./keep.ts";
import { parseOptions, type CliOptions } from "./options.ts";
import { planOf } from "./plan.ts";
import { Pool } from "./pool.ts";
import { shrink } from "./shrink.ts";
import type { Done } from "./worker.ts";

const EXIT = { holds: 0, broken: 1, notRun: 2, interrupted: 130 };
const SAY_EVERY_MS = 1_000;

process.exitCode = await main(process.argv.slice(2));

async function main(args: string[]): Promise<number> {
  let options: CliOptions;
  try {
    options = parseOptions(args, () => Math.floor(Math.random() * 2 ** 31));
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.holds : EXIT.notRun;
    throw error;
  }
  let pool: Pool | undefined;
  try {
    pool = await Pool.start(Math.min(options.workers, options.sales));
    return await run(pool, options);
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    return EXIT.notRun;
  } finally {
    pool?.stop();
  }
}

interface Tally {
  sales: number;
  shoppers: number;
  orders: number;
  events: number;
  broken: Done[];
  last: Done | undefined;
}

async function run(pool: Pool, options: CliOptions): Promise<number> {
  const { sales, seed, json, defect } = options;
  const kept = options.keep === undefined ? undefined : readKept(options.keep, planOf(seed));
  if (options.keep !== undefined && kept === undefined)
    throw new Error(`--keep: "${options.keep}" is not understood`);
  const coverage = new Coverage();
  const tally: Tally = { sales: 0, shoppers: 0, orders: 0, events: 0, broken: [], last: undefined };
  const startedMs = Date.now();
  const perSecond = () => (tally.sales / Math.max(0.001, (Date.now() - startedMs) / 1000)).toFixed(1);
  const say = (line: string) =>
    void process.stderr.write(process.stderr.isTTY ? `\r\u001b[2K${line}` : `${line}\n`);
  const status = () =>
    `${tally.sales} of ${sales} sales, ${tally.shoppers} shoppers, ${tally.orders} orders, ${perSecond()} sales/s` +
    (tally.broken.length === 0 ? "" : `, ${tally.broken.length} broke a rule`);
  const progress = setInterval(() => say(status()), process.stderr.isTTY ? SAY_EVERY_MS : 10 * SAY_EVERY_MS);

  const interruption = new AbortController();
  const onInterrupt = () => {
    // The second time somebody means it.
    if (interruption.signal.aborted) process.exit(EXIT.interrupted);
    interruption.abort();
    say("interrupted: the sales under way are played to their end; Ctrl-C again does not wait for them\n");
  };
  process.on("SIGINT", onInterrupt);
  let next = 0;
  const untilMs = startedMs + options.for * 1000;
  const shift = async () => {
    while (
      next < sales &&
      Date.now() < untilMs &&
      !interruption.signal.aborted &&
      (tally.broken.length === 0 || options.goOn)
    ) {
      const done = await pool.run({
        seed: (seed + next++) % 2 ** 32,
        kept,
        defect,
        wantsHistory: options.history,
      });
      tally.sales++;
      tally.shoppers += done.shoppers;
      tally.orders += done.orders;
      tally.events += done.events;
      const [violation] = done.violations;
      if (violation !== undefined) {
        tally.broken.push(done);
        say(`seed ${done.seed} breaks "${violation.rule}": ${violation.what}\n`);
      }
      coverage.add(done);
      tally.last = done;
    }
  };
  await Promise.all(Array.from({ length: options.workers }, shift)).finally(() => {
    clearInterval(progress);
    process.off("SIGINT", onInterrupt);
  });
  say(`${status()}\n`);

  const [broken] = tally.broken.sort((a, b) => a.seed - b.seed);
  const out = (text: string) => void process.stdout.write(`${text}\n`);
  if (json) {
    const { broken: violated, sales: played, shoppers, orders, events } = tally;
    const cells = { seen: Object.fromEntries(coverage.seen), hits: Object.fromEntries(coverage.hits) };
    out(
      JSON.stringify(
        {
          seed,
          sales: played,
          shoppers,
          orders,
          events,
          salesPerSecond: Number(perSecond()),
          violated,
          ...cells,
        },
        null,
        2,
      ),
    );
  } else {
    if (options.history && tally.last?.history !== undefined) out(tally.last.history);
    if (options.coverage) showCoverage(coverage, tally.sales, out);
    else if (sales > 1) out(`${coverage.summary()}; --coverage shows each.`);
    if (broken !== undefined) await explain(pool, broken, options, out);
    if (interruption.signal.aborted) out(`Interrupted: ${tally.sales} of ${sales} sales were played.`);
    out(verdict(tally, seed));
  }
  if (broken !== undefined) return EXIT.broken;
  return interruption.signal.aborted ? EXIT.interrupted : EXIT.holds;
}

function showCoverage(coverage: Coverage, sales: number, out: (text: string) => void): void {
  out(coverage.table());
  for (const { step, asked, kinds } of coverage.empty())
    out(`Not hit: ${step}, asked for ${asked} times in ${sales} sales: ${kinds.join(", ")}`);
  out(`${coverage.summary()}.`);
}

/** The last line. */
function verdict({ sales, broken }: Tally, seed: number): string {
  const [first] = broken;
  const rule = first?.violations[0]?.rule;
  if (first !== undefined && rule !== undefined)
    return `${broken.length} of ${sales} sales broke a rule; seed ${first.seed} breaks "${rule}".`;
  if (sales === 0) return "No sale was played, so nothing is shown.";
  return `All rules held in ${sales} sales, seeds ${seed} to ${seed + sales - 1}.`;
}

async function explain(
  pool: Pool,
  broken: Done,
  options: CliOptions,
  out: (text: string) => void,
): Promise<void> {
  const [violation] = broken.violations;
  if (violation === undefined) return;
  const { seed } = broken;
  const { defect } = options;
  out(`\nSeed ${seed} breaks "${violation.rule}": ${violation.what}`);
  const plan = planOf(seed);
  const untilMs = Date.now() + options.shrinkSeconds * 1000;
  const whole =
    options.keep === undefined ? everything(plan) : (readKept(options.keep, plan) ?? everything(plan));
  const run = (kept: typeof whole) => pool.run({ seed, kept, defect, wantsHistory: true });
  const kept = options.keep === undefined ? await shrink(plan, violation.rule, run, untilMs) : whole;
  const least = keep(plan, kept);
  const { history } = await run(kept);
  out(history ?? "");
  out(
    `Kept: ${least.shoppers.length} of ${plan.shoppers.length} shoppers, ` +
      `troubles ${JSON.stringify(least.troubles)}, weather ${JSON.stringify(least.weather)}, deeds ${JSON.stringify(least.deeds)}`,
  );
  const withDefect = defect === undefined ? "" : ` --defect ${defect}`;
  out(`Again: npm run simulate -- --sales 1 --seed ${seed}${withDefect} --history --keep "${written(kept)}"`);
}
