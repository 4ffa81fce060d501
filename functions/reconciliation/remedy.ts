/**
 * What is done about a finding. Every remedy may be repeated: it moves by a transition, under an id that follows from what
 * it is about, or only where things still are what was judged.
 */
import { z } from "zod";
import { isRefusal } from "../../domain/refusal.ts";
import { settleIntent } from "../checkout/payment.ts";
import { askRefund, issueRefunds } from "../checkout/refund.ts";
import { paymentsOf } from "../checkout/stripe.ts";
import { persist } from "../redis/client.ts";
import { saleKeys } from "../redis/keys.ts";
import { recordSchema } from "../reservation/record.ts";
import { expireHolds } from "../reservation/expire.ts";
import type { Services } from "../services.ts";
import { settleSlotsNow } from "../registration/slots.ts";
import { drain } from "../sync/sync.ts";
import { adopt, readCounters, resend, setCounters } from "./books.ts";
import { cancelOrder, uuidOf } from "./cancel.ts";
import type { Case, Finding } from "./case.ts";
import freeStoredSlotsSql from "./free-stored-slots.sql";
import { balanced, totalsOf, type Expected } from "./judge-stock.ts";
import { latestOrders } from "./latest-orders.ts";
import recountStoredSql from "./recount-stored.sql";
import { readCases, type Looking } from "./snapshot.ts";

/** What became of it: a word of the script that did it, or a sentence. */
export interface Done {
  outcome: "applied" | "failed";
  detail: string;
}
const applied = (detail: string): Done => ({ outcome: "applied", detail });
const failed = (detail: string): Done => ({ outcome: "failed", detail });

export interface Context {
  looking: Looking;
  currency: string;
  /** The reservation it is about, as it was judged. */
  one?: Case | undefined;
  /** Units by the records, where it is about counters. */
  expected?: Map<string, Expected> | undefined;
}

/** @throws {Unavailable} a store or Stripe did not answer: to be repeated */
export async function remedy(services: Services, finding: Finding, context: Context): Promise<Done> {
  const { looking, one } = context;
  const { sale } = looking;
  const keys = saleKeys(sale);
  switch (finding.remedy) {
    case "resend": {
      const word = await resend(services, sale, finding.subject, one?.stored?.state ?? "");
      await drain(services, sale);
      const [after] = await readCases(services, looking, [finding.subject]);
      const isThere = after?.stored?.state === one?.record?.state;
      return isThere ? applied(word) : failed(`${word}, and Postgres refused it: see event_refused`);
    }
    case "adopt":
      return await adoptStored(services, context);
    case "expire":
      if (one?.record == null) return failed("it is not there");
      await persist("ZADD", () =>
        services.redis.zadd(keys.holds, { score: one.record?.expiresAtMs ?? 0, member: one.id }),
      );
      return applied(`${await expireHolds(services, sale)} ended`);
    case "settle": {
      const payments = paymentsOf(services);
      const session = await payments.sessionOfIntent(finding.subject);
      const intent = session?.intent ?? (await payments.readIntent(finding.subject));
      const paying = await settleIntent(services, intent, session?.email);
      await issueRefunds(services);
      await drain(services, sale);
      return applied(paying);
    }
    case "refund_excess": {
      const id = await uuidOf(`excess ${finding.subject}`);
      const reason = "charged more than the order's total";
      const wish = { id, amount: finding.amount, returnStock: false, reason };
      const asked = await askRefund(services, sale, one?.id ?? "", wish);
      await issueRefunds(services);
      return isRefusal(asked) ? failed(asked.refused) : applied(`refund ${id}`);
    }
    case "cancel_order":
      return one === undefined
        ? failed("it is not there")
        : applied(await cancelOrder(services, looking, one.id, finding.kind));
    case "issue_refund":
      await services.postgres(
        z.unknown(),
        `update refunds set state = 'asked', due_at = now() where id = $1 and state in ('asked', 'done')`,
        [finding.subject],
      );
      return applied(`${await issueRefunds(services)} done`);
    case "book_refund":
      await services.postgres(
        z.unknown(),
        `insert into refunds (id, intent, amount, reason, returns_stock, state, stripe_refund, done_at)
         select md5('booked ' || $1)::uuid, $2, $3, $4, false, 'done', $1, now() on conflict do nothing`,
        [finding.subject, finding.evidence["payment"], finding.evidence["amount"], `found: ${finding.kind}`],
      );
      return applied("written down");
    case "free_slots": {
      const units = await settleSlotsNow(services, sale);
      await drain(services, sale);
      return applied(`${units} of all items are available`);
    }
    case "free_stored_slots": {
      // What is on its way still comes first: it may be all.
      await drain(services, sale);
      await services.postgres(z.unknown(), freeStoredSlotsSql, [sale, looking.run, finding.evidence["sku"]]);
      return applied("available, as in Redis");
    }
    case "recount":
      return await recount(services, finding, context);
    case "recount_stored":
      await services.postgres(z.unknown(), recountStoredSql, [sale, looking.run]);
      return applied("as its reservations and its ledger say");
    case "refund_latest":
      return await refundLatest(services, looking, finding.subject);
    case "look":
      return failed("a person has to decide");
  }
}

async function adoptStored(services: Services, { looking, currency, one }: Context): Promise<Done> {
  const { sale } = looking;
  if (one?.stored == null) return failed("it is not there");
  const { returnTo, intent, slotUntilMs, ...stored } = one.stored;
  const record = recordSchema.parse({
    ...stored,
    currency,
    ...(returnTo === null ? {} : { returnTo }),
    ...(intent === null ? {} : { intent }),
    ...(slotUntilMs === null ? {} : { slotUntilMs }),
  });
  const word = await adopt(services, sale, record, one.record?.state ?? "");
  switch (word) {
    case "missing":
    case "moved":
      return failed(word);
    case "ended":
      await drain(services, sale);
      return applied(word);
    case "adopted":
      if (record.state === "held") await expireHolds(services, sale);
      return applied(word);
  }
}

async function recount(services: Services, finding: Finding, context: Context): Promise<Done> {
  const { sale } = context.looking;
  const is = await readCounters(services, sale);
  if (is === undefined) return failed("missing");
  const should = is.items.map((item) => balanced(item, context.expected?.get(item.sku)));
  const fields = (["stock", "available", "slots", "held", "confirmed"] as const).flatMap((account) =>
    is.items.map((item, i) => [`${account}:${item.sku}`, item[account], should[i]?.[account] ?? 0] as const),
  );
  const sums = totalsOf(should);
  const totals = (["available", "slots", "supplied", "unsold"] as const).map(
    (total) => [total, is.totals[total], sums[total]] as const,
  );
  const changes = [...fields, ...totals].filter(([, before, after]) => before !== after);
  if (changes.length === 0) return applied("they add up by now");
  const word = await setCounters(services, sale, changes);
  return word === "recounted" ? applied(`${word} for ${finding.subject}`) : failed(word);
}

/** An order at a time, until what is confirmed is there. */
async function refundLatest(services: Services, looking: Looking, sku: string): Promise<Done> {
  const cancelled: string[] = [];
  for (;;) {
    const item = (await readCounters(services, looking.sale))?.items.find((one) => one.sku === sku);
    if (item === undefined) return failed("missing");
    const excess = item.confirmed - item.stock;
    if (excess <= 0) return applied(`cancelled: ${cancelled.join(", ")}`);
    const [latest] = (await latestOrders(services, looking, sku, excess)).filter(
      ({ id }) => !cancelled.includes(id),
    );
    if (latest === undefined) return failed("no order is left to cancel");
    await cancelOrder(services, looking, latest.id, "confirmed_above_stock");
    cancelled.push(latest.id);
  }
}
