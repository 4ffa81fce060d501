/** Whatever a few shoppers do, in whatever order and however often: after every step the sale obeys its rules. */
import fc from "fast-check";
import { expect, test } from "vitest";
import type { Script } from "../../functions/redis/client.ts";
import { play } from "../support/model.ts";
import { withRedis } from "../support/redis.ts";
import { broken, people, scripts, type Basket, type Scripts } from "../support/sale.ts";
import { anySteps, type Step } from "../support/steps.ts";

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

/** So little of everything that a few shoppers meet every limit. */
async function run(played: Step[], seen: Set<string>, replaced: Partial<Scripts> = {}): Promise<void> {
  const sale = await redis.sale({
    items: { shoe: { stock: 3, limit: 1 }, hat: { stock: 2, limit: 1 }, scarf: { stock: 3, limit: 3 } },
    releaseSize: 3,
    capacity: 5,
    passSeconds: 40,
    holdSeconds: 30,
    openSeconds: 600,
  });
  Object.assign(sale.scripts, replaced);
  // A line to begin with; the others come as the steps have it.
  for (const shopper of shoppers.slice(0, 6)) await sale.join(shopper, -1);
  await play(sale, played, seen);
}

test(
  "the books balance, the line keeps its order, and what is not bought comes back",
  { timeout: 120_000 },
  async () => {
    const seen = new Set<string>();
    await fc.assert(
      fc.asyncProperty(steps, (played) => run(played, seen)),
      { numRuns: 100 },
    );
    // Steps that only ever refuse would prove nothing.
    const [join, enter] = [
      ["joined", "again"],
      ["entered", "again", "not_your_turn"],
    ];
    const reserve = ["again", "held", "sold_out", "limit_reached", "pass_expired", "expire_first"];
    const confirm = ["confirmed", "again", "reservation_expired"];
    const giveBack = ["released", "again", "already_confirmed"];
    const others = { expire: ["expired"], tick: ["released"], leave: ["left"] };
    for (const [verb, words] of Object.entries({ join, enter, reserve, confirm, giveBack, ...others }))
      for (const word of words) expect(seen).toContain(`${verb} ${word}`);
  },
);

/** What is taken out, the text that goes with it, and what the model must say then. */
const controls: [string, keyof Scripts, string, string, RegExp][] = [
  [
    "the look for a place",
    "join",
    "if place then return",
    "if false then return",
    /is twice there|got the number/,
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
  ["the look at the room, on release", "tick", "rules[12] - active, ", "", /the capacity|called/],
  ["the look at the stock, on release", "tick", ", available - choosing", "", /called/],
  ["the look at the tick", "tick", "'lastTick', lastTick, ", "", /called/],
  ["the stock check", "reserve", "if available < line.quantity then short = true end", "", /is -\d/],
  ["the limit", "reserve", "+ line.quantity > limit", "+ line.quantity > 99", /s\d+ has \d of/],
  ["the replay check", "reserve", "if before then", "if false then", /decided anew/],
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
    "if record.state == 'confirmed' then return { 'again', before } end\nif record.state ~= 'held' or",
    "if",
    /held:/,
  ],
  [
    "the look at the state, on giving back",
    "giveBack",
    "if record.state ~= 'held' then",
    "if false then",
    /held:/,
  ],
];

test.each(controls)(
  "with %s removed, the model notices",
  { timeout: 60_000 },
  async (_, verb, text, instead, said) => {
    const script: Script<unknown> = scripts[verb];
    const replaced = { [verb]: broken(script, text, instead) };
    const property = fc.asyncProperty(steps, (played) => run(played, new Set(), replaced));
    const { errorInstance } = await fc.check(property, { numRuns: 200, endOnFailure: true });
    expect(String(errorInstance)).toMatch(said);
  },
);
