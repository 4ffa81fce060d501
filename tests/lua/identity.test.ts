/** join.lua: who counts as one person, by the sale's rule; and who failed the bot check. */
import { describe, expect, test } from "vitest";
import { joinScript } from "../../functions/queue/join.ts";
import { joinQueue, enterSale, leaveQueue } from "../../functions/queue/queue.ts";
import { withRedis } from "../support/redis.ts";
import { broken, people } from "../support/sale.ts";

const redis = withRedis();
const known = { registered: "by-address", account: "by-account" };

describe("one person is", () => {
  test.each([
    ["anyone", "by-cookie"],
    ["registered", "by-address"],
    ["account", "by-account"],
  ] as const)("with identity %s known as %s, whatever else they bring", async (identity, shopper) => {
    const sale = await redis.sale({ identity });
    const brought = identity === "anyone" ? { account: "by-account" } : known;
    expect(await sale.join("by-cookie", 0, brought)).toMatchObject({ word: "joined", number: 1, identity });
    expect([...(await sale.state()).waitlist.keys()]).toEqual([shopper]);
  });

  test("where anyone may come, who has confirmed an address is known by it", async () => {
    const sale = await redis.sale({ identity: "anyone" });
    expect(await sale.join("phone", 0, known)).toMatchObject({ word: "joined", identity: "registered" });
    expect(await sale.join("laptop", 1, known)).toMatchObject({ word: "again", number: 1 });
    expect([...(await sale.state()).waitlist.keys()]).toEqual(["by-address"]);
  });

  test.each([
    ["registered", { registered: "ann" }],
    ["account", { account: "ann" }],
  ] as const)("the same on every device: identity %s gives one place", async (identity, ann) => {
    const sale = await redis.sale({ identity });
    expect((await sale.join("phone", 0, ann)).word).toBe("joined");
    expect(await sale.join("laptop", 1, ann)).toMatchObject({ word: "again", number: 1 });
    expect((await sale.state()).waitlist.size).toBe(1);
  });

  test("with the address not looked at, two devices are two places", async () => {
    const sale = await redis.sale({ identity: "registered" });
    sale.scripts.join = broken(joinScript, "identity == 'registered' and byAddress", "false");
    await sale.join("phone", 0, { registered: "ann" });
    expect((await sale.join("laptop", 1, { registered: "ann" })).word).toBe("joined");
  });
});

test.each([
  ["registered", "by-address"],
  ["account", "by-account"],
] as const)("ticket and pass of a sale with identity %s are in the name of %s", async (identity, shopper) => {
  const sale = await redis.sale({ identity, opensAtMs: Date.now() - 1000, releaseEverySeconds: 60 });
  const { services } = redis;
  const joined = await joinQueue(services, sale.id, { shopper: "by-cookie", ...known });
  if ("refused" in joined) throw new Error(joined.refused);
  const ticket = await services.keys.verify("ticket", joined.answer.ticket);
  expect(ticket).toMatchObject({ shopper, identity, number: 1 });
  await sale.tick(0);
  if (ticket === undefined) throw new Error("no ticket");
  const entered = await enterSale(services, ticket);
  if ("refused" in entered) throw new Error(entered.refused);
  expect(await services.keys.verify("pass", entered.answer.pass)).toMatchObject({
    shopper,
    identity,
    number: 1,
  });
});

describe("without it", () => {
  test.each([
    ["registered", "registration_needed", { account: "by-account" }],
    ["account", "login_needed", { registered: "by-address" }],
  ] as const)(
    "identity %s answers %s, whatever the sale's state, and changes nothing",
    async (identity, word, other) => {
      const sale = await redis.sale({ identity });
      await sale.setMode("reject", -9999);
      const before = await sale.state();
      for (const second of [-9999, 0, 3600])
        for (const joining of [{}, other, { ...other, failedCheck: true }])
          expect(await sale.join("by-cookie", second, joining)).toMatchObject({ word, number: 0, identity });
      expect(await sale.state()).toEqual(before);
    },
  );
});

describe("who failed the bot check", () => {
  test("is told the number that comes next, and has no place", async () => {
    const sale = await redis.sale();
    for (const shopper of people(3)) await sale.join(shopper, 0);
    const before = await sale.state();
    for (const second of [0, 1]) {
      const reply = await sale.join("bot", second, { failedCheck: true });
      expect(reply).toMatchObject({ word: "ghost", number: 4, epoch: 1, inLobby: false });
    }
    expect(await sale.state()).toEqual(before);
    expect(await sale.join("s004", 2)).toMatchObject({ word: "joined", number: 4 });
  });

  test("in the lobby of a draw is told a number of the lobby", async () => {
    const sale = await redis.sale({ lobby: "draw" });
    await sale.join("ann", -5);
    const before = await sale.state();
    const reply = await sale.join("bot", -5, { failedCheck: true });
    expect(reply).toMatchObject({ word: "ghost", number: 2, inLobby: true });
    expect(await sale.state()).toEqual(before);
  });

  test("hears the same refusals as everybody", async () => {
    const sale = await redis.sale({ items: { shoe: 0 } });
    const words = [-9999, 0, 3600].map(
      async (second) => (await sale.join("bot", second, { failedCheck: true })).word,
    );
    expect(await Promise.all(words)).toEqual(["not_open", "sold_out", "closed"]);
  });

  test("keeps a place that was there before", async () => {
    const sale = await redis.sale();
    await sale.join("ann", 0);
    expect(await sale.join("ann", 1, { failedCheck: true })).toMatchObject({ word: "again", number: 1 });
  });

  test("with the check not looked at, has a place", async () => {
    const sale = await redis.sale();
    sale.scripts.join = broken(joinScript, "if failedCheck then", "if false then");
    expect((await sale.join("bot", 0, { failedCheck: true })).word).toBe("joined");
  });

  test("gets a ticket like any other, the same one each time, whose turn never comes", async () => {
    const sale = await redis.sale({ opensAtMs: Date.now() - 1000 });
    const { services } = redis;
    const first = await joinQueue(services, sale.id, { shopper: "bot", failedCheck: true });
    if ("refused" in first) throw new Error(first.refused);
    expect(first).toMatchObject({ created: true, answer: { number: 1, epoch: 1 } });
    const ticket = await services.keys.verify("ticket", first.answer.ticket);
    if (ticket === undefined) throw new Error("no ticket");
    await joinQueue(services, sale.id, { shopper: "ann" });
    const before = await sale.state();
    const again = await joinQueue(services, sale.id, { shopper: "bot", failedCheck: true, old: ticket });
    expect(again).toMatchObject({ created: false, answer: first.answer });
    expect(await enterSale(services, ticket)).toMatchObject({ refused: "not_your_turn" });
    expect(await leaveQueue(services, ticket)).toEqual({ left: true });
    expect(await sale.state()).toEqual(before);
    // And it brings nothing back, not even to somebody who passed the check.
    const passed = await joinQueue(services, sale.id, { shopper: "bot", old: ticket });
    expect(passed).toMatchObject({ created: true, answer: { number: 2 } });
  });
});
