/** An operator's way through top-up, reconciliation and settlement, from outside. */
import { randomUUID } from "node:crypto";
import { expect, test } from "vitest";
import { z } from "zod";
import {
  at,
  createSale,
  live,
  operator,
  pointersOf,
  shoe,
  shopperInside,
  storeFindings,
  until,
  withStack,
} from "./harness.ts";

const stack = withStack();

test("a top-up comes once, and says what is wrong with it", async () => {
  const sale = await createSale(stack.get(), { items: [shoe({ stock: 1 })] });
  const topUp = (body: object) => operator(stack.get(), `/sales/${sale}/top-up`, { body });
  const wish = { topUpId: randomUUID(), sku: "shoe", units: 4 };
  expect(await topUp(wish)).toMatchObject({ status: 200, json: { sku: "shoe", stock: 5 } });
  expect(await topUp(wish)).toMatchObject({ status: 200, json: { stock: 5 } });
  expect(await topUp({ ...wish, units: 5 })).toMatchObject({ status: 409, type: "conflicting_replay" });
  expect(pointersOf(await topUp({ ...wish, topUpId: randomUUID(), sku: "boat" }))).toEqual(["/sku"]);
  expect(pointersOf(await topUp({ topUpId: "x", sku: "shoe", units: 0, more: 1 }))).toEqual([
    "/more",
    "/topUpId",
    "/units",
  ]);
  expect((await live(stack.get(), sale)).items).toMatchObject([{ stock: 5, available: 5 }]);
  expect((await operator(stack.get(), "/sales/no-such-sale/top-up", { body: wish })).status).toBe(404);
});

test("a dry run and one that applies, listed and read again; nothing without the operator's token", async () => {
  const sale = await createSale(stack.get());
  const someone = await shopperInside(stack.get(), sale);
  const id = randomUUID();
  await someone.reserve(id);
  await someone.checkout(id);
  const path = `/sales/${sale}/reconciliations`;
  const runId = randomUUID();
  const dry = await operator(stack.get(), path, { body: { runId } });
  expect(dry).toMatchObject({
    status: 200,
    json: { id: runId, apply: false, state: "done", discrepancies: [] },
  });
  expect(dry.json["lookedAt"]).toMatchObject({ records: 1, cases: 1 });
  expect((await operator(stack.get(), path, { body: { runId } })).json).toEqual(dry.json);
  expect(await operator(stack.get(), path, { body: { runId, apply: true } })).toMatchObject({
    type: "conflicting_replay",
  });
  expect(await operator(stack.get(), path, { body: { apply: true } })).toMatchObject({
    status: 200,
    json: { apply: true, discrepancies: [] },
  });
  expect((await operator(stack.get(), path)).json["runs"]).toHaveLength(2);
  expect((await operator(stack.get(), `${path}/${runId}`)).json).toEqual(dry.json);
  expect((await operator(stack.get(), `${path}/${randomUUID()}`)).status).toBe(404);
  expect(pointersOf(await operator(stack.get(), path, { body: { apply: "yes" } }))).toEqual(["/apply"]);
  expect((await operator(stack.get(), path, { body: {}, token: "no" })).status).toBe(401);

  const limit = await operator(stack.get(), `/sales/${sale}/remedy-limit`, { body: { amount: 100 } });
  expect(limit).toMatchObject({ status: 200, json: { amount: 100 } });
  expect(
    (await operator(stack.get(), `/sales/${sale}/discrepancies/999999/approve`, { method: "POST" })).status,
  ).toBe(404);
  expect((await operator(stack.get(), `/sales/${sale}/settlement`)).status).toBe(404);
  expect(await operator(stack.get(), `/sales/${sale}/drill`, { method: "POST" })).toMatchObject({
    type: "not_a_rehearsal",
  });
});

test("more than a page is found: those that wait come first, the rest in pages, each once", async () => {
  const sale = await createSale(stack.get());
  const run = await storeFindings(stack.get(), sale, { gone: 1_003, waiting: 2 });
  const path = `/sales/${sale}/reconciliations/${run}`;
  const page = async (query: string) => {
    const { json } = await operator(stack.get(), `${path}${query}`);
    const found = z.array(z.object({ id: z.number(), subject: z.string(), outcome: z.string() }));
    return { found: found.parse(json["discrepancies"]), next: z.string().nullable().parse(json["next"]) };
  };
  const first = await page("");
  expect(first.found).toHaveLength(1_000);
  expect(first.found.slice(0, 3).map(({ subject, outcome }) => `${subject} ${outcome}`)).toEqual([
    "pi_1004 waiting",
    "pi_1005 waiting",
    "pi_1 gone",
  ]);
  const second = await page(`?after=${first.next ?? ""}`);
  expect(second.next).toBeNull();
  const subjects = [...first.found, ...second.found].map(({ subject }) => subject);
  expect(new Set(subjects).size).toBe(1_005);
  expect(subjects).toHaveLength(1_005);

  const one = await page("?limit=1");
  expect(one.found).toEqual([first.found[0]]);
  expect((await page(`?limit=2&after=${one.next ?? ""}`)).found).toEqual(first.found.slice(1, 3));
  const last = second.found.at(-1);
  expect(await page(`?discrepancy=${last?.id ?? 0}`)).toEqual({ found: [last], next: null });
  expect(pointersOf(await operator(stack.get(), `${path}?after=17&limit=0`))).toEqual(["/after", "/limit"]);
});

test("a sale that is over is settled by cron, and its report can be had as JSON, CSV and a page", async () => {
  const sale = await createSale(stack.get(), {
    id: `t-${randomUUID().slice(0, 13)}`,
    opensAt: at(-120_000),
    closesAt: at(-61_000),
  });
  const path = `/sales/${sale}/settlement`;
  await until(
    async () => {
      await stack.get().cron();
      return await operator(stack.get(), path);
    },
    ({ status }) => status === 200,
  );
  expect((await operator(stack.get(), path)).json).toMatchObject({
    items: [{ sku: "shoe", stock: 10, sold: 0, unsold: 10 }],
    money: { captured: 0 },
  });
  expect((await operator(stack.get(), `${path}?format=csv`)).headers.get("content-type")).toContain(
    "text/csv",
  );
  expect((await operator(stack.get(), `${path}?format=html`)).headers.get("content-type")).toContain(
    "text/html",
  );
  expect((await operator(stack.get(), `${path}?format=pdf`)).status).toBe(422);
});
