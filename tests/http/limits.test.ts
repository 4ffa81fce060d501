/**
 * The share of one shopper, whatever they do: 10 a second through to the scripts of joining and holding, over several
 * isolates of the edge, each with limits of its own; and everybody else notices nothing.
 */
import { randomUUID } from "node:crypto";
import { beforeAll, expect, test } from "vitest";
import { Agent, fetch as send } from "undici";
import type { RunningWorker } from "../../dev/workers/runtime.ts";
import { createSale, newAddress, shopperInside, shopper, withStack, type Shopper } from "./harness.ts";

const SECONDS = 8;
const PER_SECOND = 50;
const OTHERS = 500;
const stack = withStack();
let isolates: RunningWorker[];
let sale: string;
const agent = new Agent({ connections: 64 });

beforeAll(async () => {
  isolates = [stack.get().edge, ...(await Promise.all([1, 2, 3].map(() => stack.get().startEdge())))];
  sale = await createSale(stack.get(), {
    items: [{ sku: "shoe", name: "Shoe", stock: 10_000, price: 0, limit: 2 }],
  });
});

interface Sent {
  status: number;
  layer: string | null;
  retryAfter: string | null;
  ms: number;
}

async function call(
  isolate: RunningWorker | undefined,
  path: string,
  headers: object,
  body?: object,
): Promise<Sent> {
  const startedMs = performance.now();
  const answer = await send(`${isolate?.url ?? ""}/api/sales/${sale}/${path}`, {
    method: "POST",
    dispatcher: agent,
    headers: { ...headers, ...(body === undefined ? {} : { "content-type": "application/json" }) },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  await answer.arrayBuffer();
  const { status } = answer;
  return {
    status,
    layer: answer.headers.get("x-layer"),
    retryAfter: answer.headers.get("retry-after"),
    ms: performance.now() - startedMs,
  };
}

async function pulse(): Promise<Sent> {
  const startedMs = performance.now();
  const answer = await send(`${stack.get().url}/api/sales/${sale}/pulse`, { dispatcher: agent });
  await answer.arrayBuffer();
  return { status: answer.status, layer: null, retryAfter: null, ms: performance.now() - startedMs };
}

/** Calls so often a second, on time whatever the answers take; each is told its number. */
async function evenly(
  perSecond: number,
  seconds: number,
  each: (nth: number) => Promise<Sent>,
): Promise<Sent[]> {
  const startedMs = performance.now();
  const calls: Promise<Sent>[] = [];
  for (let nth = 0; nth < perSecond * seconds; nth++) {
    const dueMs = startedMs + (nth * 1000) / perSecond;
    const waitMs = dueMs - performance.now();
    if (waitMs > 0) await new Promise((resolve) => setTimeout(resolve, waitMs));
    calls.push(each(nth));
  }
  return await Promise.all(calls);
}

/** Those that a script has looked at: not refused for their number. */
const through = (sent: Sent[]) => sent.filter(({ status }) => status !== 429);
const inSecond = (sent: Sent[], second: number) => sent.slice(second * PER_SECOND, (second + 1) * PER_SECOND);

test(
  "a shopper at 50 requests a second gets 10 ± 1 a second through, over four isolates; 500 others at 1 a second notice nothing",
  { timeout: 120_000 },
  async () => {
    const ann = await shopperInside(stack.get(), sale);
    const crowd: Shopper[] = [];
    for (let from = 0; from < OTHERS; from += 50) {
      const some = Array.from({ length: 50 }, () => shopper(stack.get(), sale));
      for (const { status } of await Promise.all(some.map((someone) => someone.join())))
        expect(status).toBe(201);
      crowd.push(...some);
    }
    // As people who wait do: they look at the pulse, and one in ten joins again or asks for their turn.
    const others = evenly(OTHERS, SECONDS, async (nth) => {
      if (nth % 10 !== 0) return await pulse();
      const token = crowd[nth % OTHERS]?.ticket ?? "";
      const headers = { authorization: `Bearer ${token}`, "cf-connecting-ip": newAddress() };
      return await call(isolates[(nth / 10) % isolates.length], "queue", headers);
    });
    const startedMs = performance.now();
    const id = randomUUID();
    const hers = evenly(PER_SECOND, SECONDS, (nth) => {
      const isolate = isolates[nth % isolates.length];
      const as = (token: string) => ({ authorization: `Bearer ${token}`, "cf-connecting-ip": newAddress() });
      // Joins and holds in turns, the way through each isolate.
      return nth % 8 < 4
        ? call(isolate, "queue", as(ann.ticket))
        : call(isolate, "reservations", as(ann.pass), {
            reservationId: id,
            lines: [{ sku: "shoe", quantity: 1 }],
          });
    });

    const [annSent, othersSent] = await Promise.all([hers, others]);
    const perSecond = Array.from(
      { length: SECONDS },
      (_, second) => through(inSecond(annSent, second)).length,
    );
    const refused = annSent.filter(({ status }) => status === 429);
    const slowest = othersSent.map(({ ms }) => ms).sort((a, b) => a - b);
    console.log(
      `through each second: ${perSecond.join(", ")}; refused ${refused.length}, at the edge ${refused.filter(({ layer }) => layer === "edge").length}; ` +
        `others: ${othersSent.length} calls, median ${Math.round(slowest[slowest.length / 2] ?? 0)} ms, 99 % within ${Math.round(slowest[Math.floor(slowest.length * 0.99)] ?? 0)} ms`,
    );
    // Never more than ten in a second of the script's, of which there is one more than seconds went by; and never much less,
    // as long as the machine sends in time: a stall of it is a second in which she asked for nothing.
    const total = perSecond.reduce((sum, count) => sum + count, 0);
    const elapsedSeconds = (performance.now() - startedMs) / 1000;
    expect(total).toBeLessThanOrEqual(10 * (elapsedSeconds + 1));
    expect(total / SECONDS).toBeGreaterThanOrEqual(7.5);
    const sorted = perSecond.toSorted((x, y) => x - y);
    expect(Math.abs((sorted[SECONDS / 2] ?? 0) - 10)).toBeLessThanOrEqual(1);
    expect(new Set(through(annSent).map(({ status }) => status))).toEqual(new Set([200, 201]));
    for (const { retryAfter } of refused) expect(Number(retryAfter)).toBeGreaterThanOrEqual(1);
    // Most never reach the functions: what a script has counted is known to the isolate until the second is over.
    expect(refused.filter(({ layer }) => layer === "edge").length).toBeGreaterThan(refused.length / 2);
    expect(new Set(othersSent.map(({ status }) => status))).toEqual(new Set([200]));
  },
);

test("who is over the count of a location is refused there, though the isolate would let them on", async () => {
  sale = await createSale(stack.get());
  const ben = await shopperInside(stack.get(), sale);
  const headers = { authorization: `Bearer ${ben.ticket}`, "cf-connecting-ip": newAddress() };
  // Entries: no script counts those. 20 at once and 10 a second are the isolate's; the location has 100 in its ten
  // seconds, which here begin with those of the clock.
  await new Promise((resolve) => setTimeout(resolve, 10_000 - (Date.now() % 10_000)));
  const sent = await evenly(25, 9, () => call(isolates[0], "entry", headers));
  expect(through(sent).length).toBeGreaterThanOrEqual(90);
  expect(through(sent).length).toBeLessThanOrEqual(105);
  const waits = new Set(
    sent.filter(({ status }) => status === 429).map(({ retryAfter }) => Number(retryAfter)),
  );
  expect(Math.max(...waits)).toBeGreaterThanOrEqual(5);
});
