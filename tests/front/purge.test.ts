/** Purging by tag, and what a purge must not miss. */
import type { ServerResponse } from "node:http";
import { expect, test } from "vitest";
import { counted, startWorld, until } from "./world.ts";

test("a tag takes every answer that carries it, whatever its case, and clients never see the tags", async () => {
  const world = await startWorld();
  world.answer((req, res) => {
    const tag = req.url?.startsWith("/a") ? "Sale-1, pages" : "sale-2";
    res.writeHead(200, { "cache-control": "max-age=60", "cache-tag": tag }).end("x");
  });
  for (const path of ["/a1", "/a2", "/b"])
    expect((await world.get(path)).headers).not.toHaveProperty("cache-tag");
  expect(world.front.purge({ tags: ["sale-1", "unknown"] })).toBe(2);
  expect((await world.get("/a1")).cache).toBe("MISS");
  expect((await world.get("/b")).cache).toBe("HIT");
});

test("a tag takes all variants of a URL", async () => {
  const world = await startWorld();
  world.answer(counted({ "cache-control": "max-age=60", "cache-tag": "t", vary: "accept-language" }));
  await world.get("/x", { "accept-language": "de" });
  await world.get("/x", { "accept-language": "en" });
  expect(world.front.purge({ tags: ["t"] })).toBe(2);
  expect(world.front.stats().stored).toEqual({ entries: 0, bytes: 0 });
});

test("everything goes", async () => {
  const world = await startWorld();
  world.answer(counted({ "cache-control": "max-age=60" }));
  await world.get("/x");
  expect(world.front.purge({ everything: true })).toBe(1);
  expect((await world.get("/x")).cache).toBe("MISS");
});

test("an answer asked for before a purge is not stored after it, and nobody later waits for it", async () => {
  const world = await startWorld();
  const held: ServerResponse[] = [];
  const fields = { "cache-control": "max-age=60", "cache-tag": "t" };
  world.answer((_, res) => void held.push(res));
  const before = world.get("/x");
  await until(() => held.length === 1);
  world.front.purge({ tags: ["t"] });
  const after = world.get("/x");
  await until(() => held.length === 2);
  held[0]?.writeHead(200, fields).end("old");
  expect((await before).body).toBe("old");
  const later = world.get("/x");
  await until(() => world.front.stats().requests === 3);
  held[1]?.writeHead(200, fields).end("new");
  expect((await after).body).toBe("new");
  expect((await later).body).toBe("new");
  expect(await world.get("/x")).toMatchObject({ cache: "HIT", body: "new" });
});
