/** `npm run deploy`, as far as it goes without an account; and each of its checks where it finds something. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, afterEach, describe, expect, test } from "vitest";
import { checkConfiguration, checkSecrets, readConfigs } from "../../dev/deploy/configuration.ts";
import { checkHealth } from "../../dev/deploy/health.ts";
import { withStack } from "../http/harness.ts";

const script = path.resolve(import.meta.dirname, "../../dev/deploy/main.ts");
// Where nobody has logged in.
const home = mkdtempSync(path.join(tmpdir(), "flash-sale-home-"));
afterAll(() => rmSync(home, { recursive: true, force: true }));

function run(...args: string[]) {
  const ours = new Set(["CLOUDFLARE_API_TOKEN", "CLOUDFLARE_API_KEY", "DATABASE_URL"]);
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !ours.has(name)));
  const { status, stdout, stderr } = spawnSync(process.execPath, [script, ...args], {
    env: { ...env, HOME: home, XDG_CONFIG_HOME: home },
    encoding: "utf8",
  });
  return { status, stdout, stderr };
}

test("shards that would be far from Redis are found before anything is deployed", () => {
  const near = (region: string, hint: string) => {
    const configs = readConfigs();
    configs.functions.placement = { region };
    configs.functions.vars.JOIN_SHARDS_NEAR = hint;
    return checkConfiguration(configs).some(
      ({ state, line }) => state === "wrong" && line.includes("JOIN_SHARDS_NEAR"),
    );
  };
  expect(near("aws:eu-central-1", "weur")).toBe(false);
  expect(near("aws:eu-central-1", "oc")).toBe(true);
  expect(near("aws:us-west-2", "weur")).toBe(true);
  expect(near("aws:us-east-1", "enam")).toBe(false);
});

test.each(["edge", "functions"] as const)(
  "tokens that the %s Worker's log would show are found before anything is deployed",
  (role) => {
    const configs = readConfigs();
    const told = () => checkConfiguration(configs).filter(({ line }) => line.includes("redact_query_string"));
    expect(told()).toEqual([]);
    configs[role].observability.redact_query_string = false;
    expect(told()).toMatchObject([{ state: "wrong" }]);
  },
);

describe("npm run deploy", () => {
  test("--dry-run checks the configuration and builds both, without an account", () => {
    const { status, stdout, stderr } = run("--dry-run");
    expect([status, stderr]).toEqual([0, ""]);
    expect(stdout).toMatch(
      /✓ the functions Worker builds: \d+ KB\n✓ the edge Worker builds: \d+ KB\n✓ nothing was deployed/,
    );
    expect(stdout).not.toContain("✗");
  });

  test("without a login it ends with one line that says so, and nothing is deployed", () => {
    const { status, stdout, stderr } = run();
    expect([status, stderr]).toEqual([1, ""]);
    expect(stdout.match(/^✗.*$/gm)).toEqual([
      expect.stringMatching(/not logged in at Cloudflare: npx wrangler login/),
    ]);
    expect(stdout).not.toContain("is deployed");
  });

  test("what is not understood is 2", () => {
    expect(run("--dryrun")).toMatchObject({
      status: 2,
      stdout: "",
      stderr: expect.stringMatching(/^error: /) as string,
    });
  });
});

describe("the configuration", () => {
  const { edge, functions } = readConfigs();
  const wrong = (findings: { state: string; line: string }[]) =>
    findings.filter(({ state }) => state === "wrong").map(({ line }) => line);

  test("of this project is right", () => {
    expect(wrong(checkConfiguration({ edge, functions }))).toEqual([]);
  });

  test.each([
    ["FUNCTIONS is not bound", { edge: { ...edge, services: [] } }],
    ["compatibility_date is", { edge: { ...edge, compatibility_date: "2026-01-01" } }],
    ["public address", { functions: { ...functions, workers_dev: true } }],
    ["public address", { functions: { ...functions, routes: ["shop.example/*"] } }],
    ["not placed", { functions: { ...functions, placement: undefined } }],
    ["cron does not run", { functions: { ...functions, triggers: { crons: ["0 * * * *"] } } }],
  ])("%s: one line, with the file", (line, changed) => {
    const lines = wrong(checkConfiguration({ edge, functions, ...changed }));
    expect(lines).toHaveLength(1);
    expect(lines[0]).toContain(line);
  });

  test("each secret that is missing is named with the command that sets it", () => {
    const all = [
      "UPSTASH_REDIS_REST_URL",
      "UPSTASH_REDIS_REST_TOKEN",
      "DATABASE_URL",
      "TOKEN_KEYS",
      "IDENTITY_SECRET",
    ];
    expect(wrong(checkSecrets("functions", functions, all))).toEqual([
      "the functions Worker has no secret ADMIN_TOKEN: npx wrangler secret put ADMIN_TOKEN -c functions/wrangler.toml",
    ]);
    expect(wrong(checkSecrets("edge", edge, []))).toHaveLength(2);
    const free = checkSecrets("functions", functions, [...all, "ADMIN_TOKEN"]);
    expect(free.map(({ state }) => state)).toEqual(["ok", "note"]);
  });
});

describe("what is deployed", () => {
  const stack = withStack();
  afterEach(() => {
    stack.get().redis.faults.clear();
    stack.get().neon.faults.clear();
  });

  test("reaches its stores, or the one it does not reach is named", async () => {
    expect(await checkHealth(stack.get().url, 0)).toMatchObject([{ state: "ok" }]);
    stack.get().neon.faults.add({ kind: "cut" });
    expect(await checkHealth(stack.get().url, 0)).toMatchObject([
      { state: "wrong", line: expect.stringContaining("Postgres: look at DATABASE_URL") as string },
    ]);
    stack.get().redis.faults.add({ kind: "cut" });
    expect((await checkHealth(stack.get().url, 0)).map(({ line }) => line)).toEqual([
      expect.stringContaining("do not reach Redis"),
      expect.stringContaining("do not reach Postgres"),
    ]);
  });

  test("is waited for, and when nothing answers that is said", async () => {
    expect(await checkHealth("http://127.0.0.1:9", 1_500)).toMatchObject([
      { state: "wrong", line: expect.stringContaining("does not answer") as string },
    ]);
  });
});
