/**
 * The Redis schema in code. Every key of a sale carries the hash tag `{saleId}`, so that one script may touch them all.
 * None has a TTL: they go when the sale is settled. E-mail addresses and other personal data are never here, and of payments only their ids.
 *
 * | key         | type   | holds                                                                    | written by                    |
 * |-------------|--------|--------------------------------------------------------------------------|-------------------------------|
 * | sale        | hash   | epoch, mode, settled, definition (JSON); the rules scripts need (opensAtMs, …); the line's counters (lastNumber, nowServing, lastTick, perSecond); the mode before a pause; the draw's seed, secret until opening; soldOut while all is paid for | publish, redefine, set-rule, join, release, confirm, refund, return-slots |
 * | stock       | hash   | per sku `available:`, `slots:`, `held:`, `confirmed:`, `stock:`, `price:`, `limit:`; over all `available`, `slots`, `unsold`, `supplied`, `returned` | publish, redefine, top-up, reserve, confirm, release, expire, refund, return-slots |
 * | rebuild     | string | epoch of the rebuild under way                                           | restore, publish              |
 * | waitlist    | zset   | shopper → number, of those not yet released                              | join, leave, enter, release   |
 * | lobby       | zset   | shopper → number of the lobby, of those who wait for the draw or for their place by it | join, leave, release |
 * | released    | hash   | shopper → `number` or `number|passExpiresAtMs` once entered              | release, enter, leave         |
 * | inside      | zset   | shopper → until when (ms) they take up room                              | release, enter, reserve, extend, confirm, leave, restore |
 * | reservations| hash   | reservation id → its record (JSON)                                       | reserve, extend, confirm, release, expire, refund, restore |
 * | shoppers    | hash   | `shopper` → id of the live reservation; `shopper/sku` → units held or confirmed; `shopper/@` → since when (ms) and how many of their calls count to a second, `since:calls` | reserve, confirm, release, expire, refund, restore; `/@`: join, reserve, leave |
 * | holds       | zset   | reservation id → when the hold ends (ms)                                 | reserve, extend, confirm, release, expire, restore |
 * | claims      | hash   | shopper → the reservation for which a slot is used, with `!` where it is given up after that; or `-` once it was given up | reserve, release, expire, return-slots, restore |
 * | outbox      | stream | state changes not yet in Postgres, one field `event` (JSON)              | reserve, extend, confirm, release, expire, refund, top-up, return-slots; trimmed by sync |
 * | topups      | hash   | id of a top-up → its movement (JSON)                                      | top-up, restore               |
 * | tallies     | hash   | isolate → what it has counted (JSON), see tallies.ts                     | release                       |
 * | drain       | string | lease of the one drainer; has a TTL                                      | sync                          |
 */

const parts = [
  "sale",
  "stock",
  "rebuild",
  "waitlist",
  "lobby",
  "released",
  "inside",
  "reservations",
  "shoppers",
  "holds",
  "claims",
  "outbox",
  "topups",
  "tallies",
  "drain",
] as const;

export type KeyName = (typeof parts)[number];
export type SaleKeys = Readonly<Record<KeyName, string>>;

export function saleKeys(saleId: string): SaleKeys {
  return Object.fromEntries(parts.map((part) => [part, `{${saleId}}:${part}`])) as SaleKeys;
}

/** The sale a key belongs to, by its hash tag. */
export const saleOf = (key: string): string | undefined => /^\{([^}]+)\}:/.exec(key)?.[1];

/** A set of the ids of all published sales; cron walks it. Belongs to no sale, so it has no hash tag. */
export const SALES_KEY = "sales";
