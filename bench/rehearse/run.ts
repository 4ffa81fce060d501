/**
 * A rehearsal: creates the sale, sends the crowd, waits until the books are closed, judges, reports. Tests call it
 * with a stack they break meanwhile; the command line only parses, prints and stops it.
 */
import { setTimeout as wait } from "node:timers/promises";
import { decode, pulseAnswer, ticketAnswer } from "./answers.ts";
import { planCrowd, type Shares } from "./crowd.ts";
import { createFigures, type Figures } from "./figures.ts";
import { type Books, type History, type ShopperRecord } from "./history.ts";
import { createHttp, type Http } from "./http.ts";
import { createOperator, type Operator } from "./operator.ts";
import type { Progress } from "./progress.ts";
import { judge } from "./proof.ts";
import { buildReport, type Costs, type Report } from "./report.ts";
import { schedule, type SaleDraft } from "./sale.ts";
import { shop } from "./shopper.ts";
import { createSleep, nowMs } from "./sleep.ts";
import { isLocal, type RedisStats, type RehearsalTarget } from "./target.ts";
import { createSeen, createTally, type World } from "./world.ts";

export interface RehearsalOptions {
  shoppers: number;
  seed: number;
  draft: SaleDraft;
  /** For the crowd, from start; whoever is not done then is counted as unfinished. */
  timeoutSeconds: number;
  /** For outbox and holds, after the crowd: cron runs once a minute, and one run must do. */
  settleSeconds?: number;
  sockets?: number;
  shares?: Partial<Shares>;
  /** A 500 is no defect while somebody injects them. */
  faultsExpected?: boolean;
  /** Ends the run early; the report then says what was done and proves nothing. */
  signal?: AbortSignal;
  /** Called once the sale exists. */
  onSale?: (sale: { id: string; opensAtMs: number }) => void;
}

const SETTLE_SECONDS = 75;
const SOCKETS = 256;
const SAMPLE_EVERY_SECONDS = 5;
/** Time between the creation of the sale and the first shopper. */
const HEAD_START_MS = 1000;

/** @throws RehearsalError when the sale cannot be created */
export async function runRehearsal(
  target: RehearsalTarget,
  options: RehearsalOptions,
  progress: Progress,
): Promise<Report> {
  const { draft, seed } = options;
  const figures = createFigures();
  const crowdHttp = createHttp(target.url, options.sockets ?? SOCKETS, figures);
  const ownHttp = createHttp(target.url, 2, figures);
  const operator = createOperator(ownHttp, target.url, target.adminToken);
  try {
    const startedAtMs = nowMs();
    const sale = schedule(draft, Date.now());
    const opensAtMs = Date.parse(sale.opensAt);
    await operator.createSale(sale);
    const foreignTicket = await ticketOfAnotherSale(operator, ownHttp, { ...sale, id: `${sale.id}-b` });
    for (const note of draft.notes) progress.note(note);
    progress.note(
      `sale ${sale.id} opens in ${draft.opensInSeconds} s · ${options.shoppers} shoppers · seed ${seed}`,
    );
    options.onSale?.({ id: sale.id, opensAtMs });

    const stop = new AbortController();
    const timer = setTimeout(() => stop.abort(), options.timeoutSeconds * 1000);
    const interrupt = () => stop.abort();
    options.signal?.addEventListener("abort", interrupt);
    if (options.signal?.aborted === true) interrupt();
    stop.signal.addEventListener("abort", () => void crowdHttp.destroy());

    const world: World = {
      url: target.url,
      local: isLocal(target.url),
      seed,
      saleId: sale.id,
      items: sale.items,
      opensAtMs,
      http: crowdHttp,
      sleep: createSleep(stop.signal),
      stopped: () => stop.signal.aborted,
      faultsExpected: options.faultsExpected === true,
      foreignTicket,
      seen: createSeen(),
      tally: createTally(),
    };
    const plans = planCrowd({
      shoppers: options.shoppers,
      seed,
      items: sale.items,
      lobbyMs: Math.max(0, draft.opensInSeconds * 1000 - HEAD_START_MS),
      holdMs: sale.holdSeconds * 1000,
      shares: options.shares,
    });

    const costs = costMeter(target, world, figures);
    await costs.start();
    const samples: History["samples"][number][] = [];
    const watching = new AbortController();
    const watched = watchRun(world, figures, progress, watching.signal, async () => {
      const live = await operator.live(sale.id);
      if (live !== undefined) samples.push(live.items);
    });
    const shoppers: ShopperRecord[] = await Promise.all(plans.map((plan) => shop(plan, world)));
    const crowdMs = nowMs() - startedAtMs;
    watching.abort();
    await watched;
    const measured = await costs.stop(shoppers);
    clearTimeout(timer);
    options.signal?.removeEventListener("abort", interrupt);

    const history: History = {
      items: sale.items,
      shoppers,
      pulses: world.seen.pulses(),
      clockAheadMs: world.seen.clockAheadMs(),
      samples,
    };
    const settleStartedAtMs = nowMs();
    const books =
      options.signal?.aborted === true
        ? undefined
        : await settle(sale.id, operator, ownHttp, options, progress);
    return buildReport({
      url: target.url,
      sale,
      seed,
      figures,
      costs: measured,
      history,
      books,
      checks: options.signal?.aborted === true ? undefined : judge(history, books),
      lastOrderAtMs: world.seen.lastOrderAtMs,
      crowdSeconds: crowdMs / 1000,
      settleSeconds: (nowMs() - settleStartedAtMs) / 1000,
    });
  } finally {
    progress.end();
    await Promise.all([crowdHttp.destroy(), ownHttp.destroy()]);
  }
}

/** Somebody's ticket of a sale that has nothing to do with ours, for those who try one. Not having it only skips them. */
async function ticketOfAnotherSale(
  operator: Operator,
  http: Http,
  sale: Parameters<Operator["createSale"]>[0],
): Promise<string | undefined> {
  const [item] = sale.items;
  if (item === undefined) return undefined;
  const closesAt = new Date(Date.parse(sale.opensAt) + 60_000).toISOString();
  await operator.createSale({
    ...sale,
    name: `${sale.name} (another)`,
    closesAt,
    items: [{ ...item, stock: 1 }],
  });
  const path = `/api/sales/${sale.id}/queue`;
  const { text } = await http.send({ step: "operator", method: "POST", path, headers: {} });
  return decode(ticketAnswer, text)?.ticket;
}

/** Once a second the live line, now and then a look at the books. */
async function watchRun(
  world: World,
  figures: Figures,
  progress: Progress,
  signal: AbortSignal,
  sample: () => Promise<void>,
): Promise<void> {
  const stock = world.items.reduce((sum, item) => sum + item.stock, 0);
  let before = figures.requests;
  for (let second = 1; !signal.aborted; second++) {
    await wait(1000, undefined, { signal }).catch(() => undefined);
    if (signal.aborted) return;
    progress.status({
      phase: world.seen.latest()?.phase ?? "–",
      ...world.tally,
      stock,
      requestsPerSecond: figures.requests - before,
      errors: figures.networkErrors + serverErrors(figures),
    });
    before = figures.requests;
    if (second % SAMPLE_EVERY_SECONDS === 0) await sample();
  }
}

const serverErrors = ({ byWord }: Figures) =>
  Object.entries(byWord).reduce(
    (sum, [word, count]) => sum + (/^http_5|^unavailable$|^on_hold$/.test(word) ? count : 0),
    0,
  );

/** Waits until outbox and holds are empty, and lists the orders. A pulse a second keeps expiry going, as any visitor would. */
async function settle(
  saleId: string,
  operator: Operator,
  http: Http,
  { settleSeconds = SETTLE_SECONDS }: RehearsalOptions,
  progress: Progress,
): Promise<Books | undefined> {
  progress.note("the crowd is done; waiting for holds to end and the outbox to reach Postgres");
  const untilMs = nowMs() + settleSeconds * 1000;
  for (;;) {
    const poll = {
      step: "operator",
      method: "GET",
      path: `/api/sales/${saleId}/pulse`,
      headers: {},
    } as const;
    decode(pulseAnswer, (await http.send(poll)).text);
    const live = await operator.live(saleId);
    const settled =
      live?.stored != null &&
      live.outbox.entries === 0 &&
      live.line.holds === 0 &&
      live.items.every(({ held }) => held === 0);
    if (live !== undefined && (settled || nowMs() >= untilMs)) {
      const orders = await operator.orders(saleId);
      if (orders !== undefined) return { live, orders, settled };
    }
    if (nowMs() >= untilMs + 10_000) return undefined;
    await wait(1000);
  }
}

/**
 * What the run costs in calls behind the front and commands in Redis. Before opening there is nothing but joins and the
 * pulse; what these cost per join is taken as the price of somebody who only waits, the rest is the purchases'.
 */
function costMeter({ front, redis }: RehearsalTarget, { opensAtMs, tally }: World, figures: Figures) {
  let atStart: RedisStats | undefined;
  let frontAtStart = 0;
  let operatorAtStart = 0;
  let waiting: { joins: number; scriptCalls: number; billedCommands: number } | undefined;
  let timer: NodeJS.Timeout | undefined;

  const atOpening = async () => {
    const joins = figures.byStep.join.latenciesMs.length;
    const stats = await redis?.stats();
    if (stats === undefined || atStart === undefined || joins === 0) return;
    waiting = {
      joins,
      scriptCalls: (stats.scriptCalls - atStart.scriptCalls) / joins,
      billedCommands: (stats.billedCommands - atStart.billedCommands) / joins,
    };
  };

  return {
    async start(): Promise<void> {
      atStart = await redis?.stats();
      frontAtStart = front?.stats().upstreamRequests ?? 0;
      operatorAtStart = figures.byStep.operator.requests;
      timer = setTimeout(() => void atOpening().catch(() => undefined), opensAtMs - nowMs() - 100);
    },
    async stop(shoppers: readonly ShopperRecord[]): Promise<Costs> {
      clearTimeout(timer);
      const operatorRequests = figures.byStep.operator.requests - operatorAtStart;
      const upstream =
        front === undefined ? undefined : front.stats().upstreamRequests - frontAtStart - operatorRequests;
      const atEnd = await redis?.stats();
      if (atStart === undefined || atEnd === undefined) return { upstream, redis: undefined };
      const scriptCalls = atEnd.scriptCalls - atStart.scriptCalls;
      const billedCommands = atEnd.billedCommands - atStart.billedCommands;
      const onlyWaited = shoppers.filter((s) => s.join !== undefined && s.entries.length === 0).length;
      const perPurchase = (total: number, each: number) =>
        tally.orders === 0 ? undefined : (total - each * onlyWaited) / tally.orders;
      return {
        upstream,
        redis: {
          calls: atEnd.calls - atStart.calls,
          scriptCalls,
          billedCommands,
          perWaitingShopper: waiting && {
            scriptCalls: waiting.scriptCalls,
            billedCommands: waiting.billedCommands,
          },
          perPurchase: {
            scriptCalls: waiting && perPurchase(scriptCalls, waiting.scriptCalls),
            billedCommands: waiting && perPurchase(billedCommands, waiting.billedCommands),
          },
        },
      };
    },
  };
}
