/** What the shoppers of one run share: the sale, the wire, the clock, and what has been seen so far. */
import type { Draw, Pulse } from "../../domain/api.ts";
import type { Item, Line } from "./crowd.ts";
import { unitsOf, type SeenPulse } from "./history.ts";
import type { Http } from "./http.ts";
import type { PaymentPage } from "./payment-page.ts";
import { nowMs, type Sleep } from "./sleep.ts";

export interface World {
  url: string;
  local: boolean;
  seed: number;
  saleId: string;
  items: readonly Item[];
  opensAtMs: number;
  /** Undefined where nobody of ours can pay. */
  page: PaymentPage | undefined;
  /** One for each payment, for when all is over. @returns whether it is known what came of it */
  lookBacks: (() => Promise<boolean>)[];
  http: Http;
  sleep: Sleep;
  stopped: () => boolean;
  /** Something is broken on purpose: 5xx are counted, and no surprise. */
  faultsExpected: boolean;
  /** Until when slots are kept, by the server's clock; undefined without slots. */
  claimUntilMs: number | undefined;
  /** Another sale, and a ticket of it, if there is one. */
  otherSaleId: string;
  foreignTicket: string | undefined;
  seen: Seen;
  tally: Tally;
}

/** Where the crowd stands, for the live line. */
export interface Tally {
  arrived: number;
  inLine: number;
  inside: number;
  heldUnits: number;
  orders: number;
  soldUnits: number;
  finished: number;
}

export const createTally = (): Tally => ({
  arrived: 0,
  inLine: 0,
  inside: 0,
  heldUnits: 0,
  orders: 0,
  soldUnits: 0,
  finished: 0,
});

/** What all pulses together have told. */
export interface Seen {
  pulse: (pulse: Pulse, receivedAtMs: number) => void;
  /** The latest by the server's clock. */
  latest: () => Pulse | undefined;
  pulses: () => SeenPulse[];
  draws: () => { nowMs: number; draw: Draw }[];
  clockAheadMs: () => number;
  /** The server's clock, as corrected from the pulses. */
  serverNowMs: () => number;
  holds: Map<string, { shopper: number; lines: Line[] }>;
}

export function createSeen(): Seen {
  const pulses = new Map<string, SeenPulse>();
  const draws = new Map<string, { nowMs: number; draw: Draw }>();
  /** Thousands read the same pulse: looked at once. */
  const known = new WeakMap<Pulse, number>();
  let latest: { pulse: Pulse; nowMs: number } | undefined;
  let clockAheadMs = Infinity;
  const ahead = () => (clockAheadMs === Infinity ? 0 : clockAheadMs);

  function learn(pulse: Pulse): number {
    const atMs = Date.parse(pulse.now);
    known.set(pulse, atMs);
    const [nowServing, slotsLeft] = [pulse.nowServing, pulse.slots?.left];
    pulses.set(`${pulse.now} ${nowServing} ${slotsLeft}`, { nowMs: atMs, nowServing, slotsLeft });
    if (latest === undefined || atMs > latest.nowMs) latest = { pulse, nowMs: atMs };
    if (pulse.draw !== undefined) {
      const version = JSON.stringify(pulse.draw);
      const before = draws.get(version)?.nowMs ?? Infinity;
      draws.set(version, { nowMs: Math.min(before, atMs), draw: pulse.draw });
    }
    return atMs;
  }

  return {
    pulse(pulse, receivedAtMs) {
      const atMs = known.get(pulse) ?? learn(pulse);
      // A pulse is never from the future, so the freshest one says best how far our clock is ahead.
      clockAheadMs = Math.min(clockAheadMs, receivedAtMs - atMs);
    },
    latest: () => latest?.pulse,
    pulses: () => [...pulses.values()].sort((a, b) => a.nowMs - b.nowMs),
    draws: () => [...draws.values()],
    clockAheadMs: ahead,
    serverNowMs: () => nowMs() - ahead(),
    holds: new Map(),
  };
}

export function countHold(world: World, shopper: number, id: string, lines: Line[]): void {
  world.seen.holds.set(id, { shopper, lines });
  world.tally.heldUnits += unitsOf(lines);
}

/** The hold became something else, or its time is up. Safe to say twice. */
export function endHold(world: World, id: string): void {
  const hold = world.seen.holds.get(id);
  if (hold === undefined) return;
  world.seen.holds.delete(id);
  world.tally.heldUnits -= unitsOf(hold.lines);
}
