/** One real Redis with a gateway in front for a test file, and ways to talk to it. */
import { randomUUID } from "node:crypto";
import { Redis } from "@upstash/redis";
import { afterAll } from "vitest";
import { startRedisGateway, type RedisGateway } from "../../../dev/redis/gateway.ts";
import { startRedisServer } from "../../../dev/redis/server.ts";

export const token = "full-token";
export const readOnlyToken = "read-token";

export interface Answered {
  status: number;
  body: unknown;
  headers: Headers;
}

export interface Harness {
  gateway: RedisGateway;
  /** The client as everybody gets it: auto-pipelining, retries, base64, deserialization. */
  client: Redis;
  /** A request with the full token unless `init` says otherwise; strings and bytes are sent as they are, the rest as JSON. */
  ask: (path: string, body?: unknown, init?: RequestInit) => Promise<Answered>;
}

export async function startHarness(): Promise<Harness> {
  const redis = await startRedisServer();
  const gateway = await startRedisGateway({ redis, token, readOnlyToken });
  afterAll(async () => {
    await gateway.close();
    await redis.stop();
  });
  return {
    gateway,
    client: new Redis({ url: gateway.url, token }),
    async ask(path, body, init = {}) {
      const isRaw = typeof body === "string" || body instanceof Uint8Array;
      const response = await fetch(gateway.url + path, {
        ...(body === undefined
          ? {}
          : { method: "POST", body: isRaw ? Buffer.from(body) : JSON.stringify(body) }),
        ...init,
        headers: { Authorization: `Bearer ${token}`, ...(init.headers as Record<string, string>) },
      });
      const text = await response.text();
      return {
        status: response.status,
        body: text === "" ? undefined : (JSON.parse(text) as unknown),
        headers: response.headers,
      };
    },
  };
}

/** A key no other test uses. */
export const freshKey = (): string => randomUUID();
