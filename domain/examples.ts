/** Examples of the API's calls, shown at /docs. A test sends each of them to a whole system, in an order that makes a sale. */
import type { ReservationInput } from "./api.ts";
import type { SaleInput } from "./sale.ts";

/** One id for all that clients mint: a reservation, a top-up, a refund, a run. */
const id = "5f0c7d1e-8a3b-4c2d-9e6f-1a2b3c4d5e6f";

const sale: SaleInput = {
  id: "spring",
  name: "Spring drop",
  description: "Five hundred pairs, two for each.",
  currency: "EUR",
  registrationOpensAt: "2026-03-01T10:00:00Z",
  registrationClosesAt: "2031-05-01T08:00:00Z",
  opensAt: "2031-05-01T10:00:00Z",
  closesAt: "2031-05-01T12:00:00Z",
  items: [{ sku: "M", name: "Medium", stock: 500, price: 0, limit: 2 }],
  slots: { count: 50, allocation: "first_come", claimUntil: "2031-05-01T10:30:00Z" },
};

const reservation: ReservationInput = { reservationId: id, lines: [{ sku: "M", quantity: 1 }] };
const email = "ann@example.com";
const token = "eyJr…";

export const parameters: Record<string, string | number> = { sale: sale.id, id, discrepancy: 17 };

/** "METHOD path" → the body. */
export const bodies: Record<string, unknown> = {
  "POST /api/sales/{sale}/queue": {},
  "POST /api/sales/{sale}/registrations": { email },
  "POST /api/sales/{sale}/registrations/confirm": { token },
  "POST /api/sales/{sale}/registrations/cancel": {},
  "POST /api/sales/{sale}/reservations": reservation,
  "POST /api/admin/session": { name: "Ann" },
  "POST /api/admin/preview": sale,
  "POST /api/sales/{sale}/reservations/{id}/checkout": { language: "de" },
  "POST /api/admin/sales": sale,
  "PUT /api/admin/sales/{sale}": { ...sale, name: "Spring drop, second try", reason: "a typo" },
  "POST /api/admin/sales/{sale}/open": { reason: "everybody is here" },
  "POST /api/admin/sales/{sale}/close": { reason: "enough for today" },
  "POST /api/admin/sales/{sale}/pause": { reason: "the till is down" },
  "POST /api/admin/sales/{sale}/resume": { reason: "the till is up" },
  "POST /api/admin/sales/{sale}/mode": { mode: "drain", reason: "the end" },
  "POST /api/admin/sales/{sale}/release-size": { releaseSize: 50, reason: "slower" },
  "POST /api/admin/sales/{sale}/top-up": { topUpId: id, sku: "M", units: 50, reason: "a box was found" },
  "POST /api/admin/sales/{sale}/reconciliations": { runId: id, apply: false },
  "POST /api/admin/sales/{sale}/remedy-limit": { amount: 20_000, reason: "small things" },
  "POST /api/admin/sales/{sale}/orders/{id}/refunds": { refundId: id, reason: "arrived broken" },
  "POST /api/admin/sales/{sale}/invites": `email\r\n${email}\r\n`,
};
