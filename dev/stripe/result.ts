/** What an endpoint answers when it says no: Stripe's error object with its HTTP status, as a value. */

export interface StripeErrorBody {
  type: "api_error" | "card_error" | "idempotency_error" | "invalid_request_error";
  message: string;
  code?: string;
  /** The parameter at fault, in brackets as it was sent: `line_items[0][quantity]`. */
  param?: string;
  /** The object whose state forbids it. */
  payment_intent?: object;
}

export interface Refusal {
  status: 400 | 401 | 402 | 404 | 409 | 500;
  error: StripeErrorBody;
}

export type Result<Value> = { ok: true; value: Value } | { ok: false; refusal: Refusal };

export const done = <Value>(value: Value): Result<Value> => ({ ok: true, value });

const refuse = (status: Refusal["status"], error: StripeErrorBody): { ok: false; refusal: Refusal } => ({
  ok: false,
  refusal: { status, error },
});

/** 400 `invalid_request_error`. */
export const invalid = (message: string, more: Omit<StripeErrorBody, "type" | "message"> = {}) =>
  refuse(400, { type: "invalid_request_error", message, ...more });

/** @param at `path` if the id is part of the URL (404), else it came as a parameter (400) */
export const missing = (object: string, id: string, param: string, at: "path" | "parameter" = "path") =>
  refuse(at === "path" ? 404 : 400, {
    type: "invalid_request_error",
    code: "resource_missing",
    message: `No such ${object}: '${id}'`,
    param,
  });

/** 400 `payment_intent_unexpected_state`, with the intent as it is. */
export const unexpectedState = (message: string, intent: object) =>
  invalid(message, { code: "payment_intent_unexpected_state", payment_intent: structuredClone(intent) });
