/** What an operator watches and a rehearsal proves with: Redis, the outbox and Postgres side by side. */
import { z } from "zod";
import type { Live, StoredOrder } from "../../domain/api.ts";
import type { Refusal } from "../../domain/refusal.ts";
import type { Sale } from "../../domain/sale.ts";
import { saleSchema } from "../../domain/sale.ts";
import { bigint } from "../postgres/client.ts";
import { snapshotPhase, tick } from "../queue/pulse.ts";
import type { Services } from "../services.ts";
import { pending } from "../sync/sync.ts";
import { Unavailable } from "../unavailable.ts";
import ordersSql from "./orders.sql";
import { storedItems } from "./publish.ts";
import { missing } from "./sale.ts";
import storedSql from "./stored.sql";

const storedRow = z
  .object({
    orders: bigint,
    shoppers: bigint,
    discrepancies: bigint,
    ledger_difference: bigint,
    items: storedItems,
  })
  .transform(({ ledger_difference: ledgerDifference, ...rest }) => ({ ...rest, ledgerDifference }));

export async function readLive(
  services: Services,
  saleId: string,
): Promise<Live | Refusal<"not_found" | "on_hold">> {
  const state = await tick(services, saleId);
  if (state === undefined) return await missing(services, saleId);
  const [stored] = await services.postgres(storedRow, storedSql, [saleId]).catch((error: unknown) => {
    if (error instanceof Unavailable) return [];
    throw error;
  });
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
    release: state.release,
    items: state.items,
    outbox: await pending(services, saleId, state.nowMs),
    stored: stored ?? null,
  };
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
