/** A Stripe double with a clock that stands still until moved, the real `stripe` package, and a receiver of webhooks. */
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import Stripe from "stripe";
import { expect, onTestFinished } from "vitest";
import { startStripe, type StripeDouble, type StripeOptions } from "../../dev/stripe/server.ts";

export interface Received {
  body: string;
  signature: string;
  event: Stripe.Event;
}

export interface Receiver {
  url: string;
  received: Received[];
  types: () => string[];
  /** What it answers from now on; a redirect leads to a place that would answer 200. */
  answers: number | "never";
}

export async function openReceiver(): Promise<Receiver> {
  const server = createServer((request, response) => {
    if (request.url === "/elsewhere") {
      response.writeHead(200).end();
      return;
    }
    let body = "";
    request.on("data", (chunk: Buffer) => (body += chunk.toString()));
    request.on("end", () => {
      const signature = String(request.headers["stripe-signature"]);
      receiver.received.push({ body, signature, event: JSON.parse(body) as Stripe.Event });
      if (receiver.answers !== "never")
        response.writeHead(receiver.answers, { Location: "/elsewhere" }).end();
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const receiver: Receiver = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/webhooks/stripe`,
    received: [],
    types: () => receiver.received.map(({ event }) => event.type),
    answers: 200,
  };
  return receiver;
}

export interface World {
  double: StripeDouble;
  stripe: Stripe;
  nowSeconds: () => number;
  /** Moves the clock; resolves when all that became due is done. */
  pass: (ms: number) => Promise<void>;
  /** A session of 24.00 EUR, to be captured by hand. */
  session: (
    more?: Partial<Stripe.Checkout.SessionCreateParams>,
  ) => Promise<Stripe.Response<Stripe.Checkout.Session>>;
  /** A session paid with a good card, and its payment intent. */
  paid: (more?: Partial<Stripe.Checkout.SessionCreateParams>) => Promise<Stripe.PaymentIntent>;
  control: (method: string, path: string, body?: unknown) => Promise<{ status: number; body: unknown }>;
}

export async function open(options: StripeOptions = {}): Promise<World> {
  let nowMs = Math.floor(Date.now() / 1000) * 1000;
  const double = await startStripe({ now: () => nowMs, ...options });
  onTestFinished(() => double.close());
  const stripe = clientOf(double);
  const world: World = {
    double,
    stripe,
    nowSeconds: () => nowMs / 1000,
    async pass(ms) {
      nowMs += ms;
      await double.settled();
    },
    session: (more) => stripe.checkout.sessions.create({ ...order, ...more }),
    async paid(more) {
      const { id } = await world.session(more);
      expect(double.pay(id)).toEqual({ outcome: "paid" });
      const session = await stripe.checkout.sessions.retrieve(id, { expand: ["payment_intent"] });
      if (session.payment_intent === null || typeof session.payment_intent === "string")
        throw new Error("no payment intent");
      return session.payment_intent;
    },
    async control(method, path, body) {
      const response = await fetch(`${double.url}/_control/${path}`, {
        method,
        headers: { Authorization: `Bearer ${double.secretKey}` },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      return { status: response.status, body: (await response.json()) as unknown };
    },
  };
  return world;
}

/** As in the Worker: with the fetch client, and no retries of its own. */
export const clientOf = (double: StripeDouble, key = double.secretKey) =>
  new Stripe(key, {
    host: "127.0.0.1",
    port: double.port,
    protocol: "http",
    httpClient: Stripe.createFetchHttpClient(),
    maxNetworkRetries: 0,
    telemetry: false,
  });

export const line = (
  unit_amount: number,
  quantity = 1,
  currency = "eur",
): Stripe.Checkout.SessionCreateParams.LineItem => ({
  quantity,
  price_data: { currency, unit_amount, product_data: { name: "Lamp" } },
});

export const order: Stripe.Checkout.SessionCreateParams = {
  mode: "payment",
  line_items: [line(1200, 2)],
  payment_intent_data: { capture_method: "manual", metadata: { reservation: "r1" } },
  metadata: { reservation: "r1" },
  success_url: "https://shop.test/orders?session={CHECKOUT_SESSION_ID}",
  cancel_url: "https://shop.test/sales/lamp",
};

/** A header of an answer: the fetch client keeps them as `Headers`, which the package's types do not say. */
export const headerOf = ({ lastResponse }: Stripe.Response<object>, name: string) =>
  new Headers(lastResponse.headers).get(name);

/** The error a call rejects with. */
export async function errorOf(call: Promise<unknown>): Promise<Stripe.errors.StripeError> {
  try {
    await call;
  } catch (error) {
    if (error instanceof Stripe.errors.StripeError) return error;
    throw error;
  }
  throw new Error("it was answered without an error");
}
