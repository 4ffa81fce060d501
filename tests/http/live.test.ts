/** The live figures, on the whole system: money, what the edge turned away, and a bill that is close to the real one. */
import { randomUUID } from "node:crypto";
import { expect, test } from "vitest";
import { z } from "zod";
import {
  createSale,
  newAddress,
  operator,
  shoe,
  shopper,
  shopperInside,
  until,
  withStack,
} from "./harness.ts";

const stack = withStack();

const figures = z.object({
  perSecond: z.number(),
  turnedAway: z.object({ limited: z.number(), failed: z.number() }),
  redis: z.object({ memoryBytes: z.number(), billedCommands: z.number(), billedUsd: z.number() }),
  stored: z.object({
    orders: z.number(),
    ordersPerSecond: z.number(),
    money: z.object({ authorised: z.number(), captured: z.number(), refunded: z.number() }),
  }),
});
const live = async (sale: string) => figures.parse((await operator(stack.get(), `/sales/${sale}/live`)).json);

test("what is billed is worked out to within a tenth of what the gateway counts", async () => {
  // So that no call has to bring its script along: those are billed, and not counted.
  const before = await createSale(stack.get());
  const warm = await shopperInside(stack.get(), before);
  const id = randomUUID();
  await warm.reserve(id);
  await warm.checkout(id);
  await until(
    () => live(before),
    ({ stored }) => stored.orders === 1,
  );

  const { redis } = stack.get();
  await redis.resetStats();
  const sale = await createSale(stack.get(), { items: [shoe({ stock: 100 })] });
  const shoppers = await Promise.all(Array.from({ length: 12 }, () => shopperInside(stack.get(), sale)));
  for (const [nth, one] of shoppers.entries()) {
    const hold = randomUUID();
    await one.reserve(hold);
    if (nth % 4 === 3) await one.giveBack(hold);
    else expect((await one.checkout(hold)).status).toBe(200);
  }
  await Promise.all(Array.from({ length: 20 }, () => shopper(stack.get(), sale).join()));
  const { redis: said } = await until(
    () => live(sale),
    ({ stored }) => stored.orders === 9,
  );
  const real = (await redis.stats()).billedCommands;
  console.log(`billed: ${real} by the gateway, ${said.billedCommands} as worked out`);
  expect(said.billedCommands / real).toBeGreaterThan(0.9);
  expect(said.billedCommands / real).toBeLessThan(1.1);
  expect(said.billedUsd).toBeCloseTo((said.billedCommands * 0.2) / 100_000, 10);
  expect(said.memoryBytes).toBeGreaterThan(100_000);
});

test("answers 429 and 5xx of the edge are in the figures within two seconds, and nobody outside writes them", async () => {
  const sale = await createSale(stack.get());
  const address = newAddress();
  const someone = shopper(stack.get(), sale);
  const joins = await Promise.all(
    Array.from({ length: 30 }, () =>
      someone.join({ address, headers: { "x-turned-away": "429=1000,5xx=1000" } }),
    ),
  );
  const limited = joins.filter(({ status }) => status === 429).length;
  expect(limited).toBeGreaterThan(0);
  await operator(stack.get(), `/sales/${sale}/mode`, { body: { mode: "reject" } });
  expect((await shopper(stack.get(), sale).join()).status).toBe(503);
  const { turnedAway } = await until(
    () => live(sale),
    (now) => now.turnedAway.limited >= limited && now.turnedAway.failed >= 1,
    2_000,
  );
  expect(turnedAway).toEqual({ limited, failed: 1 });
});

test("money is told as it moves: authorised, captured, refunded", async () => {
  const sale = await createSale(stack.get(), { items: [shoe({ price: 4_900 })] });
  const someone = await shopperInside(stack.get(), sale);
  const id = randomUUID();
  await someone.reserve(id);
  const { url } = z.object({ url: z.string() }).parse((await someone.checkout(id)).json);
  stack.get().stripe.pay(/\bcs_\w+/.exec(url)?.[0] ?? "");
  const paid = await until(
    () => live(sale),
    ({ stored }) => stored.money.captured > 0 && stored.orders === 1,
  );
  expect(paid.stored).toMatchObject({ orders: 1, money: { authorised: 0, captured: 4_900, refunded: 0 } });
  expect(paid.stored.ordersPerSecond).toBeCloseTo(0.1);
  await operator(stack.get(), `/sales/${sale}/orders/${id}/refunds`, {
    body: { refundId: randomUUID(), amount: 900 },
  });
  await until(
    () => live(sale),
    ({ stored }) => stored.money.refunded === 900,
  );
});
