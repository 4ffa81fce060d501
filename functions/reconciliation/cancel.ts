/**
 * Takes an order back that should not be: its units, then its money, and the buyer is told. Every step may be repeated; what
 * is left undone by a crash is found again as a refunded order whose money is not back.
 */
import { z } from "zod";
import { cancelledNotice } from "../checkout/notices.ts";
import recordPaymentSql from "../checkout/record-payment.sql";
import { askRefund, issueRefunds } from "../checkout/refund.ts";
import { paymentsOf } from "../checkout/stripe.ts";
import { runScript } from "../redis/client.ts";
import { saleKeys } from "../redis/keys.ts";
import type { Services } from "../services.ts";
import { drain } from "../sync/sync.ts";
import { Unavailable } from "../unavailable.ts";
import { cancelScript } from "./books.ts";
import { readCases, refresh, type Looking } from "./snapshot.ts";

/** @returns what was done @throws {Unavailable} a store or Stripe did not answer: to be repeated */
export async function cancelOrder(
  services: Services,
  looking: Looking,
  id: string,
  why: string,
): Promise<string> {
  const { sale } = looking;
  const keys = saleKeys(sale);
  const [before] = await readCases(services, looking, [id]);
  const [word] = await runScript(
    services.redis,
    cancelScript,
    [keys.sale, keys.stock, keys.reservations, keys.shoppers, keys.outbox],
    ["", id, before?.stored?.state ?? ""],
  );
  if (word === "missing") throw new Unavailable("redis", "the sale of an order is not there");
  await drain(services, sale);
  const [one] = before === undefined ? [] : await refresh(services, looking, [before]);
  const owner = one?.record?.intent ?? one?.stored?.intent ?? undefined;
  if (one?.record == null || owner === undefined) return `${word}, nothing was paid`;

  const payments = paymentsOf(services);
  const session = await payments.sessionOfIntent(owner);
  const read = session?.intent ?? (await payments.readIntent(owner));
  const intent = read.state === "authorised" ? await payments.cancel(owner) : read;
  await cancelledNotice(services, intent, one.record, session?.email);
  if (intent.state !== "captured" && intent.state !== "voided") return `${word}, payment ${intent.state}`;
  for (const state of ["authorised", intent.state])
    await services.postgres(z.unknown(), recordPaymentSql, [
      owner,
      sale,
      id,
      intent.amount,
      intent.currency,
      state,
    ]);
  if (intent.state === "voided") return `${word}, payment voided`;
  const refund = await uuidOf(`cancel ${id}`);
  // Refused where nothing is left to give back.
  await askRefund(services, sale, id, { id: refund, returnStock: false, reason: why });
  await issueRefunds(services);
  return `${word}, refund ${refund}`;
}

/** An id that follows from what it is for, so that it is the same at every attempt. */
export async function uuidOf(text: string): Promise<string> {
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text)));
  const hex = Array.from(hash, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}
