/**
 * Stores that answer what they cannot: another Redis, another schema, an interceptor's page. Each step says that it cannot go
 * on (`Unavailable`, a 503 at the door), or refuses; no exception of another sort, and nothing of the answer in what is logged.
 */
import { createServer } from "node:http";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import fc from "fast-check";
import { afterAll, beforeAll, beforeEach, expect, test, vi } from "vitest";
import { oddValue } from "../../bench/fuzz/odd.ts";
import { isRefusal } from "../../domain/refusal.ts";
import { mintShopper, tokenKeys, type PassClaims, type TicketClaims } from "../../domain/token.ts";
import { connectStripe, type Payments } from "../../functions/checkout/stripe.ts";
import { connectPostgres } from "../../functions/postgres/client.ts";
import { readPulse } from "../../functions/queue/pulse.ts";
import { enterSale, joinQueue, leaveQueue } from "../../functions/queue/queue.ts";
import { connectRedis } from "../../functions/redis/client.ts";
import { releaseReservation, reserve } from "../../functions/reservation/reservation.ts";
import { listOrders } from "../../functions/sale/live.ts";
import { listAudit } from "../../functions/sale/stored.ts";
import type { Services } from "../../functions/services.ts";
import { Unavailable } from "../../functions/unavailable.ts";

const SECRET = "what-stood-in-the-answer";
let answer: unknown;
const server = createServer((request, response) => {
  request.resume().on("end", () => {
    response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(answer));
  });
});

let services: Services;
let payments: Payments;
beforeAll(async () => {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  payments = connectStripe("sk_test_x", "whsec_x", url);
  services = {
    redis: connectRedis(url, "x"),
    postgres: connectPostgres("postgresql://me:pw@127.0.0.1/db", `${url}/sql`),
    keys: tokenKeys(`t:${"t".repeat(32)}`),
    identitySecret: "i".repeat(32),
    payments,
    email: { send: () => Promise.resolve() },
    emailFrom: "shop@example.com",
    actor: "a test",
    emailLimits: { perMinute: 1, perDay: 1 },
    later: (work) => void work.catch(() => undefined),
  };
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});
beforeEach(() => void vi.spyOn(console, "error").mockImplementation(() => undefined));

const person = { sale: "spring", shopper: mintShopper(), identity: "anyone" as const, number: 3, epoch: 1 };
const pass: PassClaims = { kind: "pass", ...person, expiresAtMs: 2e12 };
const ticket: TicketClaims = { ...pass, kind: "ticket", joinedAtMs: 1e12 };
const reservationId = crypto.randomUUID();

const steps: Record<string, () => Promise<unknown>> = {
  pulse: () => readPulse(services, "spring"),
  join: () => joinQueue(services, "spring", { shopper: person.shopper }),
  enter: () => enterSale(services, ticket),
  leave: () => leaveQueue(services, ticket),
  reserve: () => reserve(services, pass, { reservationId, lines: [{ sku: "shoe", quantity: 1 }] }),
  "give back": () => releaseReservation(services, pass, reservationId),
};

const odd = fc.oneof(
  oddValue,
  fc.array(fc.oneof(oddValue, fc.constantFrom(SECRET, "ok", "1", 1, "held", "missing"))),
);

/** @throws what is neither an outcome nor `Unavailable` */
async function ends(work: () => Promise<unknown>): Promise<string> {
  try {
    const outcome = await work();
    return typeof outcome === "object" && outcome !== null && isRefusal(outcome) ? "refused" : "done";
  } catch (error) {
    if (!(error instanceof Unavailable)) throw error;
    expect(error.message).not.toContain(SECRET);
    return "unavailable";
  }
}

test.each(Object.keys(steps))(
  "Redis answers anything at all: %s ends as one of its outcomes or as unavailable",
  async (name) => {
    const seen = new Map<string, number>();
    await fc.assert(
      fc.asyncProperty(odd, async (result) => {
        answer = { result };
        const end = await ends(steps[name] ?? (() => Promise.resolve()));
        seen.set(end, (seen.get(end) ?? 0) + 1);
      }),
      { numRuns: 120 },
    );
    expect(seen.get("unavailable") ?? 0).toBeGreaterThan(30);
  },
);

test("Postgres answers rows of another shape: unavailable, and what stood in them is not said", async () => {
  const fields = ["id", "at", "action", "sale", "detail"].map((name) => ({ name, dataTypeID: 25 }));
  await fc.assert(
    fc.asyncProperty(
      fc.array(
        fc.array(fc.oneof(fc.string(), fc.constantFrom(SECRET, null)), { minLength: 5, maxLength: 5 }),
        { minLength: 1, maxLength: 3 },
      ),
      async (rows) => {
        answer = { command: "SELECT", rowCount: rows.length, rowAsArray: true, fields, rows };
        expect(await ends(() => listOrders(services, "spring", undefined, 10))).toBe("unavailable");
        expect(await ends(() => listAudit(services, { limit: 10 }))).toBe("unavailable");
      },
    ),
    { numRuns: 60 },
  );
  for (const wrong of [null, [], "x", { rows: 7 }, {}]) {
    answer = wrong;
    await ends(() => listOrders(services, "spring", undefined, 10)).catch((error: unknown) => {
      throw new Error(`${JSON.stringify(wrong)}: ${String(error)}`);
    });
  }
});

test("Stripe answers objects of another shape: unavailable, and no amount is made up", async () => {
  const intent = {
    id: "pi_1",
    object: "payment_intent",
    status: "requires_capture",
    amount: 100,
    currency: "eur",
    metadata: {},
  };
  answer = intent;
  expect(await payments.readIntent("pi_1")).toMatchObject({ amount: 100, state: "authorised" });
  const field = fc.constantFrom("id", "status", "amount", "currency", "metadata");
  const wrong = fc.oneof(fc.constantFrom(undefined, null, -1, 1.5, [], { a: 1 }), fc.double());
  await fc.assert(
    fc.asyncProperty(field, wrong, async (name, value) => {
      fc.pre(!(name === "amount" && Number.isSafeInteger(value) && Number(value) >= 0));
      answer = { ...intent, [name]: value };
      expect(await ends(() => payments.readIntent("pi_1"))).toBe("unavailable");
    }),
    { numRuns: 80 },
  );
});
