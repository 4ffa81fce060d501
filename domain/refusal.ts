/**
 * Every word with which the system says no, once: the same word in Lua, in the unions of `functions/`, as `type` of
 * the problem document, in logs, SQL and test titles. A refusal is a value, never an exception.
 */

interface Rule {
  /** HTTP status (design §5.1). */
  status: number;
  /** One sentence for a person; the same for every occurrence (RFC 9457 `title`). */
  title: string;
}

export const refusals = {
  // what was sent
  malformed_json: { status: 400, title: "The body is not JSON in UTF-8." },
  body_too_large: { status: 413, title: "The body is larger than this address takes." },
  body_incomplete: { status: 408, title: "The body did not arrive as a whole, or not in time." },
  unsupported_media_type: { status: 415, title: "The body is of a type that this address does not take." },
  bad_signature: { status: 400, title: "The body is not signed as it must be." },
  invalid_input: { status: 422, title: "Some fields are not as they must be." },
  not_found: { status: 404, title: "There is nothing at this address." },
  method_not_allowed: { status: 405, title: "This address does not know this method." },
  cross_origin: { status: 403, title: "This request came from another site." },
  // who sent it
  unauthorized: { status: 401, title: "An operator's token is needed." },
  forbidden: { status: 403, title: "A viewer looks, and changes nothing." },
  bot_check_failed: { status: 403, title: "It has to be shown that this is a person." },
  registration_needed: { status: 403, title: "This sale is for confirmed e-mail addresses." },
  login_needed: { status: 401, title: "This sale is for accounts of the shop; a valid login is needed." },
  invalid_ticket: { status: 401, title: "This is not a valid ticket for this sale." },
  outdated_ticket: {
    status: 401,
    title: "This ticket is from before the line was rebuilt. Joining with it gives its number back.",
  },
  invalid_pass: { status: 401, title: "This is not a valid pass for this sale." },
  pass_expired: { status: 401, title: "This pass has ended. The ticket gives a new one." },
  rate_limited: { status: 429, title: "Too many requests." },
  // where the sale stands
  registration_closed: { status: 409, title: "This sale takes no registrations now." },
  link_used: { status: 409, title: "This link was used already. Registering again sends a new one." },
  slot_ended: {
    status: 409,
    title: "This slot has ended; its unit went to the line, which everybody can join.",
  },
  token_expired: { status: 410, title: "This link has ended. Registering again sends a new one." },
  not_open: { status: 409, title: "The line for this sale is not open yet." },
  closed: { status: 409, title: "This sale has ended." },
  sold_out: { status: 409, title: "There is not enough left." },
  not_your_turn: { status: 425, title: "It is not this ticket's turn yet." },
  on_hold: { status: 503, title: "The sale is on hold for a moment." },
  // what was asked of it
  limit_reached: { status: 409, title: "This is more than one shopper may have." },
  conflicting_replay: { status: 409, title: "This id was used before, for something else." },
  payment_pending: { status: 409, title: "The bank is being asked for this payment." },
  refund_above_rest: { status: 409, title: "This is more than is left of the payment." },
  already_confirmed: { status: 409, title: "This reservation is already an order." },
  reservation_expired: { status: 409, title: "This reservation has ended." },
  already_sent: { status: 409, title: "This e-mail was sent." },
  sale_exists: { status: 409, title: "There is another sale with this id." },
  sale_ended: { status: 409, title: "A sale that has ended cannot be changed." },
  line_open: { status: 409, title: "The line of this sale is open; its definition stays as it is." },
  run_under_way: { status: 409, title: "Another reconciliation of this sale is under way." },
  not_a_rehearsal: { status: 409, title: "Only a rehearsal may be lost on purpose." },
  redis_intact: { status: 409, title: "Redis knows this sale; there is nothing to rebuild." },
  // what is not there
  payment_unavailable: { status: 503, title: "Payment is not available." },
  unavailable: { status: 503, title: "The sale cannot answer right now. Nothing was lost." },
} as const satisfies Record<string, Rule>;

export type RefusalWord = keyof typeof refusals;

/** Words only operators can meet. */
type OperatorWord =
  | "unauthorized"
  | "forbidden"
  | "already_sent"
  | "sale_exists"
  | "sale_ended"
  | "line_open"
  | "redis_intact"
  | "not_a_rehearsal"
  | "run_under_way"
  | "refund_above_rest"
  | "bad_signature";

/** What a shopper can be told: each has its sentence in the messages of each language. */
export type ShopperWord = Exclude<RefusalWord, OperatorWord>;

/** A "no" with its evidence. `Word` narrows it to what one step can say. */
export type Refusal<Word extends RefusalWord = RefusalWord> = {
  [W in Word]: { refused: W; evidence: Evidence };
}[Word];

export interface Evidence {
  /** What this occurrence is about, for a person. */
  detail?: string;
  /** Seconds after which it makes sense to ask again; sent as `Retry-After`. */
  retryAfterSeconds?: number;
  /** Where the input is wrong: JSON pointers (RFC 6901). */
  errors?: { pointer: string; detail: string }[];
  /** Units that were left of each sku asked for, when there were too few. */
  left?: { sku: string; left: number }[];
  /** The live reservation that stands in the way. */
  reservationId?: string;
}

export function refuse<Word extends RefusalWord>(refused: Word, evidence: Evidence = {}): Refusal<Word> {
  return { refused, evidence };
}

/** Of a token that is not one of ours, or of another sale or kind: no one learns which. */
export const notALink = (pointer: string): Refusal<"invalid_input"> =>
  refuse("invalid_input", { errors: [{ pointer, detail: "not a link of this sale" }] });

/** Of a reservation's record the field of that name is a list of payments. */
export const isRefusal = (outcome: object): outcome is Refusal =>
  "refused" in outcome && typeof outcome.refused === "string";

export const isRefusalWord = (text: string): text is RefusalWord => Object.hasOwn(refusals, text);
