/** The sale itself in both stores: published, the same definition, the same units, nothing left to be written. */
import { z } from "zod";
import type { Sale } from "../../domain/sale.ts";
import { tick } from "../queue/pulse.ts";
import { storedItems } from "../sale/publish.ts";
import { readStoredSale } from "../sale/stored.ts";
import type { Services } from "../services.ts";
import { pending } from "../sync/sync.ts";
import { check, countText, type Finding } from "./finding.ts";

const LAG_SECONDS = 10;

export async function published(services: Services, { id }: Sale): Promise<Finding> {
  const { green, amber, red } = check("published", "Published");
  const stored = await readStoredSale(services, id);
  if ("refused" in stored) return red("Postgres does not know this sale.", "Create it again from its file.");
  const { publishedAt, redis, settledAt } = stored.state;
  if (settledAt !== null) return amber("This sale is settled.", "Copy it as a new one.");
  if (publishedAt === null)
    return red("It is not in Redis yet.", "Cron publishes it within a minute; if not, look at its log.");
  switch (redis) {
    case "same":
      return green("Redis and Postgres have the same definition.");
    case "differs":
      return red(
        "Redis has another definition than Postgres.",
        "Save the definition again: Redis' one is in force.",
      );
    case "missing":
      return red("Redis has lost this sale; nothing is sold.", `npm run sale -- rebuild ${id}`);
    case "unavailable":
      return red("Redis does not answer.", "Look at Upstash's status; nothing is lost.");
  }
}

const itemsRow = z.object({ items: storedItems.nullable() });

export async function stockEqual(services: Services, { id }: Sale): Promise<Finding> {
  const { green, amber, red } = check("stock", "Stock");
  const [state, [row]] = await Promise.all([
    tick(services, id),
    services.postgres(
      itemsRow,
      `select json_agg(json_build_object('sku', sku, 'stock', stock, 'slots', slots, 'held', held, 'confirmed', confirmed)) as items
         from items where sale_id = $1`,
      [id],
    ),
  ]);
  if (state === undefined) return red("Redis does not know its stock.", `npm run sale -- rebuild ${id}`);
  const stored = new Map(row?.items?.map((item) => [item.sku, item]));
  const unlike = state.items.filter(({ sku, stock, slots, held, confirmed }) => {
    const other = stored.get(sku);
    return (
      other?.stock !== stock || other.slots !== slots || other.held !== held || other.confirmed !== confirmed
    );
  });
  const units = state.items.reduce((sum, { stock }) => sum + stock, 0);
  if (unlike.length === 0 && state.items.length === stored.size)
    return units === 0
      ? red("There is nothing to sell: all stock is 0.", `npm run sale -- top-up ${id} SKU UNITS`)
      : green(`Redis and Postgres count the same: ${countText(units)} units of ${state.items.length} items.`);
  const names = unlike.map(({ sku }) => sku).join(", ");
  const { entries } = await pending(services, id, state.nowMs);
  if (entries > 0)
    return amber(
      `${names} differ, with ${entries} changes still to be written.`,
      "Look again in some seconds.",
    );
  return red(
    `Redis and Postgres count ${names || "the items"} otherwise.`,
    `npm run sale -- reconcile ${id} says what differs; with --apply it is repaired.`,
  );
}

export async function synced(services: Services, { id }: Sale): Promise<Finding> {
  const { green, amber } = check("sync", "Writing to Postgres");
  const { entries, lagSeconds } = await pending(services, id, Date.now());
  const found = `${countText(entries)} changes are not written yet, the oldest for ${lagSeconds.toFixed(1)} s.`;
  if (entries === 0) return green("Everything is written.");
  return lagSeconds < LAG_SECONDS
    ? green(found)
    : amber(
        found,
        "Cron writes them each minute. If they grow, look at Neon's status: the sale goes on meanwhile.",
      );
}

export async function inOrder({ postgres }: Services, { id }: Sale): Promise<Finding> {
  const { green, red } = check("discrepancies", "Discrepancies");
  const [row] = await postgres(
    z.object({ count: z.coerce.number() }),
    "select count(*) as count from discrepancies where sale_id = $1 and resolved_at is null",
    [id],
  );
  const count = row?.count ?? 0;
  return count === 0
    ? green("None is open.")
    : red(`${countText(count)} are open.`, `npm run sale -- reconcile ${id}: evidence and remedy of each.`);
}
