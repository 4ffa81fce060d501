/**
 * How many EVALSHA a second pass through the Redis gateway, against Redis itself and a bare node:http server in the same
 * run. The load client is
 * raw sockets writing prebuilt keep-alive requests from this process; the gateway runs in another (this file with
 * `gateway` as argument). Run: `node bench/redis-gateway.ts [seconds] [connections]`. Trade-off: answers are
 * counted, and checked only for being 200s.
 */
import { execFileSync, fork } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:http";
import { connect, type AddressInfo } from "node:net";
import { Redis } from "@upstash/redis";
import { startRedisGateway } from "../dev/redis/gateway.ts";
import { startRedisServer } from "../dev/redis/server.ts";

const token = "bench";
/** The decrement-if-enough of a plain flash sale: two commands inside. */
const script = `#!lua flags=allow-key-locking
local left = tonumber(redis.call('GET', KEYS[1]) or '0')
if left < tonumber(ARGV[1]) then return -1 end
return redis.call('DECRBY', KEYS[1], ARGV[1])`;
const rounds = 3;
const ok = Buffer.from("HTTP/1.1 200");

interface Started {
  url: string;
  bareUrl: string;
  socketPath: string;
}

async function measure(seconds: number, connections: number): Promise<void> {
  const child = fork(import.meta.filename, ["gateway"]);
  const [{ url, bareUrl, socketPath }] = (await once(child, "message")) as [Started];
  const redis = new Redis({ url, token });
  await redis.set("stock", 1_000_000_000);
  const sha1 = await redis.scriptLoad(script);
  const plainSha = String(
    execFileSync("redis-cli", ["-s", socketPath, "script", "load", script.replace(/^#!.*/, "")]),
  ).trim();

  const cpuMicros = async () => {
    child.send("cpu");
    const [{ user, system }] = (await once(child, "message")) as [NodeJS.CpuUsage];
    return user + system;
  };
  const rates = { gateway: [] as number[], bare: [] as number[], redis: [] as number[] };
  const micros = { gateway: [] as number[], bare: [] as number[] };
  const httpRound = async (what: "gateway" | "bare", target: string) => {
    const before = await cpuMicros();
    const rate = await loadRound(target, sha1, seconds, connections);
    rates[what].push(rate);
    micros[what].push(((await cpuMicros()) - before) / (rate * seconds));
  };

  await loadRound(url, sha1, 1, connections);
  await loadRound(bareUrl, sha1, 1, connections);
  // Round by round, so that whatever else the machine does hits all three.
  for (let round = 0; round < rounds; round++) {
    await httpRound("gateway", url);
    await httpRound("bare", bareUrl);
    rates.redis.push(benchmarkRound(socketPath, plainSha, connections));
  }
  const gateway = median(rates.gateway);
  const line = (name: string, values: number[], rest: string) =>
    console.log(
      `${name.padEnd(16)} ${format(median(values))}/s ${rest} (rounds: ${values.map(format).join(", ")})`,
    );
  line("gateway", rates.gateway, `${median(micros.gateway).toFixed(1)} µs of CPU a call`);
  line("bare node:http", rates.bare, `${median(micros.bare).toFixed(1)} µs of CPU a call`);
  line("redis-benchmark", rates.redis, "");
  console.log(`gateway / bare node:http   ${(gateway / median(rates.bare)).toFixed(2)}`);
  console.log(`gateway / redis-benchmark  ${(gateway / median(rates.redis)).toFixed(2)}`);
  child.kill();
}

/** The least a Node server can do with the same requests: what of the gateway's time is node:http's. */
async function startBareServer(): Promise<string> {
  const server = createServer((request, response) => {
    request.on("data", () => undefined);
    request.on("end", () => {
      response.writeHead(200, { "Content-Type": "application/json", "Content-Length": 12 });
      response.end('{"result":1}');
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function loadRound(url: string, sha: string, seconds: number, connections: number): Promise<number> {
  const { port, hostname } = new URL(url);
  const body = JSON.stringify(["evalsha", sha, 1, "stock", 1]);
  const request = Buffer.from(
    `POST / HTTP/1.1\r\nHost: ${hostname}:${port}\r\nAuthorization: Bearer ${token}\r\n` +
      `Content-Type: application/json\r\nUpstash-Encoding: base64\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
  );
  let answers = 0;
  let running = true;
  const clients = Array.from({ length: connections }, async () => {
    const socket = connect(Number(port), hostname);
    socket.setNoDelay(true);
    socket.on("data", (chunk: Buffer) => {
      // One request is under way on each connection, and an answer is small: a chunk is an answer.
      if (!chunk.subarray(0, 12).equals(ok)) throw new Error(chunk.toString());
      answers++;
      if (running) socket.write(request);
      else socket.end();
    });
    socket.write(request);
    await once(socket, "close");
  });
  const start = performance.now();
  await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
  const rate = (answers / (performance.now() - start)) * 1000;
  running = false;
  await Promise.all(clients);
  return rate;
}

function benchmarkRound(socketPath: string, sha: string, connections: number): number {
  const args = `-s ${socketPath} -c ${connections} -n 150000 --csv EVALSHA ${sha} 1 stock 1`.split(" ");
  const csv = String(execFileSync("redis-benchmark", args));
  return Number(/,"([\d.]+)"/.exec(csv.trim().split("\n").at(-1) ?? "")?.[1]);
}

const format = (rate: number) => Math.round(rate).toLocaleString("en");
function median(values: number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? NaN;
}

if (process.argv[2] === "gateway") {
  const redis = await startRedisServer();
  const { url } = await startRedisGateway({ redis, token });
  const bare = await startBareServer();
  // Busy machines spoil rates, but hardly the time the gateway itself computes for a call.
  process.on("message", () => process.send?.(process.cpuUsage()));
  process.once("disconnect", () => process.exit());
  process.send?.({ url, bareUrl: bare, socketPath: redis.socketPath } satisfies Started);
} else {
  await measure(Number(process.argv[2] ?? 4), Number(process.argv[3] ?? 64));
}
