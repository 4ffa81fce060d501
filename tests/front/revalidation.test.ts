/** Validators, in both directions: the client's against the cache, the cache's against the Worker. */
import { expect, test } from "vitest";
import { counted, startWorld } from "./world.ts";

test("a client that has the bytes gets 304, from a fill as from a hit, and the Worker is not asked conditionally", async () => {
  const world = await startWorld();
  world.answer(counted({ "cache-control": "max-age=60", etag: '"v1"', "content-type": "text/plain" }));
  for (const [tags, cache] of [
    ['"v0", W/"v1"', "MISS"],
    ['"v1"', "HIT"],
    ["*", "HIT"],
  ] as const) {
    const got = await world.get("/x", { "if-none-match": tags });
    expect(got).toMatchObject({ status: 304, cache, body: "" });
    expect(got.headers).toMatchObject({ etag: '"v1"', "cache-control": "max-age=60" });
    expect(got.headers).not.toHaveProperty("content-type");
  }
  expect(await world.get("/x", { "if-none-match": '"v2"' })).toMatchObject({ status: 200, body: "run 1" });
  expect(world.seen[0]?.headers).not.toHaveProperty("if-none-match");
});

test("If-Modified-Since is answered from Last-Modified", async () => {
  const world = await startWorld();
  world.answer(counted({ "cache-control": "max-age=60", "last-modified": "Tue, 01 Sep 2026 10:00:00 GMT" }));
  const since = (date: string) => world.get("/x", { "if-modified-since": date });
  expect((await since("Tue, 01 Sep 2026 10:00:00 GMT")).status).toBe(304);
  expect((await since("Tue, 01 Sep 2026 09:59:59 GMT")).status).toBe(200);
});

test("a stale answer is revalidated with its own tag: 304 renews it and its fields", async () => {
  const world = await startWorld();
  world.answer(counted({ "cache-control": "max-age=1", etag: '"v1"', "x-version": "old" }));
  await world.get("/x");
  world.pass(2);
  world.answer(
    (_, res) =>
      void res.writeHead(304, { "cache-control": "max-age=30", etag: '"v1"', "x-version": "new" }).end(),
  );
  const got = await world.get("/x");
  expect(got).toMatchObject({ status: 200, cache: "REVALIDATED", body: "run 1" });
  expect(got.headers["x-version"]).toBe("new");
  expect(world.seen[1]?.headers["if-none-match"]).toBe('"v1"');
  world.pass(29);
  expect((await world.get("/x")).cache).toBe("HIT");
});

test("a 304 that brings a cookie is for its one client and ends the stored answer", async () => {
  const world = await startWorld();
  world.answer(counted({ "cache-control": "max-age=1", etag: '"v1"' }));
  await world.get("/x");
  world.pass(2);
  world.answer((_, res) => void res.writeHead(304, { "set-cookie": "who=ann" }).end());
  expect(await world.get("/x")).toMatchObject({ status: 200, cache: "BYPASS", body: "run 1" });
  expect(world.front.stats().stored.entries).toBe(0);
});

test("no-cache is stored and asked about each time", async () => {
  const world = await startWorld();
  world.answer((req, res) => {
    const known = req.headers["if-none-match"] === '"v1"';
    res.writeHead(known ? 304 : 200, { "cache-control": "no-cache", etag: '"v1"' }).end(known ? "" : "page");
  });
  expect(await world.get("/x")).toMatchObject({ cache: "MISS", body: "page" });
  expect(await world.get("/x")).toMatchObject({ cache: "REVALIDATED", body: "page" });
});

test("HEAD on a cold cache fills it with the whole answer, and reads what GET stored", async () => {
  const world = await startWorld();
  world.answer(counted({ "cache-control": "max-age=60" }));
  expect(await world.ask("HEAD", "/x")).toMatchObject({ cache: "MISS", body: "" });
  expect(world.seen[0]?.method).toBe("GET");
  expect(await world.get("/x")).toMatchObject({ cache: "HIT", body: "run 1" });
  const head = await world.ask("HEAD", "/x");
  expect(head).toMatchObject({ status: 200, cache: "HIT", body: "" });
  expect(head.headers["content-length"]).toBe("5");
});

test("HEAD of an uncacheable answer has its fields and no body", async () => {
  const world = await startWorld();
  expect(await world.ask("HEAD", "/x")).toMatchObject({ status: 200, cache: "BYPASS", body: "" });
  expect((await world.get("/x")).body).toBe("run 2");
});
