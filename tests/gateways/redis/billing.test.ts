/** What the gateway counts. */
import { expect, test } from "vitest";
import { freshKey, startHarness } from "./harness.ts";

const { gateway, client, ask } = await startHarness();

test("a script is billed for itself and for each call inside", async () => {
  const key = freshKey();
  const script = client.createScript(
    "#!lua flags=allow-key-locking\nfor i = 1, 3 do redis.call('INCR', KEYS[1]) end return redis.call('GET', KEYS[1])",
  );
  await script.exec([key], []);
  await gateway.resetStats();
  await script.exec([key], []);
  expect(await gateway.stats()).toEqual({
    requests: 1,
    calls: 1,
    scriptCalls: 1,
    billedCommands: 5,
    byCommand: { incr: 3, get: 1, evalsha: 1 },
  });
});

test("asking for the figures, wiping and raw access cost nothing", async () => {
  await gateway.resetStats();
  await gateway.stats();
  await gateway.wipe();
  await gateway.redis.command("SET", freshKey(), 1);
  await gateway.redis.command("SCRIPT", "LOAD", "return 1");
  await ask("/_gateway/stats");
  expect(await gateway.stats()).toEqual({
    requests: 0,
    calls: 0,
    scriptCalls: 0,
    billedCommands: 0,
    byCommand: {},
  });
});

test("what Upstash does not charge for is a call but not billed", async () => {
  await gateway.resetStats();
  await ask("/pipeline", [["PING"], ["INFO", "server"], ["COMMAND", "COUNT"], ["GET", freshKey()]]);
  expect(await gateway.stats()).toMatchObject({
    requests: 1,
    calls: 4,
    billedCommands: 1,
    byCommand: { get: 1 },
  });
});

test("a transaction is billed with its MULTI and EXEC", async () => {
  await gateway.resetStats();
  await ask("/multi-exec", [
    ["GET", freshKey()],
    ["GET", freshKey()],
  ]);
  expect(await gateway.stats()).toMatchObject({
    calls: 2,
    billedCommands: 4,
    byCommand: { get: 2, multi: 1, exec: 1 },
  });
});

test("refused requests count as requests only", async () => {
  await gateway.resetStats();
  await ask("/", ["MONITOR"]);
  await ask("/", ["PING"], { headers: { Authorization: "Bearer wrong" } });
  await ask("/", "nonsense");
  expect(await gateway.stats()).toMatchObject({ requests: 3, calls: 0, billedCommands: 0 });
});

test("a missed EVALSHA is billed too", async () => {
  await gateway.resetStats();
  await ask("/", ["EVALSHA", "0".repeat(40), 0]);
  expect(await gateway.stats()).toMatchObject({ calls: 1, scriptCalls: 1, billedCommands: 1 });
});

test("the figures are at /_gateway/stats, and start anew after a reset", async () => {
  await client.set(freshKey(), 1);
  expect((await ask("/_gateway/stats")).body).toEqual(await gateway.stats());
  expect((await ask("/_gateway/stats/reset", {})).body).toMatchObject({
    requests: 0,
    calls: 0,
    billedCommands: 0,
  });
});
