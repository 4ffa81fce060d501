/** Slots at the contract: allotted by order or by lot, claimed past the line, and back in the line when they are not. */
import { execFile } from "node:child_process";
import path from "node:path";
import { promisify } from "node:util";
import { describe, expect, test } from "vitest";
import { numberAt } from "../../static/assets/draw.js";
import {
  ask,
  at,
  claimsIn,
  createSale,
  live,
  operator,
  pulse,
  saleInput,
  shoe,
  shopper,
  until,
  withStack,
} from "./harness.ts";
import { mailsTo, newEmail, registrant, tokenIn } from "./registrants.ts";

const stack = withStack();

type Overrides = Parameters<typeof createSale>[1];
interface Slots {
  count: number;
  allocation?: "first_come" | "draw";
  /** Milliseconds from now. */
  opensMs?: number;
  claimMs?: number;
}

/** Registration is open now and ends when the sale opens, or before. */
function slotSale(
  { count, allocation = "first_come", opensMs = 3_000, claimMs = 60_000 }: Slots,
  more: Overrides = {},
) {
  return createSale(stack.get(), {
    opensAt: at(opensMs),
    slots: { count, allocation, claimUntil: at(claimMs) },
    items: [shoe({ stock: 10 })],
    ...more,
  });
}

const group = (sale: string, size: number) =>
  Array.from({ length: size }, () => registrant(stack.get(), sale, newEmail()));
type Registrant = ReturnType<typeof registrant>;

/** In this order. */
async function confirmAll(people: Registrant[]): Promise<void> {
  await Promise.all(people.map((one) => one.register()));
  for (const one of people) await one.confirm(await one.mailed("confirm"));
}

const opened = (sale: string) =>
  until(
    () => pulse(stack.get(), sale),
    ({ phase }) => phase === "open",
  );
const counts = async (sale: string) => {
  const { items } = await live(stack.get(), sale);
  const { available, slots, held, confirmed } = items[0] ?? { available: 0, slots: 0, held: 0, confirmed: 0 };
  return { slots, available, held, confirmed };
};

describe("creating a sale with slots", () => {
  test.each([
    ["more slots than stock", { count: 11 }, "/slots/count"],
    ["slots that end before the sale opens", { count: 1, claimUntil: at(1_000) }, "/slots/claimUntil"],
    ["slots that end after the sale", { count: 1, claimUntil: at(100 * 60_000) }, "/slots/claimUntil"],
  ])("refuses %s", async (_, slots, pointer) => {
    const body = {
      ...saleInput({ opensAt: at(3_000), items: [shoe({ stock: 10 })] }),
      slots: { claimUntil: at(60_000), ...slots },
    };
    const answer = await operator(stack.get(), "/sales", { body });
    expect([answer.status, answer.type]).toEqual([422, "invalid_input"]);
    expect(JSON.stringify(answer.json.errors)).toContain(pointer);
  });

  test("refuses them for accounts of the shop", async () => {
    const body = {
      ...saleInput({ opensAt: at(3_000) }),
      identity: "account",
      slots: { count: 1, claimUntil: at(60_000) },
    };
    expect((await operator(stack.get(), "/sales", { body })).status).toBe(422);
  });
});

test("the last slot goes to one of 200 who confirm at once", async () => {
  const sale = await slotSale({ count: 5, opensMs: 60_000, claimMs: 120_000 });
  const confirmations = await Promise.all(
    Array.from({ length: 200 }, async () => {
      const someone = registrant(stack.get(), sale, newEmail("many"));
      await someone.register();
      return { someone, token: await someone.mailed("confirm") };
    }),
  );
  const answers = await Promise.all(confirmations.map(({ someone, token }) => someone.confirm(token)));
  const slots = answers.filter(({ json }) => json.status === "slot");
  expect(slots).toHaveLength(5);
  expect(answers.map(({ json }) => json.number).sort((a, b) => Number(a) - Number(b))).toEqual(
    Array.from({ length: 200 }, (_, i) => i + 1),
  );
  // Who came first has them, and the others know how many come before them.
  expect(slots.map(({ json }) => Number(json.number)).sort((a, b) => a - b)).toEqual([1, 2, 3, 4, 5]);
  const last = answers.find(({ json }) => json.number === 200);
  expect(last?.json).toMatchObject({ status: "waiting", ahead: 194, decided: false, slots: 5 });
});

describe("a slot's holder", () => {
  test("comes in past the line at opening and buys; the token is good once, for its person and sale", async () => {
    const sale = await slotSale({ count: 1 });
    const [ann] = group(sale, 1);
    if (ann === undefined) throw new Error("nobody");
    await confirmAll([ann]);
    expect((await ann.mine()).json).toMatchObject({ status: "slot", decided: false });
    const line = shopper(stack.get(), sale);
    await line.join();

    await opened(sale);
    const token = await ann.mailed("slot");
    const joined = await until(
      () => ann.join(token),
      ({ status }) => status < 300,
    );
    expect(joined.json).toMatchObject({ number: 0 });
    const pass = String(joined.json.pass);
    expect(claimsIn(pass)).toMatchObject({ kind: "pass", slot: true, sale });
    // Replay answers the same pass, on another device too; so does the ticket.
    expect((await registrant(stack.get(), sale, ann.email).join(token)).json.pass).toBe(pass);
    expect((await ann.enter()).json.pass).toBe(pass);

    const id = crypto.randomUUID();
    expect((await ann.reserve(id)).status).toBe(201);
    expect((await ann.reserve(id)).status).toBe(200);
    expect((await ann.checkout(id)).status).toBe(200);
    const second = await ann.reserve(crypto.randomUUID());
    expect([second.status, second.type]).toEqual([401, "pass_expired"]);
    expect(await counts(sale)).toEqual({ slots: 0, available: 9, held: 0, confirmed: 1 });

    const other = await slotSale({ count: 1, opensMs: 1_000 });
    const elsewhere = await registrant(stack.get(), other, ann.email).join(token);
    expect([elsewhere.status, elsewhere.type]).toEqual([422, "invalid_input"]);
    const [payload = "", ...rest] = token.split(".");
    const forged = [payload.replace(/.$/, (c) => (c === "A" ? "B" : "A")), ...rest].join(".");
    expect((await ann.join(forged)).status).toBe(422);
  });

  test("is told before opening that it is early, and has two units refused", async () => {
    const sale = await slotSale(
      { count: 1, opensMs: 4_000 },
      { registrationOpensAt: at(-60_000), registrationClosesAt: at(2_500) },
    );
    const [ann] = group(sale, 1);
    if (ann === undefined) throw new Error("nobody");
    await confirmAll([ann]);
    await ann.decided();
    // The browser keeps what the answer said: no token has to be carried along.
    const early = await ann.join();
    expect([early.status, early.json.number, early.json.pass]).toEqual([201, 0, undefined]);
    const entry = await ann.enter();
    expect([entry.status, entry.type]).toEqual([425, "not_your_turn"]);
    await opened(sale);
    await until(
      () => ann.enter(),
      ({ status }) => status < 300,
    );
    const two = await ann.reserve(crypto.randomUUID(), [{ sku: "shoe", quantity: 2 }]);
    expect([two.status, two.type, two.json.detail]).toEqual([
      409,
      "limit_reached",
      "A slot is for one unit.",
    ]);
    expect((await ann.reserve(crypto.randomUUID())).status).toBe(201);
  });

  test("who gives the unit back has it again; who leaves before the slots are decided hands it to the next", async () => {
    const sale = await slotSale({ count: 1, opensMs: 10_000 });
    const [ann, bob, cid] = group(sale, 3);
    if (ann === undefined || bob === undefined || cid === undefined) throw new Error("nobody");
    await confirmAll([ann, bob, cid]);
    await ann.call("/registrations/cancel", { method: "POST" });
    expect((await bob.mine()).json.status).toBe("slot");
    expect((await cid.mine()).json).toMatchObject({ status: "waiting" });
    await opened(sale);
    await bob.decided();
    await bob.join();
    const id = crypto.randomUUID();
    await bob.reserve(id);
    expect((await bob.call(`/reservations/${id}`, { method: "DELETE" })).status).toBe(204);
    expect(await counts(sale)).toMatchObject({ slots: 1, available: 9 });
    expect((await bob.reserve(crypto.randomUUID())).status).toBe(201);
  });

  test("who leaves after that gives the unit to the line, and comes in no more", async () => {
    const sale = await slotSale({ count: 2 });
    const [ann] = group(sale, 1);
    if (ann === undefined) throw new Error("nobody");
    await confirmAll([ann]);
    await opened(sale);
    const token = await ann.mailed("slot");
    await until(
      () => counts(sale),
      ({ slots }) => slots === 1,
    );
    await ann.call("/registrations/cancel", { method: "POST" });
    await until(
      () => counts(sale),
      ({ slots, available }) => slots === 0 && available === 10,
    );
    const answer = await ann.join(token);
    expect([answer.status, answer.type]).toEqual([409, "slot_ended"]);
    expect((await ann.join()).status).toBe(201);
  });
});

test("what nobody was given is in the line from opening on; what nobody claimed, from its minute on", async () => {
  const sale = await slotSale({ count: 10, opensMs: 2_500, claimMs: 9_000 });
  const [ann, bob] = group(sale, 2);
  if (ann === undefined || bob === undefined) throw new Error("nobody");
  await confirmAll([ann, bob]);
  await opened(sale);
  await until(
    () => counts(sale),
    ({ slots, available }) => slots === 2 && available === 8,
  );
  const others = Array.from({ length: 9 }, () => shopper(stack.get(), sale));
  for (const one of others) await one.join();
  const last = others.pop();
  if (last === undefined) throw new Error("nobody");
  for (const one of others) {
    await until(
      () => one.enter(),
      ({ status }) => status < 300,
    );
    expect((await one.reserve(crypto.randomUUID())).status).toBe(201);
  }
  await ann.decided();
  await ann.join();
  expect((await ann.reserve(crypto.randomUUID())).status).toBe(201);
  const told = await until(
    () => pulse(stack.get(), sale),
    ({ slots }) => (slots as { left: number }).left === 0,
    20_000,
  );
  expect(Date.parse(String(told.now))).toBeGreaterThanOrEqual(
    Date.parse((told.slots as { claimUntil: string }).claimUntil),
  );
  await bob.decided();
  const late = await bob.join(bob.cookies.get(`__Host-slot-${sale}`));
  expect([late.status, late.type]).toEqual([409, "slot_ended"]);
  // The next in line has it now.
  await until(
    () => last.enter(),
    ({ status }) => status < 300,
  );
  expect((await last.reserve(crypto.randomUUID())).status).toBe(201);
  expect(await counts(sale)).toEqual({ slots: 0, available: 0, held: 10, confirmed: 0 });
  const { stored } = await until(
    () => live(stack.get(), sale),
    ({ outbox }) => outbox.entries === 0,
  );
  expect(stored).toMatchObject({ discrepancies: 0, ledgerDifference: 0 });
});

test("a draw gives the slots to the numbers that its seed says, and tells the others", async () => {
  const sale = await slotSale(
    { count: 3, allocation: "draw", opensMs: 8_000 },
    { registrationOpensAt: at(-60_000), registrationClosesAt: at(5_000) },
  );
  const before = (await ask(stack.get(), `/api/sales/${sale}`)).json.slotDraw;
  expect(before).toMatchObject({ commitment: expect.stringMatching(/^[0-9a-f]{64}$/) as string });
  expect(before).not.toHaveProperty("seed");
  const people = group(sale, 8);
  await confirmAll(people);
  await people[2]?.call("/registrations/cancel", { method: "POST" });
  const there = people.filter((_, i) => i !== 2);
  for (const one of there)
    expect((await one.mine()).json).toMatchObject({ status: "waiting", decided: false });
  const decided = await Promise.all(there.map(async (one) => (await one.decided()).json));

  const { slotDraw } = (
    await until(
      () => ask(stack.get(), `/api/sales/${sale}`),
      ({ json }) => (json.slotDraw as { seed?: string }).seed !== undefined,
    )
  ).json as { slotDraw: { seed: string; count: number } };
  expect(slotDraw.count).toBe(8);
  const places = await Promise.all(
    Array.from({ length: 8 }, (_, place) => numberAt(slotDraw.seed, slotDraw.count, place + 1)),
  );
  const winners = places.filter((number) => number !== 3).slice(0, 3);
  const has = decided.filter(({ status }) => status === "slot").map(({ number }) => Number(number));
  expect(has.sort((a, b) => a - b)).toEqual(winners.sort((a, b) => a - b));
  for (const { number, place } of decided) expect(places[Number(place) - 1]).toBe(number);
  const checked = await promisify(execFile)(process.execPath, [
    path.resolve(import.meta.dirname, "../../dev/check-draw.ts"),
    `${stack.get().url}/sales/${sale}`,
    "--slots",
    String(winners[0]),
  ]);
  expect(checked.stdout).toMatch(new RegExp(`Number ${winners[0]} has place [1-4]\\.`));
  const loser = there[decided.findIndex(({ status }) => status === "waiting")];
  const mails = await until(
    () => mailsTo(stack.get(), loser?.email ?? ""),
    ({ length }) => length === 2,
  );
  expect(mails.flatMap((mail) => tokenIn(mail, "slot") ?? [])).toEqual([]);
  expect(mails[0]?.text).toMatch(/3/);
});

test("slots survive the loss of Redis: used ones stay used, and each holder comes in once", async () => {
  const sale = await slotSale({ count: 2 });
  const [ann, bob] = group(sale, 2);
  if (ann === undefined || bob === undefined) throw new Error("nobody");
  await confirmAll([ann, bob]);
  await opened(sale);
  await ann.decided();
  await ann.join();
  const id = crypto.randomUUID();
  await ann.reserve(id);
  await ann.checkout(id);
  await until(
    () => live(stack.get(), sale),
    ({ outbox, stored }) => outbox.entries === 0 && stored?.orders === 1,
  );
  await stack.get().redis.redis.command("FLUSHALL");
  expect((await operator(stack.get(), `/sales/${sale}/rebuild`, { method: "POST" })).status).toBe(200);
  expect(await counts(sale)).toEqual({ slots: 1, available: 8, held: 0, confirmed: 1 });
  await ann.join();
  expect((await ann.reserve(crypto.randomUUID())).type).toBe("pass_expired");
  await bob.decided();
  await bob.join();
  expect((await bob.reserve(crypto.randomUUID())).status).toBe(201);
  expect(await counts(sale)).toMatchObject({ slots: 0, available: 8, held: 1 });
});
