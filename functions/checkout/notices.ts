/** What a buyer is told by e-mail about their payment; each once, whatever comes twice. The address is the one they paid with. */
import { z } from "zod";
import { moneyText } from "../../domain/currency.ts";
import { sendEmails } from "../mail/mailer.ts";
import type { Record } from "../reservation/record.ts";
import type { Services } from "../services.ts";
import { definitionOf } from "./session.ts";
import type { Intent } from "./stripe.ts";

export async function receipt(
  services: Services,
  intent: Intent,
  record: Record,
  email: string | undefined,
): Promise<void> {
  const { name, items } = await definitionOf(services, intent.sale ?? "");
  const titles = new Map(items.map((item) => [item.sku, item.name]));
  const lines = record.lines.map(
    ({ sku, quantity, price }) =>
      `${quantity} × ${titles.get(sku) ?? sku}  ${moneyText(quantity * price, record.currency)}`,
  );
  await write(services, "receipt", intent, email, `Your order: ${name}`, [
    "Thank you. This is yours:",
    "",
    ...lines,
    `Total  ${moneyText(record.total, record.currency)}`,
    "",
    `Order ${record.id}`,
  ]);
}

export async function tooLate(
  services: Services,
  intent: Intent,
  record: Record,
  email: string | undefined,
): Promise<void> {
  const { name } = await definitionOf(services, intent.sale ?? "");
  await write(services, "too-late", intent, email, `Not charged: ${name}`, [
    "Your payment came after the time for your reservation had run out, and by then everything was taken.",
    `You were not charged: the authorisation of ${moneyText(record.total, record.currency)} was given up.`,
    "Your bank may show it for a few days.",
    "",
    `Reservation ${record.id}`,
  ]);
}

/** The id follows from what it tells, so that telling it again is the same e-mail. */
async function write(
  services: Services,
  kind: string,
  intent: Intent,
  email: string | undefined,
  subject: string,
  body: string[],
): Promise<void> {
  if (email === undefined) return;
  await services.postgres(
    z.unknown(),
    `insert into emails (id, sale_id, recipient, subject, body)
     values (md5($1)::uuid, $2, $3, $4, $5) on conflict (id) do nothing`,
    [`${kind} ${intent.id}`, intent.sale, email, subject, body.join("\n")],
  );
  services.later(sendEmails(services));
}
