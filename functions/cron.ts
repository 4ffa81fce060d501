/**
 * Every minute: whatever a request may have left undone. Nothing depends on it running on time, once, or alone. One
 * sale's failure does not keep the others waiting.
 */
import { settleAuthorised } from "./checkout/payment.ts";
import { issueRefunds } from "./checkout/refund.ts";
import { fetchUndelivered, processEvents } from "./checkout/webhook.ts";
import { sendDueEmails } from "./mail/mailer.ts";
import { tick } from "./queue/pulse.ts";
import { forgetAddresses } from "./registration/retention.ts";
import { salesWithSlots, settleSlotsNow } from "./registration/slots.ts";
import { expireHolds } from "./reservation/expire.ts";
import { publishSale } from "./sale/publish.ts";
import { publishedSales, unpublishedSales } from "./sale/sale.ts";
import { lightCheck } from "./reconciliation/light.ts";
import { clearSettled, settleClosed } from "./settlement/settle.ts";
import type { Services } from "./services.ts";
import { drain } from "./sync/sync.ts";

/** What a step of the payments may take before the sales have their turn. */
const PAYMENTS_MS = 10_000;
/** And what is left of a crowd's payments after it. */
const REST_MS = 25_000;
/** What a minute gives to reconciling closed sales; the next one goes on. */
const SETTLING_MS = 20_000;

export async function everyMinute(services: Services): Promise<void> {
  await attempt("publish", async () => {
    for (const saleId of await unpublishedSales(services))
      await attempt("publish", () => publishSale(services, saleId));
  });
  await attempt("slots", async () => {
    for (const saleId of await salesWithSlots(services))
      await attempt("slots", () => settleSlotsNow(services, saleId));
  });
  await attempt("retention", () => forgetAddresses(services));
  const areMore = services.payments !== undefined && (await moveOnPayments(services));
  await attempt("sales", async () => {
    for (const saleId of await publishedSales(services)) {
      await attempt("expire", () => expireHolds(services, saleId));
      await attempt("tick", () => tick(services, saleId));
      await attempt("drain", () => drain(services, saleId, { trim: true }));
      await attempt("light check", () => lightCheck(services, saleId, Date.now()));
    }
  });
  if (areMore) await attempt("events", () => processEvents(services, Date.now() + REST_MS));
  await attempt("settle", () => settleClosed(services, Date.now() + SETTLING_MS));
  await attempt("clear", () => clearSettled(services));
  // Last: it may take half a minute.
  await attempt("emails", () => sendDueEmails(services));
}

/** @returns whether there are more events than there was time for */
async function moveOnPayments(services: Services): Promise<boolean> {
  const untilMs = () => Date.now() + PAYMENTS_MS;
  const events = await attempt("events", () => processEvents(services, untilMs()));
  await attempt("undelivered", () => fetchUndelivered(services, Date.now(), untilMs()));
  await attempt("payments", () => settleAuthorised(services, untilMs()));
  await attempt("refunds", () => issueRefunds(services));
  return events?.more === true;
}

async function attempt<Value>(step: string, work: () => Promise<Value>): Promise<Value | undefined> {
  try {
    return await work();
  } catch (error) {
    console.error(JSON.stringify({ cron: step, error: String(error) }));
    return undefined;
  }
}
