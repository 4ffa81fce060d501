/** Faults on order, and the paths through which another process orders them and reads the figures. */
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { failure, startStack, type Stack } from "./setup.ts";

const token = "only-for-this-test";
let stack: Stack;
beforeAll(async () => {
  stack = await startStack({ token });
  await stack.sql`create table effects (name text)`;
});
afterEach(() => stack.gateway.faults.clear());
afterAll(() => stack.stop());

const insert = (name: string) => stack.sql`insert into effects values (${name})`;
const count = async (name: string) =>
  (await stack.behind(`select count(*)::int as n from effects where name = '${name}'`))[0]?.n;

function call(
  method: string,
  path: string,
  body?: unknown,
  bearer: string | undefined = token,
): Promise<Response> {
  return fetch(new URL(path, stack.gateway.url), {
    method,
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    ...(bearer ? { headers: { Authorization: `Bearer ${bearer}` } } : {}),
  });
}

test("a lost answer: the statement took effect and the caller does not know", async () => {
  stack.gateway.faults.add({ kind: "lose_answer", match: "lost", times: 1 });
  expect((await failure(insert("lost"))).message).toContain("Error connecting to database");
  expect(await count("lost")).toBe(1);
  await insert("lost");
  expect(await count("lost")).toBe(2);
});

test("an answer is lost only after the statement took effect, however long that takes", async () => {
  stack.gateway.faults.add({ kind: "lose_answer", times: 1 });
  await failure(stack.sql`insert into effects select 'lost slowly' from pg_sleep(0.3)`);
  expect(await count("lost slowly")).toBe(1);
});

test("a lost answer of a batch: it is committed and the caller does not know", async () => {
  stack.gateway.faults.add({ kind: "lose_answer", times: 1 });
  const batch = stack.sql.transaction([insert("lost batch"), insert("lost batch")]);
  expect((await failure(batch)).message).toContain("Error connecting to database");
  expect(await count("lost batch")).toBe(2);
});

test("a lost answer of a statement that failed is lost as well", async () => {
  stack.gateway.faults.add({ kind: "lose_answer", times: 1 });
  expect((await failure(stack.sql`select 1 / 0`)).message).toContain("Error connecting to database");
});

test("a cut: the caller does not know, and nothing happened", async () => {
  stack.gateway.faults.add({ kind: "cut", times: 1 });
  expect((await failure(insert("cut"))).message).toContain("Error connecting to database");
  expect(await count("cut")).toBe(0);
});

test("an error: the status ordered, and nothing happened", async () => {
  stack.gateway.faults.add({ kind: "error", status: 502, times: 1 });
  expect((await failure(insert("error"))).message).toMatch(/HTTP status 502.*injected fault/);
  stack.gateway.faults.add({ kind: "error", status: 400, times: 1 });
  expect(await failure(insert("error"))).toMatchObject({ name: "NeonDbError", message: "injected fault" });
  expect(await count("error")).toBe(0);
});

test("a delay: late, but as usual", async () => {
  stack.gateway.faults.add({ kind: "delay", delayMs: 200, times: 1 });
  const began = performance.now();
  await insert("delay");
  expect(performance.now() - began).toBeGreaterThan(190);
  expect(await count("delay")).toBe(1);
});

test("a caller who hangs up during a delay is not executed", async () => {
  stack.gateway.faults.add({ kind: "delay", delayMs: 200, match: "too late" });
  const fetchOptions = { signal: AbortSignal.timeout(50) };
  await failure(stack.sql.query("insert into effects values ('too late')", [], { fetchOptions }));
  await new Promise((resolve) => setTimeout(resolve, 300));
  expect(await count("too late")).toBe(0);
});

test("a refused request does not use up a fault", async () => {
  stack.gateway.faults.add({ kind: "cut", times: 1 });
  expect((await stack.post("{")).status).toBe(400);
  expect((await stack.post('{"query":"select 1"}', { "Neon-Connection-String": "x" })).status).toBe(400);
  expect(stack.gateway.faults.list()).toHaveLength(1);
});

test("the figures count requests and statements", async () => {
  const before = stack.gateway.stats();
  await stack.sql`select 1`;
  await stack.sql.transaction([stack.sql`select 1`, stack.sql`select 2`]);
  const after = { requests: before.requests + 2, queries: before.queries + 3 };
  expect(stack.gateway.stats()).toEqual(after);
  expect(await (await call("GET", "/_gateway/stats")).json()).toEqual(after);
});

test("faults are ordered, listed and cleared by another process", async () => {
  const ordered = await call("POST", "/_gateway/faults", { kind: "cut", match: "remote", times: 1 });
  expect(ordered.status).toBe(200);
  const rule = { kind: "cut", match: "remote", times: 1, probability: 1, status: 503, delayMs: 1000 };
  expect(await (await call("GET", "/_gateway/faults")).json()).toEqual([rule]);
  await failure(insert("remote"));
  expect(await (await call("GET", "/_gateway/faults")).json()).toEqual([]);
  await call("POST", "/_gateway/faults", { kind: "cut" });
  expect(await (await call("DELETE", "/_gateway/faults")).json()).toEqual([]);
  await insert("remote");
});

test("an order that is no fault is refused with 422", async () => {
  expect((await call("POST", "/_gateway/faults", { kind: "explode" })).status).toBe(422);
  expect((await call("POST", "/_gateway/faults", { kind: "cut", surprise: 1 })).status).toBe(422);
  expect((await call("POST", "/_gateway/faults")).status).toBe(422);
  expect((await call("POST", "/_gateway/faults", { kind: "cut", match: "x".repeat(20_000) })).status).toBe(
    422,
  );
  expect((await call("PUT", "/_gateway/faults")).status).toBe(404);
});

test("without the token the gateway's own paths tell nothing", async () => {
  for (const bearer of ["", "wrong"]) {
    for (const [method, path] of [
      ["GET", "stats"],
      ["GET", "faults"],
      ["DELETE", "faults"],
    ] as const) {
      expect((await call(method, `/_gateway/${path}`, undefined, bearer)).status).toBe(401);
    }
    expect((await call("POST", "/_gateway/faults", { kind: "cut" }, bearer)).status).toBe(401);
  }
  expect(stack.gateway.faults.list()).toEqual([]);
});
