/**
 * The asynchronous write: a sale's outbox, applied to Postgres. Exactly once rests on the statement (apply.sql), not on
 * there being one drainer; that there is mostly one only saves work. Called after each change and by cron.
 */
import { z } from "zod";
import { persist } from "../redis/client.ts";
import { saleKeys } from "../redis/keys.ts";
import { Refused } from "../postgres/client.ts";
import type { Services } from "../services.ts";
import { Unavailable } from "../unavailable.ts";
import applySql from "./apply.sql";
import { rowsOf, type Entry } from "./batch.ts";
import setAsideSql from "./set-aside.sql";

/** Entries per statement; fewer are slower, more are not faster, here. */
const BATCH_ENTRIES = 2000;
/** At most two drains a second. */
const LEASE_MS = 500;
/** How long a drain of this isolate may be under way before another one no longer waits for it. */
const DRAIN_MAX_MS = 15_000;
/** Trimming is a command of its own, so small rests are left to cron. */
const TRIM_FROM_ENTRIES = 100;

const movedRow = z.object({ moved: z.boolean() });
const cursorRow = z.object({ last_entry: z.string() });
/** `XRANGE` without the client's decoding: [entry, [field, value]]. What else there may be is refused by Postgres. */
const rangeReply = z.array(z.tuple([z.string(), z.tuple([z.string(), z.string()]).rest(z.string())]));

/** When the drain of a sale that this isolate has under way or planned is over at the latest (ms). */
const busyUntil = new Map<string, number>();

/**
 * Drains once a lease can be had. One waits per isolate and sale; the changes of all who come meanwhile are in the
 * outbox before it drains, so they need not wait too.
 */
export async function drainSoon(services: Services, saleId: string): Promise<void> {
  if ((busyUntil.get(saleId) ?? 0) > Date.now()) return;
  busyUntil.set(saleId, Date.now() + DRAIN_MAX_MS);
  const { drain: lease } = saleKeys(saleId);
  const take = () => services.redis.set(lease, "1", { nx: true, px: LEASE_MS });
  try {
    while ((await persist("lease", take)) !== "OK") {
      if ((busyUntil.get(saleId) ?? 0) < Date.now()) return;
      await new Promise((resolve) => setTimeout(resolve, LEASE_MS / 2));
    }
  } finally {
    busyUntil.delete(saleId);
  }
  await drain(services, saleId);
}

/**
 * Applies all there is in the outbox of a sale.
 * @param batchEntries entries per statement
 * @returns how many entries this call applied
 * @throws {Unavailable} a store did not answer; what was applied until then stays applied
 */
export async function drain(
  services: Services,
  saleId: string,
  { trim = false, batchEntries = BATCH_ENTRIES } = {},
): Promise<number> {
  const { outbox } = saleKeys(saleId);
  let cursor = await readCursor(services, saleId);
  let ahead = cursor === undefined ? undefined : readAfter(services, saleId, cursor, batchEntries);
  let applied = 0;
  while (cursor !== undefined && ahead !== undefined) {
    const batch: Batch = await ahead;
    const { entries } = batch;
    const last = entries.at(-1);
    if (last === undefined) break;
    // While Postgres writes, Redis reads what comes next.
    ahead = entries.length < batchEntries ? undefined : readAfter(services, saleId, last.entry, batchEntries);
    ahead?.catch(() => undefined);
    if (await applyOrSetAside(services, saleId, cursor, batch)) {
      applied += entries.length;
      cursor = last.entry;
    } else {
      // Whoever moved it instead may have read less than is here.
      cursor = await readCursor(services, saleId);
      ahead = cursor === undefined ? undefined : readAfter(services, saleId, cursor, batchEntries);
    }
  }
  if (cursor !== undefined && cursor !== "0-0" && (trim || applied >= TRIM_FROM_ENTRIES)) {
    const minId = cursor;
    await persist("XTRIM", () =>
      services.redis.xtrim(outbox, { strategy: "MINID", exactness: "=", threshold: minId }),
    );
  }
  return applied;
}

interface Batch {
  entries: Entry[];
  /** Or why it cannot be applied as a whole. */
  rows: string[] | Refused;
}

async function readAfter(services: Services, saleId: string, cursor: string, most: number): Promise<Batch> {
  const { outbox } = saleKeys(saleId);
  const reply = await persist("XRANGE", () => services.redis.xrange(outbox, `(${cursor}`, "+", most));
  return batchOf(rangeReply.parse(reply).map(([entry, [, event]]) => ({ entry, event })));
}

function batchOf(entries: Entry[]): Batch {
  try {
    return { entries, rows: rowsOf(entries) };
  } catch (error) {
    if (error instanceof Refused) return { entries, rows: error };
    throw error;
  }
}

/** @returns undefined for a sale that Postgres does not know */
async function readCursor(services: Services, saleId: string): Promise<string | undefined> {
  const [row] = await services.postgres(cursorRow, "select last_entry from sync_cursor where sale_id = $1", [
    saleId,
  ]);
  return row?.last_entry;
}

/** @returns whether this call moved the cursor to the last entry */
async function applyOrSetAside(
  services: Services,
  saleId: string,
  cursor: string,
  { entries, rows }: Batch,
): Promise<boolean> {
  try {
    if (rows instanceof Refused) throw rows;
    const last = entries.at(-1)?.entry ?? cursor;
    const [row] = await services.postgres(movedRow, applySql, [saleId, cursor, last, ...rows]);
    return row?.moved ?? false;
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    if (entries.length === 1) return await setAside(services, saleId, cursor, entries, error);
  }
  // One of them is refused: half by half, until it stands alone and does not stop the rest.
  const middle = entries.length >> 1;
  for (const half of [entries.slice(0, middle), entries.slice(middle)]) {
    if (!(await applyOrSetAside(services, saleId, cursor, batchOf(half)))) return false;
    cursor = half.at(-1)?.entry ?? cursor;
  }
  return true;
}

async function setAside(
  services: Services,
  saleId: string,
  cursor: string,
  [refused]: Entry[],
  { constraint, message }: Refused,
): Promise<boolean> {
  if (refused === undefined) return false;
  // A NUL is valid in a Redis string and in JSON, but not in Postgres.
  const event = refused.event.replaceAll("\0", "\ufffd");
  const evidence = JSON.stringify({ ...refused, event, constraint, reason: message });
  const [row] = await services.postgres(movedRow, setAsideSql, [saleId, cursor, refused.entry, evidence]);
  return row?.moved ?? false;
}

/** How many entries `pending` looks at; beyond it, "at least so many". */
const PENDING_MAX = 10_000;

/**
 * What Postgres does not know yet: entries, and the age of the oldest. While Postgres does not answer, the whole stream
 * counts.
 */
export async function pending(
  services: Services,
  saleId: string,
  nowMs: number,
): Promise<{ entries: number; lagSeconds: number }> {
  const cursor = await readCursor(services, saleId).catch((error: unknown) => {
    if (error instanceof Unavailable) return "0-0";
    throw error;
  });
  const { outbox } = saleKeys(saleId);
  const entries = rangeReply.parse(
    await persist("XRANGE", () => services.redis.xrange(outbox, `(${cursor ?? "0-0"}`, "+", PENDING_MAX)),
  );
  const oldestMs = Number(entries[0]?.[0].split("-")[0] ?? nowMs);
  return { entries: entries.length, lagSeconds: Math.max(0, nowMs - oldestMs) / 1000 };
}
