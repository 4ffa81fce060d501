/**
 * Webhooks as Stripe sends them: signed, one POST for each event, again with growing pauses until the receiver answers
 * 2xx or the attempts are used up. Guarantee: every attempt for an event carries the same bytes. Like Stripe it promises
 * no order; switches make that, and doubles, delays and losses, happen on purpose.
 */
import { createHmac } from "node:crypto";
import type { Schedule } from "./schedule.ts";
import type { EventRecord } from "./state.ts";
import { testWords, type SwitchKind, type Switches } from "./switches.ts";

export interface WebhookOptions {
  /** Where they go, asked at each attempt; undefined: there is nobody (yet). */
  url: () => string | undefined;
  secret: string;
  now: () => number;
  schedule: Schedule;
  switches: Switches;
}

export interface Webhooks {
  send(record: EventRecord): void;
  /** Resolves when all that is due by the clock has been tried. */
  settled(): Promise<void>;
  close(): Promise<void>;
}

interface Parcel {
  record: EventRecord;
  text: string;
  copies: number;
  /** Events that were held back for this one to pass. */
  overtaken: Parcel[];
}

const attemptsMax = 20;
const answerMsMax = 10_000;
/** So that a crowd's webhooks do not take all of the receiver's sockets. */
const inFlightMax = 16;

/** 1 s, 2 s, 4 s, … a minute: hours at Stripe, but nobody waits for hours here. */
const retryMs = (attempts: number) => Math.min(1000 * 2 ** (attempts - 1), 60_000);

export function createWebhooks({ url, secret, now, schedule, switches }: WebhookOptions): Webhooks {
  const closing = new AbortController();
  const inFlight = new Set<Promise<void>>();
  const queued: Parcel[] = [];
  const held = new Set<Parcel>();

  function send(record: EventRecord): void {
    if (url() === undefined) return;
    mark(record, "pending");
    const { event } = record;
    const text = JSON.stringify(event);
    const words = testWords(event.data.object.metadata);
    const hit = (kind: SwitchKind) => switches.take(kind, text, words);
    if (hit("lose") !== undefined) {
      record.delivery = "lost";
      return;
    }
    const copies = hit("duplicate") === undefined ? 1 : 2;
    const parcel: Parcel = { record, text, copies, overtaken: [] };
    const reorder = hit("reorder");
    if (reorder !== undefined) {
      held.add(parcel);
      // Should no other event come, it is merely late.
      schedule.at(now() + reorder.delayMs, () => {
        if (held.delete(parcel)) start(parcel);
      });
      return;
    }
    parcel.overtaken = [...held];
    held.clear();
    schedule.at(now() + (hit("late")?.delayMs ?? 0), () => start(parcel));
  }

  function start(parcel: Parcel): void {
    if (inFlight.size >= inFlightMax) {
      queued.push(parcel);
      return;
    }
    const attempt = deliver(parcel).finally(() => {
      inFlight.delete(attempt);
      const next = queued.shift();
      if (next !== undefined) start(next);
    });
    inFlight.add(attempt);
  }

  async function deliver(parcel: Parcel): Promise<void> {
    const { record, text } = parcel;
    const accepted = await post(text);
    if (closing.signal.aborted) return;
    record.attempts++;
    for (const other of parcel.overtaken.splice(0)) start(other);
    if (accepted) {
      mark(record, "delivered");
      if (--parcel.copies > 0) schedule.at(now(), () => start(parcel));
    } else if (record.attempts < attemptsMax) {
      schedule.at(now() + retryMs(record.attempts), () => start(parcel));
    } else if (record.delivery === "pending") {
      record.delivery = "failed";
    }
  }

  async function post(text: string): Promise<boolean> {
    const target = url();
    if (target === undefined) return false;
    try {
      const response = await fetch(target, {
        method: "POST",
        redirect: "manual",
        headers: {
          "Content-Type": "application/json; charset=utf-8",
          "Stripe-Signature": signature(text, secret, now()),
          "User-Agent": "Stripe/1.0 (+https://stripe.com/docs/webhooks)",
        },
        body: text,
        signal: AbortSignal.any([closing.signal, AbortSignal.timeout(answerMsMax)]),
      });
      await response.arrayBuffer();
      return response.ok;
    } catch {
      return false;
    }
  }

  return {
    send,
    async settled() {
      for (;;) {
        schedule.run();
        if (inFlight.size === 0) return;
        await Promise.allSettled(inFlight);
      }
    },
    async close() {
      closing.abort();
      queued.length = 0;
      await Promise.allSettled(inFlight);
    },
  };
}

function mark(record: EventRecord, delivery: "pending" | "delivered"): void {
  record.delivery = delivery;
  record.event.pending_webhooks = delivery === "pending" ? 1 : 0;
}

/** The value of `Stripe-Signature`: https://docs.stripe.com/webhooks#verify-manually */
export function signature(text: string, secret: string, nowMs: number): string {
  const timestamp = Math.floor(nowMs / 1000);
  const v1 = createHmac("sha256", secret).update(`${timestamp}.${text}`).digest("hex");
  return `t=${timestamp},v1=${v1}`;
}
