/**
 * Confirmed addresses: who shows by the link of an e-mail that an address is theirs is one person of a sale, on whatever
 * device. Nothing is stored but the e-mail itself: the link carries a signed token, and Redis sees an HMAC of the address.
 */
import { z } from "zod";
import type { ConfirmedRegistration, PublicSale } from "../../domain/api.ts";
import { saleTimes } from "../../domain/phase.ts";
import { refuse, type Refusal } from "../../domain/refusal.ts";
import { knownShopper } from "../../domain/token.ts";
import { sendEmails } from "../mail/mailer.ts";
import { missing, readSale } from "../sale/sale.ts";
import type { Services } from "../services.ts";

const LINK_LASTS_MS = 24 * 3_600_000;
/** To one address, over all sales; further ones are not written, and the answer is the same. */
const EMAILS_AN_HOUR = 5;

/** Writes the e-mail with the link. The answer is the same whatever is known of the address. */
export async function register(
  services: Services,
  saleId: string,
  email: string,
  shopUrl: string,
): Promise<{ taken: true } | Refusal<"registration_closed" | "not_found" | "on_hold">> {
  const sale = await readSale(services, saleId);
  if (sale === undefined) return await missing(services, saleId);
  const now = Date.now();
  if (!takesRegistrations(sale, now)) return refuse("registration_closed");
  const data = {
    shopper: await knownShopper(services.identitySecret, `address ${saleId} ${normalised(email)}`),
    link: crypto.randomUUID(),
    expiresAtMs: Math.min(now + LINK_LASTS_MS, Date.parse(sale.closesAt)),
    shop: shopUrl,
  };
  await services.postgres(
    z.unknown(),
    // Nobody's mailbox is filled by somebody else's wish.
    `insert into emails (id, sale_id, recipient, kind, data)
     select $1, $2, $3, 'confirm', $4
      where (select count(*) from emails where recipient = $3 and created_at > now() - interval '1 hour') < $5`,
    [crypto.randomUUID(), saleId, email.trim(), JSON.stringify(data), EMAILS_AN_HOUR],
  );
  services.later(sendEmails(services));
  return { taken: true };
}

/** Repeating it answers the same person. */
export async function confirmRegistration(
  services: Services,
  saleId: string,
  token: string,
): Promise<ConfirmedRegistration | Refusal<"token_expired" | "invalid_input">> {
  const claims = await services.keys.verify("confirmation", token);
  if (claims?.sale !== saleId)
    return refuse("invalid_input", { errors: [{ pointer: "/token", detail: "not a link of this sale" }] });
  if (claims.expiresAtMs <= Date.now()) return refuse("token_expired");
  const registration = await services.keys.sign({
    kind: "registered",
    sale: saleId,
    shopper: claims.shopper,
  });
  return { status: "waiting", registration };
}

/** A sale without a window that wants confirmed addresses takes them for as long as it lasts. */
function takesRegistrations(sale: PublicSale, nowMs: number): boolean {
  const { registrationOpensAtMs, closesAtMs } = saleTimes(sale);
  if (registrationOpensAtMs === undefined && sale.identity !== "registered") return false;
  const until = sale.registrationClosesAt === undefined ? closesAtMs : Date.parse(sale.registrationClosesAt);
  return nowMs >= (registrationOpensAtMs ?? 0) && nowMs < until;
}

/** The same address in other spellings is the same person: case does not count, nor does what follows a plus. */
function normalised(email: string): string {
  const [local = "", domain = ""] = email.trim().toLowerCase().split("@");
  return `${local.replace(/\+.*$/, "")}@${domain}`;
}
