/** The kinds of e-mail and the facts each is made of, as whoever writes one puts them into `emails.data`. */
import { z } from "zod";

/** Whom it is about, and where the shop is: `https://shop.example`. */
const registered = { shopper: z.string(), shop: z.url() };
const money = z.int().nonnegative();

export const emailSchema = z.discriminatedUnion("kind", [
  z.object({
    kind: z.literal("confirm"),
    data: z.object({
      ...registered,
      /** Of this link, which can be used once. */
      link: z.uuid(),
      expiresAtMs: z.int(),
      /** The shop, not the person, asked for it. */
      invited: z.boolean().default(false),
    }),
  }),
  z.object({ kind: z.literal("slot"), data: z.object(registered) }),
  z.object({
    kind: z.literal("waiting"),
    /** @property number the order of confirmation @property registered confirmed addresses in all */
    data: z.object({ ...registered, number: z.int().positive(), registered: z.int().positive() }),
  }),
  z.object({
    kind: z.literal("invited"),
    data: z.object({ ...registered, status: z.enum(["slot", "waiting"]) }),
  }),
  z.object({
    kind: z.literal("receipt"),
    data: z.object({
      order: z.string(),
      lines: z.array(z.object({ sku: z.string(), quantity: z.int().positive(), price: money })),
      total: money,
      currency: z.string(),
    }),
  }),
  z.object({
    kind: z.literal("too_late"),
    data: z.object({ reservation: z.string(), total: money, currency: z.string() }),
  }),
  /** Of an order that reconciliation had to take back. */
  z.object({
    kind: z.literal("cancelled"),
    data: z.object({ order: z.string(), total: money, currency: z.string() }),
  }),
  /** Written before e-mails were kept as facts. */
  z.object({ kind: z.literal("text"), data: z.object({ subject: z.string(), body: z.string() }) }),
]);

export type Email = z.output<typeof emailSchema>;
export type DataOf<Kind extends Email["kind"]> = Extract<Email, { kind: Kind }>["data"];
