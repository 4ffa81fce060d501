import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { gzipSync } from "node:zlib";
import { ESLint } from "eslint";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { buildWorker, type Bundle } from "../../dev/workers/build.ts";

let folder: string;
let edge: Bundle;
let functions: Bundle;

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "flash-sale-build-"));
  [edge, functions] = await Promise.all([
    buildWorker("edge", path.join(folder, "edge")),
    buildWorker("functions", path.join(folder, "functions")),
  ]);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

describe("`wrangler deploy --dry-run`", () => {
  test("builds the edge, in 100 KB compressed at most, without a data client or the schemas", () => {
    const script = edge.modules[0]?.contents ?? "";
    expect(gzipSync(script).byteLength).toBeLessThan(100 * 1024);
    expect(script).not.toMatch(/upstash|neondatabase|ZodError/i);
  });

  test("builds the functions, with every script and statement as a text module", () => {
    const names = functions.modules.map((module) => module.path.replace(/^[0-9a-f]{40}-/, ""));
    expect(names).toEqual(
      expect.arrayContaining(["index.js", "reserve.lua", "confirm.lua", "join.lua", "apply.sql"]),
    );
  });
});

describe("the layer rules are errors", () => {
  const lint = async (filePath: string, code: string) => {
    // Under CI=true the typed parser would read the file from disk, and not see the text given here.
    const parserOptions = { disallowAutomaticSingleRunInference: true };
    const eslint = new ESLint({ overrideConfig: { languageOptions: { parserOptions } } });
    const [result] = await eslint.lintText(code, { filePath });
    return result?.messages.map(({ ruleId }) => ruleId) ?? [];
  };
  test.each([
    ["workers/index.ts", 'import { Redis } from "@upstash/redis";\nexport default Redis;\n'],
    ["workers/index.ts", 'import { drain } from "../functions/sync/sync.ts";\nexport default drain;\n'],
    ["functions/queue/queue.ts", 'import { Hono } from "hono";\nexport default Hono;\n'],
    ["domain/sale.ts", 'import { neon } from "@neondatabase/serverless";\nexport default neon;\n'],
  ])("%s: %s", async (filePath, code) => {
    expect(await lint(filePath, code)).toContain("no-restricted-imports");
  });

  test("functions besides the entry do not speak HTTP", async () => {
    expect(await lint("functions/queue/queue.ts", 'export default new Response("");\n')).toContain(
      "no-restricted-globals",
    );
  });
});
