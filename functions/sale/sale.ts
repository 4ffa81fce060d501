/** Sales: created in Postgres, published to Redis, read from Redis. */
import { z } from "zod";
import type { PublicSale } from "../../domain/api.ts";
import { phaseOf, saleTimes } from "../../domain/phase.ts";
import { refuse, type Refusal } from "../../domain/refusal.ts";
import { modes, saleSchema, type Mode, type Sale } from "../../domain/sale.ts";
import { bigint } from "../postgres/client.ts";
import { persist, runScript, type Script } from "../redis/client.ts";
import { SALES_KEY, saleKeys } from "../redis/keys.ts";
import type { Services } from "../services.ts";
import createSql from "./create.sql";
import publishLua from "./publish.lua";
import setModeLua from "./set-mode.lua";

/** How long a released shopper has to come in before the room is given on, at most. */
const TURN_MS = 30_000;

export const publishScript: Script<["again" | "published", number]> = {
  name: "publish",
  source: publishLua,
  reply: z.tuple([z.enum(["again", "published"]), z.number()]),
};
export const setModeScript: Script<["missing" | "sale_ended" | "set", string]> = {
  name: "set-mode",
  source: setModeLua,
  reply: z.tuple([z.enum(["missing", "sale_ended", "set"]), z.string()]),
};

const createdRow = z.object({
  created: z.boolean(),
  same: z.boolean(),
  published: z.boolean(),
  epoch: z.number(),
});
const definitionRow = z.object({ definition: saleSchema });

/**
 * Creates a sale and publishes it. Repeating the call finishes what an earlier one began.
 * @returns the sale, and whether this call created it
 */
export async function createSale(
  services: Services,
  sale: Sale,
): Promise<{ created: boolean; sale: PublicSale } | Refusal<"sale_exists" | "invalid_input">> {
  const errors = notYet(sale);
  if (errors.length > 0) return refuse("invalid_input", { errors });
  const create = () => services.postgres(createdRow, createSql, [sale.id, JSON.stringify(sale)]);
  // No row: it waited for another that created this sale meanwhile, which a new statement sees.
  const row = (await create())[0] ?? (await create())[0];
  if (row === undefined) throw new Error("create.sql answers one row");
  if (!row.created && !row.same) return refuse("sale_exists");
  // What was published once is never published again: a Redis that lost it would sell the same stock anew.
  if (!row.published) await publishSale(services, sale, row.epoch);
  const state = { mode: "normal", settled: false, soldOut: false } as const;
  return {
    created: row.created,
    sale: (await readSale(services, sale.id)) ?? publicSale(sale, state, Date.now()),
  };
}

/** What the contract knows and this release does not do: a sale that asks for it is refused, not sold by other rules. */
function notYet({ lobby, identity, slots }: Sale): { pointer: string; detail: string }[] {
  const detail = "not in this release";
  return [
    ...(lobby === "arrival" ? [] : [{ pointer: "/lobby", detail }]),
    ...(identity === "anyone" ? [] : [{ pointer: "/identity", detail }]),
    ...(slots === undefined ? [] : [{ pointer: "/slots", detail }]),
  ];
}

/** Brings a sale that is new to Redis there. A sale that was published once is left alone: its stock is being sold. */
async function publishSale(services: Services, sale: Sale, epoch: number): Promise<void> {
  const keys = saleKeys(sale.id);
  const times = saleTimes(sale);
  const stock = sale.items.reduce((sum, item) => sum + item.stock, 0);
  const saleFields = {
    mode: "normal",
    settled: "",
    definition: JSON.stringify(sale),
    currency: sale.currency,
    lobbyOpensAtMs: times.lobbyOpensAtMs,
    registrationOpensAtMs: times.registrationOpensAtMs ?? -1,
    opensAtMs: times.opensAtMs,
    closesAtMs: times.closesAtMs,
    everyMs: sale.releaseEverySeconds * 1000,
    releaseSize: sale.releaseSize,
    capacity: sale.capacity,
    turnMs: Math.min(sale.passSeconds * 1000, TURN_MS),
    passMs: sale.passSeconds * 1000,
    holdMs: sale.holdSeconds * 1000,
    lastNumber: 0,
    nowServing: 0,
    lastTick: -1,
    perSecondMilli: 0,
    unsold: stock,
  };
  const stockFields = sale.items.flatMap((item) =>
    Object.entries({
      [`available:${item.sku}`]: item.stock,
      [`slots:${item.sku}`]: 0,
      [`held:${item.sku}`]: 0,
      [`confirmed:${item.sku}`]: 0,
      [`stock:${item.sku}`]: item.stock,
      [`price:${item.sku}`]: item.price,
      [`limit:${item.sku}`]: item.limit,
    }).flat(),
  );
  const flat = Object.entries(saleFields).flat();
  await runScript(
    services.redis,
    publishScript,
    [keys.sale, keys.stock],
    [epoch, flat.length, ...flat, "available", stock, ...stockFields],
  );
  await persist("SADD", () => services.redis.sadd(SALES_KEY, sale.id));
  await services.postgres(
    z.unknown(),
    "update sales set published_at = now() where id = $1 and published_at is null",
    [sale.id],
  );
}

/** Publishes what was created but did not reach Redis; for cron. */
export async function publishPending(services: Services): Promise<void> {
  const pending = await services.postgres(
    definitionRow.extend({ epoch: z.number() }),
    "select definition, epoch from sales where published_at is null",
    [],
  );
  for (const { definition, epoch } of pending) await publishSale(services, definition, epoch);
}

const saleHash = z
  .tuple([z.string(), z.enum(modes), z.string(), bigint])
  .transform(([definition, mode, settled, unsold]) => ({
    sale: saleSchema.parse(JSON.parse(definition)),
    state: { mode, settled: settled !== "", soldOut: unsold === 0 },
  }));

/** @returns undefined when this Redis does not know the sale */
export async function readSale(services: Services, saleId: string): Promise<PublicSale | undefined> {
  const fields = await persist("HMGET", () =>
    services.redis.hmget(saleKeys(saleId).sale, "definition", "mode", "settled", "unsold"),
  );
  // A client that does not decode answers a list, whatever its type says; a sale that is not there answers nulls.
  const known = saleHash.safeParse(fields);
  return known.success ? publicSale(known.data.sale, known.data.state, Date.now()) : undefined;
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
  const rows = await services.postgres(z.object({ id: z.string() }), "select id from sales where id = $1", [
    saleId,
  ]);
  return rows.length === 0
    ? refuse("not_found", { detail: `There is no sale "${saleId}".` })
    : refuse("on_hold");
}

/** Sets the mode and writes down who wanted it why; the mode counts even when the log cannot be written. */
export async function setMode(
  services: Services,
  saleId: string,
  mode: Mode,
  reason: string,
): Promise<{ mode: Mode } | Refusal<"not_found" | "on_hold" | "sale_ended">> {
  const [word, before] = await runScript(services.redis, setModeScript, [saleKeys(saleId).sale], ["", mode]);
  if (word === "missing") return await missing(services, saleId);
  if (word === "sale_ended") return refuse("sale_ended");
  services.later(
    services.postgres(
      z.unknown(),
      "insert into audit_log (action, sale_id, detail) values ('mode', $1, $2)",
      [saleId, JSON.stringify({ before, mode, reason })],
    ),
  );
  return { mode };
}

function publicSale(
  sale: Sale,
  state: { mode: Mode; settled: boolean; soldOut: boolean },
  nowMs: number,
): PublicSale {
  const times = saleTimes(sale);
  return {
    ...sale,
    phase: phaseOf(times, state, nowMs),
    mode: state.mode,
    lobbyOpensAt: new Date(times.lobbyOpensAtMs).toISOString(),
  };
}
