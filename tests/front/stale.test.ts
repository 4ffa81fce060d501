/** Stale answers: refreshed behind the client's back, or standing in for a Worker that fails. */
import { describe, expect, test } from "vitest";
import { counted, startWorld, until } from "./world.ts";

const failing = counted({ "cache-control": "no-store" }, 500);

describe("stale-while-revalidate", () => {
  const swr = { "cache-control": "max-age=1, stale-while-revalidate=10" };

  test("a stale answer goes out at once while one request refreshes it", async () => {
    const world = await startWorld();
    world.answer(counted(swr));
    await world.get("/x");
    world.pass(2);
    const held: (() => void)[] = [];
    world.answer((_, res) => void held.push(() => res.writeHead(200, swr).end("new")));
    const crowd = await Promise.all(Array.from({ length: 50 }, () => world.get("/x")));
    expect(new Set(crowd.map(({ cache, age, body }) => `${String(cache)} ${String(age)} ${body}`))).toEqual(
      new Set(["UPDATING 2 run 1"]),
    );
    await until(() => held.length > 0);
    expect(world.seen).toHaveLength(2);
    held[0]?.();
    await until(() => world.front.stats().byStatus.UPDATING === 50);
    await until(() => world.seen.length === 2);
    let after = await world.get("/x");
    for (let i = 0; after.body !== "new" && i < 50; i++) after = await world.get("/x");
    expect(after).toMatchObject({ cache: "HIT", body: "new" });
  });

  test("past its window the client waits for the Worker", async () => {
    const world = await startWorld();
    world.answer(counted(swr));
    await world.get("/x");
    world.pass(11);
    expect(await world.get("/x")).toMatchObject({ cache: "EXPIRED", body: "run 2" });
  });

  test.each(["s-maxage=1", "must-revalidate", "proxy-revalidate"])(
    "%s switches it off",
    async (directive) => {
      const world = await startWorld();
      world.answer(counted({ "cache-control": `max-age=1, stale-while-revalidate=10, ${directive}` }));
      await world.get("/x");
      world.pass(2);
      expect(await world.get("/x")).toMatchObject({ cache: "EXPIRED", body: "run 2" });
    },
  );

  test("a refresh that fails leaves the stale answer, and the next request tries again", async () => {
    const world = await startWorld();
    world.answer(counted(swr));
    await world.get("/x");
    world.pass(2);
    world.answer(failing);
    expect((await world.get("/x")).cache).toBe("UPDATING");
    await until(() => world.seen.length === 2);
    await until(() => world.front.stats().upstreamRequests === 2);
    for (let i = 0; world.seen.length < 3 && i < 50; i++) {
      expect(await world.get("/x")).toMatchObject({ cache: "UPDATING", body: "run 1" });
    }
    expect(world.seen.length).toBeGreaterThanOrEqual(3);
  });

  test("a refresh that turns private is shown to nobody and ends the stored answer", async () => {
    const world = await startWorld();
    world.answer(counted(swr));
    await world.get("/x");
    world.pass(2);
    world.answer((_, res) => void res.writeHead(200, { "cache-control": "private" }).end("secret"));
    expect((await world.get("/x")).body).toBe("run 1");
    await until(() => world.front.stats().stored.entries === 0);
  });
});

describe("stale-if-error", () => {
  test.each(["a 500", "a Worker that is gone"])(
    "within the window %s is covered by the stale answer",
    async (failure) => {
      const world = await startWorld();
      world.answer(counted({ "cache-control": "max-age=1, stale-if-error=60" }));
      await world.get("/x");
      if (failure === "a 500") world.answer(failing);
      else await world.stopWorker();
      world.pass(60);
      expect(await world.get("/x")).toMatchObject({ status: 200, cache: "STALE", age: "60", body: "run 1" });
      world.pass(1);
      expect((await world.get("/x")).status).toBe(failure === "a 500" ? 500 : 502);
    },
  );

  test("without the directive errors are papered over for ever: the trap", async () => {
    const world = await startWorld();
    world.answer(counted({ "cache-control": "max-age=1" }));
    await world.get("/x");
    world.answer(failing);
    world.pass(365 * 86_400);
    expect(await world.get("/x")).toMatchObject({ status: 200, cache: "STALE", body: "run 1" });
  });

  test.each(["stale-if-error=0", "s-maxage=1", "must-revalidate"])(
    "%s lets errors through",
    async (directive) => {
      const world = await startWorld();
      world.answer(counted({ "cache-control": `max-age=1, ${directive}` }));
      await world.get("/x");
      world.answer(failing);
      world.pass(2);
      expect((await world.get("/x")).status).toBe(500);
      world.answer(counted({ "cache-control": "max-age=1" }));
      expect((await world.get("/x")).status).toBe(200);
    },
  );

  test("the stale answer is replaced as soon as the Worker is back", async () => {
    const world = await startWorld();
    world.answer(counted({ "cache-control": "max-age=1" }));
    await world.get("/x");
    world.pass(2);
    await world.stopWorker();
    expect((await world.get("/x")).cache).toBe("STALE");
    await world.startWorker();
    expect(await world.get("/x")).toMatchObject({ cache: "EXPIRED", body: "run 2" });
  });

  test("a body cut off half-way is not stored, and the stale answer stands in", async () => {
    const world = await startWorld();
    world.answer(counted({ "cache-control": "max-age=1" }));
    await world.get("/x");
    world.pass(2);
    world.answer((_, res) => {
      res.writeHead(200, { "cache-control": "max-age=60", "content-length": "100" }).write("half");
      setTimeout(() => res.destroy(), 5);
    });
    expect(await world.get("/x")).toMatchObject({ cache: "STALE", body: "run 1" });
  });
});
