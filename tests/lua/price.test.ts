/** What the bill is worked out with (functions/redis/price.ts), held against what the gateway counts of each script. */
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { billed, billOf, callName } from "../../functions/redis/price.ts";
import { withRedis } from "../support/redis.ts";

const redis = withRedis();

test("every script has its price", () => {
  const root = join(import.meta.dirname, "../../functions");
  const sources = globSync("**/*.ts", { cwd: root }).map((file) => readFileSync(join(root, file), "utf8"));
  const names = sources.flatMap((source) =>
    Array.from(source.matchAll(/name: "([\w-]+)",\s+source: \w+Lua/g), ([, name = ""]) => name),
  );
  expect(names.length).toBe(globSync("**/*.lua", { cwd: root }).length);
  expect(names.filter((name) => billed[name] === undefined)).toEqual([]);
});

test("the steps of a shopper cost what is said of them, give or take one", async () => {
  const sale = await redis.sale({
    items: { shoe: { stock: 9, price: 100 } },
    opensAtMs: Date.now() - 1000,
    releaseEverySeconds: 60,
  });
  sale.redisTime = true;
  const steps: [name: string, step: () => Promise<unknown>][] = [
    ["join", () => sale.join("ann", 0)],
    ["enter not_your_turn", () => sale.enter("ann", 0)],
    ["join", () => sale.join("bob", 0)],
    ["release", () => sale.tick(0)],
    ["enter", () => sale.enter("ann", 0)],
    ["release", () => sale.tick(0)],
    ["reserve", () => sale.reserve("ann", "r1", { shoe: 1 }, 0)],
    ["confirm payment_needed", () => sale.confirm("ann", "r1", 0, 0, { origin: "https://shop.example" })],
    ["confirm", () => sale.confirm("", "r1", 0, 100, { payment: "pi_1" })],
    ["confirm again", () => sale.confirm("", "r1", 0, 100, { payment: "pi_1" })],
    ["refund", () => sale.refund("r1", 0)],
    ["enter", () => sale.enter("bob", 0)],
    ["reserve", () => sale.reserve("bob", "r2", { shoe: 1 }, 0)],
    ["release-reservation", () => sale.giveBack("bob", "r2", 0)],
    ["set-rule", () => sale.setMode("normal", 0)],
  ];
  const counted: [string, number][] = [];
  // Once on another sale, so that no step has to bring its script along.
  const first = await redis.sale();
  await first.crowd(["ann"], 0);
  await first.reserve("ann", "r1", { shoe: 1 }, 0);
  await first.giveBack("ann", "r1", 0);
  await first.reserve("ann", "r2", { shoe: 1 }, 0);
  await first.confirm("ann", "r2", 0);
  await first.refund("r2", 0);
  await first.setMode("normal", 0);

  for (const [name, step] of steps) {
    await redis.gateway.resetStats();
    await step();
    counted.push([name, (await redis.gateway.stats()).billedCommands]);
  }
  console.log("billed:", counted.map(([name, commands]) => `${name} ${commands}`).join(", "));
  // A tick that releases costs a few more than the ones between.
  const off = counted.filter(
    ([name, commands]) => Math.abs(commands - (billed[name] ?? NaN)) > (name === "release" ? 3 : 1),
  );
  expect(off).toEqual([]);
  const sum = counted.reduce((all, [, commands]) => all + commands, 0);
  expect(Math.abs(steps.reduce((all, [name]) => all + (billed[name] ?? NaN), 0) - sum)).toBeLessThanOrEqual(
    5,
  );
});

test("a call is counted by the word it answered only where that has a price; what has none costs nothing", () => {
  expect(callName("confirm", "again")).toBe("confirm again");
  expect(callName("confirm", "confirmed")).toBe("confirm");
  expect(callName("expire", 3)).toBe("expire");
  expect(billOf({ join: 1_000, command: 2, "edge 429": 99 })).toEqual({ commands: 8_002, usd: 0.016004 });
});
