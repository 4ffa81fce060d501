/**
 * What becomes of a payment: authorised → confirmed → captured, or given up. Whoever notices that a payment may have moved
 * (a webhook, the shopper who comes back, a hold that ends, cron) calls `settle`; it reads what is true from Stripe and
 * Redis and takes the next step, as often as it is called.
 *
 * Nobody is charged for what they do not get (design §4.5): money is captured only after `confirm.lua`. A payment that
 * comes too late has its units again if there are any, else it is voided.
 */
import { z } from "zod";
import { recordJson, type Record } from "../reservation/record.ts";
import confirmLua from "../reservation/confirm.lua";
import { runScript, type Script } from "../redis/client.ts";
import { saleKeys } from "../redis/keys.ts";
import type { Services } from "../services.ts";
import { drainSoon } from "../sync/sync.ts";
import { Unavailable } from "../unavailable.ts";
import { receipt, tooLate } from "./notices.ts";
import recordSql from "./record-payment.sql";
import { refundWhole } from "./refund.ts";
import { sessionRequest } from "./session.ts";
import { paymentsOf, type Intent, type Session } from "./stripe.ts";

const confirmWord = z.enum(["again", "confirmed", "reservation_expired", "payment_needed"]);
export const confirmScript = {
  name: "confirm",
  source: confirmLua,
  reply: z.union([z.tuple([confirmWord, recordJson]), z.tuple([z.enum(["missing", "not_found"])])]),
} satisfies Script<unknown>;
export type Confirmed = z.output<(typeof confirmScript)["reply"]>;

/**
 * @param shopper '' for whoever the reservation is of
 * @param origin where the shop is, for the way back from paying; '' where none begins
 */
export async function confirm(
  services: Services,
  saleId: string,
  id: string,
  { shopper = "", intent, origin = "" }: { shopper?: string | undefined; intent?: Intent; origin?: string },
): Promise<Confirmed> {
  const keys = saleKeys(saleId);
  const reply = await runScript(
    services.redis,
    confirmScript,
    [keys.sale, keys.stock, keys.inside, keys.reservations, keys.shoppers, keys.holds, keys.outbox],
    ["", id, shopper, intent?.amount ?? 0, intent?.id ?? "", origin],
  );
  if (reply[0] === "confirmed") services.later(drainSoon(services, saleId));
  return reply;
}

/** How a payment stands, for its shopper. */
export type Paying = "none" | "pending" | "authorised" | "captured" | "voided" | "returned";

/**
 * Takes the next steps of a session's payment.
 * @throws {Unavailable} a store or Stripe did not answer: to be called again
 */
export async function settle(services: Services, session: Session): Promise<Paying> {
  const { intent, email } = session;
  return intent === undefined ? "none" : await settleIntent(services, intent, email);
}

const UUID = /^[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}$/i;

export async function settleIntent(
  services: Services,
  intent: Intent,
  email: string | undefined,
): Promise<Paying> {
  const { sale, reservation, shopper, state } = intent;
  // Without these it is not of our making.
  if (sale === undefined || reservation === undefined || !UUID.test(reservation)) return "none";
  switch (state) {
    case "none":
    case "pending":
      return state;
    case "voided":
      return await finishVoid(services, intent, sale, reservation, email);
    case "authorised":
    case "captured": {
      const reply = await confirm(services, sale, reservation, { shopper, intent });
      if (reply[0] === "missing") throw new Unavailable("redis", `the sale of a payment is not there`);
      if (reply[0] === "not_found") return await giveUp(services, intent, undefined, email);
      const [word, record] = reply;
      if (word === "confirmed" || word === "again") {
        if (record.intent === intent.id) return await take(services, intent, record, email);
        // Nothing may be given back as long as it is not known whose the order is.
        if (record.intent === undefined)
          throw new Unavailable("redis", "an order whose payment is not known");
      }
      return await giveUp(services, intent, record, email);
    }
  }
}

/** The units are this payment's: the money is taken, and written down. */
async function take(
  services: Services,
  intent: Intent,
  record: Record,
  email: string | undefined,
): Promise<Paying> {
  const payments = paymentsOf(services);
  await written(services, intent, "authorised");
  const after = intent.state === "captured" ? intent : await payments.capture(intent.id);
  // Authorisations end by themselves after some days; then there is an order without money, for reconciliation to see.
  if (after.state !== "captured") return "authorised";
  await written(services, after, "captured");
  await receipt(services, after, record, email);
  return "captured";
}

/**
 * The units are not this payment's, and will not be: the money goes back where it came from.
 * @throws {Unavailable} Postgres has the order, so Redis has lost it: reconciliation brings it back
 */
async function giveUp(
  services: Services,
  intent: Intent,
  record: Record | undefined,
  email: string | undefined,
): Promise<Paying> {
  const [order] = await services.postgres(
    z.unknown(),
    "select id from reservations where sale_id = $1 and id = $2 and intent = $3 and state = 'confirmed'",
    [intent.sale, intent.reservation, intent.id],
  );
  if (order !== undefined) throw new Unavailable("redis", "an order that is only in Postgres");
  // What is left in this state was given up without the rest being done.
  if (intent.state === "authorised") await written(services, intent, "authorised");
  const after = intent.state === "captured" ? intent : await paymentsOf(services).cancel(intent.id);
  if (after.state === "captured") {
    // Captured although it was not to be: it is refunded, once.
    await written(services, after, "returned");
    await refundWhole(services, after, "no units for this payment");
    return "returned";
  }
  return await voided(services, after, record, email);
}

/** Tells of it before it is written down: who comes after a crash in between finds that there is something to tell. */
async function voided(
  services: Services,
  intent: Intent,
  record: Record | undefined,
  email: string | undefined,
): Promise<Paying> {
  // A second payment of somebody who has the order is given up without a word.
  if (record !== undefined && record.intent === undefined) await tooLate(services, intent, record, email);
  await written(services, intent, "voided");
  return "voided";
}

/** Does what somebody who gave the payment up has left undone; one that was never authorised has nothing to tell. */
async function finishVoid(
  services: Services,
  intent: Intent,
  sale: string,
  reservation: string,
  email: string | undefined,
): Promise<Paying> {
  const [left] = await services.postgres(
    z.unknown(),
    "select intent from payments where intent = $1 and state = 'authorised'",
    [intent.id],
  );
  if (left === undefined) return await voided(services, intent, undefined, email);
  const reply = await confirm(services, sale, reservation, {});
  if (reply[0] === "missing") throw new Unavailable("redis", "the sale of a payment is not there");
  const to = email ?? (await paymentsOf(services).sessionOfIntent(intent.id))?.email;
  return await voided(services, intent, reply[0] === "not_found" ? undefined : reply[1], to);
}

async function written(
  services: Services,
  { id, sale, reservation, amount, currency }: Intent,
  state: "authorised" | "captured" | "voided" | "returned",
): Promise<void> {
  await services.postgres(z.unknown(), recordSql, [id, sale, reservation, amount, currency, state]);
}

/**
 * Payments that were left between authorisation and capture, for longer than a request takes; for cron.
 * @param untilMs when to leave the rest to the next minute
 */
export async function settleAuthorised(services: Services, untilMs: number): Promise<number> {
  const left = await services.postgres(
    z.object({ intent: z.string() }),
    `select intent from payments where state = 'authorised' and changed_at < now() - interval '1 minute'
      order by changed_at limit 100`,
    [],
  );
  let settled = 0;
  for (const { intent } of left) {
    if (Date.now() >= untilMs) break;
    try {
      const session = await paymentsOf(services).sessionOfIntent(intent);
      if (session !== undefined) await settle(services, session);
      settled++;
    } catch (error) {
      // One that cannot be settled now does not keep the others waiting.
      console.error(JSON.stringify({ payment: intent, error: String(error).slice(0, 200) }));
    }
  }
  return settled;
}

/**
 * Ends the payment of a hold that has ended.
 * @returns whether nothing can be paid any more; if something was paid just now, it was decided; while the bank is being
 *   asked, the hold has to wait
 */
export async function closePayment(
  services: Services,
  saleId: string,
  record: Record,
): Promise<"closed" | "settled" | "pending"> {
  const payments = paymentsOf(services);
  const opened = await payments.openSession(await sessionRequest(services, saleId, record));
  if (opened === undefined) return "closed";
  if (opened.isOpen && opened.intent?.state === "pending") return "pending";
  const session = opened.isOpen ? await payments.closeSession(opened.id) : opened;
  const paying = await settle(services, session);
  if (paying === "pending") return "pending";
  return paying === "authorised" || paying === "captured" ? "settled" : "closed";
}
