/** Commands about the books: held against each other, repaired, settled, brought back. */
import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import type { Command } from "commander";
import { z } from "zod";
import {
  foundSchema,
  overviewSchema,
  reconciliationSchema,
  settlementSchema,
  storedSaleSchema,
  type Discrepancy,
  type Found,
  type Settlement,
} from "../domain/api.ts";
import type { Api } from "./api.ts";
import { moneyText } from "../domain/currency.ts";
import { brief, facts, table, time, type Output } from "./output.ts";
import { begin, confirmed, examples, pathOf, saleArgument, uuid, whole } from "./program.ts";
import { Ended, EXIT } from "./refused.ts";

const PROGRESS_MS = 1_000;

export function defineBooks(program: Command): void {
  program
    .command("reconcile")
    .description("hold Redis, Postgres and Stripe against each other; a dry run without --apply")
    .argument(...saleArgument)
    .option("--apply", "repair what differs")
    .option("--run <uuid>", "go on with this run", uuid)
    .addHelpText(
      "after",
      `${examples("reconcile spring", "reconcile spring --apply")}\n\nExit code 3: something is found that is not repaired.`,
    )
    .action(async (sale: string, options: { apply?: true; run?: string }, command: Command) => {
      const { api, out } = begin(command);
      const { run: runId = randomUUID(), apply = false } = options;
      const run = await reconcile(api, out, pathOf(sale), { runId, apply });
      out.show(run, () => `${findings(run.discrepancies)}\nRun ${run.id}: ${said(run)}`);
      if (openOf(run.discrepancies) > 0) throw new Ended("", EXIT.open);
    });

  program
    .command("discrepancies")
    .description("what the latest run found")
    .argument(...saleArgument)
    .option("--run <uuid>", "what this run found", uuid)
    .addHelpText("after", examples("discrepancies spring"))
    .action(async (sale: string, options: { run?: string }, command: Command) => {
      const { api, out } = begin(command);
      const path = `${pathOf(sale)}/reconciliations`;
      const { runs } = await api.call(z.object({ runs: z.array(reconciliationSchema) }), path);
      const id = options.run ?? runs[0]?.id;
      if (id === undefined)
        return out.show(
          { discrepancies: [] },
          () => "This sale was not reconciled yet: `reconcile` does it.",
        );
      const run = await inFull(api, path, await api.call(foundSchema, `${path}/${id}`));
      out.show(
        run,
        () => `${findings(run.discrepancies)}\nRun ${run.id} of ${time(run.startedAt)} UTC: ${said(run)}`,
      );
    });

  program
    .command("approve")
    .description("do what waits for approval, if it is still due")
    .argument(...saleArgument)
    .argument("<number>", "of the discrepancy", whole(1, Number.MAX_SAFE_INTEGER))
    .option("--yes", "do not ask")
    .addHelpText("after", examples("approve spring 17"))
    .action(async (sale: string, number: number, { yes }: { yes?: true }, command: Command) => {
      const { api, out } = begin(command);
      await confirmed(`Approve ${number} of ${sale}?`, yes);
      const answer = z.object({ outcome: z.string(), detail: z.string() });
      const path = `${pathOf(sale)}/discrepancies/${number}/approve`;
      const done = await api.call(answer, path, { method: "POST" });
      out.show(done, () => `${done.outcome}: ${done.detail}`);
    });

  program
    .command("settlement")
    .description("what a settled sale came to")
    .argument(...saleArgument)
    .addHelpText("after", examples("settlement spring"))
    .action(async (sale: string, _options: object, command: Command) => {
      const { api, out } = begin(command);
      const report = await api.call(settlementSchema, `${pathOf(sale)}/settlement`);
      out.show(report, () => settled(report));
    });

  program
    .command("rebuild")
    .description("bring a sale that Redis has lost back from Postgres, or all that it has lost")
    .argument("[sale]", "id of the sale")
    .option("--all", "each sale that Redis does not know")
    .option("--yes", "do not ask; only --all asks")
    .addHelpText("after", examples("rebuild spring", "rebuild --all"))
    .action(async (sale: string | undefined, options: { all?: true; yes?: true }, command: Command) => {
      const { api, out } = begin(command);
      if ((sale === undefined) === (options.all === undefined))
        throw new Ended("rebuild takes the id of a sale, or --all.", EXIT.usage);
      if (sale === undefined) return await rebuildAll(api, out, options.yes);
      const built = await rebuild(api, out, sale);
      out.show(built, () => rebuilt(sale, built));
    });
}

const rebuiltSchema = z.object({ epoch: z.number(), reservations: z.number() });

async function rebuild(api: Api, out: Output, sale: string): Promise<z.output<typeof rebuiltSchema>> {
  out.progress(`bringing ${sale} back …`);
  return await api.call(rebuiltSchema, `${pathOf(sale)}/rebuild`, { method: "POST" });
}

const rebuilt = (sale: string, { epoch, reservations }: z.output<typeof rebuiltSchema>) =>
  `${sale} sells again, in epoch ${epoch}, with ${reservations} reservation${reservations === 1 ? "" : "s"}.`;

/**
 * Those that Redis should know and does not. The overview has the 200 that open last; older ones are looked at by themselves.
 * @throws {Ended} when Redis does not answer
 */
async function lostSales(api: Api): Promise<string[]> {
  const { sales: latest } = await api.call(overviewSchema, "/overview");
  const states = new Map<string, string>(latest.map(({ id, redis }) => [id, redis]));
  const { sales: all } = await api.call(z.object({ sales: z.array(z.object({ id: z.string() })) }), "/sales");
  for (const { id } of all.filter((sale) => !states.has(sale.id))) {
    const { state } = await api.call(storedSaleSchema, pathOf(id));
    states.set(id, state.publishedAt === null || state.settledAt !== null ? "gone" : state.redis);
  }
  if ([...states.values()].includes("unavailable"))
    throw new Ended("Redis does not answer, so nobody knows which sales it has lost. Try again.");
  return [...states].filter(([, redis]) => redis === "missing").map(([id]) => id);
}

/** One after the other; one that is refused keeps none of the others back. */
async function rebuildAll(api: Api, out: Output, yes: boolean | undefined): Promise<void> {
  const lost = await lostSales(api);
  if (lost.length > 0) await confirmed(`Bring back ${lost.join(", ")}?`, yes);
  const line = (text: string) => out.json || out.show(undefined, () => text);
  const done: object[] = [];
  let refused = 0;
  for (const sale of lost) {
    try {
      const built = await rebuild(api, out, sale);
      done.push({ sale, ...built });
      line(rebuilt(sale, built));
    } catch (error) {
      if (!(error instanceof Ended)) throw error;
      refused++;
      done.push({ sale, error: error.message });
      line(`${sale} is not back: ${error.message}`);
    }
  }
  if (out.json) out.show({ sales: done }, () => "");
  else if (lost.length === 0) line("Redis knows every sale: there is nothing to bring back.");
  if (refused > 0) throw new Ended(`${refused} of ${lost.length} are not back.`);
}

/** All that it found, page by page. */
async function inFull(api: Api, path: string, run: Found): Promise<Found> {
  const discrepancies = [...run.discrepancies];
  for (let after = run.next; after !== null;) {
    const page = await api.call(foundSchema, `${path}/${run.id}`, { query: { after } });
    discrepancies.push(...page.discrepancies);
    after = page.next;
  }
  return { ...run, discrepancies, next: null };
}

/** Until it is done, however many calls that takes; what it has looked at meanwhile is read beside it. */
async function reconcile(
  api: Api,
  out: Output,
  sale: string,
  body: { runId: string; apply: boolean },
): Promise<Found> {
  const path = `${sale}/reconciliations`;
  const through = new AbortController();
  const watching = watchRun(api, out, `${path}/${body.runId}`, through.signal);
  try {
    for (;;) {
      const run = await api.call(foundSchema, path, { body });
      if (run.state === "done") return await inFull(api, path, run);
    }
  } finally {
    through.abort();
    await watching;
  }
}

async function watchRun(api: Api, out: Output, path: string, through: AbortSignal): Promise<void> {
  const isThrough = () => through.aborted;
  for (;;) {
    await sleep(PROGRESS_MS, undefined, { signal: through }).catch(() => undefined);
    if (isThrough()) return;
    // A run that has not begun yet is no run: the call beside this one says what is wrong.
    const run = await api.call(foundSchema, path).catch(() => undefined);
    if (run !== undefined && !isThrough()) out.progress(`${run.step}: ${looked(run)}`);
  }
}

const looked = ({ lookedAt }: Found) =>
  Object.entries(lookedAt)
    .map(([what, count]) => `${what} ${count}`)
    .join(", ");

const said = (run: Found) =>
  `${run.apply ? "applied" : "a dry run"}, ${run.state}; looked at ${looked(run) || "nothing"}; ${openOf(run.discrepancies)} open.`;

const openOf = (found: Discrepancy[]) => found.filter(({ resolvedAt }) => resolvedAt === null).length;

const findings = (found: Discrepancy[]) =>
  table(
    ["number", "kind", "about", "remedy", "outcome", "detail"],
    found.map(({ id, kind, subject, remedy, outcome, detail, evidence }) => [
      id,
      kind,
      subject,
      remedy,
      outcome,
      detail ?? brief(evidence, 60),
    ]),
    "Nothing differs.",
  );

function settled(report: Settlement): string {
  const { currency, money: sums, timings } = report;
  return [
    facts([
      ["sale", `${report.sale}: ${report.name}`],
      ["orders", `${report.orders}, of ${report.shoppers} shoppers; taken back ${report.ordersTakenBack}`],
      ["captured", moneyText(sums.captured, currency)],
      ["refunded", `${moneyText(sums.refunded, currency)} in ${sums.refunds} refunds`],
      ["kept", moneyText(sums.kept, currency)],
      ["given up uncharged", sums.voided],
      ["first, last order", `${time(timings.firstOrderAt)}, ${time(timings.lastOrderAt)} UTC`],
      ["settled", `${time(timings.settledAt)} UTC`],
    ]),
    table(
      ["sku", "stock", "topped up", "sold", "unsold"],
      report.items.map(({ sku, stock, toppedUp, sold, unsold }) => [sku, stock, toppedUp, sold, unsold]),
      "",
    ),
  ].join("\n");
}
