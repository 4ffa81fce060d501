/** The functions' steps, as index.ts and cron.ts call them, and what their services are made of. */
export { checkout, readOrder, readReservation } from "../../functions/checkout/checkout.ts";
export { askRefund } from "../../functions/checkout/refund.ts";
export { connectStripe } from "../../functions/checkout/stripe.ts";
export { receive } from "../../functions/checkout/webhook.ts";
export { everyMinute } from "../../functions/cron.ts";
export { listEmails, retryEmail } from "../../functions/mail/outbox.ts";
export { connectPostgres } from "../../functions/postgres/client.ts";
export { readPulse } from "../../functions/queue/pulse.ts";
export { enterSale, joinQueue, leaveQueue } from "../../functions/queue/queue.ts";
export { approve } from "../../functions/reconciliation/approve.ts";
export { reconcile, setRemedyLimit } from "../../functions/reconciliation/reconcile.ts";
export { connectRedis } from "../../functions/redis/client.ts";
export { saleKeys } from "../../functions/redis/keys.ts";
export { exportRegistrations, importInvites, readNumbers } from "../../functions/registration/list.ts";
export {
  cancelRegistration,
  confirmRegistration,
  readRegistration,
  register,
} from "../../functions/registration/registration.ts";
export { releaseReservation, reserve } from "../../functions/reservation/reservation.ts";
export { readLive } from "../../functions/sale/live.ts";
export { rebuildSale } from "../../functions/sale/rebuild.ts";
export { closeSale, openSale, updateSale } from "../../functions/sale/redefine.ts";
export { pauseSale, resumeSale, setMode, setReleaseSize } from "../../functions/sale/rules.ts";
export { createSale, readSale } from "../../functions/sale/sale.ts";
export { topUp } from "../../functions/sale/top-up.ts";
export { Unavailable } from "../../functions/unavailable.ts";
