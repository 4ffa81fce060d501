/**
 * A rehearsal: creates the sale, sends the crowd, waits until the books are closed, judges, reports. Tests call it
 * with a stack they break meanwhile; the command line only parses, prints and stops it.
 */
import type { Sale } from "../../domain/sale.ts";
import type { LiveAnswer } from "./answers.ts";
import { costMeter } from "./costs.ts";
import { planCrowd, thinnedLobbySeconds, type Shares } from "./crowd.ts";
import { createFigures, type Figures } from "./figures.ts";
import type { History, SlotsHistory } from "./history.ts";
import { createHttp } from "./http.ts";
import { watchLag } from "./lag.ts";
import { watchMachine } from "./machine.ts";
import { createMailbox } from "./mailbox.ts";
import { createOperator } from "./operator.ts";
import { openOtherSale } from "./other-sale.ts";
import { createPaymentPage, usualTrouble, type WebhookTrouble } from "./payment-page.ts";
import { RehearsalError } from "./errors.ts";
import type { Progress } from "./progress.ts";
import { judge, judgeSoFar } from "./proof.ts";
import { pricePurchase } from "./purchase-price.ts";
import { holdRegistration, type Registered } from "./registering.ts";
import { buildReport, type Report } from "./report.ts";
import { schedule, type SaleDraft } from "./sale.ts";
import { settle } from "./settle.ts";
import { shop } from "./shopper.ts";
import { createSleep, nowMs } from "./sleep.ts";
import { isLocal, type RehearsalTarget } from "./target.ts";
import { createSeen, createTally, type World } from "./world.ts";

export interface RehearsalOptions {
  shoppers: number;
  seed: number;
  draft: SaleDraft;
  /** For the crowd, from start; whoever is not done then is counted as unfinished. */
  timeoutSeconds: number;
  /** For outbox, holds and payments, after the crowd. */
  settleSeconds?: number;
  sockets?: number;
  shares?: Partial<Shares>;
  /** Of a sale with prices. */
  webhooks?: Partial<WebhookTrouble>;
  /** Buys once before the crowd comes, to say what that costs by itself; takes some seconds. */
  pricePurchase?: boolean;
  /** Something is broken on purpose meanwhile: 5xx are counted, not held against the system. */
  faultsExpected?: boolean;
  /** Ends the run early; the report then says what was done and proves nothing. */
  signal?: AbortSignal;
  /** Called once the sale exists. */
  onSale?: (sale: { id: string; opensAtMs: number }) => void;
}

/** Links are read in the mailbox of a local stack; nobody reads that of people elsewhere. */
export const NEEDS_MAILBOX =
  "--registered needs the local stack, whose mailbox the links are read in: leave out --url.";
const SOCKETS = 256;
const SAMPLE_EVERY_SECONDS = 5;
/** A turn lasts as long as a pass, but no longer than this (functions/sale/publish.ts). */
const TURN_MAX_MS = 30_000;
/** Time between the creation of the sale and the first shopper. */
const HEAD_START_MS = 1000;

/** @throws RehearsalError when the sale cannot be created */
export async function runRehearsal(
  target: RehearsalTarget,
  options: RehearsalOptions,
  progress: Progress,
): Promise<Report> {
  const { draft, seed } = options;
  const { registration } = draft;
  const { mailbox } = target;
  if (registration !== undefined && mailbox === undefined) throw new RehearsalError(NEEDS_MAILBOX);
  const figures = createFigures();
  const registrationFigures = createFigures();
  const crowdHttp = createHttp(target.url, options.sockets ?? SOCKETS, figures, target.pid !== undefined);
  const ownHttp = createHttp(target.url, 2, figures);
  const registrationHttp = createHttp(target.url, options.sockets ?? SOCKETS, registrationFigures);
  const operator = createOperator(ownHttp, target.url, target.adminToken);
  const lag = watchLag();
  const registrationSeconds =
    registration === undefined ? 0 : registration.seconds + registration.decidesInSeconds;
  const stop = stopAfter(options.timeoutSeconds + registrationSeconds, options.signal);
  stop.signal.addEventListener("abort", () => {
    void Promise.all([crowdHttp.destroy(), registrationHttp.destroy()]);
  });
  try {
    const page = target.stripe === undefined ? undefined : createPaymentPage(target.stripe);
    if (options.pricePurchase === true && target.redis !== undefined)
      progress.note("counting what one purchase costs by itself");
    const purchase =
      options.pricePurchase === true
        ? await pricePurchase(target, operator, ownHttp, draft, page)
        : undefined;
    const priced = draft.sale.items.some(({ price }) => price > 0);
    const isThinned = thinnedLobbySeconds(options.shoppers) !== undefined;
    const plans = planCrowd({
      shoppers: options.shoppers,
      seed,
      items: draft.sale.items,
      lobbyMs: Math.max(0, draft.opensInSeconds * 1000 - HEAD_START_MS),
      holdMs: draft.sale.holdSeconds * 1000,
      isThinned,
      drawn: draft.sale.lobby === "draw",
      priced,
      shares: options.shares,
    });
    const startedAtMs = nowMs();
    const sale = schedule(draft, Date.now());
    const opensAtMs = Date.parse(sale.opensAt);
    const announced = await operator.createSale(sale);
    const otherSale = await openOtherSale(operator, ownHttp, sale);
    const foreignTicket = await otherSale.join();
    const meter = costMeter(target, figures);
    await meter.priceJoins(otherSale.join);
    if (priced) await page?.trouble({ ...usualTrouble, ...options.webhooks });
    for (const note of draft.notes) progress.note(note);
    if (priced && page === undefined)
      progress.note("there is no control of the payment page there: whoever has to pay leaves unpaid");
    progress.note(
      `sale ${sale.id} opens in ${registrationSeconds + draft.opensInSeconds} s · ${options.shoppers} shoppers · seed ${seed}`,
    );
    if (isThinned)
      progress.note("they come evenly until it opens: this machine could not make them come all at once");
    options.onSale?.({ id: sale.id, opensAtMs });

    const world: World = {
      url: target.url,
      local: isLocal(target.url),
      seed,
      saleId: sale.id,
      items: sale.items,
      opensAtMs,
      page,
      lookBacks: [],
      http: crowdHttp,
      sleep: createSleep(stop.signal),
      stopped: () => stop.signal.aborted,
      faultsExpected: options.faultsExpected === true,
      claimUntilMs: sale.slots === undefined ? undefined : Date.parse(sale.slots.claimUntil),
      otherSaleId: otherSale.id,
      foreignTicket,
      seen: createSeen(),
      tally: createTally(),
    };
    let registered: Registered | undefined;
    if (registration !== undefined && mailbox !== undefined)
      registered = await holdRegistration(plans.slice(0, registration.people), {
        world: { ...world, http: registrationHttp },
        figures: registrationFigures,
        mailbox: createMailbox(mailbox.url),
        closesAtMs: Date.parse(sale.registrationClosesAt ?? sale.opensAt),
        claimMs: registration.slots.claimSeconds * 1000,
        allocation: registration.slots.allocation,
        announced,
        draws: () => operator.draws(sale.id),
        cron: target.cron,
        progress,
      });

    const samples: LiveAnswer["items"][] = [];
    await meter.start();
    const machine = watchMachine(target.pid);
    const unwatch = watchRun(world, plans.length, figures, progress, async () => {
      const live = await operator.live(sale.id);
      if (live !== undefined) samples.push(live.items);
    });
    const shoppers = await Promise.all(
      plans.map((plan) => shop(plan, world, registered?.registrants.get(plan.index))),
    ).finally(unwatch);
    const crowdDoneAtMs = nowMs();
    if (!stop.signal.aborted) stop.cancel();
    const costsOf = await meter.stop();
    const machineReport = target.pid === undefined ? undefined : machine.stop();
    const books = await settle(world, {
      operator,
      http: ownHttp,
      cron: priced ? target.cron : undefined,
      seconds: options.settleSeconds,
      signal: options.signal,
      progress,
    });

    const { seen } = world;
    const history: History = {
      saleId: sale.id,
      items: sale.items,
      currency: sale.currency,
      paying: !priced ? "free" : page === undefined ? "beyond" : "paid",
      opensAtMs,
      turnMs: Math.min(sale.passSeconds * 1000, TURN_MAX_MS),
      draw: sale.lobby === "draw" ? { announced: announced?.draw, pulses: seen.draws() } : undefined,
      slots: registered === undefined ? undefined : slotsHistory(sale, registered),
      shoppers,
      pulses: seen.pulses(),
      clockAheadMs: seen.clockAheadMs(),
      samples,
      faultsExpected: world.faultsExpected,
      stalls: { crowd: lag.stalls(), front: await target.stalls?.() },
    };
    return buildReport({
      url: target.url,
      sale,
      seed,
      figures,
      costs: costsOf(world.tally.orders),
      machine: machineReport,
      purchase,
      registration:
        registered === undefined ? undefined : { figures: registrationFigures, seconds: registered.seconds },
      history,
      books,
      complete: options.signal?.aborted !== true,
      checks: options.signal?.aborted === true ? judgeSoFar(history) : judge(history, books),
      crowdSeconds: (crowdDoneAtMs - startedAtMs) / 1000,
      settleSeconds: (nowMs() - crowdDoneAtMs) / 1000,
    });
  } finally {
    progress.end();
    stop.cancel();
    lag.stop();
    await Promise.all([crowdHttp.destroy(), ownHttp.destroy(), registrationHttp.destroy()]);
  }
}

function slotsHistory(
  { slots, registrationClosesAt, opensAt }: Sale,
  { draw }: Registered,
): SlotsHistory | undefined {
  if (slots === undefined) return undefined;
  return {
    count: slots.count,
    allocation: slots.allocation,
    closesAtMs: Date.parse(registrationClosesAt ?? opensAt),
    claimUntilMs: Date.parse(slots.claimUntil),
    draw,
  };
}

/** A signal that fires when the time is up or the caller's signal does. */
function stopAfter(seconds: number, outer: AbortSignal | undefined) {
  const controller = new AbortController();
  const abort = () => controller.abort();
  const timer = setTimeout(abort, seconds * 1000);
  if (outer?.aborted === true) abort();
  outer?.addEventListener("abort", abort);
  return {
    signal: controller.signal,
    cancel() {
      clearTimeout(timer);
      outer?.removeEventListener("abort", abort);
    },
  };
}

/** Once a second the live line, now and then a look at the books. Returns what ends it. */
function watchRun(
  world: World,
  shoppers: number,
  figures: Figures,
  progress: Progress,
  sample: () => Promise<void>,
): () => void {
  const stock = world.items.reduce((sum, item) => sum + item.stock, 0);
  let before = figures.requests;
  let second = 0;
  const timer = setInterval(() => {
    progress.status({
      phase: world.seen.latest()?.phase ?? "–",
      ...world.tally,
      stock,
      shoppers,
      opensInSeconds: (world.opensAtMs - world.seen.serverNowMs()) / 1000,
      requestsPerSecond: figures.requests - before,
      errors: figures.networkErrors + serverErrors(figures),
    });
    before = figures.requests;
    if (++second % SAMPLE_EVERY_SECONDS === 0) void sample();
  }, 1000);
  return () => clearInterval(timer);
}

const serverErrors = ({ byWord }: Figures) =>
  Object.entries(byWord).reduce(
    (sum, [word, count]) => sum + (/^http_5|^unavailable$|^on_hold$/.test(word) ? count : 0),
    0,
  );
