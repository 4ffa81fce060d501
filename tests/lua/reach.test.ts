/** queue/release.lua: how far down the line what is left can reach, and why the line moves as it does. */
import { describe, expect, test } from "vitest";
import { releaseScript } from "../../functions/queue/pulse.ts";
import { withRedis } from "../support/redis.ts";
import { broken, people, type TestSale } from "../support/sale.ts";

const redis = withRedis();

/** Five units, twelve people, five of them inside. */
async function short(rules = {}): Promise<TestSale> {
  const sale = await redis.sale({ items: { shoe: 3, hat: 2 }, releaseSize: 10, ...rules });
  for (const shopper of people(12)) await sale.join(shopper, -10);
  expect((await sale.tick(0)).released).toBe(5);
  return sale;
}

/** One unit is bought, one is given back by somebody who leaves: 1 of 4 is unclaimed, and one of two came back so far. */
async function withReturn(): Promise<TestSale> {
  const sale = await short();
  for (const shopper of ["s001", "s002"]) {
    await sale.enter(shopper, 1);
    await sale.reserve(shopper, `r-${shopper}`, { shoe: 1 }, 1);
  }
  await sale.confirm("s001", "r-s001", 2);
  await sale.giveBack("s002", "r-s002", 2);
  await sale.leave("s002");
  return sale;
}

describe("the reach", () => {
  test("is null while there is enough for everybody in line, and before opening", async () => {
    const sale = await redis.sale({ items: { shoe: 5 }, releaseSize: 2 });
    for (const shopper of people(5)) await sale.join(shopper, -10);
    expect((await sale.tick(0)).reach).toBeNull();
    await sale.join("s006", 1);
    expect((await sale.tick(1)).reach).not.toBeNull();
    const early = await redis.sale({ items: { shoe: 1 } });
    for (const shopper of people(5)) await early.join(shopper, -10);
    expect((await early.tick(-1)).reach).toBeNull();
  });

  test("while others choose from all that is left is the last one served, or the last one if none of them buys", async () => {
    const sale = await short();
    expect((await sale.tick(1)).reach).toEqual({ left: 5, expected: 5, possible: 10 });
  });

  test("counts on the returns to expect from those so far", async () => {
    const sale = await withReturn();
    // Left: 1, number 6. Of the 3 others in people's hands half come back: one more, number 7. All: 4, number 9.
    expect((await sale.tick(4)).reach).toEqual({ left: 6, expected: 7, possible: 9 });
  });

  test("counts a hold that ended as a return, like one that was given back", async () => {
    const sale = await short({ holdSeconds: 5, passSeconds: 5 });
    for (const shopper of ["s001", "s002"]) {
      await sale.enter(shopper, 1);
      await sale.reserve(shopper, `r-${shopper}`, { shoe: 1 }, 1);
    }
    await sale.confirm("s001", "r-s001", 2);
    await sale.expire(6);
    expect((await sale.state()).stock.get("returned")).toBe("1");
    // Four inside choose from the four units; half of those come back.
    expect((await sale.tick(4.9)).reach).toEqual({ left: 5, expected: 7, possible: 9 });
    expect(await sale.books()).toEqual([]);
  });

  test("is the numbers of those who wait: who left is not counted", async () => {
    const sale = await withReturn();
    await sale.leave("s008");
    expect((await sale.tick(4)).reach).toEqual({ left: 6, expected: 7, possible: 10 });
    for (const shopper of ["s006", "s007"]) await sale.leave(shopper);
    expect((await sale.tick(4)).reach).toEqual({ left: 9, expected: 10, possible: 12 });
  });

  test("with the returns not counted, it expects none", async () => {
    const sale = await withReturn();
    sale.scripts.tick = broken(
      releaseScript,
      "math.max(0, unclaimed), units.returned or 0",
      "math.max(0, unclaimed), 0",
    );
    expect((await sale.tick(4)).reach?.expected).toBe(6);
  });

  test("is the last number given when everything unpaid would be enough", async () => {
    const sale = await redis.sale({ items: { shoe: 4 }, releaseSize: 10 });
    for (const shopper of people(6)) await sale.join(shopper, -10);
    await sale.tick(0);
    expect((await sale.tick(1)).reach).toEqual({ left: 4, expected: 4, possible: 6 });
  });

  test("once everything is sold reaches nobody", async () => {
    const sale = await redis.sale({ items: { shoe: 1 } });
    for (const shopper of people(3)) await sale.join(shopper, -10);
    await sale.tick(0);
    await sale.enter("s001", 0);
    await sale.reserve("s001", "r1", { shoe: 1 }, 0);
    await sale.confirm("s001", "r1", 0);
    expect(await sale.tick(1)).toMatchObject({ unsold: 0, reach: { left: 1, expected: 1, possible: 1 } });
  });
});

describe("of those still in the lobby of a draw", () => {
  test("the reach is exact when nobody left", async () => {
    const sale = await redis.sale({ lobby: "draw", items: { shoe: 4 }, releaseSize: 10 });
    for (const shopper of people(10)) await sale.join(shopper, -10);
    await sale.tick(0);
    expect((await sale.tick(1)).reach).toEqual({ left: 4, expected: 4, possible: 8 });
  });

  test("it is an estimate no further off than those who left allow", async () => {
    const sale = await redis.sale({ lobby: "draw", items: { shoe: 6 }, releaseSize: 10 });
    for (const shopper of people(40)) await sale.join(shopper, -10);
    for (const shopper of people(40).slice(0, 15)) await sale.leave(shopper);
    await sale.tick(0);
    const { reach, nowServing, waiting } = await sale.tick(1);
    expect(waiting).toBe(19);
    expect(reach?.left).toBe(nowServing);
    // The sixth of the nineteen who wait: at least five people are before, at least thirteen behind.
    expect(reach?.possible).toBeGreaterThanOrEqual(nowServing + 6);
    expect(reach?.possible).toBeLessThanOrEqual(40 - 13);
  });

  test("beyond the lobby it is the number of who came after opening", async () => {
    const sale = await redis.sale({ lobby: "draw", items: { shoe: 4 }, releaseSize: 2 });
    for (const shopper of people(4)) await sale.join(shopper, -10);
    await sale.join("gone", -10);
    await sale.leave("gone");
    for (const shopper of people(5, "late")) await sale.join(shopper, 0);
    await sale.tick(0);
    // Two are inside and choose, two wait in the lobby, four units are not paid for: to the second of the late ones.
    expect((await sale.tick(1)).reach).toMatchObject({ possible: 7 });
  });
});

describe("why no more were released", () => {
  test.each([
    ["size", { releaseSize: 2 }, 2],
    ["room", { capacity: 3 }, 3],
    ["stock", { items: { shoe: 4 } }, 4],
    ["line", {}, 6],
  ] as const)("%s", async (boundBy, rules, last) => {
    const sale = await redis.sale({ items: { shoe: 50 }, ...rules });
    for (const shopper of people(6)) await sale.join(shopper, -10);
    expect((await sale.tick(-1)).release).toMatchObject({ boundBy: "", last: 0 });
    expect((await sale.tick(0)).release).toMatchObject({ boundBy, last });
    expect((await sale.tick(1)).release).toMatchObject({ boundBy, last });
  });

  test.each(["hold", "drain", "reject", "passthrough"] as const)("mode %s", async (mode) => {
    const sale = await redis.sale();
    for (const shopper of people(3)) await sale.join(shopper, -10);
    await sale.setMode(mode, -1);
    expect((await sale.tick(0)).release.boundBy).toBe(mode);
  });
});
