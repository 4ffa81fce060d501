/**
 * What the edge costs before anything else: a sale's page from the isolate's copy, against a bare Worker that answers the
 * same bytes and a hello world, each in a workerd of its own, on its direct socket. Rounds of all variants take turns, so that
 * whatever else the machine does hits all three; quoted are medians, spread and ratios of medians. The load client is raw
 * sockets writing prebuilt keep-alive requests; answers are counted, and checked for their length once. Stand-ins of
 * the functions answer the sale that the page is made of; they are asked about once in five seconds, when the copy is
 * renewed. Run: `npx node bench/edge.ts [rounds] [seconds] [connections]`.
 */
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:http";
import { connect, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { buildWorker, type Bundle } from "../dev/workers/build.ts";
import { startWorker, type RunningWorker } from "../dev/workers/runtime.ts";

const [rounds = 0, seconds = 1, connections = 1] = [30, 0.5, 32].map((usual, i) =>
  Number(process.argv[2 + i] ?? usual),
);
const page = "/sales/bench";
const soon = new Date(Date.now() + 3_600_000).toISOString();
const sale = {
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
};

/** A Worker of one line. */
const bare = (compatibilityDate: string, headers: Record<string, string>, body: string): Bundle => ({
  compatibilityDate,
  rateLimits: [],
  durableObjects: {},
  modules: [
    {
      type: "ESModule",
      path: "index.js",
      contents: `const body = new TextEncoder().encode(${JSON.stringify(body)}).buffer;
        const init = { headers: new Headers(${JSON.stringify(headers)}) };
        export default { fetch: () => new Response(body, init) };`,
    },
  ],
});

async function measure(): Promise<void> {
  const functions = createServer((_, response) => {
    // As the functions say it: a page is as old as what it is made of, so it is made anew some times in a run.
    const headers = {
      "content-type": "application/json",
      "cache-control": "public, max-age=5, stale-while-revalidate=30, stale-if-error=600",
    };
    response.writeHead(200, headers).end(JSON.stringify(sale));
  }).listen(0, "127.0.0.1");
  await once(functions, "listening");
  const functionsUrl = `http://127.0.0.1:${(functions.address() as AddressInfo).port}`;
  const folder = await mkdtemp(path.join(tmpdir(), "flash-sale-bench-"));
  const bundle = await buildWorker("edge", folder);
  await rm(folder, { recursive: true, force: true });

  const secret = "bench-bench-bench-bench-bench-bench";
  const start = async (name: string, what: Bundle): Promise<Variant> => {
    const before = new Set(workerds());
    const worker = await startWorker(what, {
      name,
      bindings: { TOKEN_KEYS: `bench:${secret}`, IDENTITY_SECRET: secret },
      services: { FUNCTIONS: functionsUrl },
      log: () => undefined,
    });
    return { worker, url: worker.url, pids: workerds().filter((pid) => !before.has(pid)) };
  };
  const edge = await start("edge", bundle);
  await fetch(edge.url + page);
  // From its second second on a copy says its age.
  await new Promise((resolve) => setTimeout(resolve, 1_100));
  const sample = await fetch(edge.url + page);
  const body = await sample.text();
  const headers = Object.fromEntries([...sample.headers].filter(([name]) => !ownFields.has(name)));
  const variants = {
    "cached page": edge,
    "bare Worker": await start("bare", bare(bundle.compatibilityDate, headers, body)),
    "hello world": await start("hello", bare(bundle.compatibilityDate, {}, "Hello world")),
  };
  const names = Object.keys(variants) as (keyof typeof variants)[];
  const cost = { "cached page": 0, "bare Worker": 0, "hello world": 0 };
  const answered = { "cached page": 0, "bare Worker": 0, "hello world": 0 };
  const rates = {
    "cached page": [] as number[],
    "bare Worker": [] as number[],
    "hello world": [] as number[],
  };
  try {
    for (const name of names) await load(variants[name].url);
    for (let round = 0; round < rounds; round++)
      for (const name of round % 2 === 0 ? names : names.toReversed()) {
        const before = cpuMs(variants[name]);
        const rate = await load(variants[name].url);
        rates[name].push(rate);
        cost[name] += cpuMs(variants[name]) - before;
        answered[name] += rate * seconds;
      }
  } finally {
    await Promise.all(Object.values(variants).map(({ worker }) => worker.kill()));
    functions.close();
  }

  console.log(
    `${rounds} rounds of ${seconds} s, ${connections} connections, a page of ${body.length} bytes:`,
  );
  for (const name of names) {
    const sorted = rates[name].toSorted((a, b) => a - b);
    const [low, middle, high] = [0.1, 0.5, 0.9].map((share) => whole(at(sorted, share)));
    const micros = ((1000 * cost[name]) / answered[name]).toFixed(1);
    console.log(
      `${name}  ${middle}/s (a tenth below ${low}, a tenth above ${high}), ${micros} µs of CPU an answer`,
    );
  }
  const against = (other: keyof typeof variants) => {
    const ratios = rates["cached page"].map((rate, round) => rate / (rates[other][round] ?? NaN));
    const sorted = ratios.toSorted((a, b) => a - b);
    const [low, middle, high] = [0.25, 0.5, 0.75].map((share) => at(sorted, share).toFixed(2));
    return `${middle} (half of the rounds between ${low} and ${high})`;
  };
  console.log(`cached page / bare Worker that answers the same bytes  ${against("bare Worker")}`);
  console.log(`cached page / hello world  ${against("hello world")}`);
  const perAnswer = (name: keyof typeof variants) => cost[name] / answered[name];
  const byCpu = perAnswer("bare Worker") / perAnswer("cached page");
  console.log(`cached page / bare Worker that answers the same bytes, by CPU an answer  ${byCpu.toFixed(2)}`);
}

interface Variant {
  worker: RunningWorker;
  url: string;
  pids: number[];
}

/** This process's workerds, where there is a /proc. */
function workerds(): number[] {
  return numbersIn("/proc").filter((pid) => {
    const [, name, parent] = /^\d+ \((.*)\) \S (\d+)/.exec(statOf(pid)) ?? [];
    return name === "workerd" && Number(parent) === process.pid;
  });
}

/** Milliseconds of CPU that a Worker has used; its clock ticks a hundred times a second. */
const cpuMs = ({ pids }: Variant): number =>
  pids.reduce((sum, pid) => {
    const fields = statOf(pid).split(") ")[1]?.split(" ") ?? [];
    return sum + 10 * (Number(fields[11]) + Number(fields[12]));
  }, 0);

function numbersIn(folder: string): number[] {
  try {
    return readdirSync(folder).map(Number).filter(Number.isInteger);
  } catch {
    return [];
  }
}

function statOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/stat`, "utf8");
  } catch {
    return ""; // gone by now
  }
}

/** The value that this share of a sorted list is below. */
const at = (sorted: number[], share: number) => sorted[Math.floor((sorted.length - 1) * share)] ?? NaN;

/** What every server says by itself. */
const ownFields = new Set(["content-length", "transfer-encoding", "connection", "date", "keep-alive"]);

/** Answers a second, from as many connections as there are, each with one request under way. */
async function load(url: string): Promise<number> {
  const { port, hostname } = new URL(url);
  const request = Buffer.from(
    `GET ${page} HTTP/1.1\r\nHost: ${hostname}:${port}\r\nAccept: text/html\r\n\r\n`,
  );
  let answers = 0;
  let running = true;
  const clients = Array.from({ length: connections }, async () => {
    const socket = connect(Number(port), hostname);
    socket.setNoDelay(true);
    let missing = 0;
    socket.on("data", (chunk: Buffer) => {
      missing = missing > 0 ? missing - chunk.length : lengthOf(chunk) - chunk.length;
      if (missing > 0) return;
      answers++;
      if (running) socket.write(request);
      else socket.end();
    });
    socket.write(request);
    await once(socket, "close");
  });
  const startedMs = performance.now();
  await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
  const rate = (answers / (performance.now() - startedMs)) * 1000;
  running = false;
  await Promise.all(clients);
  return rate;
}

/** Bytes of an answer whose head is in its first chunk. @throws Error when it is no success of known length */
function lengthOf(chunk: Buffer): number {
  const headEnds = chunk.indexOf("\r\n\r\n");
  const head = chunk.subarray(0, headEnds).toString("latin1");
  const length = /^HTTP\/1\.1 200 [^]*\r\ncontent-length: (\d+)/i.exec(head)?.[1];
  if (length === undefined) throw new Error(head);
  return headEnds + 4 + Number(length);
}

const whole = (rate: number) => Math.round(rate).toLocaleString("en");

await measure();
