/** `npm run bench` as its users call it. */
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { z } from "zod";

const root = path.resolve(import.meta.dirname, "../..");
const bench = (...args: string[]) =>
  spawnSync(process.execPath, ["bench/main.ts", ...args], { cwd: root, encoding: "utf8", timeout: 120_000 });

const spread = z.object({ low: z.number(), median: z.number().positive(), high: z.number() });
const results = z.object({
  date: z.iso.datetime(),
  commit: z.string().regex(/^[0-9a-f]{7,}\+?$/),
  machine: z.object({ processor: z.string(), cores: z.number(), redis: z.string() }).loose(),
  quick: z.literal(true),
  rows: z.array(
    z.object({
      row: z.string(),
      figures: z.array(z.object({ what: z.string(), value: spread, ratio: spread.optional() })),
      raw: z.record(z.string(), z.record(z.string(), z.array(z.number()))),
    }),
  ),
});

// Each test starts a process that loads all rows.
describe("npm run bench", { timeout: 120_000 }, () => {
  test("refuses a row that there is not, in one line that names those there are", () => {
    const { status, stdout, stderr } = bench("--only", "edge", "nonsense");
    expect(status).toBe(2);
    expect(stdout).toBe("");
    expect(stderr).toMatch(/^error: there is no row "nonsense"; there are: edge, .*race.*\n$/);
  });

  test.each([["--rounds", "none"], ["--rounds", "0"], ["--fast"], ["edge"]])(
    "refuses %s %s without a stack",
    (...args) => {
      const { status, stderr } = bench(...args);
      expect(status).toBe(2);
      expect(stderr).toMatch(/^error: .*\n$/);
    },
  );

  test("helps", () => {
    const { status, stdout } = bench("--help");
    expect(status).toBe(0);
    expect(stdout).toMatch(/--quick[^]*Rows:\n {2}edge [^]*Exit code/);
  });

  test("measures a quick row for real, and writes each round down", () => {
    const { stdout, stderr } = bench("--only", "gateway", "--quick", "--rounds", "2", "--json");
    const said = results.parse(JSON.parse(stdout));
    const [gateway] = said.rows;
    expect(gateway?.row).toBe("gateway");
    expect(gateway?.figures.map(({ what }) => what)).toContain("call");
    expect(gateway?.raw["gateway"]?.["perSecond"]).toHaveLength(2);
    const file = /written to (\S+\.json)\n$/.exec(stderr)?.[1] ?? "";
    expect(JSON.parse(readFileSync(path.join(root, file), "utf8"))).toMatchObject({ date: said.date });
  });
});
