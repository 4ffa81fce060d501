/** What an operator sees of the e-mails, and may do: count them, list them, and have a dead letter tried again. */
import { z } from "zod";
import type { EmailNumbers, StoredEmail } from "../../domain/api.ts";
import { refuse, type Refusal } from "../../domain/refusal.ts";
import { bigint } from "../postgres/client.ts";
import type { Services } from "../services.ts";
import listSql from "./list-emails.sql";
import { sendEmails } from "./mailer.ts";
import numbersSql from "./numbers.sql";
import retrySql from "./retry.sql";
import { sendingMs } from "./schedule.ts";

const states = ["queued", "sending", "sent", "dead"] as const;
type State = (typeof states)[number];

const instant = z.coerce.date().transform((at) => at.toISOString());
const emailRow = z
  .object({
    id: z.string(),
    sale: z.string(),
    kind: z.string(),
    recipient: z.string().nullable(),
    state: z.enum(states),
    attempts: z.number(),
    failure: z.string().nullable(),
    created_at: instant,
    due_at: instant,
    taken_at: instant.nullable(),
    sent_at: instant.nullable(),
  })
  .transform(({ created_at, due_at, taken_at, sent_at, ...email }): StoredEmail => ({
    ...email,
    createdAt: created_at,
    dueAt: due_at,
    takenAt: taken_at,
    sentAt: sent_at,
  }));

/** @param after the last id of the page before */
export async function listEmails(
  services: Services,
  {
    state,
    sale,
    after,
    limit,
  }: { state: State; sale?: string | undefined; after?: string | undefined; limit: number },
): Promise<StoredEmail[]> {
  return await services.postgres(emailRow, listSql, [state, sale ?? null, after ?? null, limit]);
}

/** Repeating the call tries once. @returns the state it is in now */
export async function retryEmail(
  services: Services,
  id: string,
): Promise<{ id: string; state: State } | Refusal<"not_found" | "already_sent">> {
  const retry = () => services.postgres(z.object({ state: z.enum(states) }), retrySql, [id, services.actor]);
  let [row] = await retry();
  // It may have waited for another one who retried it at this moment, which a new statement sees.
  if (row?.state === "dead") [row] = await retry();
  switch (row?.state) {
    case undefined:
      return refuse("not_found");
    case "dead":
      return refuse("not_found", { detail: "The address of this e-mail is deleted." });
    case "sent":
      return refuse("already_sent");
    case "queued":
    case "sending":
      services.later(sendEmails(services));
      return { id, state: row.state };
  }
}

const numbersRow = z.object({
  queued: bigint,
  sending: bigint,
  sent: bigint,
  dead: bigint,
  last_due_ms: bigint.nullable(),
  now_ms: bigint,
  queued_all: bigint,
  sent_today: bigint,
});

/**
 * How the e-mails of a sale stand. `secondsToSend`: until the last one that is queued is out, if all the shop's are sent
 * before it; `lastAt` says when that is, null when none is queued.
 */
export async function emailNumbers(services: Services, saleId: string): Promise<EmailNumbers> {
  const [row] = await services.postgres(numbersRow, numbersSql, [saleId]);
  if (row === undefined) throw new Error("numbers.sql answers one row");
  const { queued, sending, sent, dead, last_due_ms: lastDueMs, now_ms: nowMs } = row;
  const takesMs = sendingMs({ ...services.emailLimits, count: row.queued_all, sentToday: row.sent_today });
  const lastAtMs = lastDueMs === null ? null : Math.max(lastDueMs, nowMs + takesMs);
  const secondsToSend = lastAtMs === null ? 0 : Math.ceil((lastAtMs - nowMs) / 1000);
  const lastAt = lastAtMs === null ? null : new Date(lastAtMs).toISOString();
  return { queued, sending, sent, dead, secondsToSend, lastAt };
}
