/**
 * What one purchase costs by itself: in a sale of its own, on a quiet system, before the crowd comes. Each step is counted
 * with all it causes behind the answer (webhooks, writes to Postgres), and so is what it asks of Stripe.
 */
import { randomUUID } from "node:crypto";
import { setTimeout as wait } from "node:timers/promises";
import type { z } from "zod";
import {
  checkoutAnswer,
  decode,
  orderAnswer,
  passAnswer,
  pulseAnswer,
  reservationAnswer,
  ticketAnswer,
} from "./answers.ts";
import type { Http } from "./http.ts";
import type { Operator } from "./operator.ts";
import type { PaymentPage } from "./payment-page.ts";
import { schedule, type SaleDraft } from "./sale.ts";
import { nowMs } from "./sleep.ts";
import { requestsSince, type StripeRequests } from "./stripe-requests.ts";
import type { RehearsalTarget } from "./target.ts";

export interface StepPrice {
  scriptCalls: number;
  billedCommands: number;
  /** Billed ones by name, those of scripts included. */
  byCommand: Record<string, number>;
  stripe: StripeRequests;
}
/** By step, in their order. */
export type PurchasePrice = Record<string, StepPrice>;

const OPENS_IN_SECONDS = 3;
/** None is due again while a purchase is counted, and nobody has to hurry. */
const RULES = { releaseEverySeconds: 60, passSeconds: 60, holdSeconds: 60, lobby: "arrival" } as const;
const SETTLES_WITHIN_MS = 10_000;
/** Nothing more is behind an answer when nothing was counted for so long; drains wait half a second for each other. */
const QUIET_MS = 600;
const LOOK_MS = 200;

/** @returns undefined where Redis' commands are not counted, or something on the way was not as it should be */
export async function pricePurchase(
  { redis, stripeRequests }: RehearsalTarget,
  operator: Operator,
  http: Http,
  draft: SaleDraft,
  page: PaymentPage | undefined,
): Promise<PurchasePrice | undefined> {
  if (redis === undefined) return undefined;
  const sale = schedule(
    {
      ...draft,
      sale: { ...draft.sale, ...RULES, id: `${draft.sale.id}-p` },
      opensInSeconds: OPENS_IN_SECONDS,
      registration: undefined,
    },
    Date.now(),
  );
  await operator.createSale(sale);
  const api = `/api/sales/${sale.id}`;
  const sku = sale.items.find(({ stock }) => stock > 1)?.sku;
  if (sku === undefined) return undefined;

  const ask = async <T>(
    schema: z.ZodType<T>,
    method: "GET" | "POST",
    path: string,
    token?: string,
    body?: object,
  ): Promise<T> => {
    const headers = {
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...(body === undefined ? {} : { "content-type": "application/json" }),
    };
    const json = body === undefined ? {} : { body: JSON.stringify(body) };
    const answer = await http.send({ step: "operator", method, path: api + path, headers, ...json });
    const value = answer.status < 300 ? decode(schema, answer.text) : undefined;
    if (value === undefined) throw new NotPriced(`${path}: ${answer.word ?? answer.status}`);
    return value;
  };
  const until = async <T>(look: () => Promise<T>, is: (value: T) => boolean): Promise<T> => {
    const untilMs = nowMs() + SETTLES_WITHIN_MS;
    for (;;) {
      const value = await look();
      if (is(value)) return value;
      if (nowMs() > untilMs) throw new NotPriced("it took too long");
      await wait(LOOK_MS);
    }
  };

  const price: PurchasePrice = {};
  const counted = async () => ({ redis: await redis.stats(), stripe: (await stripeRequests?.()) ?? {} });
  const quiet = async () => {
    let before = await counted();
    for (;;) {
      await wait(QUIET_MS);
      const after = await counted();
      if (after.redis.calls === before.redis.calls) return after;
      before = after;
    }
  };
  /** Twice: once so that no script has to be brought along, once to be counted. */
  async function step<T>(name: string, run: (nth: 0 | 1) => Promise<T>): Promise<[T, T]> {
    const warmed = await run(0);
    const before = await quiet();
    const value = await run(1);
    const after = await quiet();
    price[name] = {
      scriptCalls: after.redis.scriptCalls - before.redis.scriptCalls,
      billedCommands: after.redis.billedCommands - before.redis.billedCommands,
      byCommand: requestsSince(before.redis.byCommand, after.redis.byCommand),
      stripe: requestsSince(before.stripe, after.stripe),
    };
    return [warmed, value];
  }

  async function buy(): Promise<void> {
    // Before it opens: after it a join may notice that a release is due, and that is nobody's alone.
    const tickets = await step("join", () => ask(ticketAnswer, "POST", "/queue"));
    await wait(Date.parse(sale.opensAt) - Date.now());
    await until(
      () => ask(pulseAnswer, "GET", "/pulse"),
      ({ nowServing }) => nowServing >= tickets[1].number,
    );
    const passes = await step("entry", (nth) => ask(passAnswer, "POST", "/entry", tickets[nth].ticket));
    const ids = [randomUUID(), randomUUID()] as const;
    await step("reserve", (nth) => {
      const body = { reservationId: ids[nth], lines: [{ sku, quantity: 1 }] };
      return ask(reservationAnswer, "POST", "/reservations", passes[nth].pass, body);
    });
    const outs = await step("checkout", (nth) =>
      ask(checkoutAnswer, "POST", `/reservations/${ids[nth]}/checkout`, passes[nth].pass),
    );
    await step("pay and come back", async (nth) => {
      const [out, { pass }] = [outs[nth], passes[nth]];
      if ("order" in out || page === undefined) return;
      await page.pay(/\bcs_(?:test|live)_\w+/.exec(out.url)?.[0] ?? "", "ok");
      await until(
        () => ask(reservationAnswer, "GET", `/reservations/${ids[nth]}`, pass),
        ({ state }) => state === "confirmed",
      );
      await ask(orderAnswer, "GET", `/orders/${ids[nth]}`, pass);
    });
  }

  try {
    await buy();
  } catch (error) {
    if (error instanceof NotPriced) return undefined;
    throw error;
  }
  return price;
}

class NotPriced extends Error {
  override name = "NotPriced";
}
