/** What the front passes on: bodies as streams, fields as they are, failures in words. */
import { once } from "node:events";
import { createServer } from "node:http";
import { connect } from "node:net";
import { expect, test } from "vitest";
import { startFront } from "../../dev/front/front.ts";
import { counted, raw, startWorld, until } from "./world.ts";

test("an uncacheable body streams: its first part arrives before the Worker has written its last", async () => {
  const world = await startWorld();
  let finish: () => void = () => undefined;
  world.answer((_, res) => {
    res.writeHead(200, { "cache-control": "no-store", "content-type": "text/event-stream" });
    res.flushHeaders();
    finish = () => {
      res.write("one");
      finish = () => void res.end("two");
    };
  });
  const answer = await fetch(`${world.front.url}/events`);
  expect(answer.headers.get("cf-cache-status")).toBe("BYPASS");
  const reader = answer.body?.getReader();
  finish();
  expect(new TextDecoder().decode((await reader?.read())?.value)).toBe("one");
  finish();
  expect(new TextDecoder().decode((await reader?.read())?.value)).toBe("two");
});

test("a request body streams to the Worker while the client is still sending", async () => {
  const world = await startWorld();
  world.answer((req, res) => void req.on("end", () => res.writeHead(201).end("done")));
  async function* parts() {
    yield Buffer.from("first ");
    await until(() => world.seen[0]?.body === "first ");
    yield Buffer.from("second");
  }
  const got = await world.ask("POST", "/x", { body: parts() });
  expect(got).toMatchObject({ status: 201, cache: "BYPASS", body: "done" });
  expect(world.seen[0]?.body).toBe("first second");
});

test("a body with a length arrives whole, with its length", async () => {
  const world = await startWorld();
  world.answer((req, res) => void req.on("end", () => res.end()));
  const body = "z".repeat(300_000);
  await world.ask("POST", "/x", { body });
  expect(world.seen[0]?.body.length).toBe(300_000);
  expect(world.seen[0]?.headers["content-length"]).toBe("300000");
});

test("fields between client and Worker: hop-by-hop ones stay behind, the rest and repeated ones go through", async () => {
  const world = await startWorld();
  world.answer(
    (_, res) =>
      void res
        .writeHead(200, [
          ...["Cache-Control", "no-store", "Connection", "X-Hop", "X-Hop", "1", "Keep-Alive", "timeout=3"],
          ...["Set-Cookie", "a=1", "Set-Cookie", "b=2", "CF-Cache-Status", "LIE", "Age", "99"],
        ])
        .end(),
  );
  const got = await world.get("/x");
  expect(got.headers["set-cookie"]).toEqual(["a=1", "b=2"]);
  expect(got).toMatchObject({ cache: "BYPASS", age: undefined });
  expect(got.headers).not.toHaveProperty("x-hop");

  await raw(world.front, "/x", "X-Mine: 1\r\nTE: trailers\r\nX-Kept: yes\r\n");
  expect(world.seen[1]?.headers).toMatchObject({ "x-kept": "yes", host: "shop.test" });
  expect(world.seen[1]?.headers).not.toHaveProperty("x-mine");
  expect(world.seen[1]?.headers).not.toHaveProperty("te");
});

test("the Worker learns the client's address, or the one a client on this machine names", async () => {
  const world = await startWorld();
  await world.get("/x");
  await world.get("/x", { "cf-connecting-ip": "203.0.113.7", "x-forwarded-for": "10.0.0.1" });
  expect(world.seen[0]?.headers).toMatchObject({
    "cf-connecting-ip": "127.0.0.1",
    "x-forwarded-for": "127.0.0.1",
    "x-forwarded-proto": "http",
  });
  expect(world.seen[1]?.headers).toMatchObject({
    "cf-connecting-ip": "203.0.113.7",
    "x-forwarded-for": "10.0.0.1, 203.0.113.7",
  });
});

test.each(["GET", "POST"] as const)(
  "with the Worker down, %s is answered 502 `unreachable`",
  async (method) => {
    const world = await startWorld();
    await world.stopWorker();
    const got = await world.ask(method, "/x", method === "POST" ? { body: "x".repeat(100_000) } : {});
    expect(got.status).toBe(502);
    expect(got.headers).toMatchObject({ "content-type": "application/problem+json", "retry-after": "1" });
    expect(got.headers["cache-control"]).toBe("no-store");
    expect(JSON.parse(got.body)).toMatchObject({ type: "unreachable", status: 502 });
  },
);

test("a Worker whose address is not known yet is unreachable, not a crash; a moved one is found", async () => {
  const place: { address?: string } = {};
  const world = await startWorld({
    upstream: () => {
      if (place.address === undefined) throw new Error("not started");
      return place.address;
    },
  });
  expect((await world.get("/x")).status).toBe(502);
  const moved = createServer(counted({ "cache-control": "no-store" }));
  moved.listen(0, "127.0.0.1");
  await once(moved, "listening");
  const port = moved.address();
  place.address = `http://127.0.0.1:${typeof port === "object" && port ? port.port : 0}`;
  expect((await world.get("/x")).body).toBe("run 1");
  moved.closeAllConnections();
  moved.close();
});

test("a Worker that breaks off while a large body is still coming is a 502, and the client's connection lives on", async () => {
  const world = await startWorld();
  world.answer((req, res) => {
    if (req.method === "POST") req.once("data", () => req.socket.destroy());
    else res.end("still here");
  });
  const client = connect(world.front.port, "127.0.0.1");
  let text = "";
  client.on("data", (chunk: Buffer) => (text += chunk.toString()));
  const half = "x".repeat(100_000);
  client.write(`POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 200000\r\n\r\n${half}`);
  await until(() => text.includes("HTTP/1.1 502 "));
  client.write(`${half}GET /y HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`);
  await until(() => text.includes("still here"));
  client.destroy();
});

test("an answer cut off by the Worker is cut off for the client, never completed", async () => {
  const world = await startWorld();
  world.answer((_, res) => {
    res.writeHead(200, { "cache-control": "no-store", "content-length": "100" }).write("half");
    setTimeout(() => res.destroy(), 5);
  });
  await expect(world.get("/x")).rejects.toThrow();
});

test("a client that leaves ends the request at the Worker", async () => {
  const world = await startWorld();
  let ended = false;
  world.answer((_, res) => void res.on("close", () => (ended = true)));
  const leaver = new AbortController();
  const left = fetch(`${world.front.url}/x`, { method: "POST", signal: leaver.signal }).catch(() => "left");
  await until(() => world.seen.length === 1);
  leaver.abort();
  expect(await left).toBe("left");
  await until(() => ended);
});

test("a request target that is no path is refused", async () => {
  const world = await startWorld();
  expect(await raw(world.front, "http://other.test/")).toMatch(/^HTTP\/1.1 400 /);
  expect(world.seen).toHaveLength(0);
});

test("a taken port is Node's own EADDRINUSE error", async () => {
  const world = await startWorld();
  await expect(startFront({ upstream: "http://127.0.0.1:9", port: world.front.port })).rejects.toMatchObject({
    code: "EADDRINUSE",
    port: world.front.port,
  });
});

test("the counters tell what was absorbed, and can be reset", async () => {
  const world = await startWorld();
  world.answer(counted({ "cache-control": "max-age=60" }));
  await world.get("/x");
  await world.get("/x");
  await world.ask("POST", "/x");
  const stats = world.front.stats();
  expect(stats).toMatchObject({ requests: 3, upstreamRequests: 2, bytes: 15, stored: { entries: 1 } });
  expect(stats.byStatus).toMatchObject({ HIT: 1, MISS: 1, BYPASS: 1 });
  world.front.resetStats();
  expect(world.front.stats()).toMatchObject({ requests: 0, upstreamRequests: 0, bytes: 0 });
});
