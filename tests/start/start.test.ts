import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import path from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { freePort } from "../../dev/port.ts";
import { until } from "../http/harness.ts";

const script = path.resolve(import.meta.dirname, "../../dev/start.ts");
const started: ChildProcess[] = [];
afterEach(() => {
  for (const child of started.splice(0)) child.kill("SIGKILL");
});

function start(env: Record<string, string>, args: string[] = []) {
  const child = spawn(process.execPath, [script, ...args], { env: { ...process.env, ...env } });
  started.push(child);
  let said = "";
  for (const stream of [child.stdout, child.stderr])
    stream.on("data", (chunk: Buffer) => (said += chunk.toString()));
  const exit = once(child, "exit").then(([code]) => code as number | null);
  return { child, exit, said: () => said };
}

describe("npm start", () => {
  test("serves a sale that opens a minute later, and Ctrl-C ends everything it started", async () => {
    const port = await freePort();
    const first = start({ PORT: String(port), ADMIN_TOKEN: "a-token-of-the-operator" });
    await until(
      () => Promise.resolve(first.said()),
      (said) => said.includes("Ctrl-C ends everything."),
      60_000,
    );
    const shop = /Shop +(\S+)/.exec(first.said())?.[1] ?? "";
    expect(shop).toMatch(new RegExp(`^http://localhost:${port}/sales/demo-`));
    expect(first.said()).toContain("a-token-of-the-operator");
    const page = await fetch(shop);
    expect([page.status, await page.text()]).toEqual([200, expect.stringContaining("Halcyon One")]);

    const second = start({ PORT: String(port) });
    expect(await second.exit).toBe(1);
    expect(second.said()).toMatch(
      new RegExp(`^Port ${port} is taken by .+ \\(pid ${first.child.pid}\\). Set PORT to another one.$`, "m"),
    );

    const gateways = [...first.said().matchAll(/http:\/\/127\.0\.0\.1:\d+/g)].map(([url]) => url);
    expect(gateways).toHaveLength(4);
    first.child.kill("SIGINT");
    expect(await first.exit).toBe(0);
    for (const url of [shop, ...gateways]) await expect(fetch(url)).rejects.toThrow();
  });

  test.each([
    [{ PORT: "eighty" }, 'PORT must be a number from 1 to 65535, not "eighty".'],
    [{ ADMIN_TOKEN: "short" }, "ADMIN_TOKEN must have 16 characters or more."],
    [
      { REDIS_SERVER: "/nowhere/redis-server" },
      "REDIS_SERVER=/nowhere/redis-server is not an executable file",
    ],
    [{ DATABASE_URL: "postgresql://nobody:wrong@127.0.0.1:9/none" }, "DATABASE_URL"],
    [{ DATABASE_URL: "foo" }, "DATABASE_URL is no address such as postgresql://user:password@host/database."],
  ])("with %o it says in one line what is wrong", async (env, line) => {
    const { exit, said } = start({ PORT: String(await freePort()), ...env });
    expect(await exit).toBe(1);
    const complaint = said()
      .trim()
      .split("\n")
      .filter((text) => !/^(Starting| {2})/.test(text));
    expect(complaint).toHaveLength(1);
    expect(complaint[0]).toContain(line);
  });

  test("what it does not know is refused in one line, and nothing starts", async () => {
    const { exit, said } = start({ PORT: String(await freePort()) }, ["--foo"]);
    expect([await exit, said()]).toEqual([
      2,
      "error: --foo is not understood: npm start takes no arguments. See --help.\n",
    ]);
  });

  test("--help says what can be set", async () => {
    const { exit, said } = start({}, ["--help"]);
    expect(await exit).toBe(0);
    for (const name of ["PORT", "ADMIN_TOKEN", "DATABASE_URL", "REDIS_SERVER", "BOT_CHECK", "VIEWER_TOKEN"])
      expect(said()).toContain(name);
  });
});
