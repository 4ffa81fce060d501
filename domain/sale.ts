/** A sale as an operator writes it and everybody reads it (design §5.1). Money in minor units, times ISO 8601 UTC. */
import { z } from "zod";
import { priceStep } from "./currency.ts";
import { modes } from "./mode.ts";

export const phases = [
  "scheduled",
  "registration",
  "lobby",
  "open",
  "sold_out",
  "closed",
  "settled",
] as const;
export type Phase = (typeof phases)[number];

/** Why a release let in no more: nothing yet, nobody else waited, its size, the room inside, the stock, or the mode. */
export const bounds = ["", "line", "size", "room", "stock", ...modes] as const;

export const saleIdSchema = z
  .string()
  .regex(/^[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?$/, "lower-case letters, digits and hyphens, 64 at most");
export const skuSchema = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/, "letters, digits, dots, hyphens and underscores, 64 at most");

const currencies = new Set(Intl.supportedValuesOf("currency"));

/** Years that JavaScript writes with four digits and PostgreSQL takes; whatever the offset makes of them. */
const YEAR_MIN = 1970;
const YEAR_MAX = 9998;
const isInYears = (text: string) => {
  const year = new Date(text).getUTCFullYear();
  return Number.isNaN(year) || (year >= YEAR_MIN && year <= YEAR_MAX);
};

/** An instant; any offset is accepted, UTC is kept. */
const instant = z.iso
  .datetime({ offset: true, error: "an ISO 8601 time with a zone, such as 2026-12-01T10:00:00Z" })
  .refine(isInYears, `a time of the years ${YEAR_MIN} to ${YEAR_MAX}`)
  .overwrite((text) => (Number.isNaN(Date.parse(text)) ? text : new Date(text).toISOString()));

/** One item's stock is bounded so that every sum stays an exact integer in JSON and in Lua. */
export const STOCK_MAX = 10_000_000;

/** A shopper can make a hold longer once, by half. */
export const HOLD_SECONDS_MAX = 3600;

/** One shard takes about 1,000 joins a second. */
const JOIN_SHARDS_MAX = 100;
/** Where the crowd is not known, for each so many units there is one shard, up to so many shards; a small sale has none. */
const UNITS_PER_SHARD = 10_000;
const JOIN_SHARDS_UNASKED_MAX = 20;
const PRICE_MAX = 1_000_000_000;

const whole = (min: number, max: number) => {
  const error = `must be a whole number from ${min} to ${max}`;
  return z.int({ error, abort: true }).min(min, error).max(max, error);
};
const EMPTY = "must not be empty";

const pathSchema = z
  .string()
  .max(500)
  .regex(/^\/(?![/\\])[^\s\\]*$/, "a path on this host, such as /assets/shoe.jpg");

export const itemSchema = z.strictObject({
  sku: skuSchema,
  name: z.string().trim().min(1, EMPTY).max(120),
  /** A small picture beside the name, which says what it shows. */
  image: pathSchema.optional(),
  stock: whole(0, STOCK_MAX),
  price: whole(0, PRICE_MAX),
  limit: whole(1, 100).default(1),
});

const isOrigin = (text: string) =>
  URL.canParse(text) && /^https?:$/.test(new URL(text).protocol) && new URL(text).origin === text;

const fields = z.strictObject({
  id: saleIdSchema,
  name: z.string().trim().min(1, EMPTY).max(120),
  description: z.string().trim().max(2000).default(""),
  image: pathSchema.optional(),
  /** Several pictures, in place of the one; `alt` says what somebody sees who does not see it. */
  images: z
    .array(z.strictObject({ src: pathSchema, alt: z.string().trim().max(250) }))
    .min(1)
    .max(8)
    .optional(),
  currency: z.string().refine((code) => currencies.has(code), "an ISO 4217 code, such as EUR"),
  registrationOpensAt: instant.optional(),
  registrationClosesAt: instant.optional(),
  opensAt: instant,
  closesAt: instant,
  items: z.array(itemSchema).min(1).max(100),
  slots: z
    .strictObject({
      count: whole(1, STOCK_MAX),
      allocation: z.enum(["first_come", "draw"]).default("first_come"),
      claimUntil: instant,
    })
    .optional(),
  /** The e-mails of this sale: who they are from (else the shop's own sender), where answers go, and a paragraph of the shop's. */
  emails: z
    .strictObject({
      from: z
        .string()
        .max(320)
        .regex(
          /^[^<>"\r\n]{1,120} <[^\s@<>]+@[^\s@<>]+>$/,
          "a name and an address, such as Shop <shop@example.com>",
        )
        .optional(),
      replyTo: z.email().max(254).optional(),
      note: z.string().trim().max(1000).optional(),
    })
    .optional(),
  /** Days after closing until registered addresses are deleted. */
  keepAddressesDays: whole(0, 3650).default(30),
  lobby: z.enum(["arrival", "draw"]).default("arrival"),
  identity: z.enum(["anyone", "registered", "account"]).default("anyone"),
  /** People who leave the line at each release, at most. */
  releaseSize: whole(1, 10_000).default(100),
  releaseEverySeconds: whole(1, 60).default(5),
  /** People inside at once, at most. */
  capacity: whole(1, 100_000).default(500),
  /**
   * Into how many shards those who join are spread, each of which lets one call of Redis carry many of them: one for each
   * 25,000 people expected, none below 20,000. 0: every join is a call of its own. When it is not said, it follows from the stock (`joinShardsOf`).
   */
  joinShards: whole(0, JOIN_SHARDS_MAX).optional(),
  passSeconds: whole(5, 3600).default(300),
  holdSeconds: whole(5, HOLD_SECONDS_MAX).default(600),
  /** Other sites whose pages may act in this sale, with tokens of their own. */
  allowedOrigins: z
    .array(z.string().max(200).refine(isOrigin, "an origin, such as https://shop.example"))
    .max(20)
    .default([]),
});

/** The whole of a sale's definition; `POST /api/admin/sales` takes its input form, every reader gets its output form. */
export const saleSchema = fields.superRefine((sale, context) => {
  const wrong = (path: (string | number)[], message: string) =>
    context.addIssue({ code: "custom", path, message });
  const at = (text: string | undefined) => (text === undefined ? undefined : Date.parse(text));
  const [opensAt, closesAt] = [Date.parse(sale.opensAt), Date.parse(sale.closesAt)];
  const [registrationOpensAt, registrationClosesAt] = [
    at(sale.registrationOpensAt),
    at(sale.registrationClosesAt),
  ];

  if (closesAt <= opensAt) wrong(["closesAt"], "must be after opensAt");
  if (registrationOpensAt !== undefined && registrationOpensAt >= opensAt)
    wrong(["registrationOpensAt"], "must be before opensAt");
  if (registrationClosesAt !== undefined) {
    if (registrationOpensAt === undefined) wrong(["registrationClosesAt"], "needs registrationOpensAt");
    else if (registrationClosesAt <= registrationOpensAt)
      wrong(["registrationClosesAt"], "must be after registrationOpensAt");
    if (registrationClosesAt > opensAt) wrong(["registrationClosesAt"], "must not be after opensAt");
  }

  const step = priceStep(sale.currency);
  sale.items.forEach(({ price }, index) => {
    if (price % step !== 0)
      wrong(["items", index, "price"], `must be a multiple of ${step} in ${sale.currency}`);
  });

  const seen = new Set<string>();
  sale.items.forEach(({ sku }, index) => {
    if (seen.has(sku)) wrong(["items", index, "sku"], `"${sku}" is there twice`);
    seen.add(sku);
  });

  if (sale.slots !== undefined) {
    const stock = sale.items.reduce((sum, item) => sum + item.stock, 0);
    if (sale.identity === "account")
      wrong(["slots"], "are given to e-mail addresses; this sale is for accounts");
    if (sale.slots.count > stock) wrong(["slots", "count"], `more than the stock of ${stock}`);
    const claimUntil = Date.parse(sale.slots.claimUntil);
    if (claimUntil <= opensAt || claimUntil > closesAt)
      wrong(["slots", "claimUntil"], "must be after opensAt and not after closesAt");
  }
});

/**
 * How the units set aside for slots spread over the items: in proportion to their stock, the rest by the largest
 * remainders, of equal ones by the earlier item. Pure.
 */
export function slotsBySku({ items, slots }: Pick<Sale, "items" | "slots">): Map<string, number> {
  const { count } = slots ?? { count: 0 };
  const stock = items.reduce((sum, item) => sum + item.stock, 0);
  const shares = items.map((item) => {
    const exact = stock === 0 ? 0 : (count * item.stock) / stock;
    return { sku: item.sku, units: Math.floor(exact), remainder: exact % 1 };
  });
  let rest = count - shares.reduce((sum, { units }) => sum + units, 0);
  for (const share of [...shares].sort((a, b) => b.remainder - a.remainder)) if (rest-- > 0) share.units++;
  return new Map(shares.map(({ sku, units }) => [sku, units]));
}

/** Into how many shards those who join are spread; 0 for none. Pure. */
export function joinShardsOf({ joinShards, items }: Pick<Sale, "joinShards" | "items">): number {
  const units = items.reduce((sum, { stock }) => sum + stock, 0);
  return joinShards ?? Math.min(JOIN_SHARDS_UNASKED_MAX, Math.floor(units / UNITS_PER_SHARD));
}

export type SaleInput = z.input<typeof saleSchema>;
export type Sale = z.output<typeof saleSchema>;
