/**
 * Sends what is in the e-mail table, through the platform's binding. Called after something was written there, and by
 * cron. Accepted: a crash between sending and writing that down sends an e-mail again a minute later.
 */
import { z } from "zod";
import type { Services } from "../services.ts";
import takeSql from "./take.sql";

/** The platform's `send_email` binding, as far as it is used. */
export interface EmailSender {
  send: (message: {
    from: string;
    to: string;
    subject: string;
    text: string;
    headers: Record<string, string>;
  }) => Promise<unknown>;
}

const BATCH = 50;
const ATTEMPTS_MAX = 8;

const takenRow = z.object({ id: z.string(), recipient: z.string(), subject: z.string(), body: z.string() });

/** @returns how many were sent */
export async function sendEmails(services: Services): Promise<number> {
  const taken = await services.postgres(takenRow, takeSql, [BATCH, ATTEMPTS_MAX]);
  let sent = 0;
  for (const { id, recipient, subject, body } of taken) {
    const failure = await services.email
      .send({
        from: services.emailFrom,
        to: recipient,
        subject,
        text: body,
        headers: { "Message-ID": `<${id}@flash-sale>` },
      })
      .then(
        () => null,
        // The platform's errors may quote the address: only their code is kept.
        (error: unknown) => (error instanceof Error && "code" in error ? String(error.code) : "not sent"),
      );
    if (failure === null) sent++;
    await services.postgres(
      z.unknown(),
      "update emails set sent_at = case when $2::text is null then now() end, failure = $2 where id = $1",
      [id, failure],
    );
  }
  return sent;
}
