/**
 * A sale in Redis with its people brought to any step, so that each step can be measured by itself: what the steps before
 * would have left is written straight to the keys, by the thousand. The calls are spelled as the functions spell them.
 */
import { randomUUID } from "node:crypto";
import type { Connection, Reply } from "../dev/redis/connection.ts";
import { withoutKeyLocking } from "../dev/redis/scripts.ts";
import { saleSchema } from "../domain/sale.ts";
import { mintShopper } from "../domain/token.ts";
import { confirmScript } from "../functions/checkout/payment.ts";
import { joinScript } from "../functions/queue/join.ts";
import { enterScript } from "../functions/queue/queue.ts";
import { saleKeys, type KeyName } from "../functions/redis/keys.ts";
import { reserveScript } from "../functions/reservation/reservation.ts";
import { createSale } from "../functions/sale/sale.ts";
import type { Services } from "../functions/services.ts";
import threeLines from "./three-lines.lua";

export const SKU = "shoe";
const HOUR_MS = 3_600_000;
/** Commands in one round trip. */
const PIPELINE = 500;

export interface Person {
  shopper: string;
  number: number;
  reservationId: string;
}

/** A command of Redis. */
export type Command = string[];

export const people = (count: number): Person[] =>
  Array.from({ length: count }, (_, i) => ({
    shopper: mintShopper(),
    number: i + 1,
    reservationId: randomUUID(),
  }));

export interface Stage {
  saleId: string;
  closesAtMs: number;
  /** They have been released, and have not come in yet. */
  call: (crowd: Person[]) => Promise<void>;
  /** They are inside. */
  letIn: (crowd: Person[]) => Promise<void>;
  /** They are inside and hold a unit each. */
  hold: (crowd: Person[]) => Promise<void>;
  join: (person: Person) => Command;
  enter: (person: Person) => Command;
  reserve: (person: Person) => Command;
  confirm: (person: Person) => Command;
  /** The article's script on a stock of its own. */
  threeLines: () => Command;
  /** Units left, held and sold. */
  units: () => Promise<{ available: number; held: number; confirmed: number }>;
  /** Forgets the sale. */
  clear: () => Promise<void>;
}

/** @param services whose Postgres knows how to create a sale, a real one or not */
export async function openStage(services: Services, redis: Connection, stock: number): Promise<Stage> {
  const saleId = `bench-${randomUUID().slice(0, 8)}`;
  const nowMs = Date.now();
  const sale = saleSchema.parse({
    id: saleId,
    name: saleId,
    currency: "EUR",
    opensAt: new Date(nowMs - HOUR_MS).toISOString(),
    closesAt: new Date(nowMs + 24 * HOUR_MS).toISOString(),
    items: [{ sku: SKU, name: "Shoe", stock, price: 0 }],
    holdSeconds: 3600,
    capacity: 100_000,
  });
  await createSale(services, sale);
  const keys = saleKeys(saleId);
  const send = async (commands: Command[]): Promise<Reply[]> => {
    const replies: Reply[] = [];
    for (let first = 0; first < commands.length; first += PIPELINE)
      replies.push(...(await redis.send(commands.slice(first, first + PIPELINE))));
    const failed = replies.find((reply) => reply instanceof Error);
    if (failed instanceof Error) throw failed;
    return replies;
  };
  const caller = async (source: string, ...names: KeyName[]) => {
    const [sha] = await send([["SCRIPT", "LOAD", withoutKeyLocking(source)]]);
    const at = names.map((name) => keys[name]);
    return (...args: (string | number)[]): Command => [
      ...["EVALSHA", String(sha), String(at.length), ...at],
      ...args.map(String),
    ];
  };
  const join = await caller(joinScript.source, "sale", "waitlist", "lobby", "released", "shoppers");
  const enter = await caller(
    ...([enterScript.source, "sale", "waitlist", "lobby", "released", "inside", "stock", "holds"] as const),
  );
  const reserve = await caller(
    ...([reserveScript.source, "sale", "stock", "inside", "reservations", "shoppers"] as const),
    ...(["holds", "claims", "outbox"] as const),
  );
  const confirm = await caller(
    ...([confirmScript.source, "sale", "stock", "inside", "reservations", "shoppers", "holds"] as const),
    "outbox",
  );
  const [threeSha] = await send([
    ["SCRIPT", "LOAD", withoutKeyLocking(threeLines)],
    ["SET", `{${saleId}}:units`, String(stock)],
  ]);
  const lines = JSON.stringify([{ sku: SKU, quantity: 1 }]);
  const untilMs = String(nowMs + HOUR_MS);

  const stage: Stage = {
    saleId,
    closesAtMs: Date.parse(sale.closesAt),
    async call(crowd) {
      await send([
        ["HSET", keys.sale, "nowServing", String(crowd.length), "lastNumber", String(crowd.length)],
        ...crowd.flatMap(({ shopper, number }) => [
          ["HSET", keys.released, shopper, String(number)],
          ["ZADD", keys.inside, untilMs, shopper],
        ]),
      ]);
    },
    async letIn(crowd) {
      await send(crowd.map(({ shopper }) => ["ZADD", keys.inside, untilMs, shopper]));
    },
    async hold(crowd) {
      await stage.letIn(crowd);
      await send(crowd.map(stage.reserve));
    },
    // As functions/queue/queue.ts calls it for somebody new, known by cookie.
    join: ({ shopper }) => join("", shopper, "", "", "", 0, 0, "", ""),
    enter: ({ shopper, number }) => enter("", shopper, number, 1),
    reserve: ({ shopper, number, reservationId }) =>
      reserve("", reservationId, shopper, number, 1, untilMs, lines, ""),
    confirm: ({ shopper, reservationId }) => confirm("", reservationId, shopper, 0, "", ""),
    threeLines: () => ["EVALSHA", String(threeSha), "1", `{${saleId}}:units`],
    async units() {
      const fields = ["available", "held", "confirmed"] as const;
      const [reply] = await send([["HMGET", keys.stock, ...fields.map((account) => `${account}:${SKU}`)]]);
      const [available = NaN, held = NaN, confirmed = NaN] = (reply as Reply[]).map(Number);
      return { available, held, confirmed };
    },
    async clear() {
      await send([["DEL", ...Object.values(keys), `{${saleId}}:units`]]);
    },
  };
  return stage;
}
