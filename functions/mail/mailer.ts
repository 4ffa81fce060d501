/**
 * Sends what is in the e-mail table, through the platform's binding. An e-mail is sent at most once: it is taken in one
 * statement before it is sent, and is tried again only when the attempt is known to have failed. Accepted: one whose fate
 * is not known (a crash between sending and writing that down, no answer) is not sent again by itself; it waits among
 * the dead letters for an operator.
 */
import { z } from "zod";
import { saleSchema, type Sale } from "../../domain/sale.ts";
import type { Services } from "../services.ts";
import giveUpSql from "./give-up.sql";
import { emailSchema } from "./kinds.ts";
import { messageOf, type Message } from "./messages.ts";
import recordSql from "./record.sql";
import {
  isLimit,
  notBegun,
  resultOf,
  sent,
  unwritable,
  type EmailAddress,
  type OutgoingEmail,
  type Result,
} from "./sender.ts";
import takeSql from "./take.sql";

/** How much may be sent, by all who send together. */
export interface EmailLimits {
  perMinute: number;
  /** In any 24 hours. */
  perDay: number;
}

const BATCH = 50;
/** After a write there is not much time, and mostly one e-mail. */
const SMALL_BATCH = 20;
/** As many connections as one run of a Worker may have. */
const AT_ONCE = 6;
const SEND_MS_MAX = 10_000;
/** A run of cron leaves time for what it has begun. */
const RUN_MS = 25_000;
/** Nobody sends for this long: what is still being sent then was left by somebody who is gone. */
const GONE_SECONDS = 300;
/** How often one who finds the turn gone asks again; somebody else's batch is sent meanwhile. */
const TURNS_MAX = 5;
const RECORDS_MAX = 3;

const takenRow = z.object({
  again: z.boolean(),
  emails: z.array(
    z.object({
      id: z.string(),
      sale: z.string(),
      kind: z.string(),
      data: z.unknown(),
      recipient: z.string(),
      attempt: z.number(),
    }),
  ),
  sales: z.record(z.string(), z.unknown()),
});
type Taken = z.output<typeof takenRow>["emails"][number];
type Sales = ReadonlyMap<string, Sale | undefined>;

/** Sends a few of what is due; for after a write. @returns how many were sent */
export async function sendEmails(services: Services): Promise<number> {
  return (await sendBatch(services, SMALL_BATCH, Date.now() + SEND_MS_MAX)).sent;
}

/** Sends what is due, a minute's worth at most; for cron. @returns how many were sent */
export async function sendDueEmails(services: Services): Promise<number> {
  await services.postgres(z.unknown(), giveUpSql, [GONE_SECONDS]);
  const endMs = Date.now() + RUN_MS;
  let left = services.emailLimits.perMinute;
  let count = 0;
  while (left > 0 && Date.now() < endMs) {
    const batch = await sendBatch(services, Math.min(BATCH, left), endMs);
    if (batch.taken === 0 || batch.limited) return count + batch.sent;
    left -= batch.taken;
    count += batch.sent;
  }
  return count;
}

interface BatchSummary {
  taken: number;
  sent: number;
  /** The platform takes no more for now. */
  limited: boolean;
}

async function sendBatch(services: Services, size: number, endMs: number): Promise<BatchSummary> {
  const { emails, sales } = await take(services, size);
  const results: { id: string; attempt: number; result: Result }[] = [];
  const rest = emails.values();
  let limited = false;
  const sendRest = async () => {
    for (const email of rest) {
      const result = limited || Date.now() >= endMs ? notBegun : await send(services, email, sales);
      limited ||= isLimit(result);
      results.push({ id: email.id, attempt: email.attempt, result });
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, sendRest));
  if (results.length > 0)
    await record(
      services,
      results.map(({ id, attempt, result }) => ({ id, attempt, ...result })),
    );
  return {
    taken: emails.length,
    sent: results.filter(({ result }) => result.state === "sent").length,
    limited,
  };
}

async function take(services: Services, size: number): Promise<{ emails: Taken[]; sales: Sales }> {
  const { perMinute, perDay } = services.emailLimits;
  for (let turn = 1; ; turn++) {
    const [row] = await services.postgres(takenRow, takeSql, [size, perMinute, perDay]);
    if (row === undefined) throw new Error("take.sql answers one row");
    if (!row.again || turn === TURNS_MAX) return { emails: row.emails, sales: definitions(row.sales) };
  }
}

const definitions = (sales: Record<string, unknown>): Sales =>
  new Map(Object.entries(sales).map(([id, definition]) => [id, saleSchema.safeParse(definition).data]));

/** Writing it down twice is the same, so a lost answer costs nothing; not writing it down would make dead letters. */
async function record(services: Services, results: object[]): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      await services.postgres(z.unknown(), recordSql, [JSON.stringify(results)]);
      return;
    } catch (error) {
      if (attempt === RECORDS_MAX) throw error;
    }
  }
}

async function send(services: Services, email: Taken, sales: Sales): Promise<Result> {
  let outgoing: OutgoingEmail;
  try {
    const sale = sales.get(email.sale);
    if (sale === undefined) throw new Error("the sale's definition is not readable");
    const message = await messageOf(
      emailSchema.parse({ kind: email.kind, data: email.data }),
      sale,
      services.keys.sign,
    );
    outgoing = outgoingOf(email, message, sale, services.emailFrom);
  } catch (error) {
    return unwritable(error);
  }
  try {
    await inTime(services.email.send(outgoing));
    return sent;
  } catch (error) {
    return resultOf(error, email.attempt);
  }
}

function outgoingOf(
  { id, recipient }: Taken,
  { subject, text, html, unregister }: Message,
  sale: Sale,
  shopFrom: string,
): OutgoingEmail {
  return {
    from: addressOf(sale.emails?.from ?? shopFrom),
    to: recipient,
    ...(sale.emails?.replyTo === undefined ? {} : { replyTo: sale.emails.replyTo }),
    subject,
    text,
    html,
    headers: {
      // `Message-ID` is the platform's own.
      "X-Message-Id": id,
      "Auto-Submitted": "auto-generated",
      // One click in the mail program, without opening the page (RFC 8058).
      ...(unregister === undefined
        ? {}
        : {
            "List-Unsubscribe": `<${unregister}>`,
            "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
          }),
    },
  };
}

/** The binding takes a name only apart from its address. */
function addressOf(from: string): string | EmailAddress {
  const [, name, email] = /^(.+) <([^<>]+)>$/.exec(from) ?? [];
  return name === undefined || email === undefined ? from : { name, email };
}

async function inTime(sending: Promise<unknown>): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error("no answer in time")), SEND_MS_MAX);
  });
  try {
    await Promise.race([sending, late]);
  } finally {
    clearTimeout(timer);
  }
}
