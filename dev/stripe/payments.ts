/**
 * The customer's side: paying a session. A payment is authorised, declined, or waits for the bank first; a declined
 * session stays open and can be paid again, with the same payment intent. Guarantee: a session is paid at most once, and
 * never after it has expired.
 */
import { cancelIntent } from "./intents.ts";
import { born, type Account, type Charge, type Intent, type Session, type SessionRecord } from "./state.ts";
import { testWords } from "./switches.ts";

export interface PayOptions {
  /** `slow`: authorised when the bank answers. Default: `ok`. A switch may decide otherwise. */
  card?: "ok" | "declined" | "slow";
  /** How long the bank takes; 0 is at once. Default: 3000 for `slow`, else 0. */
  afterMs?: number;
  /** What the customer typed on the page. Default: the session's `customer_email`, else buyer@example.com. */
  email?: string;
}

export type PayOutcome =
  | { outcome: "paid" }
  | { outcome: "declined" }
  /** The bank answers at this time, in milliseconds of the epoch. */
  | { outcome: "waiting"; untilMs: number }
  | {
      outcome: "refused";
      reason: "no_such_session" | "session_complete" | "session_expired" | "bank_is_asked";
    };

const slowMs = 3000;
/** Stripe cancels an authorisation that nobody captured. */
const authorisationMsMax = 7 * 24 * 60 * 60 * 1000;

export function pay(
  account: Account,
  id: string,
  { card = "ok", afterMs, email }: PayOptions = {},
): PayOutcome {
  const record = account.store.sessions.get(id);
  if (record === undefined) return { outcome: "refused", reason: "no_such_session" };
  const { session, intentData } = record;
  if (session.status !== "open") return { outcome: "refused", reason: `session_${session.status}` };
  const intent = account.store.intents.get(session.payment_intent ?? "") ?? newIntent(account, record);
  if (intent.status === "requires_action") return { outcome: "refused", reason: "bank_is_asked" };

  session.customer_details = customerOf(email ?? session.customer_email ?? "buyer@example.com");

  const subject = JSON.stringify(session);
  const words = testWords(session.metadata, intentData.metadata);
  const declined = card === "declined" || account.switches.take("decline", subject, words) !== undefined;
  const slow = account.switches.take("slow", subject, words)?.delayMs;
  const waitMs = afterMs ?? slow ?? (card === "slow" ? slowMs : 0);
  const settle = () => (declined ? decline(account, intent) : authorise(account, record, intent));
  if (waitMs === 0) {
    settle();
    return { outcome: declined ? "declined" : "paid" };
  }
  const untilMs = account.now() + waitMs;
  intent.status = "requires_action";
  intent.last_payment_error = null;
  intent.next_action = {
    type: "redirect_to_url",
    redirect_to_url: { url: account.pageUrl(id), return_url: session.success_url },
  };
  account.schedule.at(untilMs, () => {
    // Canceled in the meantime, when its session expired.
    if (intent.status === "requires_action") settle();
  });
  return { outcome: "waiting", untilMs };
}

const customerOf = (email: string): Session["customer_details"] => ({
  address: null,
  business_name: null,
  email,
  individual_name: null,
  name: null,
  phone: null,
  tax_exempt: "none",
  tax_ids: null,
});

function newIntent(account: Account, { session, intentData }: SessionRecord): Intent {
  const intent: Intent = {
    ...born("pi", account.now),
    object: "payment_intent",
    amount: session.amount_total,
    amount_capturable: 0,
    amount_received: 0,
    canceled_at: null,
    cancellation_reason: null,
    capture_method: intentData.capture_method,
    currency: session.currency,
    customer: null,
    description: intentData.description,
    last_payment_error: null,
    latest_charge: null,
    livemode: false,
    metadata: { ...intentData.metadata },
    next_action: null,
    payment_method_types: session.payment_method_types,
    status: "requires_payment_method",
  };
  session.payment_intent = intent.id;
  account.store.intents.set(intent.id, intent);
  account.store.sessionOf.set(intent.id, session);
  return intent;
}

function authorise(account: Account, { session }: SessionRecord, intent: Intent): void {
  const manual = intent.capture_method === "manual";
  charge(account, intent, { captured: !manual, amount_captured: manual ? 0 : intent.amount });
  intent.status = manual ? "requires_capture" : "succeeded";
  intent.amount_capturable = manual ? intent.amount : 0;
  intent.amount_received = manual ? 0 : intent.amount;
  intent.last_payment_error = null;
  session.status = "complete";
  session.payment_status = manual ? "unpaid" : "paid";
  session.url = null;
  account.emit(manual ? "payment_intent.amount_capturable_updated" : "payment_intent.succeeded", intent);
  account.emit("checkout.session.completed", session);
  if (manual)
    account.schedule.at(account.now() + authorisationMsMax, () => {
      if (intent.status === "requires_capture") cancelIntent(account, intent, "automatic");
    });
}

function decline(account: Account, intent: Intent): void {
  const message = "Your card was declined.";
  const { id } = charge(account, intent, {
    paid: false,
    status: "failed",
    failure_code: "card_declined",
    failure_message: message,
  });
  intent.status = "requires_payment_method";
  intent.last_payment_error = {
    type: "card_error",
    code: "card_declined",
    decline_code: "generic_decline",
    charge: id,
    message,
  };
  account.emit("payment_intent.payment_failed", intent);
}

function charge(account: Account, intent: Intent, outcome: Partial<Charge>): Charge {
  const made: Charge = {
    ...born("ch", account.now),
    object: "charge",
    amount: intent.amount,
    amount_captured: 0,
    amount_refunded: 0,
    captured: false,
    currency: intent.currency,
    customer: null,
    description: intent.description,
    disputed: false,
    failure_code: null,
    failure_message: null,
    livemode: false,
    metadata: { ...intent.metadata },
    paid: true,
    payment_intent: intent.id,
    refunded: false,
    status: "succeeded",
    ...outcome,
  };
  account.store.charges.set(made.id, made);
  intent.latest_charge = made.id;
  intent.next_action = null;
  return made;
}
