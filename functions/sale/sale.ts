/** Sales: created in Postgres, published to Redis, read from Redis. */
import { z } from "zod";
import type { PublicSale } from "../../domain/api.ts";
import { phaseOf, saleTimes } from "../../domain/phase.ts";
import { refuse, type Refusal } from "../../domain/refusal.ts";
import { modes, type Mode } from "../../domain/mode.ts";
import { saleSchema, slotsBySku, type Sale } from "../../domain/sale.ts";
import { bigint } from "../postgres/client.ts";
import { drawOf, mintSeed } from "../queue/draw.ts";
import { persist } from "../redis/client.ts";
import { SALES_KEY, saleKeys } from "../redis/keys.ts";
import type { Services } from "../services.ts";
import createSql from "./create.sql";
import { publishSale } from "./publish.ts";

const createdRow = z.object({ created: z.boolean(), same: z.boolean(), published: z.boolean() });

/**
 * Creates a sale and publishes it. Repeating the call finishes what an earlier one began.
 * @returns the sale, and whether this call created it
 */
export async function createSale(
  services: Services,
  sale: Sale,
): Promise<{ created: boolean; sale: PublicSale } | Refusal<"sale_exists" | "invalid_input">> {
  if (isOver(sale) && !(await isStored(services, sale.id))) return refuseOver();
  const create = () =>
    services.postgres(createdRow, createSql, [
      sale.id,
      JSON.stringify(sale),
      sale.lobby === "draw" ? mintSeed() : null,
      sale.slots?.allocation === "draw" ? mintSeed() : null,
      JSON.stringify(Object.fromEntries(slotsBySku(sale))),
      services.actor,
    ]);
  // No row: it waited for another that created this sale meanwhile, which a new statement sees.
  const row = (await create())[0] ?? (await create())[0];
  if (row === undefined) throw new Error("create.sql answers one row");
  if (!row.created && !row.same) return refuse("sale_exists");
  // What was published once is never published again: a Redis that lost it is rebuilt, on the operator's word.
  if (!row.published) await publishSale(services, sale.id);
  const known = await readSale(services, sale.id);
  const state = { mode: "normal", settled: false, soldOut: false } as const;
  return { created: row.created, sale: known ?? (await publicSale(sale, state, Date.now())) };
}

/** What a sale would be, were it created now. */
export const previewSale = async (sale: Sale): Promise<PublicSale | Refusal<"invalid_input">> =>
  isOver(sale)
    ? refuseOver()
    : await publicSale(sale, { mode: "normal", settled: false, soldOut: false }, Date.now());

/** A date that was mistyped is further off: one that has just ended may be wanted, to try out what comes then. */
const OVER_MS = 3_600_000;
/** It would be settled a minute later, and its id used up. */
const isOver = ({ closesAt }: Sale) => Date.parse(closesAt) < Date.now() - OVER_MS;
const refuseOver = () =>
  refuse("invalid_input", { errors: [{ pointer: "/closesAt", detail: "is more than an hour ago" }] });

/** Whether it was ever created. */
export async function isStored(services: Services, saleId: string): Promise<boolean> {
  const rows = await services.postgres(z.object({}), "select 1 from sales where id = $1", [saleId]);
  return rows.length > 0;
}

/** What was created but did not reach Redis; for cron. */
export async function unpublishedSales(services: Services): Promise<string[]> {
  const pending = await services.postgres(
    z.object({ id: z.string() }),
    "select id from sales where published_at is null",
    [],
  );
  return pending.map(({ id }) => id);
}

const saleHash = z
  .tuple([
    z.string(),
    z.enum(modes),
    z.string(),
    z.string().nullable(),
    z.string(),
    bigint.nullable(),
    z.string().nullable(),
    bigint.nullable(),
  ])
  .transform(([definition, mode, settled, soldOut, seed, drawn, slotSeed, slotDrawCount]) => ({
    sale: saleSchema.parse(JSON.parse(definition)),
    state: {
      mode,
      settled: settled !== "",
      soldOut: soldOut !== null,
      draw: seed === "" ? undefined : { seed, drawn: drawn ?? undefined },
      slotDraw:
        (slotSeed ?? "") === "" ? undefined : { seed: slotSeed ?? "", drawn: slotDrawCount ?? undefined },
    },
  }));

/** @returns undefined when this Redis does not know the sale */
export async function readSale(services: Services, saleId: string): Promise<PublicSale | undefined> {
  const fields = await persist("HMGET", () =>
    services.redis.hmget(
      saleKeys(saleId).sale,
      "definition",
      "mode",
      "settled",
      "soldOut",
      "drawSeed",
      "drawCount",
      "slotSeed",
      "slotDrawCount",
    ),
  );
  // A client that does not decode answers a list, whatever its type says; a sale that is not there answers nulls.
  const known = saleHash.safeParse(fields);
  return known.success ? await publicSale(known.data.sale, known.data.state, Date.now()) : undefined;
}

/** A settled sale, which Redis need not know any more. */
export async function readSettled(services: Services, saleId: string): Promise<PublicSale | undefined> {
  const [row] = await services.postgres(
    z.object({
      definition: saleSchema,
      draw_seed: z.string().nullable(),
      draw_count: bigint.nullable(),
    }),
    "select definition, draw_seed, draw_count from sales where id = $1 and settled_at is not null",
    [saleId],
  );
  if (row === undefined) return undefined;
  const draw =
    row.draw_seed === null ? undefined : { seed: row.draw_seed, drawn: row.draw_count ?? undefined };
  const state = { mode: "normal", settled: true, soldOut: false, draw } as const;
  return await publicSale(row.definition, state, Date.now());
}

/** All published sales: those yet to open first, in the order of their opening; then the others, the latest first. */
export async function listSales(services: Services): Promise<PublicSale[]> {
  const sales = await Promise.all((await publishedSales(services)).map((id) => readSale(services, id)));
  const now = Date.now();
  const rank = (sale: PublicSale) => {
    const opensAt = Date.parse(sale.opensAt);
    return sale.phase === "closed" || sale.phase === "settled" ? 2e15 - opensAt : Math.abs(opensAt - now);
  };
  return sales.filter((sale) => sale !== undefined).sort((a, b) => rank(a) - rank(b));
}

export async function publishedSales(services: Services): Promise<string[]> {
  return z.array(z.string()).parse(await persist("SMEMBERS", () => services.redis.smembers(SALES_KEY)));
}

/**
 * What to say of a sale that Redis does not know: it never was, or Redis has lost it and nothing is sold meanwhile
 * (design §4.6).
 */
export async function missing(services: Services, saleId: string): Promise<Refusal<"not_found" | "on_hold">> {
  const [row] = await services.postgres(
    z.object({ settled: z.boolean() }),
    "select settled_at is not null as settled from sales where id = $1",
    [saleId],
  );
  if (row === undefined) return refuse("not_found", { detail: `There is no sale "${saleId}".` });
  return row.settled ? refuse("not_found", { detail: "This sale is settled." }) : refuse("on_hold");
}

interface SaleNow {
  mode: Mode;
  settled: boolean;
  soldOut: boolean;
  draw?: { seed: string; drawn: number | undefined } | undefined;
  slotDraw?: { seed: string; drawn: number | undefined } | undefined;
}

async function publicSale(sale: Sale, state: SaleNow, nowMs: number): Promise<PublicSale> {
  const times = saleTimes(sale);
  return {
    ...sale,
    phase: phaseOf(times, state, nowMs),
    mode: state.mode,
    lobbyOpensAt: new Date(times.lobbyOpensAtMs).toISOString(),
    ...(times.registration === undefined
      ? {}
      : {
          registration: {
            from: new Date(times.registration.fromMs).toISOString(),
            until: new Date(times.registration.untilMs).toISOString(),
          },
        }),
    ...(state.draw === undefined ? {} : { draw: await drawOf(state.draw.seed, state.draw.drawn) }),
    ...(state.slotDraw === undefined
      ? {}
      : { slotDraw: await drawOf(state.slotDraw.seed, state.slotDraw.drawn) }),
  };
}
