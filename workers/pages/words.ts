/**
 * What a shopper reads for each refusal: the one place for it. The sale page carries these to the script as data, so
 * both ways through a sale say the same. Written to be true without knowing more than the word.
 */
import type { Reservation } from "../../domain/api.ts";
import { refusals, type RefusalWord } from "../../domain/refusal.ts";

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

export const words = {
  malformed_json: "Something went wrong on this page. Please reload it.",
  body_too_large: "That is more than one order can carry.",
  body_incomplete: "That did not reach us as a whole. Please try it again.",
  unsupported_media_type: "Something went wrong on this page. Please reload it.",
  invalid_input: "Please check what you chose.",
  not_found: "There is nothing here any more.",
  method_not_allowed: "Something went wrong on this page. Please reload it.",
  cross_origin: "This came from another site, so nothing was done. Please start from this page.",
  bot_check_failed: "Please show that you are a person, and join again. This needs JavaScript.",
  registration_needed: "This sale is for confirmed e-mail addresses. Please confirm yours first.",
  login_needed: "This sale is for accounts of the shop. Please sign in, then join.",
  registration_closed: "This sale takes no registrations now.",
  token_expired: "This link has ended. Please ask for a new one.",
  link_used: "This link was used already. Please ask for a new one.",
  slot_ended: "The time for your slot is over, and its unit went to the line. You can still join it.",
  outdated_ticket: "The line was rebuilt. Your old number is kept: it comes back by joining again.",
  invalid_ticket: "Your place in line is no longer valid. Please join again.",
  invalid_pass: "Your turn has to be checked again. Your place in line is safe.",
  pass_expired: "Your turn had ended. Your place in line is safe and lets you back in when there is room.",
  rate_limited: "That was a little fast. Nothing is lost; please wait a moment.",
  not_open: "The line is not open yet.",
  closed: "This sale has ended.",
  sold_out: "There is not enough left for that.",
  not_your_turn: "It is not your turn yet. Your place in line is safe.",
  on_hold: "The sale is paused for a moment. Nobody passes you while it is.",
  limit_reached: "That is more than one person may have.",
  conflicting_replay: "You have made a choice before; here it is.",
  already_confirmed: "This is already your order.",
  payment_pending: "Your bank is being asked for this payment. Please wait for its answer.",
  reservation_expired: "The time for this reservation has run out and the items went back.",
  payment_unavailable:
    "Payment is not available right now. Nothing was charged; what you hold stays yours until its time ends.",
  unavailable: "We cannot reach the sale right now. Nothing is lost; your place in line is safe.",
} as const satisfies Record<Exclude<RefusalWord, OperatorWord>, string>;

/** Of a payment that came after the hold had ended, when nothing was left. */
export const lateWords: Partial<Record<Reservation["payment"], string>> = {
  voided:
    "Your payment came after the time had run out, and by then everything was taken. You were not charged.",
  returned: "Your payment came when everything was taken. It was refunded.",
};

/** Said by the script itself when no answer came at all. */
export const NO_NETWORK =
  "The connection is gone. Your place in line is safe; this page goes on by itself when it is back.";

export function wordsFor(word: RefusalWord): string {
  const told: Partial<Record<RefusalWord, string>> = words;
  return told[word] ?? refusals[word].title;
}
