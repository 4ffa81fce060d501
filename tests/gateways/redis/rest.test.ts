/** The wire format, raw: encodings, path style, and everything that is refused. */
import { connect } from "node:net";
import { once } from "node:events";
import { expect, test } from "vitest";
import { freshKey, startHarness, token } from "./harness.ts";

const { gateway, ask } = await startHarness();
const base64 = { headers: { "Upstash-Encoding": "base64" } };
const encoded = (text: string) => Buffer.from(text).toString("base64");

test("base64 encodes every string but a top-level OK; numbers and null stay", async () => {
  const key = freshKey();
  expect((await ask("/", ["SET", key, "bar"], base64)).body).toEqual({ result: "OK" });
  expect((await ask("/", ["GET", key], base64)).body).toEqual({ result: encoded("bar") });
  expect((await ask("/", ["PING"], base64)).body).toEqual({ result: encoded("PONG") });
  expect((await ask("/", ["STRLEN", key], base64)).body).toEqual({ result: 3 });
  expect((await ask("/", ["GET", freshKey()], base64)).body).toEqual({ result: null });
  const nested = "return {'OK', 7, {'a', {false, 'b'}}, redis.status_reply('OK')}";
  expect((await ask("/", ["EVAL", nested, 0], base64)).body).toEqual({
    result: [encoded("OK"), 7, [encoded("a"), [null, encoded("b")]], encoded("OK")],
  });
  expect((await ask("/pipeline", [["SET", key, "x"], ["GET", key], ["NOPE"]], base64)).body).toEqual([
    { result: "OK" },
    { result: encoded("x") },
    { error: expect.stringContaining("unknown command") as string },
  ]);
});

test("bytes survive in base64 and become replacement characters in text", async () => {
  const key = freshKey();
  const bytes = Buffer.from([0, 255, 13, 10, 0xc3, 0x28]);
  expect((await ask(`/set/${key}`, bytes)).body).toEqual({ result: "OK" });
  expect((await ask(`/get/${key}`, undefined, base64)).body).toEqual({ result: bytes.toString("base64") });
  expect((await ask(`/get/${key}`)).body).toEqual({ result: bytes.toString("utf8") });
});

test("answers longer than a read buffer arrive whole", async () => {
  const key = freshKey();
  const value = Array.from({ length: 300_000 }, (_, i) => i % 10).join("");
  await ask(`/rpush/${key}/short`, value);
  await ask(`/rpush/${key}`, value);
  expect((await ask(`/lrange/${key}/0/-1`)).body).toEqual({ result: ["short", value, value] });
});

test("an integer beyond 2^53 is exact on the wire", async () => {
  const key = freshKey();
  await ask("/", ["SET", key, "9223372036854775806"]);
  const response = await fetch(`${gateway.url}/incr/${key}?_token=${token}`);
  expect(await response.text()).toBe('{"result":9223372036854775807}');
});

test("path style takes arguments from the path, then the body, then the query", async () => {
  const key = freshKey();
  expect((await ask(`/set/${key}/b%2Fr%20ä`)).body).toEqual({ result: "OK" });
  expect((await ask(`/get/${key}`)).body).toEqual({ result: "b/r ä" });
  expect((await ask(`/SET/${key}?EX=100&XX`, "value/€")).body).toEqual({ result: "OK" });
  expect((await ask(`/get/${key}`)).body).toEqual({ result: "value/€" });
  expect((await ask(`/ttl/${key}`)).body).toEqual({ result: 100 });
  expect((await ask(`/strlen/${key}`, undefined, { method: "POST" })).body).toEqual({ result: 9 });
});

test("HEAD answers without a body", async () => {
  expect(await ask("/ping", undefined, { method: "HEAD" })).toMatchObject({ status: 200, body: undefined });
});

test.each([
  ["/", "nonsense", "parse"],
  ["/", "", "parse"],
  ["/", "{}", "parse"],
  ["/", '"GET"', "parse"],
  ["/", "[]", "empty command"],
  ["/", '[["GET","a"]]', "parse"],
  ["/", '["GET",null]', "parse"],
  ["/pipeline", "{}", "parse"],
  ["/pipeline", "[]", "empty pipeline"],
  ["/pipeline", '["GET","a"]', "parse"],
  ["/pipeline", "[[]]", "empty command"],
  ["/multi-exec", "[]", "empty transaction"],
  ["/get/%E0%A4%A", "", "path"],
  ["//", "", "empty command"],
])("%s with the body %j is a bad request", async (path, body, message) => {
  expect(await ask(path, body, { method: "POST" })).toMatchObject({
    status: 400,
    body: { error: expect.stringContaining(message) as string },
  });
});

test("a path that is no command is answered as Redis answers an unknown command", async () => {
  expect(await ask("/nothing/here")).toMatchObject({
    status: 400,
    body: { error: expect.stringMatching(/^ERR unknown command 'nothing'/) as string },
  });
});

test.each([
  ["DELETE", "/get/a"],
  ["PATCH", "/"],
  ["GET", "/"],
  ["GET", "/pipeline"],
])("%s %s is not allowed, and the answer says what is", async (method, path) => {
  const answer = await ask(path, undefined, { method });
  expect(answer.status).toBe(405);
  expect(answer.headers.get("allow")).toContain("POST");
});

test("another response format is refused", async () => {
  const answer = await ask("/", ["PING"], { headers: { "Upstash-Response-Format": "resp2" } });
  expect(answer.status).toBe(400);
});

test("10 MB pass, one byte more is too large, and the connection survives that", async () => {
  const limit = 10 * 1024 * 1024;
  const key = freshKey();
  expect((await ask(`/set/${key}`, Buffer.alloc(limit, "x"))).status).toBe(200);
  expect(await ask(`/set/${key}`, Buffer.alloc(limit + 1, "y"))).toMatchObject({
    status: 413,
    body: { error: expect.stringContaining("max request size") as string },
  });
  expect((await ask(`/strlen/${key}`)).body).toEqual({ result: limit });
  await ask(`/del/${key}`);
});

test.each([
  ["BLPOP", "k", 0],
  ["BZPOPMIN", "k", 0],
  ["blmove", "a", "b", "LEFT", "LEFT", 0],
  ["XREAD", "COUNT", 1, "block", 0, "STREAMS", "s", "$"],
  ["XREADGROUP", "GROUP", "g", "c", "BLOCK", 0, "STREAMS", "s", ">"],
  ["WAIT", 1, 0],
  ["SUBSCRIBE", "c"],
  ["PSUBSCRIBE", "c*"],
  ["MONITOR"],
  ["WATCH", "k"],
  ["MULTI"],
  ["EXEC"],
  ["SELECT", 1],
  ["HELLO", 3],
  ["AUTH", "x"],
  ["RESET"],
  ["QUIT"],
  ["CLIENT", "REPLY", "OFF"],
  ["CLIENT", "PAUSE", 100000],
  ["SCRIPT", "DEBUG", "SYNC"],
  ["CONFIG", "SET", "maxmemory", 1],
  ["DEBUG", "SLEEP", 10],
  ["SHUTDOWN"],
  ["REPLICAOF", "127.0.0.1", 1],
  ["SWAPDB", 0, 1],
  ["MIGRATE", "127.0.0.1", 1, "k", 0, 1],
])("%s … is not available, and the connection stays usable", async (...command) => {
  expect(await ask("/", command)).toMatchObject({
    status: 400,
    body: { error: expect.stringMatching(/^ERR Command is not available: '/) as string },
  });
  expect((await ask("/", ["PING"])).body).toEqual({ result: "PONG" });
});

test("a refused command of a pipeline leaves the others their places", async () => {
  const key = freshKey();
  expect(
    (await ask("/pipeline", [["MONITOR"], ["SET", key, 1], ["BLPOP", key, 0], ["GET", key]])).body,
  ).toEqual([
    { error: expect.stringContaining("'MONITOR'") as string },
    { result: "OK" },
    { error: expect.stringContaining("'BLPOP'") as string },
    { result: "1" },
  ]);
});

test("a stream whose key is BLOCK can be read", async () => {
  await ask("/", ["XADD", "BLOCK", "1-1", "a", "b"]);
  expect((await ask("/", ["XREAD", "STREAMS", "BLOCK", "0"])).body).toEqual({
    result: [["BLOCK", [["1-1", ["a", "b"]]]]],
  });
});

test("a client that leaves in the middle of its request does no harm", async () => {
  const socket = connect(Number(new URL(gateway.url).port), "127.0.0.1");
  socket.end(
    `POST / HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${token}\r\nContent-Length: 100\r\n\r\n["SET"`,
  );
  socket.resume();
  await once(socket, "close");
  expect((await ask("/", ["PING"])).body).toEqual({ result: "PONG" });
});

test("what is not HTTP does no harm", async () => {
  const socket = connect(Number(new URL(gateway.url).port), "127.0.0.1");
  socket.end("*1\r\n$4\r\nPING\r\n");
  socket.resume();
  await once(socket, "close");
  expect((await ask("/", ["PING"])).body).toEqual({ result: "PONG" });
});
