/**
 * What a shopper costs: the commands Upstash bills, which are the calls and each `redis.call` inside (design §5.3, §7).
 * As in production, Redis tells the time. The figures are printed; the bounds are the design's.
 */
import { beforeAll, expect, test } from "vitest";
import { withRedis, type Rules } from "../support/redis.ts";
import { people, type TestSale } from "../support/sale.ts";

const redis = withRedis();

/** Open, with the first release due and the next one a minute away. */
async function openSale(rules: Rules = {}): Promise<TestSale> {
  const sale = await redis.sale({ opensAtMs: Date.now() - 1000, releaseEverySeconds: 60, ...rules });
  sale.redisTime = true;
  return sale;
}

/** Commands of a step whose scripts Redis knows already. */
async function cost(step: () => Promise<unknown>) {
  await redis.gateway.resetStats();
  await step();
  const { billedCommands, scriptCalls, calls } = await redis.gateway.stats();
  return { billedCommands, scriptCalls, calls };
}

beforeAll(async () => {
  // Once through everything, so that no step has to bring its script along.
  const sale = await openSale();
  await sale.admit(["ann"], 0);
  await sale.reserve("ann", "r1", { shoe: 1 }, 0);
  await sale.giveBack("ann", "r1", 0);
  await sale.reserve("ann", "r2", { shoe: 1 }, 0);
  await sale.confirm("ann", "r2", 0);
  await sale.expire(0);
  await sale.leave("ann");
  await sale.setMode("normal", 0);
});

test("a purchase bills at most 40 commands in 4 script calls", async () => {
  const sale = await openSale();
  const join = await cost(() => sale.join("ann", 0));
  await sale.tick(0);
  const enter = await cost(() => sale.enter("ann", 0));
  const reserve = await cost(() => sale.reserve("ann", "r1", { shoe: 1 }, 0));
  const confirm = await cost(() => sale.confirm("ann", "r1", 0));
  const steps = Object.entries({ join, enter, reserve, confirm });
  const total = steps.reduce((sum, [, { billedCommands }]) => sum + billedCommands, 0);
  const figures = steps.map(([step, { billedCommands }]) => `${step} ${billedCommands}`);
  console.log(`billed commands of a purchase: ${figures.join(" + ")} = ${total}`);
  expect(total).toBeLessThanOrEqual(40);
  for (const [, step] of steps) expect(step).toMatchObject({ calls: 1, scriptCalls: 1 });
});

test("a paid purchase bills at most 40 commands in 5 script calls", async () => {
  const sale = await openSale({ items: { shoe: { stock: 9, price: 100 } } });
  const join = await cost(() => sale.join("ann", 0));
  await sale.tick(0);
  const enter = await cost(() => sale.enter("ann", 0));
  const reserve = await cost(() => sale.reserve("ann", "r1", { shoe: 1 }, 0));
  const checkout = await cost(() => sale.confirm("ann", "r1", 0, 0, { origin: "https://shop.example" }));
  const confirm = await cost(() => sale.confirm("", "r1", 0, 100, { payment: "pi_1" }));
  const steps = Object.entries({ join, enter, reserve, checkout, confirm });
  const total = steps.reduce((sum, [, { billedCommands }]) => sum + billedCommands, 0);
  const figures = steps.map(([step, { billedCommands }]) => `${step} ${billedCommands}`);
  console.log(`billed commands of a paid purchase: ${figures.join(" + ")} = ${total}`);
  expect(total).toBeLessThanOrEqual(40);
  for (const [, step] of steps) expect(step).toMatchObject({ calls: 1, scriptCalls: 1 });
});

test("who only waits is one script call; asking again costs no more than asking first", async () => {
  const sale = await openSale();
  const join = await cost(() => sale.join("bob", 0));
  const refused = await cost(() => sale.enter("bob", 0));
  const again = await cost(() => sale.join("bob", 0));
  const figures = [join, refused, again].map(({ billedCommands }) => billedCommands);
  console.log("billed commands of join, not_your_turn, join again:", ...figures);
  expect(join).toMatchObject({ calls: 1, scriptCalls: 1 });
  expect(Math.max(...figures)).toBe(join.billedCommands);
});

test("leaving, giving back and an operator's change are a few commands each", async () => {
  const sale = await openSale();
  await sale.admit(["ann"], 0);
  await sale.reserve("ann", "r1", { shoe: 1 }, 0);
  const giveBack = await cost(() => sale.giveBack("ann", "r1", 0));
  const leaveInside = await cost(() => sale.leave("ann"));
  await sale.join("bob", 0);
  const leaveLine = await cost(() => sale.leave("bob"));
  const setRule = await cost(() => sale.setMode("hold", 0));
  const figures = [giveBack, leaveInside, leaveLine, setRule].map(({ billedCommands }) => billedCommands);
  console.log(
    "billed commands of giving back, leaving from inside and from the line, setting a rule:",
    ...figures,
  );
  expect(Math.max(...figures)).toBeLessThanOrEqual(12);
});

test("three items cost as many commands as one", async () => {
  const sale = await openSale({ items: { shoe: 9, hat: 9, scarf: 9 } });
  await sale.admit(["cat", "dan"], 0);
  const one = await cost(() => sale.reserve("cat", "r-cat", { shoe: 1 }, 0));
  const three = await cost(() => sale.reserve("dan", "r-dan", { shoe: 1, hat: 1, scarf: 1 }, 0));
  expect(three).toEqual(one);
});

test("a tick with nobody due is cheap, and releasing 200 is three commands more", async () => {
  const sale = await openSale({ items: { shoe: 999 }, releaseSize: 500 });
  await Promise.all(people(200).map((shopper) => sale.join(shopper, 0)));
  const releasing = await cost(() => sale.tick(0));
  const notDue = await cost(() => sale.tick(0));
  const empty = await openSale();
  const nobodyThere = await cost(() => empty.tick(0));
  expect((await sale.state()).released.size).toBe(200);
  const figures = [notDue, nobodyThere, releasing].map(({ billedCommands }) => billedCommands);
  console.log("billed commands of a tick not due, with nobody in line, releasing 200:", ...figures);
  expect(notDue.billedCommands).toBeLessThanOrEqual(10);
  expect(releasing.billedCommands - nobodyThere.billedCommands).toBe(3);
});

test("who comes out of the lobby of a draw costs one command more; who waits in it costs as little as in line", async () => {
  const sale = await openSale({ items: { shoe: 999 }, releaseSize: 500, lobby: "draw" });
  const join = await cost(() => sale.join("late", 0));
  const inLine = await cost(() => sale.join("late", 0));
  // As before opening, which was a second ago.
  const lobby = people(100).flatMap((shopper, i) => [i + 1, shopper]);
  await redis.gateway.redis.command("ZADD", sale.keys.lobby, ...lobby);
  await redis.gateway.redis.command("HSET", sale.keys.sale, "drawCount", 100, "lastNumber", 101);
  await redis.gateway.redis.command("ZADD", sale.keys.waitlist, 101, "late");
  const inLobby = await cost(() => sale.join("s001", 0));
  const empty = await openSale();
  const nobodyThere = await cost(() => empty.tick(0));
  const releasing = await cost(() => sale.tick(0));
  expect((await sale.state()).released.size).toBe(101);
  const figures = [join, inLine, inLobby, releasing].map(({ billedCommands }) => billedCommands);
  console.log(
    "billed commands of a draw's join, join again in line and in the lobby, releasing 101:",
    ...figures,
  );
  expect(inLobby.billedCommands).toBeLessThanOrEqual(8);
  expect(releasing.billedCommands - nobodyThere.billedCommands).toBeLessThanOrEqual(100 + 10);
});

test("expiry bills one command for each hold, and a fixed number beside", async () => {
  const expiring = async (holds: number) => {
    const sale = await redis.sale({ items: { shoe: 100 } });
    await sale.crowd(people(holds), 0);
    for (const shopper of people(holds)) await sale.reserve(shopper, `r-${shopper}`, { shoe: 1 }, 0);
    return (await cost(() => sale.expire(3000))).billedCommands;
  };
  expect((await expiring(30)) - (await expiring(10))).toBe(20);
});
