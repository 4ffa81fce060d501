/** Whole sales in simulated time: the rules hold, and a seed gives the same history. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import path from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { everything, keep, readKept, written } from "../../bench/simulate/keep.ts";
import { planOf } from "../../bench/simulate/plan.ts";
import { Pool } from "../../bench/simulate/pool.ts";
import { shrink } from "../../bench/simulate/shrink.ts";
import type { Done } from "../../bench/simulate/worker.ts";

const SECONDS = 15;
const SALES = 300;
const SEED = 1;

let pool: Pool | undefined;
beforeAll(async () => {
  pool = await Pool.start(1);
}, 120_000);
afterAll(() => pool?.stop());
const started = (): Pool => {
  if (pool === undefined) throw new Error("only inside a test");
  return pool;
};

/** The command as it is typed; where it is interrupted, by Ctrl-C when it first says how far it is. */
async function simulator(args: string[], isInterrupted = false): Promise<{ code: number; text: string }> {
  const main = path.join(import.meta.dirname, "../../bench/simulate/main.ts");
  const child = spawn(process.execPath, ["--disable-warning=ExperimentalWarning", main, ...args], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  let text = "";
  child.stdout.on("data", (chunk: Buffer) => (text += String(chunk)));
  child.stderr.pipe(process.stderr, { end: false });
  if (isInterrupted) child.stderr.once("data", () => child.kill("SIGINT"));
  const [code] = (await once(child, "close")) as [number];
  return { code, text };
}

test(`the rules hold in up to ${SALES} sales from seed ${SEED} on`, { timeout: 240_000 }, async () => {
  const args = ["--sales", String(SALES), "--seed", String(SEED), "--for", String(SECONDS), "--json"];
  const { code, text } = await simulator(args);
  const result = JSON.parse(text) as { sales: number; orders: number; violated: Done[] };
  process.stdout.write(`simulated ${result.sales} sales from seed ${SEED} on, ${result.orders} orders\n`);
  expect(result.violated.map(({ seed, violations }) => ({ seed, violation: violations[0] }))).toEqual([]);
  expect(code).toBe(0);
  expect(result.orders).toBeGreaterThan(0);
});

test("the verdict is the last line, and which trouble hit what is shown when it is asked for", async () => {
  const sales = ["--sales", "2", "--seed", "1", "--workers", "1"];
  const { code, text } = await simulator(sales);
  expect([code, text.trimEnd().split("\n")]).toEqual([
    0,
    [
      expect.stringMatching(/^Troubles hit \d+ of \d+ cells, .*; --coverage shows each\.$/),
      "All rules held in 2 sales, seeds 1 to 2.",
    ],
  ]);
  const lines = (await simulator([...sales, "--coverage"])).text.trimEnd().split("\n");
  expect(lines.filter((line) => line.startsWith("Not hit: ")).length).toBeGreaterThan(10);
  expect(lines.at(-1)).toBe("All rules held in 2 sales, seeds 1 to 2.");

  const defect = await simulator([...sales, "--defect", "replay-check-off", "--shrink-seconds", "0"]);
  expect(defect.code).toBe(1);
  expect(defect.text.trimEnd().split("\n").at(-1)).toMatch(
    /^1 of 1 sales broke a rule; seed 1 breaks "limit"\.$/,
  );
}, 120_000);

test("who interrupts it reads so at its end, with what held until then", async () => {
  const { code, text } = await simulator(["--sales", "10000", "--seed", "1", "--workers", "1"], true);
  const [interrupted, verdict] = text.trimEnd().split("\n").slice(-2);
  expect(code).toBe(130);
  expect(interrupted).toMatch(/^Interrupted: \d+ of 10000 sales were played\.$/);
  expect(verdict).toMatch(/^All rules held in \d+ sales, seeds 1 to \d+\.$/);
}, 120_000);

test("the same seed gives the same history, whatever came before it", { timeout: 120_000 }, async () => {
  const run = async (seed: number) => (await started().run({ seed, wantsHistory: true })).history;
  const [twelve, eight] = [await run(12), await run(8)];
  expect(twelve?.split("\n").length).toBeGreaterThan(100);
  expect(await run(12)).toBe(twelve);
  // What a process does for the first time must not be seen either.
  pool?.stop();
  pool = await Pool.start(1);
  expect(await run(8)).toBe(eight);
});

test.each([2873, 4732, 6315, 8493, 9031])("the rules hold in sale %i, which once broke one", async (seed) => {
  expect((await started().run({ seed, wantsHistory: false })).violations).toEqual([]);
});

test("a plan with parts left out is written and read the same", () => {
  const plan = planOf(3);
  const kept = { ...everything(plan), shoppers: [2, 5], deeds: [] };
  expect(readKept(written(kept), plan)).toEqual(kept);
  expect(keep(plan, kept).shoppers).toEqual([plan.shoppers[2], plan.shoppers[5]]);
  expect(readKept("shoppers=all", plan)).toBeUndefined();
});

test("shrinking keeps what the failure needs, and nothing else", async () => {
  const plan = planOf(4);
  const needed = [1, 7];
  const run = ({ shoppers }: ReturnType<typeof everything>): Promise<Done> => {
    const isBroken = needed.every((nth) => shoppers.includes(nth));
    const violations = isBroken ? [{ rule: "books", what: "", atMs: 0 }] : [];
    return Promise.resolve({
      ...{ seed: 4, hash: "", shoppers: 0, orders: 0, events: 0 },
      violations,
      seen: [],
      hits: [],
    });
  };
  const kept = await shrink(plan, "books", run, Date.now() + 5_000);
  expect(kept).toEqual({ shoppers: needed, troubles: [], weather: [], deeds: [] });
});
