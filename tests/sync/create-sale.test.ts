/** A sale is created once and published once, whatever is lost on the way; what Redis lost is not sold anew. */
import { expect, test } from "vitest";
import { mintShopper } from "../../domain/token.ts";
import { everyMinute } from "../../functions/cron.ts";
import { joinQueue } from "../../functions/queue/queue.ts";
import { SALES_KEY, saleKeys } from "../../functions/redis/keys.ts";
import { setMode } from "../../functions/sale/rules.ts";
import { createSale, readSale } from "../../functions/sale/sale.ts";
import { CREATE, admit, buy, expectSameBooks, must, newSale, useWorld, stored } from "./harness.ts";

const { world, services } = await useWorld();

const available = async (saleId: string) =>
  await world.redis.redis.command("HGET", saleKeys(saleId).stock, "available:shoe");
const publishedAt = async (saleId: string) =>
  (await world.behind("select published_at from sales where id = $1", [saleId]))[0]?.published_at;
const audited = (saleId: string, action: string) =>
  world.behind("select detail from audit_log where sale_id = $1 and action = $2 order by id", [
    saleId,
    action,
  ]);

test("a sale created twice is the same sale once", async () => {
  const sale = newSale();
  expect(await createSale(services, sale)).toMatchObject({ created: true, sale: { ...sale, phase: "open" } });
  expect(await createSale(services, sale)).toMatchObject({ created: false, sale });
  expect(await world.redis.redis.command("SISMEMBER", SALES_KEY, sale.id)).toBe(1);
  expect(await audited(sale.id, "create")).toHaveLength(1);
  await expectSameBooks(world, services, sale);
});

test("creating a sale again while it sells does not touch its stock", async () => {
  const sale = newSale();
  must(await createSale(services, sale));
  const [pass] = await admit(services, sale.id, 1);
  await buy(services, must(pass), 3);
  expect(await createSale(services, sale)).toMatchObject({ created: false });
  await everyMinute(services);
  expect(await available(sale.id)).toBe("997");
  await world.settle();
  await expectSameBooks(world, services, sale);
});

test("of ten who create the same sale at once one creates it, and all succeed", async () => {
  const sale = newSale();
  const isolates = Array.from({ length: 10 }, () => world.services());
  const outcomes = await Promise.all(isolates.map((isolate) => createSale(isolate, sale)));
  expect(outcomes.filter((outcome) => must(outcome).created)).toHaveLength(1);
  expect(await audited(sale.id, "create")).toHaveLength(1);
  await expectSameBooks(world, services, sale);
});

test("of two who create different sales with one id at once one succeeds, the other hears sale_exists", async () => {
  for (let round = 0; round < 10; round++) {
    const sale = newSale();
    const outcomes = await Promise.all(
      ["One", "Another"].map((name) => createSale(world.services(), { ...sale, name })),
    );
    expect(outcomes.map((outcome) => ("refused" in outcome ? outcome.refused : "created")).sort()).toEqual([
      "created",
      "sale_exists",
    ]);
  }
});

test("another sale with the same id is refused and changes nothing", async () => {
  const sale = newSale();
  must(await createSale(services, sale));
  const other = { ...sale, items: sale.items.map((item) => ({ ...item, stock: 5 })) };
  expect(await createSale(services, other)).toEqual({ refused: "sale_exists", evidence: {} });
  expect(await available(sale.id)).toBe("1000");
  await expectSameBooks(world, services, sale);
});

test.each(["cut", "error"] as const)("%s on the way to Redis: cron publishes the sale", async (kind) => {
  const sale = newSale();
  world.redis.faults.add({ kind, match: sale.id });
  await expect(createSale(services, sale)).rejects.toThrow("redis unavailable");
  world.redis.faults.clear();
  expect(await readSale(services, sale.id)).toBeUndefined();
  expect(await publishedAt(sale.id)).toBeNull();
  await everyMinute(services);
  expect(await readSale(services, sale.id)).toMatchObject({ id: sale.id, phase: "open" });
  expect(await publishedAt(sale.id)).not.toBeNull();
  await expectSameBooks(world, services, sale);
});

test("a crash after the publication and before its note: cron lists the sale and leaves its stock alone", async () => {
  const sale = newSale();
  world.redis.faults.add({ kind: "cut", match: '"sadd"' });
  await expect(createSale(services, sale)).rejects.toThrow("redis unavailable");
  world.redis.faults.clear();
  const [pass] = await admit(services, sale.id, 1);
  await buy(services, must(pass), 4);
  await everyMinute(services);
  expect(await world.redis.redis.command("SISMEMBER", SALES_KEY, sale.id)).toBe(1);
  expect(await publishedAt(sale.id)).not.toBeNull();
  expect(await available(sale.id)).toBe("996");
  await world.settle();
  await expectSameBooks(world, services, sale);
});

test("a lost answer of the create statement: repeating the call publishes the one sale there is", async () => {
  const sale = newSale();
  world.postgres.faults.add({ kind: "lose_answer", match: CREATE, times: 1 });
  await expect(createSale(services, sale)).rejects.toThrow("postgres unavailable");
  expect(await readSale(services, sale.id)).toBeUndefined();
  expect(await createSale(services, sale)).toMatchObject({ created: false, sale: { phase: "open" } });
  expect(await audited(sale.id, "create")).toHaveLength(1);
  await expectSameBooks(world, services, sale);
});

test("lost answers of the publication change nothing", async () => {
  const sale = newSale();
  world.redis.faults.add({ kind: "lose_answer", match: sale.id, times: 2 });
  expect(await createSale(services, sale)).toMatchObject({ created: true });
  expect(await available(sale.id)).toBe("1000");
  await expectSameBooks(world, services, sale);
});

test("a sale that Redis lost is not published again, by nobody, and joins are on_hold", async () => {
  const sale = newSale();
  must(await createSale(services, sale));
  const [pass] = await admit(services, sale.id, 1);
  await buy(services, must(pass), 10);
  await world.settle();
  await world.redis.wipe();

  expect(await createSale(services, sale)).toMatchObject({ created: false });
  await everyMinute(services);
  await world.settle();
  expect(await world.redis.redis.command("EXISTS", ...Object.values(saleKeys(sale.id)))).toBe(0);
  expect(await joinQueue(services, sale.id, { shopper: mintShopper() })).toMatchObject({
    refused: "on_hold",
  });
  expect(await setMode(services, sale.id, "normal", "")).toMatchObject({ refused: "on_hold" });
  const { items, orders } = await stored(world, sale.id);
  expect(items).toEqual([{ sku: "shoe", stock: 1000, held: 0, confirmed: 10 }]);
  expect(orders).toHaveLength(1);
  expect(await joinQueue(services, "no-such-sale", { shopper: mintShopper() })).toMatchObject({
    refused: "not_found",
  });
});

test("each mode is written down with the one before it and the reason", async () => {
  const sale = newSale();
  must(await createSale(services, sale));
  expect(await setMode(services, sale.id, "hold", "too fast")).toEqual({ mode: "hold" });
  expect(await world.settle()).toEqual([]);
  expect(await setMode(services, sale.id, "normal", "calm again")).toEqual({ mode: "normal" });
  expect(await world.settle()).toEqual([]);
  expect(await audited(sale.id, "mode")).toEqual([
    { detail: { before: "normal", mode: "hold", reason: "too fast" } },
    { detail: { before: "hold", mode: "normal", reason: "calm again" } },
  ]);
});

test("a mode counts even when it cannot be written down, and the failure is heard of", async () => {
  const sale = newSale();
  must(await createSale(services, sale));
  world.postgres.faults.add({ kind: "cut", match: "audit_log", times: 1 });
  expect(await setMode(services, sale.id, "reject", "")).toEqual({ mode: "reject" });
  expect((await world.settle()).map(String)).toEqual([expect.stringContaining("postgres unavailable")]);
  expect(await readSale(services, sale.id)).toMatchObject({ mode: "reject" });
});
