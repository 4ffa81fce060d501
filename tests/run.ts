/**
 * `npm test`: everything, in the order of how soon it tells. Arguments go on to vitest: `npm test -- tests/lua` runs one
 * folder, without the checks before it. Ends with "N passed, N failed", a check counting as one.
 */
import { execFile, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { z } from "zod";
import { ensureChromium, ensureRedis } from "../dev/system-parts.ts";

const root = path.resolve(import.meta.dirname, "..");
const bin = (name: string) => path.join(root, "node_modules/.bin", name);
const say = (line: string) => void process.stdout.write(`${line}\n`);

const checks: [string, string, ...string[]][] = [
  ["types of the Workers", "tsc", "-p", "tsconfig.workers.json"],
  ["types of the rest", "tsc", "-p", "tsconfig.node.json"],
  ["types of the shop's script", "tsc", "-p", "tsconfig.static.json"],
  ["lint, with the layer rules", "eslint", ".", "--max-warnings", "0"],
  ["format", "prettier", "--check", ".", "--log-level", "warn"],
];

/** All at once: none waits for anything but a core. What one has to say comes when it has ended. @returns how many failed */
async function runChecks(): Promise<number> {
  const ended = checks.map(
    ([title, command, ...args]) =>
      new Promise<boolean>((resolve) => {
        execFile(bin(command), args, { cwd: root, maxBuffer: 2 ** 26 }, (error, stdout, stderr) => {
          say(`${stdout}${stderr}${error === null ? "✓" : "✗"} ${title}`);
          resolve(error === null);
        });
      }),
  );
  return (await Promise.all(ended)).filter((fine) => !fine).length;
}

const report = z.object({ numPassedTests: z.number(), numFailedTests: z.number(), success: z.boolean() });

/** @returns passed and failed tests; a run that broke off counts as a failure */
function runVitest(args: string[], chromium: string): { passed: number; failed: number } {
  const folder = mkdtempSync(path.join(tmpdir(), "flash-sale-test-"));
  const file = path.join(folder, "report.json");
  const env = { ...process.env, CHROMIUM: chromium };
  const reporters = ["--reporter=default", "--reporter=json", `--outputFile.json=${file}`];
  const vitest = spawnSync(bin("vitest"), ["run", ...reporters, ...args], {
    cwd: root,
    stdio: "inherit",
    env,
  });
  try {
    const { numPassedTests, numFailedTests, success } = report.parse(JSON.parse(readFileSync(file, "utf8")));
    const broke = numFailedTests === 0 && !(success && vitest.status === 0);
    return { passed: numPassedTests, failed: numFailedTests + (broke ? 1 : 0) };
  } catch {
    return { passed: 0, failed: 1 };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function main(args: string[]): Promise<void> {
  ensureRedis(say);
  const chromium = ensureChromium(say);
  const isWhole = args.length === 0;
  const wrong = isWhole ? await runChecks() : 0;
  const right = isWhole ? checks.length - wrong : 0;
  const tests = runVitest(args, chromium);
  say(`\n${right + tests.passed} passed, ${wrong + tests.failed} failed`);
  if (wrong + tests.failed > 0) process.exitCode = 1;
}

try {
  await main(process.argv.slice(2));
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
