/** What an operator looks up: a sale as it is stored, its reservations, its orders as CSV, the audit log. From Postgres. */
import Papa from "papaparse";
import { z } from "zod";
import type { AuditEntry, StoredReservation, StoredSale } from "../../domain/api.ts";
import { phaseOf, saleTimes } from "../../domain/phase.ts";
import { refuse, type Refusal } from "../../domain/refusal.ts";
import { modes } from "../../domain/mode.ts";
import { saleSchema, type Sale } from "../../domain/sale.ts";
import { bigint } from "../postgres/client.ts";
import type { Services } from "../services.ts";
import { Unavailable } from "../unavailable.ts";
import ordersCsvSql from "./orders-csv.sql";
import { readDefinition } from "./redefine.ts";
import reservationsSql from "./reservations.sql";
import { isStored, readSale } from "./sale.ts";

const instant = z.coerce.date().transform((at) => at.toISOString());

const saleRow = z.object({
  definition: saleSchema,
  mode: z.enum(modes),
  release_size: z.number().nullable(),
  epoch: z.number(),
  created_at: instant,
  published_at: instant.nullable(),
  settled_at: instant.nullable(),
});

export async function readStoredSale(
  services: Services,
  saleId: string,
): Promise<StoredSale | Refusal<"not_found">> {
  const [row] = await services.postgres(
    saleRow,
    `select definition, mode, release_size, epoch, created_at, published_at, settled_at from sales where id = $1`,
    [saleId],
  );
  if (row === undefined) return noSale(saleId);
  const known = await inRedis(services, row.definition);
  const settled = row.settled_at !== null;
  const state = { mode: row.mode, settled, soldOut: false };
  return {
    sale: row.definition,
    state: {
      phase: known.phase ?? phaseOf(saleTimes(row.definition), state, Date.now()),
      mode: known.mode ?? row.mode,
      releaseSize: row.release_size ?? row.definition.releaseSize,
      epoch: row.epoch,
      redis: known.is,
      createdAt: row.created_at,
      publishedAt: row.published_at,
      settledAt: row.settled_at,
    },
  };
}

async function inRedis(services: Services, stored: Sale) {
  try {
    const [now, sale] = [await readDefinition(services, stored.id), await readSale(services, stored.id)];
    if (now === undefined || sale === undefined) return { is: "missing" as const };
    const same = canonical(now.sale) === canonical(stored);
    return { is: same ? ("same" as const) : ("differs" as const), phase: sale.phase, mode: sale.mode };
  } catch (error) {
    if (error instanceof Unavailable) return { is: "unavailable" as const };
    throw error;
  }
}

/** Parsing puts the fields in the order of the schema. */
const canonical = (sale: Sale) => JSON.stringify(saleSchema.parse(sale));

export interface ReservationSearch {
  id?: string | undefined;
  shopper?: string | undefined;
  number?: number | undefined;
  state?: StoredReservation["state"] | undefined;
  /** The last id of the page before. */
  after?: string | undefined;
  limit: number;
}

const reservationRow = z
  .object({
    id: z.string(),
    shopper: z.string(),
    number: bigint,
    state: z.enum(["held", "confirmed", "released", "expired", "refunded"]),
    lines: z.array(z.object({ sku: z.string(), quantity: z.number(), price: z.number() })),
    total: bigint,
    held_at: instant,
    expires_at: instant,
    changed_at: instant,
    payments: z.array(
      z.object({
        intent: z.string(),
        amount: z.number(),
        state: z.enum(["authorised", "captured", "voided", "returned"]),
      }),
    ),
    refunds: z.array(
      z.object({
        id: z.string(),
        amount: z.number(),
        state: z.enum(["asked", "done", "failed"]),
        reason: z.string(),
        returnStock: z.boolean(),
        failure: z.string().nullable(),
      }),
    ),
    confirmed_at: instant.nullable(),
  })
  .transform(({ held_at, expires_at, changed_at, confirmed_at, ...rest }): StoredReservation => ({
    ...rest,
    confirmedAt: confirmed_at,
    heldAt: held_at,
    expiresAt: expires_at,
    changedAt: changed_at,
  }));

export async function listReservations(
  services: Services,
  saleId: string,
  { id, shopper, number, state, after, limit }: ReservationSearch,
): Promise<{ reservations: StoredReservation[] } | Refusal<"not_found">> {
  const reservations = await services.postgres(reservationRow, reservationsSql, [
    saleId,
    id ?? null,
    shopper ?? null,
    state ?? null,
    after ?? null,
    limit,
    number ?? null,
  ]);
  if (reservations.length === 0 && !(await isStored(services, saleId))) return noSale(saleId);
  return { reservations };
}

const auditRow = z
  .object({
    id: bigint,
    at: instant,
    action: z.string(),
    actor: z.string(),
    sale_id: z.string(),
    detail: z.record(z.string(), z.unknown()),
  })
  .transform(({ sale_id, actor, ...rest }): AuditEntry => ({ ...rest, sale: sale_id, by: actor }));

/** @param page `before`: the last id of the page before */
export async function listAudit(
  services: Services,
  page: { sale?: string | undefined; before?: number | undefined; limit: number },
): Promise<AuditEntry[]> {
  return await services.postgres(
    auditRow,
    `select id, at, action, actor, sale_id, detail from audit_log
      where ($1::text is null or sale_id = $1) and ($2::bigint is null or id < $2)
      order by id desc limit $3`,
    [page.sale ?? null, page.before ?? null, page.limit],
  );
}

const csvRow = z.object({
  id: z.string(),
  shopper: z.string(),
  number: bigint,
  total: bigint,
  currency: z.string(),
  confirmed_at: instant,
  refunded_at: instant.nullable(),
  lines: z.string().nullable(),
});
const PAGE_ROWS = 5_000;

/** All orders, page by page, so that they never are in memory at once. */
export async function ordersCsv(
  services: Services,
  saleId: string,
): Promise<{ pages: AsyncGenerator<string, void> } | Refusal<"not_found">> {
  return (await isStored(services, saleId)) ? { pages: csvPages(services, saleId) } : noSale(saleId);
}

async function* csvPages(services: Services, saleId: string): AsyncGenerator<string, void> {
  yield "order,shopper,number,lines,total,currency,confirmedAt,refundedAt\r\n";
  let after: string | null = null;
  for (;;) {
    const rows: z.output<typeof csvRow>[] = await services.postgres(csvRow, ordersCsvSql, [
      saleId,
      after,
      PAGE_ROWS,
    ]);
    if (rows.length > 0)
      yield `${Papa.unparse(
        rows.map((row) => [
          row.id,
          row.shopper,
          row.number,
          row.lines ?? "",
          row.total,
          row.currency,
          row.confirmed_at,
          row.refunded_at ?? "",
        ]),
        // A spreadsheet would run what a shopper's id may begin with.
        { escapeFormulae: true },
      )}\r\n`;
    if (rows.length < PAGE_ROWS) return;
    after = rows.at(-1)?.id ?? null;
  }
}

const noSale = (saleId: string) => refuse("not_found", { detail: `There is no sale "${saleId}".` });
