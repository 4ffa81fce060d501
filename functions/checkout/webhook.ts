/**
 * Stripe's webhooks: stored first, by their id, and answered only then; processed after the answer and by cron. An event
 * says that something may have moved; what is true is read from Stripe, so order, repetition and gaps do not matter.
 */
import type Stripe from "stripe";
import { z } from "zod";
import { refuse, type Refusal } from "../../domain/refusal.ts";
import type { Services } from "../services.ts";
import { settle, settleIntent } from "./payment.ts";
import storeEventsSql from "./store-events.sql";
import { paymentsOf } from "./stripe.ts";
import takeEventsSql from "./take-events.sql";

/** @returns once the event is stored; {@link Refusal} for a body that Stripe did not sign */
export async function receive(
  services: Services,
  body: string,
  signature: string,
): Promise<{ stored: true } | Refusal<"bad_signature">> {
  const event = await paymentsOf(services).eventOf(body, signature);
  if (event === undefined) return refuse("bad_signature");
  await store(services, [event]);
  services.later(processEvents(services));
  return { stored: true };
}

/** Events that say that a payment may have moved; of the others it is only kept that they came. */
const telling = new Set(["checkout.session.completed", "payment_intent.canceled"]);

/** Stores events, each once, and of each only what it is about: the rest may be personal. */
export async function store(services: Services, events: Stripe.Event[]): Promise<void> {
  if (events.length === 0) return;
  await services.postgres(z.unknown(), storeEventsSql, [JSON.stringify(events.map(subjectOf))]);
}

const subject = z.object({
  object: z.string(),
  id: z.string(),
  metadata: z.object({ sale: z.string().optional() }).nullish(),
});

/** A row of the inbox; one that asks for nothing is processed as it comes. */
function subjectOf({ id: event, type, data }: Stripe.Event) {
  const about = subject.safeParse(data.object).data;
  const isOurs = about?.metadata?.sale !== undefined && telling.has(type);
  const of = (object: string) => (isOurs && about.object === object ? about.id : null);
  return { event, type, session: of("checkout.session"), intent: of("payment_intent"), due: isOurs };
}

const BATCH = 50;
const takenRow = z.object({
  event_id: z.string(),
  session: z.string().nullable(),
  intent: z.string().nullable(),
});

/** Processes events that are due. One that fails is tried again, later each time. @returns how many were processed */
export async function processEvents(services: Services): Promise<number> {
  const taken = await services.postgres(takenRow, takeEventsSql, [BATCH]);
  let processed = 0;
  for (const { event_id: id, ...about } of taken) {
    try {
      await look(services, about);
      await finished(services, id, null);
      processed++;
    } catch (error) {
      await finished(services, id, String(error).slice(0, 200));
    }
  }
  return processed;
}

async function look(
  services: Services,
  { session: id, intent }: { session: string | null; intent: string | null },
): Promise<void> {
  const payments = paymentsOf(services);
  if (id !== null) await settle(services, await payments.readSession(id));
  if (intent !== null) await settleIntent(services, await payments.readIntent(intent), undefined);
}

async function finished(services: Services, event: string, failure: string | null): Promise<void> {
  await services.postgres(
    z.unknown(),
    `update webhook_inbox set processed_at = case when $2::text is null then now() end, failure = $2
      where event_id = $1 and processed_at is null`,
    [event, failure],
  );
}

/** Events younger than this may still be on their way. */
const ON_THE_WAY_SECONDS = 30;
/** How far back cron asks Stripe for events that never came: for as long as it tries to deliver them. */
const LOOK_BACK_SECONDS = 3 * 24 * 3600;

/** Finds events that no webhook brought; for cron. @returns how many there are, known to us or not */
export async function fetchUndelivered(services: Services, nowMs: number): Promise<number> {
  const seconds = Math.floor(nowMs / 1000);
  let found = 0;
  for await (const page of paymentsOf(services).undelivered(seconds - LOOK_BACK_SECONDS)) {
    const due = page.filter(({ created }) => created < seconds - ON_THE_WAY_SECONDS);
    await store(services, due);
    found += due.length;
  }
  return found;
}
