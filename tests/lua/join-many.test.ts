/** join.lua for many in one call: each is answered as if it had called alone, and a bad one spoils nothing. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { modes } from "../../domain/mode.ts";
import { joinScript, JOINS_MAX, type JoinReply } from "../../functions/queue/join.ts";
import { withRedis } from "../support/redis.ts";
import { SEED } from "../support/seed.ts";
import { broken, counted, people, type Joining, type TestSale } from "../support/sale.ts";

const redis = withRedis();
const LOBBY_OPENS = -15 * 60;

type Joins = [shopper: string, joining: Joining][];

/** What there is before, and who joins together then: a few shoppers, so that they meet themselves. */
const anyCase = fc.record({
  rules: fc.record({
    identity: fc.constantFrom(
      "anyone" as const,
      "anyone" as const,
      "registered" as const,
      "account" as const,
    ),
    lobby: fc.constantFrom("arrival" as const, "draw" as const),
    items: fc.constantFrom({ shoe: 3 }, { shoe: 3 }, { shoe: 3 }, { shoe: 0 }),
  }),
  /** After a loss of Redis, when tickets of before may come back. */
  rebuilt: fc.boolean(),
  mode: fc.constantFrom(...modes, "normal" as const, "normal" as const, "normal" as const),
  before: fc.array(fc.record({ who: fc.integer({ min: 0, max: 5 }), leaves: fc.boolean() }), {
    maxLength: 5,
  }),
  second: fc.constantFrom(LOBBY_OPENS - 1, -60, -60, 0, 5, 5, 5, 3600),
  joins: fc.array(
    fc.record({
      who: fc.integer({ min: 0, max: 5 }),
      registered: fc.constantFrom("", "", "r1", "r2"),
      account: fc.constantFrom("", "a1"),
      old: fc.option(
        fc.record({
          number: fc.integer({ min: 1, max: 40 }),
          epoch: fc.integer({ min: 1, max: 3 }),
          inLobby: fc.boolean(),
        }),
      ),
      failedCheck: fc.constantFrom(false, false, false, true),
    }),
    { minLength: 1, maxLength: 25, size: "max" },
  ),
});
type Case = typeof anyCase extends fc.Arbitrary<infer Value> ? Value : never;

/** A sale as the case has it before its joins; two of one case differ in their ids alone. */
async function prepared({ rules, rebuilt, before, mode }: Case): Promise<TestSale> {
  const sale = await redis.sale({ ...rules, releaseSize: 2 });
  if (rules.lobby === "draw")
    await redis.gateway.redis.command("HSET", sale.keys.sale, "drawSeed", "5e".repeat(32));
  if (rebuilt) {
    await sale.lose();
    await sale.publish({
      epoch: 2,
      numbersUntil: 20,
      drawSeed: rules.lobby === "draw" ? "5e".repeat(32) : null,
    });
  }
  for (const { who, leaves } of before) {
    await sale.join(`s${who}`, -30);
    if (leaves) await sale.leave(`s${who}`);
  }
  if (rules.lobby === "arrival") await sale.tick(0);
  await sale.setMode(mode, 1);
  return sale;
}

async function compare(tried: Case, seen: Set<string>, script = joinScript): Promise<void> {
  const [alone, together] = [await prepared(tried), await prepared(tried)];
  together.scripts.join = script;
  const joins: Joins = tried.joins.map(({ who, old, ...rest }) => [
    `s${who}`,
    { ...rest, old: old ?? undefined },
  ]);
  const one: JoinReply[] = [];
  for (const [shopper, joining] of joins) one.push(await alone.join(shopper, tried.second, joining));
  const many = await together.joinTogether(joins, tried.second);
  for (const { word } of many) seen.add(word);
  expect(many).toEqual(one);
  expect(await contents(together)).toEqual(await contents(alone));
}

async function contents(sale: TestSale) {
  const { waitlist, lobby, released, sale: fields } = await sale.state();
  fields.delete("definition");
  const calls = await redis.gateway.redis.command("HGETALL", sale.keys.shoppers);
  return { waitlist, lobby, released, fields, calls: (Array.isArray(calls) ? calls : []).map(String).sort() };
}

describe("many in one call", () => {
  test("are answered, and leave the line, as if each had called alone", { timeout: 120_000 }, async () => {
    const seen = new Set<string>();
    const words = [
      "registration_needed",
      "login_needed",
      "rate_limited",
      "again",
      "on_hold",
      "not_open",
      "closed",
    ];
    words.push("sold_out", "ghost", "place_first", "joined");
    const missing = () => words.filter((word) => !seen.has(word));
    const property = fc.asyncProperty(anyCase, (tried) => compare(tried, seen));
    for (let batch = 0; batch < 3 || (batch < 20 && missing().length > 0); batch++)
      await fc.assert(property, { numRuns: 15, seed: SEED + batch });
    expect(missing()).toEqual([]);
  });

  test.each([
    ["the place that one of them has just got", "  known[shopper] = number\n"],
    ["the call that one of them has just made", "marks[one.shopper], newMarks[one.shopper] = mark, mark"],
    ["the count of all of them", "redis.call('HSET', shoppers, unpack(written))"],
    ["the latest number", "redis.call('HSET', sale, 'lastNumber', lastNumber)"],
    [
      "the look at who was called in",
      "places[asked[i]] = entry and tonumber(string.match(entry, '^%d+')) or nil",
    ],
  ])("with %s not noted, it shows", async (_, text) => {
    const script = broken(joinScript, text, "");
    const property = fc.asyncProperty(anyCase, (tried) => compare(tried, new Set(), script));
    const { failed } = await fc.check(property, { numRuns: 200, endOnFailure: true, seed: 7 });
    expect(failed).toBe(true);
  });

  test("a known one, a ghost, one of another epoch, a limited one and a repeat get their own answers", async () => {
    const sale = await redis.sale();
    await sale.lose();
    await sale.publish({ epoch: 2, numbersUntil: 100 });
    await sale.join("known", 0);
    await sale.join("limited", 0);
    for (let call = 0; call < 10; call++) await sale.join("limited", 1);
    const replies = await sale.joinTogether(
      [
        ["ann"],
        ["known"],
        ["bot", { failedCheck: true }],
        ["limited"],
        ["back", { old: { number: 7, epoch: 1 } }],
        ["forged", { old: { number: 8, epoch: 3 } }],
        ["ann"],
        ["bob"],
      ],
      1,
    );
    expect(replies.map(({ word, number }) => [word, number])).toEqual([
      ["joined", 103],
      ["again", 101],
      ["ghost", 104],
      ["rate_limited", sale.at(2)],
      ["joined", 7],
      ["joined", 104],
      ["again", 103],
      ["joined", 105],
    ]);
    expect(await sale.line()).toEqual([]);
  });

  test("of a sale that Redis does not know are all told so", async () => {
    const sale = await redis.sale();
    await sale.lose();
    expect((await sale.joinTogether([["ann"], ["bob"]], 0)).map(({ word }) => word)).toEqual([
      "missing",
      "missing",
    ]);
  });

  test("have the numbers of their order, as many as a call takes, for at most two commands more than one", async () => {
    const sale = await redis.sale({ opensAtMs: Date.now() - 1000 });
    sale.redisTime = true;
    await sale.join("warm", 0);
    await redis.gateway.resetStats();
    const replies = await sale.joinTogether(
      people(JOINS_MAX).map((shopper) => [shopper]),
      0,
    );
    const { billedCommands, scriptCalls } = await redis.gateway.stats();
    console.log(`billed commands of ${JOINS_MAX} joins in one call: ${billedCommands}`);
    expect(replies.map(({ number }) => number)).toEqual(people(JOINS_MAX).map((_, i) => i + 2));
    expect(counted(replies.map(({ word }) => word))).toEqual({ joined: JOINS_MAX });
    expect(scriptCalls).toBe(1);
    expect(billedCommands).toBeLessThanOrEqual(10);
  });
});
