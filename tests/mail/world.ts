/**
 * A shop that sends e-mail, in one process: a real Postgres behind its gateway, the functions' own code, and the local
 * mailbox behind a sender that answers as the platform's binding does. Each test takes a sale of its own, and an outbox
 * that nobody else is using.
 */
import { afterAll, beforeEach } from "vitest";
import { startMailbox, type MailServer } from "../../dev/mail/server.ts";
import type { Message } from "../../dev/mail/mailbox.ts";
import type { SaleInput } from "../../domain/sale.ts";
import type { EmailLimits } from "../../functions/mail/mailer.ts";
import type { EmailSender } from "../../functions/mail/sender.ts";
import { createSale } from "../../functions/sale/sale.ts";
import type { Services } from "../../functions/services.ts";
import { must, newSale, useWorld } from "../sync/harness.ts";

export const SHOP = "https://shop.example";
const LIMITS: EmailLimits = { perMinute: 100_000, perDay: 1_000_000 };

export type Row = Record<string, unknown>;

export async function useOutbox() {
  const { world } = await useWorld();
  const mail = await startMailbox();
  afterAll(() => mail.close());
  const query = (text: string, params: unknown[] = []): Promise<Row[]> => world.behind(text, params);
  beforeEach(async () => {
    mail.faults.clear();
    mail.mailbox.clear();
    await query("delete from emails");
    await query("delete from email_takes");
  });

  /** Another isolate. */
  const services = (limits: Partial<EmailLimits> = {}, email = senderTo(mail)): Services => ({
    ...world.services(),
    email,
    actor: "a test",
    emailLimits: { ...LIMITS, ...limits },
  });
  return {
    world,
    mail,
    query,
    services,
    /** @returns the id of a sale that is not open yet */
    async sale(changes: Partial<SaleInput> = {}): Promise<string> {
      const sale = newSale({
        opensAt: new Date(Date.now() + 3_600_000).toISOString(),
        closesAt: new Date(Date.now() + 7_200_000).toISOString(),
        ...changes,
      });
      must(await createSale(services(), sale));
      return sale.id;
    },
    /** So many e-mails, to a0@, a1@, …; in one statement, as the shop writes them. @returns their ids in this order */
    async write(sale: string, count: number, row: { priority?: number; kind?: string; data?: unknown } = {}) {
      const { priority = 0, kind = "confirm", data = confirmData() } = row;
      const rows = await query(
        `insert into emails (id, sale_id, recipient, kind, data, priority)
         select gen_random_uuid(), $1, 'a' || i || '@mail.test', $2, $3, $4 from generate_series(0, $5 - 1) as i
         returning id, substring(recipient from 'a(.*)@')::int as i`,
        [sale, kind, JSON.stringify(data), priority, count],
      );
      return rows.sort((a, b) => Number(a.i) - Number(b.i)).map(({ id }) => String(id));
    },
    /** Everything that was put off is due. */
    due: () => query("update emails set due_at = now() where state = 'queued'"),
    states: async () =>
      Object.fromEntries(
        (await query("select state, count(*)::int from emails group by 1 order by 1")).map(
          ({ state, count }) => [String(state), Number(count)],
        ),
      ),
    email: async (id: string): Promise<Row> =>
      (await query("select * from emails where id = $1", [id]))[0] ?? {},
    /** What arrived, by the shop's message id. */
    arrived: (): Map<string, number> => countById(mail.mailbox.list()),
  };
}

export type Outbox = Awaited<ReturnType<typeof useOutbox>>;

export const confirmData = (): Row => ({
  shopper: "s".repeat(16),
  link: crypto.randomUUID(),
  expiresAtMs: Date.now() + 3_600_000,
  shop: SHOP,
});

function countById(messages: Message[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const { messageId = "" } of messages) counts.set(messageId, (counts.get(messageId) ?? 0) + 1);
  return counts;
}

/** As dev/workers/mail-binding.js, whose codes of errors it gives; that one runs in workerd only. */
export function senderTo(mail: MailServer): EmailSender {
  return {
    async send({ from, headers, ...message }) {
      const answer = await fetch(`${mail.url}/api/messages`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({
          ...message,
          from: typeof from === "string" ? from : `${from.name} <${from.email}>`,
          messageId: headers["X-Message-Id"],
          headers,
        }),
      });
      if (answer.ok) return;
      const code =
        answer.status === 429
          ? "E_RATE_LIMIT_EXCEEDED"
          : answer.status >= 500
            ? "E_INTERNAL_SERVER_ERROR"
            : "E_VALIDATION_ERROR";
      throw Object.assign(new Error("the mailbox refused it"), { code });
    },
  };
}
