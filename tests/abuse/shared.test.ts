/** One token, many hands: copied, sent at once, sent again, in other places than it is for. */
import { randomUUID } from "node:crypto";
import { beforeAll, expect, test } from "vitest";
import { mintShopper, type Claims, type TokenKind } from "../../domain/token.ts";
import {
  ask,
  at,
  claimsIn,
  createSale,
  forge,
  live,
  operator,
  shoe,
  shopperInside,
  until,
  withStack,
} from "../http/harness.ts";
import { newEmail, registrant } from "../http/registrants.ts";

const stack = withStack();
const TEN = Array.from({ length: 10 }, (_, nth) => nth);
let sale: string;

beforeAll(async () => {
  sale = await createSale(stack.get());
});

const units = async (of: string) => (await live(stack.get(), of)).items[0];
const lines = [{ sku: "shoe", quantity: 1 }];
const reserve = (of: string, token: string) =>
  ask(stack.get(), `/api/sales/${of}/reservations`, { token, body: { reservationId: randomUUID(), lines } });
const count = (answers: { status: number }[], status: number) =>
  answers.filter((answer) => answer.status === status).length;

test("ten browsers with one ticket are one person inside, with one pass's worth; a browser that is somebody else gets nothing", async () => {
  const own = await createSale(stack.get(), { items: [shoe({ limit: 1 })] });
  const ann = await shopperInside(stack.get(), own);
  const entry = (headers: Record<string, string> = {}) =>
    ask(stack.get(), `/api/sales/${own}/entry`, { method: "POST", token: ann.ticket, headers });
  const entered = await Promise.all(TEN.map(() => entry()));
  const passes = entered.map(({ json }) => String(json.pass));
  expect(new Set(passes.map((pass) => JSON.stringify(claimsIn(pass)))).size).toBe(1);
  expect((await live(stack.get(), own)).line.inside).toBe(1);

  const others = await Promise.all(
    TEN.map(async () => {
      const cookie = await forge(stack.get(), { kind: "shopper", shopper: mintShopper() });
      return await entry({ cookie: `__Host-shopper=${cookie}` });
    }),
  );
  expect(others.map(({ status, type }) => [status, type])).toEqual(TEN.map(() => [401, "invalid_ticket"]));

  // The second that the join and the entries count to is over.
  await new Promise((resolve) => setTimeout(resolve, 1_100));
  const held = await Promise.all(passes.map((pass) => reserve(own, pass)));
  expect(count(held, 201)).toBe(1);
  expect(count(held, 409) + count(held, 429)).toBe(9);
  expect(await units(own)).toMatchObject({ available: 9, held: 1 });
});

test("one pass and one reservation id, ten times at once: one hold, and all are told of it", async () => {
  const ann = await shopperInside(stack.get(), sale);
  await new Promise((resolve) => setTimeout(resolve, 1_100));
  const id = randomUUID();
  const before = (await units(sale))?.available ?? 0;
  const held = await Promise.all(TEN.map(() => ann.reserve(id)));
  expect(count(held, 201)).toBe(1);
  expect(count(held, 200) + count(held, 429)).toBe(9);
  expect((await units(sale))?.available).toBe(before - 1);
});

test("a slot's token in ten browsers is one slot: one ticket's claims, one unit", async () => {
  const own = await createSale(stack.get(), {
    // An operator opens it, once the address is confirmed.
    opensAt: at(15 * 60_000),
    slots: { count: 1, allocation: "first_come", claimUntil: at(20 * 60_000) },
    items: [shoe({ stock: 10, limit: 2 })],
  });
  const ann = registrant(stack.get(), own, newEmail());
  await ann.registerAndConfirm();
  await operator(stack.get(), `/sales/${own}/open`, { body: {} });
  const { json } = await ann.decided();
  const slotToken = String(json.slotToken);
  const joined = await until(
    () => Promise.all(TEN.map(() => ask(stack.get(), `/api/sales/${own}/queue`, { body: { slotToken } }))),
    (answers) => answers.every((answer) => answer.status < 300 && answer.json.pass !== undefined),
  );
  expect(new Set(joined.map((answer) => claimsIn(String(answer.json.ticket)).shopper)).size).toBe(1);
  await new Promise((resolve) => setTimeout(resolve, 1_100));
  const held = await Promise.all(joined.map((answer) => reserve(own, String(answer.json.pass))));
  expect(count(held, 201)).toBe(1);
  expect(await units(own)).toMatchObject({ available: 9, slots: 0, held: 1 });
});

test("each kind of token opens its own door and no other, in whatever place it is brought", async () => {
  const person = { sale, shopper: mintShopper() };
  const place = {
    ...person,
    identity: "anyone" as const,
    number: 1,
    epoch: 1,
    expiresAtMs: Date.now() + 1e6,
  };
  const all: Claims[] = [
    { kind: "shopper", shopper: person.shopper },
    { kind: "confirmation", ...person, id: randomUUID(), expiresAtMs: Date.now() + 1e6 },
    { kind: "registered", ...person },
    { kind: "cancellation", ...person },
    { kind: "slot", ...person },
    { kind: "ticket", ...place, joinedAtMs: Date.now() },
    { kind: "pass", ...place },
  ];
  const api = `/api/sales/${sale}`;
  const bearer = (method: string, path: string) => (token: string) =>
    ask(stack.get(), api + path, { method, token });
  const inCookie = (name: string, method: string, path: string) => (token: string) =>
    ask(stack.get(), api + path, { method, headers: { cookie: `__Host-${name}-${sale}=${token}` } });
  const inBody = (name: string, path: string) => (token: string) =>
    ask(stack.get(), api + path, { body: { [name]: token } });
  const doors: [TokenKind, string, (token: string) => ReturnType<typeof ask>][] = [
    ["ticket", "invalid_ticket", bearer("POST", "/entry")],
    ["ticket", "invalid_ticket", inCookie("ticket", "POST", "/entry")],
    ["ticket", "invalid_ticket", bearer("DELETE", "/queue")],
    ["pass", "invalid_pass", bearer("GET", `/reservations/${randomUUID()}`)],
    ["pass", "invalid_pass", inCookie("pass", "GET", `/reservations/${randomUUID()}`)],
    ["pass", "invalid_pass", bearer("POST", `/reservations/${randomUUID()}/checkout`)],
    ["pass", "invalid_pass", bearer("GET", `/orders/${randomUUID()}`)],
    ["confirmation", "invalid_input", inBody("token", "/registrations/confirm")],
    ["cancellation", "invalid_input", inBody("token", "/registrations/cancel")],
    ["slot", "invalid_input", inBody("slotToken", "/queue")],
  ];
  for (const [kind, word, open] of doors)
    for (const claims of all) {
      const { status, type, headers } = await open(await forge(stack.get(), claims));
      // Who has the right one goes on to the functions, which know that nobody has this place.
      const isTurnedAway = type === word && headers.get("x-layer") === "edge";
      expect(isTurnedAway, `${claims.kind} where a ${kind} belongs: ${status} ${String(type)}`).toBe(
        claims.kind !== kind,
      );
      expect(status).toBeLessThan(500);
      // The same kind, of another sale.
      if ("sale" in claims && claims.kind === kind)
        expect((await open(await forge(stack.get(), { ...claims, sale: "another" }))).type).toBe(word);
    }
});
