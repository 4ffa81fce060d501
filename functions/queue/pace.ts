/**
 * How often people look at the pulse. Pure. Every look is a request that somebody pays for, from the cache or not, and
 * most of a big sale's bill: so the crowd as a whole makes only so many a second, those near their turn first. Trade-off:
 * who is far back, or cannot be reached by what is left, may hear up to half a minute later that all is sold.
 */
import type { Pulse } from "../../domain/api.ts";
import type { SaleSnapshot } from "./pulse.ts";

/** While everything can be sold before the next release, each second's pulse is read by all: known within two. */
const POLL_MS = 1_000;
/** Nothing happens to the line between two releases. */
const POLL_OPEN_MAX_MS = 5_000;
const POLL_MAX_MS = 30_000;

/** A line of so many people looks at the full pace; of a longer one, those far back look so often a second together. */
const FULL_PACE_PEOPLE = 5_000;
const FAR_LOOKS_PER_SECOND = 2_500;
/** So many times the people of the releases until the next look are near: the line may move faster than it does now. */
const NEAR_MARGIN = 2;

/** What of a sale's state the pace depends on. */
export type PacedSale = Pick<
  SaleSnapshot,
  "nowMs" | "mode" | "draw" | "inside" | "mostEach" | "waiting" | "nowServing" | "reach"
> & {
  times: Pick<SaleSnapshot["times"], "opensAtMs">;
  release: Pick<SaleSnapshot["release"], "everySeconds" | "size">;
  items: Pick<SaleSnapshot["items"][number], "available">[];
};

/** Before opening a poll may wait a tenth of the time to go; then until the next release, or less near the end. */
export function pollAfterMs({ nowMs, times, release, items, inside, mostEach }: PacedSale): number {
  const toOpeningMs = times.opensAtMs - nowMs;
  if (toOpeningMs > 0) return Math.min(POLL_MAX_MS, Math.max(POLL_MS, Math.floor(toOpeningMs / 10)));
  const available = items.reduce((sum, item) => sum + item.available, 0);
  if (available <= inside * mostEach) return POLL_MS;
  const everyMs = release.everySeconds * 1000;
  const toReleaseMs = everyMs + (toOpeningMs % everyMs);
  return Math.min(POLL_OPEN_MAX_MS, Math.max(POLL_MS, toReleaseMs));
}

/** From which place on people may look less often, and how often; undefined where all look alike. */
export function farBack(state: PacedSale): Pulse["far"] {
  const { mode, draw, waiting, nowServing, release, reach } = state;
  // Where everybody may go at once, or no place is drawn yet, nobody is far back.
  if (mode === "passthrough" || (draw !== undefined && draw.drawn === undefined)) return undefined;
  const paceMs = Math.min(
    POLL_MAX_MS,
    Math.ceil(((waiting - FULL_PACE_PEOPLE) / FAR_LOOKS_PER_SECOND) * 1000),
  );
  if (paceMs <= pollAfterMs(state)) return undefined;
  const releases = 1 + Math.ceil(paceMs / 1000 / release.everySeconds);
  const called = nowServing + NEAR_MARGIN * releases * release.size;
  return { beyond: Math.min(called, reach?.possible ?? Infinity), pollAfterMs: paceMs };
}
