/** Ours as a contestant: the functions' own steps over the Redis gateway, with the Upstash client. */
import { randomUUID } from "node:crypto";
import { saleSchema } from "../../domain/sale.ts";
import type { PassClaims, TicketClaims } from "../../domain/token.ts";
import type { Addresses, Contestant } from "./contestant.ts";

const SKU = "unit";
const HOUR_MS = 3_600_000;
/** As long as a cache may answer polls. */
const PULSE_MS = 1_000;

export async function enter({ redis: { url, token }, postgres }: Addresses): Promise<Contestant> {
  const { connectPostgres } = await import("../../functions/postgres/client.ts");
  const { readPulse } = await import("../../functions/queue/pulse.ts");
  const { enterSale, joinQueue } = await import("../../functions/queue/queue.ts");
  const { connectRedis } = await import("../../functions/redis/client.ts");
  const { saleKeys } = await import("../../functions/redis/keys.ts");
  const { reserve } = await import("../../functions/reservation/reservation.ts");
  const { createSale } = await import("../../functions/sale/sale.ts");
  const { benchServices } = await import("../services.ts");
  const services = {
    ...benchServices({
      redis: connectRedis(url, token),
      postgres: connectPostgres(postgres.neonConnectionString, postgres.neonUrl),
    }),
    // What was held goes on to Postgres meanwhile, as it does behind each answer.
    later: (work: Promise<unknown>) => void work.catch(() => undefined),
  };
  let sale = "";
  let untilMs = 0;
  let pulse: { atMs: number; serving: Promise<number> } = { atMs: 0, serving: Promise.resolve(0) };

  const pass = (shopper: string, number: number): PassClaims => ({
    ...({ kind: "pass", identity: "anyone", epoch: 1 } as const),
    ...{ sale, shopper, number, expiresAtMs: untilMs },
  });
  const hold = async (claims: PassClaims) => {
    const lines = [{ sku: SKU, quantity: 1 }];
    const held = await reserve(services, claims, { reservationId: randomUUID(), lines });
    return "created" in held;
  };
  const nowServing = async () => {
    const pulsed = await readPulse(services, sale);
    return "nowServing" in pulsed ? pulsed.nowServing : 0;
  };

  return {
    async prepare(race, stock, callers) {
      sale = race;
      const nowMs = Date.now();
      untilMs = nowMs + HOUR_MS;
      const definition = saleSchema.parse({
        id: sale,
        name: sale,
        currency: "EUR",
        opensAt: new Date(nowMs - HOUR_MS).toISOString(),
        closesAt: new Date(untilMs).toISOString(),
        items: [{ sku: SKU, name: "Unit", stock, price: 0 }],
        holdSeconds: 3600,
        capacity: 100_000,
      });
      await createSale(services, definition);
      // Everybody's turn has come: who visits instead does not need it.
      const members = callers.map((member) => ({ score: untilMs, member }));
      const { inside } = saleKeys(sale);
      for (let first = 0; first < members.length; first += 500) {
        const [one, ...more] = members.slice(first, first + 500);
        if (one !== undefined && stock > 0) await services.redis.zadd(inside, one, ...more);
      }
    },
    take: (caller) => hold(pass(caller, 1)),
    async left() {
      return Number(await services.redis.hget(saleKeys(sale).stock, `available:${SKU}`));
    },
    async visit(caller, polls) {
      const joined = await joinQueue(services, sale, { shopper: caller });
      if (!("answer" in joined)) return false;
      const { number } = joined.answer;
      let serving = 0;
      for (let poll = 0; poll < polls; poll++) {
        if (Date.now() - pulse.atMs > PULSE_MS) pulse = { atMs: Date.now(), serving: nowServing() };
        serving = await pulse.serving;
      }
      if (serving < number) return false;
      const ticket: TicketClaims = {
        ...({ kind: "ticket", identity: "anyone", epoch: 1 } as const),
        ...{ sale, shopper: caller, number, joinedAtMs: Date.now(), expiresAtMs: untilMs },
      };
      const entered = await enterSale(services, ticket);
      return "answer" in entered && (await hold(pass(caller, number)));
    },
  };
}
