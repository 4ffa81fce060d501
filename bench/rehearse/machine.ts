/**
 * What a run takes of this machine, by part of the system: memory at its highest and CPU time, read from /proc of the
 * processes that the local stack started. Memory is each process's share (PSS), so that pages that PostgreSQL's processes
 * have in common count once. Elsewhere than on Linux, and for a system that is not ours, there is nothing to read.
 */
import { readdirSync, readFileSync } from "node:fs";
import os from "node:os";

export const parts = ["crowd", "stack", "functions", "edge", "redis", "postgres"] as const;
/** `stack`: the front, the gateways and the doubles, which share a process. */
export type Part = (typeof parts)[number];

export interface MachineReport {
  cores: number;
  memoryMb: number;
  /** Highest of the sums over all parts; parts are not at their highest at the same moment. */
  peakMb: number;
  parts: Partial<Record<Part, { peakMb: number; cpuSeconds: number }>>;
}

const SAMPLE_EVERY_MS = 2_000;
/** USER_HZ of every Linux that Node runs on. */
const TICKS_PER_SECOND = 100;
const MB = 1024;

export function watchMachine(stackPid: number | undefined) {
  const peaksMb = new Map<Part, number>();
  const cpuAtStart = new Map<number, number>();
  const cpu = new Map<number, { part: Part; seconds: number }>();
  let peakMb = 0;

  const sample = () => {
    const now = new Map<Part, number>();
    for (const { pid, part, cpuSeconds } of processesOf(stackPid)) {
      now.set(part, (now.get(part) ?? 0) + memoryMb(pid));
      // Who came later has used nothing before.
      const from = cpuAtStart.get(pid) ?? 0;
      cpu.set(pid, { part, seconds: cpuSeconds - from });
    }
    for (const [part, mb] of now) peaksMb.set(part, Math.max(mb, peaksMb.get(part) ?? 0));
    peakMb = Math.max(
      peakMb,
      [...now.values()].reduce((sum, mb) => sum + mb, 0),
    );
  };
  for (const { pid, cpuSeconds } of processesOf(stackPid)) cpuAtStart.set(pid, cpuSeconds);
  const timer = setInterval(sample, SAMPLE_EVERY_MS);
  timer.unref();

  return {
    /** @returns undefined where nothing can be read */
    stop(): MachineReport | undefined {
      clearInterval(timer);
      sample();
      if (peaksMb.size === 0) return undefined;
      const secondsOf = (part: Part) =>
        [...cpu.values()].reduce((sum, one) => sum + (one.part === part ? one.seconds : 0), 0);
      const known = parts.flatMap((part) => {
        const mb = peaksMb.get(part);
        return mb === undefined
          ? []
          : [[part, { peakMb: Math.round(mb), cpuSeconds: Math.round(secondsOf(part) * 10) / 10 }]];
      });
      return {
        cores: os.availableParallelism(),
        memoryMb: Math.round(os.totalmem() / MB / MB),
        peakMb: Math.round(peakMb),
        parts: Object.fromEntries(known) as MachineReport["parts"],
      };
    },
  };
}

interface Process {
  pid: number;
  part: Part;
  cpuSeconds: number;
}

/** This process, and that of the stack with everything below it. */
function processesOf(stackPid: number | undefined): Process[] {
  const all = new Map<number, { parent: number; name: string; cpuSeconds: number }>();
  try {
    for (const entry of readdirSync("/proc")) {
      const known = /^\d+$/.test(entry) ? statOf(entry) : undefined;
      if (known !== undefined) all.set(Number(entry), known);
    }
  } catch {
    return [];
  }
  const isBelowStack = (pid: number): boolean => {
    for (let at = all.get(pid); at !== undefined; at = all.get(at.parent))
      if (at.parent === stackPid) return true;
    return false;
  };
  let workers = 0;
  // In the order they were started.
  return [...all]
    .sort(([a], [b]) => a - b)
    .flatMap(([pid, { name, cpuSeconds }]): Process[] => {
      if (pid === process.pid) return [{ pid, part: "crowd", cpuSeconds }];
      if (stackPid === undefined) return [];
      if (pid === stackPid) return [{ pid, part: "stack", cpuSeconds }];
      if (!isBelowStack(pid)) return [];
      // The stack starts the functions first (dev/stack.ts).
      const part: Part | undefined = name.startsWith("workerd")
        ? workers++ === 0
          ? "functions"
          : "edge"
        : /^(redis|valkey)/.test(name)
          ? "redis"
          : name.startsWith("postgres")
            ? "postgres"
            : undefined;
      return part === undefined ? [] : [{ pid, part, cpuSeconds }];
    });
}

/** Undefined for a process that has just ended. */
function statOf(pid: string) {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    const [open, close] = [stat.indexOf("("), stat.lastIndexOf(")")];
    const fields = stat.slice(close + 2).split(" ");
    const [parent, userTicks, systemTicks] = [fields[1], fields[11], fields[12]].map(Number);
    return {
      parent: parent ?? 0,
      name: stat.slice(open + 1, close),
      cpuSeconds: ((userTicks ?? 0) + (systemTicks ?? 0)) / TICKS_PER_SECOND,
    };
  } catch {
    return undefined;
  }
}

/** PSS; where that may not be read, the resident set. */
function memoryMb(pid: number): number {
  for (const [file, field] of [
    ["smaps_rollup", "Pss"],
    ["status", "VmRSS"],
  ] as const)
    try {
      const kb = new RegExp(`^${field}:\\s+(\\d+) kB`, "m").exec(
        readFileSync(`/proc/${pid}/${file}`, "utf8"),
      );
      if (kb !== null) return Number(kb[1]) / MB;
    } catch {
      // Ended meanwhile, or somebody else's.
    }
  return 0;
}
