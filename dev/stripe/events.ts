/** Events: what happened to which object, with the object as it was then. Noted before anybody is told. */
import type Stripe from "stripe";
import { born, type EventObject, type EventRecord, type EventType, type Store } from "./state.ts";

/** The version stripe 23.1.0 pins; the type fails when the package moves on. */
export const apiVersion: typeof Stripe.API_VERSION = "2026-10-28.endive";

/** Not told who caused it: `request` is as for an event that nobody's request caused. */
export function noteEvent(
  store: Store,
  now: () => number,
  type: EventType,
  object: EventObject,
): EventRecord {
  const record: EventRecord = {
    event: {
      ...born("evt", now),
      object: "event",
      api_version: apiVersion,
      data: { object: structuredClone(object) },
      livemode: false,
      pending_webhooks: 0,
      request: { id: null, idempotency_key: null },
      type,
    },
    delivery: "none",
    attempts: 0,
  };
  store.events.set(record.event.id, record);
  return record;
}

/** @param pattern a type, or a group of them: `checkout.session.*` */
export const isOfType = (type: EventType, pattern: string) =>
  pattern.endsWith("*") ? type.startsWith(pattern.slice(0, -1)) : type === pattern;

/** Whether everybody who was to hear of it has; Stripe counts as failed what is still pending. */
export const isDelivered = ({ delivery }: EventRecord) => delivery === "delivered" || delivery === "none";
