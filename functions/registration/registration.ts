/**
 * Registrations: who shows by the link of an e-mail that an address is theirs is one person of a sale, on whatever device,
 * and may be given a slot. Postgres keeps the list; Redis and the tokens see an HMAC of the address.
 */
import { z } from "zod";
import type { ConfirmedRegistration, Registration } from "../../domain/api.ts";
import { saleTimes } from "../../domain/phase.ts";
import { notALink, refuse, type Refusal } from "../../domain/refusal.ts";
import type { Sale } from "../../domain/sale.ts";
import { placeOf } from "../../static/assets/draw.js";
import { sendEmails } from "../mail/mailer.ts";
import { bigint } from "../postgres/client.ts";
import { missing, readSale } from "../sale/sale.ts";
import type { Services } from "../services.ts";
import { shopperOfAddress, wrongWith } from "./address.ts";
import askSql from "./ask.sql";
import cancelSql from "./cancel.sql";
import confirmSql from "./confirm.sql";
import mineSql from "./mine.sql";
import { settleSlots, settleSlotsNow, slotsAreDue } from "./slots.ts";

const LINK_LASTS_MS = 24 * 3_600_000;
/** To one address, over all sales; further ones are not written, and the answer is the same. */
const EMAILS_AN_HOUR = 5;

export interface Asking {
  email: string;
  /** Where the shop is, for the links in its e-mails. */
  shop: string;
  /** A bot check was made and not passed: nothing happens, and such a one is not told. */
  failedCheck: boolean;
}

/** Writes the e-mail with the link. The answer is the same whatever is known of the address. */
export async function register(
  services: Services,
  saleId: string,
  { email, shop, failedCheck }: Asking,
): Promise<{ taken: true } | Refusal<"registration_closed" | "invalid_input" | "not_found" | "on_hold">> {
  const sale = await readSale(services, saleId);
  if (sale === undefined) return await missing(services, saleId);
  const now = Date.now();
  const window = saleTimes(sale).registration;
  if (window === undefined || now < window.fromMs || now >= window.untilMs)
    return refuse("registration_closed");
  const wrong = wrongWith(email);
  if (wrong !== undefined) return refuse("invalid_input", { errors: [{ pointer: "/email", detail: wrong }] });
  if (failedCheck) return { taken: true };
  const shopper = await shopperOfAddress(services.identitySecret, saleId, email);
  const endsAtMs = Math.min(now + LINK_LASTS_MS, window.untilMs);
  await services.postgres(z.unknown(), askSql, [
    saleId,
    shopper,
    email,
    shop,
    crypto.randomUUID(),
    endsAtMs,
    EMAILS_AN_HOUR,
  ]);
  services.later(sendEmails(services));
  return { taken: true };
}

const state = z.enum(["asked", "waiting", "slot", "left"]);
const confirmRow = z.object({ usable: z.boolean(), state, number: bigint.nullable() });

/**
 * Confirms an address. Repeated by the same browser it answers the same.
 * @param browser the shopper by cookie, who alone may use the link again
 */
export async function confirmRegistration(
  services: Services,
  saleId: string,
  token: string,
  browser: string,
): Promise<
  | ConfirmedRegistration
  | Refusal<"token_expired" | "link_used" | "registration_closed" | "invalid_input" | "not_found" | "on_hold">
> {
  const claims = await services.keys.verify("confirmation", token);
  if (claims?.sale !== saleId) return notALink("/token");
  if (claims.expiresAtMs <= Date.now()) return refuse("token_expired");
  const sale = await readSale(services, saleId);
  if (sale === undefined) return await missing(services, saleId);
  const { registration: window, slotsDecidedFromMs } = saleTimes(sale);
  if (window === undefined) return refuse("registration_closed");
  const confirm = () =>
    services.postgres(confirmRow, confirmSql, [
      saleId,
      claims.shopper,
      claims.id,
      browser,
      sale.slots?.allocation === "first_come",
      sale.slots?.count ?? 0,
      new Date(window.untilMs).toISOString(),
      new Date(slotsDecidedFromMs).toISOString(),
    ]);
  let [row] = await confirm();
  // Another link of the same address may have been used at this moment, which a new statement sees.
  if (row?.usable === true && row.state === "asked") [row] = await confirm();
  if (row === undefined || row.state === "left") return refuse("token_expired");
  if (!row.usable) return refuse("link_used");
  if (row.state === "asked") return refuse("registration_closed");
  const mine = await readRegistration(services, sale, claims.shopper);
  if (mine === undefined) return refuse("token_expired");
  const registration = await services.keys.sign({
    kind: "registered",
    sale: saleId,
    shopper: claims.shopper,
  });
  return { ...mine, registration };
}

const mineRow = z.object({
  state,
  number: bigint.nullable(),
  registered: bigint,
  slots_given: bigint,
  decided: z.boolean(),
  slot_seed: z.string().nullable(),
  slot_draw_count: bigint.nullable(),
});

/**
 * How a confirmed registration stands.
 * @returns undefined when there is none
 */
export async function readRegistration(
  services: Services,
  sale: Sale,
  shopper: string,
): Promise<Registration | undefined> {
  const read = () => services.postgres(mineRow, mineSql, [sale.id, shopper]);
  let [row] = await read();
  if (sale.slots !== undefined && row?.decided === false && slotsAreDue(sale, Date.now())) {
    await settleSlots(services, sale.id);
    [row] = await read();
  }
  if (row === undefined || row.number === null || row.state === "asked" || row.state === "left")
    return undefined;
  const { number, decided, registered } = row;
  const { slots } = sale;
  const has = row.state === "slot" ? "slot" : "waiting";
  const common = {
    status: has,
    number,
    registered,
    slots: slots?.count ?? 0,
    decided: slots === undefined || decided,
    decidesAt: new Date(saleTimes(sale).slotsDecidedFromMs).toISOString(),
  } as const;
  if (slots === undefined) return common;
  const { slot_seed: seed, slot_draw_count: drawn } = row;
  return {
    ...common,
    ...(has === "slot" ? { claimUntil: slots.claimUntil } : {}),
    ...(has === "slot" && decided
      ? { slotToken: await services.keys.sign({ kind: "slot", sale: sale.id, shopper }) }
      : {}),
    // Who has a slot has a lower number than all who wait, but for those who left.
    ...(slots.allocation === "first_come" && has === "waiting" && !decided
      ? { ahead: Math.max(0, number - 1 - row.slots_given) }
      : {}),
    ...(seed !== null && drawn !== null && decided && number <= drawn
      ? { place: await placeOf(seed, drawn, number) }
      : {}),
  };
}

const cancelRow = z.object({ gives_back: z.boolean() });

/** Takes a registration back and forgets the address. Repeating it changes nothing. */
export async function cancelRegistration(
  services: Services,
  sale: Sale,
  shopper: string,
): Promise<{ cancelled: true }> {
  const [row] = await services.postgres(cancelRow, cancelSql, [
    sale.id,
    shopper,
    sale.slots?.allocation === "first_come",
  ]);
  if (row?.gives_back === true) services.later(settleSlotsNow(services, sale.id));
  return { cancelled: true };
}
