/** Whatever a few shoppers and an operator do, in whatever order and however often: after every step the sale obeys its rules. */
import fc from "fast-check";
import { expect, test } from "vitest";
import type { Script } from "../../functions/redis/client.ts";
import { play } from "../support/model.ts";
import { withRedis, type Rules } from "../support/redis.ts";
import { SEED } from "../support/seed.ts";
import { broken, people, scripts, type Basket, type Scripts } from "../support/sale.ts";
import { anyRules, anySteps, type Step } from "../support/steps.ts";

const redis = withRedis();
const shoppers = people(12);
const baskets: Basket[] = [
  { shoe: 1 },
  { shoe: 2 },
  { hat: 1 },
  { scarf: 1, shoe: 1 },
  { hat: 1, scarf: 2, shoe: 1 },
];
const steps = anySteps(shoppers, baskets);

async function run(
  rules: Rules,
  played: Step[],
  seen: Set<string>,
  replaced: Partial<Scripts> = {},
): Promise<void> {
  const sale = await redis.sale({
    items: { shoe: { stock: 3, limit: 1 }, hat: { stock: 2, limit: 1 }, scarf: { stock: 3, limit: 3 } },
    passSeconds: 40,
    holdSeconds: 30,
    ...rules,
  });
  Object.assign(sale.scripts, replaced);
  // A line to begin with, shortly before opening; the others come as the steps have it.
  for (const shopper of shoppers.slice(0, 6)) await sale.join(shopper, -3);
  await play(sale, played, -2, seen);
}

test(
  "the books balance, the line keeps its order, everybody is served or told, and what is not bought comes back",
  { timeout: 120_000 },
  async () => {
    const seen = new Set<string>();
    const missing = () => words.filter((word) => !seen.has(word));
    const property = fc.asyncProperty(anyRules, steps, (rules, played) => run(rules, played, seen));
    await run({}, ordinary, seen);
    for (let batch = 0; batch < 3 || (batch < 60 && missing().length > 0); batch++)
      await fc.assert(property, { numRuns: 5, seed: SEED + batch });
    expect(missing()).toEqual([]);
  },
);

/** What chance may leave out for long: somebody buys, hears it again, and then wants to give it back. */
const ordinary: Step[] = [
  { do: "wait", seconds: 5 },
  { do: "tick" },
  { do: "enter", who: 0 },
  { do: "reserve", who: 0, basket: { scarf: 1 } },
  { do: "confirm", which: 0 },
  { do: "confirm", which: 0 },
  { do: "giveBack", which: 0 },
];

/** Answers there must have been: steps that only ever refuse would prove nothing. */
const words = Object.entries({
  join: ["joined", "again", "on_hold"],
  enter: ["entered", "again", "not_your_turn", "invalid_ticket"],
  reserve: ["again", "held", "sold_out", "limit_reached", "pass_expired", "expire_first"],
  confirm: ["confirmed", "again", "reservation_expired"],
  giveBack: ["released", "again", "already_confirmed"],
  expire: ["expired"],
  tick: ["released"],
  leave: ["left"],
  mode: ["set"],
  size: ["set"],
}).flatMap(([verb, said]) => said.map((word) => `${verb} ${word}`));

/** What is taken out, the text that goes with it, and what the model must say then. */
const controls: [string, keyof Scripts, string, string, RegExp][] = [
  [
    "the look for a place",
    "join",
    "if place then return",
    "if false then return",
    /is twice there|got the number|has/,
  ],
  [
    "the look for a place in the lobby",
    "join",
    "if lobbyNumber then return",
    "if false then return",
    /another number of the lobby|is twice there/,
  ],
  [
    "the end of the lobby",
    "join",
    "local inLobby = seed ~= '' and not drawn",
    "local inLobby = seed ~= ''",
    /got the number|not in the draw/,
  ],
  [
    "the look at the room, on entry",
    "enter",
    "if active + ahead < tonumber(rules[7]) and",
    "if",
    /room|capacity/,
  ],
  [
    "the look at those before, on entry",
    "enter",
    "available > choosing + ahead",
    "true",
    /somebody before them/,
  ],
  [
    "the look at the turn",
    "enter",
    "if number > tonumber(rules[10]) then return",
    "if false then return",
    /before their turn|called/,
  ],
  [
    "the return of the room of who leaves",
    "leave",
    "else\n  redis.call('ZREM', inside, shopper)",
    "else\n  redis.call('ZADD', inside, 'XX', 9e15, shopper)",
    /wait for ever/,
  ],
  [
    "the way back into line",
    "enter",
    "redis.call('ZADD', waitlist, number, shopper)\nend",
    "\nend",
    /lost their place/,
  ],
  [
    "the old number, on the way back into line",
    "enter",
    "redis.call('ZADD', waitlist, number, shopper)\nend",
    "redis.call('ZADD', waitlist, number + 100, shopper)\nend",
    /had \d+, has 1\d\d|above the last/,
  ],
  ["the look at the room, on release", "tick", "rules[12] - active", "9999", /the capacity|called/],
  [
    "the look at the stock, on release",
    "tick",
    "math.min(size, room, unclaimed,",
    "math.min(size, room,",
    /called/,
  ],
  ["the look at the size, on release", "tick", "math.min(size, room,", "math.min(room,", /called/],
  ["the look at the tick", "tick", "'lastTick', lastTick, ", "", /called/],
  [
    "the way from the lobby into line",
    "tick",
    "if inLobby == 0 or ready >= wanted",
    "if true or ready >= wanted",
    /called|wait for ever/,
  ],
  [
    "the end of the lobby's line, so that nobody leaves it",
    "tick",
    "redis.call('ZREM', lobby, unpack(gone, first, final))",
    "",
    /is twice there/,
  ],
  [
    "the order of the draw",
    "tick",
    "local number = lobbyNumberAt(placed)",
    "local number = placed",
    /called/,
  ],
  ["the tick a rule is set in", "setRule", ", 'lastTick', math.max(tonumber(rules[5]), tick)", "", /called/],
  ["the stock check", "reserve", "if available < line.quantity then short = true end", "", /is -\d/],
  ["the limit", "reserve", "+ line.quantity > limit", "+ line.quantity > 99", /s\d+ has \d of/],
  [
    "the replay check",
    "reserve",
    "local before = redis.call('HGET', reservations, id)",
    "local before = redis.call('HDEL', reservations, id) > 1",
    /decided anew/,
  ],
  [
    "the look at who is inside",
    "reserve",
    "if not insideUntil or insideUntil <= now then",
    "insideUntil = insideUntil or 0 if false then",
    /held from outside/,
  ],
  [
    "the look at the state, on confirming",
    "confirm",
    "then return { 'again', before } end\nlocal isPaid",
    "then record.state = 'held' end\nlocal isPaid",
    /held:/,
  ],
  [
    "the look at the state, on giving back",
    "giveBack",
    "if record.state ~= 'held' then",
    "if false then",
    /held:/,
  ],
  [
    "the count of returns",
    "giveBack",
    "'returned', counts[2] + (keepsSlot and 0 or sum), ",
    "",
    /returned is/,
  ],
  [
    "the count of returns, at the end of a hold",
    "expire",
    "add(stockBy, 'returned', line.quantity)",
    "",
    /returned is/,
  ],
  [
    "the return of what a hold had",
    "expire",
    "add(stockBy, home .. ':' .. line.sku, line.quantity)",
    "",
    /the sum of|available is/,
  ],
];

test.each(controls)("with %s removed, the model notices", async (_, verb, text, instead, said) => {
  const script: Script<unknown> = scripts[verb];
  const replaced = { [verb]: broken(script, text, instead) };
  const property = fc.asyncProperty(anyRules, steps, (rules, played) =>
    run(rules, played, new Set(), replaced),
  );
  // The same steps each time: what is found by luck would some day be missed by luck.
  const { errorInstance } = await fc.check(property, { numRuns: 300, endOnFailure: true, seed: 4 });
  expect(String(errorInstance)).toMatch(said);
});
