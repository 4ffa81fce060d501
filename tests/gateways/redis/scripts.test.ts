/** Scripts with Upstash's first line, on a Redis that rejects it. */
import { createHash } from "node:crypto";
import { expect, test } from "vitest";
import { withoutKeyLocking } from "../../../dev/redis/scripts.ts";
import { freshKey, startHarness } from "./harness.ts";

const { gateway, ask } = await startHarness();
/** A script nobody has sent yet. */
const freshScript = (line = "#!lua flags=allow-key-locking") => `${line}\nreturn '${freshKey()}'`;
const sha1 = (text: string) => createHash("sha1").update(text).digest("hex");
const noScript = { status: 400, body: { error: expect.stringMatching(/^NOSCRIPT /) as string } };

test("stock Redis rejects the line, the gateway does not", async () => {
  await expect(gateway.redis.command("EVAL", freshScript(), 0)).rejects.toThrow("Unexpected flag");
  expect((await ask("/", ["EVAL", freshScript(), 0])).status).toBe(200);
});

test("EVALSHA takes the hash of the script as the client has it, in any case", async () => {
  const script = freshScript();
  expect(await ask("/", ["EVALSHA", sha1(script), 0])).toMatchObject(noScript);
  await ask("/", ["EVAL", script, 0]);
  expect((await ask("/", ["EVALSHA", sha1(script), 0])).status).toBe(200);
  expect((await ask("/", ["evalsha", sha1(script).toUpperCase(), 0])).status).toBe(200);
});

test("SCRIPT LOAD answers the hash of the script as the client has it, and SCRIPT EXISTS knows it", async () => {
  const script = freshScript();
  expect((await ask("/", ["SCRIPT", "LOAD", script])).body).toEqual({ result: sha1(script) });
  expect((await ask("/", ["SCRIPT", "EXISTS", sha1(script), sha1("other")])).body).toEqual({
    result: [1, 0],
  });
  expect((await ask("/", ["EVALSHA", sha1(script), 0])).status).toBe(200);
});

test("after SCRIPT FLUSH the script is unknown until it is sent again", async () => {
  const script = freshScript();
  await ask("/", ["SCRIPT", "LOAD", script]);
  await ask("/", ["SCRIPT", "FLUSH"]);
  expect(await ask("/", ["EVALSHA", sha1(script), 0])).toMatchObject(noScript);
  await ask("/", ["EVAL", script, 0]);
  expect((await ask("/", ["EVALSHA", sha1(script), 0])).status).toBe(200);
});

test("scripts work the same in pipelines and transactions", async () => {
  const script = freshScript();
  for (const path of ["/pipeline", "/multi-exec"]) {
    await ask("/", ["SCRIPT", "FLUSH"]);
    const { body } = await ask(path, [
      ["EVALSHA", sha1(script), 0],
      ["EVAL", script, 0],
      ["EVALSHA", sha1(script), 0],
    ]);
    expect(body).toEqual([
      { error: expect.stringMatching(/^NOSCRIPT /) as string },
      { result: expect.any(String) as string },
      { result: expect.any(String) as string },
    ]);
  }
});

test("a script's error is an error, and its line is the line in the file", async () => {
  const script = "#!lua flags=allow-key-locking\n\nlocal x = nil + 1";
  expect(await ask("/", ["EVAL", script, 0])).toMatchObject({
    status: 400,
    body: { error: expect.stringContaining("user_script:3:") as string },
  });
  expect((await ask("/", ["EVAL", "return redis.error_reply('SOLD out')", 0])).body).toEqual({
    error: "SOLD out",
  });
});

test("other flags stay, other scripts are left alone", () => {
  expect(withoutKeyLocking("#!lua flags=allow-key-locking\nreturn 1")).toBe("\nreturn 1");
  expect(withoutKeyLocking("#!lua flags=no-writes,allow-key-locking\nreturn 1")).toBe(
    "#!lua flags=no-writes\nreturn 1",
  );
  for (const text of [
    "return 1",
    "#!lua flags=no-writes\nreturn 1",
    "-- #!lua flags=allow-key-locking",
    "",
  ]) {
    expect(withoutKeyLocking(text)).toBe(text);
  }
});

test("flags that stay are obeyed", async () => {
  const script = "#!lua flags=no-writes,allow-key-locking\nreturn redis.call('SET', KEYS[1], 1)";
  expect(await ask("/", ["EVAL", script, 1, freshKey()])).toMatchObject({
    status: 400,
    body: { error: expect.stringContaining("read-only script") as string },
  });
});
