/**
 * A shop that takes money, in one process: a real Redis and Postgres behind their gateways (tests/sync), the functions'
 * own code in isolates that can die, and for each story a place of its own: a sale, two shoppers, a Stripe double, and
 * a receiver of its webhooks.
 */
import type { SaleInput } from "../../domain/sale.ts";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import pg from "pg";
import Stripe from "stripe";
import { afterAll, vi } from "vitest";
import { startStripe, type PayOptions, type StripeDouble } from "../../dev/stripe/server.ts";
import { isRefusal } from "../../domain/refusal.ts";
import type { PassClaims } from "../../domain/token.ts";
import { checkout, readReservation } from "../../functions/checkout/checkout.ts";
import { connectStripe } from "../../functions/checkout/stripe.ts";
import { receive } from "../../functions/checkout/webhook.ts";
import { everyMinute } from "../../functions/cron.ts";
import { SALES_KEY, saleKeys } from "../../functions/redis/keys.ts";
import { recordJson, type Record as SaleRecord } from "../../functions/reservation/record.ts";
import { expireHolds } from "../../functions/reservation/expire.ts";
import { createSale } from "../../functions/sale/sale.ts";
import type { Services } from "../../functions/services.ts";
import { admit, hold, must, newSale, useWorld, type World } from "../sync/harness.ts";
import {
  startIsolate,
  type Isolate,
  type Outcome,
  type Plan,
  type Sent,
  type Surroundings,
} from "./isolates.ts";
import type { Step } from "./requests.ts";

export const PRICE = 2500;
export const ORIGIN = "http://shop.test";
/** The double's clock is behind, so that cron finds at once what no webhook brought. */
export const BEHIND_MS = 120_000;

/** A deliberate defect, for negative controls. */
export interface Defect {
  /** Scripts by name of the step: other text in their place. */
  scripts?: ReadonlyMap<string, string>;
  services?: (services: Services, stripe: StripeDouble) => Services;
}

type Query = (text: string, params?: unknown[]) => Promise<Record<string, unknown>[]>;
export interface Shop {
  query: Query;
  /** Opens a place, does the work there, and closes it, so that no cron of another looks into it. */
  at: <Result>(options: PlaceOptions, work: (place: Place) => Promise<Result>) => Promise<Result>;
}
export type Place = Awaited<ReturnType<typeof openPlace>>;

/** One for each test file. */
export async function useShop(): Promise<Shop> {
  const { world } = await useWorld();
  const pool = new pg.Pool({ connectionString: world.database.connectionString, max: 4 });
  pool.on("error", () => undefined);
  afterAll(() => pool.end());
  // What is logged of faults that were ordered is nothing to look into.
  vi.spyOn(console, "error").mockImplementation(() => undefined);
  const query: Query = async (text, params = []) =>
    (await pool.query<Record<string, unknown>>(text, params)).rows;
  return {
    query,
    async at(options, work) {
      for (const table of ["refunds", "payments", "webhook_inbox", "undelivered_walk", "emails"])
        await query(`delete from ${table}`);
      const place = await openPlace(world, query, options);
      try {
        return await work(place);
      } finally {
        await place.close();
      }
    },
  };
}

export interface PlaceOptions {
  stock?: number;
  shoppers?: number;
  slots?: SaleInput["slots"];
  defect?: Defect | undefined;
}

async function openPlace(
  world: World,
  query: Query,
  { stock = 2, shoppers = 2, slots, defect }: PlaceOptions,
) {
  const receiver = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const signature = String(request.headers["stripe-signature"]);
      void takeWebhook(Buffer.concat(chunks).toString(), signature).then((status) => {
        if (status === undefined) response.destroy();
        else response.writeHead(status).end();
      });
    });
  });
  receiver.listen(0, "127.0.0.1");
  await once(receiver, "listening");
  const webhookUrl = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/webhooks/stripe`;

  let aheadMs = -BEHIND_MS;
  const stripe = await startStripe({ now: () => Date.now() + aheadMs, webhookUrl: () => webhookUrl });
  const onceOnly = () => stripe.switches.list().filter(({ times }) => times !== undefined);
  const isolates: Isolate[] = [];
  const violations: string[] = [];
  const told = new Set<string>();
  const mailbox: { to: string; subject: string }[] = [];
  const log: (Step | "other")[] = [];

  const surroundings: Surroundings = {
    storeOf: (url) =>
      url.startsWith(world.redis.url) ? "redis" : url.startsWith(world.postgres.url) ? "postgres" : "stripe",
    faultsOf: (store) => ({ redis: world.redis, postgres: world.postgres, stripe })[store].faults,
    struck(store) {
      const left =
        store === "stripe" ? [...stripe.faults.list(), ...onceOnly()] : surroundings.faultsOf(store).list();
      if (left.length > 0) violations.push("a fault was ordered and did not strike");
    },
    failAfter: (subject) => stripe.switches.add({ kind: "fail_after", match: subject, times: 1 }),
    async sending(sent) {
      log.push(sent.step);
      await watch(sent);
      return changed(sent);
    },
    answered({ step }, status, answer) {
      if (step === "open session" && status === 200) told.add((JSON.parse(answer) as { id: string }).id);
    },
    plan: undefined,
    seen: 0,
    fired: 0,
    detached: [],
  };

  function changed(sent: Sent): Sent {
    if (sent.store !== "redis") return sent;
    const command = JSON.parse(sent.body) as (string | number)[];
    const source = defect?.scripts?.get(sent.step);
    if (source !== undefined) return { ...sent, body: JSON.stringify(["EVAL", source, ...command.slice(2)]) };
    // A lease lasts a moment, so that no test waits for one.
    const isLease = String(command[0]).toUpperCase() === "SET" && String(command[1]).endsWith(":drain");
    return isLease ? { ...sent, body: JSON.stringify([...command.slice(0, -1), 1]) } : sent;
  }

  /** What must not even be asked for. */
  async function watch({ step, url }: Sent): Promise<void> {
    if (step !== "capture" && step !== "void") return;
    const id = /pi_\w+/.exec(url)?.[0] ?? "";
    const intent = stripe.state().intents.find((one) => one.id === id);
    const record = await place.record(intent?.metadata["reservation"] ?? "");
    const isTheirs = record?.state === "confirmed" && record.intent === id;
    if (step === "capture" && !isTheirs) violations.push("captured before it was confirmed");
    if (step === "void" && isTheirs) violations.push("an order's payment was to be voided");
  }

  async function takeWebhook(body: string, signature: string): Promise<number | undefined> {
    const outcome = await place.act((services) => receive(services, body, signature));
    if ("crashed" in outcome) return undefined;
    if ("error" in outcome) return 500;
    if (isRefusal(outcome.value)) return 400;
    const { id } = JSON.parse(body) as { id: string };
    const [stored] = await query("select 1 from webhook_inbox where event_id = $1", [id]);
    if (stored === undefined) violations.push("a webhook was answered before it was stored");
    return 200;
  }

  const place = {
    sale: newSale({ items: [{ sku: "shoe", name: "Shoe", stock, price: PRICE, limit: 5 }], slots }),
    stock,
    stripe,
    violations,
    /** Sessions that Stripe told us of: whoever knows them may send a shopper there. */
    told,
    mailbox,
    log,
    query,
    shoppers: [] as PassClaims[],
    redis: world.redis.redis,
    /** Moves Stripe's clock. */
    pass: (ms: number) => void (aheadMs += ms),
    hasFired: () => surroundings.fired > 0,
    isolate(): Isolate {
      const isolate = startIsolate(surroundings, () => {
        const services: Services = {
          ...world.services(),
          payments: connectStripe(stripe.secretKey, stripe.webhookSecret, stripe.url),
          email: {
            send: ({ to, subject }) => Promise.resolve(mailbox.push({ to, subject })),
          },
        };
        return defect?.services?.(services, stripe) ?? services;
      });
      isolates.push(isolate);
      return isolate;
    },
    /** One piece of work in an isolate of its own. */
    act: <Value>(work: (services: Services) => Promise<Value>): Promise<Outcome<Value>> =>
      place.isolate().run(work),
    /** As `act`, where nothing may go wrong. */
    async done<Value>(work: (services: Services) => Promise<Value>): Promise<Value> {
      const outcome = await place.act(work);
      if ("value" in outcome) return outcome.value;
      throw "error" in outcome ? outcome.error : new Error("crashed");
    },
    /** From now on. */
    arm(plan: Plan | undefined): void {
      Object.assign(surroundings, { plan, seen: 0, fired: 0 });
    },
    /** Waits until nobody does anything any more: no webhook on its way, nothing left for later. */
    async quiet(): Promise<void> {
      for (let before = -1; before !== log.length;) {
        before = log.length;
        await stripe.settled();
        await Promise.all(isolates.map((isolate) => isolate.finished()));
        await Promise.all(surroundings.detached.splice(0));
      }
    },
    async record(id: string): Promise<SaleRecord | undefined> {
      const text = await world.redis.redis.command("HGET", saleKeys(place.sale.id).reservations, id);
      return typeof text === "string" ? recordJson.parse(text) : undefined;
    },
    async records(): Promise<SaleRecord[]> {
      const texts = await world.redis.redis.command("HVALS", saleKeys(place.sale.id).reservations);
      return (texts as string[]).map((text) => recordJson.parse(text));
    },
    async stockNow(): Promise<Record<string, number>> {
      const flat = (await world.redis.redis.command("HGETALL", saleKeys(place.sale.id).stock)) as string[];
      return Object.fromEntries(
        Array.from({ length: flat.length / 2 }, (_, i) => [flat[2 * i], Number(flat[2 * i + 1])]),
      ) as Record<string, number>;
    },
    /** Moves the end of all holds into the past. */
    async endHolds(agoMs = 1_000): Promise<void> {
      const { reservations, holds } = saleKeys(place.sale.id);
      const end = `
        for _, id in ipairs(redis.call('ZRANGE', KEYS[2], 0, -1)) do
          local record = cjson.decode(redis.call('HGET', KEYS[1], id))
          if record.state == 'held' then
            record.expiresAtMs = tonumber(ARGV[1])
            redis.call('HSET', KEYS[1], id, cjson.encode(record))
            redis.call('ZADD', KEYS[2], ARGV[1], id)
          end
        end`;
      const at = Math.floor(Date.now() - agoMs);
      await world.redis.redis.command("EVAL", end, 2, reservations, holds, at);
    },
    /** A session of somebody else's making for the same reservation. */
    async sessionByHand(id: string, capture: "manual" | "automatic"): Promise<string> {
      const metadata = { sale: place.sale.id, reservation: id };
      const price_data = { currency: "eur", unit_amount: PRICE, product_data: { name: "Shoe" } };
      const session = await clientOf(stripe).checkout.sessions.create({
        mode: "payment",
        payment_intent_data: { capture_method: capture, metadata },
        metadata,
        line_items: [{ quantity: 1, price_data }],
        success_url: ORIGIN,
      });
      return session.id;
    },
    async close(): Promise<void> {
      place.arm(undefined);
      await place.quiet();
      await world.redis.redis.command("SREM", SALES_KEY, place.sale.id);
      await stripe.close();
      receiver.closeAllConnections();
      receiver.close();
    },
  };

  await place.done(async (services) => {
    must(await createSale(services, place.sale));
    place.shoppers = await admit(services, place.sale.id, shoppers);
  });
  return place;
}

export const clientOf = ({ secretKey, port }: { secretKey: string; port: number }) =>
  new Stripe(secretKey, {
    host: "127.0.0.1",
    port,
    protocol: "http",
    httpClient: Stripe.createFetchHttpClient(),
    telemetry: false,
  });

/** A shopper of a place, on the way from a hold to an order. */
export interface Buyer {
  pass: PassClaims;
  id: string;
  /** Asks for the payment page, again if it does not come. @returns its session, or undefined where it is too late */
  toPayment(): Promise<string | undefined>;
  pay(session: string | undefined, options?: PayOptions): void;
  comesBack(): Promise<Outcome<Awaited<ReturnType<typeof readReservation>>>>;
  /** What is owed: an order to who paid while the hold lasted. */
  paidInTime: boolean;
}

/** @throws Error where so many units are not available */
export async function newBuyer(place: Place, nth = 0, quantity = 1): Promise<Buyer> {
  const pass = place.shoppers[nth];
  if (pass === undefined) throw new Error("nobody there");
  const id = await place.done((services) => hold(services, pass, quantity));
  const buyer: Buyer = {
    pass,
    id,
    paidInTime: false,
    async toPayment() {
      for (let attempt = 0; attempt < 3; attempt++) {
        const outcome = await place.act((services) => checkout(services, pass, id, ORIGIN));
        if (!("value" in outcome)) continue;
        return "url" in outcome.value ? /cs_test_\w+/.exec(outcome.value.url)?.[0] : undefined;
      }
      throw new Error("the payment page never came");
    },
    pay(session, options) {
      if (session === undefined) return;
      const { outcome } = place.stripe.pay(session, options);
      if (outcome === "paid") buyer.paidInTime = true;
    },
    comesBack: () => place.act((services) => readReservation(services, pass, id)),
  };
  return buyer;
}

/** The holds end, and somebody notices. */
export async function holdsEnd(place: Place, agoMs?: number): Promise<void> {
  await place.endHolds(agoMs);
  await place.act((services) => expireHolds(services, place.sale.id));
  await place.quiet();
}

const ROUNDS_MAX = 8;

/** A minute passes, and everything that was put off is due. */
export async function minute(place: Place): Promise<void> {
  await place.query("update webhook_inbox set due_at = now()");
  await place.query("update refunds set due_at = now()");
  await place.query("update emails set due_at = now()");
  // Who died while sending is known to be gone.
  await place.query("update emails set taken_at = now() - interval '1 hour' where state = 'sending'");
  await place.query("update payments set changed_at = now() - interval '2 minutes'");
  // Stripe sends again what was not taken.
  place.pass(5_000);
  await place.quiet();
  await place.act(everyMinute);
  await place.quiet();
}

/** The faults are over, and production goes on by itself, until there is nothing left to do; then all holds end. */
export async function recover(place: Place): Promise<void> {
  place.arm(undefined);
  await place.quiet();
  await untilIdle(place);
  for (let round = 0; round < 3 && (await place.stockNow())["held:shoe"] !== 0; round++) {
    await place.endHolds();
    await minute(place);
  }
  await untilIdle(place);
}

async function untilIdle(place: Place): Promise<void> {
  for (let round = 0; round < ROUNDS_MAX; round++) {
    await minute(place);
    if (!(await isBusy(place))) return;
  }
  place.violations.push(`after ${ROUNDS_MAX} minutes there is still something to do`);
}

async function isBusy(place: Place): Promise<boolean> {
  const [row] = await place.query(
    `select (select count(*)::int from webhook_inbox where processed_at is null)
          + (select count(*)::int from refunds where state = 'asked')
          + (select count(*)::int from payments where state = 'authorised')
          + (select count(*)::int from emails where state in ('queued', 'sending')) as count`,
  );
  const known = new Set(
    (await place.query("select event_id from webhook_inbox")).map((one) => one["event_id"]),
  );
  const { events } = place.stripe.state();
  return row?.["count"] !== 0 || events.some(({ id }) => !known.has(id));
}
