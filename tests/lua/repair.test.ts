/** The scripts of reconciliation: what they refuse, and that refusing changes nothing. */
import { expect, test } from "vitest";
import { runScript } from "../../functions/redis/client.ts";
import { recordJson } from "../../functions/reservation/record.ts";
import { adopt, cancelScript, resend, setCounters } from "../../functions/reconciliation/books.ts";
import { withRedis } from "../support/redis.ts";
import type { TestSale } from "../support/sale.ts";

const redis = withRedis();

/** Ann bought two of three, bob holds the last. */
async function midSale(): Promise<TestSale> {
  const sale = await redis.sale({ items: { shoe: { stock: 3, limit: 2 } } });
  await sale.crowd(["ann", "bob"], 0);
  for (const shopper of ["ann", "bob"]) await sale.enter(shopper, 0);
  await sale.reserve("ann", "r1", { shoe: 2 }, 0);
  await sale.confirm("ann", "r1", 0);
  await sale.reserve("bob", "r2", { shoe: 1 }, 0);
  return sale;
}

const recordOf = async (sale: TestSale, id: string) =>
  recordJson.parse(await redis.gateway.redis.command("HGET", sale.keys.reservations, id));
const cancel = (sale: TestSale, id: string, known = "confirmed") => {
  const { keys } = sale;
  return runScript(
    redis.services.redis,
    cancelScript,
    [keys.sale, keys.stock, keys.reservations, keys.shoppers, keys.outbox],
    [sale.at(1), id, known],
  );
};

async function expectUnchanged(sale: TestSale, work: () => Promise<unknown>): Promise<void> {
  const before = await sale.state();
  await work();
  expect(await sale.state()).toEqual(before);
}

test("recount: counters that moved since they were judged are left alone, all of them", async () => {
  const sale = await midSale();
  const set = (...changes: [string, number, number][]) => setCounters(redis.services, sale.id, changes);
  await expectUnchanged(sale, async () => {
    expect(await set(["held:shoe", 1, 2], ["confirmed:shoe", 1, 3])).toBe("moved");
  });
  expect(await set(["held:shoe", 1, 2])).toBe("recounted");
  expect(await set(["held:shoe", 1, 2])).toBe("moved");
});

test("adopt: an order whose units were sold again is one all the same; what comes back is not sold a third time", async () => {
  const sale = await midSale();
  const record = await recordOf(sale, "r2");
  const lost = { ...record, id: "r3", shopper: "cat", state: "confirmed" as const };
  expect(await adopt(redis.services, sale.id, lost, "")).toBe("adopted");
  expect(await adopt(redis.services, sale.id, { ...record, state: "confirmed" }, "held")).toBe("adopted");
  const { stock, sale: rules } = await sale.state();
  expect(Object.fromEntries(stock)).toMatchObject({
    ...{ "available:shoe": "-1", "held:shoe": "0", "confirmed:shoe": "4", unsold: "-1", available: "-1" },
  });
  expect(rules.get("soldOut")).toBe("1");
  expect(await cancel(sale, "r3")).toEqual(["cancelled"]);
  expect(Object.fromEntries((await sale.state()).stock)).toMatchObject({
    ...{ "available:shoe": "0", "confirmed:shoe": "3", unsold: "0", available: "0" },
  });
});

test("adopt: an id that somebody else used again after a loss: their units go back, whoever has the order has theirs", async () => {
  const sale = await midSale();
  const record = await recordOf(sale, "r2");
  const [line] = record.lines;
  if (line === undefined) throw new Error("a hold has lines");
  const order = { ...record, shopper: "cat", state: "confirmed" as const, lines: [{ ...line, quantity: 2 }] };
  expect(await adopt(redis.services, sale.id, order, "held")).toBe("adopted");
  const { stock, shoppers, holds } = await sale.state();
  expect(Object.fromEntries(stock)).toMatchObject({
    ...{ "available:shoe": "-1", "held:shoe": "0", "confirmed:shoe": "4", unsold: "-1", available: "-1" },
  });
  expect([shoppers.get(`${record.shopper}/shoe`), shoppers.get(record.shopper)]).toEqual(["0", undefined]);
  expect(shoppers.get("cat/shoe")).toBe("2");
  expect(holds.size).toBe(0);
});

test("adopt: another state than was seen; a hold that is over", async () => {
  const sale = await midSale();
  const record = await recordOf(sale, "r2");
  const { services } = redis;
  await expectUnchanged(sale, async () => {
    expect(await adopt(services, sale.id, { ...record, state: "confirmed" }, "")).toBe("moved");
  });
  expect(await adopt(services, sale.id, { ...record, id: "r4", shopper: "cat" }, "")).toBe("ended");
  expect((await recordOf(sale, "r4")).state).toBe("expired");
  // From held to confirmed, which sells the sale out; again it is another state.
  expect(await adopt(services, sale.id, { ...record, state: "confirmed" }, "held")).toBe("adopted");
  expect(await adopt(services, sale.id, { ...record, state: "confirmed" }, "held")).toBe("moved");
  const { stock, sale: rules, holds } = await sale.state();
  expect(Object.fromEntries(stock)).toMatchObject({
    ...{ "available:shoe": "0", "held:shoe": "0", "confirmed:shoe": "3", unsold: "0", available: "0" },
  });
  expect(rules.get("soldOut")).toBe("1");
  expect(holds.size).toBe(0);
});

test("resend: only what Postgres lacks, in order, and nothing else changes", async () => {
  const sale = await midSale();
  expect(await resend(redis.services, sale.id, "r9", "")).toBe("not_found");
  expect(await resend(redis.services, sale.id, "r1", "confirmed")).toBe("again");
  const before = (await sale.state()).outbox.length;
  expect(await resend(redis.services, sale.id, "r1", "")).toBe("resent");
  expect(await resend(redis.services, sale.id, "r1", "held")).toBe("resent");
  expect(await resend(redis.services, sale.id, "r1", "expired")).toBe("resent");
  const sent = (await sale.state()).outbox.slice(before).map(({ state }) => state);
  expect(sent).toEqual(["held", "confirmed", "confirmed", "held", "confirmed"]);
});

test("cancel: once, an order only, and its units are for sale again", async () => {
  const sale = await midSale();
  await expectUnchanged(sale, async () => {
    expect(await cancel(sale, "r9")).toEqual(["not_found"]);
    expect(await cancel(sale, "r2")).toEqual(["not_confirmed"]);
  });
  expect(await cancel(sale, "r1")).toEqual(["cancelled"]);
  await expectUnchanged(sale, async () => expect(await cancel(sale, "r1")).toEqual(["again"]));
  const { stock } = await sale.state();
  expect(Object.fromEntries(stock)).toMatchObject({
    "available:shoe": "2",
    "confirmed:shoe": "0",
    unsold: "3",
  });
});

test("an emptied Redis does not come to look like one that knows the sale", async () => {
  const sale = await midSale();
  const record = await recordOf(sale, "r1");
  await sale.lose();
  expect(await adopt(redis.services, sale.id, record, "")).toBe("missing");
  expect(await setCounters(redis.services, sale.id, [["held:shoe", 1, 2]])).toBe("missing");
  expect(await cancel(sale, "r1")).toEqual(["missing"]);
  expect(await resend(redis.services, sale.id, "r1", "")).toBe("not_found");
  expect(await redis.gateway.redis.command("EXISTS", ...Object.values(sale.keys))).toBe(0);
});
