/** join.lua: places in line, by arrival. */
import { describe, expect, test } from "vitest";
import { joinScript } from "../../functions/queue/join.ts";
import { withRedis } from "../support/redis.ts";
import { broken, counted, people } from "../support/sale.ts";

const redis = withRedis();
const lobbySeconds = 15 * 60;

describe("numbers", () => {
  test("go up by one in the order of arrival", async () => {
    const sale = await redis.sale();
    for (const [i, shopper] of people(5).entries())
      expect(await sale.join(shopper, -10)).toMatchObject({ word: "joined", number: i + 1, epoch: 1 });
    expect(await sale.line()).toEqual([]);
  });

  test("500 who join at once get the numbers 1 to 500, one each", async () => {
    const sale = await redis.sale();
    const answers = await Promise.all(people(500).map((shopper) => sale.join(shopper, 0)));
    expect(counted(answers.map(({ word }) => word))).toEqual({ joined: 500 });
    const numbers = answers.map(({ number }) => number).sort((a, b) => a - b);
    expect(numbers).toEqual(Array.from({ length: 500 }, (_, i) => i + 1));
    expect(await sale.line()).toEqual([]);
  });

  test("with the counter not moved, the line shows it", async () => {
    const sale = await redis.sale();
    sale.scripts.join = broken(joinScript, "redis.call('HSET', sale, 'lastNumber', lastNumber)");
    await Promise.all(people(2).map((shopper) => sale.join(shopper, 0)));
    expect(await sale.line()).toContain("a number was given twice");
  });
});

describe("one shopper, one place", () => {
  test("the same shopper 11 times at once has one place", async () => {
    const sale = await redis.sale();
    const answers = await Promise.all(Array.from({ length: 11 }, () => sale.join("ann", 0)));
    expect(counted(answers.map(({ word }) => word))).toEqual({ joined: 1, again: 10 });
    expect(new Set(answers.map(({ number }) => number))).toEqual(new Set([1]));
    expect((await sale.state()).sale.get("lastNumber")).toBe("1");
  });

  test("with the look for a place removed, a second call moves the shopper back", async () => {
    const sale = await redis.sale();
    sale.scripts.join = broken(joinScript, "if place then return", "if false then return");
    await sale.join("ann", 0);
    expect((await sale.join("ann", 1)).number).not.toBe(1);
  });

  test("who was released or came in still has the same number", async () => {
    const sale = await redis.sale();
    await sale.join("ann", 0);
    await sale.tick(0);
    expect(await sale.join("ann", 1)).toMatchObject({ word: "again", number: 1 });
    await sale.enter("ann", 1);
    expect(await sale.join("ann", 2)).toMatchObject({ word: "again", number: 1 });
  });

  test("who left and comes again goes to the end", async () => {
    const sale = await redis.sale();
    await sale.join("ann", 0);
    await sale.join("bob", 0);
    await sale.leave("ann");
    expect(await sale.joinAgain("ann", 1)).toMatchObject({ word: "joined", number: 3 });
  });
});

describe("the words, in order of precedence", () => {
  test("missing: an unknown sale has no line", async () => {
    const sale = await redis.sale();
    await redis.gateway.wipe();
    expect(await sale.join("ann", 0)).toMatchObject({ word: "missing", number: 0, epoch: 0 });
    expect(await redis.gateway.redis.command("DBSIZE")).toBe(0);
  });

  test("again comes before every refusal", async () => {
    const sale = await redis.sale({ items: { shoe: 1 } });
    await sale.admit(["ann"], 0);
    await sale.join("bob", 0);
    await sale.reserve("ann", "r1", { shoe: 1 }, 0);
    await sale.confirm("ann", "r1", 0);
    await sale.setMode("reject", 0);
    expect(await sale.join("bob", 3600)).toMatchObject({ word: "again", number: 2 });
    expect(await sale.join("cat", 3600)).toMatchObject({ word: "on_hold" });
  });

  test.each([
    ["reject", 3600, 0, "on_hold"],
    ["drain", -lobbySeconds - 1, 0, "on_hold"],
    ["normal", -lobbySeconds - 0.001, 0, "not_open"],
    ["normal", -lobbySeconds, 0, "sold_out"],
    ["normal", -lobbySeconds, 1, "joined"],
    ["normal", 3600, 0, "closed"],
    ["normal", 3600, 1, "closed"],
    ["normal", 3599.999, 0, "sold_out"],
    ["normal", 3599.999, 1, "joined"],
    ["hold", 1, 1, "joined"],
    ["passthrough", 1, 1, "joined"],
  ] as const)("in mode %s, %s s after opening, with a stock of %s: %s", async (mode, second, stock, word) => {
    const sale = await redis.sale({ items: { shoe: stock } });
    await sale.setMode(mode, -9999);
    const answer = await sale.join("ann", second);
    expect(answer.word).toBe(word);
    if (word === "not_open") expect(answer.number).toBe(sale.at(-lobbySeconds));
    else expect(answer.number).toBe(word === "joined" ? 1 : 0);
  });

  test("sold_out lasts while nothing can come back, and a held unit can", async () => {
    const sale = await redis.sale({ items: { shoe: 1 } });
    await sale.admit(["ann"], 0);
    await sale.reserve("ann", "r1", { shoe: 1 }, 0);
    expect((await sale.join("bob", 1)).word).toBe("joined");
    await sale.confirm("ann", "r1", 1);
    expect((await sale.join("cat", 1)).word).toBe("sold_out");
  });
});

describe("a ticket from before Redis was lost", () => {
  test("gets its number back, ahead of all who came later", async () => {
    const sale = await redis.sale({ releaseSize: 1 });
    await sale.lose();
    await sale.publish({ epoch: 2 });
    const old = (number: number) => ({ old: { number, epoch: 1 } });
    expect(await sale.join("old", 0, old(41))).toMatchObject({ word: "joined", number: 41, epoch: 2 });
    expect(await sale.join("new", 0)).toMatchObject({ word: "joined", number: 42 });
    expect(await sale.join("older", 0, old(7))).toMatchObject({ word: "joined", number: 7 });
    expect((await sale.join("older", 0, old(7))).word).toBe("again");
    await sale.tick(0);
    expect([...(await sale.state()).released.keys()]).toEqual(["older"]);
    expect(await sale.line()).toEqual([]);
  });

  test("of this epoch or a later one buys nothing", async () => {
    const sale = await redis.sale();
    await sale.join("ann", 0);
    expect((await sale.join("bob", 0, { old: { number: 1, epoch: 1 } })).number).toBe(2);
    expect((await sale.join("cat", 0, { old: { number: 1, epoch: 9 } })).number).toBe(3);
  });

  test("of somebody else buys nothing", async () => {
    const sale = await redis.sale();
    await sale.lose();
    await sale.publish({ epoch: 2, numbersUntil: 100 });
    const old = { shopper: "ann", number: 5, epoch: 1 };
    expect((await sale.join("bob", 0, { old })).number).toBe(101);
    expect((await sale.join("ann", 0, { old })).number).toBe(5);
    expect(await sale.line()).toEqual([]);
  });

  test("with its owner not looked at, one ticket is two people's number", async () => {
    const sale = await redis.sale();
    await sale.lose();
    await sale.publish({ epoch: 2, numbersUntil: 100 });
    sale.scripts.join = broken(joinScript, "oldShopper == shopper and", "oldShopper ~= '' and");
    const old = { shopper: "ann", number: 5, epoch: 1 };
    await sale.join("bob", 0, { old });
    await sale.join("ann", 0, { old });
    expect(await sale.line()).toContain("a number was given twice");
  });

  test("waits for its number like a new one: a line that takes nobody does not take it", async () => {
    const sale = await redis.sale();
    await sale.lose();
    await sale.publish({ epoch: 2, mode: "reject" });
    expect((await sale.join("ann", 0, { old: { number: 5, epoch: 1 } })).word).toBe("on_hold");
  });
});

test("the answer says when the next release is due", async () => {
  const sale = await redis.sale({ releaseEverySeconds: 5 });
  expect((await sale.join("ann", -60)).nextTickMs).toBe(sale.at(0));
  await sale.tick(12);
  expect((await sale.join("bob", 12)).nextTickMs).toBe(sale.at(15));
});

test("without a time of the caller, Redis's own counts", async () => {
  const sale = await redis.sale();
  sale.redisTime = true;
  const { word, nowMs } = await sale.join("ann", 0);
  expect(word).toBe("not_open");
  expect(Math.abs(nowMs - Date.now())).toBeLessThan(10_000);
});
