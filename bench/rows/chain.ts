/**
 * A hold through the whole chain, edge → functions → gateway → Redis: against the same chain where only the script is another one,
 * the article's three lines; and against one with nothing of ours in it, bare Workers that hand on, parse and run those lines. Ours also
 * brings what it held to Postgres meanwhile. Every request comes from somebody else, with a pass never seen before; afterwards the books
 * are looked at.
 */
import { openConnection } from "../../dev/redis/connection.ts";
import type { Bundle } from "../../dev/workers/build.ts";
import { tokenKeys } from "../../domain/token.ts";
import { encode, loadEach } from "../load/http.ts";
import { benchBundle, cpuMsOf, ourBundle, SECRET, startMeasured, tokenKeysSetting } from "../load/workers.ts";
import { Incorrect, type Opened, type Row, type Sample, type Settings } from "../measure.ts";
import { benchServices, connectStores } from "../services.ts";
import { openStage, people, SKU } from "../stage.ts";
import { GATEWAY_TOKEN, startStores } from "../stores.ts";
import threeLines from "../workers/three-lines-reserve.lua";

const CONNECTIONS = 32;

async function open({ quick }: Settings): Promise<Opened> {
  const stores = await startStores("redis", "postgres");
  const redis = openConnection(stores.redis.socketPath);
  const { neonConnectionString, neonUrl } = stores.postgres;
  const services = benchServices(connectStores(stores));
  const upstash = { UPSTASH_REDIS_REST_URL: stores.redis.url, UPSTASH_REDIS_REST_TOKEN: GATEWAY_TOKEN };
  const secrets = { TOKEN_KEYS: tokenKeysSetting, IDENTITY_SECRET: SECRET };
  const database = { DATABASE_URL: neonConnectionString, NEON_FETCH_ENDPOINT: neonUrl };
  const ours = await ourBundle("functions");
  const start = async (name: string, bundle: Bundle) => {
    const functions = await startMeasured(`${name}functions`, bundle, {
      bindings: { ...upstash, ...secrets, ...database, ADMIN_TOKEN: SECRET, EMAIL_FROM: "shop@example.com" },
    });
    // Without the platform's rate-limit binding, which is a slow simulator here, and fast there.
    const edge = await startMeasured(
      `${name}edge`,
      { ...(await ourBundle("edge")), rateLimits: [] },
      { bindings: secrets, services: { FUNCTIONS: functions.url } },
    );
    return { edge, functions };
  };
  const whole = await start("", ours);
  const otherScript = await start("three-lines-", withThreeLines(ours));
  const bareFunctions = await startMeasured(
    "bare-functions",
    await benchBundle("workers/bare-functions.ts"),
    {
      bindings: upstash,
    },
  );
  const bareEdge = await startMeasured("bare-edge", await benchBundle("workers/bare-edge.ts"), {
    services: { FUNCTIONS: bareFunctions.url },
  });
  const bare = { edge: bareEdge, functions: bareFunctions };
  const keys = tokenKeys(tokenKeysSetting);
  const calls = quick ? 500 : 3_000;

  const variant = (workers: typeof whole, isOurs: boolean) => async () => {
    const stage = await openStage(services, redis, calls);
    const crowd = people(calls);
    await stage.letIn(crowd);
    const expiresAtMs = stage.closesAtMs;
    const requests = await Promise.all(
      crowd.map(async ({ shopper, number, reservationId }) => {
        const claims = { sale: stage.saleId, shopper, identity: "anyone", number, epoch: 1 } as const;
        const pass = await keys.sign({ kind: "pass", ...claims, expiresAtMs });
        return encode(workers.edge.url, {
          method: "POST",
          path: `/api/sales/${stage.saleId}/reservations`,
          headers: { authorization: `Bearer ${pass}`, "content-type": "application/json" },
          body: JSON.stringify({ reservationId, lines: [{ sku: SKU, quantity: 1 }] }),
        });
      }),
    );
    const cpuMs = async () => ({
      edge: workers.edge.cpuMs(),
      functions: workers.functions.cpuMs(),
      gateway: await stores.cpuMs(),
      redis: cpuMsOf(stores.redis.pid),
    });
    const before = await cpuMs();
    const perSecond = await loadEach(workers.edge.url, requests, { connections: CONNECTIONS, status: 201 });
    const after = await cpuMs();
    const { held } = await stage.units();
    if (isOurs && held !== calls) throw new Incorrect(`${held} units are held, and ${calls} were answered`);
    await stage.clear();
    const sample: Sample = { perSecond };
    for (const part of ["edge", "functions", "gateway", "redis"] as const)
      sample[`${part}Micros`] = (1000 * (after[part] - before[part])) / calls;
    return sample;
  };

  return {
    variants: {
      reserve: { measure: variant(whole, true) },
      "three lines": { measure: variant(otherScript, false) },
      "bare chain": { measure: variant(bare, false) },
    },
    close: async () => {
      const all = [whole, otherScript, bare].flatMap(({ edge, functions }) => [edge, functions]);
      await Promise.all(all.map((worker) => worker.close()));
      redis.close();
      await stores.close();
    },
  };
}

/** The functions as they are, but for one script. */
const withThreeLines = (bundle: Bundle): Bundle => ({
  ...bundle,
  modules: bundle.modules.map((module) =>
    module.path.endsWith("reserve.lua") ? { ...module, contents: threeLines } : module,
  ),
});

const sameChain = { ours: "reserve", against: "three lines" };
const bareChain = { ours: "reserve", against: "bare chain" };

export const chain: Row = {
  name: "chain",
  about:
    "a hold through edge, functions, gateway and Redis, against the same with the three-line script, and bare Workers",
  figures: [
    {
      what: "reserve",
      ...sameChain,
      budget: { of: "ratio", atLeast: 0.9 },
      note: "the same Workers, where another script stands in the place of reserve.lua",
    },
    { what: "gateways, by CPU", ...sameChain, metric: "gatewayMicros" },
    { what: "Redis, by CPU", ...sameChain, metric: "redisMicros" },
    {
      what: "reserve",
      ...bareChain,
      note: "Workers that check no token and no limit, keep no record and write nothing down",
    },
    { what: "edge, by CPU", ...bareChain, metric: "edgeMicros" },
    { what: "functions, by CPU", ...bareChain, metric: "functionsMicros" },
    { what: "gateways, by CPU", ...bareChain, metric: "gatewayMicros" },
    { what: "Redis, by CPU", ...bareChain, metric: "redisMicros" },
  ],
  rounds: { full: 11, quick: 2 },
  warm: true,
  open,
};
