/** An event that Postgres refuses is set aside with the reason, once, and does not stop the rest. */
import { expect, test } from "vitest";
import { z } from "zod";
import type { Sale } from "../../domain/sale.ts";
import { saleKeys } from "../../functions/redis/keys.ts";
import { readLive } from "../../functions/sale/live.ts";
import { drain } from "../../functions/sync/sync.ts";
import {
  SET_ASIDE,
  addByHand,
  admit,
  buy,
  createUndrained,
  drainAgain,
  expectSameBooks,
  must,
  outboxLength,
  useWorld,
  stored,
} from "./harness.ts";

const { world, services } = await useWorld();

/** A purchase before the poison, one after it. @returns the poison's entry */
async function poisoned(sale: Sale, ...events: string[]): Promise<string[]> {
  const [a, b] = await admit(services, sale.id, 2);
  await buy(services, must(a));
  const entries: string[] = [];
  for (const event of events) entries.push(await addByHand(world, sale.id, event));
  await buy(services, must(b));
  return entries;
}

const event = (changes: object = {}) => ({
  id: crypto.randomUUID(),
  shopper: "somebody",
  number: 1,
  state: "held",
  lines: [{ sku: "shoe", quantity: 1, price: 0 }],
  total: 0,
  currency: "EUR",
  heldAtMs: 1_800_000_000_000,
  expiresAtMs: 1_800_000_600_000,
  changedAtMs: 1_800_000_000_000,
  ...changes,
});

const shoes = (quantity: number) => [{ sku: "shoe", quantity, price: 0 }];

const poisons: [what: string, event: string, reason: RegExp][] = [
  [
    "an unknown sku",
    JSON.stringify(event({ lines: [{ sku: "boat", quantity: 1, price: 0 }] })),
    /items_known/,
  ],
  ["more than the stock", JSON.stringify(event({ lines: shoes(100_000) })), /items_not_oversold/],
  [
    "an order of what was never held",
    JSON.stringify(event({ state: "confirmed" })),
    /reservations_transition/,
  ],
  ["a return of what was never held", JSON.stringify(event({ state: "expired" })), /reservations_transition/],
  ["an unknown state", JSON.stringify(event({ state: "mislaid" })), /.+/],
  ["no units", JSON.stringify(event({ lines: shoes(0) })), /units/],
  ["a negative quantity", JSON.stringify(event({ lines: shoes(-1) })), /check/],
  ["an id that is no UUID", JSON.stringify(event({ id: "one" })), /UUID/],
  ["a number beyond int8", JSON.stringify(event({ number: 1e30 })), /.+/],
  ["lines that are no list", JSON.stringify(event({ lines: "shoe" })), /.+/],
  ["missing fields", JSON.stringify({ id: crypto.randomUUID(), state: "held" }), /expected string/],
  ["an empty object", "{}", /state/],
  ["an empty text", "", /JSON/],
  ["a text that is not JSON", "not JSON at all", /JSON/],
  ["JSON that breaks off", JSON.stringify(event()).slice(0, -10), /JSON/],
  ["a list", "[1]", /object/],
  ["a null", "null", /object/],
  ["a NUL character", `{"id":"\u0000"}`, /.+/],
  ["an escaped NUL", JSON.stringify(event({ shopper: "\u0000" })), /byte/],
  [
    "a sku too long for an index",
    JSON.stringify(event({ lines: [{ ...shoes(1)[0], sku: randomText(20_000) }] })),
    /items_known/,
  ],
];

/** Not compressible, so that it stays too long. */
function randomText(chars: number): string {
  return Array.from({ length: chars / 36 }, () => crypto.randomUUID()).join("");
}

const evidenceSchema = z.object({
  entry: z.string(),
  event: z.string(),
  constraint: z.string(),
  reason: z.string().min(1),
});

test.each(poisons)("%s is set aside with its reason, once, and the rest arrives", async (_, text, reason) => {
  const sale = await createUndrained(world, services);
  const [entry] = await poisoned(sale, text);
  await drain(services, sale.id);
  await expectSameBooks(world, services, sale, { discrepancies: 1 });
  const [found] = (await stored(world, sale.id)).discrepancies ?? [];
  const evidence = evidenceSchema.parse(found?.evidence);
  expect(evidence).toMatchObject({ entry, event: text.replaceAll("\0", "\ufffd") });
  expect(`${evidence.constraint} ${evidence.reason}`).toMatch(reason);

  expect(await drain(services, sale.id)).toBe(0);
  await expectSameBooks(world, services, sale, { discrepancies: 1 });
  await drainAgain(world, sale.id);
});

test("an entry without an event is set aside too, and the operator's view still answers", async () => {
  const sale = await createUndrained(world, services);
  await world.redis.redis.command("XADD", saleKeys(sale.id).outbox, "*", "what", "is this", "and", "that");
  const [pass] = await admit(services, sale.id, 1);
  await buy(services, must(pass));
  expect(must(await readLive(services, sale.id)).outbox.entries).toBe(3);
  await drain(services, sale.id);
  await expectSameBooks(world, services, sale, { discrepancies: 1 });
  await drainAgain(world, sale.id);
});

test("an order that comes twice is an order once, the repetition set aside", async () => {
  const sale = await createUndrained(world, services);
  const [pass] = await admit(services, sale.id, 1);
  const id = await buy(services, must(pass));
  const record = String(await world.redis.redis.command("HGET", saleKeys(sale.id).reservations, id));
  await addByHand(world, sale.id, record);
  await drain(services, sale.id);
  await expectSameBooks(world, services, sale, { discrepancies: 1 });
  await addByHand(world, sale.id, record);
  await drain(services, sale.id);
  await expectSameBooks(world, services, sale, { discrepancies: 2 });
  await drainAgain(world, sale.id);
});

test("what follows a hold that was set aside is set aside too, in the same batch and in a later one", async () => {
  for (const between of [() => Promise.resolve(0), (id: string) => drain(services, id)]) {
    const sale = await createUndrained(world, services);
    const held = event({ lines: shoes(100_000) });
    await poisoned(sale, JSON.stringify(held));
    await between(sale.id);
    await addByHand(world, sale.id, JSON.stringify({ ...held, state: "confirmed", lines: shoes(1) }));
    await drain(services, sale.id);
    await expectSameBooks(world, services, sale, { discrepancies: 2 });
    const evidence = (await stored(world, sale.id)).discrepancies?.map((one) =>
      evidenceSchema.parse(one.evidence),
    );
    expect(evidence?.map(({ constraint }) => constraint)).toEqual([
      "items_not_oversold",
      "reservations_transition",
    ]);
    await drainAgain(world, sale.id);
  }
});

test("units set aside as slots, taken by a hold and given up are movements of their own, each once", async () => {
  const sale = await createUndrained(world, services);
  const moved = (from: string, to: string, quantity: number) =>
    addByHand(
      world,
      sale.id,
      JSON.stringify({
        id: crypto.randomUUID(),
        state: "moved",
        from,
        to,
        lines: shoes(quantity),
        changedAtMs: 1_800_000_000_000,
      }),
    );
  await moved("available", "slots", 10);
  await addByHand(world, sale.id, JSON.stringify(event({ from: "slots", lines: shoes(3) })));
  await moved("slots", "available", 5);
  await moved("slots", "available", 3);
  await drain(services, sale.id);
  const books = await stored(world, sale.id);
  expect(books.discrepancies).toHaveLength(1);
  expect(
    await world.behind("select slots::int, held::int, available::int from items where sale_id = $1", [
      sale.id,
    ]),
  ).toEqual([{ slots: 2, held: 3, available: 995 }]);
  expect(must(await readLive(services, sale.id)).stored).toMatchObject({ ledgerDifference: 0 });
  await drainAgain(world, sale.id);
});

test("three poison events spread over a batch of 500 cost none of the others, and few statements", async () => {
  const sale = await createUndrained(world, services);
  const passes = await admit(services, sale.id, 260);
  const poison = () => addByHand(world, sale.id, JSON.stringify(event({ lines: shoes(100_000) })));
  const buyAll = (some: typeof passes) => Promise.all(some.map((pass) => buy(services, pass)));
  await poison();
  await buyAll(passes.slice(0, 120));
  await poison();
  await buyAll(passes.slice(120, 240));
  await addByHand(world, sale.id, "not JSON at all");
  await buyAll(passes.slice(240));
  const { queries } = world.postgres.stats();
  await drain(services, sale.id);
  expect(world.postgres.stats().queries - queries).toBeLessThan(70);
  await expectSameBooks(world, services, sale, { discrepancies: 3 });
  expect((await stored(world, sale.id)).orders).toHaveLength(260);
  expect(await outboxLength(world, sale.id)).toBe(1);
  await drainAgain(world, sale.id);
});

test("two drainers at once set a poison event aside once", async () => {
  const sale = await createUndrained(world, services);
  await poisoned(sale, "not JSON at all", JSON.stringify(event({ lines: shoes(100_000) })));
  world.postgres.faults.add({ kind: "delay", match: SET_ASIDE, times: 4, delayMs: 100 });
  await Promise.all([drain(services, sale.id), drain(world.services(), sale.id)]);
  await drain(services, sale.id);
  await expectSameBooks(world, services, sale, { discrepancies: 2 });
  await drainAgain(world, sale.id);
});

test("a set-aside whose answer is lost is not repeated", async () => {
  const sale = await createUndrained(world, services);
  await poisoned(sale, "not JSON at all");
  world.postgres.faults.add({ kind: "lose_answer", match: SET_ASIDE, times: 1 });
  await expect(drain(services, sale.id)).rejects.toThrow("postgres unavailable");
  await drain(services, sale.id);
  await expectSameBooks(world, services, sale, { discrepancies: 1 });
  await drainAgain(world, sale.id);
});
