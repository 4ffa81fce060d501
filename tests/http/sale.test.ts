import { randomUUID } from "node:crypto";
import { describe, expect, test } from "vitest";
import {
  ask,
  at,
  createSale,
  live,
  operator,
  saleInput,
  shoe,
  shopper,
  shopperInside,
  until,
  withStack,
} from "./harness.ts";

const stack = withStack();

describe("a shopper's whole way", () => {
  test("line, turn, hold, order; and the order is in Postgres", async () => {
    const sale = await createSale(stack.get());
    const ann = shopper(stack.get(), sale);
    const joined = await ann.join();
    expect([joined.status, joined.json.number]).toEqual([201, 1]);
    await until(
      () => ask(stack.get(), `/api/sales/${sale}/pulse`),
      ({ json }) => Number(json.nowServing) >= 1,
    );
    expect((await ann.enter()).status).toBe(201);
    expect((await ann.enter()).status).toBe(200);
    const id = randomUUID();
    const held = await ann.reserve(id, [{ sku: "shoe", quantity: 2 }]);
    expect(held.status).toBe(201);
    const lines = [{ sku: "shoe", quantity: 2, price: 0 }];
    expect(held.json).toMatchObject({ reservationId: id, state: "held", lines, total: 0 });
    expect((await ann.reservation(id)).json).toEqual(held.json);
    const { status, json } = await ann.checkout(id);
    expect(status).toBe(200);
    expect(json.order).toMatchObject({ id, sale, state: "confirmed", payment: { state: "not_required" } });
    expect((await ann.order(id)).json).toEqual(json.order);

    const after = await until(
      () => live(stack.get(), sale),
      ({ stored }) => stored?.orders === 1,
    );
    expect(after).toMatchObject({
      items: [{ sku: "shoe", stock: 10, available: 8, held: 0, confirmed: 2 }],
      outbox: { entries: 0 },
      stored: { orders: 1, shoppers: 1, discrepancies: 0, ledgerDifference: 0 },
    });
    const { json: page } = await operator(stack.get(), `/sales/${sale}/orders`);
    expect(page.orders).toMatchObject([{ id, units: 2, number: 1 }]);
  });

  test("browsers do the same with cookies alone", async () => {
    const sale = await createSale(stack.get());
    const joined = await ask(stack.get(), `/api/sales/${sale}/queue`, { method: "POST" });
    const cookies = joined.headers.getSetCookie();
    expect(cookies).toHaveLength(2);
    for (const text of cookies)
      expect(text).toMatch(/^__Host-[^;]+; Path=\/; Max-Age=\d+; Secure; HttpOnly; SameSite=Lax$/);
    const cookie = cookies.map((text) => text.split(";")[0]).join("; ");
    const entered = await until(
      () => ask(stack.get(), `/api/sales/${sale}/entry`, { method: "POST", headers: { cookie } }),
      ({ status }) => status < 300,
    );
    const withPass = [cookie, ...entered.headers.getSetCookie().map((text) => text.split(";")[0])].join("; ");
    const body = { reservationId: randomUUID(), lines: [{ sku: "shoe", quantity: 1 }] };
    const held = await ask(stack.get(), `/api/sales/${sale}/reservations`, {
      body,
      headers: { cookie: withPass },
    });
    expect(held.status).toBe(201);
    const again = await ask(stack.get(), `/api/sales/${sale}/queue`, { method: "POST", headers: { cookie } });
    expect([again.status, again.json.number]).toEqual([200, joined.json.number]);
  });

  test("joining again with the ticket answers the same place", async () => {
    const sale = await createSale(stack.get());
    const ann = shopper(stack.get(), sale);
    const first = await ann.join();
    const second = await ann.join();
    expect(second.status).toBe(200);
    expect(second.json).toEqual(first.json);
  });

  test("who leaves has no place any more", async () => {
    const sale = await createSale(stack.get());
    const ann = await shopperInside(stack.get(), sale);
    expect((await ann.leave()).status).toBe(204);
    expect((await ann.enter()).type).toBe("invalid_ticket");
    expect((await ann.reserve(randomUUID())).type).toBe("pass_expired");
  });

  test("what is given back can be bought by somebody else; what is bought cannot be given back", async () => {
    const sale = await createSale(stack.get(), { items: [shoe({ stock: 1, limit: 1 })] });
    const ann = await shopperInside(stack.get(), sale);
    const id = randomUUID();
    expect((await ann.reserve(id)).status).toBe(201);
    expect((await ann.giveBack(id)).status).toBe(204);
    expect((await ann.giveBack(id)).status).toBe(204);
    expect((await ann.reservation(id)).json.state).toBe("released");
    expect((await ann.leave()).status).toBe(204);
    const ben = await shopperInside(stack.get(), sale);
    const order = randomUUID();
    await ben.reserve(order);
    expect((await ben.checkout(order)).status).toBe(200);
    expect((await ben.checkout(order)).status).toBe(200);
    expect((await ben.giveBack(order)).type).toBe("already_confirmed");
    await until(
      () => ask(stack.get(), `/api/sales/${sale}/pulse`),
      ({ json }) => json.phase === "sold_out",
    );
    expect((await shopper(stack.get(), sale).join()).type).toBe("sold_out");
  });

  test("a hold that is not paid for ends, and its unit comes back", async () => {
    const sale = await createSale(stack.get(), { holdSeconds: 5 });
    const ann = await shopperInside(stack.get(), sale);
    const id = randomUUID();
    expect((await ann.reserve(id)).status).toBe(201);
    const after = await until(
      () => live(stack.get(), sale),
      ({ items }) => items[0]?.available === 10,
    );
    expect(after.items).toMatchObject([{ held: 0, confirmed: 0 }]);
    expect((await ann.reservation(id)).json.state).toBe("expired");
    expect((await ann.checkout(id)).type).toBe("reservation_expired");
  });
});

describe("the sale", () => {
  test("creating the same sale twice answers the first; another one with its id is refused", async () => {
    const input = saleInput();
    expect((await operator(stack.get(), "/sales", { body: input })).status).toBe(201);
    expect((await operator(stack.get(), "/sales", { body: input })).status).toBe(200);
    const other = await operator(stack.get(), "/sales", { body: { ...input, name: "Another" } });
    expect([other.status, other.type]).toEqual([409, "sale_exists"]);
  });

  test("its phase comes from the clock", async () => {
    const hour = 3_600_000;
    const phaseOf = async (times: Parameters<typeof createSale>[1]) =>
      (await ask(stack.get(), `/api/sales/${await createSale(stack.get(), times)}`)).json.phase;
    expect(await phaseOf({ opensAt: at(hour), closesAt: at(2 * hour) })).toBe("scheduled");
    expect(await phaseOf({ registrationOpensAt: at(-hour), opensAt: at(hour), closesAt: at(2 * hour) })).toBe(
      "registration",
    );
    expect(await phaseOf({ opensAt: at(60_000), closesAt: at(hour) })).toBe("lobby");
    expect(await phaseOf({ opensAt: at(-1000), closesAt: at(hour) })).toBe("open");
    expect(await phaseOf({ opensAt: at(-hour), closesAt: at(-1000) })).toBe("closed");
  });

  test("on hold nobody is released; back to normal the line goes on; reject turns joins away", async () => {
    const sale = await createSale(stack.get());
    const mode = (body: unknown) => operator(stack.get(), `/sales/${sale}/mode`, { body });
    expect((await mode({ mode: "hold", reason: "a rehearsed pause" })).status).toBe(200);
    const ann = shopper(stack.get(), sale);
    expect((await ann.join()).status).toBe(201);
    await until(
      () => ask(stack.get(), `/api/sales/${sale}/pulse`),
      ({ json }) =>
        json.mode === "hold" && Date.parse(String(json.now)) > Date.parse(String(json.opensAt)) + 4_000,
    );
    const refused = await ann.enter();
    expect([refused.status, refused.type]).toEqual([425, "not_your_turn"]);
    expect(Number(refused.headers.get("retry-after"))).toBeGreaterThan(0);
    expect((await mode({ mode: "normal" })).status).toBe(200);
    await until(
      () => ann.enter(),
      ({ status }) => status === 201,
    );
    expect((await mode({ mode: "reject" })).status).toBe(200);
    expect((await shopper(stack.get(), sale).join()).type).toBe("on_hold");
  });

  test("numbers follow the order of arrival", async () => {
    const sale = await createSale(stack.get());
    const numbers: unknown[] = [];
    for (let i = 0; i < 10; i++) numbers.push((await shopper(stack.get(), sale).join()).json.number);
    expect(numbers).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
  });
});

describe("what everybody sees", () => {
  test("public answers say how long they may be kept and set no cookie; personal ones are not kept", async () => {
    const sale = await createSale(stack.get());
    for (const [path, cache] of [
      ["/", "public, max-age=5, stale-while-revalidate=60, stale-if-error=3600"],
      [`/sales/${sale}`, "public, max-age=5, stale-while-revalidate=60, stale-if-error=3600"],
      [`/api/sales/${sale}`, "public, max-age=5, stale-while-revalidate=30, stale-if-error=600"],
      [`/api/sales/${sale}/pulse`, "public, max-age=1, stale-if-error=30"],
    ] as const) {
      const answer = await ask(stack.get(), path, {
        headers: { accept: "text/html", cookie: "__Host-shopper=x" },
      });
      expect([path, answer.status, answer.headers.get("cache-control")]).toEqual([path, 200, cache]);
      expect(answer.headers.getSetCookie()).toEqual([]);
    }
    const joined = await shopper(stack.get(), sale).join();
    expect(joined.headers.get("cache-control")).toBe("no-store");
    expect(joined.headers.get("cf-cache-status")).toBe("BYPASS");
  });

  test("a thousand polls in a second reach the functions a few times at most", async () => {
    const sale = await createSale(stack.get());
    const before = stack.get().front.stats().upstreamRequests;
    await Promise.all(Array.from({ length: 1000 }, () => ask(stack.get(), `/api/sales/${sale}/pulse`)));
    expect(stack.get().front.stats().upstreamRequests - before).toBeLessThanOrEqual(10);
  });

  test("openapi.json describes every call", async () => {
    const { status, json } = await ask(stack.get(), "/openapi.json");
    expect([status, json.openapi]).toEqual([200, "3.1.0"]);
    expect(Object.keys(json.paths as object)).toEqual(
      expect.arrayContaining([
        "/api/sales/{sale}/pulse",
        "/api/sales/{sale}/reservations/{id}/checkout",
        "/api/admin/sales",
      ]),
    );
  });

  test("healthz says what answers", async () => {
    const { status, json } = await ask(stack.get(), "/healthz");
    expect([status, json]).toEqual([200, { redis: "ok", postgres: "ok" }]);
  });
});
