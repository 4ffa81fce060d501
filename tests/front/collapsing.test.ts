/** Many at once: one of them asks, and nobody gets what was meant for another. */
import type { ServerResponse } from "node:http";
import { expect, test } from "vitest";
import { startWorld, until, type World } from "./world.ts";

/** A Worker that answers only when told, so that a crowd is certainly waiting. */
function holding(world: World, finish: (res: ServerResponse, run: number) => void) {
  const held: ServerResponse[] = [];
  let runs = 0;
  let open = false;
  world.answer((_, res) => {
    if (open) finish(res, ++runs);
    else held.push(res);
  });
  return async (waiting: number) => {
    await until(() => world.front.stats().requests >= waiting && held.length > 0);
    open = true;
    for (const res of held) finish(res, ++runs);
  };
}

const crowd = (world: World, size: number, headers?: (i: number) => Record<string, string>) =>
  Promise.all(Array.from({ length: size }, (_, i) => world.get("/x", headers?.(i))));

test("one hundred simultaneous misses reach the Worker once", async () => {
  const world = await startWorld();
  const release = holding(world, (res, run) =>
    res.writeHead(200, { "cache-control": "max-age=60" }).end(`run ${run}`),
  );
  const answers = crowd(world, 100);
  await release(100);
  const words = (await answers).map(({ cache, body }) => `${String(cache)} ${body}`).toSorted();
  expect(words).toEqual([...Array.from({ length: 99 }, () => "HIT run 1"), "MISS run 1"]);
  expect(world.seen).toHaveLength(1);
});

test.each([
  ["private", { "cache-control": "private" }],
  ["carrying a cookie", { "cache-control": "public, max-age=60", "set-cookie": "who=one" }],
])("an answer %s reaches one client; every other that waited asks for its own", async (_, fields) => {
  const world = await startWorld();
  const release = holding(world, (res, run) => res.writeHead(200, fields).end(`run ${run}`));
  const answers = crowd(world, 100);
  await release(100);
  expect(new Set((await answers).map(({ body }) => body)).size).toBe(100);
  expect((await answers).every(({ cache }) => cache === "BYPASS")).toBe(true);
  expect(world.seen).toHaveLength(100);
});

test("a crowd of two variants reaches the Worker twice", async () => {
  const world = await startWorld();
  world.answer((req, res) => {
    const lang = String(req.headers["accept-language"]);
    setTimeout(
      () => res.writeHead(200, { "cache-control": "max-age=60", vary: "accept-language" }).end(lang),
      20,
    );
  });
  const answers = await crowd(world, 60, (i) => ({ "accept-language": i % 2 ? "de" : "en" }));
  expect(answers.map(({ body }, i) => body === (i % 2 ? "de" : "en"))).not.toContain(false);
  expect(world.seen).toHaveLength(2);
});

test("a crowd before a Worker that is down gets one refusal each after one attempt", async () => {
  const world = await startWorld();
  const held: ServerResponse[] = [];
  world.answer((_, res) => void held.push(res));
  const answers = crowd(world, 20);
  await until(() => world.front.stats().requests === 20 && held.length === 1);
  held[0]?.destroy();
  expect((await answers).map(({ status }) => status)).toEqual(Array.from({ length: 20 }, () => 502));
  expect(world.seen).toHaveLength(1);
});

test("the client that asked first may leave: the others still get the answer", async () => {
  const world = await startWorld();
  const release = holding(world, (res) => res.writeHead(200, { "cache-control": "max-age=60" }).end("x"));
  const leaver = new AbortController();
  const left = fetch(`${world.front.url}/x`, { signal: leaver.signal }).catch(() => "left");
  await until(() => world.front.stats().requests === 1);
  const answers = crowd(world, 10);
  await until(() => world.front.stats().requests === 11);
  leaver.abort();
  await left;
  await release(11);
  expect((await answers).map(({ body }) => body)).toEqual(Array.from({ length: 10 }, () => "x"));
  expect(world.seen).toHaveLength(1);
});
