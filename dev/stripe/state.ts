/**
 * Everything this Stripe knows, in memory. The objects are stored as the API shows them: picked from the types of the
 * `stripe` package, so that a field here has the name and the type it has there. Accepted: fields nobody here fills are
 * absent instead of null.
 */
import type Stripe from "stripe";
import { newId } from "./ids.ts";
import type { Schedule } from "./schedule.ts";
import type { Switches } from "./switches.ts";

type Metadata = Record<string, string>;

export interface Session extends Pick<
  Stripe.Checkout.Session,
  | "id"
  | "object"
  | "allowed_payment_method_types"
  | "amount_subtotal"
  | "cancel_url"
  | "client_reference_id"
  | "created"
  | "customer"
  | "customer_details"
  | "customer_email"
  | "expires_at"
  | "livemode"
  | "locale"
  | "mode"
  | "payment_method_types"
  | "submit_type"
  | "ui_mode"
  | "url"
> {
  amount_total: number;
  currency: string;
  metadata: Metadata;
  payment_intent: string | null;
  payment_status: "paid" | "unpaid";
  status: "open" | "complete" | "expired";
  success_url: string;
}

export type LineItem = Pick<
  Stripe.LineItem,
  "id" | "object" | "amount_discount" | "amount_subtotal" | "amount_tax" | "amount_total" | "currency"
> & { description: string; quantity: number };

/** The session and what it keeps for later. */
export interface SessionRecord {
  session: Session;
  lineItems: LineItem[];
  intentData: {
    capture_method: "automatic" | "automatic_async" | "manual";
    description: string | null;
    metadata: Metadata;
  };
}

export interface Intent extends Pick<
  Stripe.PaymentIntent,
  | "id"
  | "object"
  | "amount"
  | "amount_capturable"
  | "amount_received"
  | "canceled_at"
  | "cancellation_reason"
  | "created"
  | "currency"
  | "customer"
  | "description"
  | "last_payment_error"
  | "livemode"
  | "next_action"
  | "payment_method_types"
> {
  capture_method: SessionRecord["intentData"]["capture_method"];
  latest_charge: string | null;
  metadata: Metadata;
  status: "requires_payment_method" | "requires_action" | "requires_capture" | "succeeded" | "canceled";
}

export interface Charge extends Pick<
  Stripe.Charge,
  | "id"
  | "object"
  | "amount"
  | "amount_captured"
  | "amount_refunded"
  | "captured"
  | "created"
  | "currency"
  | "customer"
  | "description"
  | "disputed"
  | "failure_code"
  | "failure_message"
  | "livemode"
  | "paid"
  | "refunded"
> {
  metadata: Metadata;
  payment_intent: string;
  status: "succeeded" | "failed";
}

export interface Refund extends Pick<
  Stripe.Refund,
  "id" | "object" | "amount" | "created" | "currency" | "destination_details" | "reason"
> {
  charge: string;
  metadata: Metadata;
  payment_intent: string;
  status: "succeeded";
}

export type EventType = Extract<
  Stripe.Event["type"],
  | "charge.refunded"
  | "checkout.session.completed"
  | "checkout.session.expired"
  | "payment_intent.amount_capturable_updated"
  | "payment_intent.canceled"
  | "payment_intent.payment_failed"
  | "payment_intent.succeeded"
  | "refund.created"
  | "refund.updated"
>;

export type EventObject = Session | Intent | Charge | Refund;

export interface StripeEvent extends Pick<
  Stripe.Event,
  "id" | "object" | "api_version" | "created" | "livemode" | "pending_webhooks" | "request"
> {
  type: EventType;
  /** The object as it was then. */
  data: { object: EventObject };
}

export interface EventRecord {
  event: StripeEvent;
  /** `none`: there was nobody to send it to. `failed`: given up. `lost`: a switch took it. */
  delivery: "none" | "pending" | "delivered" | "failed" | "lost";
  attempts: number;
}

/** All in order of creation. */
export interface Store {
  sessions: Map<string, SessionRecord>;
  /** By payment intent. */
  sessionOf: Map<string, Session>;
  intents: Map<string, Intent>;
  charges: Map<string, Charge>;
  refunds: Map<string, Refund>;
  events: Map<string, EventRecord>;
}

/** What the rules of this Stripe work on. */
export interface Account {
  store: Store;
  schedule: Schedule;
  switches: Switches;
  /** Milliseconds of the epoch. */
  now: () => number;
  /** Of the hosted payment page. */
  pageUrl: (session: string) => string;
  /** Notes an event and sees to its delivery. */
  emit: (type: EventType, object: EventObject) => void;
}

export const emptyStore = (): Store => ({
  sessions: new Map(),
  sessionOf: new Map(),
  intents: new Map(),
  charges: new Map(),
  refunds: new Map(),
  events: new Map(),
});

/** What every object begins with. */
export const born = (prefix: Parameters<typeof newId>[0], now: () => number) => ({
  id: newId(prefix),
  created: Math.floor(now() / 1000),
});
