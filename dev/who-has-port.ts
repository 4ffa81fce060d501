/**
 * Which process listens on a port of this machine, for the one line that says why we cannot. By hand, because the
 * packages for it call `netstat` or `ss`, which small Linux images do not have; /proc they all have.
 */
import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync, readlinkSync } from "node:fs";

/** @returns such as `node dev/start.ts (pid 4711)`, or undefined when it cannot be told */
export function whoHasPort(port: number): string | undefined {
  try {
    const pid = process.platform === "linux" ? pidFromProc(port) : pidFromLsof(port);
    return pid === undefined ? undefined : `${commandOf(pid)} (pid ${pid})`;
  } catch {
    return undefined;
  }
}

const LISTEN = "0A";

function pidFromProc(port: number): string | undefined {
  const hex = port.toString(16).toUpperCase().padStart(4, "0");
  const inodes = new Set<string>();
  for (const table of ["/proc/net/tcp", "/proc/net/tcp6"]) {
    for (const line of readFileSync(table, "utf8").split("\n").slice(1)) {
      const [, local = "", , state, , , , , , inode] = line.trim().split(/\s+/);
      if (state === LISTEN && local.endsWith(`:${hex}`)) inodes.add(`socket:[${inode ?? ""}]`);
    }
  }
  return readdirSync("/proc").find((pid) => /^\d+$/.test(pid) && holdsAny(pid, inodes));
}

function holdsAny(pid: string, inodes: Set<string>): boolean {
  try {
    return readdirSync(`/proc/${pid}/fd`).some((fd) => inodes.has(readlinkSync(`/proc/${pid}/fd/${fd}`)));
  } catch {
    return false; // another user's, or gone by now
  }
}

function pidFromLsof(port: number): string | undefined {
  const said = execFileSync("lsof", ["-nP", `-iTCP:${port}`, "-sTCP:LISTEN", "-t"], { encoding: "utf8" });
  return /^\d+/.exec(said)?.[0];
}

function commandOf(pid: string): string {
  return process.platform === "linux"
    ? readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ").trim().slice(0, 80)
    : execFileSync("ps", ["-o", "command=", "-p", pid], { encoding: "utf8" }).trim().slice(0, 80);
}
