/**
 * How the sales stand, for Prometheus (text exposition format 0.0.4): gauges, read anew at each scrape. Counters of
 * requests are not here, because no isolate has them all: the log has a line for each. By hand, because prom-client wants
 * Node and keeps the counters of one process, and the format is lines of names and numbers.
 */
import type { Live } from "../domain/api.ts";
import { isRefusal } from "../domain/refusal.ts";
import { readLive } from "./sale/live.ts";
import { listSales } from "./sale/sale.ts";
import type { Services } from "./services.ts";

/** Sales that ended longer ago (ms) are not told of any more. */
const TOLD_FOR_MS = 24 * 3_600_000;

type Labels = Record<string, string>;
interface Gauge {
  help: string;
  of: (live: Live) => [Labels, number][];
}

const one = (value: number): [Labels, number][] => [[{}, value]];
const stored = (live: Live, value: (stored: NonNullable<Live["stored"]>) => number) =>
  live.stored === null ? [] : one(value(live.stored));

const gauges: Record<string, Gauge> = {
  flash_sale_info: {
    help: "1; its labels say the phase, the mode and why the last release let in no more",
    of: ({ phase, mode, release }) => [[{ phase, mode, bound_by: release.boundBy }, 1]],
  },
  flash_sale_epoch: { help: "increases with each rebuild of Redis", of: ({ epoch }) => one(epoch) },
  flash_sale_joined: { help: "the last number given out", of: ({ line }) => one(line.joined) },
  flash_sale_now_serving: {
    help: "the highest number whose turn has come",
    of: ({ line }) => one(line.nowServing),
  },
  flash_sale_waiting: { help: "people in line", of: ({ line }) => one(line.waiting) },
  flash_sale_inside: { help: "people whose turn it is", of: ({ line }) => one(line.inside) },
  flash_sale_holds: { help: "live reservations", of: ({ line }) => one(line.holds) },
  flash_sale_units: {
    help: "units of an item by where they are; stock is their sum",
    of: ({ items }) =>
      items.flatMap(({ sku, ...accounts }) =>
        Object.entries(accounts).map(([account, units]): [Labels, number] => [{ sku, account }, units]),
      ),
  },
  flash_sale_turned_away: {
    help: "answers 429 (limited) and 5xx (failed) of the edge, as far as its isolates have told",
    of: ({ turnedAway }) =>
      Object.entries(turnedAway).map(([why, times]): [Labels, number] => [{ why }, times]),
  },
  flash_sale_redis_billed_commands: {
    help: "commands Upstash bills for the sale, an estimate",
    of: ({ redis }) => one(redis.billedCommands),
  },
  flash_sale_redis_memory_bytes: {
    help: "what all of Redis takes up",
    of: ({ redis }) => (redis.memoryBytes === null ? [] : one(redis.memoryBytes)),
  },
  flash_sale_outbox_entries: {
    help: "changes that Postgres does not know yet",
    of: ({ outbox }) => one(outbox.entries),
  },
  flash_sale_outbox_lag_seconds: {
    help: "age of the oldest of them",
    of: ({ outbox }) => one(outbox.lagSeconds),
  },
  flash_sale_postgres_up: {
    help: "0 while Postgres does not answer",
    of: (live) => one(live.stored === null ? 0 : 1),
  },
  flash_sale_orders: { help: "orders in Postgres", of: (live) => stored(live, ({ orders }) => orders) },
  flash_sale_money: {
    help: "minor units of the sale's currency, by what became of them",
    of: ({ stored: known }) =>
      known === null
        ? []
        : Object.entries(known.money).map(([state, amount]): [Labels, number] => [{ state }, amount]),
  },
  flash_sale_discrepancies: {
    help: "what Postgres refused and nobody has settled",
    of: (live) => stored(live, ({ discrepancies }) => discrepancies),
  },
  flash_sale_ledger_difference: {
    help: "units by which the ledger and the counters differ",
    of: (live) => stored(live, ({ ledgerDifference }) => ledgerDifference),
  },
};

export async function readMetrics(services: Services, nowMs: number): Promise<string> {
  const sales = (await listSales(services)).filter(
    ({ phase, closesAt }) => phase !== "settled" && Date.parse(closesAt) > nowMs - TOLD_FOR_MS,
  );
  const told: [string, Live][] = [];
  for (const { id } of sales) {
    const live = await readLive(services, id);
    if (!isRefusal(live)) told.push([id, live]);
  }
  const lines = Object.entries(gauges).flatMap(([name, { help, of }]) => [
    `# HELP ${name} ${help}`,
    `# TYPE ${name} gauge`,
    ...told.flatMap(([sale, live]) =>
      of(live).map(([labels, value]) => `${name}{${labelText({ sale, ...labels })}} ${value}`),
    ),
  ]);
  return `${lines.join("\n")}\n`;
}

const labelText = (labels: Labels) =>
  Object.entries(labels)
    .map(([name, value]) => `${name}="${value.replace(/[\\"\n]/g, (c) => (c === "\n" ? "\\n" : `\\${c}`))}"`)
    .join(",");
