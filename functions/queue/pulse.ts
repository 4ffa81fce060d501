/** The pulse: releases who is due, and says how the sale stands, the same for everybody (design §5.2). */
import { z } from "zod";
import type { Pulse } from "../../domain/api.ts";
import { phaseOf } from "../../domain/phase.ts";
import type { Refusal } from "../../domain/refusal.ts";
import { modes } from "../../domain/mode.ts";
import { bounds } from "../../domain/sale.ts";
import { runScript, type Script } from "../redis/client.ts";
import { saleKeys } from "../redis/keys.ts";
import { expireHolds } from "../reservation/expire.ts";
import { settleSlots } from "../registration/slots.ts";
import { missing } from "../sale/sale.ts";
import type { Services } from "../services.ts";
import { becomesOverdue, news } from "../tallies.ts";
import { drawOf } from "./draw.ts";
import { farBack, pollAfterMs } from "./pace.ts";
import releaseLua from "./release.lua";
import { rememberLine } from "./remember.ts";

const count = z.number().int();
const stateReply = z
  .tuple([
    z.literal("state"),
    z.tuple([count, count, z.enum(modes), z.string(), count, count, count, count]),
    z.tuple([count, count, count, count, count]),
    z.tuple([count, count, count, count, count, count, z.enum(["", "1"])]),
    z.tuple([count, count, count, z.enum(bounds)]),
    z.union([z.tuple([]), z.tuple([count, count, count])]),
    z.tuple([z.string(), count]),
    z.array(z.string()),
  ])
  .transform(([, line, times, room, release, reach, [seed, drawn], stock]) => {
    const [epoch, nowMs, mode, settled, nowServing, joined, perSecondMilli, numbersUntil] = line;
    const [lobbyOpensAtMs, registrationFromMs, opensAtMs, closesAtMs, claimUntilMs] = times;
    const [unsold, released, waiting, inside, holds, overdue, slotsDue] = room;
    const [everyMs, size, last, boundBy] = release;
    return {
      word: "state" as const,
      epoch,
      nowMs,
      mode,
      settled: settled !== "",
      nowServing,
      joined,
      numbersUntil,
      perSecond: perSecondMilli / 1000,
      release: { everySeconds: everyMs / 1000, size, last, boundBy },
      reach: reach.length === 0 ? null : { left: reach[0], expected: reach[1], possible: reach[2] },
      draw: seed === "" ? undefined : { seed, drawn: drawn === 0 && nowMs < opensAtMs ? undefined : drawn },
      times: {
        lobbyOpensAtMs,
        registration: registrationFromMs < 0 ? undefined : { fromMs: registrationFromMs },
        opensAtMs,
        closesAtMs,
      },
      unsold,
      released,
      waiting,
      inside,
      holds,
      overdue,
      slotsDue: slotsDue !== "",
      claimUntilMs: claimUntilMs < 0 ? undefined : claimUntilMs,
      items: stockOf(stock),
      mostEach: unitsOf(stock, "limit"),
    };
  });
const missingReply = z.tuple([z.literal("missing")]).transform(() => ({ word: "missing" as const }));

export interface ItemCounts {
  sku: string;
  stock: number;
  available: number;
  slots: number;
  held: number;
  confirmed: number;
}

export type SaleSnapshot = z.output<typeof stateReply>;

export const releaseScript: Script<SaleSnapshot | z.output<typeof missingReply>> = {
  name: "release",
  source: releaseLua,
  reply: z.union([stateReply, missingReply]),
  tellsNews: true,
};

/** Releases who is due and ends holds that are past their end; cron, pulses, joins and entries all may call it. */
export async function tick(services: Services, saleId: string): Promise<SaleSnapshot | undefined> {
  const keys = saleKeys(saleId);
  const counted = news(saleId, Date.now());
  const state = await runScript(
    services.redis,
    releaseScript,
    [keys.sale, keys.waitlist, keys.lobby, keys.released, keys.inside, keys.stock, keys.holds, keys.tallies],
    ["", counted.field, counted.text],
  );
  if (state.word === "missing") return undefined;
  counted.written();
  if (state.overdue > 0) services.later(expireHolds(services, saleId));
  if (state.slotsDue) services.later(settleSlots(services, saleId));
  rememberLine(services, saleId, state);
  return state;
}

/** The tick that this isolate has called last, by sale: when one is due, many joins notice at once. */
const lastCalled = new Map<string, number>();

/**
 * Ticks after the answer, if one is due: so that the line moves even while nobody reads the pulse; or if others do the
 * ticking and this isolate has something to tell.
 */
export function tickIfDue(services: Services, saleId: string, nowMs: number, nextTickMs: number): void {
  const isDue = nowMs >= nextTickMs && (lastCalled.get(saleId) ?? 0) < nextTickMs;
  if (!isDue && !becomesOverdue(saleId, Date.now())) return;
  if (isDue) lastCalled.set(saleId, nextTickMs);
  services.later(tick(services, saleId));
}

export async function readPulse(
  services: Services,
  saleId: string,
): Promise<Pulse | Refusal<"not_found" | "on_hold">> {
  const state = await tick(services, saleId);
  return state === undefined ? await missing(services, saleId) : await pulseOf(state);
}

/** A tenth of an item's stock, or less, is few. */
const FEW_SHARE = 0.1;

/** Pure: what the pulse says of a snapshot. */
export async function pulseOf(state: SaleSnapshot): Promise<Pulse> {
  const iso = (ms: number) => new Date(ms).toISOString();
  const { draw } = state;
  const far = farBack(state);
  return {
    now: iso(state.nowMs),
    phase: snapshotPhase(state),
    mode: state.mode,
    opensAt: iso(state.times.opensAtMs),
    closesAt: iso(state.times.closesAtMs),
    nowServing: state.nowServing,
    joined: state.joined,
    perSecond: state.perSecond,
    items: state.items.map(({ sku, stock, available }) => ({
      sku,
      left: available <= 0 ? "none" : available <= stock * FEW_SHARE ? "few" : "many",
    })),
    pollAfterMs: pollAfterMs(state),
    ...(far === undefined ? {} : { far }),
    epoch: state.epoch,
    release: state.release,
    reach: state.reach,
    ...(draw === undefined ? {} : { draw: await drawOf(draw.seed, draw.drawn) }),
    ...(state.claimUntilMs === undefined
      ? {}
      : {
          slots: {
            left: state.items.reduce((sum, item) => sum + item.slots, 0),
            claimUntil: iso(state.claimUntilMs),
          },
        }),
  };
}

export const snapshotPhase = (state: Pick<SaleSnapshot, "times" | "mode" | "settled" | "unsold" | "nowMs">) =>
  phaseOf(state.times, { mode: state.mode, settled: state.settled, soldOut: state.unsold <= 0 }, state.nowMs);

/** A field of the stock hash, over all skus. */
function unitsOf(flat: string[], field: string): number {
  let units = 0;
  for (let i = 0; i < flat.length; i += 2)
    if (flat[i]?.startsWith(`${field}:`) === true) units += Number(flat[i + 1]);
  return units;
}

/** The stock hash, `account:sku` → units, as a list by sku. */
function stockOf(flat: string[]): ItemCounts[] {
  const items = new Map<string, ItemCounts>();
  for (let i = 0; i < flat.length; i += 2) {
    const [, account, sku] = /^(stock|available|slots|held|confirmed):(.+)$/.exec(flat[i] ?? "") ?? [];
    if (account === undefined || sku === undefined) continue;
    const item = items.get(sku) ?? { sku, stock: 0, available: 0, slots: 0, held: 0, confirmed: 0 };
    item[account as Exclude<keyof ItemCounts, "sku">] = Number(flat[i + 1]);
    items.set(sku, item);
  }
  return [...items.values()].sort((a, b) => (a.sku < b.sku ? -1 : 1));
}
