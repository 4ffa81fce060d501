/** Refunds of captured payments: never more than is left. They succeed at once, as those to cards do. */
import { formatAmount } from "./currency.ts";
import type { RefundCreate } from "./parameters.ts";
import { done, invalid, missing, type Result } from "./result.ts";
import { born, type Account, type Refund } from "./state.ts";

export function createRefund(account: Account, params: RefundCreate): Result<Refund> {
  const { charges, intents, refunds } = account.store;
  const intent = intents.get(params.payment_intent);
  if (intent === undefined)
    return missing("payment_intent", params.payment_intent, "payment_intent", "parameter");
  const charge = charges.get(intent.latest_charge ?? "");
  if (charge?.captured !== true)
    return invalid(`This PaymentIntent (${intent.id}) does not have a successful charge to refund.`, {
      param: "payment_intent",
    });
  const left = charge.amount - charge.amount_refunded;
  const { amount = left } = params;
  if (left === 0)
    return invalid(`Charge ${charge.id} has already been refunded.`, { code: "charge_already_refunded" });
  if (amount > left) {
    const [asked, remaining] = [amount, left].map((each) => formatAmount(each, charge.currency));
    return invalid(
      `Refund amount (${asked ?? ""}) is greater than unrefunded amount on charge (${remaining ?? ""})`,
      { param: "amount" },
    );
  }

  const refund: Refund = {
    ...born("re", account.now),
    object: "refund",
    amount,
    charge: charge.id,
    currency: charge.currency,
    destination_details: { type: "card", card: { type: "refund", reference_status: "pending" } },
    metadata: params.metadata ?? {},
    payment_intent: intent.id,
    reason: params.reason ?? null,
    status: "succeeded",
  };
  refunds.set(refund.id, refund);
  charge.amount_refunded += amount;
  charge.refunded = charge.amount_refunded === charge.amount;
  account.emit("refund.created", refund);
  account.emit("charge.refunded", charge);
  // The bank's reference; in life it comes days later.
  refund.destination_details = {
    type: "card",
    card: {
      type: "refund",
      reference_status: "available",
      reference: refund.id.slice(-12),
      reference_type: "acquirer_reference_number",
    },
  };
  account.emit("refund.updated", refund);
  return done(refund);
}
