/**
 * The HTTP contract, once: these schemas validate the input, give the types, and make `openapi.json`. Only the
 * functions Worker loads this file; the edge and the clients of the API need no more than its types.
 */
import { createRoute, z } from "@hono/zod-openapi";
import { refusals, type RefusalWord } from "./refusal.ts";
import { roles } from "./token.ts";
import { modes } from "./mode.ts";
import { bounds, phases, saleIdSchema, saleSchema, skuSchema, STOCK_MAX } from "./sale.ts";

const time = z.iso.datetime().describe("ISO 8601, UTC");
const money = z.int().nonnegative().describe("minor units of the sale's currency");
const units = z.int().nonnegative();

const drawSchema = z
  .object({
    commitment: z.string().describe("SHA-256 of the seed, in hexadecimal: published with the sale"),
    seed: z.string().optional().describe("published at opening"),
    count: z.int().nonnegative().optional().describe("numbers the lobby gave out; published at opening"),
  })
  .describe("what anybody needs to check the draw; `/sales/{sale}/draw` does it");

export const publicSaleSchema = saleSchema
  .safeExtend({
    phase: z.enum(phases),
    mode: z.enum(modes),
    lobbyOpensAt: time.describe("from when the line takes people"),
    registration: z
      .object({ from: time, until: time })
      .optional()
      .describe("while addresses are taken, where the sale takes them"),
    draw: drawSchema.optional(),
    slotDraw: drawSchema.optional().describe("the draw of the slots, over the numbers of confirmation"),
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
    pollAfterMs: z
      .int()
      .positive()
      .describe(
        "from `now` to the next look; everybody comes a little earlier or later, so that not all come at once",
      ),
    far: z
      .object({ beyond: units, pollAfterMs: z.int().positive() })
      .optional()
      .describe(
        "in a long line: whose place is beyond this one looks again after so long instead; nothing can happen to them before",
      ),
    epoch: z.int().positive().describe("a ticket of an earlier one joins again, and has its number back"),
    release: z
      .object({
        everySeconds: z.int().positive(),
        size: units.describe("people who come in at each release, at most"),
        last: units.describe("people who came in at the last one"),
        boundBy: z
          .enum(bounds)
          .describe(
            "why they were not more: nobody else waited, the size, the room inside, the stock, the mode",
          ),
      })
      .describe("how the line moves, and why"),
    reach: z
      .object({ left: units, expected: units, possible: units })
      .nullable()
      .describe(
        "the highest number that can be served, if each takes one: by what is left; with the returns to expect from " +
          "those so far; by everything that is not paid for. Null while there is enough for all in line",
      ),
    draw: drawSchema.optional(),
    slots: z
      .object({ left: units, claimUntil: time })
      .optional()
      .describe("units set aside and not claimed yet; what is left of them at `claimUntil` goes to the line"),
  })
  .openapi("Pulse");

export const ticketSchema = z
  .object({
    ticket: z.string(),
    number: z.int().nonnegative().describe("the place; 0 with a slot, which waits for nobody"),
    joinedAt: time,
    epoch: z.int().positive(),
    lobby: z
      .literal(true)
      .optional()
      .describe("the number is one of the lobby: the draw gives it its place at opening"),
    pass: z.string().optional().describe("with a slot, once the sale is open"),
    expiresAt: time.optional().describe("when that pass ends"),
  })
  .openapi("Ticket");

export const joinInputSchema = z
  .strictObject({
    botCheck: z
      .string()
      .min(1)
      .max(2048)
      .optional()
      .describe("the bot check's token, where the shop wants one; another one for each attempt"),
    slotToken: z
      .string()
      .min(1)
      .max(1024)
      .optional()
      .describe("what the e-mail of a slot carries: goes past the line"),
  })
  .openapi("JoinInput");

export const registrationInputSchema = z
  .strictObject({
    email: z.string().trim().pipe(z.email("not an e-mail address").max(254)),
    botCheck: joinInputSchema.shape.botCheck,
  })
  .openapi("RegistrationInput");

export const registrationSchema = z
  .object({
    status: z.enum(["slot", "waiting"]),
    number: z.int().positive().describe("in the order of confirmation"),
    registered: units.describe("confirmed addresses so far"),
    slots: units.describe("units set aside; 0 where the sale has no slots"),
    decided: z.boolean().describe("whether it is final who has a slot"),
    decidesAt: time.describe("when that is"),
    ahead: units
      .optional()
      .describe("first come: of those who wait, so many at most come before, should a slot become free"),
    place: z.int().positive().optional().describe("by the draw, once it was made"),
    claimUntil: time.optional().describe("a slot is kept until then"),
    slotToken: z.string().optional().describe("of a slot, once that is final: for joining"),
  })
  .openapi("Registration");

export const confirmedRegistrationSchema = registrationSchema
  .extend({
    registration: z.string().describe("shows that the address is confirmed: the bearer token of a join"),
  })
  .openapi("ConfirmedRegistration");

export const emailNumbersSchema = z
  .object({
    queued: units,
    sending: units,
    sent: units,
    dead: units.describe("for an operator to look at: `GET /api/admin/emails`"),
    secondsToSend: units.describe("until the last one is out, by the limits of sending"),
    lastAt: time.nullable().describe("when that is; null when none is queued"),
  })
  .openapi("EmailNumbers");

export const registrationNumbersSchema = z
  .object({
    asked: units.describe("have been sent a link and have not confirmed"),
    waiting: units,
    slot: units,
    left: units.describe("took their registration back"),
    slots: z.object({
      count: units,
      given: units,
      decided: z.boolean(),
      decidesAt: time,
    }),
    emails: emailNumbersSchema,
  })
  .openapi("RegistrationNumbers");

export const importedSchema = z
  .object({
    imported: units,
    known: units.describe("were on the list already"),
    errors: z.array(z.object({ row: z.int().positive(), detail: z.string() })),
  })
  .openapi("Imported");

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

export const checkoutInputSchema = z
  .strictObject({
    language: z
      .string()
      .regex(/^[a-z]{2}$/, "two letters, such as de")
      .optional()
      .describe("of the page that the shopper comes back to from paying; else the shop's first one"),
  })
  .openapi("CheckoutInput");

const linesSchema = z.array(z.object({ sku: skuSchema, quantity: z.int().positive(), price: money }));

export const reservationSchema = z
  .object({
    reservationId: z.uuid(),
    state: z.enum(["held", "confirmed", "released", "expired", "refunded"]),
    payment: z
      .enum(["none", "open", "pending", "authorised", "captured", "voided", "returned"])
      .describe(
        "begun, waiting for the bank, reserved on the card, charged, given up: not charged, refunded",
      ),
    expiresAt: time,
    extended: z.boolean().describe("more time was taken for it, which can be done once"),
    lines: linesSchema,
    total: money,
    currency: z.string(),
  })
  .openapi("Reservation");

export const orderSchema = z
  .object({
    id: z.uuid(),
    sale: saleIdSchema,
    state: z.enum(["confirmed", "refunded"]),
    lines: linesSchema,
    total: money,
    currency: z.string(),
    confirmedAt: time,
    payment: z.object({ state: z.enum(["not_required", "authorised", "captured"]) }),
    refund: z.object({ amount: money, state: z.enum(["asked", "done"]) }).nullable(),
  })
  .openapi("Order");

export const liveSchema = z
  .object({
    now: time,
    phase: z.enum(phases),
    mode: z.enum(modes),
    epoch: z.int().positive(),
    line: z.object({ joined: units, nowServing: units, waiting: units, inside: units, holds: units }),
    perSecond: pulseSchema.shape.perSecond,
    release: pulseSchema.shape.release,
    items: z.array(
      z.object({
        sku: skuSchema,
        stock: units,
        available: z
          .int()
          .describe(
            "below zero by what was sold twice after Redis had lost orders, until the latest go back",
          ),
        slots: units,
        held: units,
        confirmed: units,
      }),
    ),
    turnedAway: z
      .object({
        limited: units.describe("429: somebody asked too often"),
        failed: units.describe("5xx: on hold, unavailable"),
      })
      .describe("how often the edge has answered so about this sale, as far as its isolates have told"),
    redis: z.object({
      memoryBytes: units.nullable().describe("all of Redis; null where it does not say"),
      billedCommands: units.describe("of this sale: calls counted, times what each costs; an estimate"),
      billedUsd: z.number().nonnegative(),
    }),
    outbox: z
      .object({ entries: units, lagSeconds: z.number().nonnegative() })
      .describe("what Postgres does not know yet: entries, and the age of the oldest"),
    stored: z
      .object({
        orders: units,
        ordersPerSecond: z.number().nonnegative().describe("of the last 10 s"),
        shoppers: units.describe("different shoppers with an order; of a large sale up to ten seconds old"),
        money: z.object({
          authorised: money.describe("and not captured yet"),
          captured: money,
          refunded: money,
        }),
        discrepancies: units,
        ledgerDifference: z
          .int()
          .describe(
            "units by which the ledger and the counters differ; zero when all is well; of a large sale up to ten seconds old",
          ),
        items: z.array(
          z.object({ sku: skuSchema, stock: units, slots: units, held: units, confirmed: units }),
        ),
      })
      .nullable()
      .describe("what Postgres knows; null while it does not answer"),
  })
  .openapi("Live");

export const storedSaleSchema = z
  .object({
    sale: saleSchema.describe("the definition, as Postgres has it"),
    state: z.object({
      phase: z.enum(phases),
      mode: z.enum(modes),
      releaseSize: units.describe("in force: the operator's, else the definition's"),
      epoch: z.int().positive(),
      redis: z
        .enum(["same", "differs", "missing", "unavailable"])
        .describe("whether Redis has this definition; `differs`: the last change has to be sent again"),
      createdAt: time,
      publishedAt: time.nullable(),
      settledAt: time.nullable(),
    }),
  })
  .openapi("StoredSale");

export const overviewSchema = z
  .object({
    now: time,
    sales: z.array(
      z.object({
        id: saleIdSchema,
        name: z.string(),
        phase: z.enum(phases),
        mode: z.enum(modes),
        lobbyOpensAt: time,
        opensAt: time,
        closesAt: time,
        stock: units.describe("with top-ups"),
        held: units,
        sold: units,
        line: z
          .object({ joined: units, waiting: units, inside: units })
          .nullable()
          .describe("null where Redis does not say"),
        redis: z
          .enum(["knows", "missing", "unavailable", "gone"])
          .describe(
            "`missing`: it has lost the sale, which has to be rebuilt; `gone`: settled, or not published yet",
          ),
        discrepancies: units.describe("that nobody has settled"),
      }),
    ),
  })
  .openapi("Overview");

export const checklistItemSchema = z.object({
  id: z.string(),
  title: z.string(),
  light: z.enum(["green", "amber", "red"]),
  found: z.string().describe("what was seen"),
  todo: z.string().describe("what to do about it; empty where that is nothing"),
});

export const checklistSchema = z
  .object({
    sale: saleIdSchema,
    name: z.string(),
    checkedAt: time,
    light: checklistItemSchema.shape.light.describe("the worst of them"),
    items: z.array(checklistItemSchema),
  })
  .openapi("Checklist");

export const storedReservationSchema = z
  .object({
    id: z.uuid(),
    shopper: z.string(),
    number: units,
    state: reservationSchema.shape.state,
    lines: linesSchema,
    total: money,
    heldAt: time,
    expiresAt: time,
    changedAt: time,
    payments: z
      .array(
        z.object({
          intent: z.string(),
          amount: money,
          state: z.enum(["authorised", "captured", "voided", "returned"]),
        }),
      )
      .describe("what Stripe was asked for, by the intent's id there"),
    refunds: z.array(
      z.object({
        id: z.uuid(),
        amount: money,
        state: z.enum(["asked", "done", "failed"]),
        reason: z.string(),
        returnStock: z.boolean(),
        failure: z.string().nullable(),
      }),
    ),
    confirmedAt: time.nullable().describe("when it became an order"),
  })
  .openapi("StoredReservation");

export const auditEntrySchema = z
  .object({
    id: z.int().positive(),
    at: time,
    action: z.string(),
    by: z.string().describe("whose action it was: a name or a token, or `system`"),
    sale: z.string(),
    detail: z.record(z.string(), z.unknown()).describe("what was changed, from what, and why"),
  })
  .openapi("AuditEntry");

export const storedOrderSchema = z
  .object({ id: z.uuid(), shopper: z.string(), number: units, units, total: money, confirmedAt: time })
  .openapi("StoredOrder");

export const storedEmailSchema = z
  .object({
    id: z.uuid(),
    sale: z.string(),
    kind: z.string(),
    recipient: z.string().nullable().describe("null once deleted"),
    state: z.enum(["queued", "sending", "sent", "dead"]),
    attempts: units,
    failure: z
      .string()
      .nullable()
      .describe(
        "the platform's word; `unknown` where it may have been sent: then it is never tried again by itself",
      ),
    createdAt: time,
    dueAt: time,
    takenAt: time.nullable(),
    sentAt: time.nullable(),
  })
  .openapi("StoredEmail");

export const reconciliationSchema = z
  .object({
    id: z.uuid(),
    cause: z
      .enum(["operator", "cron", "light"])
      .describe("a light one looks while the sale runs, and repairs nothing"),
    apply: z.boolean(),
    state: z
      .enum(["running", "done"])
      .describe("a run that takes long goes on each minute, or when it is asked for again under its id"),
    step: z.string(),
    lookedAt: z.record(z.string(), z.number()).describe("what each step has looked at so far"),
    startedAt: time,
    endedAt: time.nullable(),
  })
  .openapi("Reconciliation");

export const discrepancySchema = z
  .object({
    id: z.int().positive(),
    kind: z.string(),
    subject: z.string().nullable().describe("a reservation, a payment, a refund or an item"),
    evidence: z.unknown(),
    remedy: z.string().nullable(),
    amount: money.describe("what the remedy gives back"),
    outcome: z
      .enum(["found", "waiting", "applied", "failed", "gone", "superseded"])
      .nullable()
      .describe("`waiting`: it gives back more than the limit, and somebody has to approve it"),
    detail: z.string().nullable(),
    foundAt: time,
    resolvedAt: time.nullable(),
  })
  .openapi("Discrepancy");

export const settlementSchema = z
  .object({
    sale: saleIdSchema,
    name: z.string(),
    currency: z.string(),
    items: z.array(z.object({ sku: skuSchema, stock: units, toppedUp: units, sold: units, unsold: units })),
    orders: units,
    ordersTakenBack: units,
    shoppers: units,
    reservations: z.record(z.string(), units),
    money: z.object({
      captured: money,
      refunded: money,
      kept: z.int(),
      charges: units,
      refunds: units,
      voided: units,
    }),
    discrepancies: z.array(z.object({ kind: z.string(), outcome: z.string().nullable(), count: units })),
    timings: z.object({
      createdAt: time,
      opensAt: time,
      closesAt: time,
      firstOrderAt: time.nullable(),
      lastOrderAt: time.nullable(),
      settledAt: time,
    }),
  })
  .openapi("Settlement");

export const sessionSchema = z
  .object({
    role: z.enum(roles).describe("a viewer looks, an operator acts too"),
    name: z.string().describe("as the audit log says it"),
    expiresAt: time.nullable().describe("when a session ends; null for a token, which does not"),
  })
  .openapi("Session");

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
export type Draw = z.output<typeof drawSchema>;
export type JoinInput = z.output<typeof joinInputSchema>;
export type Registration = z.output<typeof registrationSchema>;
export type RegistrationNumbers = z.output<typeof registrationNumbersSchema>;
export type Imported = z.output<typeof importedSchema>;
export type ConfirmedRegistration = z.output<typeof confirmedRegistrationSchema>;
export type PassAnswer = z.output<typeof passSchema>;
export type ReservationInput = z.output<typeof reservationInputSchema>;
export type Reservation = z.output<typeof reservationSchema>;
export type Order = z.output<typeof orderSchema>;
export type Live = z.output<typeof liveSchema>;
export type StoredSale = z.output<typeof storedSaleSchema>;
export type Overview = z.output<typeof overviewSchema>;
export type ChecklistItem = z.output<typeof checklistItemSchema>;
export type Checklist = z.output<typeof checklistSchema>;
export type StoredReservation = z.output<typeof storedReservationSchema>;
export type AuditEntry = z.output<typeof auditEntrySchema>;
export type StoredOrder = z.output<typeof storedOrderSchema>;
export type StoredEmail = z.output<typeof storedEmailSchema>;
export type EmailNumbers = z.output<typeof emailNumbersSchema>;
export type Reconciliation = z.output<typeof reconciliationSchema>;
export type Found = z.output<typeof foundSchema>;
export type Discrepancy = z.output<typeof discrepancySchema>;
export type Settlement = z.output<typeof settlementSchema>;
export type Session = z.output<typeof sessionSchema>;
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

/** A call that takes none refuses what it is sent, as any unknown field. */
const noBody = { required: false, content: { "application/json": { schema: z.strictObject({}) } } };

const sale = z.object({ sale: saleIdSchema });
const saleAndId = sale.extend({ id: z.uuid().overwrite((id) => id.toLowerCase()) });
const ticket = [{ ticket: [] }];
const pass = [{ pass: [] }];
const operator = [{ operator: [] }];
const registered = [{ registration: [] }];

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
    body: { required: false, content: { "application/json": { schema: joinInputSchema } } },
  },
  responses: {
    201: json(ticketSchema, "a new place"),
    200: json(ticketSchema, "the place this shopper has already"),
    ...refusing("not_open", "sold_out", "closed", "slot_ended", "on_hold", "not_found", "invalid_input"),
    ...refusing("bot_check_failed", "registration_needed", "login_needed", "invalid_ticket", "rate_limited"),
  },
});

export const register = createRoute({
  method: "post",
  path: "/api/sales/{sale}/registrations",
  summary: "Ask for an e-mail with a link that confirms the address",
  request: { params: sale, body: body(registrationInputSchema) },
  responses: {
    202: { description: "taken; the same for every address" },
    ...refusing("registration_closed", "bot_check_failed", "invalid_input", "not_found", "on_hold"),
  },
});

export const readRegistration = createRoute({
  method: "get",
  path: "/api/sales/{sale}/registrations/mine",
  summary: "How one's own registration stands",
  security: registered,
  request: { params: sale },
  responses: {
    200: json(registrationSchema, "the registration"),
    ...refusing("registration_needed", "not_found"),
  },
});

export const cancelRegistration = createRoute({
  method: "post",
  path: "/api/sales/{sale}/registrations/cancel",
  summary: "Take a registration back: the address is deleted, a slot goes to the next",
  security: registered,
  request: {
    params: sale,
    body: {
      required: false,
      content: {
        "application/json": {
          schema: z.strictObject({
            token: z.string().max(1024).optional().describe("of an e-mail; else the registration's own"),
          }),
        },
      },
    },
  },
  responses: {
    204: { description: "taken back, now or before" },
    ...refusing("invalid_input", "registration_needed", "not_found"),
  },
});

export const confirmRegistration = createRoute({
  method: "post",
  path: "/api/sales/{sale}/registrations/confirm",
  summary: "Confirm an address by the token of its e-mail",
  request: { params: sale, body: body(z.strictObject({ token: z.string().max(1024) })) },
  responses: {
    200: json(confirmedRegistrationSchema, "confirmed, now or before by the same browser"),
    ...refusing("token_expired", "link_used", "registration_closed", "invalid_input", "not_found"),
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
  request: { params: sale, body: noBody },
  responses: {
    201: json(passSchema, "a new pass"),
    200: json(passSchema, "the pass this shopper has already"),
    ...refusing(
      "not_your_turn",
      "sold_out",
      "closed",
      "slot_ended",
      "invalid_ticket",
      "outdated_ticket",
      "on_hold",
      "not_found",
    ),
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
    ...refusing("invalid_input", "on_hold", "not_found", "rate_limited"),
  },
});

export const readReservation = createRoute({
  method: "get",
  path: "/api/sales/{sale}/reservations/{id}",
  summary: "A reservation of one's own",
  security: pass,
  request: { params: saleAndId },
  responses: {
    200: json(reservationSchema, "the reservation"),
    ...refusing("not_found", "invalid_pass", "on_hold"),
  },
});

export const releaseReservation = createRoute({
  method: "delete",
  path: "/api/sales/{sale}/reservations/{id}",
  summary: "Give the units back",
  security: pass,
  request: { params: saleAndId },
  responses: {
    204: { description: "given back, now or before" },
    ...refusing("not_found", "already_confirmed", "payment_pending", "invalid_pass", "on_hold"),
  },
});

export const extendReservation = createRoute({
  method: "post",
  path: "/api/sales/{sale}/reservations/{id}/extension",
  summary:
    "Take more time for a held reservation: once, half as long again as holds last, not past the end of the sale",
  security: pass,
  request: { params: saleAndId, body: noBody },
  responses: {
    200: json(reservationSchema, "with its new end, now or from before"),
    ...refusing("reservation_expired", "already_confirmed", "closed", "not_found", "invalid_pass", "on_hold"),
  },
});

export const checkout = createRoute({
  method: "post",
  path: "/api/sales/{sale}/reservations/{id}/checkout",
  summary: "Make a held reservation an order",
  security: pass,
  request: {
    params: saleAndId,
    body: { required: false, content: { "application/json": { schema: checkoutInputSchema } } },
  },
  responses: {
    200: json(
      z.union([
        z.object({ order: orderSchema }),
        z.object({
          url: z.url().describe("where the shopper pays; afterwards they are sent back to the sale"),
        }),
      ]),
      "the order, where nothing is to be paid or it was paid; else where to pay",
    ),
    ...refusing("reservation_expired", "not_found", "invalid_pass", "payment_unavailable", "on_hold"),
  },
});

export const readOrder = createRoute({
  method: "get",
  path: "/api/sales/{sale}/orders/{id}",
  summary: "An order of one's own",
  security: pass,
  request: { params: saleAndId },
  responses: { 200: json(orderSchema, "the order"), ...refusing("not_found", "invalid_pass", "on_hold") },
});

export const refundOrder = createRoute({
  method: "post",
  path: "/api/admin/sales/{sale}/orders/{id}/refunds",
  summary: "Give money back, all of it or a part",
  security: operator,
  request: {
    params: saleAndId,
    body: body(
      z.strictObject({
        refundId: z.uuid().describe("minted by the client, reused on retry"),
        amount: z.int().positive().optional().describe("minor units; all that is left when not said"),
        returnStock: z
          .boolean()
          .default(false)
          .describe("whether its units go back into the sale; only with the whole amount"),
        reason: z.string().max(500).default(""),
      }),
    ),
  },
  responses: {
    202: json(
      z.object({ refundId: z.uuid(), state: z.enum(["asked"]) }),
      "asked for; the order says when it is done",
    ),
    ...refusing("unauthorized", "not_found", "refund_above_rest", "conflicting_replay", "invalid_input"),
  },
});

export const createSession = createRoute({
  method: "post",
  path: "/api/admin/session",
  summary: "Sign in: a session for some hours, made of an operator's or a viewer's token, which ends with it",
  security: operator,
  request: {
    body: body(
      z.strictObject({
        name: z
          .string()
          .trim()
          .max(60)
          .regex(/^[\x20-\x7e\xa0-\uffff]*$/, "no control characters")
          .default("")
          .describe("who this is, for the audit log"),
      }),
    ),
  },
  responses: {
    201: json(
      sessionSchema.extend({
        session: z.string().describe("goes as bearer token, like the one it is made of"),
      }),
      "signed in",
    ),
    ...refusing("unauthorized", "rate_limited", "invalid_input"),
  },
});

export const readSession = createRoute({
  method: "get",
  path: "/api/admin/session",
  summary: "Who this is, and what they may do",
  security: operator,
  responses: { 200: json(sessionSchema, "the caller"), ...refusing("unauthorized") },
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

export const previewSale = createRoute({
  method: "post",
  path: "/api/admin/preview",
  summary: "What a sale would be: judged and filled in like a new one; nothing is created",
  security: operator,
  request: { body: body(saleSchema) },
  responses: {
    200: json(publicSaleSchema, "as it would be now"),
    ...refusing("unauthorized", "forbidden", "invalid_input"),
  },
});

export const readOverview = createRoute({
  method: "get",
  path: "/api/admin/overview",
  summary: "How all sales stand: phase, units, line, and what is wrong",
  security: operator,
  responses: {
    200: json(overviewSchema, "the latest to open first, two hundred at most"),
    ...refusing("unauthorized"),
  },
});

export const readStoredSale = createRoute({
  method: "get",
  path: "/api/admin/sales/{sale}",
  summary: "A sale's definition and state",
  security: operator,
  request: { params: sale },
  responses: {
    200: json(storedSaleSchema, "as Postgres has it, and whether Redis has it so"),
    ...refusing("unauthorized", "not_found"),
  },
});

export const readChecklist = createRoute({
  method: "get",
  path: "/api/admin/sales/{sale}/checklist",
  summary: "Everything that should be right before a sale opens, looked at now",
  security: operator,
  request: {
    params: sale,
    query: z.strictObject({
      people: z.coerce
        .number()
        .int()
        .min(1)
        .max(100_000_000)
        .optional()
        .describe("expected in line at once, for the room in Redis; else a hundred for each unit"),
    }),
  },
  responses: {
    200: json(checklistSchema, "what was found, and what to do"),
    ...refusing("unauthorized", "not_found", "invalid_input"),
  },
});

const reason = z.string().max(500).default("").describe("for the audit log");

export const updateSale = createRoute({
  method: "put",
  path: "/api/admin/sales/{sale}",
  summary: "Define a sale anew, until its line opens; stock, items, identity, lobby and slots stay",
  security: operator,
  request: { params: sale, body: body(saleSchema.safeExtend({ reason })) },
  responses: {
    200: json(publicSaleSchema, "defined so, now or before"),
    ...refusing("unauthorized", "not_found", "on_hold", "line_open", "sale_ended", "invalid_input"),
  },
});

const saying = { params: sale, body: body(z.strictObject({ reason })) };

export const openSale = createRoute({
  method: "post",
  path: "/api/admin/sales/{sale}/open",
  summary: "Open a sale now, before its time",
  security: operator,
  request: saying,
  responses: {
    200: json(publicSaleSchema, "open, now or before"),
    ...refusing("unauthorized", "not_found", "on_hold", "sale_ended", "invalid_input"),
  },
});

export const closeSale = createRoute({
  method: "post",
  path: "/api/admin/sales/{sale}/close",
  summary: "Close an open sale now, for good; holds are completed or end as after any closing",
  security: operator,
  request: saying,
  responses: {
    200: json(publicSaleSchema, "closed, now or before"),
    ...refusing("unauthorized", "not_found", "on_hold", "not_open", "invalid_input"),
  },
});

export const pauseSale = createRoute({
  method: "post",
  path: "/api/admin/sales/{sale}/pause",
  summary: "Mode `hold`, which remembers the mode before",
  security: operator,
  request: saying,
  responses: {
    200: json(z.object({ mode: z.enum(modes) }), "in force from the next tick"),
    ...refusing("unauthorized", "not_found", "on_hold", "invalid_input", "sale_ended"),
  },
});

export const resumeSale = createRoute({
  method: "post",
  path: "/api/admin/sales/{sale}/resume",
  summary: "From `hold` back to the mode before; any other mode stays",
  security: operator,
  request: saying,
  responses: {
    200: json(z.object({ mode: z.enum(modes) }), "in force from the next tick"),
    ...refusing("unauthorized", "not_found", "on_hold", "invalid_input", "sale_ended"),
  },
});

export const listReservations = createRoute({
  method: "get",
  path: "/api/admin/sales/{sale}/reservations",
  summary: "Reservations as Postgres knows them, in pages",
  security: operator,
  request: {
    params: sale,
    query: z.strictObject({
      id: z.uuid().optional(),
      shopper: z
        .string()
        .regex(/^[\w-]{1,64}$/, "an id of a shopper")
        .optional(),
      number: z.coerce
        .number()
        .int()
        .nonnegative()
        .optional()
        .openapi({ type: "integer", description: "the place in line" }),
      state: storedReservationSchema.shape.state.optional(),
      after: z.uuid().optional().describe("the last id of the page before"),
      limit: z.coerce.number().int().min(1).max(1000).default(100),
    }),
  },
  responses: {
    200: json(z.object({ reservations: z.array(storedReservationSchema) }), "a page, by id"),
    ...refusing("unauthorized", "not_found", "invalid_input"),
  },
});

export const listAudit = createRoute({
  method: "get",
  path: "/api/admin/audit-log",
  summary: "What operators did, the latest first, in pages",
  security: operator,
  request: {
    query: z.strictObject({
      sale: saleIdSchema.optional(),
      before: z.coerce.number().int().positive().optional().describe("the last id of the page before"),
      limit: z.coerce.number().int().min(1).max(1000).default(100),
    }),
  },
  responses: {
    200: json(z.object({ entries: z.array(auditEntrySchema) }), "a page"),
    ...refusing("unauthorized", "invalid_input"),
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

export const setReleaseSize = createRoute({
  method: "post",
  path: "/api/admin/sales/{sale}/release-size",
  summary: "How many people come in at each release, at most",
  security: operator,
  request: {
    params: sale,
    body: body(
      z.strictObject({
        releaseSize: saleSchema.shape.releaseSize.unwrap(),
        reason: z.string().max(500).default(""),
      }),
    ),
  },
  responses: {
    200: json(z.object({ releaseSize: units }), "in force from the next tick"),
    ...refusing("unauthorized", "not_found", "on_hold", "invalid_input", "sale_ended"),
  },
});

export const topUpSale = createRoute({
  method: "post",
  path: "/api/admin/sales/{sale}/top-up",
  summary: "Add units to an item while the sale runs",
  security: operator,
  request: {
    params: sale,
    body: body(
      z.strictObject({
        topUpId: z
          .uuid()
          .describe("minted by the client, reused on retry")
          .overwrite((id) => id.toLowerCase()),
        sku: skuSchema,
        units: z.int().min(1).max(STOCK_MAX),
        reason: z.string().max(500).default(""),
      }),
    ),
  },
  responses: {
    200: json(z.object({ sku: skuSchema, stock: units }), "added, now or before; the item's stock then"),
    ...refusing("unauthorized", "not_found", "on_hold", "sale_ended", "conflicting_replay", "invalid_input"),
  },
});

export const drillSale = createRoute({
  method: "post",
  path: "/api/admin/sales/{sale}/drill",
  summary:
    "Let Redis lose a rehearsal, to practise bringing it back; only sales whose id begins with `rehearsal-`",
  security: operator,
  request: { params: sale },
  responses: {
    200: json(z.object({ lost: z.literal(true) }), "Redis does not know the sale any more"),
    ...refusing("unauthorized", "not_found", "on_hold", "not_a_rehearsal"),
  },
});

export const rebuildSale = createRoute({
  method: "post",
  path: "/api/admin/sales/{sale}/rebuild",
  summary: "Bring a sale that Redis has lost back from Postgres, under a new epoch",
  security: operator,
  request: { params: sale },
  responses: {
    200: json(
      z.object({ epoch: z.int().positive(), reservations: units.describe("brought back, in any state") }),
      "Redis sells again; old tickets have their numbers back when they join again",
    ),
    ...refusing("unauthorized", "not_found", "redis_intact", "on_hold"),
  },
});

export const foundSchema = reconciliationSchema.extend({
  discrepancies: z
    .array(discrepancySchema)
    .describe("a page of them: those that wait for approval first, then the others, each by id"),
  next: z
    .string()
    .nullable()
    .describe("what `after` of the run takes for the next page; null: there is none"),
});

export const reconcileSale = createRoute({
  method: "post",
  path: "/api/admin/sales/{sale}/reconciliations",
  summary: "Hold Redis, Postgres and Stripe against each other; repair what differs if asked to",
  security: operator,
  request: {
    params: sale,
    body: body(
      z.strictObject({
        apply: z.boolean().default(false).describe("false: a dry run, which changes nothing"),
        runId: z
          .uuid()
          .optional()
          .describe("minted by the client, reused on retry and to go on with a run that is not done"),
      }),
    ),
  },
  responses: {
    200: json(foundSchema, "done"),
    202: json(foundSchema, "not done yet: it goes on by itself, or when asked again with its id"),
    ...refusing(
      "unauthorized",
      "not_found",
      "on_hold",
      "run_under_way",
      "conflicting_replay",
      "invalid_input",
    ),
  },
});

export const listReconciliations = createRoute({
  method: "get",
  path: "/api/admin/sales/{sale}/reconciliations",
  summary: "Runs of a sale, the latest first",
  security: operator,
  request: { params: sale },
  responses: {
    200: json(z.object({ runs: z.array(reconciliationSchema) }), "the latest hundred"),
    ...refusing("unauthorized"),
  },
});

export const readReconciliation = createRoute({
  method: "get",
  path: "/api/admin/sales/{sale}/reconciliations/{id}",
  summary: "A run and what it found",
  security: operator,
  request: {
    params: saleAndId,
    query: z.strictObject({
      after: z
        .string()
        .regex(/^(waiting|other)-\d{1,15}$/, "the `next` of a page")
        .optional()
        .describe("the `next` of the page before"),
      limit: z.coerce.number().int().min(1).max(1000).default(1000),
      discrepancy: z.coerce.number().int().positive().optional().describe("this one only"),
    }),
  },
  responses: {
    200: json(foundSchema, "the run, and a page of what it found"),
    ...refusing("unauthorized", "not_found", "invalid_input"),
  },
});

export const approveRemedy = createRoute({
  method: "post",
  path: "/api/admin/sales/{sale}/discrepancies/{discrepancy}/approve",
  summary: "Do what waits for approval, if it is still due",
  security: operator,
  request: { params: sale.extend({ discrepancy: z.coerce.number().int().positive() }) },
  responses: {
    200: json(z.object({ outcome: z.string(), detail: z.string() }), "what became of it, now or before"),
    ...refusing("unauthorized", "not_found"),
  },
});

export const setRemedyLimit = createRoute({
  method: "post",
  path: "/api/admin/sales/{sale}/remedy-limit",
  summary: "Up to what amount a remedy gives money back without approval",
  security: operator,
  request: {
    params: sale,
    body: body(z.strictObject({ amount: money, reason: z.string().max(500).default("") })),
  },
  responses: {
    200: json(z.object({ amount: money }), "in force"),
    ...refusing("unauthorized", "not_found", "invalid_input"),
  },
});

export const readSettlement = createRoute({
  method: "get",
  path: "/api/admin/sales/{sale}/settlement",
  summary: "What a settled sale came to",
  security: operator,
  request: {
    params: sale,
    query: z.strictObject({ format: z.enum(["json", "csv", "html"]).default("json") }),
  },
  responses: {
    200: {
      description: "the report: JSON, CSV or a page",
      content: {
        "application/json": { schema: settlementSchema },
        "text/csv": { schema: z.string() },
        "text/html": { schema: z.string() },
      },
    },
    ...refusing("unauthorized", "not_found", "invalid_input"),
  },
});

export const readRegistrationNumbers = createRoute({
  method: "get",
  path: "/api/admin/sales/{sale}/registrations",
  summary: "Registrations by state, and how far their e-mails are",
  security: operator,
  request: { params: sale },
  responses: {
    200: json(registrationNumbersSchema, "the numbers"),
    ...refusing("unauthorized", "not_found"),
  },
});

const csv = (description: string) => ({ description, content: { "text/csv": { schema: z.string() } } });

export const exportRegistrations = createRoute({
  method: "get",
  path: "/api/admin/sales/{sale}/registrations.csv",
  summary: "All registrations: email, state, number, confirmedAt",
  security: operator,
  request: { params: sale },
  responses: { 200: csv("in the order of confirmation"), ...refusing("unauthorized", "not_found") },
});

export const importInvites = createRoute({
  method: "post",
  path: "/api/admin/sales/{sale}/invites",
  summary: "Put addresses on the list, confirmed: CSV with a column `email`, 1 MB at most",
  security: operator,
  request: { params: sale, body: { required: true, ...csv("the list") } },
  responses: {
    200: json(importedSchema, "the good rows are on the list; the others are named"),
    ...refusing("unauthorized", "not_found", "registration_closed", "invalid_input", "body_too_large"),
  },
});

export const listEmails = createRoute({
  method: "get",
  path: "/api/admin/emails",
  summary: "E-mails in a state, in pages: the dead letters, when not said otherwise",
  security: operator,
  request: {
    query: z.strictObject({
      state: storedEmailSchema.shape.state.default("dead"),
      sale: saleIdSchema.optional(),
      after: z.uuid().optional().describe("the last id of the page before"),
      limit: z.coerce.number().int().min(1).max(1000).default(100),
    }),
  },
  responses: {
    200: json(z.object({ emails: z.array(storedEmailSchema) }), "a page, by id"),
    ...refusing("unauthorized", "invalid_input"),
  },
});

export const retryEmail = createRoute({
  method: "post",
  path: "/api/admin/emails/{id}/retry",
  summary: "Try a dead letter once more, even one that may have been sent",
  security: operator,
  request: { params: saleAndId.pick({ id: true }) },
  responses: {
    200: json(storedEmailSchema.pick({ id: true, state: true }), "due again, now or before"),
    ...refusing("unauthorized", "not_found", "already_sent"),
  },
});

export const listOrders = createRoute({
  method: "get",
  path: "/api/admin/sales/{sale}/orders",
  summary: "Orders as Postgres knows them, in pages; as CSV all of them",
  security: operator,
  request: {
    params: sale,
    query: z.strictObject({
      after: z.uuid().optional().describe("the last id of the page before"),
      limit: z.coerce.number().int().min(1).max(1000).default(1000),
      format: z.enum(["json", "csv"]).default("json").describe("`csv` knows no pages: it is all there is"),
    }),
  },
  responses: {
    200: {
      description: "a page, by id",
      content: {
        "application/json": { schema: z.object({ orders: z.array(storedOrderSchema) }) },
        "text/csv": { schema: z.string() },
      },
    },
    ...refusing("unauthorized", "not_found", "invalid_input"),
  },
});
