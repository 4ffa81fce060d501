/**
 * After the crowd: waits until the books are closed, that is outbox and holds are empty, payments are decided, and whoever
 * paid and left could read what came of it. A pulse a second keeps expiry going, as any visitor would; cron is run more
 * often than once a minute where it lets itself be run.
 */
import type { LiveAnswer } from "./answers.ts";
import { setTimeout as wait } from "node:timers/promises";
import type { Books } from "./history.ts";
import type { Http } from "./http.ts";
import type { Operator } from "./operator.ts";
import { openStatuses, type Money } from "./payment-page.ts";
import type { Progress } from "./progress.ts";
import { nowMs } from "./sleep.ts";
import type { World } from "./world.ts";

export interface Settling {
  operator: Operator;
  http: Http;
  /** Undefined where it cannot be run from here, or need not be. */
  cron: (() => Promise<void>) | undefined;
  seconds: number | undefined;
  signal: AbortSignal | undefined;
  progress: Progress;
}

/** Cron runs once a minute, and one run must do. */
const SECONDS = 75;
/** A webhook that is lost is asked for after half a minute, and what failed is tried again after one. */
const PAID_SECONDS = 150;
/** After the time given, what there is may still be read. */
const LAST_LOOK_MS = 10_000;
const CRON_EVERY_MS = 10_000;
const LOOK_EVERY_MS = 1000;

/** @returns undefined when the operator's view cannot be had, or nobody waits for it any more */
export async function settle(
  world: Pick<World, "saleId" | "page" | "lookBacks">,
  settling: Settling,
): Promise<Books | undefined> {
  const { saleId, page } = world;
  const { operator, http, cron, signal } = settling;
  const untilMs =
    nowMs() + (settling.seconds ?? (world.lookBacks.length > 0 ? PAID_SECONDS : SECONDS)) * 1000;
  if (signal?.aborted !== true)
    settling.progress.note(
      "the crowd is done; waiting for holds to end, payments to be decided and the outbox to reach Postgres",
    );
  let cronAtMs = nowMs() + CRON_EVERY_MS;
  let absent = world.lookBacks;
  while (signal?.aborted !== true && nowMs() < untilMs + LAST_LOOK_MS) {
    await http.send({ step: "operator", method: "GET", path: `/api/sales/${saleId}/pulse`, headers: {} });
    if (cron !== undefined && nowMs() >= cronAtMs) {
      // One that fails is no more than one that did not run.
      await cron().catch(() => undefined);
      cronAtMs = nowMs() + CRON_EVERY_MS;
    }
    const money = await page?.money(saleId);
    const live = await operator.live(saleId);
    if (live !== undefined) {
      const isClosed = areBooksClosed(live) && areDecided(money);
      const isLast = nowMs() >= untilMs;
      if (isClosed || isLast) absent = await stillAbsent(absent);
      const settled = isClosed && absent.length === 0;
      const orders = settled || isLast ? await operator.orders(saleId) : undefined;
      if (orders !== undefined) return { live, orders, money, settled };
    }
    await wait(LOOK_EVERY_MS);
  }
  return undefined;
}

async function stillAbsent(absent: World["lookBacks"]): Promise<World["lookBacks"]> {
  const known = await Promise.all(absent.map((look) => look()));
  return absent.filter((_, index) => known[index] !== true);
}

const areBooksClosed = ({ stored, outbox, line, items }: LiveAnswer) =>
  stored !== null &&
  outbox.entries === 0 &&
  line.holds === 0 &&
  items.every(({ held, slots }) => held === 0 && slots === 0);

const areDecided = (money: Money | undefined) =>
  money?.intents.some(({ status }) => openStatuses.has(status)) !== true;
