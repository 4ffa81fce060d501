/** What the client never sends: raw requests, well-formed and not. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { startStack, type Stack } from "./setup.ts";

let stack: Stack;
beforeAll(async () => {
  stack = await startStack({ connectionsMax: 2 });
});
afterAll(() => stack.stop());

const select = (query: string, params: unknown[] = []) => JSON.stringify({ query, params });

test("a request without a connection string is refused with 400", async () => {
  const response = await fetch(stack.gateway.url, { method: "POST", body: select("select 1") });
  expect(response.status).toBe(400);
  expect(await response.json()).toMatchObject({ message: "invalid header: neon-connection-string" });
});

test.for([
  ["not a url", "invalid connection string"],
  ["https://user:x@localhost/postgres", "incorrect scheme"],
  ["postgresql://localhost/postgres", "missing username"],
  ["postgresql://user:x@localhost", "missing database name"],
  ["postgresql://us%zz:x@localhost/postgres", "invalid connection string"],
] as const)("the connection string %s is refused with 400", async ([header, message]) => {
  const response = await stack.post(select("select 1"), { "Neon-Connection-String": header });
  expect(response.status).toBe(400);
  expect(await response.json()).toMatchObject({ message });
});

test.for([
  "{",
  "",
  "[]",
  '"text"',
  "{}",
  '{"query":1}',
  '{"query":"select 1","params":{}}',
  '{"queries":[{}]}',
])("the body %s is refused with 400", async (body) => {
  const response = await stack.post(body);
  expect(response.status).toBe(400);
  expect(await response.json()).toMatchObject({
    message: expect.stringMatching(/^could not parse the HTTP request body/) as string,
  });
});

test("an unknown isolation level is refused with 400", async () => {
  const response = await stack.post('{"queries":[]}', { "Neon-Batch-Isolation-Level": "Snapshot" });
  expect(response.status).toBe(400);
  expect(await response.json()).toMatchObject({ message: "invalid isolation level" });
});

test("an unknown path is 404, a wrong method 405", async () => {
  const origin = new URL(stack.gateway.url).origin;
  expect((await fetch(`${origin}/sqll`, { method: "POST" })).status).toBe(404);
  expect((await fetch(`${origin}/`)).status).toBe(404);
  const response = await fetch(stack.gateway.url);
  expect(response.status).toBe(405);
  expect(response.headers.get("allow")).toBe("POST");
});

test("a body over 64 MB is refused with 413, one just under it is taken", async () => {
  const bytesMax = 64 * 1024 * 1024;
  const frame = select("select length($1)::int as n", [""]).length;
  const body = (bytes: number) => select("select length($1)::int as n", ["x".repeat(bytes - frame)]);
  const over = await stack.post(body(bytesMax + 1));
  expect(over.status).toBe(413);
  expect(await over.json()).toMatchObject({ message: `request is too large (max is ${bytesMax} bytes)` });
  const under = await stack.post(body(bytesMax));
  expect(under.status).toBe(200);
  expect(await under.json()).toMatchObject({ rows: [{ n: bytesMax - frame }] });
});

test("an answer over 64 MB is refused with 507, and a batch with one is rolled back", async () => {
  const large = "select repeat('x', 1048576) from generate_series(1, 65)";
  const response = await stack.post(select(large));
  expect(response.status).toBe(507);
  expect(await response.json()).toMatchObject({ message: "response is too large (max is 67108864 bytes)" });
  const batch = { queries: [{ query: "create table too_much (x int)" }, { query: large }] };
  expect((await stack.post(JSON.stringify(batch))).status).toBe(507);
  expect(await stack.behind("select to_regclass('too_much') as found")).toEqual([{ found: null }]);
  expect((await stack.post(select("select 1"))).status).toBe(200);
});

test("JSON parameters become what PostgreSQL reads", async () => {
  const params = [
    true,
    1.5,
    null,
    { a: 'x"' },
    [1, null, "a,b", 'q"\\', [2]].slice(0, 4),
    [[1], [2]],
    [{ b: 1 }],
  ];
  const types = ["boolean", "float8", "text", "jsonb", "text[]", "int[]", "jsonb[]"];
  const columns = types.map((type, i) => `to_json($${i + 1}::${type}) as c${i}`);
  const response = await stack.post(select(`select ${columns.join(", ")}`, params));
  const { rows } = (await response.json()) as { rows: unknown[] };
  expect(rows).toEqual([
    {
      c0: true,
      c1: 1.5,
      c2: null,
      c3: { a: 'x"' },
      c4: ["1", null, "a,b", 'q"\\'],
      c5: [[1], [2]],
      c6: [{ b: 1 }],
    },
  ]);
});

test("without Neon-Raw-Text-Output plain values become JSON, with it they stay text", async () => {
  const query = select(`select 1::int2 as a, 2::int8 as b, 1.5::float8 as c, 'NaN'::float8 as d, true as e,
    '{"x":1}'::json as f, null::int as g, '2026-11-24'::date as h, 1.10::numeric as i, '{1}'::int[] as j`);
  const text = {
    a: "1",
    b: "2",
    c: "1.5",
    d: "NaN",
    e: "t",
    f: '{"x":1}',
    g: null,
    h: "2026-11-24",
    i: "1.10",
    j: "{1}",
  };
  const plain = await stack.post(query);
  expect(await plain.json()).toMatchObject({ rows: [{ ...text, a: 1, c: 1.5, e: true, f: { x: 1 } }] });
  const raw = await stack.post(query, { "Neon-Raw-Text-Output": "true" });
  expect(await raw.json()).toMatchObject({ rowAsArray: false, rows: [text] });
});

test("a statement's own arrayMode goes before Neon-Array-Mode", async () => {
  const queries = [{ query: "select 1 as a" }, { query: "select 2 as a", arrayMode: false }];
  const response = await stack.post(JSON.stringify({ queries }), { "Neon-Array-Mode": "true" });
  expect(await response.json()).toMatchObject({ results: [{ rows: [[1]] }, { rows: [{ a: 2 }] }] });
});

test("a batch is answered with the transaction modes it ran in", async () => {
  const response = await stack.post('{"queries":[]}', {
    "Neon-Batch-Isolation-Level": "Serializable",
    "Neon-Batch-Read-Only": "true",
    "Neon-Batch-Deferrable": "false",
  });
  expect(await response.json()).toEqual({ results: [] });
  expect(response.headers.get("neon-batch-isolation-level")).toBe("Serializable");
  expect(response.headers.get("neon-batch-read-only")).toBe("true");
  expect(response.headers.has("neon-batch-deferrable")).toBe(false);
});
