/** What an operator watches and a rehearsal proves with: Redis, the outbox and Postgres side by side. */
import { z } from "zod";
import type { Live, StoredOrder } from "../../domain/api.ts";
import type { Refusal } from "../../domain/refusal.ts";
import type { Sale } from "../../domain/sale.ts";
import { saleSchema } from "../../domain/sale.ts";
import { bigint } from "../postgres/client.ts";
import { snapshotPhase, tick } from "../queue/pulse.ts";
import { persist } from "../redis/client.ts";
import { saleKeys } from "../redis/keys.ts";
import { billOf } from "../redis/price.ts";
import type { Services } from "../services.ts";
import { sumOf, type Tally } from "../tallies.ts";
import { pending } from "../sync/sync.ts";
import { Unavailable } from "../unavailable.ts";
import ordersSql from "./orders.sql";
import { storedItems } from "./publish.ts";
import { missing } from "./sale.ts";
import storedSql from "./stored.sql";

/** Seconds over which orders are counted to say how many come in one. */
const RATE_SECONDS = 10;

const storedRow = z
  .object({
    orders: bigint,
    recent_orders: bigint,
    authorised: bigint,
    captured: bigint,
    refunded: bigint,
    discrepancies: bigint,
    items: storedItems,
    sums: z.object({ shoppers: z.int(), ledgerDifference: z.int(), movements: z.int() }).nullable(),
  })
  .transform(({ recent_orders, authorised, captured, refunded, ...rest }) => ({
    ...rest,
    ordersPerSecond: recent_orders / RATE_SECONDS,
    money: { authorised, captured, refunded },
  }));
type Sums = NonNullable<z.output<typeof storedRow>["sums"]>;

/** To add up as many movements takes Postgres about 10 ms, and each open console looks once a second. */
const LARGE_MOVEMENTS = 20_000;
/** For so long this isolate says again what a large ledger came to. */
const SUMS_LAST_MS = 10_000;
const largeSums = new Map<string, { sums: Sums; untilMs: number }>();

async function readStored(services: Services, saleId: string): Promise<Live["stored"]> {
  const kept = largeSums.get(saleId);
  const known = kept !== undefined && Date.now() < kept.untilMs ? kept.sums : undefined;
  const [row] = await services.postgres(storedRow, storedSql, [saleId, RATE_SECONDS, known === undefined]);
  if (row === undefined) return null;
  const { sums, ...stored } = row;
  if (sums !== null && sums.movements >= LARGE_MOVEMENTS)
    largeSums.set(saleId, { sums, untilMs: Date.now() + SUMS_LAST_MS });
  const told = sums ?? known;
  if (told === undefined) return null;
  return { ...stored, shoppers: told.shoppers, ledgerDifference: told.ledgerDifference };
}

export async function readLive(
  services: Services,
  saleId: string,
): Promise<Live | Refusal<"not_found" | "on_hold">> {
  const state = await tick(services, saleId);
  if (state === undefined) return await missing(services, saleId);
  const [stored, outbox, tally, memoryBytes] = await Promise.all([
    readStored(services, saleId).catch((error: unknown) => {
      if (error instanceof Unavailable) return null;
      throw error;
    }),
    pending(services, saleId, state.nowMs),
    readTally(services, saleId),
    readMemory(services),
  ]);
  const { commands, usd } = billOf(tally);
  return {
    now: new Date(state.nowMs).toISOString(),
    phase: snapshotPhase(state),
    mode: state.mode,
    epoch: state.epoch,
    line: {
      joined: state.joined,
      nowServing: state.nowServing,
      waiting: state.waiting,
      inside: state.inside,
      holds: state.holds,
    },
    perSecond: state.perSecond,
    release: state.release,
    items: state.items,
    turnedAway: { limited: tally["edge 429"] ?? 0, failed: tally["edge 5xx"] ?? 0 },
    redis: { memoryBytes, billedCommands: commands, billedUsd: usd },
    outbox,
    stored,
  };
}

const tallyJson = z.string().transform((text) => z.record(z.string(), z.number()).parse(JSON.parse(text)));

async function readTally(services: Services, saleId: string): Promise<Tally> {
  const { tallies } = saleKeys(saleId);
  const texts: unknown = await persist("HVALS", () => services.redis.hvals(tallies));
  return sumOf(z.array(tallyJson).parse(texts));
}

/** What all of Redis takes up. @returns null where it does not say so */
async function readMemory(services: Services): Promise<number | null> {
  const info = await persist("INFO", () => services.redis.exec<unknown>(["INFO", "memory"]));
  const used = /^used_memory:(\d+)/m.exec(String(info))?.[1];
  return used === undefined ? null : Number(used);
}

const orderRow = z
  .object({
    id: z.string(),
    shopper: z.string(),
    number: bigint,
    units: bigint,
    total: bigint,
    confirmed_at: z.coerce.date(),
  })
  .transform(({ confirmed_at, ...order }): StoredOrder => ({
    ...order,
    confirmedAt: confirmed_at.toISOString(),
  }));

/** @param after the last id of the page before */
export async function listOrders(
  services: Services,
  saleId: string,
  after: string | undefined,
  limit: number,
): Promise<StoredOrder[]> {
  return await services.postgres(orderRow, ordersSql, [saleId, after ?? null, limit]);
}

export async function listStoredSales(services: Services): Promise<Sale[]> {
  const rows = await services.postgres(
    z.object({ definition: saleSchema }),
    "select definition from sales order by created_at desc, id",
    [],
  );
  return rows.map(({ definition }) => definition);
}
