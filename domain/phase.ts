/**
 * The phase of a sale, derived from the clock, the operator's mode and the stock. No job has to run for it to change.
 * Pure: no I/O, no clock, `nowMs` is passed in.
 */
import type { Mode } from "./mode.ts";
import type { Phase, Sale } from "./sale.ts";

/** How long before opening people may line up when the sale has no registration. */
const LOBBY_MS = 15 * 60_000;

export interface SaleTimes {
  /** While addresses are taken, where they are at all. */
  registration: { fromMs: number; untilMs: number } | undefined;
  /** From when it is final who has a slot. */
  slotsDecidedFromMs: number;
  /** When the line starts to take people. */
  lobbyOpensAtMs: number;
  opensAtMs: number;
  closesAtMs: number;
}

export function saleTimes(
  sale: Pick<
    Sale,
    "registrationOpensAt" | "registrationClosesAt" | "opensAt" | "closesAt" | "identity" | "slots"
  >,
): SaleTimes {
  const at = (time: string | undefined) => (time === undefined ? undefined : Date.parse(time));
  const opensAtMs = Date.parse(sale.opensAt);
  const closesAtMs = Date.parse(sale.closesAt);
  const [fromMs, untilMs] = [at(sale.registrationOpensAt), at(sale.registrationClosesAt)];
  const needsAddresses = sale.identity === "registered";
  const takesAddresses = needsAddresses || sale.slots !== undefined || fromMs !== undefined;
  return {
    // A sale that needs them takes them from its creation, and for as long as it lasts, where it says nothing else.
    registration: takesAddresses
      ? { fromMs: fromMs ?? 0, untilMs: untilMs ?? (needsAddresses ? closesAtMs : opensAtMs) }
      : undefined,
    slotsDecidedFromMs: untilMs ?? opensAtMs,
    lobbyOpensAtMs: untilMs ?? Math.max(opensAtMs - LOBBY_MS, fromMs ?? 0),
    opensAtMs,
    closesAtMs,
  };
}

export interface SaleState {
  mode: Mode;
  /** Set once by settlement. */
  settled: boolean;
  /** Nothing is left and nothing can come back. */
  soldOut: boolean;
}

export function phaseOf(
  times: Pick<SaleTimes, "lobbyOpensAtMs" | "opensAtMs" | "closesAtMs"> & {
    registration: { fromMs: number } | undefined;
  },
  state: SaleState,
  nowMs: number,
): Phase {
  if (state.settled) return "settled";
  if (nowMs >= times.closesAtMs) return "closed";
  if (nowMs >= times.opensAtMs) return state.soldOut ? "sold_out" : "open";
  if (nowMs >= times.lobbyOpensAtMs) return "lobby";
  if (times.registration !== undefined && nowMs >= times.registration.fromMs) return "registration";
  return "scheduled";
}
