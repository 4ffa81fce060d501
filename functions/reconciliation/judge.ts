/**
 * The judgement of one reservation: what Redis, Postgres and Stripe say of it, held against each other. Pure: no I/O, no
 * clock. What may still be on its way is younger than `graceMs` and not judged.
 */
import type { Case, Finding } from "./case.ts";

export interface Judging {
  nowMs: number;
  /** ISO 4217, upper case. */
  currency: string;
  graceMs: number;
  /** Whether Stripe was asked. */
  withPayments: boolean;
}

type State = NonNullable<Case["record"]>["state"];

/** How far a reservation has come. Two at the same place are the same to stock and money. */
const progress: { [S in State]: number } = { held: 1, released: 2, expired: 2, confirmed: 3, refunded: 4 };
const isOrder = (state: State | undefined) => state === "confirmed" || state === "refunded";

export function judgeCase(one: Case, judging: Judging): Finding[] {
  return [
    ...judgeStates(one, judging),
    ...(judging.withPayments ? [...judgePayments(one, judging), ...judgeRefunds(one, judging)] : []),
  ];
}

/** Longest that a hold waits for the bank beyond its end (functions/reservation/expire.ts), and a little more. */
const BANK_MS = 16 * 60_000;

function judgeStates({ id, record, stored }: Case, { nowMs, graceMs }: Judging): Finding[] {
  const found: Finding[] = [];
  const [inRedis, inPostgres] = [record?.state, stored?.state];
  const evidence = { redis: inRedis ?? null, postgres: inPostgres ?? null };
  const ahead = (inRedis ? progress[inRedis] : 0) - (inPostgres ? progress[inPostgres] : 0);
  const missesOrder = isOrder(inPostgres) && stored?.isOrder === false;
  if (ahead > 0)
    found.push({
      kind: isOrder(inRedis) ? "order_missing" : "reservation_missing",
      ...{ subject: id, evidence, remedy: "resend", amount: 0 },
    });
  else if (ahead < 0)
    found.push({
      kind: isOrder(inPostgres) ? "order_not_in_redis" : "reservation_not_in_redis",
      ...{ subject: id, evidence, remedy: "adopt", amount: 0 },
    });
  else if (missesOrder)
    found.push({ kind: "order_missing", subject: id, evidence, remedy: "look", amount: 0 });

  if (record !== null && stored !== null && record.total !== stored.total)
    found.push({
      kind: "amount_differs",
      subject: id,
      evidence: { redis: record.total, postgres: stored.total },
      remedy: "look",
      amount: 0,
    });

  const waits = record?.returnTo === undefined ? graceMs : BANK_MS;
  if (record?.state === "held" && record.expiresAtMs + waits < nowMs)
    found.push({
      kind: "hold_overdue",
      subject: id,
      evidence: { endedAt: new Date(record.expiresAtMs).toISOString(), lines: record.lines },
      remedy: "expire",
      amount: 0,
    });
  return found;
}

const furthest = (a: State | undefined, b: State | undefined) =>
  (a ? progress[a] : 0) >= (b ? progress[b] : 0) ? a : b;

function judgePayments(one: Case, judging: Judging): Finding[] {
  const { id, record, stored, intents, payments } = one;
  const { currency } = judging;
  // Where they differ, the one that is further: the other is about to follow.
  const state = furthest(record?.state, stored?.state);
  const order = isOrder(state) ? { state, total: record?.total ?? stored?.total ?? 0 } : undefined;
  const owner = order === undefined ? undefined : (record?.intent ?? stored?.intent ?? undefined);
  const found: Finding[] = [];
  for (const intent of intents) {
    const row = payments.find((payment) => payment.intent === intent.id);
    if (Math.max(intent.createdAtMs, row?.changedAtMs ?? 0) + judging.graceMs > judging.nowMs) continue;
    const rest = intent.amount - givenOf(one, intent.id);
    const evidence = {
      reservation: id,
      state: state ?? null,
      stripe: { state: intent.state, amount: intent.amount, currency: intent.currency },
      postgres: row?.state ?? null,
    };
    const settle = (kind: Finding["kind"], amount = 0) =>
      found.push({ kind, subject: intent.id, evidence, remedy: "settle", amount });
    switch (intent.state) {
      case "none":
      case "pending":
        break;
      case "authorised":
        if (intent.id !== owner && state !== "held") settle("paid_without_reservation");
        else settle(row === undefined ? "webhook_missing" : "authorisation_left");
        break;
      case "voided":
        if (row?.state === "authorised") settle("webhook_missing");
        break;
      case "captured":
        if (intent.id === owner && order !== undefined) {
          if (row?.state !== "captured") settle("webhook_missing");
          if (order.state === "confirmed")
            found.push(...judgeAmount(intent, order, rest, currency, evidence));
          else if (rest > 0 && !isAskedBack(one, intent.id, rest))
            found.push({
              kind: "refund_not_done",
              ...{ subject: intent.id, evidence, remedy: "cancel_order", amount: rest },
            });
        } else if (state === "held") settle("webhook_missing");
        else if (rest > 0 && !isAskedBack(one, intent.id, rest))
          settle(
            intents.some((other) => other.id === owner && other.state === "captured")
              ? "captured_twice"
              : "paid_without_reservation",
            rest,
          );
        break;
    }
  }
  if (order?.state === "confirmed" && order.total > 0) {
    const paid = intents.find((intent) => intent.id === owner);
    if (paid === undefined || paid.state === "voided" || paid.state === "none")
      found.push({
        kind: "order_unpaid",
        subject: id,
        evidence: { payment: owner ?? null, stripe: paid?.state ?? null, total: order.total },
        remedy: "cancel_order",
        amount: order.total,
      });
  }
  return found;
}

/** The rule: who paid more gets the difference; who paid less, or in other money, gets all of it, and has no order. */
function judgeAmount(
  intent: Case["intents"][number],
  order: { total: number },
  rest: number,
  currency: string,
  evidence: Finding["evidence"],
): Finding[] {
  const isSame = intent.currency === currency;
  if (isSame && intent.amount === order.total) return [];
  const difference = { ...evidence, order: { total: order.total, currency } };
  const finding = { kind: "amount_differs", subject: intent.id, evidence: difference } as const;
  if (!isSame || intent.amount < order.total)
    return rest > 0 ? [{ ...finding, remedy: "cancel_order", amount: rest }] : [];
  const excess = rest - order.total;
  return excess > 0 ? [{ ...finding, remedy: "refund_excess", amount: excess }] : [];
}

const givenOf = ({ given }: Case, intent: string) =>
  given
    .filter((one) => one.intent === intent && one.state !== "failed")
    .reduce((sum, { amount }) => sum + amount, 0);

/** Whether its refund was asked for: then that is what is late, if it is. */
const isAskedBack = ({ refunds }: Case, intent: string, rest: number) =>
  refunds
    .filter((refund) => refund.intent === intent && refund.state === "asked")
    .reduce((sum, { amount }) => sum + amount, 0) >= rest;

function judgeRefunds({ id, refunds, given }: Case, { nowMs, graceMs }: Judging): Finding[] {
  const found: Finding[] = [];
  const accounted = new Set<string>();
  for (const refund of refunds) {
    const those = given.filter(
      (one) => one.state !== "failed" && (one.refund === refund.id || one.id === refund.stripeRefund),
    );
    const its = those.find((one) => one.id === refund.stripeRefund) ?? those[0];
    if (its !== undefined) accounted.add(its.id);
    const isLate = refund.state === "asked" && refund.askedAtMs + graceMs < nowMs;
    if (isLate || (refund.state === "done" && its === undefined))
      found.push({
        kind: "refund_not_done",
        subject: refund.id,
        evidence: {
          reservation: id,
          payment: refund.intent,
          postgres: refund.state,
          stripe: its?.state ?? null,
        },
        remedy: "issue_refund",
        // Somebody asked for it, with a reason: that it is done needs no second word.
        amount: 0,
      });
  }
  for (const one of given.filter(({ state }) => state !== "failed")) {
    if (accounted.has(one.id)) continue;
    const known = refunds.some(({ id: refund }) => refund === one.refund);
    found.push({
      kind: known ? "refunded_twice" : "refund_not_booked",
      subject: one.id,
      evidence: { reservation: id, payment: one.intent, refund: one.refund, amount: one.amount },
      remedy: "book_refund",
      amount: 0,
    });
  }
  return found;
}
