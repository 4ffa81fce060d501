/** What the sale needs of others: Stripe, where something costs money, and e-mail, where people register. */
import { z } from "zod";
import { saleTimes } from "../../domain/phase.ts";
import type { Sale } from "../../domain/sale.ts";
import { sendingMs } from "../mail/schedule.ts";
import { bigint } from "../postgres/client.ts";
import type { Env, Services } from "../services.ts";
import { check, countText, spanText, type Finding } from "./finding.ts";

const isPriced = (sale: Sale) => sale.items.some(({ price }) => price > 0);
const takesAddresses = (sale: Sale) => saleTimes(sale).registration !== undefined;
const put = (name: string) => `npx wrangler secret put ${name} -c functions/wrangler.toml`;

export async function stripeReady(services: Services, env: Env, sale: Sale): Promise<Finding> {
  const { green, amber, red } = check("stripe", "Stripe");
  if (!isPriced(sale)) return green("Nothing here costs money.");
  const missing = (["STRIPE_SECRET_KEY", "STRIPE_WEBHOOK_SECRET"] as const).filter(
    (name) => (env[name] ?? "") === "",
  );
  if (services.payments === undefined || missing.length > 0)
    return red(`${missing.join(" and ")} not set: nobody could pay.`, put(missing[0] ?? "STRIPE_SECRET_KEY"));
  const startedMs = Date.now();
  await services.payments.refunds(Math.floor(startedMs / 1000), "");
  const found = `Answers within ${spanText(Date.now() - startedMs)}.`;
  return /^[rs]k_test_/.test(env.STRIPE_SECRET_KEY ?? "")
    ? amber(
        `${found} Its key is one for tests: no money moves.`,
        `For real money: ${put("STRIPE_SECRET_KEY")}`,
      )
    : green(found);
}

/** Days after which a webhook is no sign of life any more. */
const LATELY_DAYS = 7;

export async function webhooksCome({ postgres }: Services, sale: Sale): Promise<Finding> {
  const { green, amber } = check("webhooks", "Webhooks of Stripe");
  if (!isPriced(sale)) return green("Nothing here costs money.");
  const [row] = await postgres(
    z.object({ days: z.coerce.number().nullable(), waiting: bigint }),
    `select extract(epoch from now() - max(received_at)) / 86400 as days,
            count(*) filter (where processed_at is null and attempts > 0) as waiting
       from webhook_inbox`,
    [],
  );
  const way =
    "At Stripe, look at the endpoint …/webhooks/stripe and its events checkout.session.completed and payment_intent.canceled; send a test event. Without webhooks payments are found by cron, a minute later.";
  if (row === undefined || row.days === null) return amber("None has come yet.", way);
  if (row.waiting > 0)
    return amber(
      `${countText(row.waiting)} came and could not be dealt with.`,
      "select failure from webhook_inbox where processed_at is null",
    );
  const found = `The latest came ${row.days < 1 ? "today" : `${Math.floor(row.days)} days ago`}.`;
  return row.days < LATELY_DAYS ? green(found) : amber(found, way);
}

export function senderSet({ emailFrom }: Services, sale: Sale): Finding {
  const { green, amber, red } = check("mail-sender", "Sender of e-mails");
  const from = sale.emails?.from ?? emailFrom;
  if (from === "" || !from.includes("@"))
    return red("There is none.", "Set EMAIL_FROM in functions/wrangler.toml, or the sale's emails.from.");
  return /@([\w.-]+\.)?example(\.(com|org|net))?>?$/.test(from)
    ? amber(
        `It is ${from}, which no e-mail can come from.`,
        "Set EMAIL_FROM in functions/wrangler.toml, or the sale's emails.from, to a domain set up for sending at Cloudflare.",
      )
    : green(`${from}. Whether its domain is set up for sending, only a sent e-mail shows.`);
}

const lettersRow = z.object({
  registered: bigint,
  queued: bigint,
  sent_today: bigint,
  dead: bigint,
  latest_failure: z.string().nullable(),
});

/** Whether everybody who has registered can be written to between the end of registration and the opening. */
export async function lettersInTime({ postgres, emailLimits }: Services, sale: Sale): Promise<Finding[]> {
  const limits = check("mail-limits", "Time to send e-mails");
  const dead = check("mail-dead", "E-mails that failed");
  if (!takesAddresses(sale)) return [limits.green("This sale takes no addresses.")];
  const [row] = await postgres(
    lettersRow,
    `select (select count(*) from registrations where sale_id = $1 and state in ('waiting', 'slot')) as registered,
            (select count(*) from emails where state = 'queued' and recipient is not null) as queued,
            (select coalesce(sum(count), 0) from email_takes where taken_at > now() - interval '24 hours') as sent_today,
            (select count(*) from emails where sale_id = $1 and state = 'dead') as dead,
            (select failure from emails where sale_id = $1 and state = 'dead' order by created_at desc limit 1) as latest_failure`,
    [sale.id],
  );
  if (row === undefined) throw new Error("one row");
  const { opensAtMs, slotsDecidedFromMs } = saleTimes(sale);
  const hasMs = opensAtMs - slotsDecidedFromMs;
  const takesMs = sendingMs({
    ...emailLimits,
    count: row.registered + row.queued,
    sentToday: row.sent_today,
  });
  const pace = `${countText(emailLimits.perMinute)} a minute and ${countText(emailLimits.perDay)} a day`;
  const found = `${countText(row.registered)} registered so far, ${countText(row.queued)} e-mails waiting: ${spanText(takesMs)} at ${pace}. From the end of registration to opening it is ${spanText(hasMs)}.`;
  return [
    sale.slots === undefined || takesMs < hasMs
      ? limits.green(found)
      : limits.red(
          found,
          "Close registration earlier, or raise EMAILS_PER_MINUTE and EMAILS_PER_DAY and Cloudflare's own daily limit.",
        ),
    row.dead === 0
      ? dead.green("None.")
      : dead.amber(
          `${countText(row.dead)}, the latest for ${row.latest_failure ?? "an unknown reason"}.`,
          "GET /api/admin/emails lists them; put right what they name, then retry each.",
        ),
  ];
}
