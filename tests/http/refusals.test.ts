import { randomUUID } from "node:crypto";
import { beforeAll, describe, expect, test } from "vitest";
import { z } from "zod";
import {
  ask,
  at,
  createSale,
  live,
  operator,
  pointersOf,
  saleInput,
  shoe,
  shopper,
  shopperInside,
  until,
  withStack,
} from "./harness.ts";
import type { Ask, Shopper } from "./harness.ts";

const log: string[] = [];
const stack = withStack(log);
let sale: string;
let ann: Shopper;

beforeAll(async () => {
  sale = await createSale(stack.get());
  ann = await shopperInside(stack.get(), sale);
});

const one = [{ sku: "shoe", quantity: 1 }];
const wish = (quantity: number, sku = "shoe") => ({
  reservationId: randomUUID(),
  lines: [{ sku, quantity }],
});

describe("what cannot be read is refused, and nothing changes", () => {
  const cases: [string, Ask, number, string][] = [
    ["malformed JSON", { body: '{"reservationId":' }, 400, "malformed_json"],
    ["17 KB", { body: JSON.stringify({ pad: "x".repeat(17 * 1024) }) }, 413, "body_too_large"],
    [
      "another content type",
      { body: wish(1), headers: { "content-type": "text/plain" } },
      415,
      "unsupported_media_type",
    ],
    ["no body", { method: "POST" }, 422, "invalid_input"],
    ["an unknown field", { body: { ...wish(1), price: 1 } }, 422, "invalid_input"],
    ["no id", { body: { lines: one } }, 422, "invalid_input"],
    ["no lines", { body: { reservationId: randomUUID(), lines: [] } }, 422, "invalid_input"],
    ["a quantity of 0", { body: wish(0) }, 422, "invalid_input"],
    ["a quantity of 1.5", { body: wish(1.5) }, 422, "invalid_input"],
    ["a sku this sale has not", { body: wish(1, "hat") }, 422, "invalid_input"],
    [
      "more than the limit, summed over lines",
      { body: { ...wish(1), lines: [...one, ...one, ...one] } },
      409,
      "limit_reached",
    ],
  ];
  test.each(cases)("%s", async (_, call, status, type) => {
    const answer = await ask(stack.get(), `/api/sales/${sale}/reservations`, {
      method: "POST",
      token: ann.pass,
      ...call,
    });
    expect([answer.status, answer.type]).toEqual([status, type]);
    expect(answer.headers.get("content-type")).toBe("application/problem+json");
    expect((await live(stack.get(), sale)).items).toMatchObject([{ available: 10, held: 0 }]);
  });

  test("each wrong field is pointed at", async () => {
    const answer = await ask(stack.get(), `/api/sales/${sale}/reservations`, {
      body: { reservationId: "no", lines: [{ sku: "shoe", quantity: -1 }], extra: true },
      token: ann.pass,
    });
    expect(pointersOf(answer)).toEqual(["/extra", "/lines/0/quantity", "/reservationId"]);
  });

  test("17 KB without a length are refused as well", async () => {
    const body = new ReadableStream({
      start(controller) {
        for (let i = 0; i < 17; i++) controller.enqueue(new TextEncoder().encode(" ".repeat(1024)));
        controller.close();
      },
    });
    // Node asks for it with a stream; the type of the platform does not know it yet.
    const streamed = { body, duplex: "half" };
    const response = await fetch(`${stack.get().url}/api/sales/${sale}/queue`, {
      method: "POST",
      headers: { "content-type": "application/json", "cf-connecting-ip": "10.255.0.1" },
      ...streamed,
    });
    expect(response.status).toBe(413);
  });
});

describe("a sale that cannot be is refused with a pointer to each field", () => {
  test("negative stock, closing before opening, a sku twice, an unknown currency: all at once", async () => {
    const items = [shoe({ stock: -1 }), shoe({})];
    const body = { ...saleInput(), currency: "ABC", closesAt: at(-3_600_000), items };
    const answer = await operator(stack.get(), "/sales", { body });
    expect([answer.status, answer.type]).toEqual([422, "invalid_input"]);
    expect(pointersOf(answer)).toEqual(["/closesAt", "/currency", "/items/0/stock", "/items/1/sku"]);
    expect((await ask(stack.get(), `/api/sales/${body.id}`)).status).toBe(404);
  });

  const wrong: [string, Record<string, unknown>, string][] = [
    ["an unknown field", { colour: "red" }, "/colour"],
    ["no items", { items: [] }, "/items"],
    ["a fractional price", { items: [shoe({ price: 0.5 })] }, "/items/0/price"],
    ["an id with capitals", { id: "Spring" }, "/id"],
    ["a time without a zone", { opensAt: "2026-12-01T10:00:00" }, "/opensAt"],
    ["an image on another host", { image: "//elsewhere/x.png" }, "/image"],
    ["more slots than stock", { slots: { count: 11, claimUntil: at(60_000) } }, "/slots/count"],
    ["a registration that never opens", { registrationClosesAt: at(-60_000) }, "/registrationClosesAt"],
    ["a year of five digits, by its offset", { closesAt: "9999-12-31T23:59:59-23:00" }, "/closesAt"],
    ["a year that was never meant", { opensAt: "0001-01-01T00:00:00+01:00" }, "/opensAt"],
    ["a backslash that browsers take for a slash", { image: "/\\elsewhere/x.png" }, "/image"],
    ["a sale that is over", { opensAt: at(-9_000_000), closesAt: at(-4_000_000) }, "/closesAt"],
  ];
  test.each(wrong)("%s", async (_, overrides, pointer) => {
    const answer = await operator(stack.get(), "/sales", { body: { ...saleInput(), ...overrides } });
    expect(answer.status).toBe(422);
    expect(pointersOf(answer)).toContain(pointer);
  });
});

test("the bounds of a whole number are told, once", async () => {
  const wrong = { capacity: 0, holdSeconds: 4000, releaseSize: 1e30, items: [shoe({ limit: 101 })] };
  const answer = await operator(stack.get(), "/sales", { body: { ...saleInput(), ...wrong } });
  expect(answer.json.errors).toEqual(
    expect.arrayContaining([
      { pointer: "/capacity", detail: "must be a whole number from 1 to 100000" },
      { pointer: "/holdSeconds", detail: "must be a whole number from 5 to 3600" },
      { pointer: "/releaseSize", detail: "must be a whole number from 1 to 10000" },
      { pointer: "/items/0/limit", detail: "must be a whole number from 1 to 100" },
    ]),
  );
  expect(answer.json.errors).toHaveLength(4);
});

test("a sale with as much as it may have is not too large", async () => {
  const items = Array.from({ length: 100 }, (_, nth) =>
    shoe({ sku: `${"s".repeat(60)}-${nth}`, name: "n".repeat(120), image: `/${"i".repeat(499)}` }),
  );
  const answer = await operator(stack.get(), "/sales", { body: saleInput({ items }) });
  expect(answer.status).toBe(201);
});

describe("what a call does not know is refused, and not ignored", () => {
  test("fields of a call that takes none", async () => {
    const entry = await ann.enter({ body: { colour: "red" } });
    expect([entry.type, pointersOf(entry)]).toEqual(["invalid_input", ["/colour"]]);
    expect((await ann.enter({ body: {} })).status).toBe(200);
  });

  test("parameters of an operator's list, where one might take all for what was asked for", async () => {
    const orders = await operator(stack.get(), `/sales/${sale}/orders?shopper=ann`);
    expect([orders.type, pointersOf(orders)]).toEqual(["invalid_input", ["/shopper"]]);
  });

  test("methods, by the ones there are", async () => {
    const { status, headers } = await operator(stack.get(), `/sales/${sale}`, { method: "DELETE" });
    expect([status, headers.get("allow")]).toEqual([405, "GET, PUT"]);
  });
});

describe("tokens", () => {
  test("a ticket altered by one character is refused at the edge", async () => {
    const ben = shopper(stack.get(), sale);
    await ben.join();
    for (const index of [0, 20, Math.floor(ben.ticket.length / 2), ben.ticket.length - 1]) {
      const altered =
        ben.ticket.slice(0, index) + (ben.ticket[index] === "A" ? "B" : "A") + ben.ticket.slice(index + 1);
      const answer = await ben.enter({ token: altered });
      expect([answer.status, answer.type, answer.headers.get("x-layer")]).toEqual([
        401,
        "invalid_ticket",
        "edge",
      ]);
    }
  });

  test("a ticket of another sale, a pass as a ticket, a ticket as a pass, none at all", async () => {
    const ben = shopper(stack.get(), await createSale(stack.get()));
    await ben.join();
    expect((await ann.enter({ token: ben.ticket })).type).toBe("invalid_ticket");
    expect((await ann.enter({ token: ann.pass })).type).toBe("invalid_ticket");
    expect((await ann.reserve(randomUUID(), one, { token: ann.ticket })).type).toBe("invalid_pass");
    const none = await ask(stack.get(), `/api/sales/${sale}/entry`, { method: "POST" });
    expect([none.status, none.type, none.headers.get("www-authenticate")]).toEqual([
      401,
      "invalid_ticket",
      "Bearer",
    ]);
  });

  test("a ticket in another shopper's browser is refused", async () => {
    const other = await ask(stack.get(), `/api/sales/${sale}/queue`, { method: "POST" });
    const cookie =
      other.headers
        .getSetCookie()
        .find((text) => text.startsWith("__Host-shopper"))
        ?.split(";")[0] ?? "";
    expect(cookie).not.toBe("");
    expect((await ann.enter({ headers: { cookie } })).type).toBe("invalid_ticket");
  });

  test("a shopper named by the client is not believed", async () => {
    const ben = shopper(stack.get(), sale);
    await ben.join();
    const { shopper: name } = z
      .object({ shopper: z.string() })
      .parse(JSON.parse(atob(ben.ticket.split(".")[0] ?? "")));
    const answer = await ask(stack.get(), `/api/sales/${sale}/queue`, {
      method: "POST",
      headers: { "x-shopper": name },
    });
    expect(answer.status).toBe(201);
  });

  test("a pass that has ended gives nothing, and the ticket gives a new one", async () => {
    const short = await createSale(stack.get(), { passSeconds: 5 });
    const ben = await shopperInside(stack.get(), short);
    await new Promise((resolve) => setTimeout(resolve, 5_100));
    const late = await ben.reserve(randomUUID());
    expect([late.status, late.type]).toEqual([401, "pass_expired"]);
    expect((await ben.enter()).status).toBe(201);
    expect((await ben.reserve(randomUUID())).status).toBe(201);
  });

  test("one's reservation is nobody else's", async () => {
    const id = randomUUID();
    const ben = await shopperInside(stack.get(), sale);
    expect((await ben.reserve(id)).status).toBe(201);
    expect((await ann.reservation(id)).type).toBe("not_found");
    expect((await ann.order(id)).type).toBe("not_found");
    expect((await ann.giveBack(id)).type).toBe("not_found");
    expect((await ann.checkout(id)).type).toBe("not_found");
    expect((await ann.reserve(id)).type).toBe("conflicting_replay");
    expect((await ben.giveBack(id)).status).toBe(204);
  });

  test("the operator's routes are the operator's", async () => {
    for (const call of [{}, { token: "wrong" }, { token: `${stack.get().adminToken}x` }]) {
      const answer = await ask(stack.get(), "/api/admin/sales", call);
      expect([answer.status, answer.type]).toEqual([401, "unauthorized"]);
    }
  });
});

describe("what the sale does not allow", () => {
  test("joining before the line opens, and after the sale has closed", async () => {
    const later = await createSale(stack.get(), { opensAt: at(3_600_000), closesAt: at(7_200_000) });
    const early = await shopper(stack.get(), later).join();
    expect([early.status, early.type]).toEqual([409, "not_open"]);
    const over = await createSale(stack.get(), { opensAt: at(-7_200_000), closesAt: at(-1_000) });
    expect((await shopper(stack.get(), over).join()).type).toBe("closed");
  });

  test("entering before one's turn: 425, with the time to ask again", async () => {
    const lobby = await createSale(stack.get(), { opensAt: at(300_000), closesAt: at(600_000) });
    const ben = shopper(stack.get(), lobby);
    await ben.join();
    const early = await ben.enter();
    expect([early.status, early.type]).toEqual([425, "not_your_turn"]);
    expect(Number(early.headers.get("retry-after"))).toBeGreaterThan(200);
  });

  test("more than there is: 409 with what is left; a second live reservation; another use of an id", async () => {
    const ben = await shopperInside(
      stack.get(),
      await createSale(stack.get(), { items: [shoe({ stock: 3, limit: 5 })] }),
    );
    const short = await ben.reserve(randomUUID(), [{ sku: "shoe", quantity: 4 }]);
    expect([short.status, short.type]).toEqual([409, "sold_out"]);
    expect(short.json.left).toEqual([{ sku: "shoe", left: 3 }]);
    const id = randomUUID();
    expect((await ben.reserve(id)).status).toBe(201);
    const second = await ben.reserve(randomUUID());
    expect([second.type, second.json.reservationId]).toEqual(["limit_reached", id]);
    expect((await ben.reserve(id, [{ sku: "shoe", quantity: 2 }])).type).toBe("conflicting_replay");
    expect((await ben.reserve(id.toUpperCase())).status).toBe(200);
  });

  test("a priced reservation is no order before it is paid", async () => {
    const ben = await shopperInside(
      stack.get(),
      await createSale(stack.get(), { items: [shoe({ price: 100 })] }),
    );
    const id = randomUUID();
    expect((await ben.reserve(id)).json).toMatchObject({ total: 100, currency: "EUR" });
    const answer = await ben.checkout(id);
    expect([answer.status, Object.keys(answer.json)]).toEqual([200, ["url"]]);
    expect((await ben.order(id)).type).toBe("not_found");
    expect((await ben.reservation(id)).json).toMatchObject({ state: "held", payment: "open" });
  });
});

describe("addresses and methods", () => {
  test.each([
    ["/api/sales/there-is-none", "GET", 404, "not_found"],
    ["/api/sales/there-is-none/pulse", "GET", 404, "not_found"],
    ["/api/sales/there-is-none/queue", "POST", 404, "not_found"],
    ["/api/sales/%2e%2e/pulse", "GET", 404, "not_found"],
    ["/api/sales/Not%20An%20Id", "GET", 404, "not_found"],
    ["/API/sales", "GET", 404, "not_found"],
    ["/api/nothing", "GET", 404, "not_found"],
    ["/api/sales/x/pulse", "POST", 405, "method_not_allowed"],
    ["/api/sales/x/queue", "PUT", 405, "method_not_allowed"],
  ])("%s %s", async (path, method, status, type) => {
    const answer = await ask(stack.get(), path, { method });
    expect([answer.status, answer.type]).toEqual([status, type]);
  });

  test("what an isolate keeps of a page's own call is answered to others without the words between the Workers", async () => {
    await fetch(`${stack.get().edge.url}/sales/not-there`);
    const kept = await fetch(`${stack.get().edge.url}/api/sales/not-there`);
    expect([kept.headers.get("x-layer"), kept.headers.get("x-refused")]).toEqual(["edge", null]);
  });

  test("a form on another site cannot act for a shopper", async () => {
    const headers = { origin: "https://elsewhere.example" };
    const answer = await ask(stack.get(), `/api/sales/${sale}/queue`, { method: "POST", headers });
    expect([answer.status, answer.type]).toEqual([403, "cross_origin"]);
  });
});

describe("each request is one line of the log", () => {
  const lines = (from: number, layer: string) =>
    log
      .slice(from)
      .filter((line) => line.startsWith("{"))
      .map((line) => z.record(z.string(), z.unknown()).parse(JSON.parse(line)))
      .filter((line) => line.layer === layer && line.route !== "/api/sales/:sale/pulse");

  test("with its outcome, route and times, and with nothing personal; what goes on is traced", async () => {
    const ben = shopper(stack.get(), sale);
    await ben.join();
    const before = log.length;
    const answers = [
      await ben.enter({ token: `${ben.ticket}x` }),
      await ask(stack.get(), "/api/sales/there-is-no-such/queue", { method: "POST" }),
      await ben.join({ headers: { traceparent: `00-${"ab".repeat(16)}-${"cd".repeat(8)}-01` } }),
    ];
    expect(answers.map(({ headers }) => headers.get("x-refused"))).toEqual([null, null, null]);
    const edge = await until(
      () => Promise.resolve(lines(before, "edge").concat(lines(before, "functions"))),
      (said) => said.length === 5,
    );
    const queue = { route: "/api/sales/:sale/queue", method: "POST" };
    const [refused, absent, joined] = edge.filter((line) => "copies" in line);
    expect(edge.filter((line) => "copies" in line)).toMatchObject([
      {
        route: "/api/sales/:sale/entry",
        method: "POST",
        status: 401,
        outcome: "invalid_ticket",
        layer: "edge",
      },
      { ...queue, status: 404, outcome: "not_found", layer: "functions" },
      { ...queue, status: 200, outcome: "ok", layer: "functions", trace: "ab".repeat(16) },
    ]);
    expect(refused).not.toHaveProperty("functionsMs");
    expect([absent?.functionsMs, joined?.functionsMs]).toEqual([expect.any(Number), expect.any(Number)]);
    // The functions' lines are found by the edge's: same request, same trace.
    const ids = [absent, joined].map((line) => ({ request: line?.request, trace: line?.trace }));
    expect(edge.filter((line) => !("copies" in line))).toMatchObject(ids);
    expect(answers.map(({ headers }) => headers.get("x-request-id"))).toEqual(
      [refused, absent, joined].map((line) => line?.request),
    );
    expect(answers[2]?.headers.get("server-timing")).toMatch(/^functions;dur=\d+, edge;dur=\d+$/);
    expect(log.slice(before).join("\n")).not.toMatch(new RegExp(`${ben.ticket.slice(0, 20)}|10\\.\\d+\\.`));
  });
});

describe("10 requests a second per shopper", () => {
  test("beyond the burst: 429 with Retry-After and RateLimit fields; others notice nothing", async () => {
    const ben = shopper(stack.get(), sale);
    await ben.join();
    const answers = await Promise.all(Array.from({ length: 60 }, () => ben.join()));
    const refused = answers.filter(({ status }) => status === 429);
    expect(answers.length - refused.length).toBeGreaterThanOrEqual(10);
    expect(refused.length).toBeGreaterThanOrEqual(20);
    for (const { type, headers } of refused) {
      expect(type).toBe("rate_limited");
      expect(Number(headers.get("retry-after"))).toBeGreaterThan(0);
      expect(headers.get("ratelimit-policy")).toBe('"shopper";q=10;w=1');
    }
    expect((await shopper(stack.get(), sale).join()).status).toBe(201);
  });
});
