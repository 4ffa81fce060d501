/**
 * The platform's `send_email` binding, and what its answers mean. It rejects with an error that has a `code`; the codes are
 * those of https://developers.cloudflare.com/email-service/api/send-emails/workers-api/#error-codes. An error without
 * one (a broken connection, no answer in time) leaves it open whether the e-mail was sent. Accepted: the platform's word
 * for "our service failed" is believed to mean that nothing was sent.
 */

export interface EmailAddress {
  name: string;
  email: string;
}

export interface OutgoingEmail {
  from: string | EmailAddress;
  to: string;
  replyTo?: string;
  subject: string;
  text: string;
  html: string;
  headers: Record<string, string>;
}

/** The binding, as far as it is used. */
export interface EmailSender {
  send: (message: OutgoingEmail) => Promise<unknown>;
}

/** How an attempt ended, as it is written down. */
export interface Result {
  state: "sent" | "queued" | "dead";
  failure: string | null;
  /** Until the next attempt. */
  waitSeconds: number;
  /** Whether it was an attempt of this e-mail: not, where it was about others or never begun. */
  counts: boolean;
}

export const ATTEMPTS_MAX = 8;
const FIRST_WAIT_SECONDS = 60;

/** About the message itself: waiting does not change it. */
const final = new Set([
  "E_VALIDATION_ERROR",
  "E_FIELD_MISSING",
  "E_TOO_MANY_RECIPIENTS",
  "E_TOO_MANY_ATTACHMENTS",
  "E_RECIPIENT_NOT_ALLOWED",
  "E_RECIPIENT_SUPPRESSED",
  "E_CONTENT_TOO_LARGE",
]);
/** About how much is sent: all others would be refused as well. Seconds until it makes sense to go on. */
const limits = new Map([
  ["E_RATE_LIMIT_EXCEEDED", 60],
  ["E_DAILY_LIMIT_EXCEEDED", 3600],
]);

export const sent: Result = { state: "sent", failure: null, waitSeconds: 0, counts: true };

/** Put back, because nobody began to send it. */
export const notBegun: Result = { state: "queued", failure: null, waitSeconds: 0, counts: false };

/** For e-mails that cannot be written: no attempt would change that. */
export const unwritable = (error: unknown): Result =>
  dead(`cannot be written: ${error instanceof Error ? error.message : String(error)}`.slice(0, 500));

/** @param attempt how many there were with this one */
export function resultOf(error: unknown, attempt: number): Result {
  // Messages of errors may quote the address; codes do not.
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  if (!/^E_[A-Z_]+$/.test(code)) return dead("unknown");
  const limitSeconds = limits.get(code);
  if (limitSeconds !== undefined)
    return { state: "queued", failure: code, waitSeconds: limitSeconds, counts: false };
  if (final.has(code) || code.startsWith("E_HEADER") || attempt >= ATTEMPTS_MAX) return dead(code);
  return {
    state: "queued",
    failure: code,
    waitSeconds: FIRST_WAIT_SECONDS * 2 ** (attempt - 1),
    counts: true,
  };
}

/** Whether whoever sends should stop for now. */
export const isLimit = ({ failure }: Result): boolean => failure !== null && limits.has(failure);

const dead = (failure: string): Result => ({ state: "dead", failure, waitSeconds: 0, counts: true });
