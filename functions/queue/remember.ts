/**
 * What of the line must outlive Redis, written to Postgres after a tick that changed it: how far it was served, a number
 * that none given out exceeds, and the size of a draw. A rebuilt line gives new numbers from there on, so that every old
 * ticket keeps its place before them. Accepted: while Postgres is away the line goes on, and the bound may be passed.
 */
import { z } from "zod";
import { persist } from "../redis/client.ts";
import { saleKeys } from "../redis/keys.ts";
import type { Services } from "../services.ts";
import type { SaleSnapshot } from "./pulse.ts";
import rememberSql from "./remember.sql";

/** The bound is twice what was given out, and this many more: a crowd that doubles within a second stays below it. */
const NUMBERS_AHEAD = 1000;
/** It is moved when so much of it is used. */
const USED_SHARE = 0.75;
/** How long a write may be under way before the next tick no longer waits for it. */
const UNDER_WAY_MAX_MS = 12_000;

const boundRow = z.object({ numbers_until: z.coerce.number() });

/** Per isolate: until when a write of a sale is under way, and the sales whose draw is written down. */
const busyUntil = new Map<string, number>();
const drawsWritten = new Set<string>();

export function rememberLine(services: Services, saleId: string, state: SaleSnapshot): void {
  const isDrawNew = state.draw?.drawn !== undefined && !drawsWritten.has(saleId);
  const isBoundNear = state.joined > state.numbersUntil * USED_SHARE;
  if (state.released === 0 && !isDrawNew && !isBoundNear) return;
  if ((busyUntil.get(saleId) ?? 0) > Date.now()) return;
  busyUntil.set(saleId, Date.now() + UNDER_WAY_MAX_MS);
  services.later(write(services, saleId, state).finally(() => busyUntil.delete(saleId)));
}

async function write(services: Services, saleId: string, state: SaleSnapshot): Promise<void> {
  const until = Math.max(state.numbersUntil, 2 * state.joined + NUMBERS_AHEAD);
  const [row] = await services.postgres(boundRow, rememberSql, [
    saleId,
    state.epoch,
    state.nowServing,
    until,
    state.draw?.drawn ?? null,
  ]);
  if (row === undefined) return;
  if (state.draw?.drawn !== undefined) drawsWritten.add(saleId);
  if (row.numbers_until <= state.numbersUntil) return;
  const { sale } = saleKeys(saleId);
  await persist("HSET", () => services.redis.hset(sale, { numbersUntil: row.numbers_until }));
}
