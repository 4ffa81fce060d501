/**
 * The HTTP contract, once: these schemas validate the input, give the types, and make `openapi.json`. Only the
 * functions Worker loads this file; the edge and the clients of the API need no more than its types.
 */
import { createRoute, z } from "@hono/zod-openapi";
import { refusals, type RefusalWord } from "./refusal.ts";
import { modes, phases, saleIdSchema, saleSchema, skuSchema } from "./sale.ts";

const time = z.iso.datetime().describe("ISO 8601, UTC");
const money = z.int().nonnegative().describe("minor units of the sale's currency");
const units = z.int().nonnegative();

export const publicSaleSchema = saleSchema
  .safeExtend({
    phase: z.enum(phases),
    mode: z.enum(modes),
    lobbyOpensAt: time.describe("from when the line takes people"),
  })
  .openapi("Sale");

export const pulseSchema = z
  .object({
    now: time,
    phase: z.enum(phases),
    mode: z.enum(modes),
    opensAt: time,
    closesAt: time,
    nowServing: units.describe("the highest number whose turn has come"),
    joined: units.describe("the last number given out"),
    perSecond: z.number().nonnegative().describe("people whose turn comes each second, as measured"),
    items: z.array(z.object({ sku: skuSchema, left: z.enum(["many", "few", "none"]) })),
    pollAfterMs: z.int().positive(),
  })
  .openapi("Pulse");

export const ticketSchema = z
  .object({ ticket: z.string(), number: z.int().positive(), joinedAt: time })
  .openapi("Ticket");

export const passSchema = z.object({ pass: z.string(), expiresAt: time }).openapi("Pass");

/** Quantities of the same sku are summed before anything is checked. */
export const reservationInputSchema = z
  .strictObject({
    reservationId: z
      .uuid()
      .describe("minted by the client, reused on retry")
      .overwrite((id) => id.toLowerCase()),
    lines: z
      .array(z.strictObject({ sku: skuSchema, quantity: z.int().min(1).max(100) }))
      .min(1)
      .max(20),
  })
  .openapi("ReservationInput");

const linesSchema = z.array(z.object({ sku: skuSchema, quantity: z.int().positive(), price: money }));

export const reservationSchema = z
  .object({
    reservationId: z.uuid(),
    state: z.enum(["held", "confirmed", "released", "expired"]),
    expiresAt: time,
    lines: linesSchema,
    total: money,
    currency: z.string(),
  })
  .openapi("Reservation");

export const orderSchema = z
  .object({
    id: z.uuid(),
    sale: saleIdSchema,
    state: z.enum(["confirmed"]),
    lines: linesSchema,
    total: money,
    currency: z.string(),
    confirmedAt: time,
    payment: z.object({ state: z.enum(["not_required"]) }),
    refund: z.null(),
  })
  .openapi("Order");

export const liveSchema = z
  .object({
    now: time,
    phase: z.enum(phases),
    mode: z.enum(modes),
    epoch: z.int().positive(),
    line: z.object({ joined: units, nowServing: units, waiting: units, inside: units, holds: units }),
    items: z.array(
      z.object({
        sku: skuSchema,
        stock: units,
        available: units,
        slots: units,
        held: units,
        confirmed: units,
      }),
    ),
    outbox: z
      .object({ entries: units, lagSeconds: z.number().nonnegative() })
      .describe("what Postgres does not know yet: entries, and the age of the oldest"),
    stored: z
      .object({
        orders: units,
        shoppers: units.describe("different shoppers with an order"),
        discrepancies: units,
        ledgerDifference: z
          .int()
          .describe("units by which the ledger and the counters differ; zero when all is well"),
        items: z.array(z.object({ sku: skuSchema, stock: units, held: units, confirmed: units })),
      })
      .nullable()
      .describe("what Postgres knows; null while it does not answer"),
  })
  .openapi("Live");

export const storedOrderSchema = z
  .object({ id: z.uuid(), shopper: z.string(), number: units, units, total: money, confirmedAt: time })
  .openapi("StoredOrder");

export const problemSchema = z
  .object({
    type: z.enum(Object.keys(refusals) as [RefusalWord, ...RefusalWord[]]),
    title: z.string(),
    status: z.int(),
    detail: z.string().optional(),
    errors: z.array(z.object({ pointer: z.string(), detail: z.string() })).optional(),
    left: z.array(z.object({ sku: z.string(), left: units })).optional(),
    reservationId: z.string().optional(),
  })
  .openapi("Problem");

export type PublicSale = z.output<typeof publicSaleSchema>;
export type Pulse = z.output<typeof pulseSchema>;
export type TicketAnswer = z.output<typeof ticketSchema>;
export type PassAnswer = z.output<typeof passSchema>;
export type ReservationInput = z.output<typeof reservationInputSchema>;
export type Reservation = z.output<typeof reservationSchema>;
export type Order = z.output<typeof orderSchema>;
export type Live = z.output<typeof liveSchema>;
export type StoredOrder = z.output<typeof storedOrderSchema>;
export type Problem = z.output<typeof problemSchema>;

const json = <Schema extends z.ZodType>(schema: Schema, description: string) => ({
  description,
  content: { "application/json": { schema } },
});

/** The refusals a call can answer beyond those every call can, grouped by status as OpenAPI wants them. */
function refusing(...words: RefusalWord[]) {
  const byStatus: Record<number, { description: string; content: object }> = {};
  for (const word of words) {
    const { status, title } = refusals[word];
    const described = byStatus[status]?.description;
    byStatus[status] = {
      description: `${described === undefined ? "" : `${described}\n`}- \`${word}\`: ${title}`,
      content: { "application/problem+json": { schema: problemSchema } },
    };
  }
  return byStatus;
}

const body = <Schema extends z.ZodType>(schema: Schema) => ({
  required: true,
  content: { "application/json": { schema } },
});

const sale = z.object({ sale: saleIdSchema });
const saleAndId = sale.extend({ id: z.uuid().overwrite((id) => id.toLowerCase()) });
const ticket = [{ ticket: [] }];
const pass = [{ pass: [] }];
const operator = [{ operator: [] }];

export const listSales = createRoute({
  method: "get",
  path: "/api/sales",
  summary: "All sales, the next to open first",
  responses: { 200: json(z.object({ sales: z.array(publicSaleSchema) }), "the sales") },
});

export const readSale = createRoute({
  method: "get",
  path: "/api/sales/{sale}",
  summary: "A sale",
  request: { params: sale },
  responses: { 200: json(publicSaleSchema, "the sale"), ...refusing("not_found") },
});

export const readPulse = createRoute({
  method: "get",
  path: "/api/sales/{sale}/pulse",
  summary: "The live state of a sale, the same for everybody",
  request: { params: sale },
  responses: { 200: json(pulseSchema, "the pulse"), ...refusing("not_found", "on_hold") },
});

export const joinQueue = createRoute({
  method: "post",
  path: "/api/sales/{sale}/queue",
  summary: "Take a place in line",
  request: {
    params: sale,
    body: { required: false, content: { "application/json": { schema: z.strictObject({}) } } },
  },
  responses: {
    201: json(ticketSchema, "a new place"),
    200: json(ticketSchema, "the place this shopper has already"),
    ...refusing("not_open", "sold_out", "closed", "on_hold", "not_found"),
  },
});

export const leaveQueue = createRoute({
  method: "delete",
  path: "/api/sales/{sale}/queue",
  summary: "Give up the place in line",
  security: ticket,
  request: { params: sale },
  responses: { 204: { description: "left" }, ...refusing("invalid_ticket", "not_found") },
});

export const enterSale = createRoute({
  method: "post",
  path: "/api/sales/{sale}/entry",
  summary: "Turn a ticket whose turn has come into a pass",
  security: ticket,
  request: { params: sale },
  responses: {
    201: json(passSchema, "a new pass"),
    200: json(passSchema, "the pass this shopper has already"),
    ...refusing("not_your_turn", "sold_out", "closed", "invalid_ticket", "on_hold", "not_found"),
  },
});

export const reserve = createRoute({
  method: "post",
  path: "/api/sales/{sale}/reservations",
  summary: "Hold units",
  security: pass,
  request: { params: sale, body: body(reservationInputSchema) },
  responses: {
    201: json(reservationSchema, "held"),
    200: json(reservationSchema, "the same request was answered before: the first answer, as it stands now"),
    ...refusing("sold_out", "limit_reached", "conflicting_replay", "closed", "invalid_pass", "pass_expired"),
    ...refusing("invalid_input", "on_hold", "not_found"),
  },
});

export const readReservation = createRoute({
  method: "get",
  path: "/api/sales/{sale}/reservations/{id}",
  summary: "A reservation of one's own",
  security: pass,
  request: { params: saleAndId },
  responses: { 200: json(reservationSchema, "the reservation"), ...refusing("not_found", "invalid_pass") },
});

export const releaseReservation = createRoute({
  method: "delete",
  path: "/api/sales/{sale}/reservations/{id}",
  summary: "Give the units back",
  security: pass,
  request: { params: saleAndId },
  responses: {
    204: { description: "given back, now or before" },
    ...refusing("not_found", "already_confirmed", "invalid_pass", "on_hold"),
  },
});

export const checkout = createRoute({
  method: "post",
  path: "/api/sales/{sale}/reservations/{id}/checkout",
  summary: "Make a held reservation an order",
  security: pass,
  request: { params: saleAndId },
  responses: {
    200: json(z.object({ order: orderSchema }), "a free sale: the order"),
    ...refusing("reservation_expired", "not_found", "invalid_pass", "payment_unavailable", "on_hold"),
  },
});

export const readOrder = createRoute({
  method: "get",
  path: "/api/sales/{sale}/orders/{id}",
  summary: "An order of one's own",
  security: pass,
  request: { params: saleAndId },
  responses: { 200: json(orderSchema, "the order"), ...refusing("not_found", "invalid_pass") },
});

export const createSale = createRoute({
  method: "post",
  path: "/api/admin/sales",
  summary: "Create and publish a sale",
  security: operator,
  request: { body: body(saleSchema) },
  responses: {
    201: json(publicSaleSchema, "created"),
    200: json(publicSaleSchema, "the same sale was created before"),
    ...refusing("sale_exists", "invalid_input", "unauthorized"),
  },
});

export const listSalesForOperator = createRoute({
  method: "get",
  path: "/api/admin/sales",
  summary: "All sales, from Postgres",
  security: operator,
  responses: {
    200: json(z.object({ sales: z.array(saleSchema) }), "the sales"),
    ...refusing("unauthorized"),
  },
});

export const readLive = createRoute({
  method: "get",
  path: "/api/admin/sales/{sale}/live",
  summary: "Redis, the outbox and Postgres side by side",
  security: operator,
  request: { params: sale },
  responses: { 200: json(liveSchema, "live metrics"), ...refusing("unauthorized", "not_found", "on_hold") },
});

export const setMode = createRoute({
  method: "post",
  path: "/api/admin/sales/{sale}/mode",
  summary: "The operator's hand",
  security: operator,
  request: {
    params: sale,
    body: body(z.strictObject({ mode: z.enum(modes), reason: z.string().max(500).default("") })),
  },
  responses: {
    200: json(z.object({ mode: z.enum(modes) }), "in force from the next tick"),
    ...refusing("unauthorized", "not_found", "on_hold", "invalid_input", "sale_ended"),
  },
});

export const listOrders = createRoute({
  method: "get",
  path: "/api/admin/sales/{sale}/orders",
  summary: "Orders as Postgres knows them, in pages",
  security: operator,
  request: {
    params: sale,
    query: z.object({
      after: z.uuid().optional().describe("the last id of the page before"),
      limit: z.coerce.number().int().min(1).max(1000).default(1000),
    }),
  },
  responses: {
    200: json(z.object({ orders: z.array(storedOrderSchema) }), "a page, by id"),
    ...refusing("unauthorized", "not_found", "invalid_input"),
  },
});
