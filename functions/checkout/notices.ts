/** What a buyer is told by e-mail about their payment; each once, whatever comes twice. The address is the one they paid with. */
import { z } from "zod";
import type { DataOf } from "../mail/kinds.ts";
import { sendEmails } from "../mail/mailer.ts";
import type { Record } from "../reservation/record.ts";
import type { Services } from "../services.ts";
import type { Intent } from "./stripe.ts";

export async function receipt(
  services: Services,
  intent: Intent,
  { id, lines, total, currency }: Record,
  email: string | undefined,
): Promise<void> {
  await write(services, "receipt", intent, email, { order: id, lines, total, currency });
}

export async function tooLate(
  services: Services,
  intent: Intent,
  { id, total, currency }: Record,
  email: string | undefined,
): Promise<void> {
  await write(services, "too_late", intent, email, { reservation: id, total, currency });
}

/** Of an order that reconciliation had to take back. */
export async function cancelledNotice(
  services: Services,
  intent: Intent,
  { id, total, currency }: Record,
  email: string | undefined,
): Promise<void> {
  await write(services, "cancelled", intent, email, { order: id, total, currency });
}

/** The id follows from what it tells, so that telling it again is the same e-mail. */
async function write<Kind extends "receipt" | "too_late" | "cancelled">(
  services: Services,
  kind: Kind,
  intent: Intent,
  email: string | undefined,
  data: DataOf<Kind>,
): Promise<void> {
  if (email === undefined) return;
  await services.postgres(
    z.unknown(),
    `insert into emails (id, sale_id, recipient, kind, data)
     values (md5($1)::uuid, $2, $3, $4, $5) on conflict (id) do nothing`,
    // With a hyphen, as ids were made before there were kinds.
    [`${kind.replace("_", "-")} ${intent.id}`, intent.sale, email, kind, JSON.stringify(data)],
  );
  services.later(sendEmails(services));
}
