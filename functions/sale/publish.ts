/**
 * Brings a sale from Postgres to Redis, which then sells it. All of it is read from Postgres, so that a sale published
 * late, again or after a loss has what is left and not what there was.
 */
import { z } from "zod";
import { saleTimes } from "../../domain/phase.ts";
import { modes } from "../../domain/mode.ts";
import { joinShardsOf, saleSchema, type Sale } from "../../domain/sale.ts";
import { bigint } from "../postgres/client.ts";
import { persist, runScript, type Script } from "../redis/client.ts";
import { SALES_KEY, saleKeys } from "../redis/keys.ts";
import type { Services } from "../services.ts";
import publishLua from "./publish.lua";
import publishableSql from "./publishable.sql";

/** How long a released shopper has to come in before the room is given on, at most. */
const TURN_MS = 30_000;

/**
 * Within this time whoever waits near their turn has seen a pulse of the rebuilt sale (every 5 s at the most while it is open)
 * and has joined again; those far back have before the line gets to them (queue/pace.ts).
 */
const COME_BACK_MS = 7_000;

const publishWord = z.enum(["again", "superseded", "published"]);
export const publishScript: Script<[z.output<typeof publishWord>, number]> = {
  name: "publish",
  source: publishLua,
  reply: z.tuple([publishWord, z.number()]),
};

/** Items as Postgres counts them. */
export const storedItems = z.array(
  z.object({
    sku: z.string(),
    stock: z.number(),
    slots: z.number(),
    held: z.number(),
    confirmed: z.number(),
  }),
);

const publishableRow = z.object({
  definition: saleSchema,
  epoch: z.number(),
  mode: z.enum(modes),
  release_size: z.number().nullable(),
  draw_seed: z.string().nullable(),
  draw_count: bigint.nullable(),
  numbers_until: bigint,
  now_serving: bigint,
  slot_seed: z.string().nullable(),
  slot_draw_count: bigint.nullable(),
  slots_given: bigint.nullable(),
  items: storedItems,
});
type Publishable = z.output<typeof publishableRow>;

/**
 * @param rebuilding the epoch of the rebuild that has brought back the reservations. Without one, a sale that was in use
 *   is not published: what Redis does not know of it was lost.
 * @returns what became of it, and the epoch in force; a sale that Redis knows is left alone
 */
export async function publishSale(
  services: Services,
  saleId: string,
  rebuilding?: number,
): Promise<{ word: z.output<typeof publishWord>; epoch: number }> {
  const [row] = await services.postgres(publishableRow, publishableSql, [saleId]);
  if (row === undefined) throw new Error(`Postgres has no sale "${saleId}"`);
  const keys = saleKeys(saleId);
  const rules = rulesOf(row, Date.now());
  if (rebuilding !== undefined && rebuilding !== row.epoch) return { word: "superseded", epoch: row.epoch };
  const [word, epoch] =
    rebuilding === undefined && wasInUse(row)
      ? (["again", row.epoch] as const)
      : await runScript(
          services.redis,
          publishScript,
          [keys.sale, keys.stock, keys.rebuild],
          [row.epoch, rules.length, ...rules, ...stockOf(row)],
        );
  if (word === "superseded") return { word, epoch };
  await persist("SADD", () => services.redis.sadd(SALES_KEY, saleId));
  await services.postgres(
    z.unknown(),
    "update sales set published_at = now() where id = $1 and published_at is null",
    [saleId],
  );
  return { word, epoch };
}

const wasInUse = ({ epoch, numbers_until, items }: Publishable) =>
  epoch > 1 || numbers_until > 0 || items.some(({ held, confirmed }) => held + confirmed > 0);

/** Fields and values of the sale hash. A line that is new begins at one; one that was lost, behind every number it gave. */
function rulesOf(row: Publishable, nowMs: number): (string | number)[] {
  const sale = row.definition;
  const times = saleTimes(sale);
  const everyMs = sale.releaseEverySeconds * 1000;
  // What a lost Redis did not release is not made up for, and nobody is released before those in line had time to come back
  // to their numbers. A sale that is published late begins with its first tick.
  const backMs = nowMs + COME_BACK_MS - times.opensAtMs;
  const lastTick = row.epoch === 1 ? -1 : Math.max(-1, Math.floor(backMs / everyMs));
  return Object.entries({
    mode: row.mode,
    settled: "",
    definition: JSON.stringify(sale),
    ...timesOf(sale),
    ...limitsOf(sale),
    releaseSize: row.release_size ?? sale.releaseSize,
    lastNumber: row.numbers_until,
    numbersUntil: row.numbers_until,
    nowServing: row.now_serving,
    lastTick,
    lastReleased: 0,
    boundBy: "",
    perSecondMilli: 0,
    ...(unsoldOf(row) === 0 ? { soldOut: "1" } : {}),
    drawSeed: row.draw_seed ?? "",
    drawPlaced: 0,
    ...(row.draw_count === null ? {} : { drawCount: row.draw_count }),
    slotSeed: row.slot_seed ?? "",
    ...(row.slot_draw_count === null ? {} : { slotDrawCount: row.slot_draw_count }),
    ...(row.slots_given === null ? {} : { slotsGiven: row.slots_given }),
  }).flat();
}

/** What of the sale hash follows from the times of a definition. */
export function timesOf(sale: Sale): Record<string, number> {
  const times = saleTimes(sale);
  return {
    lobbyOpensAtMs: times.lobbyOpensAtMs,
    registrationOpensAtMs: times.registration?.fromMs ?? -1,
    opensAtMs: times.opensAtMs,
    closesAtMs: times.closesAtMs,
    claimUntilMs: sale.slots === undefined ? -1 : Date.parse(sale.slots.claimUntil),
    slotsDecidedFromMs: times.slotsDecidedFromMs,
  };
}

/** What of the sale hash follows from the rest of a definition, and changes only with it. */
export const limitsOf = (sale: Sale): Record<string, string | number> => ({
  currency: sale.currency,
  identity: sale.identity,
  everyMs: sale.releaseEverySeconds * 1000,
  capacity: sale.capacity,
  turnMs: Math.min(sale.passSeconds * 1000, TURN_MS),
  passMs: sale.passSeconds * 1000,
  holdMs: sale.holdSeconds * 1000,
  joinShards: joinShardsOf(sale),
});

/** Units that are not paid for: with none, and nothing to come back, all is sold. */
const unsoldOf = ({ items }: Publishable) =>
  items.reduce((sum, { stock, confirmed }) => sum + stock - confirmed, 0);

/** Fields and values of the stock hash. */
function stockOf(row: Publishable): (string | number)[] {
  const { definition, items } = row;
  const counts = new Map(items.map((item) => [item.sku, item]));
  let [available, supplied, setAside] = [0, 0, 0];
  const perSku = definition.items.flatMap(({ sku, price, limit }) => {
    const { stock, slots, held, confirmed } = counts.get(sku) ?? {
      stock: 0,
      slots: 0,
      held: 0,
      confirmed: 0,
    };
    available += stock - slots - held - confirmed;
    supplied += stock;
    setAside += slots;
    return Object.entries({
      [`available:${sku}`]: stock - slots - held - confirmed,
      [`slots:${sku}`]: slots,
      [`held:${sku}`]: held,
      [`confirmed:${sku}`]: confirmed,
      [`stock:${sku}`]: stock,
      [`price:${sku}`]: price,
      [`limit:${sku}`]: limit,
    }).flat();
  });
  const totals = { available, slots: setAside, supplied, returned: 0, unsold: unsoldOf(row) };
  return [...Object.entries(totals).flat(), ...perSku];
}
