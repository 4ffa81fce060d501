/**
 * The hosted payment page and the money behind it, where the rehearsal can reach them: through the control of Stripe's
 * double, as a browser on the page would pay and as Stripe's dashboard would show it.
 */
import { z } from "zod";
import { RehearsalError } from "./errors.ts";

/** Shares of the webhooks, each in 0…1. */
export interface WebhookTrouble {
  duplicated: number;
  lost: number;
}
export const usualTrouble: WebhookTrouble = { duplicated: 0.05, lost: 0.05 };

const outcome = z.discriminatedUnion("outcome", [
  z.object({ outcome: z.enum(["paid", "declined"]) }),
  /** Milliseconds of the epoch. */
  z.object({ outcome: z.literal("waiting"), untilMs: z.number() }),
  z.object({ outcome: z.literal("refused"), reason: z.string() }),
]);
export type PageAnswer = z.output<typeof outcome>;

/** Stripe's units, which are not everywhere those of a sale. */
const amount = z.int();
const currency = z.string().transform((code) => code.toUpperCase());
const metadata = z.record(z.string(), z.string()).nullish();
const state = z.object({
  intents: z.array(
    z.object({ id: z.string(), status: z.string(), amount, amount_received: amount, currency, metadata }),
  ),
  refunds: z.array(z.object({ payment_intent: z.string(), amount, currency })),
  events: z.array(
    z.object({ delivery: z.string(), attempts: z.int(), data: z.object({ object: z.object({ metadata }) }) }),
  ),
  totals: z.record(
    z.string(),
    z.object({
      authorised: amount,
      captured: amount,
      refunded: amount,
      voided: amount,
      capturable: amount,
    }),
  ),
});

export interface Intent {
  id: string;
  reservation: string;
  status: string;
  amount: number;
  received: number;
  currency: string;
}

/** What Stripe knows of one sale. */
export interface Money {
  intents: Intent[];
  refunds: { intent: string; amount: number; currency: string }[];
  /** Of the whole account, per currency. */
  totals: z.output<typeof state>["totals"];
  webhooks: { events: number; lost: number; repeated: number };
}

export interface PaymentPage {
  pay: (session: string, card: "ok" | "declined" | "slow", bankMs?: number) => Promise<PageAnswer>;
  trouble: (trouble: WebhookTrouble) => Promise<void>;
  /** Undefined when it cannot be read. */
  money: (saleId: string) => Promise<Money | undefined>;
}

/** Statuses of an intent that somebody still has to do something about. */
export const openStatuses: ReadonlySet<string> = new Set([
  "requires_action",
  "requires_capture",
  "processing",
]);

export function createPaymentPage({ url, secretKey }: { url: string; secretKey: string }): PaymentPage {
  const control = async (path: string, body?: object): Promise<unknown> => {
    const headers = { authorization: `Bearer ${secretKey}`, "content-type": "application/json" };
    const post = body === undefined ? {} : { method: "POST", body: JSON.stringify(body) };
    const response = await fetch(`${url}/_control/${path}`, { headers, ...post });
    // Refusals of the page are answers of its own, with a body that says which.
    if (!response.ok && response.status !== 404 && response.status !== 409)
      throw new RehearsalError(`The payment page's control answers ${response.status} to ${path}.`);
    return await response.json();
  };

  return {
    async pay(session, card, bankMs) {
      const order = { session, card, ...(bankMs === undefined ? {} : { afterMs: bankMs }) };
      return outcome.parse(await control("pay", order));
    },

    async trouble({ duplicated, lost }) {
      if (duplicated > 0) await control("switches", { kind: "duplicate", probability: duplicated });
      if (lost > 0) await control("switches", { kind: "lose", probability: lost });
    },

    async money(saleId) {
      const read = await control("state").catch(() => undefined);
      const parsed = state.safeParse(read);
      return parsed.success ? moneyOf(parsed.data, saleId) : undefined;
    },
  };
}

function moneyOf({ intents, refunds, events, totals }: z.output<typeof state>, saleId: string): Money {
  const own = intents.filter((intent) => intent.metadata?.["sale"] === saleId);
  const ids = new Set(own.map(({ id }) => id));
  const ownEvents = events.filter(({ data }) => data.object.metadata?.["sale"] === saleId);
  return {
    intents: own.map((intent) => ({
      id: intent.id,
      reservation: intent.metadata?.["reservation"] ?? "",
      status: intent.status,
      amount: intent.amount,
      received: intent.amount_received,
      currency: intent.currency,
    })),
    refunds: refunds.flatMap(({ payment_intent: intent, amount, currency }) =>
      ids.has(intent) ? [{ intent, amount, currency }] : [],
    ),
    totals,
    webhooks: {
      events: ownEvents.length,
      lost: ownEvents.filter(({ delivery }) => delivery === "lost").length,
      repeated: ownEvents.filter(({ attempts }) => attempts > 1).length,
    },
  };
}
