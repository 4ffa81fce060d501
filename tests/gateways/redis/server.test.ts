/** The Redis process: found, started, and never left behind. */
import { fork } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { connect } from "node:net";
import { dirname } from "node:path";
import { expect, test, vi } from "vitest";
import { findRedisBinary, MissingBinary } from "../../../dev/redis/binary.ts";
import { startRedisServer } from "../../../dev/redis/server.ts";

const child = new URL("orphan.ts", import.meta.url);

test("REDIS_SERVER goes before the PATH, redis-server before valkey-server", () => {
  expect(findRedisBinary({ REDIS_SERVER: process.execPath, PATH: process.env.PATH })).toBe(process.execPath);
  expect(findRedisBinary()).toMatch(/\/(redis|valkey)-server$/);
});

test.each([
  ["nothing on the PATH", { PATH: "/nonexistent" }, "redis-server is missing"],
  ["no PATH", {}, "redis-server is missing"],
  ["a REDIS_SERVER that does not exist", { ...process.env, REDIS_SERVER: "/none" }, "REDIS_SERVER=/none"],
  ["a REDIS_SERVER that is a folder", { REDIS_SERVER: dirname(process.execPath) }, "is not an executable"],
])("with %s, one line says what is missing and how to get it", (_, env, message) => {
  const find = () => findRedisBinary(env);
  expect(find).toThrow(MissingBinary);
  expect(find).toThrow(message);
  expect(find).toThrow(/^[^\n]*apt-get install redis-server[^\n]*brew install redis[^\n]*REDIS_SERVER=path$/);
});

test("a program that is no Redis is an error that shows what it said", async () => {
  vi.stubEnv("REDIS_SERVER", process.execPath);
  await expect(startRedisServer()).rejects.toThrow(/did not start: .*bad option/);
  vi.unstubAllEnvs();
});

test("a stopped Redis leaves no process and no files, and can be stopped again", async () => {
  const redis = await startRedisServer();
  expect(existsSync(redis.socketPath)).toBe(true);
  await redis.stop();
  expect(existsSync(dirname(redis.socketPath))).toBe(false);
  expect(() => process.kill(redis.pid, 0)).toThrow("ESRCH");
  await redis.stop();
});

test.each(["SIGKILL", "SIGTERM", "SIGINT", "exit"] as const)(
  "Redis ends with its parent: %s",
  async (how) => {
    const parent = fork(child, { execArgv: [] });
    const [{ socketPath }] = (await once(parent, "message")) as [{ socketPath: string }];
    const redis = connect(socketPath);
    await once(redis, "connect");
    if (how === "exit") parent.send("exit");
    else parent.kill(how);
    redis.on("error", () => undefined).resume();
    // Not `once`, which rejects if the connection ends in an error, as it may here.
    await new Promise((resolve) => redis.once("close", resolve));
    await vi.waitFor(() => expect(existsSync(dirname(socketPath))).toBe(false));
  },
);
