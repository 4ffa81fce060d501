/** Negative controls: with each of these defects the table must fail, and fail by what the defect breaks. */
import Stripe from "stripe";
import { describe, expect, test } from "vitest";
import { confirmScript } from "../../functions/checkout/payment.ts";
import type { Intent, Payments, Session } from "../../functions/checkout/stripe.ts";
import storeEventsSql from "../../functions/checkout/store-events.sql";
import { expireScript } from "../../functions/reservation/expire.ts";
import { outcomeOf, type Case, type FaultName, type StoryName } from "./stories.ts";
import type { Step } from "./requests.ts";
import { clientOf, useShop, type Defect } from "./world.ts";

const shop = await useShop();

/** @throws Error where the text is not there: the defect would be none */
function without(source: string, ...texts: [part: string, instead: string][]): string {
  return texts.reduce((text, [part, instead]) => {
    if (!text.includes(part)) throw new Error(`the script has no "${part}" any more`);
    return text.replace(part, instead);
  }, source);
}

/** Every intent that is read passes here first. */
function seeing(change: (intent: Intent, payments: Payments) => Promise<Intent>): Defect {
  return {
    services(services) {
      const { payments } = services;
      if (payments === undefined) return services;
      const changed = async <S extends Session | undefined>(session: S): Promise<S> =>
        session?.intent === undefined
          ? session
          : { ...session, intent: await change(session.intent, payments) };
      return {
        ...services,
        payments: {
          ...payments,
          openSession: async (request) => await changed(await payments.openSession(request)),
          readSession: async (id) => await changed(await payments.readSession(id)),
          closeSession: async (id) => await changed(await payments.closeSession(id)),
        },
      };
    },
  };
}

interface Control {
  defect: Defect;
  story: StoryName;
  fault?: FaultName;
  step?: Step;
  /** What the books say then. */
  wrong: string | RegExp;
}

const CONTROLS: Record<string, Control> = {
  "capture before confirm": {
    defect: seeing(async (intent, payments) =>
      intent.state === "authorised" ? await payments.capture(intent.id) : intent,
    ),
    story: "an hour too late, with none left",
    wrong: "captured before it was confirmed",
  },
  "confirm without looking at the intent": {
    defect: seeing((intent) => Promise.resolve({ ...intent, state: "authorised" })),
    story: "declined when the hold ends",
    wrong: "an order's payment was not captured",
  },
  "a refund issued again with a new key, and without looking first": {
    defect: {
      services(services, stripe) {
        const { payments } = services;
        if (payments === undefined) return services;
        const refund: Payments["refund"] = async (id, intent, amount) => {
          const params = { payment_intent: intent.id, amount, metadata: { refund: id } };
          try {
            const made = await clientOf(stripe).refunds.create(params);
            return { id: made.id, refund: id, intent: intent.id, amount, state: "done" };
          } catch (error) {
            if (error instanceof Stripe.errors.StripeInvalidRequestError) return undefined;
            throw error;
          }
        };
        return { ...services, payments: { ...payments, refund } };
      },
    },
    story: "a part refunded",
    fault: "crash after",
    step: "refund",
    wrong: "a refund done was given 2 times",
  },
  "a hold expired without closing its session": {
    defect: {
      scripts: new Map([
        [
          "expire due",
          without(
            expireScript.source,
            ["isHeld and record.returnTo and #closed == 0", "false"],
            ["isHeld and (not record.returnTo or #closed > 0)", "isHeld"],
          ),
        ],
      ]),
    },
    story: "not paid when the hold ends",
    wrong: "something can still be paid",
  },
  "a webhook answered before it is stored": {
    defect: {
      services: (services) => ({
        ...services,
        async postgres(row, statement, params) {
          const work = services.postgres(row, statement, params);
          if (statement !== storeEventsSql) return await work;
          services.later(work);
          return [];
        },
      }),
    },
    story: "an hour too late, with none left",
    fault: "cut before",
    step: "store event",
    wrong: /a payment is left authorised|answered before it was stored/,
  },
  "a late payment confirmed without looking at stock": {
    defect: {
      scripts: new Map([
        ["confirm", without(confirmScript.source, ["tonumber(counts[3 * i]) < line.quantity or ", ""])],
      ]),
    },
    story: "an hour too late, with none left",
    wrong: "a count below zero",
  },
};

describe.each(Object.entries(CONTROLS))("%s", (_, { defect, story, fault, step = "mark", wrong }) => {
  const one: Case = { story, fault, step };
  test("the table fails", async () => {
    const outcome = await outcomeOf(shop, one, defect);
    expect(
      outcome.wrong.some((what) => (typeof wrong === "string" ? what === wrong : wrong.test(what))),
      outcome.wrong.join("; "),
    ).toBe(true);
  });
  test("and passes without it", async () => {
    expect((await outcomeOf(shop, one)).wrong).toEqual([]);
  });
});
