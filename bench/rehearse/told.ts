/**
 * "All is sold" (design §5.2): the time from the confirmation of the last order, by the server's clock, to each waiting
 * shopper's hearing of it. Pure.
 *
 * Whom the pulse found far back, and asked to look less often, is in time at that look.
 *
 * The rehearsal plays all devices in one thread. What it was late by itself is told apart: a shopper who heard too late
 * counts against the system, unless the look that told was sent late by this process, or this process or the front's
 * stood still meanwhile. Such a one proves nothing either way, and the report says how many there were.
 */
import { unitsOf, type History } from "./history.ts";
import { longestStall, type Stall } from "./lag.ts";

export const TOLD_WITHIN_MS = 2000;
/** Who is far back looks as often as the pulse asks, and up to so much later (`paceMs` in static/assets/api.js). */
const FAR_SPREAD = 1.2;
/** What the rehearsing machine may be late by before it can no longer vouch for a shopper's hearing late. */
export const OWN_DELAY_MAX_MS = 200;

export interface Hearing {
  shopper: number;
  /** From the last order to hearing of it. */
  afterMs: number;
  /** Time in which the shopper's look waited for this process. */
  ownDelayMs: number;
  /** What is in time for this one. */
  withinMs: number;
  isFarBack: boolean;
  /** The longest time the crowd's process or the front's stood still meanwhile. */
  stallMs: number;
}

export interface Telling {
  hearings: Hearing[];
  late: Hearing[];
  /** Those of the late ones that the rehearsal cannot vouch for. */
  lateByMachine: Hearing[];
  /** The longest stall until the last one had heard; null where the front runs elsewhere. */
  stallMs: { crowd: number; front: number | null };
}

/** @returns undefined while something is unsold: then there is nothing to be told */
export function tellingOf({ items, shoppers, stalls }: History): Telling | undefined {
  const orders = shoppers.flatMap((s) => s.orders);
  const stock = items.reduce((sum, item) => sum + item.stock, 0);
  const sold = orders.reduce((sum, order) => sum + unitsOf(order.lines), 0);
  if (orders.length === 0 || sold < stock) return undefined;

  // An order is confirmed after it was asked for. So our clock is ahead of the server's by no less than this, and no
  // hearing is measured as shorter than it was.
  const most = (of: (order: (typeof orders)[number]) => number) =>
    orders.reduce((highest, order) => Math.max(highest, of(order)), -Infinity);
  const aheadMs = most(({ sentAtMs, confirmedAtMs }) => sentAtMs - confirmedAtMs);
  const lastOrderMs = most(({ confirmedAtMs }) => confirmedAtMs) + aheadMs;
  const since = (all: readonly Stall[]) => all.filter(({ untilMs }) => untilMs >= lastOrderMs);
  const [crowd, front] = [since(stalls.crowd), since(stalls.front ?? [])];
  const hearings = shoppers.flatMap(({ shopper, join, told }): Hearing[] => {
    if (told === undefined || join === undefined || join.answeredAtMs > lastOrderMs) return [];
    return [
      {
        shopper,
        afterMs: Math.max(0, told.atMs - lastOrderMs),
        ownDelayMs: told.ownDelayMs,
        withinMs: TOLD_WITHIN_MS + FAR_SPREAD * (told.farMs ?? 0),
        isFarBack: told.farMs !== undefined,
        stallMs: longestStall([...crowd, ...front], lastOrderMs, told.atMs),
      },
    ];
  });

  const late = hearings.filter(({ afterMs, withinMs }) => afterMs > withinMs);
  const untilMs = lastOrderMs + hearings.reduce((most, { afterMs }) => Math.max(most, afterMs), 0);
  return {
    hearings,
    late,
    lateByMachine: late.filter(({ ownDelayMs, stallMs }) => Math.max(ownDelayMs, stallMs) > OWN_DELAY_MAX_MS),
    stallMs: {
      crowd: longestStall(crowd, lastOrderMs, untilMs),
      front: stalls.front === undefined ? null : longestStall(front, lastOrderMs, untilMs),
    },
  };
}
