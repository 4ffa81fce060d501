/** The scripts that repair a sale in Redis, and its counters as a run reads them. */
import { z } from "zod";
import { bigint } from "../postgres/client.ts";
import type { ItemCounts } from "../queue/pulse.ts";
import { persist, runScript, type Script } from "../redis/client.ts";
import { saleKeys } from "../redis/keys.ts";
import type { Record } from "../reservation/record.ts";
import type { Services } from "../services.ts";
import adoptLua from "./adopt.lua";
import cancelLua from "./cancel.lua";
import type { StockSnapshot } from "./judge-stock.ts";
import recountLua from "./recount.lua";
import resendLua from "./resend.lua";

const words = <const Word extends string>(...all: Word[]) => z.tuple([z.enum(all)]);

export const resendScript = {
  name: "resend",
  source: resendLua,
  reply: words("not_found", "again", "resent"),
} satisfies Script<unknown>;
export const adoptScript = {
  name: "adopt",
  source: adoptLua,
  reply: words("missing", "moved", "ended", "adopted"),
} satisfies Script<unknown>;
export const cancelScript = {
  name: "cancel",
  source: cancelLua,
  reply: words("missing", "not_found", "again", "not_confirmed", "cancelled"),
} satisfies Script<unknown>;
export const recountScript = {
  name: "recount",
  source: recountLua,
  reply: words("missing", "moved", "recounted"),
} satisfies Script<unknown>;

/** @param known the state that Postgres knows, '' for none */
export async function resend(services: Services, saleId: string, id: string, known: string) {
  const keys = saleKeys(saleId);
  const [word] = await runScript(services.redis, resendScript, [keys.reservations, keys.outbox], [id, known]);
  return word;
}

/** @param seen the state that Redis was seen to have, '' for none */
export async function adopt(services: Services, saleId: string, record: Record, seen: string) {
  const keys = saleKeys(saleId);
  const [word] = await runScript(
    services.redis,
    adoptScript,
    [keys.sale, keys.stock, keys.reservations, keys.shoppers, keys.holds, keys.claims, keys.outbox],
    [JSON.stringify(record), seen],
  );
  return word;
}

/** @param changes fields of the stock hash, each with the value it was seen with and the one it should have */
export async function setCounters(
  services: Services,
  saleId: string,
  changes: (readonly [field: string, before: number, after: number])[],
) {
  const keys = saleKeys(saleId);
  const [word] = await runScript(services.redis, recountScript, [keys.sale, keys.stock], [...changes.flat()]);
  return word;
}

/** The counters, and the last change of the sale: while it is the same, nothing moved. */
export const countersSchema = z.object({
  items: z.array(
    z.object({
      sku: z.string(),
      stock: z.number(),
      available: z.number(),
      slots: z.number(),
      held: z.number(),
      confirmed: z.number(),
    }),
  ),
  totals: z.object({
    available: z.number(),
    slots: z.number(),
    supplied: z.number(),
    unsold: z.number(),
  }),
  last: z.string(),
});
export type Counters = z.output<typeof countersSchema> & StockSnapshot;

/** @returns undefined where Redis does not know the sale */
export async function readCounters(services: Services, saleId: string): Promise<Counters | undefined> {
  const { stock, outbox } = saleKeys(saleId);
  // A client that does not decode answers lists, whatever its types say.
  const flat = z
    .array(z.string())
    .nullable()
    .parse(await persist("HGETALL", () => services.redis.hgetall(stock)));
  const last = z
    .array(z.tuple([z.string(), z.unknown()]))
    .parse(await persist("XREVRANGE", () => services.redis.xrevrange(outbox, "+", "-", 1)));
  if (flat === null || flat.length === 0) return undefined;
  const fields = new Map(flat.flatMap((name, i) => (i % 2 === 0 ? [[name, flat[i + 1]] as const] : [])));
  const count = (field: string) => bigint.parse(fields.get(field) ?? 0);
  const skus = [...fields.keys()].flatMap((field) => /^stock:(.+)$/.exec(field)?.[1] ?? []);
  return {
    items: skus.sort().map((sku): ItemCounts => ({
      sku,
      stock: count(`stock:${sku}`),
      available: count(`available:${sku}`),
      slots: count(`slots:${sku}`),
      held: count(`held:${sku}`),
      confirmed: count(`confirmed:${sku}`),
    })),
    totals: {
      available: count("available"),
      slots: count("slots"),
      supplied: count("supplied"),
      unsold: count("unsold"),
    },
    last: last[0]?.[0] ?? "",
  };
}
