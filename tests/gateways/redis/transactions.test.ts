/** /multi-exec: all or nothing, and nothing in between, although all requests share one connection. */
import { expect, test } from "vitest";
import { freshKey, startHarness } from "./harness.ts";

const { ask } = await startHarness();

test("a command that fails while running leaves the others done", async () => {
  const key = freshKey();
  expect(
    (
      await ask("/multi-exec", [
        ["SET", key, "a"],
        ["INCR", key],
        ["GET", key],
      ])
    ).body,
  ).toEqual([
    { result: "OK" },
    { error: expect.stringContaining("not an integer") as string },
    { result: "a" },
  ]);
});

test.each([
  ["is malformed", ["GET"], "wrong number of arguments"],
  ["is unknown", ["NOPE"], "unknown command"],
  ["is refused", ["BLPOP", "k", 0], "not available"],
  ["ends the transaction early", ["EXEC"], "not available"],
])("nothing runs if one command %s", async (_, bad, message) => {
  const key = freshKey();
  expect(await ask("/multi-exec", [["SET", key, 1], bad, ["SET", key, 2]])).toMatchObject({
    status: 400,
    body: { error: expect.stringMatching(`^EXECABORT .*${message}`) as string },
  });
  expect((await ask("/", ["EXISTS", key])).body).toEqual({ result: 0 });
});

test("no other request gets between the commands of a transaction", async () => {
  const key = freshKey();
  await ask("/", ["SET", key, 0]);
  const crowd = Array.from({ length: 400 }, (_, i) => {
    if (i % 4 === 0)
      return ask("/multi-exec", [
        ["GET", key],
        ["INCR", key],
        ["INCR", key],
        ["GET", key],
      ]);
    // Bytes take another way to the connection.
    return i % 4 === 1 ? ask(`/append/${key}log`, Buffer.from([i % 256])) : ask("/", ["INCR", key]);
  });
  for (const { body } of await Promise.all(crowd)) {
    if (!Array.isArray(body)) continue;
    const [before, , , after] = body as { result: string }[];
    expect(Number(after?.result) - Number(before?.result)).toBe(2);
  }
});
