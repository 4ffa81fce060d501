/**
 * The phase of a sale, derived from the clock, the operator's mode and the stock. No job has to run for it to change.
 * Pure: no I/O, no clock, `nowMs` is passed in.
 */
import type { Mode, Phase, Sale } from "./sale.ts";

/** How long before opening people may line up when the sale has no registration. */
const LOBBY_MS = 15 * 60_000;

export interface SaleTimes {
  registrationOpensAtMs: number | undefined;
  /** When the line starts to take people. */
  lobbyOpensAtMs: number;
  opensAtMs: number;
  closesAtMs: number;
}

export function saleTimes(
  sale: Pick<Sale, "registrationOpensAt" | "registrationClosesAt" | "opensAt" | "closesAt">,
): SaleTimes {
  const opensAtMs = Date.parse(sale.opensAt);
  const registrationOpensAtMs =
    sale.registrationOpensAt === undefined ? undefined : Date.parse(sale.registrationOpensAt);
  const lobbyOpensAtMs =
    sale.registrationClosesAt === undefined
      ? Math.max(opensAtMs - LOBBY_MS, registrationOpensAtMs ?? 0)
      : Date.parse(sale.registrationClosesAt);
  return { registrationOpensAtMs, lobbyOpensAtMs, opensAtMs, closesAtMs: Date.parse(sale.closesAt) };
}

export interface SaleState {
  mode: Mode;
  /** Set once by settlement. */
  settled: boolean;
  /** Nothing is left and nothing can come back. */
  soldOut: boolean;
}

export function phaseOf(times: SaleTimes, state: SaleState, nowMs: number): Phase {
  if (state.settled) return "settled";
  if (nowMs >= times.closesAtMs) return "closed";
  if (nowMs >= times.opensAtMs) return state.soldOut ? "sold_out" : "open";
  if (nowMs >= times.lobbyOpensAtMs) return "lobby";
  if (times.registrationOpensAtMs !== undefined && nowMs >= times.registrationOpensAtMs)
    return "registration";
  return "scheduled";
}
