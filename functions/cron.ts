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
import { publishedSales, publishPending } from "./sale/sale.ts";
import { lightCheck } from "./reconciliation/light.ts";
import { clearSettled, settleClosed } from "./settlement/settle.ts";
import type { Services } from "./services.ts";
import { drain } from "./sync/sync.ts";

/** What a minute gives to reconciling closed sales; the next one goes on. */
const SETTLING_MS = 20_000;

export async function everyMinute(services: Services): Promise<void> {
  await attempt("publish", () => publishPending(services));
  await attempt("slots", async () => {
    for (const saleId of await salesWithSlots(services))
      await attempt("slots", () => settleSlotsNow(services, saleId));
  });
  await attempt("retention", () => forgetAddresses(services));
  if (services.payments !== undefined) {
    await attempt("events", () => processEvents(services));
    await attempt("undelivered", () => fetchUndelivered(services, Date.now()));
    await attempt("payments", () => settleAuthorised(services));
    await attempt("refunds", () => issueRefunds(services));
  }
  await attempt("sales", async () => {
    for (const saleId of await publishedSales(services)) {
      await attempt("expire", () => expireHolds(services, saleId));
      await attempt("tick", () => tick(services, saleId));
      await attempt("drain", () => drain(services, saleId, { trim: true }));
      await attempt("light check", () => lightCheck(services, saleId, Date.now()));
    }
  });
  await attempt("settle", () => settleClosed(services, Date.now() + SETTLING_MS));
  await attempt("clear", () => clearSettled(services));
  // Last: it may take half a minute.
  await attempt("emails", () => sendDueEmails(services));
}

async function attempt(step: string, work: () => Promise<unknown>): Promise<void> {
  try {
    await work();
  } catch (error) {
    console.error(JSON.stringify({ cron: step, error: String(error) }));
  }
}
