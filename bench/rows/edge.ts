/**
 * What the edge costs before anything else: a sale's page and its pulse from the isolate's copy, each against a bare Worker that
 * answers the same bytes and against a hello world, every one in a workerd of its own. Stand-ins of the functions answer what the
 * copies are made of, once in the time that a copy may be kept. Static files never reach a Worker: here the local front serves them, in
 * production the CDN.
 */
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as wait } from "node:timers/promises";
import { encode, loadFor } from "../load/http.ts";
import {
  bareBundle,
  ourBundle,
  SECRET,
  startMeasured,
  tokenKeysSetting,
  type MeasuredWorker,
} from "../load/workers.ts";
import { startStores } from "../stores.ts";
import type { Figure, Opened, Row, Settings } from "../measure.ts";

const paths = { page: "/sales/bench", pulse: "/api/sales/bench/pulse", file: "/assets/line.js" };
const soon = new Date(Date.now() + 3_600_000).toISOString();

/** As the functions answer: a page is as old as what it is made of, so it is made anew some times in a run. */
const functionsAnswers: Record<string, { cacheControl: string; body: object }> = {
  "/api/sales/bench": {
    cacheControl: "public, max-age=5, stale-while-revalidate=30, stale-if-error=600",
    body: {
      id: "bench",
      name: "Bench",
      description: "A sale to measure with.",
      currency: "EUR",
      opensAt: soon,
      closesAt: soon,
      lobbyOpensAt: soon,
      items: ["S", "M", "L"].map((sku) => ({ sku, name: `Size ${sku}`, stock: 100, price: 4900, limit: 2 })),
      lobby: "arrival",
      identity: "anyone",
      phase: "scheduled",
      mode: "normal",
      allowedOrigins: [],
    },
  },
  [paths.pulse]: {
    cacheControl: "public, max-age=1, stale-if-error=30",
    body: {
      now: soon,
      phase: "open",
      mode: "normal",
      opensAt: soon,
      closesAt: soon,
      nowServing: 1234,
      joined: 56789,
      perSecond: 20.5,
      items: ["S", "M", "L"].map((sku) => ({ sku, left: "many" })),
      pollAfterMs: 5000,
      epoch: 1,
      release: { everySeconds: 5, size: 100, last: 100, boundBy: "size" },
      reach: null,
    },
  },
};

const figures: Figure[] = [
  {
    what: "cached page",
    ours: "page",
    against: "bare page",
    budget: { of: "ratio", atLeast: 0.95 },
    note: "the bare Worker answers the same bytes",
  },
  { what: "cached page, by CPU", ours: "page", against: "bare page", metric: "cpuMicros" },
  { what: "cached page", ours: "page", against: "hello world" },
  { what: "pulse", ours: "pulse", against: "bare pulse" },
  { what: "pulse, by CPU", ours: "pulse", against: "bare pulse", metric: "cpuMicros" },
  { what: "pulse", ours: "pulse", against: "hello world" },
  {
    what: "static file",
    ours: "file",
    against: "bare file",
    note: "by the local front, which is one Node process; in production the CDN's",
  },
  { what: "static file", ours: "file", against: "hello world" },
];

async function open({ quick }: Settings): Promise<Opened> {
  const functions = createServer((request, response) => {
    const { cacheControl, body } = functionsAnswers[request.url ?? ""] ?? { cacheControl: "", body: {} };
    response
      .writeHead(200, { "content-type": "application/json", "cache-control": cacheControl })
      .end(JSON.stringify(body));
  }).listen(0, "127.0.0.1");
  await once(functions, "listening");
  const functionsUrl = `http://127.0.0.1:${(functions.address() as AddressInfo).port}`;

  const edge = await startMeasured("edge", await ourBundle("edge"), {
    bindings: { TOKEN_KEYS: tokenKeysSetting, IDENTITY_SECRET: SECRET },
    services: { FUNCTIONS: functionsUrl },
  });
  const front = await startStores("frontUrl");
  const page = await sampleOf(edge.url + paths.page, 1_100);
  const pulse = await sampleOf(edge.url + paths.pulse, 0);
  const file = await sampleOf(front.frontUrl + paths.file, 0);
  const bare = async (name: string, { headers, body }: Awaited<ReturnType<typeof sampleOf>>) =>
    await startMeasured(name, await bareBundle(headers, body));
  const servers: Record<
    string,
    Pick<MeasuredWorker, "url" | "close"> & { cpuMs: () => number | Promise<number> }
  > = {
    page: edge,
    "bare page": await bare("bare-page", page),
    pulse: edge,
    "bare pulse": await bare("bare-pulse", pulse),
    file: { url: front.frontUrl, cpuMs: front.cpuMs, close: front.close },
    "bare file": await bare("bare-file", file),
    "hello world": await bare("hello", { headers: {}, body: "Hello world" }),
  };
  const seconds = quick ? 0.3 : 1;
  const variant = (name: string, { url, cpuMs }: (typeof servers)[string]) => {
    const path = name.includes("pulse") ? paths.pulse : name.includes("file") ? paths.file : paths.page;
    const request = encode(url, { path, headers: { accept: "text/html" } });
    return {
      measure: async () => {
        const before = await cpuMs();
        const perSecond = await loadFor(url, request, seconds, { connections: 16 });
        return { perSecond, cpuMicros: (1000 * ((await cpuMs()) - before)) / (perSecond * seconds) };
      },
    };
  };
  return {
    variants: Object.fromEntries(
      Object.entries(servers).map(([name, server]) => [name, variant(name, server)]),
    ),
    close: async () => {
      await Promise.all([...new Set(Object.values(servers))].map((server) => server.close()));
      functions.close();
    },
  };
}

/** What every server says by itself. */
const ownFields = new Set(["content-length", "transfer-encoding", "connection", "date", "keep-alive"]);

/**
 * An answer from a copy, for the bare Worker to answer.
 * @param afterMs how old it then is: from its second second on a copy says its age
 */
async function sampleOf(
  url: string,
  afterMs: number,
): Promise<{ headers: Record<string, string>; body: string }> {
  await (await fetch(url)).text();
  await wait(afterMs);
  const sample = await fetch(url);
  const headers = Object.fromEntries([...sample.headers].filter(([name]) => !ownFields.has(name)));
  if (sample.status !== 200 || (headers["x-layer"] ?? "edge") !== "edge")
    throw new Error(`${url} is not answered by a copy`);
  return { headers, body: await sample.text() };
}

export const edge: Row = {
  name: "edge",
  about: "what the edge answers from its copies, straight from workerd",
  figures,
  rounds: { full: 24, quick: 2 },
  warm: true,
  open,
};
