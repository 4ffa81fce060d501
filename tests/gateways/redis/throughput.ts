/**
 * How many EVALSHA a second pass through the Redis gateway, against Redis itself in the same run. The load client is
 * raw sockets writing prebuilt keep-alive requests from this process; the gateway runs in another (this file with
 * `gateway` as argument). Run: `node tests/gateways/redis/throughput.ts [seconds] [connections]`. Trade-off: answers are
 * counted, and checked only for being 200s.
 */
import { execFileSync, fork } from "node:child_process";
import { once } from "node:events";
import { connect } from "node:net";
import { Redis } from "@upstash/redis";
import { startRedisGateway } from "../../../dev/redis/gateway.ts";
import { startRedisServer } from "../../../dev/redis/server.ts";

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
  socketPath: string;
}

if (process.argv[2] === "gateway") {
  const redis = await startRedisServer();
  const { url } = await startRedisGateway({ redis, token });
  process.once("disconnect", () => process.exit());
  process.send?.({ url, socketPath: redis.socketPath } satisfies Started);
} else {
  await measure(Number(process.argv[2] ?? 4), Number(process.argv[3] ?? 64));
}

async function measure(seconds: number, connections: number): Promise<void> {
  const child = fork(import.meta.filename, ["gateway"]);
  const [{ url, socketPath }] = (await once(child, "message")) as [Started];
  const redis = new Redis({ url, token });
  await redis.set("stock", 1_000_000_000);
  const sha1 = await redis.scriptLoad(script);
  const plainSha = String(
    execFileSync("redis-cli", ["-s", socketPath, "script", "load", script.replace(/^#!.*/, "")]),
  ).trim();

  await gatewayRound(url, sha1, 1, connections);
  const viaGateway: number[] = [];
  const direct: number[] = [];
  // Round by round, so that whatever else the machine does hits both.
  for (let round = 0; round < rounds; round++) {
    viaGateway.push(await gatewayRound(url, sha1, seconds, connections));
    direct.push(benchmarkRound(socketPath, plainSha, connections));
  }
  const [gateway, alone] = [median(viaGateway), median(direct)];
  console.log(
    `gateway          ${format(gateway)} EVALSHA/s  (rounds: ${viaGateway.map(format).join(", ")})`,
  );
  console.log(`redis-benchmark  ${format(alone)} EVALSHA/s  (rounds: ${direct.map(format).join(", ")})`);
  console.log(`ratio            ${(gateway / alone).toFixed(2)}`);
  child.kill();
}

async function gatewayRound(url: string, sha: string, seconds: number, connections: number): Promise<number> {
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
