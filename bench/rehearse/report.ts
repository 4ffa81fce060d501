/** What a rehearsal found, as `--json` prints it. Keys are stable: additions only, and `version` says when not. */
import type { Sale } from "../../domain/sale.ts";
import type { Check } from "./proof.ts";
import {
  layers,
  mapQuantiles,
  quantiles,
  steps,
  type Figures,
  type Layer,
  type Quantiles,
  type Step,
} from "./figures.ts";
import { paymentsReport, type PaymentsReport } from "./report-payments.ts";
import { slotsReport, type RegistrationFigures, type SlotsReport } from "./report-slots.ts";
import type { MachineReport } from "./machine.ts";
import type { Books, End, History } from "./history.ts";
import type { StripeRequests } from "./stripe-requests.ts";
import type { PurchasePrice } from "./purchase-price.ts";
import { tellingOf } from "./told.ts";

export interface Report {
  version: 1;
  /** Every check holds. Without a proof (an interrupted run) it does not. */
  holds: boolean;
  /** False when the run was interrupted; the proof then has only what holds at any moment. */
  complete: boolean;
  url: string;
  seed: number;
  sale: { id: string; name: string; opensAt: string };
  seconds: { crowd: number; settling: number };
  shoppers: { count: number } & Record<End, number>;
  units: {
    stock: number;
    sold: number;
    unsold: number;
    items: { sku: string; stock: number; sold: number }[];
  };
  /** Answers other than success, by word; errors without one as `http_<status>`. */
  refusals: Record<string, number>;
  networkErrors: number;
  /** Milliseconds; a step nobody took is missing. */
  latencies: Partial<Record<Step, Quantiles>>;
  requests: {
    /** The crowd's; the operator's calls are not among them. */
    total: number;
    perSecond: number;
    byStep: Partial<Record<Step, number>>;
    byLayer: Record<Layer, number>;
    /** Refreshes of the cache behind answers it gave; null when the front cannot be asked. */
    backgroundRefreshes: number | null;
    /** Share answered without the functions Worker, refreshes counted against it. */
    absorbed: number | null;
    absorbedPolls: number | null;
  };
  /**
   * Who was in the lobby of a draw and who came later, by the tickets, and how many of the lobby got in; null for a line
   * by arrival.
   */
  draw: { lobby: number; latecomers: number; servedOfLobby: number } | null;
  /**
   * How often the pulse was made for all who looked, each time by one script call; null when the answers do not say who
   * made them.
   */
  pulse: { polls: number; made: number; perSecond: number } | null;
  /** Null when the gateway cannot be asked. */
  redis: {
    calls: number;
    scriptCalls: number;
    billedCommands: number;
    perPurchase: { scriptCalls: number | null; billedCommands: number | null };
    perWaitingShopper: { scriptCalls: number | null; billedCommands: number | null };
  } | null;
  /** One purchase by itself, step by step; null where it was not counted. */
  purchase: PurchasePrice | null;
  /** Null for a sale in which nothing has a price. */
  payments: PaymentsReport | null;
  /** Null for a sale without registration; its requests are not among the crowd's above. */
  slots: SlotsReport | null;
  /** Memory and CPU time of the run until the crowd was done; null where the system runs elsewhere. */
  machine: MachineReport | null;
  /** Null when the operator's view could not be read. */
  postgres: { orders: number; shoppers: number; ledgerDifference: number; discrepancies: number } | null;
  /**
   * Seconds from the confirmation of the last order to each waiting shopper's knowing that all is sold; `late` are those
   * who heard after more than two, `lateByMachine` those of them the rehearsal itself was late for, and the stalls are
   * the longest times its processes stood still meanwhile (milliseconds; null where the front runs elsewhere). `farBack`
   * had been asked by the pulse to look less often, and are late only after that look.
   */
  soldOutTold:
    | (Quantiles & {
        farBack: number;
        late: number;
        lateByMachine: number;
        stallMs: { crowd: number; front: number | null };
      })
    | null;
  proof: Check[];
}

/** What could be measured behind the front. */
export interface Costs {
  /** Requests of the crowd, and refreshes for them, that reached the edge. */
  upstream: number | undefined;
  /** Of the shop, until the crowd was done. */
  stripe: StripeRequests | undefined;
  redis:
    | {
        calls: number;
        scriptCalls: number;
        billedCommands: number;
        perPurchase: CostPerHead;
        perWaitingShopper: CostPerHead | undefined;
      }
    | undefined;
}
interface CostPerHead {
  scriptCalls: number | undefined;
  billedCommands: number | undefined;
}

export interface Findings {
  url: string;
  sale: Sale;
  seed: number;
  figures: Figures;
  costs: Costs;
  machine: MachineReport | undefined;
  purchase: PurchasePrice | undefined;
  registration: RegistrationFigures | undefined;
  history: History;
  books: Books | undefined;
  complete: boolean;
  checks: Check[];
  crowdSeconds: number;
  settleSeconds: number;
}

export function buildReport(found: Findings): Report {
  const { sale, figures, history, books, checks } = found;
  const orders = history.shoppers.flatMap((s) => s.orders);
  const items = sale.items.map(({ sku, stock }) => ({
    sku,
    stock,
    sold: sumOf(
      orders.flatMap(({ lines }) => lines.filter((line) => line.sku === sku).map((l) => l.quantity)),
    ),
  }));
  const [stock, sold] = [sumOf(items.map((item) => item.stock)), sumOf(items.map((item) => item.sold))];
  const { postgres, redis } = { postgres: books?.live.stored ?? undefined, redis: found.costs.redis };

  return {
    version: 1,
    holds: found.complete && checks.every((check) => check.holds),
    complete: found.complete,
    url: found.url,
    seed: found.seed,
    sale: { id: sale.id, name: sale.name, opensAt: sale.opensAt },
    seconds: { crowd: rounded(found.crowdSeconds), settling: rounded(found.settleSeconds) },
    shoppers: countEnds(history),
    units: { stock, sold, unsold: stock - sold, items },
    refusals: figures.byWord,
    networkErrors: figures.networkErrors,
    latencies: Object.fromEntries(
      steps.flatMap((step) => {
        const ranks = quantiles(figures.byStep[step].latenciesMs);
        return ranks === undefined ? [] : [[step, mapQuantiles(ranks, rounded)]];
      }),
    ),
    requests: countRequests(figures, found.costs.upstream, found.crowdSeconds),
    draw: history.draw === undefined ? null : countDraw(history),
    pulse: countPulses(figures, found.crowdSeconds),
    redis:
      redis === undefined
        ? null
        : {
            calls: redis.calls,
            scriptCalls: redis.scriptCalls,
            billedCommands: redis.billedCommands,
            perPurchase: perHead(redis.perPurchase),
            perWaitingShopper: perHead(redis.perWaitingShopper),
          },
    purchase: found.purchase ?? null,
    payments: paymentsReport(history, books, found.costs.stripe),
    slots: slotsReport(history, found.registration),
    machine: found.machine ?? null,
    postgres:
      postgres === undefined
        ? null
        : {
            orders: postgres.orders,
            shoppers: postgres.shoppers,
            ledgerDifference: postgres.ledgerDifference,
            discrepancies: postgres.discrepancies,
          },
    soldOutTold: soldOutTold(history),
    proof: checks,
  };
}

function countEnds({ shoppers }: History): Report["shoppers"] {
  const counts: Report["shoppers"] = {
    count: shoppers.length,
    bought: 0,
    told_sold_out: 0,
    told_closed: 0,
    gave_back: 0,
    abandoned: 0,
    left_unpaid: 0,
    declined: 0,
    closed_tab: 0,
    left: 0,
    stayed_away: 0,
    took_back: 0,
    failed: 0,
    unfinished: 0,
  };
  for (const { end } of shoppers) counts[end]++;
  return counts;
}

function countRequests(figures: Figures, upstream: number | undefined, seconds: number): Report["requests"] {
  const crowd = steps.filter((step) => step !== "operator");
  const layersOf = (some: readonly Step[]) =>
    Object.fromEntries(
      layers.map((layer) => [layer, sumOf(some.map((step) => figures.byStep[step].byLayer[layer]))]),
    ) as Record<Layer, number>;
  const total = sumOf(crowd.map((step) => figures.byStep[step].requests));
  const byLayer = layersOf(crowd);
  const reached = byLayer.edge + byLayer.functions + byLayer.unknown;
  // A front that answers from cache and refreshes behind the answer still costs a call: it is the pulse's nearly always.
  const backgroundRefreshes = upstream === undefined ? null : Math.max(0, upstream - reached);
  const absorbed = (some: readonly Step[]) => {
    const { front, edge, functions, unknown } = layersOf(some);
    const known = front + edge + functions;
    if (known === 0 || unknown > known) return null;
    return Math.max(0, (front + edge - (backgroundRefreshes ?? 0)) / (known + unknown));
  };
  return {
    total,
    perSecond: rounded(total / Math.max(1, seconds)),
    byStep: Object.fromEntries(
      crowd.flatMap((step) => {
        const { requests } = figures.byStep[step];
        return requests === 0 ? [] : [[step, requests]];
      }),
    ),
    byLayer,
    backgroundRefreshes,
    absorbed: absorbed(crowd),
    absorbedPolls: absorbed(["poll"]),
  };
}

function countDraw({ shoppers }: History): NonNullable<Report["draw"]> {
  const came = shoppers.filter(({ join }) => join !== undefined);
  const lobby = came.filter(({ join }) => join?.lobby === true);
  const served = lobby.filter(({ entries }) => entries.some(({ got }) => got === "granted"));
  return { lobby: lobby.length, latecomers: came.length - lobby.length, servedOfLobby: served.length };
}

function countPulses({ byStep: { poll } }: Figures, seconds: number): Report["pulse"] {
  if (poll.requests === 0 || poll.byLayer.unknown > 0) return null;
  const made = poll.byLayer.functions;
  return { polls: poll.requests, made, perSecond: rounded(made / Math.max(1, seconds)) };
}

function soldOutTold(history: History): Report["soldOutTold"] {
  const telling = tellingOf(history);
  const ranks = quantiles(telling?.hearings.map(({ afterMs }) => afterMs / 1000) ?? []);
  if (telling === undefined || ranks === undefined) return null;
  const { crowd, front } = telling.stallMs;
  return {
    ...mapQuantiles(ranks, (value) => Math.round(value * 1000) / 1000),
    farBack: telling.hearings.filter(({ isFarBack }) => isFarBack).length,
    late: telling.late.length,
    lateByMachine: telling.lateByMachine.length,
    stallMs: { crowd: Math.round(crowd), front: front === null ? null : Math.round(front) },
  };
}

const perHead = (cost: CostPerHead | undefined) => ({
  scriptCalls: cost?.scriptCalls === undefined ? null : rounded(cost.scriptCalls),
  billedCommands: cost?.billedCommands === undefined ? null : rounded(cost.billedCommands),
});
const sumOf = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0);
const rounded = (value: number) => Math.round(value * 10) / 10;
