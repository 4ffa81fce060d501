/**
 * The request for the session in which a reservation is paid. It follows from the reservation and the sale alone, so that
 * whoever needs the session, even when its id was lost, asks for the same one.
 */
import { z } from "zod";
import { HOLD_SECONDS_MAX, saleSchema, type Sale } from "../../domain/sale.ts";
import { persist } from "../redis/client.ts";
import { saleKeys } from "../redis/keys.ts";
import type { Record } from "../reservation/record.ts";
import type { Services } from "../services.ts";
import { Unavailable } from "../unavailable.ts";
import type { SessionRequest } from "./stripe.ts";

/**
 * Stripe's sessions live half an hour or more from their creation, which is at the end of the longest hold at the latest,
 * made longer by half (extend.lua); when a hold ends its session is closed.
 */
export const SESSION_SECONDS = 1.5 * HOLD_SECONDS_MAX + 31 * 60;

/** Definitions never change: each isolate reads one once. */
const definitions = new Map<string, Sale>();
const DEFINITIONS_MAX = 200;

export async function definitionOf(services: Services, saleId: string): Promise<Sale> {
  const known = definitions.get(saleId);
  if (known !== undefined) return known;
  const text = await persist("HGET", () => services.redis.hget(saleKeys(saleId).sale, "definition"));
  if (text === null) throw new Unavailable("redis", "the sale is not there");
  const sale = saleSchema.parse(JSON.parse(z.string().parse(text)));
  definitions.set(saleId, sale);
  if (definitions.size > DEFINITIONS_MAX) definitions.delete(definitions.keys().next().value ?? "");
  return sale;
}

export async function sessionRequest(
  services: Services,
  saleId: string,
  record: Record,
): Promise<SessionRequest> {
  const { items } = await definitionOf(services, saleId);
  const name = (sku: string) => items.find((item) => item.sku === sku)?.name ?? sku;
  return {
    sale: saleId,
    reservation: record.id,
    shopper: record.shopper,
    heldAtMs: record.heldAtMs,
    currency: record.currency,
    lines: record.lines
      .filter(({ price }) => price > 0)
      .map(({ sku, quantity, price }) => ({ name: name(sku), quantity, price })),
    returnUrl: `${record.returnTo ?? ""}/sales/${saleId}/visit`,
    expiresAt: Math.ceil(record.heldAtMs / 1000) + SESSION_SECONDS,
  };
}
