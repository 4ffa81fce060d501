/**
 * The folder a local PostgreSQL lives in: `data` (the cluster), `password`, `postgres.log`, and `native` if its
 * programs had to be copied. Guarantee: `data` is either complete or absent, because initdb works in a folder of
 * another name. initdb itself does not sync: a machine that loses power in the first second loses an empty database.
 */
import { execFile, execFileSync, spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import type { Account } from "./account.ts";
import type { Guard } from "./guard.ts";

const run = promisify(execFile);

export interface Home {
  folder: string;
  data: string;
  log: string;
  passwordFile: string;
  /** Made by us, so removed with the server. */
  temporary: boolean;
}

export const superuser = "postgres";

/**
 * Opens the given folder, or makes a temporary one, for the account.
 * @throws Error if the folder holds something else or the account cannot reach it
 */
export function openHome(dataDir: string | undefined, account: Account | undefined): Home {
  const folder = dataDir === undefined ? temporaryFolder(account) : ownFolder(resolve(dataDir), account);
  return {
    folder,
    data: join(folder, "data"),
    log: join(folder, "postgres.log"),
    passwordFile: join(folder, "password"),
    temporary: dataDir === undefined,
  };
}

export function closeHome(home: Home): void {
  if (home.temporary) rmSync(home.folder, { recursive: true, force: true, maxRetries: 3 });
}

/** Gives a folder and all in it to the account. */
export function handOver(folder: string, account: Account | undefined): void {
  if (account) execFileSync("chown", ["-hR", `${account.uid}:${account.gid}`, folder]);
}

/**
 * Creates the cluster unless it is there.
 * @returns the superuser's password
 */
export async function initialise(
  home: Home,
  initdb: string,
  account: Account | undefined,
  guard: Guard,
): Promise<string> {
  if (existsSync(home.data)) return readFileSync(home.passwordFile, "utf8").trim();
  const unfinished = `${home.data}.new`;
  rmSync(unfinished, { recursive: true, force: true });
  const password = randomBytes(24).toString("base64url");
  writeFileSync(home.passwordFile, `${password}\n`, { mode: 0o600 });
  handOver(home.passwordFile, account);
  const args = [`--pgdata=${unfinished}`, `--username=${superuser}`, `--pwfile=${home.passwordFile}`];
  args.push("--auth=scram-sha-256", "--encoding=UTF8", "--locale=C", "--no-sync", "--no-instructions");
  // As Neon: sorted by code point, but upper() and lower() know all of Unicode.
  args.push("--locale-provider=builtin", "--builtin-locale=C.UTF-8");
  try {
    const running = run(initdb, args, { ...account, cwd: home.folder, env: cleanEnvironment() });
    guard.watch(running.child.pid);
    await running;
  } catch (error) {
    const lines = error instanceof Error ? error.message.split("\n") : [String(error)];
    throw new Error(`initdb failed: ${lines.find((l) => l.startsWith("initdb: error")) ?? lines[0] ?? ""}`, {
      cause: error,
    });
  }
  renameSync(unfinished, home.data);
  return password;
}

/** Our environment without what would redirect PostgreSQL or translate its messages. */
export function cleanEnvironment(): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(
    ([name]) => !name.startsWith("PG") && !name.startsWith("LC_"),
  );
  return { ...Object.fromEntries(kept), LC_ALL: "C" };
}

function ownFolder(folder: string, account: Account | undefined): string {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const inside = readdirSync(folder);
  // The folder changes hands: a mistyped path must not take somebody's files along.
  if (inside.length > 0 && !inside.includes("password"))
    throw new Error(`${folder} holds something that is not ours.`);
  handOver(folder, account);
  if (!reachable(folder, account)) {
    throw new Error(
      `${folder} is closed to uid ${account?.uid ?? ""}, which PostgreSQL runs as under root; choose another.`,
    );
  }
  return folder;
}

function temporaryFolder(account: Account | undefined): string {
  // TMPDIR may lie in a home that is closed to the account; /tmp never is.
  for (const base of new Set([tmpdir(), "/tmp"])) {
    if (!existsSync(base)) continue;
    const folder = mkdtempSync(join(base, "flash-sale-postgres-"));
    handOver(folder, account);
    if (reachable(folder, account)) return folder;
    rmSync(folder, { recursive: true });
  }
  throw new Error(`No temporary folder that uid ${account?.uid ?? ""} can reach.`);
}

function reachable(folder: string, account: Account | undefined): boolean {
  if (!account) return true;
  return (
    spawnSync("/bin/sh", ["-c", 'cd "$1" && test -w .', "sh", folder], { ...account, cwd: "/" }).status === 0
  );
}
