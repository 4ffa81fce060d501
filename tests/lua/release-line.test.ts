/** queue/release.lua: N people every tick, N being the smallest of the operator's size, the room and the stock. */
import { describe, expect, test } from "vitest";
import { releaseScript } from "../../functions/queue/pulse.ts";
import { withRedis, type Rules } from "../support/redis.ts";
import { broken, people, type TestSale } from "../support/sale.ts";

const redis = withRedis();

/** A sale with so many in line, s001 first. */
async function withLine(waiting: number, rules: Rules): Promise<TestSale> {
  const sale = await redis.sale(rules);
  for (const shopper of people(waiting)) await sale.join(shopper, -10);
  return sale;
}
const released = async (sale: TestSale) => [...(await sale.state()).released.keys()].sort();

describe("how many", () => {
  test("missing: a Redis that lost the sale releases nobody", async () => {
    const sale = await withLine(3, {});
    await redis.gateway.wipe();
    expect(await sale.tickReply(0)).toEqual({ word: "missing" });
    expect(await redis.gateway.redis.command("DBSIZE")).toBe(0);
  });

  test("nobody before opening or from closing on", async () => {
    const sale = await withLine(3, { openSeconds: 100 });
    expect((await sale.tick(-0.001)).released).toBe(0);
    expect((await sale.tick(100)).released).toBe(0);
    expect((await sale.tick(99.999)).released).toBe(3);
  });

  test("the operator's size, each tick", async () => {
    const sale = await withLine(7, { releaseSize: 3, items: { shoe: 100 } });
    expect(await sale.tick(0)).toMatchObject({
      released: 3,
      waiting: 4,
      inside: 3,
      nowServing: 3,
      joined: 7,
    });
    expect((await sale.tick(4.999)).released).toBe(0);
    expect(await sale.tick(5)).toMatchObject({ released: 3, nowServing: 6 });
    expect(await sale.tick(10)).toMatchObject({ released: 1, waiting: 0, nowServing: 7 });
  });

  test("the size for each tick that nobody called, but never more than the capacity", async () => {
    const many = await withLine(30, { releaseSize: 3, items: { shoe: 100 } });
    expect((await many.tick(20)).released).toBe(15);
    const few = await withLine(30, { releaseSize: 3, items: { shoe: 100 }, capacity: 4 });
    expect(await few.tick(20)).toMatchObject({ released: 4, inside: 4 });
    expect((await few.tick(25)).released).toBe(0);
  });

  test("the room that is free again, once turns are missed", async () => {
    const sale = await withLine(10, { capacity: 4, releaseSize: 10, items: { shoe: 100 } });
    expect((await sale.tick(0)).released).toBe(4);
    await sale.enter("s001", 1);
    expect((await sale.tick(29)).released).toBe(0);
    expect(await sale.tick(30)).toMatchObject({ released: 3, inside: 4 });
  });

  test("no more than the units that nobody inside is choosing from", async () => {
    const sale = await withLine(10, { items: { shoe: 2, hat: 1 }, releaseSize: 10 });
    expect((await sale.tick(0)).released).toBe(3);
    for (const shopper of people(3)) await sale.enter(shopper, 0);
    expect((await sale.tick(5)).released).toBe(0);
    await sale.reserve("s001", "r1", { shoe: 1 }, 5);
    expect(await sale.tick(10)).toMatchObject({ released: 0, holds: 1 });
    await sale.giveBack("s001", "r1", 11);
    await sale.leave("s001");
    expect((await sale.tick(15)).released).toBe(1);
  });

  test("who is called in for a unit that came back is the next in line", async () => {
    const sale = await withLine(3, { items: { shoe: 1 }, holdSeconds: 20, passSeconds: 15 });
    await sale.tick(0);
    await sale.enter("s001", 0);
    await sale.reserve("s001", "r1", { shoe: 1 }, 0);
    expect(await sale.tick(20)).toMatchObject({ released: 0, overdue: 1 });
    await sale.expire(20);
    expect((await sale.tick(25)).released).toBe(1);
    expect((await sale.enter("s002", 25)).word).toBe("entered");
  });
});

describe("who", () => {
  test("goes in the order of the numbers", async () => {
    const sale = await withLine(6, { releaseSize: 2, items: { shoe: 100 } });
    await sale.leave("s002");
    await sale.tick(0);
    expect(await released(sale)).toEqual(["s001", "s003"]);
    await sale.tick(5);
    expect(await released(sale)).toEqual(["s001", "s003", "s004", "s005"]);
  });

  test("50 calls for one tick release once", async () => {
    const sale = await withLine(20, { releaseSize: 3, items: { shoe: 100 } });
    const states = await Promise.all(Array.from({ length: 50 }, (_, i) => sale.tick(i / 1000)));
    expect(states.reduce((sum, state) => sum + state.released, 0)).toBe(3);
    expect(await released(sale)).toEqual(["s001", "s002", "s003"]);
  });

  test("a call that comes late, with an earlier time, releases nobody", async () => {
    const sale = await withLine(20, { releaseSize: 3, items: { shoe: 100 } });
    await sale.tick(10);
    expect((await sale.tick(5)).released).toBe(0);
  });

  test("with the tick not written down, a second call releases more", async () => {
    const sale = await withLine(20, { releaseSize: 3, items: { shoe: 100 } });
    sale.scripts.tick = broken(releaseScript, "'lastTick', lastTick, ");
    await sale.tick(0);
    expect((await sale.tick(1)).released).toBe(3);
  });
});

describe("modes", () => {
  test.each(["hold", "drain", "reject"] as const)(
    "%s releases nobody, and the ticks it took are not made up for later",
    async (mode) => {
      const sale = await withLine(20, { releaseSize: 3, items: { shoe: 100 } });
      await sale.setMode(mode, -1);
      for (const second of [0, 5, 10]) expect(await sale.tick(second)).toMatchObject({ mode, released: 0 });
      await sale.setMode("normal", 11);
      expect((await sale.tick(11)).released).toBe(0);
      expect((await sale.tick(15)).released).toBe(3);
    },
  );

  test("passthrough lets all in, whatever the size, the room and the stock", async () => {
    const sale = await withLine(20, { releaseSize: 1, capacity: 2, items: { shoe: 1 } });
    await sale.setMode("passthrough", -1);
    expect(await sale.tick(0)).toMatchObject({ released: 20, waiting: 0, inside: 20, nowServing: 20 });
    await sale.setMode("normal", 1);
    await sale.join("late", 1);
    expect((await sale.tick(5)).released).toBe(0);
  });

  test("passthrough goes on at once with those that one call could not release", async () => {
    const sale = await redis.sale({ items: { shoe: 1 } });
    const places = Array.from({ length: 10_001 }, (_, i) => [i + 1, `s${i + 1}`]).flat();
    await redis.gateway.redis.command("ZADD", sale.keys.waitlist, ...places);
    await sale.setMode("passthrough", -1);
    expect(await sale.tick(0)).toMatchObject({ released: 10_000, waiting: 1, inside: 10_000 });
    expect(await sale.tick(0.1)).toMatchObject({ released: 1, waiting: 0 });
    expect((await sale.enter("s10001", 1)).word).toBe("entered");
  });
});

test("the state tells the speed of the line, as measured, and nothing while nobody waits", async () => {
  const sale = await withLine(15, { releaseSize: 5, items: { shoe: 100 } });
  expect((await sale.tick(0)).perSecond).toBe(1);
  await sale.setMode("hold", 1);
  expect((await sale.tick(5)).perSecond).toBe(0.5);
  await sale.setMode("normal", 6);
  expect((await sale.tick(10)).perSecond).toBe(0.75);
  await sale.tick(15);
  const speed = (await sale.tick(20)).perSecond;
  expect((await sale.tick(25)).perSecond).toBe(speed);
});

test("with the room not looked at, more than the capacity come in", async () => {
  const sale = await withLine(20, { capacity: 2, items: { shoe: 100 } });
  sale.scripts.tick = broken(releaseScript, "rules[12] - active", "99999");
  expect((await sale.tick(0)).inside).toBeGreaterThan(2);
});

test("with the choosing not counted, people are called in for units that are gone", async () => {
  const sale = await withLine(4, { items: { shoe: 2 } });
  sale.scripts.tick = broken(releaseScript, "units.available - choosing", "units.available");
  await sale.tick(0);
  expect((await sale.tick(5)).released).toBe(2);
});
