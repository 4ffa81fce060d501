/** A Redis that lost a sale in the middle of it: nothing is sold, and the rebuild brings back stock, holds, orders and the line. */
import { describe, expect, test } from "vitest";
import type { FaultRule } from "../../dev/faults.ts";
import type { Sale, SaleInput } from "../../domain/sale.ts";
import { mintShopper, type PassClaims, type TicketClaims } from "../../domain/token.ts";
import { checkout } from "../../functions/checkout/checkout.ts";
import { everyMinute } from "../../functions/cron.ts";
import { readPulse, tick } from "../../functions/queue/pulse.ts";
import { enterSale, joinQueue, leaveQueue } from "../../functions/queue/queue.ts";
import { SALES_KEY, saleKeys } from "../../functions/redis/keys.ts";
import { expireHolds } from "../../functions/reservation/expire.ts";
import { releaseReservation, reserve } from "../../functions/reservation/reservation.ts";
import { publishScript } from "../../functions/sale/publish.ts";
import { rebuildSale, restoreScript } from "../../functions/sale/rebuild.ts";
import { setMode, setReleaseSize } from "../../functions/sale/rules.ts";
import { createSale, readSale } from "../../functions/sale/sale.ts";
import type { Services } from "../../functions/services.ts";
import { drain } from "../../functions/sync/sync.ts";
import { placeOf } from "../../static/assets/draw.js";
import {
  APPLY,
  CURSOR,
  buy,
  createUndrained,
  drainAgain,
  endHold,
  expectSameBooks,
  hold,
  must,
  newSale,
  stored,
  tickNow,
  useWorld,
} from "./harness.ts";

const { world, services } = await useWorld();

/** Texts by which a fault finds the scripts of a rebuild. */
const PUBLISH = '"lastReleased"';
const RESTORE_PAGE = "changedAtMs";

const item = (stock: number, limit: number) => [{ sku: "shoe", name: "Shoe", stock, price: 0, limit }];

async function create(changes: Partial<SaleInput> = {}): Promise<Sale> {
  const sale = newSale({ items: item(10, 3), ...changes });
  must(await createSale(services, sale));
  return sale;
}

async function join(saleId: string, shopper: string, old?: TicketClaims): Promise<TicketClaims> {
  const { answer } = must(await joinQueue(services, saleId, { shopper, old }));
  return must(await services.keys.verify("ticket", answer.ticket));
}

async function enter(ticket: TicketClaims): Promise<PassClaims> {
  const { answer } = must(await enterSale(services, ticket));
  return must(await services.keys.verify("pass", answer.pass));
}

/** From outside to a pass, by an old ticket or anew. */
async function comeIn(saleId: string, shopper: string, old?: TicketClaims): Promise<PassClaims> {
  const ticket = await join(saleId, shopper, old);
  await tickNow(world, services, saleId);
  return await enter(ticket);
}

/** Loses everything of all sales; as in production, what was to be done after the answers has been done. */
async function wipe(saleId: string): Promise<void> {
  expect(await drainAgain(world, saleId)).toEqual([]);
  await world.redis.wipe();
}

const counts = async (saleId: string) =>
  must(await tick(services, saleId)).items.map(({ available, held, confirmed }) => ({
    available,
    held,
    confirmed,
  }))[0];
const rowOf = async (saleId: string) =>
  (
    await world.behind(
      "select epoch, numbers_until::int, now_serving::int, draw_count::int, published_at from sales where id = $1",
      [saleId],
    )
  )[0];
const refusedAs = (outcome: object) => ("refused" in outcome ? outcome.refused : "done");
const audits = (saleId: string) =>
  world.behind("select detail from audit_log where sale_id = $1 and action = 'rebuild'", [saleId]);

/** Ann bought two of ten, bob holds three, cat gave one back; dan and eve wait. All of it is in Postgres. */
async function midSale(changes: Partial<SaleInput> = {}) {
  const sale = await create({ capacity: 3, ...changes });
  const names = ["ann", "bob", "cat", "dan", "eve"] as const;
  const tickets = new Map<string, TicketClaims>();
  for (const name of names) tickets.set(name, await join(sale.id, name));
  const ticket = (name: (typeof names)[number]) => must(tickets.get(name));
  await tickNow(world, services, sale.id);
  const passes = {
    ann: await enter(ticket("ann")),
    bob: await enter(ticket("bob")),
    cat: await enter(ticket("cat")),
  };
  const bought = await buy(services, passes.ann, 2);
  const held = await hold(services, passes.bob, 3);
  const given = await hold(services, passes.cat, 1);
  must(await releaseReservation(services, passes.cat, given));
  return { sale, ticket, passes, bought, held };
}

describe("a Redis that lost everything in mid-sale", () => {
  test("sells nothing: whatever is asked, the sale is on_hold", async () => {
    const { sale, ticket, passes, held } = await midSale();
    await wipe(sale.id);
    const lines = [{ sku: "shoe", quantity: 1 }];
    const outcomes = {
      join: await joinQueue(services, sale.id, { shopper: "new" }),
      joinAgain: await joinQueue(services, sale.id, { shopper: "dan", old: ticket("dan") }),
      enter: await enterSale(services, ticket("ann")),
      leave: await leaveQueue(services, ticket("dan")),
      reserve: await reserve(services, passes.ann, { reservationId: crypto.randomUUID(), lines }),
      pulse: await readPulse(services, sale.id),
      mode: await setMode(services, sale.id, "normal", ""),
      releaseSize: await setReleaseSize(services, sale.id, 5, ""),
    };
    for (const [call, outcome] of Object.entries(outcomes))
      expect([call, refusedAs(outcome)]).toEqual([call, "on_hold"]);
    // Of what only a hold can be asked for, there is none.
    expect(await checkout(services, passes.bob, held, "https://shop.example")).toMatchObject({
      refused: "on_hold",
    });
    expect(await releaseReservation(services, passes.bob, held)).toMatchObject({ refused: "on_hold" });
    expect(await expireHolds(services, sale.id)).toBe(0);
    await everyMinute(services);
    expect(await createSale(services, sale)).toMatchObject({ created: false });
    expect(await world.settle()).toEqual([]);
    expect(await world.redis.redis.command("EXISTS", ...Object.values(saleKeys(sale.id)))).toBe(0);
    expect((await stored(world, sale.id)).items).toEqual([{ sku: "shoe", stock: 10, held: 3, confirmed: 2 }]);
  });

  test("has after the rebuild what was neither held nor bought, and sells exactly that", async () => {
    const { sale, passes } = await midSale({ capacity: 100 });
    await wipe(sale.id);
    expect(await rebuildSale(services, sale.id)).toEqual({ epoch: 2, reservations: 3 });
    expect(await counts(sale.id)).toEqual({ available: 5, held: 3, confirmed: 2 });
    expect(await audits(sale.id)).toEqual([{ detail: { epoch: 2, reservations: 3 } }]);
    expect(await world.redis.redis.command("SISMEMBER", SALES_KEY, sale.id)).toBe(1);
    // Passes from before hold nothing.
    const wish = { reservationId: crypto.randomUUID(), lines: [{ sku: "shoe", quantity: 1 }] };
    expect(await reserve(services, passes.ann, wish)).toMatchObject({ refused: "invalid_pass" });

    await buy(services, await comeIn(sale.id, "fay"), 3);
    await buy(services, await comeIn(sale.id, "gil"), 2);
    expect(await counts(sale.id)).toEqual({ available: 0, held: 3, confirmed: 7 });
    expect(await world.settle()).toEqual([]);
    await expectSameBooks(world, services, sale);
  });

  test("lets nobody in before those in line had time to come back, and then by number", async () => {
    const sale = await create({ releaseEverySeconds: 1 });
    const ann = await join(sale.id, "ann");
    await wipe(sale.id);
    must(await rebuildSale(services, sale.id));
    await join(sale.id, "new");
    await new Promise((resolve) => setTimeout(resolve, 1_100));
    expect(must(await tick(services, sale.id))).toMatchObject({ waiting: 1, inside: 0 });
    await join(sale.id, "ann", ann);
    await tickNow(world, services, sale.id);
    expect((await enter(await join(sale.id, "ann"))).number).toBe(1);
  });

  test("has the holds as they were: one is confirmed, one given back, one ends by itself", async () => {
    const sale = await create();
    const people = ["ann", "bob", "cat"];
    const tickets = await Promise.all(people.map((name) => join(sale.id, name)));
    await tickNow(world, services, sale.id);
    const holds: string[] = [];
    for (const ticket of tickets) holds.push(await hold(services, await enter(ticket), 2));
    await wipe(sale.id);
    must(await rebuildSale(services, sale.id));
    const passes: PassClaims[] = [];
    for (const [i, name] of people.entries()) passes.push(await comeIn(sale.id, name, tickets[i]));
    const [ann, bob, cat] = passes;
    const [first = "", second = "", third = ""] = holds;
    // One live reservation at a time, as before.
    const wish = { reservationId: crypto.randomUUID(), lines: [{ sku: "shoe", quantity: 1 }] };
    expect(await reserve(services, must(ann), wish)).toMatchObject({
      refused: "limit_reached",
      evidence: { reservationId: first },
    });
    must(await checkout(services, must(ann), first, "https://shop.example"));
    must(await releaseReservation(services, must(bob), second));
    await endHold(world, sale.id, third);
    expect(await expireHolds(services, sale.id)).toBe(1);
    expect(await checkout(services, must(cat), third, "https://shop.example")).toMatchObject({
      refused: "reservation_expired",
    });
    expect(await counts(sale.id)).toEqual({ available: 8, held: 0, confirmed: 2 });
    expect(await world.settle()).toEqual([]);
    await expectSameBooks(world, services, sale);
  });

  test("a hold that ended while Redis was away returns its units", async () => {
    const { sale, held } = await midSale();
    await wipe(sale.id);
    await world.behind("update reservations set expires_at = now() - interval '1 second' where id = $1", [
      held,
    ]);
    must(await rebuildSale(services, sale.id));
    await everyMinute(services);
    expect(await counts(sale.id)).toEqual({ available: 8, held: 0, confirmed: 2 });
    expect(await world.settle()).toEqual([]);
    expect((await stored(world, sale.id)).items).toEqual([{ sku: "shoe", stock: 10, held: 0, confirmed: 2 }]);
  });

  test("counts towards the limit what was bought before", async () => {
    const { sale, ticket } = await midSale();
    await wipe(sale.id);
    must(await rebuildSale(services, sale.id));
    const ann = await comeIn(sale.id, "ann", ticket("ann"));
    const two = { reservationId: crypto.randomUUID(), lines: [{ sku: "shoe", quantity: 2 }] };
    expect(await reserve(services, ann, two)).toMatchObject({ refused: "limit_reached" });
    await buy(services, ann, 1);
    expect(await world.settle()).toEqual([]);
    await expectSameBooks(world, services, sale);
  });

  test("lets old tickets join at their old numbers, ahead of all who are new", async () => {
    const { sale, ticket } = await midSale();
    must(await setMode(services, sale.id, "hold", ""));
    await wipe(sale.id);
    must(await rebuildSale(services, sale.id));
    const before = must(await rowOf(sale.id));
    expect(before.numbers_until).toBeGreaterThanOrEqual(5);
    expect(await enterSale(services, ticket("dan"))).toMatchObject({ refused: "outdated_ticket" });
    const fresh = await join(sale.id, "new");
    expect(fresh.number).toBe(Number(before.numbers_until) + 1);
    const eve = await join(sale.id, "eve", ticket("eve"));
    const dan = await join(sale.id, "dan", ticket("dan"));
    expect([dan, eve].map(({ number, epoch, joinedAtMs }) => ({ number, epoch, joinedAtMs }))).toEqual(
      [ticket("dan"), ticket("eve")].map(({ number, joinedAtMs }) => ({ number, epoch: 2, joinedAtMs })),
    );
    // A second time, from another device, it is the same place.
    expect((await join(sale.id, "dan", ticket("dan"))).number).toBe(dan.number);
    const keys = saleKeys(sale.id);
    expect(await world.redis.redis.command("ZRANGE", keys.waitlist, 0, -1)).toEqual(["dan", "eve", "new"]);
  });

  test("an operator's mode and release size live on", async () => {
    const sale = await create();
    must(await setReleaseSize(services, sale.id, 7, ""));
    must(await setMode(services, sale.id, "hold", ""));
    await wipe(sale.id);
    must(await rebuildSale(services, sale.id));
    expect(must(await tick(services, sale.id))).toMatchObject({ mode: "hold", release: { size: 7 } });
  });

  test("may lose it again, and again: each rebuild has the next epoch and the same books", async () => {
    const { sale, ticket } = await midSale();
    for (const epoch of [2, 3, 4]) {
      await wipe(sale.id);
      expect(await rebuildSale(services, sale.id)).toEqual({ epoch, reservations: 3 });
      expect(await counts(sale.id)).toEqual({ available: 5, held: 3, confirmed: 2 });
    }
    expect(await join(sale.id, "dan", ticket("dan"))).toMatchObject({ number: 4, epoch: 4 });
    await buy(services, await comeIn(sale.id, "new"), 1);
    expect(await world.settle()).toEqual([]);
    await expectSameBooks(world, services, sale);
  });
});

describe("a rebuild is refused", () => {
  test("redis_intact: while Redis knows the sale, and changes nothing", async () => {
    const { sale, held, passes } = await midSale();
    // To count is to tick, and a tick that is due has something to write down.
    const counted = await counts(sale.id);
    expect(await world.settle()).toEqual([]);
    const before = [await rowOf(sale.id), await stored(world, sale.id), counted];
    expect(await rebuildSale(services, sale.id)).toEqual({ refused: "redis_intact", evidence: {} });
    expect([await rowOf(sale.id), await stored(world, sale.id), await counts(sale.id)]).toEqual(before);
    must(await checkout(services, passes.bob, held, "https://shop.example"));
  });

  test("not_found: there is no such sale", async () => {
    expect(await rebuildSale(services, "no-such-sale")).toMatchObject({ refused: "not_found" });
  });
});

describe("rebuilds at once", () => {
  test("publish once, whoever wins, and the others change nothing", async () => {
    for (let round = 0; round < 5; round++) {
      const { sale } = await midSale({ capacity: 100 });
      await wipe(sale.id);
      const outcomes = await Promise.all(
        Array.from({ length: 4 }, () => rebuildSale(world.services(), sale.id)),
      );
      const won = outcomes.filter((outcome) => !("refused" in outcome));
      expect(won).toHaveLength(1);
      for (const outcome of outcomes)
        expect(["done", "on_hold", "redis_intact"]).toContain(refusedAs(outcome));
      expect(won).toEqual([{ epoch: must(await tick(services, sale.id)).epoch, reservations: 3 }]);
      expect(await audits(sale.id)).toHaveLength(1);
      expect(await counts(sale.id)).toEqual({ available: 5, held: 3, confirmed: 2 });
      await buy(services, await comeIn(sale.id, "new"), 3);
      expect(await world.settle()).toEqual([]);
      await expectSameBooks(world, services, sale);
    }
  });

  test("one that is overtaken does not keep Postgres from remembering the line", async () => {
    const { sale } = await midSale({ capacity: 100 });
    await wipe(sale.id);
    // The first is about to publish when the second gets a later epoch, and has done it before the second goes on.
    world.redis.faults.add({ kind: "delay", match: PUBLISH, times: 1, delayMs: 1200 });
    const first = rebuildSale(world.services(), sale.id);
    await expect.poll(() => world.redis.faults.list()).toEqual([]);
    world.redis.faults.add({ kind: "delay", match: saleKeys(sale.id).rebuild, times: 1, delayMs: 1900 });
    const second = rebuildSale(world.services(), sale.id);
    expect(await first).toEqual({ epoch: 2, reservations: 3 });
    expect(await second).toMatchObject({ refused: "on_hold" });
    expect(await counts(sale.id)).toEqual({ available: 5, held: 3, confirmed: 2 });
    const { number } = await join(sale.id, "new");
    await tickNow(world, services, sale.id);
    expect(await world.settle()).toEqual([]);
    expect(await rowOf(sale.id)).toMatchObject({ now_serving: number });
    await wipe(sale.id);
    must(await rebuildSale(services, sale.id));
    expect((await join(sale.id, "newer")).number).toBeGreaterThan(number);
  });
});

describe("a rebuild that breaks off and is repeated brings the same books back", () => {
  const atRedis = (saleId: string): [string, string][] => [
    ["the look whether Redis knows the sale", '"hexists"'],
    ["the look at what is left of the outbox", '"XRANGE"'],
    ["the beginning", saleKeys(saleId).rebuild],
    ["restoring a page", RESTORE_PAGE],
    ["publishing", PUBLISH],
    ["the list of sales", '"sadd"'],
  ];
  const atPostgres: [string, string][] = [
    ["the cursor, read", CURSOR],
    ["the new epoch", "set epoch = epoch + 1"],
    ["the cursor, set", "update sync_cursor set last_entry"],
    ["a page of reservations", "from reservations as reservation"],
    ["what there is to publish", "select definition, epoch"],
    ["the note of the publication", "set published_at"],
    ["the audit log", "'rebuild'"],
  ];
  const breaks = [
    ...atRedis("").flatMap(([what], i) =>
      [1, 3].map((times) => [`${what}, ${times} times`, "redis", i, times] as const),
    ),
    ...atPostgres.map(([what], i) => [what, "postgres", i, 1] as const),
  ];

  test.each(breaks)("a lost answer of %s", async (_, store, which, times) => {
    const { sale } = await midSale({ capacity: 100 });
    await wipe(sale.id);
    // The scripts are there, so that their first call is the one that runs and whose answer is lost.
    for (const { source } of [publishScript, restoreScript]) await services.redis.scriptLoad(source);
    const [, match] = must((store === "redis" ? atRedis(sale.id) : atPostgres)[which]);
    world[store].faults.add({ kind: "lose_answer", match, times });
    const isolate = world.services();
    const first = await rebuildSale(isolate, sale.id).catch((error: unknown) => String(error));
    const isHit = world[store].faults.list().every((rule) => (rule.times ?? 0) < times);
    world[store].faults.clear();
    expect(isHit).toBe(true);
    if (typeof first === "string") {
      expect(first).toContain("unavailable");
      expect(["done", "redis_intact"]).toContain(refusedAs(await rebuildSale(isolate, sale.id)));
    } else expect(first).toMatchObject({ reservations: 3 });
    expect(await counts(sale.id)).toEqual({ available: 5, held: 3, confirmed: 2 });
    await buy(services, await comeIn(sale.id, "new"), 3);
    // Cron notes the publication where that was lost.
    await everyMinute(services);
    expect(must(await rowOf(sale.id)).published_at).not.toBeNull();
    expect(await world.redis.redis.command("SISMEMBER", SALES_KEY, sale.id)).toBe(1);
    expect(await world.settle()).toEqual([]);
    await expectSameBooks(world, services, sale);
  });

  test.each<FaultRule["kind"]>(["cut", "error"])("%s on the way to Redis at any script", async (kind) => {
    const { sale } = await midSale({ capacity: 100 });
    await wipe(sale.id);
    for (let scripts = 1; ; scripts++) {
      // So many calls get through; then none.
      world.redis.faults.add({ kind: "delay", match: saleKeys(sale.id).rebuild, times: scripts, delayMs: 0 });
      world.redis.faults.add({ kind, match: saleKeys(sale.id).rebuild });
      const outcome = await rebuildSale(services, sale.id).catch((error: unknown) => String(error));
      world.redis.faults.clear();
      if (typeof outcome !== "string") break;
      expect(await readSale(services, sale.id)).toBeUndefined();
      expect(scripts).toBeLessThan(10);
    }
    expect(await counts(sale.id)).toEqual({ available: 5, held: 3, confirmed: 2 });
    await buy(services, await comeIn(sale.id, "new"), 3);
    expect(await world.settle()).toEqual([]);
    await expectSameBooks(world, services, sale);
  });

  test("pages: 1,100 reservations come back whole", async () => {
    const sale = await create({ items: item(5000, 10) });
    const ids = Array.from({ length: 1100 }, () => crypto.randomUUID());
    const ms = Date.now();
    await world.behind(
      `insert into reservations (sale_id, id, shopper, number, state, lines, total, held_at, expires_at, changed_at)
       select $1, id::uuid, 'p' || n, n, 'held', '[{"sku":"shoe","price":0,"quantity":1}]', 0,
              to_timestamp($3 / 1000.0), to_timestamp(($3 + 600000) / 1000.0), to_timestamp($3 / 1000.0)
         from unnest($2::text[]) with ordinality as listed (id, n)`,
      [sale.id, ids, ms],
    );
    await world.behind("update items set held = 1100 where sale_id = $1", [sale.id]);
    await wipe(sale.id);
    expect(await rebuildSale(services, sale.id)).toEqual({ epoch: 2, reservations: 1100 });
    const keys = saleKeys(sale.id);
    expect(await world.redis.redis.command("HLEN", keys.reservations)).toBe(1100);
    expect(await world.redis.redis.command("ZCARD", keys.holds)).toBe(1100);
    expect(await world.redis.redis.command("ZCARD", keys.inside)).toBe(1100);
    expect(await counts(sale.id)).toEqual({ available: 3900, held: 1100, confirmed: 0 });
  });
});

describe("what was under way when Redis was lost", () => {
  test("a drainer with changes from before changes nothing after the rebuild", async () => {
    const sale = await createUndrained(world, services, { items: item(10, 3) });
    const pass = await comeIn(sale.id, "ann");
    await buy(services, pass, 2);
    await drain(services, sale.id);
    // This one is in the hands of a drainer that is slow, and is lost with Redis.
    await buy(services, pass, 1).catch(() => undefined);
    const second = await comeIn(sale.id, "bob");
    await hold(services, second, 1);
    world.postgres.faults.add({ kind: "delay", match: APPLY, times: 1, delayMs: 1500 });
    const slow = drain(world.services(), sale.id);
    await expect.poll(() => world.postgres.faults.list()).toEqual([]);
    await world.redis.wipe();
    expect(await rebuildSale(services, sale.id)).toMatchObject({ epoch: 2, reservations: 1 });
    const before = await stored(world, sale.id);
    expect(await slow).toBe(0);
    expect(await stored(world, sale.id)).toEqual(before);
    await buy(services, await comeIn(sale.id, "cat"), 3);
    await drainAgain(world, sale.id);
    await drain(services, sale.id);
    await expectSameBooks(world, services, sale);
  });

  test("what is left of the outbox after a partial loss is not lost too", async () => {
    const sale = await createUndrained(world, services, { items: item(10, 3) });
    const held = await hold(services, await comeIn(sale.id, "ann"), 2);
    expect((await stored(world, sale.id)).reservations).toEqual([]);
    await world.redis.redis.command("DEL", saleKeys(sale.id).sale);
    expect(await rebuildSale(services, sale.id)).toEqual({ epoch: 2, reservations: 1 });
    expect(await counts(sale.id)).toEqual({ available: 8, held: 2, confirmed: 0 });
    await drainAgain(world, sale.id);
    await endHold(world, sale.id, held);
    await expireHolds(services, sale.id);
    await drain(services, sale.id);
    await expectSameBooks(world, services, sale);
  });

  test("what is asked of a hold between its return and the publication waits, and is not lost", async () => {
    const { sale, passes, held } = await midSale({ capacity: 100 });
    expect(await world.settle()).toEqual([]);
    // A loss of one key: what is left would take the calls.
    await world.redis.redis.command("DEL", saleKeys(sale.id).sale);
    world.postgres.faults.add({ kind: "delay", match: "select definition, epoch", times: 1, delayMs: 800 });
    const rebuilding = rebuildSale(services, sale.id);
    await expect.poll(() => world.postgres.faults.list()).toEqual([]);
    await endHold(world, sale.id, held);
    const asked = await Promise.all([
      checkout(services, passes.bob, held, "https://shop.example"),
      releaseReservation(services, passes.bob, held),
      expireHolds(services, sale.id),
    ]);
    must(await rebuilding);
    expect(asked).toMatchObject([{ refused: "on_hold" }, { refused: "on_hold" }, 0]);
    await expireHolds(services, sale.id);
    expect(await counts(sale.id)).toEqual({ available: 8, held: 0, confirmed: 2 });
    await world.settle();
    await drain(services, sale.id);
    await expectSameBooks(world, services, sale);
  });
});

describe("a draw", () => {
  /** Moves the opening by editing what a rebuild reads: no test waits for it. */
  const openBy = (saleId: string, ms: number) =>
    world.behind(
      "update sales set definition = jsonb_set(definition, '{opensAt}', to_jsonb($2::text)) where id = $1",
      [saleId, new Date(Date.now() + ms).toISOString()],
    );
  const seedOf = async (saleId: string) =>
    String((await world.behind("select draw_seed from sales where id = $1", [saleId]))[0]?.draw_seed);

  test("keeps everybody's place, lost before opening and after", async () => {
    const sale = await create({
      lobby: "draw",
      items: item(1000, 1),
      opensAt: new Date(Date.now() + 600_000).toISOString(),
    });
    const names = Array.from({ length: 20 }, (_, i) => `s${i + 1}`);
    const tickets = new Map<string, TicketClaims>();
    for (const name of names) tickets.set(name, await join(sale.id, name));
    must(await tick(services, sale.id));
    await wipe(sale.id);
    must(await rebuildSale(services, sale.id));
    for (const [i, name] of [...names.entries()].reverse()) {
      const ticket = await join(sale.id, name, tickets.get(name));
      expect(ticket).toMatchObject({ number: i + 1, lobby: true, epoch: 2 });
    }

    await wipe(sale.id);
    await openBy(sale.id, -1000);
    must(await rebuildSale(services, sale.id));
    const late = await join(sale.id, "late");
    const { draw_count: none, numbers_until } = must(await rowOf(sale.id));
    expect(none).toBeNull();
    const seed = await seedOf(sale.id);
    const placeOfNumber = (number: number) => placeOf(seed, Number(numbers_until), number);
    for (const [i, name] of names.slice(0, 15).entries()) {
      const ticket = await join(sale.id, name, tickets.get(name));
      expect(ticket).toMatchObject({ number: await placeOfNumber(i + 1), epoch: 3 });
      expect(ticket.lobby).toBeUndefined();
      expect(ticket.number).toBeLessThan(late.number);
    }
    must(await tick(services, sale.id));

    // The count is remembered now; the tickets of the lobby are as good as before.
    await wipe(sale.id);
    expect(await rowOf(sale.id)).toMatchObject({ draw_count: Number(numbers_until) });
    must(await rebuildSale(services, sale.id));
    for (const [i, name] of names.entries())
      expect((await join(sale.id, name, tickets.get(name))).number).toBe(await placeOfNumber(i + 1));
    expect(await join(sale.id, "late", late)).toMatchObject({ number: late.number, epoch: 4 });
  });

  test("has one seed, however often the sale is created", async () => {
    const sale = await create({ lobby: "draw" });
    const seed = await seedOf(sale.id);
    expect(seed).toMatch(/^[0-9a-f]{64}$/);
    expect(await createSale(world.services(), sale)).toMatchObject({ created: false });
    expect(await seedOf(sale.id)).toBe(seed);
    expect(await world.redis.redis.command("HGET", saleKeys(sale.id).sale, "drawSeed")).toBe(seed);
  });

  test("of a sale by arrival there is none", async () => {
    const sale = await create();
    expect(await seedOf(sale.id)).toBe("null");
  });
});

describe("a sale whose publication was not noted", () => {
  async function unnoted(): Promise<Sale> {
    const sale = newSale({ items: item(10, 3) });
    world.redis.faults.add({ kind: "cut", match: '"sadd"' });
    await expect(createSale(services, sale)).rejects.toThrow("redis unavailable");
    world.redis.faults.clear();
    expect(must(await rowOf(sale.id)).published_at).toBeNull();
    return sale;
  }

  test.each(["hold", "line"] as const)(
    "is not published again by cron once it was in use and Redis lost it, but rebuilt (%s)",
    async (use) => {
      const sale = await unnoted();
      const ticket = await join(sale.id, "ann");
      await tickNow(world, services, sale.id);
      if (use === "hold") await hold(services, await enter(ticket), 3);
      await wipe(sale.id);
      await everyMinute(services);
      expect(await readSale(services, sale.id)).toBeUndefined();
      const reservations = use === "hold" ? 1 : 0;
      expect(await rebuildSale(services, sale.id)).toEqual({ epoch: 2, reservations });
      expect(await join(sale.id, "ann", ticket)).toMatchObject({ number: 1, epoch: 2 });
      expect(await counts(sale.id)).toMatchObject({
        available: 10 - 3 * reservations,
        held: 3 * reservations,
      });
      expect(await world.settle()).toEqual([]);
      await expectSameBooks(world, services, sale);
    },
  );

  test("that never reached Redis is published by cron, or by a rebuild, once", async () => {
    for (const by of [
      async (other: Services) => await everyMinute(other),
      async (other: Services, id: string) => void must(await rebuildSale(other, id)),
    ]) {
      const sale = newSale({ items: item(10, 3) });
      world.redis.faults.add({ kind: "cut", match: sale.id });
      await expect(createSale(services, sale)).rejects.toThrow("redis unavailable");
      world.redis.faults.clear();
      await by(world.services(), sale.id);
      expect(await counts(sale.id)).toEqual({ available: 10, held: 0, confirmed: 0 });
      await buy(services, await comeIn(sale.id, mintShopper()), 3);
      await everyMinute(services);
      expect(await counts(sale.id)).toEqual({ available: 7, held: 0, confirmed: 3 });
      expect(await world.settle()).toEqual([]);
      await expectSameBooks(world, services, sale);
    }
  });
});
