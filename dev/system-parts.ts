/**
 * What npm cannot bring: a Redis server, and for browser tests a Chromium. Installed where that is allowed (root with
 * apt-get), asked for in one line elsewhere.
 */
import { execFileSync } from "node:child_process";
import { findRedisBinary, MissingBinary } from "./redis/binary.ts";

/** @throws MissingBinary with the way to get it, where it cannot be installed here */
export function ensureRedis(say: (line: string) => void): void {
  try {
    findRedisBinary();
  } catch (error) {
    if (!(error instanceof MissingBinary) || process.env.REDIS_SERVER || !mayInstall()) throw error;
    install("redis-server", say);
    findRedisBinary();
  }
}

const chromiumNames = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];

/**
 * @returns the path of a Chromium; `CHROMIUM` names another
 * @throws Error with the way to get one, where it cannot be installed here
 */
export function ensureChromium(say: (line: string) => void): string {
  const find = () => process.env.CHROMIUM ?? chromiumNames.map(which).find((path) => path !== undefined);
  let found = find();
  if (found === undefined && mayInstall()) {
    install("chromium", say);
    found = find();
  }
  if (found === undefined)
    throw new Error(
      "Chromium is missing: install it (Debian: apt-get install chromium), or name one by CHROMIUM=path.",
    );
  return found;
}

const mayInstall = () => process.getuid?.() === 0 && which("apt-get") !== undefined;

function which(name: string): string | undefined {
  try {
    return execFileSync("sh", ["-c", `command -v ${name}`], { encoding: "utf8" }).trim() || undefined;
  } catch {
    return undefined;
  }
}

function install(name: string, say: (line: string) => void): void {
  say(`Installing ${name} (apt-get) …`);
  // RUNLEVEL=1: a service that comes with it is not started.
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive", RUNLEVEL: "1" };
  const stdio = ["ignore", "ignore", "inherit"] as const;
  execFileSync("apt-get", ["update", "-qq"], { env, stdio: [...stdio] });
  execFileSync("apt-get", ["install", "-y", "-qq", "--no-install-recommends", name], {
    env,
    stdio: [...stdio],
  });
}
