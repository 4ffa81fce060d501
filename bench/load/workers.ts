/**
 * Workers to measure, each in a workerd of its own on its direct socket: ours as they are deployed, and bare ones that are
 * what a Worker could be at best. Their CPU is read from /proc, where there is one: it says what an answer costs even while
 * others use the machine.
 */
import { readdirSync, readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { build } from "esbuild";
import { buildWorker, type Bundle, type WorkerRole } from "../../dev/workers/build.ts";
import { startWorker, type RunningWorker, type WorkerOptions } from "../../dev/workers/runtime.ts";

export const SECRET = "bench-bench-bench-bench-bench-bench";
/** Of both Workers, so that what the bench signs is good. */
export const tokenKeysSetting = `bench:${SECRET}`;

export interface MeasuredWorker {
  url: string;
  /** Milliseconds of CPU that it has used; NaN where that cannot be known. */
  cpuMs: () => number;
  running: RunningWorker;
  close: () => Promise<void>;
}

export async function startMeasured(
  name: string,
  bundle: Bundle,
  options: Omit<WorkerOptions, "name" | "bindings" | "log"> & { bindings?: Record<string, string> } = {},
): Promise<MeasuredWorker> {
  const before = new Set(workerds());
  const running = await startWorker(bundle, { bindings: {}, ...options, name, log: () => undefined });
  const pids = workerds().filter((pid) => !before.has(pid));
  return {
    url: running.url,
    cpuMs: () => (pids.length === 0 ? NaN : pids.reduce((sum, pid) => sum + cpuMsOf(pid), 0)),
    running,
    close: () => running.kill(),
  };
}

const built = new Map<WorkerRole, Promise<Bundle>>();

/** One of ours, built once for all rows. */
export async function ourBundle(role: WorkerRole): Promise<Bundle> {
  const known = built.get(role) ?? inFolder((folder) => buildWorker(role, folder));
  built.set(role, known);
  return await known;
}

/** A Worker of the bench itself, bundled as ours are. */
export async function benchBundle(file: string): Promise<Bundle> {
  const { compatibilityDate } = await ourBundle("edge");
  const { outputFiles } = await build({
    entryPoints: [path.join(import.meta.dirname, "..", file)],
    bundle: true,
    format: "esm",
    write: false,
    loader: { ".lua": "text" },
  });
  return ofScript(compatibilityDate, outputFiles[0]?.text ?? "");
}

/** A Worker that answers these bytes, and nothing else. */
export async function bareBundle(headers: Record<string, string>, body: string): Promise<Bundle> {
  const { compatibilityDate } = await ourBundle("edge");
  return ofScript(
    compatibilityDate,
    `const body = new TextEncoder().encode(${JSON.stringify(body)}).buffer;
     const init = { headers: new Headers(${JSON.stringify(headers)}) };
     export default { fetch: () => new Response(body, init) };`,
  );
}

const ofScript = (compatibilityDate: string, contents: string): Bundle => ({
  compatibilityDate,
  rateLimits: [],
  durableObjects: {},
  modules: [{ type: "ESModule", path: "index.js", contents }],
});

async function inFolder<Result>(work: (folder: string) => Promise<Result>): Promise<Result> {
  const folder = await mkdtemp(path.join(tmpdir(), "flash-sale-bench-"));
  try {
    return await work(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** This process's workerds, where there is a /proc. */
function workerds(): number[] {
  return processes().filter((pid) => {
    const [, name, parent] = /^\d+ \((.*)\) \S (\d+)/.exec(statOf(pid)) ?? [];
    return name === "workerd" && Number(parent) === process.pid;
  });
}

/** Milliseconds of CPU that a process' threads have used, as the scheduler counts them: `stat` has whole hundredths only. */
export function cpuMsOf(pid: number): number {
  try {
    const threads = readdirSync(`/proc/${pid}/task`);
    const nanos = (thread: string) =>
      Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, "utf8").split(" ")[0]);
    return threads.reduce((sum, thread) => sum + nanos(thread), 0) / 1e6;
  } catch {
    return NaN;
  }
}

function processes(): number[] {
  try {
    return readdirSync("/proc").map(Number).filter(Number.isInteger);
  } catch {
    return [];
  }
}

function statOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/stat`, "utf8");
  } catch {
    return ""; // gone by now
  }
}
