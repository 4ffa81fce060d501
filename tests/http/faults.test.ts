import { randomUUID } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { afterEach, describe, expect, test } from "vitest";
import {
  ask,
  claimsIn,
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
afterEach(() => {
  stack.get().redis.faults.clear();
  stack.get().neon.faults.clear();
});

describe("a lost answer", () => {
  test("of a reserve: it is repeated and holds one unit", async () => {
    const sale = await createSale(stack.get());
    const [ann, ben] = [await shopperInside(stack.get(), sale), await shopperInside(stack.get(), sale)];
    // Redis must know the script, else what is lost is only that it does not.
    expect((await ben.reserve(randomUUID())).status).toBe(201);
    const id = randomUUID();
    stack.get().redis.faults.add({ kind: "lose_answer", match: id, times: 1 });
    const answer = await ann.reserve(id);
    expect(answer.status).toBe(200);
    expect(stack.get().redis.faults.list()).toEqual([]);
    expect((await live(stack.get(), sale)).items).toMatchObject([{ available: 8, held: 2 }]);
  });

  test("of every attempt to reserve: 503, and the client's repetition finds the one hold", async () => {
    const sale = await createSale(stack.get());
    const ann = await shopperInside(stack.get(), sale);
    const id = randomUUID();
    stack.get().redis.faults.add({ kind: "lose_answer", match: id });
    const lost = await ann.reserve(id);
    expect([lost.status, lost.type]).toEqual([503, "unavailable"]);
    expect(lost.headers.get("retry-after")).not.toBeNull();
    stack.get().redis.faults.clear();
    expect((await ann.reserve(id)).status).toBe(200);
    expect((await live(stack.get(), sale)).items).toMatchObject([{ available: 9, held: 1 }]);
  });

  test("of a join, an entry and a checkout: one place, one pass, one order", async () => {
    const sale = await createSale(stack.get());
    const ann = shopper(stack.get(), sale);
    // Each fault names what only this call sends: a release of the line comes by whenever it likes.
    stack.get().redis.faults.add({ kind: "lose_answer", match: `{${sale}}:shoppers`, times: 1 });
    const joined = await ann.join();
    expect([joined.status, joined.json.number]).toEqual([200, 1]);
    await until(
      () => ask(stack.get(), `/api/sales/${sale}/pulse`),
      ({ json }) => json.nowServing === 1,
    );
    const { shopper: identity } = claimsIn(ann.ticket);
    stack.get().redis.faults.add({ kind: "lose_answer", match: String(identity), times: 1 });
    expect((await ann.enter()).status).toBe(200);
    const id = randomUUID();
    await ann.reserve(id);
    stack.get().redis.faults.add({ kind: "lose_answer", match: id, times: 1 });
    expect((await ann.checkout(id)).status).toBe(200);
    const after = await until(
      () => live(stack.get(), sale),
      ({ stored }) => stored?.orders === 1,
    );
    expect(after.items).toMatchObject([{ available: 9, held: 0, confirmed: 1 }]);
  });
});

test("the same reservation sent ten times at once holds one unit", async () => {
  const sale = await createSale(stack.get());
  const ann = await shopperInside(stack.get(), sale);
  const id = randomUUID();
  const answers = await Promise.all(Array.from({ length: 10 }, () => ann.reserve(id)));
  expect(answers.map(({ status }) => status).sort()).toEqual([...Array<number>(9).fill(200), 201]);
  expect((await live(stack.get(), sale)).items).toMatchObject([{ available: 9, held: 1 }]);
});

test("the last unit goes to exactly one of twenty shoppers inside", async () => {
  const sale = await createSale(stack.get(), { items: [shoe({ stock: 20, limit: 20 })] });
  const crowd = await Promise.all(Array.from({ length: 20 }, () => shopperInside(stack.get(), sale)));
  const [first, ...rest] = crowd;
  expect((await first?.reserve(randomUUID(), [{ sku: "shoe", quantity: 19 }]))?.status).toBe(201);
  const answers = await Promise.all(rest.map((someone) => someone.reserve(randomUUID())));
  expect(answers.filter(({ status }) => status === 201)).toHaveLength(1);
  expect(new Set(answers.filter(({ status }) => status !== 201).map(({ type }) => type))).toEqual(
    new Set(["sold_out"]),
  );
});

describe("Redis away", () => {
  test("nothing is sold, the answer is 503 with Retry-After, and pages go on from the cache", async () => {
    const sale = await createSale(stack.get());
    const ann = await shopperInside(stack.get(), sale);
    const page = { headers: { accept: "text/html" } };
    expect((await ask(stack.get(), `/sales/${sale}`, page)).status).toBe(200);
    stack.get().redis.faults.add({ kind: "cut" });
    const refused = await ann.reserve(randomUUID());
    expect([refused.status, refused.type]).toEqual([503, "unavailable"]);
    expect(Number(refused.headers.get("retry-after"))).toBeGreaterThan(0);
    await new Promise((resolve) => setTimeout(resolve, 5_500));
    const stale = await ask(stack.get(), `/sales/${sale}`, page);
    expect([stale.status, stale.headers.get("cf-cache-status")]).toEqual([200, "UPDATING"]);
    expect((await ask(stack.get(), "/healthz")).status).toBe(503);
    stack.get().redis.faults.clear();
    expect((await ann.reserve(randomUUID())).status).toBe(201);
  });
});

describe("Postgres away", () => {
  test("the sale goes on, the outbox grows, and what was sold arrives when it is back", async () => {
    const sale = await createSale(stack.get());
    stack.get().neon.faults.add({ kind: "error", status: 500 });
    const ann = await shopperInside(stack.get(), sale);
    const id = randomUUID();
    expect((await ann.reserve(id)).status).toBe(201);
    expect((await ann.checkout(id)).status).toBe(200);
    expect((await ann.order(id)).status).toBe(200);
    const meanwhile = await live(stack.get(), sale);
    expect(meanwhile).toMatchObject({ stored: null, outbox: { entries: 2 } });
    stack.get().neon.faults.clear();
    await stack.get().cron();
    expect(await live(stack.get(), sale)).toMatchObject({ stored: { orders: 1 }, outbox: { entries: 0 } });
  });
});

describe("the functions Worker killed", () => {
  test("callers get 503, and what was held is still held when it is back", async () => {
    const sale = await createSale(stack.get());
    const ann = await shopperInside(stack.get(), sale);
    const id = randomUUID();
    expect((await ann.reserve(id)).status).toBe(201);
    await stack.get().functions.kill();
    const refused = await ann.checkout(id);
    expect([refused.status, refused.type]).toEqual([503, "unavailable"]);
    await stack.get().functions.restart();
    expect((await ann.checkout(id)).status).toBe(200);
    await stack.get().cron();
    expect((await live(stack.get(), sale)).stored?.orders).toBe(1);
  });
});

/** Processes this one has started; /proc says it even where there is no `ps`. */
const childrenCalled = (name: string) =>
  readdirSync("/proc")
    .filter((pid) => /^\d+$/.test(pid))
    .filter((pid) => {
      try {
        const [, command, parent] =
          /^\d+ \((.*)\) \S (\d+)/.exec(readFileSync(`/proc/${pid}/stat`, "utf8")) ?? [];
        return command === name && Number(parent) === process.pid;
      } catch {
        return false; // gone by now
      }
    })
    .map(Number);

test.runIf(process.platform === "linux")(
  "a Worker whose process dies is there again a moment later",
  async () => {
    const sale = await createSale(stack.get());
    const pids = childrenCalled("workerd");
    expect(pids).toHaveLength(2);
    for (const pid of pids) process.kill(pid, "SIGKILL");
    await until(
      () => shopper(stack.get(), sale).join(),
      ({ status }) => status === 201,
    );
  },
);

describe("Redis emptied", () => {
  test("nothing is sold, everybody is told `on_hold`, and creating the sale again does not refill its stock", async () => {
    const input = saleInput();
    await operator(stack.get(), "/sales", { body: input });
    const ann = await shopperInside(stack.get(), input.id);
    await stack.get().redis.wipe();
    for (const answer of [await ann.join(), await ann.enter(), await ann.reserve(randomUUID())])
      expect([answer.status, answer.type]).toEqual([503, "on_hold"]);
    expect((await operator(stack.get(), "/sales", { body: input })).status).toBe(200);
    await stack.get().cron();
    expect((await shopper(stack.get(), input.id).join()).type).toBe("on_hold");
  });
});
