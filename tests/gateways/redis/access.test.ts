/** Tokens: none, wrong, read-only, full. */
import { Redis } from "@upstash/redis";
import { expect, test } from "vitest";
import { freshKey, readOnlyToken, startHarness, token } from "./harness.ts";

const { gateway, client, ask } = await startHarness();
const asReader = { headers: { Authorization: `Bearer ${readOnlyToken}` } };

test.each(["Bearer wrong", "Bearer ", "Basic " + token, token, ""])("%j gets 401", async (header) => {
  for (const path of ["/", "/pipeline", "/get/a", "/_gateway/stats"]) {
    expect(await ask(path, ["PING"], { headers: { Authorization: header } })).toMatchObject({
      status: 401,
      body: { error: expect.stringContaining("WRONGPASS") as string },
    });
  }
});

test("the token may stand in the URL and is no argument then", async () => {
  const key = freshKey();
  const response = await fetch(`${gateway.url}/set/${key}?_token=${token}`, { method: "POST", body: "v" });
  expect(await response.json()).toEqual({ result: "OK" });
  expect((await fetch(`${gateway.url}/get/${key}?_token=wrong`)).status).toBe(401);
});

test("the read-only token reads", async () => {
  const key = freshKey();
  await client.hset(key, { a: 1 });
  const reader = new Redis({ url: gateway.url, token: readOnlyToken });
  expect(await reader.hgetall(key)).toEqual({ a: 1 });
  expect(await reader.ping()).toBe("PONG");
  expect(
    (await ask("/", ["EVAL_RO", "return redis.call('HGET', KEYS[1], 'a')", 1, key], asReader)).body,
  ).toEqual({
    result: "1",
  });
});

test.each([
  ["set", "k", "v"],
  ["DEL", "k"],
  ["eval", "return 1", 0],
  ["EVALSHA", "0".repeat(40), 0],
  ["script", "load", "return 1"],
  ["FLUSHALL"],
  ["XADD", "s", "*", "a", "b"],
  ["GETEX", "k", "EX", 1],
  ["PUBLISH", "c", "m"],
  ["KEYS", "*"],
  ["SCAN", 0],
])("the read-only token may not %s", async (...command) => {
  const name = command[0] === "script" ? "script|load" : command[0].toLowerCase();
  const error = `NOPERM this user has no permissions to run the '${name}' command`;
  expect(await ask("/", command, asReader)).toMatchObject({ status: 400, body: { error } });
  expect((await ask("/pipeline", [command, ["PING"]], asReader)).body).toEqual([
    { error },
    { result: "PONG" },
  ]);
});

test("a transaction with a write in it does not run at all for the read-only token", async () => {
  const key = freshKey();
  const answer = await ask(
    "/multi-exec",
    [
      ["GET", key],
      ["SET", key, 1],
    ],
    asReader,
  );
  expect(answer).toMatchObject({ status: 400, body: { error: expect.stringContaining("NOPERM") as string } });
  expect(await client.exists(key)).toBe(0);
});

test("the read-only token has no hand on the gateway itself", async () => {
  expect((await ask("/_gateway/stats", undefined, asReader)).status).toBe(401);
  expect((await ask("/_gateway/wipe", {}, asReader)).status).toBe(401);
});
