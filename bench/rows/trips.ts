/**
 * How many calls over the network each step of a purchase makes, counted at `fetch`: those its answer waits for, and those behind the
 * answer, such as the way to Postgres, which serves all who came within half a second. The functions' own steps run against
 * real stores and the Stripe double, each once to bring its script along and once to be counted.
 */
import { randomUUID } from "node:crypto";
import Stripe from "stripe";
import { startStripe } from "../../dev/stripe/server.ts";
import { saleSchema } from "../../domain/sale.ts";
import { mintShopper, type PassClaims, type TicketClaims } from "../../domain/token.ts";
import { checkout } from "../../functions/checkout/checkout.ts";
import { connectStripe } from "../../functions/checkout/stripe.ts";
import { receive } from "../../functions/checkout/webhook.ts";
import { connectPostgres } from "../../functions/postgres/client.ts";
import { readPulse } from "../../functions/queue/pulse.ts";
import { enterSale, joinQueue } from "../../functions/queue/queue.ts";
import { connectRedis } from "../../functions/redis/client.ts";
import { reserve } from "../../functions/reservation/reservation.ts";
import { createSale } from "../../functions/sale/sale.ts";
import { Incorrect, type Figure, type Opened, type Row, type Sample } from "../measure.ts";
import { benchServices } from "../services.ts";
import { GATEWAY_TOKEN, startStores } from "../stores.ts";

const HOUR_MS = 3_600_000;
const SKU = "unit";

async function open(): Promise<Opened> {
  const stores = await startStores("redis", "postgres");
  const stripe = await startStripe();
  const counter = countFetches({
    redis: stores.redis.url,
    postgres: stores.postgres.neonUrl,
    stripe: stripe.url,
  });
  const later = new Set<Promise<unknown>>();
  const services = {
    ...benchServices({
      redis: connectRedis(stores.redis.url, GATEWAY_TOKEN),
      postgres: connectPostgres(stores.postgres.neonConnectionString, stores.postgres.neonUrl),
      payments: connectStripe(stripe.secretKey, stripe.webhookSecret, stripe.url),
    }),
    later: (work: Promise<unknown>) => void later.add(work),
  };
  const idle = async () => {
    for (const work of later) {
      await work;
      later.delete(work);
    }
  };

  async function buy(price: number): Promise<Record<string, Sample>> {
    const found: Record<string, Sample> = {};
    const step = async <Answer>(name: string, run: () => Promise<Answer>): Promise<Answer> => {
      await idle();
      const before = counter.begun();
      const answer = await run();
      const waited = counter.ended();
      await idle();
      const all = counter.begun();
      found[name] = Object.fromEntries(
        (["redis", "postgres", "stripe"] as const).flatMap((part) => [
          [part, waited[part] - before[part]],
          [`${part}After`, all[part] - waited[part]],
        ]),
      );
      return answer;
    };
    const sale = `trips-${randomUUID().slice(0, 8)}`;
    const [opensAtMs, closesAtMs] = [Date.now() - HOUR_MS, Date.now() + HOUR_MS];
    await createSale(
      services,
      saleSchema.parse({
        ...{ id: sale, name: sale, currency: "EUR", items: [{ sku: SKU, name: "Unit", stock: 10, price }] },
        ...{ opensAt: new Date(opensAtMs).toISOString(), closesAt: new Date(closesAtMs).toISOString() },
        releaseEverySeconds: 60,
      }),
    );
    // A tick that is due would be counted with the join that notices it.
    await readPulse(services, sale);
    const shopper = mintShopper();
    const joined = await step("join", () => joinQueue(services, sale, { shopper }));
    if (!("answer" in joined)) throw new Incorrect(`join: ${joined.refused}`);
    const { number, epoch } = joined.answer;
    const claims = { sale, shopper, identity: "anyone", number, epoch, expiresAtMs: closesAtMs } as const;
    await services.redis.hset(`{${sale}}:released`, { [shopper]: String(number) });
    await services.redis.zrem(`{${sale}}:waitlist`, shopper);
    await services.redis.zadd(`{${sale}}:inside`, { score: closesAtMs, member: shopper });
    await services.redis.hset(`{${sale}}:sale`, { nowServing: number });
    const ticket: TicketClaims = { kind: "ticket", ...claims, joinedAtMs: Date.now() };
    const entered = await step("entry", () => enterSale(services, ticket));
    if (!("answer" in entered)) throw new Incorrect(`entry: ${entered.refused}`);
    const pass: PassClaims = { kind: "pass", ...claims };
    const reservationId = randomUUID();
    const wish = { reservationId, lines: [{ sku: SKU, quantity: 1 }] };
    const held = await step("reserve", () => reserve(services, pass, wish));
    if (!("created" in held)) throw new Incorrect(`reserve: ${held.refused}`);
    const out = await step("checkout", () => checkout(services, pass, reservationId, "https://shop.example"));
    if ("refused" in out) throw new Incorrect(`checkout: ${out.refused}`);
    if ("order" in out) return found;

    stripe.pay(/\bcs_(?:test|live)_\w+/.exec(out.url)?.[0] ?? "");
    const event = stripe.state().events.findLast(({ type }) => type === "checkout.session.completed");
    const body = JSON.stringify(event);
    const signer = new Stripe(stripe.secretKey).webhooks;
    const signature = signer.generateTestHeaderString({ payload: body, secret: stripe.webhookSecret });
    await step("webhook", () => receive(services, body, signature));
    return found;
  }

  const purchase = (price: number) => {
    let counted: Promise<Record<string, Sample>> | undefined;
    return (name: string) => ({
      async measure() {
        counted ??= buy(price).then(() => buy(price));
        return (await counted)[name] ?? {};
      },
    });
  };
  const [free, paid] = [purchase(0), purchase(4900)];
  return {
    variants: {
      ...Object.fromEntries(["join", "entry", "reserve"].map((name) => [name, free(name)])),
      "confirm, free": free("checkout"),
      "checkout, paid": paid("checkout"),
      webhook: paid("webhook"),
    },
    close: async () => {
      await idle();
      counter.stop();
      await stripe.close();
      await stores.close();
    },
  };
}

/** Counts the calls to each of these origins, until stopped: how many have begun, and how many were answered. */
function countFetches<Part extends string>(origins: Record<Part, string>) {
  const parts = Object.keys(origins) as Part[];
  const zero = () => Object.fromEntries(parts.map((part) => [part, 0])) as Record<Part, number>;
  const [begun, ended] = [zero(), zero()];
  const { fetch } = globalThis;
  globalThis.fetch = async (input, init) => {
    const url = input instanceof Request ? input.url : String(input);
    const part = parts.find((each) => new URL(origins[each]).host === new URL(url).host);
    if (part !== undefined) begun[part]++;
    try {
      return await fetch(input, init);
    } finally {
      if (part !== undefined) ended[part]++;
    }
  };
  return {
    begun: () => ({ ...begun }),
    ended: () => ({ ...ended }),
    stop: () => void (globalThis.fetch = fetch),
  };
}

const figures = (ours: string, ...parts: ("redis" | "postgres" | "stripe")[]): Figure[] =>
  parts.flatMap((part): Figure[] => [
    { what: `${ours}: ${names[part]}`, ours, metric: part },
    { what: `… behind the answer`, ours, metric: `${part}After` },
  ]);
const names = { redis: "Redis", postgres: "Postgres", stripe: "Stripe" };

export const trips: Row = {
  name: "trips",
  about: "calls over the network in each step of a purchase, waited for and behind the answer",
  figures: [
    ...["join", "entry", "reserve", "confirm, free"].flatMap((step) => figures(step, "redis", "postgres")),
    ...["checkout, paid", "webhook"].flatMap((step) => figures(step, "redis", "postgres", "stripe")),
  ],
  rounds: { full: 1, quick: 1 },
  open,
};
