/**
 * Stripe's webhooks: stored first, by their id, and answered only then; processed after the answer and by cron. An event
 * says that something may have moved; what is true is read from Stripe, so order, repetition and gaps do not matter.
 */
import type Stripe from "stripe";
import { z } from "zod";
import { refuse, type Refusal } from "../../domain/refusal.ts";
import { bigint } from "../postgres/client.ts";
import type { Services } from "../services.ts";
import { settle, settleIntent } from "./payment.ts";
import storeEventsSql from "./store-events.sql";
import { paymentsOf, type Listed } from "./stripe.ts";
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
  services.later(processEvents(services, Date.now() + LATER_MS));
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
/** Of a full batch, as many as one run of a Worker may have connections; a few are processed one by one. */
const AT_ONCE = 6;
/** What is done after an answer has half a minute. */
const LATER_MS = 25_000;
const takenRow = z.object({
  event_id: z.string(),
  session: z.string().nullable(),
  intent: z.string().nullable(),
});

/**
 * Processes events that are due, batch after batch. One that fails is tried again, later each time.
 * @param untilMs when to begin with none any more
 * @returns how many were processed, and whether there may be more that are due
 */
export async function processEvents(
  services: Services,
  untilMs: number,
): Promise<{ processed: number; more: boolean }> {
  let processed = 0;
  for (;;) {
    const taken = await services.postgres(takenRow, takeEventsSql, [BATCH]);
    const isFull = taken.length === BATCH;
    const waiting = [...taken];
    const processWaiting = async () => {
      while (Date.now() < untilMs) {
        const event = waiting.shift();
        if (event === undefined) return;
        if (await processOne(services, event)) processed++;
      }
    };
    await Promise.all(Array.from({ length: isFull ? AT_ONCE : 1 }, processWaiting));
    if (waiting.length > 0) await putBack(services, waiting);
    if (!isFull || Date.now() >= untilMs) return { processed, more: isFull || waiting.length > 0 };
  }
}

/** They were taken, and not begun. */
async function putBack(services: Services, events: z.output<typeof takenRow>[]): Promise<void> {
  await services.postgres(
    z.unknown(),
    "update webhook_inbox set attempts = attempts - 1, due_at = now() where event_id = any($1) and processed_at is null",
    [events.map(({ event_id: id }) => id)],
  );
}

async function processOne(
  services: Services,
  { event_id: id, ...about }: z.output<typeof takenRow>,
): Promise<boolean> {
  try {
    await look(services, about);
    await finished(services, id, null);
    return true;
  } catch (error) {
    await finished(services, id, String(error).slice(0, 200));
    return false;
  }
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

/** How much of what one walk has passed the next one passes again: clocks differ, and lists are late. */
const OVERLAP_SECONDS = 300;

/** How far the walk below the newest page has come; seconds of the epoch, see `undelivered_walk`. */
const walkRow = z.object({ since: bigint, began: bigint, reached: bigint.nullable() });

/**
 * Finds events that no webhook brought; for cron. An event is in Stripe's list from its creation until it is taken, and stays
 * there for days where another endpoint of the account takes none: so the newest page is looked at each time, and what
 * is below it only once.
 * @param untilMs when to leave the rest to the next minute
 */
export async function fetchUndelivered(services: Services, nowMs: number, untilMs: number): Promise<void> {
  const now = Math.floor(nowMs / 1000);
  const oldest = now - LOOK_BACK_SECONDS;
  const payments = paymentsOf(services);
  const keep = ({ data }: Listed<Stripe.Event>) =>
    store(
      services,
      data.filter(({ created }) => created < now - ON_THE_WAY_SECONDS),
    );
  const newest = await payments.undelivered({ gte: oldest }, undefined);
  await keep(newest);
  const below = newest.data.at(-1)?.created;
  if (newest.next === undefined || below === undefined) return;

  const [last] = await services.postgres(walkRow, "select since, began, reached from undelivered_walk", []);
  const since = Math.max(last?.since ?? 0, oldest);
  // One that was broken off goes on where it stood.
  const began = last !== undefined && last.reached !== null ? last.began : now;
  const from = last?.reached ?? below;
  let reached = from;
  let next: string | undefined;
  let isOver = from < since;
  while (!isOver && Date.now() < untilMs) {
    const page = await payments.undelivered({ gte: since, lte: from }, next);
    await keep(page);
    reached = page.data.at(-1)?.created ?? reached;
    next = page.next;
    isOver = next === undefined;
  }
  await services.postgres(
    z.unknown(),
    `insert into undelivered_walk (since, began, reached) values ($1, $2, $3)
     on conflict (one) do update set since = excluded.since, began = excluded.began, reached = excluded.reached`,
    isOver ? [began - OVERLAP_SECONDS, began, null] : [since, began, reached],
  );
}
