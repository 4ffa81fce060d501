/**
 * How many EVALSHA a second pass through the local Redis gateway, against Redis itself (by redis-benchmark) and a bare node:http
 * server that answers the same: what of the chain's cost is the gateway's, which in production is Upstash's.
 */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { Redis } from "@upstash/redis";
import { findRedisBinary } from "../../dev/redis/binary.ts";
import { withoutKeyLocking } from "../../dev/redis/scripts.ts";
import { encode, loadFor } from "../load/http.ts";
import type { Opened, Row, Settings } from "../measure.ts";
import { GATEWAY_TOKEN, startStores } from "../stores.ts";
import threeLines from "../three-lines.lua";

const CONNECTIONS = 64;

async function open({ quick }: Settings): Promise<Opened> {
  const stores = await startStores("redis", "bareUrl");
  const redis = new Redis({ url: stores.redis.url, token: GATEWAY_TOKEN });
  await redis.set("stock", 1_000_000_000);
  const sha = await redis.scriptLoad(threeLines);
  const plainSha = createHash("sha1").update(withoutKeyLocking(threeLines)).digest("hex");
  const seconds = quick ? 0.5 : 3;
  const http = (url: string) => {
    const request = encode(url, {
      method: "POST",
      path: "/",
      headers: {
        authorization: `Bearer ${GATEWAY_TOKEN}`,
        "content-type": "application/json",
        "upstash-encoding": "base64",
      },
      body: JSON.stringify(["evalsha", sha, 1, "stock"]),
    });
    return async () => {
      const before = await stores.cpuMs();
      const perSecond = await loadFor(url, request, seconds, { connections: CONNECTIONS });
      return { perSecond, cpuMicros: (1000 * ((await stores.cpuMs()) - before)) / (perSecond * seconds) };
    };
  };
  const calls = quick ? 50_000 : 150_000;
  const benchmark = `-s ${stores.redis.socketPath} -c ${CONNECTIONS} -n ${calls} --csv EVALSHA ${plainSha} 1 stock`;
  const variants: Opened["variants"] = {
    gateway: { measure: http(stores.redis.url) },
    "bare node:http": { measure: http(stores.bareUrl) },
  };
  const skipped: Record<string, string> = {};
  const program = findRedisBinary().replace(/(redis|valkey)-server$/, "$1-benchmark");
  if (isThere(program))
    variants["redis-benchmark"] = {
      measure: () => {
        const lines = execFileSync(program, benchmark.split(" "), { encoding: "utf8" }).trim().split("\n");
        return Promise.resolve({ perSecond: Number(/,"([\d.]+)"/.exec(lines.at(-1) ?? "")?.[1]) });
      },
    };
  else skipped["redis-benchmark"] = "it is not installed beside the redis-server";
  return { variants, skipped, close: stores.close };
}

function isThere(program: string): boolean {
  try {
    execFileSync(program, ["--help"], { stdio: "ignore" });
    return true;
  } catch (error) {
    return error instanceof Error && "status" in error && error.status !== null;
  }
}

export const gateway: Row = {
  name: "gateway",
  about: "one script call through the local Redis gateway",
  figures: [
    { what: "call", ours: "gateway", against: "bare node:http" },
    { what: "call, by CPU", ours: "gateway", against: "bare node:http", metric: "cpuMicros" },
    { what: "call", ours: "gateway", against: "redis-benchmark" },
  ],
  rounds: { full: 7, quick: 2 },
  warm: true,
  open,
};
