/** An operator's way through a sale, from outside: looked up, defined anew, opened, paused, closed, searched, exported. */
import { randomUUID } from "node:crypto";
import { afterEach, describe, expect, test } from "vitest";
import { z } from "zod";
import {
  ask,
  at,
  createSale,
  newAddress,
  operator,
  pointersOf,
  saleInput,
  shoe,
  shopperInside,
  storeOrders,
  until,
  withStack,
} from "./harness.ts";
import { signedIn } from "../console/client.ts";

const stack = withStack();
const HOUR = 3_600_000;
/** After this order, the 10,000th of `storeOrders`, the third page of a file begins. */
const LAST_OF_SECOND_PAGE = "00000000-0000-0000-0000-000000002710";
const later = { opensAt: at(HOUR), closesAt: at(2 * HOUR) };
const csvOf = (path: string) =>
  fetch(`${stack.get().url}/api/admin${path}`, {
    headers: { authorization: `Bearer ${stack.get().adminToken}`, "cf-connecting-ip": newAddress() },
  });

test("a sale is read, changed until its line opens, opened, paused, resumed and closed, all of it in the audit log", async () => {
  const input = saleInput(later);
  await operator(stack.get(), "/sales", { body: input });
  const path = `/sales/${input.id}`;
  const act = (verb: string, body: object = {}) => operator(stack.get(), `${path}/${verb}`, { body });
  const put = (body: object) => operator(stack.get(), path, { method: "PUT", body });

  expect(await operator(stack.get(), path)).toMatchObject({
    status: 200,
    json: {
      sale: { id: input.id, releaseSize: 100 },
      state: { phase: "scheduled", redis: "same", epoch: 1 },
    },
  });
  expect(await act("close")).toMatchObject({ status: 409, type: "not_open" });
  expect(await put({ ...input, name: "Another", reason: "a typo" })).toMatchObject({
    status: 200,
    json: { name: "Another", phase: "scheduled" },
  });
  expect((await ask(stack.get(), `/api/sales/${input.id}`)).json["name"]).toBe("Another");
  expect(pointersOf(await put({ ...input, id: "other" }))).toEqual(["/id"]);
  expect(pointersOf(await put({ ...input, items: [shoe({ stock: 11 })], closesAt: at(0), more: 1 }))).toEqual(
    expect.arrayContaining(["/more"]),
  );
  expect(pointersOf(await put({ ...input, items: [shoe({ stock: 11 })] }))).toEqual(["/items/0/stock"]);

  expect(await act("open", { reason: "everybody is here" })).toMatchObject({
    status: 200,
    json: { phase: "open" },
  });
  expect(await act("open")).toMatchObject({ status: 200, json: { phase: "open" } });
  expect(await put(input)).toMatchObject({ status: 409, type: "line_open" });
  expect(await act("pause", { reason: "the till" })).toMatchObject({ status: 200, json: { mode: "hold" } });
  expect(await act("resume")).toMatchObject({ status: 200, json: { mode: "normal" } });
  expect(pointersOf(await act("pause", { why: "x" }))).toEqual(["/why"]);
  expect(await act("close", { reason: "enough" })).toMatchObject({ status: 200, json: { phase: "closed" } });
  expect(await act("close")).toMatchObject({ status: 200, json: { phase: "closed" } });
  expect(await act("open")).toMatchObject({ status: 409, type: "sale_ended" });
  expect(await act("pause")).toMatchObject({ status: 409, type: "sale_ended" });

  const log = await until(
    () => operator(stack.get(), `/audit-log?sale=${input.id}`),
    ({ json }) => z.array(z.unknown()).parse(json["entries"]).length === 6,
  );
  const entries = z.array(z.object({ id: z.number(), action: z.string() })).parse(log.json["entries"]);
  expect(entries.map(({ action }) => action).sort()).toEqual([
    "close",
    "create",
    "open",
    "pause",
    "resume",
    "update",
  ]);
  const rest = await operator(
    stack.get(),
    `/audit-log?sale=${input.id}&before=${entries[1]?.id ?? 0}&limit=2`,
  );
  expect(rest.json["entries"]).toMatchObject(entries.slice(2, 4));
});

test("everything of it is the operator's alone, and of a sale that there is", async () => {
  const sale = await createSale(stack.get(), later);
  for (const [method, path] of [
    ["GET", ""],
    ["PUT", ""],
    ["POST", "/open"],
    ["POST", "/close"],
    ["POST", "/pause"],
    ["POST", "/resume"],
    ["GET", "/reservations"],
    ["GET", "/orders?format=csv"],
  ] as const) {
    const body = method === "PUT" ? saleInput({ id: "no-such-sale" }) : {};
    const call = { method, ...(method === "GET" ? {} : { body }) };
    const unknown = await operator(stack.get(), `/sales/no-such-sale${path}`, call);
    expect([path, unknown.status]).toEqual([path, 404]);
    expect((await operator(stack.get(), `/sales/${sale}${path}`, { ...call, token: "no" })).status).toBe(401);
  }
  expect((await operator(stack.get(), "/audit-log", { token: "no" })).status).toBe(401);
});

test("reservations are found by id, shopper and state, in pages; orders go out as CSV, all of them", async () => {
  const sale = await createSale(stack.get(), { items: [shoe({ stock: 50 })] });
  const ids: string[] = [];
  for (let i = 0; i < 3; i++) {
    const someone = await shopperInside(stack.get(), sale);
    const id = randomUUID();
    ids.push(id);
    await someone.reserve(id, [{ sku: "shoe", quantity: 2 }]);
    if (i < 2) expect((await someone.checkout(id)).status).toBe(200);
  }
  ids.sort();
  const path = `/sales/${sale}/reservations`;
  const list = async (query: string) => {
    const { json } = await operator(stack.get(), `${path}${query}`);
    return z
      .array(z.object({ id: z.string(), shopper: z.string(), number: z.number(), state: z.string() }))
      .parse(json["reservations"]);
  };
  const all = await until(
    () => list(""),
    (found) => found.filter(({ state }) => state === "confirmed").length === 2 && found.length === 3,
  );
  expect(all.map(({ id }) => id)).toEqual(ids);
  expect((await list(`?limit=1&after=${ids[0] ?? ""}`)).map(({ id }) => id)).toEqual([ids[1]]);
  expect(await list("?state=held")).toHaveLength(1);
  expect(await list(`?id=${ids[2] ?? ""}`)).toEqual([all[2]]);
  expect(await list(`?shopper=${all[1]?.shopper ?? ""}`)).toEqual([all[1]]);
  const one = all[0];
  expect(await list(`?number=${one?.number ?? 0}`)).toEqual([one]);
  expect(pointersOf(await operator(stack.get(), `${path}?state=lost&number=x`))).toEqual([
    "/number",
    "/state",
  ]);

  const answer = await csvOf(`/sales/${sale}/orders?format=csv&limit=1`);
  expect(answer.headers.get("content-type")).toBe("text/csv; charset=utf-8");
  const [head, ...rows] = (await answer.text()).trimEnd().split("\r\n");
  expect(head).toBe("order,shopper,number,lines,total,currency,confirmedAt,refundedAt");
  expect(rows).toHaveLength(2);
  expect(rows[0]).toMatch(/,2 shoe,0,EUR,20\d\d-[^,]+,$/);
});

describe("an export that Postgres fails", () => {
  afterEach(() => stack.get().neon.faults.clear());

  test("on its third page: the body breaks off, of the API's file and of the console's", async () => {
    const sale = await createSale(stack.get());
    await storeOrders(stack.get(), sale, 10_001);
    const ann = await signedIn(stack.get());
    const files = [`/api/admin/sales/${sale}/orders?format=csv`, `/admin/sales/${sale}/orders.csv`];
    const read = (path: string) =>
      fetch(stack.get().url + path, {
        headers: { authorization: `Bearer ${stack.get().adminToken}`, cookie: ann.cookie },
      });
    for (const path of files) {
      const whole = await read(path);
      expect((await whole.text()).trimEnd().split("\r\n")).toHaveLength(10_002);
    }
    stack.get().neon.faults.add({ kind: "error", match: LAST_OF_SECOND_PAGE });
    for (const path of files) {
      const broken = await read(path);
      expect(broken.status).toBe(200);
      await expect(broken.text()).rejects.toThrow("terminated");
    }
  });

  test.each([
    ["orders", "orders?format=csv", "from orders"],
    ["registrations", "registrations.csv", "from registrations"],
  ])("from the first page on, of %s: 503, and no file", async (_, file, match) => {
    const sale = await createSale(stack.get());
    stack.get().neon.faults.add({ kind: "error", match });
    const answer = await csvOf(`/sales/${sale}/${file}`);
    expect([answer.status, answer.headers.get("content-disposition")]).toEqual([503, null]);
    expect(answer.headers.get("retry-after")).not.toBeNull();
    expect(await answer.json()).toMatchObject({ type: "unavailable" });
  });
});
