/**
 * Joins as single calls of the script and gathered by shards, through the functions Worker, the gateway and Redis: latency
 * of a few at a time, what a thousand at once come to, and the script calls of a crowd of 100,000. After each measurement the
 * line has everybody in it, once.
 */
import { z } from "zod";
import { openConnection } from "../../dev/redis/connection.ts";
import { saleSchema } from "../../domain/sale.ts";
import { saleKeys } from "../../functions/redis/keys.ts";
import { createSale } from "../../functions/sale/sale.ts";
import { sendJoins, type JoinLoad } from "../load/joins.ts";
import { ourBundle, SECRET, startMeasured, tokenKeysSetting } from "../load/workers.ts";
import { Incorrect, type Figure, type Opened, type Row, type Sample, type Settings } from "../measure.ts";
import { benchServices, connectStores } from "../services.ts";
import { quantile } from "../statistics.ts";
import { GATEWAY_TOKEN, startStores } from "../stores.ts";

const SHARDS = 4;
/** The line takes people from a quarter of an hour before; so nothing is released meanwhile. */
const OPENS_IN_MS = 14 * 60_000;
const HOUR_MS = 3_600_000;
/** About 40 a second. */
const CALM: JoinLoad = { joins: 120, connections: 4, pauseMs: 90 };
const CONNECTIONS = 1_000;

async function open({ quick }: Settings): Promise<Opened> {
  const stores = await startStores("redis", "postgres");
  const redis = openConnection(stores.redis.socketPath);
  const { neonConnectionString, neonUrl } = stores.postgres;
  const services = benchServices(connectStores(stores));
  const functions = await startMeasured("functions", await ourBundle("functions"), {
    bindings: {
      ...{ UPSTASH_REDIS_REST_URL: stores.redis.url, UPSTASH_REDIS_REST_TOKEN: GATEWAY_TOKEN },
      ...{ DATABASE_URL: neonConnectionString, NEON_FETCH_ENDPOINT: neonUrl },
      ...{ TOKEN_KEYS: tokenKeysSetting, IDENTITY_SECRET: SECRET, ADMIN_TOKEN: SECRET },
      EMAIL_FROM: "shop@example.com",
    },
  });
  const create = (id: string, joinShards: number) => {
    const opensAtMs = Date.now() + OPENS_IN_MS;
    const times = {
      opensAt: new Date(opensAtMs).toISOString(),
      closesAt: new Date(opensAtMs + HOUR_MS).toISOString(),
    };
    const items = [{ sku: "unit", name: "Unit", stock: 1, price: 0 }];
    return createSale(
      services,
      saleSchema.parse({ id, name: id, currency: "EUR", ...times, items, joinShards }),
    );
  };
  const inLine = async (id: string) => Number((await redis.send([["ZCARD", saleKeys(id).waitlist]]))[0]);

  async function join(id: string, load: JoinLoad) {
    const [before, counted] = [await inLine(id), await counts(stores.redis.url)];
    const { ms, allMs } = await sendJoins(functions.url, id, load);
    const [added, now] = [(await inLine(id)) - before, await counts(stores.redis.url)];
    if (added !== load.joins) throw new Incorrect(`${load.joins} joined, ${added} are in line`);
    return {
      ms,
      perSecond: (load.joins * 1000) / allMs,
      scriptCalls: now.scriptCalls - counted.scriptCalls,
      callsPerThousand: ((now.scriptCalls - counted.scriptCalls) * 1000) / load.joins,
      billedEach: (now.billedCommands - counted.billedCommands) / load.joins,
    };
  }

  const variant = (id: string) => ({
    async measure(): Promise<Sample> {
      const calm = await join(id, CALM);
      const joins = (quick ? 1 : 4) * CONNECTIONS;
      const { ms, perSecond, callsPerThousand, billedEach } = await join(id, {
        ...{ joins, connections: CONNECTIONS, pauseMs: 0 },
      });
      return {
        ...{ perSecond, callsPerThousand, billedEach },
        ...{ calmMedianMs: quantile(calm.ms, 0.5), calmHighMs: quantile(calm.ms, 0.95) },
        ...{ medianMs: quantile(ms, 0.5), highMs: quantile(ms, 0.95) },
      };
    },
  });
  const crowd = {
    async measure(): Promise<Sample> {
      const load = { joins: quick ? 5_000 : 100_000, connections: CONNECTIONS, pauseMs: 0 };
      const { perSecond, scriptCalls, callsPerThousand, billedEach } = await join("gathered", load);
      return { perSecond, scriptCalls, callsPerThousand, billedEach };
    },
  };

  await create("alone", 0);
  await create("gathered", SHARDS);
  // So that every object is there, and knows the script.
  for (const id of ["alone", "gathered"]) await join(id, CALM);
  return {
    variants: { alone: variant("alone"), gathered: variant("gathered"), crowd },
    close: async () => {
      await functions.close();
      redis.close();
      await stores.close();
    },
  };
}

const stats = z.object({ scriptCalls: z.number(), billedCommands: z.number() });

/** So far, as Upstash would bill them. */
async function counts(url: string): Promise<z.output<typeof stats>> {
  const headers = { authorization: `Bearer ${GATEWAY_TOKEN}` };
  return stats.parse(await (await fetch(`${url}/_gateway/stats`, { headers })).json());
}

const pair = { ours: "gathered", against: "alone" };
const figure = (what: string, metric: string): Figure => ({ what, ...pair, metric });

export const joins: Row = {
  name: "joins",
  about: "joins gathered by 4 shards, against a script call each",
  figures: [
    figure("4 at a time: median latency", "calmMedianMs"),
    figure("… 95 of 100", "calmHighMs"),
    { what: "1,000 at once: joins", ...pair },
    figure("… median latency", "medianMs"),
    figure("… 95 of 100", "highMs"),
    figure("… script calls of 1,000", "callsPerThousand"),
    figure("… billed commands each", "billedEach"),
    {
      what: "100,000 (quick: 5,000), script calls of 1,000",
      ours: "crowd",
      metric: "callsPerThousand",
      budget: { of: "value", atMost: 10 },
    },
    { what: "… script calls", ours: "crowd", metric: "scriptCalls" },
    { what: "… joins", ours: "crowd" },
    { what: "… billed commands each", ours: "crowd", metric: "billedEach" },
  ],
  rounds: { full: 3, quick: 1 },
  open,
};
