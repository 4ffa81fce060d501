/** The unmodified @upstash/redis client in its default modes. */
import { Redis } from "@upstash/redis";
import { expect, test } from "vitest";
import { freshKey, startHarness, token } from "./harness.ts";

const { gateway, client } = await startHarness();

test("values come back as they were set: text, numbers, objects, nothing", async () => {
  const key = freshKey();
  expect(await client.set(key, "text")).toBe("OK");
  expect(await client.get(key)).toBe("text");
  await client.set(key, { a: [1, "zwei", null] });
  expect(await client.get(key)).toEqual({ a: [1, "zwei", null] });
  await client.set(key, 42);
  expect(await client.get(key)).toBe(42);
  expect(await client.get(freshKey())).toBeNull();
  expect(await client.set(key, "x", { nx: true })).toBeNull();
});

test("without deserialization, digits stay a string", async () => {
  const plain = new Redis({ url: gateway.url, token, automaticDeserialization: false });
  const key = freshKey();
  await plain.set(key, "123");
  expect(await plain.get(key)).toBe("123");
});

test("without base64, text is the same", async () => {
  const plain = new Redis({ url: gateway.url, token, responseEncoding: false });
  const key = freshKey();
  await plain.set(key, 'Größe "XL"\n\u2028 ✓ 🎫');
  expect(await plain.get(key)).toBe('Größe "XL"\n\u2028 ✓ 🎫');
});

test.each(["OK", "", "ÄÖÜ ✓ 🎫", "a\r\nb\0c", "T0s="])("the value %j survives", async (value) => {
  const key = freshKey();
  await client.set(key, value);
  await client.hset(key + "h", { [value]: value });
  expect(await client.get(key)).toBe(value);
  expect(await client.hkeys(key + "h")).toEqual([value]);
});

test("a value longer than a read buffer survives", async () => {
  const key = freshKey();
  const value = "💥".repeat(70_000);
  await client.set(key, value);
  expect((await client.get(key)) === value).toBe(true);
});

test("a hash comes back as an object", async () => {
  const key = freshKey();
  await client.hset(key, { name: "shoe", left: 3 });
  expect(await client.hgetall(key)).toEqual({ name: "shoe", left: 3 });
  expect(await client.hmget(key, "left", "none")).toEqual({ left: 3, none: null });
});

test("sorted sets pop their lowest first", async () => {
  const key = freshKey();
  await client.zadd(key, { score: 2, member: "b" }, { score: 1, member: "a" }, { score: 1.5, member: "c" });
  expect(await client.zpopmin(key, 2)).toEqual(["a", 1, "c", 1.5]);
  expect(await client.zrange(key, 0, -1, { withScores: true })).toEqual(["b", 2]);
});

test("a stream is read in the order it was written", async () => {
  const key = freshKey();
  const first = await client.xadd(key, "*", { event: "held", n: 1 });
  const second = await client.xadd(key, "*", { event: "released", n: 2 });
  expect(await client.xrange(key, "-", "+")).toEqual({
    [first]: { event: "held", n: 1 },
    [second]: { event: "released", n: 2 },
  });
  expect(await client.xrange(key, `(${first}`, "+", 10)).toEqual({ [second]: { event: "released", n: 2 } });
  expect(await client.xread(key, first)).toEqual([[key, [[second, ["event", "released", "n", 2]]]]]);
});

test("commands issued together share one request", async () => {
  await gateway.resetStats();
  const keys = Array.from({ length: 20 }, freshKey);
  await Promise.all(keys.map((key, i) => client.set(key, i)));
  expect(await gateway.stats()).toMatchObject({ requests: 1, calls: 20 });
});

test("one failing command of a pipeline leaves the others alone", async () => {
  const key = freshKey();
  const results = await client.pipeline().set(key, "word").incr(key).get(key).exec({ keepErrors: true });
  expect(results).toMatchObject([
    { result: "OK" },
    { error: "ERR value is not an integer or out of range" },
    { result: "word" },
  ]);
});

test("createScript().exec() works on a Redis that does not know the script, and afterwards", async () => {
  const key = freshKey();
  const source = "#!lua flags=allow-key-locking\nreturn {redis.call('INCRBY', KEYS[1], ARGV[1]), 'ä', false}";
  const script = client.createScript(source);
  expect(await script.exec([key], ["5"])).toEqual([5, "ä", null]);
  expect(await script.exec([key], ["5"])).toEqual([10, "ä", null]);
  await gateway.wipe();
  expect(await script.exec([key], ["5"])).toEqual([5, "ä", null]);
});

test("a transaction answers all its commands", async () => {
  const key = freshKey();
  expect(
    await client
      .multi()
      .set(key, 1)
      .incr(key)
      .hgetall(key + "h")
      .exec(),
  ).toEqual(["OK", 2, null]);
});

test("errors quote Redis", async () => {
  const key = freshKey();
  await client.set(key, "text");
  await expect(client.hget(key, "field")).rejects.toThrow("WRONGTYPE");
});

test("the sync token of each answer comes back with the next request and changes", async () => {
  const answer = () =>
    fetch(gateway.url, { method: "POST", body: '["PING"]', headers: { Authorization: `Bearer ${token}` } });
  const tokens = [await answer(), await answer()].map((response) =>
    response.headers.get("upstash-sync-token"),
  );
  expect(tokens[0]).toBeTruthy();
  expect(tokens[1]).toBeTruthy();
  expect(tokens[0]).not.toBe(tokens[1]);
});
