/** enter.lua: from a place in line to a pass. */
import { describe, expect, test } from "vitest";
import { enterScript } from "../../functions/queue/queue.ts";
import { withRedis } from "../support/redis.ts";
import { broken, counted, people } from "../support/sale.ts";

const redis = withRedis();

describe("the words, in order of precedence", () => {
  test("missing: a Redis that lost the sale lets nobody in", async () => {
    const sale = await redis.sale();
    await sale.admit(["ann"], 0);
    await redis.gateway.wipe();
    expect((await sale.enter("ann", 1)).word).toBe("missing");
    expect(await redis.gateway.redis.command("DBSIZE")).toBe(0);
  });

  test("closed comes before on_hold, and both before a pass given before", async () => {
    const sale = await redis.sale();
    await sale.admit(["ann"], 0);
    expect((await sale.enter("ann", 1)).word).toBe("again");
    await sale.setMode("reject", 1);
    expect((await sale.enter("ann", 2)).word).toBe("on_hold");
    expect((await sale.enter("ann", 3600)).word).toBe("closed");
  });

  test("a pass given before is answered also when all is sold; a turn that is on lets in", async () => {
    const sale = await redis.sale({ items: { shoe: 1 } });
    await sale.setMode("passthrough", -1);
    for (const shopper of ["ann", "bob", "cat"]) await sale.join(shopper, 0);
    await sale.tick(0);
    await sale.enter("ann", 0);
    await sale.enter("cat", 0);
    await sale.reserve("ann", "r1", { shoe: 1 }, 0);
    await sale.confirm("ann", "r1", 0);
    expect((await sale.enter("cat", 1)).word).toBe("again");
    expect((await sale.enter("bob", 1)).word).toBe("entered");
    expect((await sale.enter("ann", 1)).word).toBe("sold_out");
    expect((await sale.enter("bob", 1000)).word).toBe("sold_out");
    expect((await sale.enter("nobody", 1)).word).toBe("sold_out");
  });

  test("invalid_ticket: a place that was given up is gone; another one is not given for it", async () => {
    const sale = await redis.sale();
    const ticket = await sale.join("ann", 0);
    await sale.leave("ann");
    expect((await sale.enter("ann", 1, ticket)).word).toBe("invalid_ticket");
    expect((await sale.state()).waitlist.size).toBe(0);
  });

  test("not_your_turn says when the next release is due", async () => {
    const sale = await redis.sale();
    await sale.join("ann", -20);
    expect(await sale.enter("ann", -20)).toMatchObject({
      word: "not_your_turn",
      number: 1,
      nextTickMs: sale.at(0),
    });
  });
});

describe("a pass", () => {
  test("lasts passSeconds, and asked for 20 times at once is one", async () => {
    const sale = await redis.sale({ passSeconds: 60 });
    await sale.join("ann", 0);
    await sale.tick(0);
    const answers = await Promise.all(Array.from({ length: 20 }, (_, i) => sale.enter("ann", 1 + i / 1000)));
    expect(counted(answers.map(({ word }) => word))).toEqual({ entered: 1, again: 19 });
    expect(new Set(answers.map((answer) => answer.passExpiresAtMs)).size).toBe(1);
    expect(answers.find(({ word }) => word === "entered")?.passExpiresAtMs).toBeGreaterThanOrEqual(
      sale.at(61),
    );
  });

  test("ends with the sale at the latest", async () => {
    const sale = await redis.sale({ openSeconds: 100, passSeconds: 60 });
    await sale.join("ann", 90);
    await sale.tick(90);
    expect((await sale.enter("ann", 90)).passExpiresAtMs).toBe(sale.at(100));
  });

  test("is renewed while a hold outlasts it, whatever the line does", async () => {
    const sale = await redis.sale({ passSeconds: 60, holdSeconds: 600, capacity: 1 });
    await sale.admit(["ann"], 0);
    await sale.reserve("ann", "r1", { shoe: 1 }, 50);
    await sale.setMode("hold", 50);
    expect(await sale.enter("ann", 60)).toMatchObject({ word: "entered", passExpiresAtMs: sale.at(120) });
  });
});

describe("a missed turn", () => {
  test("lets in at once while there is room", async () => {
    const sale = await redis.sale({ capacity: 2 });
    await sale.join("ann", 0);
    await sale.tick(0);
    expect(await sale.enter("ann", 100)).toMatchObject({ word: "entered", number: 1 });
  });

  test("keeps its number and comes before newer ones when there is no room", async () => {
    const sale = await redis.sale({ capacity: 1, passSeconds: 60 });
    for (const shopper of ["ann", "bob", "cat"]) await sale.join(shopper, 0);
    await sale.tick(0);
    await sale.tick(40);
    expect((await sale.enter("bob", 40)).word).toBe("entered");
    expect(await sale.enter("ann", 50)).toMatchObject({ word: "not_your_turn", number: 1 });
    expect(await sale.enter("ann", 51)).toMatchObject({ word: "not_your_turn", number: 1 });
    expect(await sale.line()).toEqual([]);
    await sale.tick(105);
    expect((await sale.enter("cat", 105)).word).toBe("not_your_turn");
    expect((await sale.enter("ann", 105)).word).toBe("entered");
  });

  test("does not let in when others inside choose from all that is left", async () => {
    const sale = await redis.sale({ items: { shoe: 1 }, capacity: 10 });
    await sale.join("ann", 0);
    await sale.tick(0);
    await sale.join("bob", 40);
    await sale.tick(40);
    expect((await sale.enter("ann", 41)).word).toBe("not_your_turn");
    expect((await sale.enter("bob", 41)).word).toBe("entered");
  });

  test("passes nobody who waits with a smaller number", async () => {
    const sale = await redis.sale({ capacity: 2, passSeconds: 60 });
    for (const shopper of ["ann", "bob", "cat", "dan"]) await sale.join(shopper, 0);
    await sale.tick(0);
    await sale.tick(40);
    expect((await sale.enter("cat", 40)).word).toBe("entered");
    expect((await sale.enter("ann", 41)).word).toBe("not_your_turn");
    // dan misses the turn too: there is room for one, and it is ann's.
    expect((await sale.enter("bob", 75)).word).toBe("not_your_turn");
    await sale.tick(75);
    expect((await sale.enter("ann", 76)).word).toBe("entered");
    expect((await sale.enter("bob", 76)).word).toBe("not_your_turn");
  });

  test.each(["hold", "drain"] as const)("waits in mode %s, also with room", async (mode) => {
    const sale = await redis.sale();
    await sale.join("ann", 0);
    await sale.tick(0);
    await sale.setMode(mode, 10);
    expect(await sale.enter("ann", 100)).toMatchObject({ word: "not_your_turn", number: 1 });
    await sale.setMode("normal", 110);
    await sale.tick(110);
    expect(await sale.enter("ann", 110)).toMatchObject({ word: "entered", number: 1 });
  });
});

test("100 who missed their turn and come back at once do not exceed the capacity", async () => {
  const sale = await redis.sale({ items: { shoe: 100 }, capacity: 10, releaseSize: 10 });
  for (const shopper of people(100)) await sale.join(shopper, 0);
  for (let second = 0; second < 400; second += 40) await sale.tick(second);
  expect((await sale.state()).waitlist.size).toBe(0);
  const words = await Promise.all(people(100).map(async (shopper) => (await sale.enter(shopper, 400)).word));
  expect(counted(words)).toEqual({ entered: 10, not_your_turn: 90 });
});

test("with the room not looked at, more than the capacity come in", async () => {
  const sale = await redis.sale({ items: { shoe: 100 }, capacity: 1 });
  sale.scripts.enter = broken(enterScript, "if active + ahead < tonumber(rules[7]) and", "if");
  for (const shopper of people(3)) await sale.join(shopper, 0);
  for (const second of [0, 40, 80]) await sale.tick(second);
  for (const shopper of people(3)) await sale.enter(shopper, 120);
  expect((await sale.tick(120)).inside).toBeGreaterThan(1);
});

describe("a ticket from before Redis was lost", () => {
  test("outdated: it joins first, which gives its number back, and comes in by it", async () => {
    const sale = await redis.sale({ releaseSize: 1 });
    const { number, epoch } = await sale.join("ann", 0);
    await sale.lose();
    await sale.publish({ epoch: 2, numbersUntil: 30 });
    expect(await sale.enter("ann", 0, { number, epoch })).toMatchObject({
      word: "outdated",
      number,
      epoch: 2,
    });
    expect((await sale.state()).waitlist.size).toBe(0);
    expect((await sale.join("bob", 0)).number).toBe(31);
    expect(await sale.joinAgain("ann", 0)).toMatchObject({ word: "joined", number: 1, epoch: 2 });
    await sale.tick(0);
    expect((await sale.enter("bob", 0)).word).toBe("not_your_turn");
    expect(await sale.enter("ann", 0)).toMatchObject({ word: "entered", number: 1, epoch: 2 });
  });

  test("closed comes before outdated, and outdated before on_hold", async () => {
    const sale = await redis.sale();
    await sale.lose();
    await sale.publish({ epoch: 2, mode: "reject" });
    const old = { number: 1, epoch: 1 };
    expect((await sale.enter("ann", 0, old)).word).toBe("outdated");
    expect((await sale.enter("ann", 0, { number: 1, epoch: 2 })).word).toBe("on_hold");
    expect((await sale.enter("ann", 3600, old)).word).toBe("closed");
  });

  test("whose turn had come comes in at once while there is room, and passes nobody before them", async () => {
    const sale = await redis.sale({ capacity: 2, passSeconds: 60 });
    await sale.lose();
    await sale.publish({ epoch: 2, numbersUntil: 30, nowServing: 5 });
    const back = (shopper: string, number: number) => sale.join(shopper, 1, { old: { number, epoch: 1 } });
    await back("three", 3);
    await back("four", 4);
    await back("five", 5);
    await back("six", 6);
    expect((await sale.enter("six", 1)).word).toBe("not_your_turn");
    expect((await sale.enter("five", 1)).word).toBe("not_your_turn");
    expect(await sale.enter("four", 1)).toMatchObject({ word: "entered", number: 4 });
    expect(await sale.enter("three", 1)).toMatchObject({ word: "entered", number: 3 });
    expect((await sale.enter("five", 1)).word).toBe("not_your_turn");
    expect(await sale.line()).toEqual([]);
  });

  test("of an epoch that has not come is none", async () => {
    const sale = await redis.sale();
    await sale.admit(["ann"], 0);
    expect((await sale.enter("ann", 0, { number: 1, epoch: 2 })).word).toBe("invalid_ticket");
  });
});

describe("who holds units that a rebuild brought back", () => {
  const record = (shopper: string, expiresAtMs: number) => ({
    id: `r-${shopper}`,
    shopper,
    number: 1,
    state: "held",
    lines: [{ sku: "shoe", quantity: 1, price: 0 }],
    total: 0,
    currency: "EUR",
    heldAtMs: expiresAtMs - 600_000,
    expiresAtMs,
    changedAtMs: expiresAtMs - 600_000,
  });

  test("comes in at once: the room is theirs already", async () => {
    const sale = await redis.sale({ items: { shoe: 1 }, capacity: 1 });
    await sale.lose();
    await sale.restore(2, [record("ann", sale.at(600))]);
    await sale.publish({ epoch: 2, numbersUntil: 30, nowServing: 5, held: { shoe: 1 } });
    await sale.join("ann", 1, { old: { number: 1, epoch: 1 } });
    await sale.join("bob", 1, { old: { number: 2, epoch: 1 } });
    expect((await sale.enter("bob", 2)).word).toBe("not_your_turn");
    expect(await sale.enter("ann", 2)).toMatchObject({ word: "entered", number: 1, epoch: 2 });
    expect((await sale.tick(5)).inside).toBe(1);
    expect((await sale.confirm("ann", "r-ann", 6))[0]).toBe("confirmed");
    expect(await sale.line()).toEqual([]);
  });

  test("waits for their turn like others when it had not come before", async () => {
    const sale = await redis.sale({ items: { shoe: 3 }, capacity: 3 });
    await sale.lose();
    await sale.restore(2, [record("ann", sale.at(600))]);
    await sale.publish({ epoch: 2, numbersUntil: 30, nowServing: 5, held: { shoe: 1 } });
    // Left while holding, and came again behind the others.
    await sale.join("ann", 1);
    expect((await sale.enter("ann", 2)).word).toBe("not_your_turn");
  });
});
