/**
 * Sees to it that PostgreSQL and its temporary folder do not outlive us, however we end, SIGKILL included: a shell
 * waits for the end of a pipe that only we hold open, then shuts down the process named last and clears up. So no
 * signal handlers are installed here and the program around keeps its own. On Windows, without that shell, only an
 * orderly stop ends it.
 */
import { spawn } from "node:child_process";
import type { Account } from "./account.ts";
import type { Home } from "./cluster.ts";

export interface Guard {
  /** The process to end with us instead of the one named before; without a pid, none. */
  watch(pid?: number): void;
  release(): void;
}

// It waits for the file to go, not the process: where nobody reaps orphans, a dead process still takes signals.
// Removing is repeated because an initdb that is being ended may still be writing.
const script = `
pid=
while read -r line; do pid=$line; done
if [ -n "$pid" ]; then
  kill -INT "$pid"
  tries=0
  while [ -e "$1/postmaster.pid" ] && [ $tries -lt 50 ]; do sleep 0.1; tries=$((tries + 1)); done
  kill -QUIT "$pid"
fi
tries=0
while [ -n "$2" ] && [ -e "$2" ] && [ $tries -lt 50 ]; do rm -rf "$2"; sleep 0.1; tries=$((tries + 1)); done
`;

/** Starts guarding a folder, and from `watch` on a process. */
export function startGuard(home: Home, account: Account | undefined): Guard {
  if (process.platform === "win32") return { watch: () => undefined, release: () => undefined };
  // Detached: what ends us by Ctrl-C must not end the guard too.
  const shell = spawn("/bin/sh", ["-c", script, "guard", home.data, home.temporary ? home.folder : ""], {
    ...account,
    cwd: "/",
    stdio: ["pipe", "ignore", "ignore"],
    detached: true,
  });
  shell.on("error", () => undefined);
  shell.stdin.on("error", () => undefined);
  shell.unref();
  return {
    watch: (pid) => void shell.stdin.write(`${pid ?? ""}\n`),
    release: () => void shell.kill(),
  };
}
