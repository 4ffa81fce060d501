/** The draw of a lobby, in Redis: who gets which place, and that everybody else keeps theirs (design §5.2). */
import { describe, expect, test } from "vitest";
import { pulseOf, releaseScript } from "../../functions/queue/pulse.ts";
import { joinScript } from "../../functions/queue/join.ts";
import { joinQueue } from "../../functions/queue/queue.ts";
import { readSale } from "../../functions/sale/sale.ts";
import { commitmentOf, placeOf } from "../../static/assets/draw.js";
import { withRedis, type Rules } from "../support/redis.ts";
import { broken, counted, people, type TestSale } from "../support/sale.ts";

const redis = withRedis();

/** A sale that is drawn, with enough of everything, and so many in its lobby, s001 first. */
async function withLobby(size: number, rules: Rules = {}): Promise<TestSale> {
  const sale = await redis.sale({
    lobby: "draw",
    items: { shoe: 1_000_000 },
    releaseSize: 10_000,
    capacity: 100_000,
    ...rules,
  });
  for (const shopper of people(size)) await sale.join(shopper, -10);
  return sale;
}

/** The same, for lobbies that would take long to join: written as join writes them. */
async function withLargeLobby(size: number, rules: Rules = {}): Promise<TestSale> {
  const sale = await withLobby(0, rules);
  const members = people(size).map((shopper, i) => [i + 1, shopper]);
  for (let i = 0; i < size; i += 10_000)
    await redis.gateway.redis.command("ZADD", sale.keys.lobby, ...members.slice(i, i + 10_000).flat());
  await redis.gateway.redis.command("HSET", sale.keys.sale, "lastNumber", size);
  return sale;
}

const seedOf = async (sale: TestSale) => (await sale.state()).sale.get("drawSeed") ?? "";

/** Those who were in the lobby, in the order the draw gives them. */
async function drawnOrder(sale: TestSale, numbers: Map<string, number>, count: number): Promise<string[]> {
  const seed = await seedOf(sale);
  const places = await Promise.all(
    [...numbers].map(async ([shopper, number]) => [shopper, await placeOf(seed, count, number)] as const),
  );
  return places.sort(([, a], [, b]) => a - b).map(([shopper]) => shopper);
}

/** Ticks until nobody waits. @returns who was released, in that order */
async function releaseAll(sale: TestSale, from = 0): Promise<string[]> {
  const order: string[] = [];
  let seen = new Map<string, number>();
  for (let second = from; ; second += 5) {
    const { waiting } = await sale.tick(second);
    const { released } = await sale.state();
    const fresh = [...released].filter(([shopper]) => !seen.has(shopper)).sort(([, a], [, b]) => a - b);
    order.push(...fresh.map(([shopper]) => shopper));
    seen = released;
    if (waiting === 0) return order;
    if (second > 3500) throw new Error(`${waiting} wait for ever`);
  }
}

describe("before opening", () => {
  test("people get numbers of the lobby by arrival, and joining twice changes nothing", async () => {
    const sale = await withLobby(3);
    expect(await sale.join("s002", -5)).toMatchObject({ word: "again", number: 2, inLobby: true, drawn: 0 });
    expect(await sale.join("s004", -5)).toMatchObject({ word: "joined", number: 4, inLobby: true });
    const { lobby, waitlist, sale: hash } = await sale.state();
    expect(Object.fromEntries(lobby)).toEqual({ s001: 1, s002: 2, s003: 3, s004: 4 });
    expect(waitlist.size).toBe(0);
    expect(hash.has("drawCount")).toBe(false);
    expect((await sale.enter("s001", -5)).word).toBe("not_your_turn");
    expect(await sale.line()).toEqual([]);
  });

  test("who left and comes again is in the draw once", async () => {
    const sale = await withLobby(3);
    await sale.leave("s001");
    expect(await sale.join("s001", -5)).toMatchObject({ word: "joined", number: 4, inLobby: true });
    expect((await releaseAll(sale)).sort()).toEqual(people(3));
  });

  test("no tick releases anybody, and the seed is in nothing that is public", async () => {
    const sale = await withLobby(3);
    const state = await sale.tick(-0.001);
    expect(state).toMatchObject({ released: 0, waiting: 3 });
    expect((await sale.state()).sale.has("drawCount")).toBe(false);
    const seed = await seedOf(sale);
    const draw = { commitment: await commitmentOf(seed) };
    for (const shown of [await pulseOf(state), await readSale(redis.services, sale.id)]) {
      expect(shown).toMatchObject({ draw });
      expect(JSON.stringify(shown)).not.toContain(seed);
    }
  });
});

describe("at opening", () => {
  test.each([
    ["a join", (sale: TestSale) => sale.join("late", 0)],
    ["a tick", (sale: TestSale) => sale.tick(0)],
  ] as const)("%s as the first call fixes how many are drawn", async (_, call) => {
    const sale = await withLobby(3, { releaseSize: 1 });
    await call(sale);
    expect((await sale.state()).sale.get("drawCount")).toBe("3");
    expect(await sale.join("later", 1)).toMatchObject({ word: "joined", inLobby: false, drawn: 3 });
    const state = await sale.tick(5);
    expect((await sale.state()).sale.get("drawCount")).toBe("3");
    const seed = await seedOf(sale);
    const draw = { commitment: await commitmentOf(seed), seed, count: 3 };
    for (const shown of [await pulseOf(state), await readSale(redis.services, sale.id)])
      expect(shown).toMatchObject({ draw });
  });

  test("a call that comes late, with a time before it, is not in the draw", async () => {
    const sale = await withLobby(3, { releaseSize: 1 });
    await sale.tick(0);
    expect(await sale.join("late", -0.5)).toMatchObject({ word: "joined", number: 4, inLobby: false });
  });

  test("a lobby that is empty draws nobody, and who comes is first", async () => {
    const sale = await withLobby(0);
    expect(await sale.join("ann", 0)).toMatchObject({ number: 1, inLobby: false });
    expect(await sale.tick(0)).toMatchObject({ released: 1, draw: { drawn: 0 } });
  });

  test("with the count not fixed, who comes after opening is in the draw", async () => {
    const sale = await withLobby(3);
    sale.scripts.join = broken(joinScript, "and now >= opensAt then", "and false then");
    expect((await sale.join("late", 1)).inLobby).toBe(true);
  });
});

describe("the order", () => {
  test.each([1, 2, 3, 4, 5, 16, 17, 100, 1000])(
    "of %i from the lobby is the one anybody can compute",
    async (size) => {
      const sale = await withLargeLobby(size);
      const { lobby } = await sale.state();
      const seed = await seedOf(sale);
      expect((await sale.tick(0)).released).toBe(size);
      const { released } = await sale.state();
      for (const [shopper, number] of lobby)
        expect([shopper, released.get(shopper)]).toEqual([shopper, await placeOf(seed, size, number)]);
      expect(await sale.line()).toEqual([]);
    },
  );

  test("goes on over the ticks, and the ticket's number becomes its place", async () => {
    const sale = await withLobby(23, { releaseSize: 4 });
    const { lobby } = await sale.state();
    const order = await drawnOrder(sale, lobby, 23);
    await sale.tick(0);
    // Still in the lobby, and drawn: the answer has what their place is computed from.
    const waiting = order.at(-1) ?? "";
    expect(await sale.join(waiting, 1)).toMatchObject({
      word: "again",
      number: lobby.get(waiting),
      inLobby: true,
      drawn: 23,
      seed: await seedOf(sale),
    });
    expect((await sale.enter(waiting, 1)).word).toBe("not_your_turn");
    const first = order[0] ?? "";
    expect(await sale.join(first, 1)).toMatchObject({ word: "again", number: 1, inLobby: false });
    expect(await sale.enter(first, 1)).toMatchObject({ word: "entered", number: 1 });
    expect([
      ...order.slice(0, 4),
      ...(await releaseAll(sale, 5)).filter((s) => !order.slice(0, 4).includes(s)),
    ]).toEqual(order);
  });

  test("through the functions: who is drawn has a ticket with the place, also before it is reached", async () => {
    const sale = await withLobby(12, {
      opensAtMs: Date.now() - 1000,
      releaseEverySeconds: 60,
      releaseSize: 5,
    });
    const { lobby } = await sale.state();
    const order = await drawnOrder(sale, lobby, 12);
    const early = await sale.join("s001", -5);
    expect(early).toMatchObject({ word: "again", inLobby: true, drawn: 0 });
    await sale.tick(0);
    for (const [i, shopper] of order.entries()) {
      const outcome = await joinQueue(redis.services, sale.id, { shopper });
      if ("refused" in outcome) throw new Error(outcome.refused);
      expect(outcome).toMatchObject({ created: false, answer: { number: i + 1 } });
      const ticket = await redis.services.keys.verify("ticket", outcome.answer.ticket);
      expect(ticket).toMatchObject({ shopper, number: i + 1, epoch: 1 });
      expect(ticket).not.toHaveProperty("lobby");
    }
    // Beside those called in, the next ones have been brought into line.
    expect((await sale.state()).lobby.size).toBe(2);
  });

  test("who leaves, before opening or after, leaves a hole, and nobody else moves", async () => {
    const sale = await withLobby(40, { releaseSize: 3 });
    const { lobby } = await sale.state();
    const order = await drawnOrder(sale, lobby, 40);
    const gone = ["s003", "s040", order[0] ?? "", order[20] ?? ""];
    for (const shopper of gone) await sale.leave(shopper);
    await sale.tick(0);
    const goneLater = order.slice(30, 35);
    for (const shopper of goneLater) await sale.leave(shopper);
    const { released } = await sale.state();
    const before = [...released].sort(([, a], [, b]) => a - b).map(([shopper]) => shopper);
    const all = [...before, ...(await releaseAll(sale, 5)).slice(before.length)];
    const left = order.filter((shopper) => !gone.includes(shopper) && !goneLater.includes(shopper));
    expect(all).toEqual(left);
    for (const [shopper, place] of (await sale.state()).released)
      expect(place).toBe(order.indexOf(shopper) + 1);
  });

  test("who came after opening waits behind the whole lobby, however many they are", async () => {
    const sale = await withLobby(30, { releaseSize: 7 });
    const { lobby } = await sale.state();
    const late = people(100, "late");
    for (const shopper of late) await sale.join(shopper, 0);
    expect(await releaseAll(sale)).toEqual([...(await drawnOrder(sale, lobby, 30)), ...late]);
    expect(await sale.line()).toEqual([]);
  });

  test("with the lobby not waited for, who came late comes in before it", async () => {
    const sale = await withLobby(30, { releaseSize: 7 });
    await sale.join("late", 0);
    const look = "inLobby > 0 and redis.call('ZCOUNT', waitlist";
    const noLook = "false and redis.call('ZCOUNT', waitlist";
    sale.scripts.tick = broken(broken(releaseScript, look, noLook), look, noLook);
    await sale.tick(0);
    expect([...(await sale.state()).released.keys()]).toContain("late");
  });

  test("with the rounds in the wrong order, the places are not those anybody can compute", async () => {
    const sale = await withLobby(30);
    const { lobby } = await sale.state();
    sale.scripts.tick = broken(releaseScript, "for round = ROUNDS, 1, -1 do", "for round = 1, ROUNDS do");
    expect(await releaseAll(sale)).not.toEqual(await drawnOrder(sale, lobby, 30));
  });

  test("passthrough keeps it too", async () => {
    const sale = await withLobby(50, { releaseSize: 1, capacity: 1, items: { shoe: 1 } });
    const { lobby } = await sale.state();
    await sale.setMode("passthrough", -1);
    await sale.join("late", 0);
    expect((await sale.tick(0)).released).toBe(51);
    const { released } = await sale.state();
    const order = [...released].sort(([, a], [, b]) => a - b).map(([shopper]) => shopper);
    expect(order).toEqual([...(await drawnOrder(sale, lobby, 50)), "late"]);
  });

  test("is kept by somebody who missed the turn: they wait at their place, before all of the lobby", async () => {
    const sale = await withLobby(4, { capacity: 1, releaseSize: 1, passSeconds: 60 });
    const order = await drawnOrder(sale, (await sale.state()).lobby, 4);
    const [first = "", second = ""] = order;
    await sale.tick(0);
    await sale.tick(40);
    await sale.enter(second, 41);
    expect(await sale.enter(first, 45)).toMatchObject({ word: "not_your_turn", number: 1 });
    await sale.tick(105);
    expect((await sale.enter(first, 105)).word).toBe("entered");
    expect(await sale.line()).toEqual([]);
  });
});

describe("a lobby of 30,000", () => {
  test("is released in order, by ticks that look at so many places each", async () => {
    const sale = await withLargeLobby(30_000);
    const seed = await seedOf(sale);
    const { lobby } = await sale.state();
    await sale.join("late", 0);
    const times: number[] = [];
    for (const [tick, released] of [10_000, 10_000, 10_000, 1].entries()) {
      const began = performance.now();
      expect(await sale.tick(tick * 5)).toMatchObject({
        released,
        nowServing: Math.min((tick + 1) * 10_000, 30_001),
        waiting: Math.max(0, 30_001 - (tick + 1) * 10_000),
      });
      times.push(Math.round(performance.now() - began));
    }
    console.log("milliseconds of ticks that release 10,000 each from a lobby of 30,000:", ...times);
    const { released } = await sale.state();
    expect(released.get("late")).toBe(30_001);
    expect(new Set(released.values()).size).toBe(30_001);
    const some = people(30_000).filter((_, i) => i % 97 === 0);
    for (const shopper of some)
      expect(released.get(shopper)).toBe(await placeOf(seed, 30_000, lobby.get(shopper) ?? 0));
  });

  test("that most have left is searched for those who stayed, over several ticks, and nobody passes them", async () => {
    const sale = await withLargeLobby(30_000, { releaseSize: 50 });
    // Of one seed in sixty all who stayed have places that the first tick looks at. Not of this one.
    await redis.gateway.redis.command("HSET", sale.keys.sale, "drawSeed", "5eed".repeat(16));
    const stay = people(30_000).filter((_, i) => i % 3000 === 7);
    await redis.gateway.redis.command("DEL", sale.keys.lobby);
    const numbers = stay.map((shopper) => [shopper, Number(shopper.slice(1))] as const);
    for (const [shopper, number] of numbers)
      await redis.gateway.redis.command("ZADD", sale.keys.lobby, number, shopper);
    const late = people(20, "late");
    for (const shopper of late) await sale.join(shopper, 0);
    const order = await drawnOrder(sale, new Map(numbers), 30_000);
    expect((await sale.tick(0)).waiting).toBeGreaterThanOrEqual(late.length);
    expect(await releaseAll(sale, 5)).toEqual([...order, ...late]);
  });
});

describe("a draw whose Redis was lost", () => {
  /** Loses it and publishes what Postgres remembers. */
  async function rebuilt(sale: TestSale, remembered: { drawCount?: number; numbersUntil: number }) {
    const drawSeed = await seedOf(sale);
    await sale.lose();
    await sale.publish({ epoch: 2, drawSeed, ...remembered });
  }

  test("before opening: old tickets have their numbers of the lobby again, newcomers numbers above all", async () => {
    const sale = await withLobby(10);
    await rebuilt(sale, { numbersUntil: 100 });
    expect(await sale.join("new", -8)).toMatchObject({ word: "joined", number: 101, inLobby: true });
    for (const shopper of people(10).reverse()) {
      const reply = await sale.joinAgain(shopper, -5);
      expect(reply).toMatchObject({
        word: "joined",
        number: Number(shopper.slice(1)),
        inLobby: true,
        epoch: 2,
      });
    }
    expect(await sale.line()).toEqual([]);
    const { lobby } = await sale.state();
    expect(await releaseAll(sale)).toEqual(await drawnOrder(sale, lobby, 101));
  });

  test("after opening: an old ticket of the lobby joins at its place, before all who are new", async () => {
    const sale = await withLobby(10, { releaseSize: 2 });
    const order = await drawnOrder(sale, (await sale.state()).lobby, 10);
    const old = new Map(sale.tickets);
    await sale.tick(0);
    await rebuilt(sale, { drawCount: 10, numbersUntil: 100 });
    await sale.join("new", 1);
    for (const shopper of order.slice(0, 9)) {
      const ticket = old.get(shopper);
      expect(await sale.join(shopper, 2, { old: ticket })).toMatchObject({
        word: "place_first",
        number: ticket?.number,
        drawn: 10,
        seed: await seedOf(sale),
      });
      expect(await sale.joinAgain(shopper, 2, ticket)).toMatchObject({
        word: "joined",
        number: order.indexOf(shopper) + 1,
        inLobby: false,
      });
    }
    expect(await releaseAll(sale, 5)).toEqual([...order.slice(0, 9), "new"]);
    expect(await sale.line()).toEqual([]);
  });

  test("place_first puts nobody in line", async () => {
    const sale = await withLobby(10);
    await rebuilt(sale, { drawCount: 10, numbersUntil: 100 });
    const before = await sale.state();
    expect((await sale.join("s001", 1, { old: sale.tickets.get("s001") })).word).toBe("place_first");
    expect(await sale.state()).toEqual(before);
  });

  test("a place that was drawn and told before the loss is the same after it", async () => {
    const sale = await withLobby(10, { releaseSize: 10 });
    await sale.tick(0);
    const places = (await sale.state()).released;
    for (const shopper of people(10)) await sale.join(shopper, 1);
    await rebuilt(sale, { drawCount: 10, numbersUntil: 100 });
    for (const shopper of people(10))
      expect(await sale.joinAgain(shopper, 2)).toMatchObject({ word: "joined", number: places.get(shopper) });
  });

  test("who is back only after opening still comes after those with smaller places, who are back since before", async () => {
    const sale = await withLobby(60, { releaseSize: 5 });
    await rebuilt(sale, { numbersUntil: 60 });
    const order = await drawnOrder(sale, new Map(people(60).map((s, i) => [s, i + 1])), 60);
    const after = order.filter((_, i) => i % 3 === 2);
    for (const shopper of order) if (!after.includes(shopper)) await sale.joinAgain(shopper, -5);
    for (const shopper of after) await sale.joinAgain(shopper, 0);
    await sale.join("late", 0);
    expect(await releaseAll(sale)).toEqual([...order, "late"]);
  });

  test("a number of the lobby that two have, because the bound was passed, keeps nobody waiting for ever", async () => {
    const sale = await withLobby(3);
    await rebuilt(sale, { numbersUntil: 0 });
    for (const shopper of ["new", "newer"]) await sale.join(shopper, -5);
    for (const shopper of people(3)) await sale.joinAgain(shopper, -5);
    await sale.join("late", 0);
    const order = await releaseAll(sale);
    expect(counted(order)).toEqual(
      Object.fromEntries([...people(3), "new", "newer", "late"].map((s) => [s, 1])),
    );
    expect(order.at(-1)).toBe("late");
  });

  test("a number beyond those drawn, because the bound was passed, is taken as it is, behind the draw", async () => {
    const sale = await withLobby(10);
    await rebuilt(sale, { drawCount: 4, numbersUntil: 4 });
    expect(await sale.joinAgain("s010", 1)).toMatchObject({ word: "joined", number: 10, inLobby: false });
    expect(await sale.joinAgain("s004", 1)).toMatchObject({ word: "joined", inLobby: false });
    expect((await sale.joinAgain("s004", 1)).number).toBeLessThanOrEqual(4);
  });
});
