/** Which answers the front keeps, and for how long: Cloudflare's documented rules. */
import { describe, expect, test } from "vitest";
import { counted, startWorld } from "./world.ts";

async function twice(
  fields: Record<string, string | string[]>,
  status = 200,
  headers: Record<string, string> = {},
) {
  const world = await startWorld();
  world.answer(counted(fields, status));
  const first = await world.get("/x", headers);
  const second = await world.get("/x", headers);
  return { world, words: [first.cache, second.cache], runs: world.seen.length, first, second };
}

describe("lifetimes", () => {
  test("max-age keeps an answer until exactly that age", async () => {
    const world = await startWorld();
    world.answer(counted({ "cache-control": "public, max-age=10" }));
    expect(await world.get("/x")).toMatchObject({ cache: "MISS", age: undefined, body: "run 1" });
    world.pass(9.9);
    expect(await world.get("/x")).toMatchObject({ cache: "HIT", age: "9", body: "run 1" });
    world.pass(0.1);
    expect(await world.get("/x")).toMatchObject({ cache: "EXPIRED", body: "run 2" });
    expect(await world.get("/x")).toMatchObject({ cache: "HIT", age: "0", body: "run 2" });
  });

  test("s-maxage counts before max-age", async () => {
    const world = await startWorld();
    world.answer(counted({ "cache-control": "max-age=1, s-maxage=100" }));
    await world.get("/x");
    world.pass(99);
    expect((await world.get("/x")).cache).toBe("HIT");
  });

  test("a field for the CDN alone counts before Cache-Control, and the Cloudflare one stays hidden", async () => {
    const world = await startWorld();
    world.answer(
      counted({
        "cache-control": "no-store",
        "cdn-cache-control": "max-age=1",
        "cloudflare-cdn-cache-control": "max-age=50",
      }),
    );
    const first = await world.get("/x");
    expect(first.headers).toMatchObject({ "cache-control": "no-store", "cdn-cache-control": "max-age=1" });
    expect(first.headers).not.toHaveProperty("cloudflare-cdn-cache-control");
    world.pass(49);
    expect((await world.get("/x")).cache).toBe("HIT");
  });

  test.each([
    [200, 7200],
    [301, 1200],
    [404, 180],
  ])("an answer of %i without Cache-Control is kept for %i seconds: the trap", async (status, seconds) => {
    const world = await startWorld();
    world.answer(counted({}, status));
    await world.get("/x");
    world.pass(seconds - 1);
    expect((await world.get("/x")).cache).toBe("HIT");
    world.pass(1);
    expect((await world.get("/x")).cache).toBe("EXPIRED");
  });

  test("must-revalidate is fresh until its age, then asked about", async () => {
    const world = await startWorld();
    world.answer(counted({ "cache-control": "max-age=5, must-revalidate" }));
    await world.get("/x");
    expect((await world.get("/x")).cache).toBe("HIT");
    world.pass(5);
    expect((await world.get("/x")).cache).toBe("EXPIRED");
  });

  test("Expires is obeyed when Cache-Control is absent", async () => {
    const world = await startWorld();
    world.answer((_, res) => {
      const date = new Date();
      const expires = new Date(date.getTime() + 60_000);
      res.writeHead(200, { date: date.toUTCString(), expires: expires.toUTCString() }).end("x");
    });
    await world.get("/x");
    world.pass(58);
    expect((await world.get("/x")).cache).toBe("HIT");
    world.pass(3);
    expect((await world.get("/x")).cache).toBe("EXPIRED");
  });
});

describe("never kept", () => {
  test.each([
    ["no-store", { "cache-control": "no-store" }, 200, "BYPASS"],
    ["private", { "cache-control": "private, max-age=60" }, 200, "BYPASS"],
    ["Set-Cookie", { "cache-control": "public, max-age=60", "set-cookie": "a=1" }, 200, "BYPASS"],
    ["Vary: *", { "cache-control": "public, max-age=60", vary: "*" }, 200, "BYPASS"],
    ["a part of a file", { "cache-control": "public, max-age=60" }, 206, "MISS"],
    ["a Cloudflare failure", { "cache-control": "public, max-age=60" }, 522, "MISS"],
    ["a refusal without Cache-Control", {}, 403, "DYNAMIC"],
    ["a failure without Cache-Control", {}, 500, "DYNAMIC"],
  ])("%s", async (_, fields, status, word) => {
    const { words, runs } = await twice(fields, status);
    expect(words).toEqual([word, word]);
    expect(runs).toBe(2);
  });

  test("a refusal that calls itself cacheable is cached, as in production", async () => {
    expect((await twice({ "cache-control": "public, max-age=60" }, 403)).words).toEqual(["MISS", "HIT"]);
  });

  test("a changed mind: no-store after a stored answer removes it", async () => {
    const world = await startWorld();
    world.answer(counted({ "cache-control": "max-age=1" }));
    await world.get("/x");
    world.pass(2);
    world.answer(counted({ "cache-control": "no-store" }));
    expect((await world.get("/x")).cache).toBe("BYPASS");
    expect(world.front.stats().stored.entries).toBe(0);
  });

  test("every method but GET and HEAD goes to the Worker", async () => {
    const world = await startWorld();
    world.answer(counted({ "cache-control": "public, max-age=60" }));
    for (const method of ["POST", "POST", "DELETE"] as const) {
      expect((await world.ask(method, "/x")).cache).toBe("BYPASS");
    }
    expect(world.seen).toHaveLength(3);
  });
});

describe("who is asking", () => {
  test("a request with Authorization neither fills the cache nor reads an answer not marked public", async () => {
    const world = await startWorld();
    world.answer(counted({ "cache-control": "max-age=60" }));
    const bearer = { authorization: "Bearer a" };
    expect((await world.get("/x", bearer)).cache).toBe("BYPASS");
    expect((await world.get("/x")).cache).toBe("MISS");
    expect(await world.get("/x", bearer)).toMatchObject({ cache: "BYPASS", body: "run 3" });
    expect((await world.get("/x")).body).toBe("run 2");
  });

  test("an answer marked public is shared even with Authorization: a leak that shows", async () => {
    const { words } = await twice({ "cache-control": "public, max-age=60" }, 200, {
      authorization: "Bearer a",
    });
    expect(words).toEqual(["MISS", "HIT"]);
  });

  test("cookies and host reach the Worker but are not in the key: a leak that shows", async () => {
    const world = await startWorld();
    world.answer((req, res) => {
      res.writeHead(200, { "cache-control": "public, max-age=60" });
      res.end(`for ${req.headers.cookie ?? ""} at ${req.headers.host ?? ""}`);
    });
    expect((await world.get("/x", { cookie: "ann", host: "a.test" })).body).toBe("for ann at a.test");
    expect((await world.get("/x", { cookie: "bob", host: "b.test" })).body).toBe("for ann at a.test");
  });

  test("path and query are in the key exactly as sent", async () => {
    const world = await startWorld();
    world.answer(counted({ "cache-control": "max-age=60" }));
    for (const path of ["/x", "/x/", "/x?a=1&b=2", "/x?b=2&a=1", "/%78"]) {
      expect((await world.get(path)).cache, path).toBe("MISS");
    }
  });

  test("a client that reloads with no-cache does not reach the Worker", async () => {
    const { words } = await twice({ "cache-control": "max-age=60" }, 200, { "cache-control": "no-cache" });
    expect(words).toEqual(["MISS", "HIT"]);
  });

  test("Vary keeps one answer for each value, compared as sent", async () => {
    const world = await startWorld();
    world.answer((req, res) => {
      res.writeHead(200, { "cache-control": "max-age=60", vary: "Accept-Encoding" });
      res.end(`coded ${String(req.headers["accept-encoding"])}`);
    });
    const get = (coding: string) => world.get("/x", { "accept-encoding": coding });
    expect(await get("gzip")).toMatchObject({ cache: "MISS", body: "coded gzip" });
    expect(await get("br")).toMatchObject({ cache: "MISS", body: "coded br" });
    expect(await get("gzip")).toMatchObject({ cache: "HIT", body: "coded gzip" });
    expect(await get("br")).toMatchObject({ cache: "HIT", body: "coded br" });
    expect(await world.get("/x")).toMatchObject({ cache: "MISS", body: "coded undefined" });
  });
});

test("memory stays within its bound: the least recently used answer goes first", async () => {
  const world = await startWorld({ cacheBytesMax: 160_000 });
  world.answer(
    (_, res) => void res.writeHead(200, { "cache-control": "max-age=60" }).end("x".repeat(15_000)),
  );
  for (const path of ["/0", "/1", "/2", "/3", "/4", "/5", "/6", "/7", "/8"]) await world.get(path);
  expect((await world.get("/0")).cache).toBe("HIT");
  await world.get("/9");
  await world.get("/10");
  expect(world.front.stats().stored.bytes).toBeLessThanOrEqual(160_000);
  expect((await world.get("/0")).cache).toBe("HIT");
  expect((await world.get("/1")).cache).toBe("MISS");
});

test.each(["a known", "an unknown"])(
  "an answer of %s length too large to keep is passed on whole",
  async (which) => {
    const world = await startWorld({ cacheBytesMax: 80_000 });
    const part = "y".repeat(5_000);
    world.answer((_, res) => {
      const length = which === "a known" ? { "content-length": "20000" } : {};
      res.writeHead(200, { "cache-control": "max-age=60", ...length });
      for (let i = 0; i < 4; i++) res.write(part);
      res.end();
    });
    expect(await world.get("/big")).toMatchObject({ cache: "MISS", body: part.repeat(4) });
    expect((await world.get("/big")).cache).toBe("MISS");
  },
);
