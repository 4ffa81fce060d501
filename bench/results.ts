/**
 * A run as a file: the machine, the commit, the date and each round's numbers. Every run is kept beside this file under its
 * date, for whoever ran it; a full one also becomes `latest.json`, which is committed and where README's figures come from.
 */
import { execFileSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { cpus, loadavg, release, totalmem, type } from "node:os";
import path from "node:path";
import { findRedisBinary } from "../dev/redis/binary.ts";
import type { RowResult } from "./run.ts";

const root = path.resolve(import.meta.dirname, "..");
export const RESULTS_DIR = path.join(import.meta.dirname, "results");

export interface Results {
  date: string;
  commit: string;
  machine: Record<string, string | number>;
  quick: boolean;
  seconds: number;
  rows: RowResult[];
}

export function describeRun(startedMs: number, quick: boolean, rows: RowResult[]): Results {
  return {
    date: new Date(startedMs).toISOString(),
    commit: commit(),
    machine: machine(),
    quick,
    seconds: Math.round((Date.now() - startedMs) / 1000),
    rows,
  };
}

/** @returns where it was written */
export function writeResults(results: Results, isWhole: boolean): string[] {
  mkdirSync(RESULTS_DIR, { recursive: true });
  const names = [`${results.date.replaceAll(/[:.]/g, "-")}.json`, ...(isWhole ? ["latest.json"] : [])];
  return names.map((name) => {
    const file = path.join(RESULTS_DIR, name);
    writeFileSync(file, `${JSON.stringify(results, rounded, 1)}\n`);
    return path.relative(root, file);
  });
}

/** Four digits say all that a measurement can. */
const rounded = (_: string, value: unknown) =>
  typeof value === "number" && !Number.isInteger(value) ? Number(value.toPrecision(4)) : value;

function machine(): Results["machine"] {
  const cores = cpus();
  return {
    system: `${type()} ${release()}`,
    processor: cores[0]?.model ?? "unknown",
    cores: cores.length,
    memoryGb: Math.round(totalmem() / 2 ** 30),
    node: process.version,
    redis: said(findRedisBinary(), ["--version"]).replace(/ (?:sha|malloc|bits|build)=.*$/, ""),
    /** Of the last minute: above the number of cores, others were at work too. */
    load: loadavg()[0] ?? NaN,
  };
}

/** With a `+` where the tree is not what was committed. */
function commit(): string {
  const git = (...args: string[]) => said("git", ["-C", root, ...args]);
  const changed = git("status", "--porcelain", "--untracked-files=no", "--", ":!bench/results");
  return git("rev-parse", "--short", "HEAD") + (changed === "" ? "" : "+");
}

function said(command: string, args: string[]): string {
  try {
    return execFileSync(command, args, { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }).trim();
  } catch {
    return "unknown";
  }
}
