/** The line at the HTTP contract: turns, modes, what people are told, the draw, and a Redis that was lost. */
import { randomUUID } from "node:crypto";
import { describe, expect, test } from "vitest";
import { commitmentOf, placeOf } from "../../static/assets/draw.js";
import {
  ask,
  at,
  claimsIn,
  createSale,
  forge,
  live,
  operator,
  pulse,
  shoe,
  shopper,
  shopperInside,
  until,
  withStack,
  type Shopper,
} from "./harness.ts";

const stack = withStack();
const redisCalls = async () => (await stack.get().redis.stats()).calls;
const mode = (sale: string, mode: string) =>
  operator(stack.get(), `/sales/${sale}/mode`, { body: { mode, reason: "a test" } });

async function joined(sale: string, count: number): Promise<Shopper[]> {
  const line: Shopper[] = [];
  for (let i = 0; i < count; i++) {
    const someone = shopper(stack.get(), sale);
    expect((await someone.join()).status).toBe(201);
    line.push(someone);
  }
  return line;
}

describe("turns", () => {
  test("who leaves while inside makes room at once, for the next number", async () => {
    const sale = await createSale(stack.get(), { capacity: 1, items: [shoe({ stock: 10 })] });
    const ann = await shopperInside(stack.get(), sale);
    const [ben] = await joined(sale, 1);
    expect((await ben?.enter())?.type).toBe("not_your_turn");
    await ann.leave();
    await until(
      () => ben?.enter() ?? Promise.reject(new Error("no ben")),
      ({ status }) => status === 201,
    );
  });

  test("a new release size counts from the next tick, and is written down", async () => {
    const sale = await createSale(stack.get(), {
      opensAt: at(2_000),
      releaseSize: 1,
      releaseEverySeconds: 2,
      items: [shoe({ stock: 100 })],
    });
    await joined(sale, 6);
    await until(
      () => pulse(stack.get(), sale),
      ({ nowServing }) => nowServing === 1,
    );
    const body = { releaseSize: 5, reason: "all is well" };
    const set = await operator(stack.get(), `/sales/${sale}/release-size`, { body });
    expect([set.status, set.json]).toEqual([200, { releaseSize: 5 }]);
    const seen = await until(
      () => pulse(stack.get(), sale),
      ({ nowServing }) => nowServing !== 1,
    );
    expect(seen.nowServing).toBe(6);
    const wrong = await operator(stack.get(), `/sales/${sale}/release-size`, { body: { releaseSize: 0 } });
    expect([wrong.status, wrong.type]).toEqual([422, "invalid_input"]);
  });
});

describe("modes", () => {
  test("drain: nobody joins or comes in, who is inside buys", async () => {
    const sale = await createSale(stack.get(), { capacity: 1 });
    const ann = await shopperInside(stack.get(), sale);
    const [ben] = await joined(sale, 1);
    await mode(sale, "drain");
    expect((await shopper(stack.get(), sale).join()).type).toBe("on_hold");
    const id = randomUUID();
    expect((await ann.reserve(id)).status).toBe(201);
    expect((await ann.checkout(id)).status).toBe(200);
    await new Promise((resolve) => setTimeout(resolve, 2_500));
    expect((await ben?.enter())?.type).toBe("not_your_turn");
    expect(await pulse(stack.get(), sale)).toMatchObject({ mode: "drain", nowServing: 1 });
    await mode(sale, "normal");
    await until(
      () => ben?.enter() ?? Promise.reject(new Error("no ben")),
      ({ status }) => status === 201,
    );
  });

  test("reject: nobody joins, comes in or takes a hold; a hold can still be completed", async () => {
    const sale = await createSale(stack.get());
    const ann = await shopperInside(stack.get(), sale);
    const id = randomUUID();
    await ann.reserve(id);
    await mode(sale, "reject");
    const ben = shopper(stack.get(), sale);
    for (const answer of [await ben.join(), await ann.enter(), await ann.reserve(randomUUID())])
      expect([answer.status, answer.type, answer.headers.has("retry-after")]).toEqual([503, "on_hold", true]);
    expect((await ann.checkout(id)).status).toBe(200);
  });

  test("passthrough: everybody in line comes in, whatever the size and the room", async () => {
    const sale = await createSale(stack.get(), { capacity: 2, releaseSize: 1, opensAt: at(1_500) });
    const line = await joined(sale, 5);
    await mode(sale, "passthrough");
    await until(
      () => pulse(stack.get(), sale),
      ({ nowServing }) => nowServing === 5,
    );
    for (const someone of line) expect((await someone.enter()).status).toBe(201);
  });
});

describe("what people are told", () => {
  test("why the line does not move, and whom what is left can reach", async () => {
    const sale = await createSale(stack.get(), { items: [shoe({ stock: 3, limit: 1 })], opensAt: at(1_500) });
    const line = await joined(sale, 8);
    const [ann, ben, cid] = line;
    const full = await until(
      () => pulse(stack.get(), sale),
      ({ nowServing }) => nowServing === 3,
    );
    expect(full.release).toEqual({ everySeconds: 1, size: 100, last: 3, boundBy: "stock" });
    // Nothing is left for 4 to 8; if all three give back, 4, 5 and 6 are reached.
    expect(full.reach).toEqual({ left: 3, expected: 3, possible: 6 });
    for (const someone of [ann, ben, cid]) {
      await someone?.enter();
      await someone?.reserve(randomUUID());
    }
    const none = await until(
      () => pulse(stack.get(), sale),
      ({ items }) => JSON.stringify(items) === '[{"sku":"shoe","left":"none"}]',
    );
    expect(none.phase).toBe("open");
  });

  test("a hold given back: what was none is few again, and the next in line comes in", async () => {
    const sale = await createSale(stack.get(), { items: [shoe({ stock: 1, limit: 1 })] });
    const ann = await shopperInside(stack.get(), sale);
    const id = randomUUID();
    await ann.reserve(id);
    const [ben] = await joined(sale, 1);
    await until(
      () => pulse(stack.get(), sale),
      ({ items }) => JSON.stringify(items).includes("none"),
    );
    await ann.giveBack(id);
    await ann.leave();
    await until(
      () => pulse(stack.get(), sale),
      ({ items }) => !JSON.stringify(items).includes("none"),
    );
    await until(
      () => ben?.enter() ?? Promise.reject(new Error("no ben")),
      ({ status }) => status === 201,
    );
  });

  test("that all is sold, within two seconds, by a pulse that costs those who wait nothing", async () => {
    const sale = await createSale(stack.get(), { items: [shoe({ stock: 1, limit: 1 })] });
    const ann = await shopperInside(stack.get(), sale);
    await joined(sale, 1);
    const id = randomUUID();
    await ann.reserve(id);
    // Somebody has just read the pulse, so the next ones are old until it has run out.
    await pulse(stack.get(), sale);
    const before = await redisCalls();
    await Promise.all(Array.from({ length: 50 }, () => pulse(stack.get(), sale)));
    expect((await redisCalls()) - before).toBeLessThanOrEqual(2);
    await ann.checkout(id);
    const soldAtMs = Date.now();
    const told = await until(
      () => pulse(stack.get(), sale),
      ({ phase }) => phase === "sold_out",
      2_000,
    );
    expect(Date.now() - soldAtMs).toBeLessThan(2_000);
    expect(told.pollAfterMs).toBeLessThanOrEqual(1_000);
  });
});

describe("tickets that are refused at the edge, without touching Redis", () => {
  async function ticketOf() {
    const sale = await createSale(stack.get(), { opensAt: at(60_000) });
    const [ann] = await joined(sale, 1);
    const ticket = ann?.ticket ?? "";
    const claims = claimsIn(ticket) as unknown as Parameters<typeof forge>[1] & { kind: "ticket" };
    return { sale, ticket, claims };
  }
  async function refusal(sale: string, token: string, headers: Record<string, string> = {}) {
    const before = await redisCalls();
    const answer = await ask(stack.get(), `/api/sales/${sale}/entry`, { method: "POST", token, headers });
    expect((await redisCalls()) - before).toBe(0);
    return answer;
  }

  test("altered by one bit, anywhere", async () => {
    const { sale, ticket } = await ticketOf();
    for (let i = 0; i < ticket.length; i += 17) {
      const altered = String.fromCharCode(ticket.charCodeAt(i) ^ 1);
      const answer = await refusal(sale, ticket.slice(0, i) + altered + ticket.slice(i + 1));
      expect([answer.status, answer.type]).toEqual([401, "invalid_ticket"]);
    }
  });

  test("of another sale, or another shopper's", async () => {
    const { sale, ticket } = await ticketOf();
    const other = await createSale(stack.get());
    expect((await refusal(other, ticket)).type).toBe("invalid_ticket");
    const ben = await shopper(stack.get(), sale).join();
    const cookie = ben.headers.getSetCookie().find((text) => text.startsWith("__Host-shopper="));
    const answer = await refusal(sale, ticket, { cookie: cookie?.split(";")[0] ?? "" });
    expect(answer.type).toBe("invalid_ticket");
  });

  test("expired, or from the future", async () => {
    const { sale, claims } = await ticketOf();
    const expired = await forge(stack.get(), { ...claims, expiresAtMs: Date.now() - 1 });
    expect((await refusal(sale, expired)).type).toBe("invalid_ticket");
    const future = await forge(stack.get(), { ...claims, joinedAtMs: Date.now() + 3_600_000 });
    expect((await refusal(sale, future)).type).toBe("invalid_ticket");
    const fine = await ask(stack.get(), `/api/sales/${sale}/entry`, {
      method: "POST",
      token: await forge(stack.get(), claims),
    });
    expect(fine.type).toBe("not_your_turn");
  });

  test("of an epoch that has passed, once the edge has heard of the next", async () => {
    const { sale, claims } = await ticketOf();
    await stack.get().redis.wipe();
    expect((await operator(stack.get(), `/sales/${sale}/rebuild`, { method: "POST" })).status).toBe(200);
    await shopper(stack.get(), sale).join();
    const answer = await refusal(sale, await forge(stack.get(), claims));
    expect([answer.status, answer.type]).toEqual([401, "outdated_ticket"]);
    const ahead = await forge(stack.get(), { ...claims, epoch: 99 });
    const never = await ask(stack.get(), `/api/sales/${sale}/entry`, { method: "POST", token: ahead });
    expect(never.type).toBe("invalid_ticket");
  });
});

describe("the draw", () => {
  test("commits before opening, reveals at opening, and lets the lobby in by the places that follow", async () => {
    const sale = await createSale(stack.get(), {
      lobby: "draw",
      opensAt: at(4_000),
      releaseSize: 1,
      items: [shoe({ stock: 100 })],
    });
    const line = await joined(sale, 12);
    const again = await line[0]?.join();
    expect([again?.status, again?.json.number, again?.json.lobby]).toEqual([200, 1, true]);
    const before = await ask(stack.get(), `/api/sales/${sale}`);
    expect(Object.keys(before.json.draw as object)).toEqual(["commitment"]);
    const page = () => fetch(`${stack.get().url}/sales/${sale}/draw?number=3`).then((page) => page.text());
    expect(await page()).toContain("published when the sale opens");

    type Draw = { commitment: string; seed: string; count: number };
    const { draw } = await until(
      () => pulse(stack.get(), sale),
      ({ draw }) => (draw as Partial<Draw>).seed !== undefined,
    );
    const { commitment, seed, count } = draw as Draw;
    expect([commitment, count]).toEqual([(before.json.draw as Draw).commitment, 12]);
    expect(await commitmentOf(seed)).toBe(commitment);

    const [late] = await joined(sale, 1);
    expect((await late?.join())?.json).toMatchObject({ number: 13 });
    const places = await Promise.all(line.map((_, i) => placeOf(seed, count, i + 1)));
    expect([...places].sort((a, b) => a - b)).toEqual(line.map((_, i) => i + 1));
    for (const [i, someone] of line.entries()) {
      const { json } = await someone.join();
      expect([json.number, json.lobby]).toEqual([places[i], undefined]);
    }
    // One comes in at each tick, in the order of the places. The last place asks first: whoever is let in, those before
    // them are let in when they ask after it.
    const byPlace = line.map((someone, i) => ({ someone, place: places[i] ?? 0 }));
    if (late !== undefined) byPlace.push({ someone: late, place: 13 });
    byPlace.sort((a, b) => b.place - a.place);
    const inside = new Set<number>();
    await until(
      async () => {
        for (const { someone, place } of byPlace)
          if (someone.pass === "" && (await someone.enter()).status === 201) inside.add(place);
        expect(inside).toEqual(new Set(Array.from(inside, (_, i) => i + 1)));
        return inside.size;
      },
      (size) => size >= 6,
      25_000,
    );
    expect(inside.size).toBeLessThan(13);

    await until(page, (html) => html.includes(`Number 3 has place ${places[2]}.`), 10_000);
    const none = await fetch(`${stack.get().url}/sales/${sale}/draw?number=99`);
    expect(await none.text()).toContain("There is no number 99 in this lobby.");
  });

  test("a sale by arrival has no draw to check", async () => {
    const sale = await createSale(stack.get());
    expect((await fetch(`${stack.get().url}/sales/${sale}/draw`)).status).toBe(404);
  });
});

describe("Redis lost in mid-sale", () => {
  test("nothing is sold until the rebuild; then orders and holds stand, and the line keeps its order", async () => {
    const sale = await createSale(stack.get(), {
      items: [shoe({ stock: 5, limit: 1 })],
      capacity: 2,
      opensAt: at(1_500),
    });
    const line = await joined(sale, 8);
    const [ann, ben, cid, , , , , hal] = line;
    if (ann === undefined || ben === undefined || cid === undefined || hal === undefined) throw new Error();
    await until(
      () => ann.enter(),
      ({ status }) => status === 201,
    );
    const bought = randomUUID();
    await ann.reserve(bought);
    expect((await ann.checkout(bought)).status).toBe(200);
    await until(
      () => ben.enter(),
      ({ status }) => status === 201,
    );
    const held = randomUUID();
    await ben.reserve(held);
    await until(
      () => live(stack.get(), sale),
      ({ outbox, stored }) => outbox.entries === 0 && stored?.orders === 1,
    );
    const early = await operator(stack.get(), `/sales/${sale}/rebuild`, { method: "POST" });
    expect([early.status, early.type]).toEqual([409, "redis_intact"]);

    await stack.get().redis.wipe();
    for (const answer of [await cid.join(), await cid.enter(), await ben.reserve(randomUUID())])
      expect([answer.status, answer.type]).toEqual([503, "on_hold"]);
    // What was bought is there; nobody is told that what they hold is gone, for it comes back.
    expect((await ann.order(bought)).status).toBe(200);
    expect((await ann.reservation(bought)).json.state).toBe("confirmed");
    expect((await ben.order(bought)).type).toBe("not_found");
    for (const answer of [await ben.reservation(held), await ben.order(held)])
      expect([answer.status, answer.type]).toEqual([503, "on_hold"]);
    stack.get().neon.faults.add({ kind: "error", status: 500 });
    expect((await ann.order(bought)).type).toBe("unavailable");
    stack.get().neon.faults.clear();

    const rebuilt = await operator(stack.get(), `/sales/${sale}/rebuild`, { method: "POST" });
    expect([rebuilt.status, rebuilt.json]).toEqual([200, { epoch: 2, reservations: 2 }]);
    expect((await live(stack.get(), sale)).items).toMatchObject([{ available: 3, held: 1, confirmed: 1 }]);

    // Nobody is let in before all are back, however slowly they come.
    const setMode = (mode: string) => operator(stack.get(), `/sales/${sale}/mode`, { body: { mode } });
    expect((await setMode("hold")).status).toBe(200);
    // Somebody new, and then the old ones, the last first: numbers as before, and the new one behind them.
    const zoe = shopper(stack.get(), sale);
    const newcomer = Number((await zoe.join()).json.number);
    for (const [i, someone] of [...line.entries()].slice(2).reverse()) {
      expect((await someone.enter()).type).toBe("outdated_ticket");
      const back = await someone.join();
      expect([back.status, back.json.number, back.json.epoch]).toEqual([201, i + 1, 2]);
    }
    expect(newcomer).toBeGreaterThan(8);
    expect((await setMode("normal")).status).toBe(200);
    expect((await ben.checkout(held)).status).toBe(200);
    await until(
      () => cid.enter(),
      ({ status }) => status === 201,
    );
    expect((await hal.enter()).type).toBe("not_your_turn");
    expect((await zoe.enter()).type).toBe("not_your_turn");
    const after = randomUUID();
    await cid.reserve(after);
    expect((await cid.checkout(after)).status).toBe(200);
    const end = await until(
      () => live(stack.get(), sale),
      ({ stored }) => stored?.orders === 3,
    );
    expect(end).toMatchObject({
      items: [{ stock: 5, held: 0, confirmed: 3 }],
      stored: { orders: 3, shoppers: 3, discrepancies: 0, ledgerDifference: 0 },
    });
  });

  test("a sale that nobody knows cannot be rebuilt", async () => {
    const answer = await operator(stack.get(), "/sales/nobody-knows-it/rebuild", { method: "POST" });
    expect([answer.status, answer.type]).toEqual([404, "not_found"]);
  });
});
