/**
 * Payment intents after the customer has paid: captured once, or canceled. Money is whole numbers of minor units, and
 * each move leaves `authorised = captured + released + capturable` true for its charge.
 */
import { done, invalid, missing, unexpectedState, type Result } from "./result.ts";
import type { Account, Charge, Intent } from "./state.ts";

const capturable =
  "Only a PaymentIntent with one of the following statuses may be captured: requires_capture.";
const cancelable =
  "Only a PaymentIntent with one of the following statuses may be canceled: requires_payment_method, requires_capture, requires_confirmation, requires_action, processing.";

export function captureIntent(account: Account, id: string, amount?: number): Result<Intent> {
  const intent = account.store.intents.get(id);
  if (intent === undefined) return missing("payment_intent", id, "intent");
  if (intent.status === "succeeded")
    return unexpectedState(
      "This PaymentIntent could not be captured because it has already been captured.",
      intent,
    );
  const charge = account.store.charges.get(intent.latest_charge ?? "");
  if (intent.status !== "requires_capture" || charge === undefined)
    return unexpectedState(
      `This PaymentIntent could not be captured because it has a status of ${intent.status}. ${capturable}`,
      intent,
    );
  const captured = amount ?? intent.amount_capturable;
  if (captured > intent.amount_capturable)
    return invalid(
      "The payment could not be captured because the requested capture amount is greater than the amount you can capture for this charge.",
      { code: "amount_too_large", param: "amount_to_capture" },
    );

  intent.status = "succeeded";
  intent.amount_received = captured;
  intent.amount_capturable = 0;
  charge.captured = true;
  charge.amount_captured = captured;
  const session = account.store.sessionOf.get(intent.id);
  if (session !== undefined) session.payment_status = "paid";
  account.emit("payment_intent.succeeded", intent);
  release(account, charge, charge.amount - captured);
  return done(intent);
}

/** @param reason given by whoever cancels through the API */
export function cancelByApi(account: Account, id: string, reason: string | null): Result<Intent> {
  const intent = account.store.intents.get(id);
  if (intent === undefined) return missing("payment_intent", id, "intent");
  if (intent.status === "succeeded" || intent.status === "canceled")
    return unexpectedState(
      `You cannot cancel this PaymentIntent because it has a status of ${intent.status}. ${cancelable}`,
      intent,
    );
  if (intent.status !== "requires_capture")
    return unexpectedState(
      "You cannot cancel this PaymentIntent because it belongs to an open Checkout Session. Expire the Checkout Session instead.",
      intent,
    );
  cancelIntent(account, intent, reason);
  return done(intent);
}

export function cancelIntent(account: Account, intent: Intent, reason: string | null): void {
  intent.status = "canceled";
  intent.amount_capturable = 0;
  intent.canceled_at = Math.floor(account.now() / 1000);
  intent.cancellation_reason = reason;
  intent.next_action = null;
  account.emit("payment_intent.canceled", intent);
  const charge = account.store.charges.get(intent.latest_charge ?? "");
  if (charge?.paid === true) release(account, charge, charge.amount);
}

/** What is not captured goes back. Stripe calls that refunded too, and says so by an event: never count it as money. */
function release(account: Account, charge: Charge, amount: number): void {
  if (amount === 0) return;
  charge.amount_refunded += amount;
  charge.refunded = charge.amount_refunded === charge.amount;
  account.emit("charge.refunded", charge);
}
