/**
 * The one place where Stripe is spoken to. Answers are decoded into what the checkout decides by; everything that may
 * pass by itself is `Unavailable`. Every command has an idempotency key of its own; Stripe repeats a failure (500) under
 * its key too, so after one that is repeated the command is sent under the next key of a fixed row.
 */
import Stripe from "stripe";
import { z } from "zod";
import { fromStripeAmount, toStripeAmount } from "../../domain/currency.ts";
import { decoded, Unavailable } from "../unavailable.ts";

const TIMEOUT_MS = 8_000;
/** Keys of a command: so often a failure may be repeated under its key before the command counts as not possible now. */
const KEYS_MAX = 4;

export interface SessionRequest {
  sale: string;
  reservation: string;
  shopper: string;
  /** Of this hold: after a loss of Redis its id may be used again, by whoever knows it. */
  heldAtMs: number;
  currency: string;
  lines: { name: string; quantity: number; price: number }[];
  returnUrl: string;
  /** Seconds of the epoch; at least half an hour from now. */
  expiresAt: number;
}

export interface Session {
  id: string;
  /** Where the shopper pays; null once it is not open. */
  url: string | null;
  isOpen: boolean;
  intent: Intent | undefined;
  email: string | undefined;
}

export interface Intent {
  id: string;
  /** `pending`: the bank is being asked; `none`: nothing was paid yet, or the card was declined. */
  state: "none" | "pending" | "authorised" | "captured" | "voided";
  /** Minor units as the sale counts them. */
  amount: number;
  /** ISO 4217, upper case. */
  currency: string;
  sale: string | undefined;
  reservation: string | undefined;
  /** Whose reservation it pays; undefined for one that was begun by hand. */
  shopper: string | undefined;
}

export interface StripeRefund {
  id: string;
  /** Ours. */
  refund: string | undefined;
  /** The payment it gives back. */
  intent: string;
  amount: number;
  state: "pending" | "done" | "failed";
}

export interface OpenedSession {
  id: string;
  sale: string | undefined;
  reservation: string | undefined;
  /** Where its shopper goes afterwards. */
  returnUrl: string;
}

/** A page of a list, the newest first. */
export interface Listed<Item> {
  data: Item[];
  /** Where the next page begins; undefined after the last one. */
  next: string | undefined;
}

/** What is read of an event: a signature says who wrote it, not what. */
const eventShape = z.object({
  id: z.string(),
  type: z.string(),
  data: z.object({ object: z.record(z.string(), z.unknown()) }),
});

export type Payments = ReturnType<typeof connectStripe>;

/** @throws {Unavailable} this shop takes no payments */
export function paymentsOf({ payments }: { payments?: Payments | undefined }): Payments {
  if (payments === undefined) throw new Unavailable("stripe", "no key is configured");
  return payments;
}

/** @param apiUrl where the API is, if not at Stripe */
export function connectStripe(secretKey: string, webhookSecret: string, apiUrl?: string) {
  const at = apiUrl === undefined ? undefined : new URL(apiUrl);
  const stripe = new Stripe(secretKey, {
    httpClient: Stripe.createFetchHttpClient(),
    timeout: TIMEOUT_MS,
    maxNetworkRetries: 1,
    telemetry: false,
    ...(at === undefined
      ? {}
      : { host: at.hostname, port: Number(at.port), protocol: at.protocol === "http:" ? "http" : "https" }),
  });
  const provider = Stripe.createSubtleCryptoProvider();

  return {
    /**
     * The session in which a reservation is paid. Repeating the call with the same request answers the same one.
     * @returns undefined when there is none and it is too late for one
     */
    async openSession(request: SessionRequest): Promise<Session | undefined> {
      const { sale, reservation, shopper, heldAtMs, currency } = request;
      const metadata = { sale, reservation, shopper };
      const params: Stripe.Checkout.SessionCreateParams = {
        mode: "payment",
        // What can be authorised now and captured later.
        allowed_payment_method_types: ["card"],
        payment_intent_data: { capture_method: "manual", metadata },
        metadata,
        line_items: request.lines.map(({ name, quantity, price }) => ({
          quantity,
          price_data: {
            currency: currency.toLowerCase(),
            unit_amount: toStripeAmount(price, currency),
            product_data: { name },
          },
        })),
        success_url: request.returnUrl,
        cancel_url: request.returnUrl,
        expires_at: request.expiresAt,
      };
      try {
        const session = await command(`session:${sale}:${reservation}:${heldAtMs}`, (idempotencyKey) =>
          stripe.checkout.sessions.create(params, { idempotencyKey }),
        );
        return await this.readSession(session.id);
      } catch (error) {
        if (error instanceof Stripe.errors.StripeInvalidRequestError && error.message.includes("expires_at"))
          return undefined;
        throw error;
      }
    },

    async readSession(id: string): Promise<Session> {
      return sessionOf(
        await read(() => stripe.checkout.sessions.retrieve(id, { expand: ["payment_intent"] })),
      );
    },

    /** The session of a payment. */
    async sessionOfIntent(intent: string): Promise<Session | undefined> {
      const page = await read(() => stripe.checkout.sessions.list({ payment_intent: intent, limit: 1 }));
      return page.data[0] === undefined ? undefined : await this.readSession(page.data[0].id);
    },

    /** Closes a session to payments. @returns the session as it is then: if it was just paid, it says so */
    async closeSession(id: string): Promise<Session> {
      try {
        await command(`close:${id}`, (idempotencyKey) =>
          stripe.checkout.sessions.expire(id, {}, { idempotencyKey }),
        );
      } catch (error) {
        // It is not open any more, for whatever reason: that is what is read next.
        if (!(error instanceof Stripe.errors.StripeInvalidRequestError)) throw error;
      }
      return await this.readSession(id);
    },

    async readIntent(id: string): Promise<Intent> {
      return intentOf(await read(() => stripe.paymentIntents.retrieve(id)));
    },

    /** @returns undefined for one that Stripe does not know */
    async findIntent(id: string): Promise<(Intent & { createdAtMs: number }) | undefined> {
      try {
        const intent = await read(() => stripe.paymentIntents.retrieve(id));
        return { ...intentOf(intent), createdAtMs: intent.created * 1000 };
      } catch (error) {
        if (error instanceof Stripe.errors.StripeInvalidRequestError && error.code === "resource_missing")
          return undefined;
        throw error;
      }
    },

    /** Takes the money of an authorisation. @returns the intent as it is then */
    async capture(id: string): Promise<Intent> {
      return await change(id, "capture", (idempotencyKey) =>
        stripe.paymentIntents.capture(id, {}, { idempotencyKey }),
      );
    },

    /** Gives an authorisation up. @returns the intent as it is then */
    async cancel(id: string): Promise<Intent> {
      return await change(id, "void", (idempotencyKey) =>
        stripe.paymentIntents.cancel(id, {}, { idempotencyKey }),
      );
    },

    /**
     * Gives money back once, whatever became of earlier attempts: Stripe is asked first, and again after each failure.
     * @returns how it stands at Stripe; `undefined` when Stripe refuses it for good, such as above what is left
     */
    async refund(refund: string, intent: Intent, amount: number): Promise<StripeRefund | undefined> {
      const params = {
        payment_intent: intent.id,
        amount: toStripeAmount(amount, intent.currency),
        metadata: { refund },
      };
      for (let nth = 1; ; nth++) {
        const page = await read(() => stripe.refunds.list({ payment_intent: intent.id, limit: 100 }));
        const issued = page.data.map(refundOf).find((one) => one.refund === refund);
        if (issued !== undefined) return issued;
        try {
          return refundOf(
            await stripe.refunds.create(params, { idempotencyKey: keyOf(`refund:${refund}`, nth) }),
          );
        } catch (error) {
          if (error instanceof Stripe.errors.StripeInvalidRequestError) return undefined;
          if (failedUnderKey(error) && nth < KEYS_MAX) continue;
          throw passing(error) ?? error;
        }
      }
    },

    /** Sessions since `since` (seconds of the epoch) in which something was or can be paid. */
    async sessions(since: number, after: string): Promise<Listed<OpenedSession>> {
      const from = after === "" ? {} : { starting_after: after };
      const page = await read(() =>
        stripe.checkout.sessions.list({ created: { gte: since }, limit: 100, ...from }),
      );
      const data = page.data
        .filter(({ status }) => status === "open" || status === "complete")
        .map(({ id, metadata, success_url: returnUrl }) => ({
          id,
          sale: metadata?.["sale"],
          reservation: metadata?.["reservation"],
          returnUrl: returnUrl ?? "",
        }));
      return { data, next: page.has_more ? page.data.at(-1)?.id : undefined };
    },

    /** Payments since `since` (seconds of the epoch), and when each was made (ms). */
    async intents(since: number, after: string): Promise<Listed<Intent & { createdAtMs: number }>> {
      const from = after === "" ? {} : { starting_after: after };
      const page = await read(() =>
        stripe.paymentIntents.list({ created: { gte: since }, limit: 100, ...from }),
      );
      const data = page.data.map((intent) => ({ ...intentOf(intent), createdAtMs: intent.created * 1000 }));
      return { data, next: page.has_more ? data.at(-1)?.id : undefined };
    },

    /** Money given back since `since` (seconds of the epoch). */
    async refunds(since: number, after: string): Promise<Listed<StripeRefund>> {
      const from = after === "" ? {} : { starting_after: after };
      const page = await read(() => stripe.refunds.list({ created: { gte: since }, limit: 100, ...from }));
      const data = page.data.map(refundOf);
      return { data, next: page.has_more ? data.at(-1)?.id : undefined };
    },

    /** Money given back of one payment. */
    async refundsOf(intent: string): Promise<StripeRefund[]> {
      const page = await read(() => stripe.refunds.list({ payment_intent: intent, limit: 100 }));
      return page.data.map(refundOf);
    },

    /**
     * Events that a webhook has not taken yet: ours, or another one of the account.
     * @param created seconds of the epoch, both ends included
     */
    async undelivered(
      created: { gte: number; lte?: number },
      after: string | undefined,
    ): Promise<Listed<Stripe.Event>> {
      const from = after === undefined ? {} : { starting_after: after };
      const { data, has_more: more } = await read(() =>
        stripe.events.list({ delivery_success: false, created, limit: 100, ...from }),
      );
      return { data, next: more ? data.at(-1)?.id : undefined };
    },

    /** @returns undefined for a body that Stripe did not sign */
    async eventOf(body: string, signature: string): Promise<Stripe.Event | undefined> {
      try {
        const event = await stripe.webhooks.constructEventAsync(
          body,
          signature,
          webhookSecret,
          undefined,
          provider,
        );
        return eventShape.safeParse(event).success ? event : undefined;
      } catch {
        return undefined;
      }
    },
  };

  /** Changes an intent; one that is past that change already is answered as it is. */
  async function change(
    id: string,
    verb: string,
    send: (idempotencyKey: string) => Promise<Stripe.PaymentIntent>,
  ): Promise<Intent> {
    try {
      return intentOf(await command(`${verb}:${id}`, send));
    } catch (error) {
      if (error instanceof Stripe.errors.StripeInvalidRequestError)
        return intentOf(await read(() => stripe.paymentIntents.retrieve(id)));
      throw error;
    }
  }
}

/** @throws {Unavailable} Stripe did not answer, or cannot serve */
async function read<Answer>(ask: () => Promise<Answer>): Promise<Answer> {
  try {
    return await ask();
  } catch (error) {
    throw passing(error) ?? error;
  }
}

/**
 * A failure (500) that Stripe keeps under the key is only repeated, so the next key is taken; one that it does not keep is
 * tried again under the same, lest the command be done under two.
 * @throws {Unavailable} as above; what Stripe refuses for good is thrown as it came
 */
async function command<Answer>(
  key: string,
  send: (idempotencyKey: string) => Promise<Answer>,
): Promise<Answer> {
  for (let [nth, isRepeated] = [1, false]; ;) {
    try {
      return await send(keyOf(key, nth));
    } catch (error) {
      const isKept = failedUnderKey(error) && error.headers?.["idempotent-replayed"] === "true";
      if (!failedUnderKey(error) || nth === KEYS_MAX || (isRepeated && !isKept))
        throw passing(error) ?? error;
      [nth, isRepeated] = isKept ? [nth + 1, false] : [nth, true];
    }
  }
}

const keyOf = (key: string, nth: number) => (nth === 1 ? key : `${key}:${nth}`);

const failedUnderKey = (error: unknown): error is InstanceType<typeof Stripe.errors.StripeAPIError> =>
  error instanceof Stripe.errors.StripeAPIError && (error.statusCode ?? 0) >= 500;

/** What may be otherwise a moment later. Stripe's messages may quote what was sent, so only their sort is kept. */
function passing(error: unknown): Unavailable | undefined {
  const { errors } = Stripe;
  const passes =
    error instanceof errors.StripeConnectionError ||
    error instanceof errors.StripeAPIError ||
    error instanceof errors.StripeRateLimitError ||
    error instanceof errors.StripeIdempotencyError ||
    error instanceof errors.StripeAuthenticationError;
  return passes ? new Unavailable("stripe", `${error.type} ${error.code ?? ""}`) : undefined;
}

// Of Stripe's objects as much as is decided by; its client types them, but looks at nothing.
const metadata = z.record(z.string(), z.string());
const intentShape = z.object({
  id: z.string(),
  status: z.string(),
  amount: z.int().nonnegative(),
  currency: z.string().length(3),
  metadata,
});
const sessionShape = z.object({
  id: z.string(),
  url: z.string().nullish(),
  status: z.string().nullish(),
  payment_intent: z.union([z.string(), intentShape]).nullish(),
  customer_details: z.object({ email: z.string().nullish() }).nullish(),
});
const refundShape = z.object({
  id: z.string(),
  amount: z.int().nonnegative(),
  currency: z.string().length(3),
  status: z.string().nullish(),
  metadata: metadata.nullish(),
  payment_intent: z.union([z.string(), z.object({ id: z.string() })]).nullish(),
});

function sessionOf(answer: Stripe.Checkout.Session): Session {
  const { id, url, status, ...session } = decoded("stripe", "session", sessionShape, answer);
  const { payment_intent: intent, customer_details: customer } = session;
  return {
    id,
    url: url ?? null,
    isOpen: status === "open",
    intent:
      intent === null || intent === undefined || typeof intent === "string" ? undefined : intentOf(intent),
    email: customer?.email ?? undefined,
  };
}

function intentOf(answer: Stripe.PaymentIntent | z.output<typeof intentShape>): Intent {
  const { id, status, amount, currency, metadata: said } = decoded("stripe", "intent", intentShape, answer);
  const states: Record<string, Intent["state"]> = {
    requires_capture: "authorised",
    succeeded: "captured",
    canceled: "voided",
    processing: "pending",
    requires_action: "pending",
  };
  const code = currency.toUpperCase();
  return {
    id,
    state: states[status] ?? "none",
    amount: fromStripeAmount(amount, code),
    currency: code,
    sale: said["sale"],
    reservation: said["reservation"],
    shopper: said["shopper"],
  };
}

function refundOf(answer: Stripe.Refund): StripeRefund {
  const refund = decoded("stripe", "refund", refundShape, answer);
  const { id, amount, currency, status, payment_intent: intent } = refund;
  return {
    id,
    refund: refund.metadata?.["refund"],
    intent: typeof intent === "string" ? intent : (intent?.id ?? ""),
    amount: fromStripeAmount(amount, currency.toUpperCase()),
    state:
      status === "failed" || status === "canceled" ? "failed" : status === "succeeded" ? "done" : "pending",
  };
}
