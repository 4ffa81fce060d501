/** Each ordered fault, seen by the client that retries by itself and by one that does not. */
import { Redis } from "@upstash/redis";
import { afterEach, expect, test } from "vitest";
import { startRedisGateway } from "../../../dev/redis/gateway.ts";
import { startRedisServer } from "../../../dev/redis/server.ts";
import { freshKey, startHarness, token } from "./harness.ts";

const { gateway, client, ask } = await startHarness();
afterEach(() => gateway.faults.clear());

const quick = (retries: number) =>
  new Redis({ url: gateway.url, token, retry: { retries, backoff: () => 0 } });

test("a lost answer still executed the command", async () => {
  const key = freshKey();
  gateway.faults.add({ kind: "lose_answer", match: key, times: 1 });
  await expect(quick(0).incr(key)).rejects.toThrow();
  expect(await client.get(key)).toBe(1);
});

test("a client that retries a lost answer executes twice", async () => {
  const key = freshKey();
  gateway.faults.add({ kind: "lose_answer", match: key, times: 1 });
  expect(await quick(1).incr(key)).toBe(2);
});

test("an answer is lost only after the execution has ended", async () => {
  const key = freshKey();
  gateway.faults.add({ kind: "lose_answer", match: key, times: 1 });
  // Redis itself measures the 50 ms, and answers nobody meanwhile: only the clock can tell who was first.
  const slow = `local started = redis.call('TIME')
    repeat local now = redis.call('TIME') until (now[1] - started[1]) * 1000000 + now[2] - started[2] > 50000
    redis.call('SET', KEYS[1], 'done')`;
  const start = performance.now();
  await expect(quick(0).eval(slow, [key], [])).rejects.toThrow();
  expect(performance.now() - start).toBeGreaterThanOrEqual(50);
  expect(await client.get(key)).toBe("done");
});

test("a lost answer to a command that fails is lost all the same", async () => {
  gateway.faults.add({ kind: "lose_answer", times: 1 });
  await expect(ask("/", "nonsense")).rejects.toThrow("fetch failed");
});

test("a request cut off was not executed", async () => {
  const key = freshKey();
  gateway.faults.add({ kind: "cut", match: key, times: 1 });
  await expect(quick(0).incr(key)).rejects.toThrow();
  expect(await client.get(key)).toBeNull();
  gateway.faults.add({ kind: "cut", match: key, times: 1 });
  expect(await quick(1).incr(key)).toBe(1);
});

test("an ordered error has its status, and was not executed", async () => {
  const key = freshKey();
  gateway.faults.add({ kind: "error", match: key, times: 1, status: 502 });
  expect(await ask("/", ["INCR", key])).toMatchObject({ status: 502, body: { error: "ERR injected fault" } });
  expect(await client.get(key)).toBeNull();
});

test("a delayed request is executed after the delay", async () => {
  const key = freshKey();
  gateway.faults.add({ kind: "delay", match: key, times: 1, delayMs: 100 });
  const start = performance.now();
  const answer = ask("/", ["SET", key, 1]);
  expect((await answer).body).toEqual({ result: "OK" });
  expect(performance.now() - start).toBeGreaterThanOrEqual(99);
});

test("a fault matches the command in a path, too", async () => {
  const key = freshKey();
  gateway.faults.add({ kind: "error", match: key, times: 1 });
  expect((await ask(`/get/${key}`)).status).toBe(503);
  expect((await ask(`/get/${key}`)).status).toBe(200);
});

test("faults are ordered, listed and cleared over HTTP, and do not hit that itself", async () => {
  const answer = await ask("/_gateway/faults", { kind: "error", status: 500 });
  expect(answer).toMatchObject({ status: 200, body: [{ kind: "error", status: 500, probability: 1 }] });
  expect((await ask("/", ["PING"])).status).toBe(500);
  expect((await ask("/_gateway/faults")).body).toEqual(answer.body);
  expect((await ask("/_gateway/faults", undefined, { method: "DELETE" })).body).toEqual([]);
  expect((await ask("/", ["PING"])).status).toBe(200);
});

test.each([{ kind: "nonsense" }, "not json", [], { kind: "error", status: 200 }])(
  "%j is no fault rule",
  async (rule) => {
    expect((await ask("/_gateway/faults", rule)).status).toBe(422);
    expect(gateway.faults.list()).toEqual([]);
  },
);

test("a wiped Redis has neither data nor scripts", async () => {
  const key = freshKey();
  const sha = await client.scriptLoad("#!lua flags=allow-key-locking\nreturn 1");
  await client.set(key, 1);
  expect((await ask("/_gateway/wipe", {})).body).toEqual({ result: "OK" });
  expect(await client.dbsize()).toBe(0);
  await expect(client.evalsha(sha, [], [])).rejects.toThrow("NOSCRIPT");
});

test("an unknown control path is not found", async () => {
  expect((await ask("/_gateway/nothing")).status).toBe(404);
  expect((await ask("/_gateway/wipe")).status).toBe(404);
});

test("a Redis that is gone is a 503, not a crash", async () => {
  const redis = await startRedisServer();
  const orphaned = await startRedisGateway({ redis, token });
  await redis.stop();
  for (let i = 0; i < 2; i++) {
    const response = await fetch(orphaned.url, {
      method: "POST",
      body: '["PING"]',
      headers: { Authorization: `Bearer ${token}` },
    });
    expect(response.status).toBe(503);
    expect(await response.json()).toEqual({ error: expect.stringContaining("Redis is away") as string });
  }
  await orphaned.close();
});

test("a taken port is an error", async () => {
  const redis = await startRedisServer();
  const port = Number(new URL(gateway.url).port);
  await expect(startRedisGateway({ redis, token, port })).rejects.toThrow("EADDRINUSE");
  await redis.stop();
});
