/**
 * The local stack in a process of its own: this file again, forked. In the crowd's process the front would share a
 * thread with thousands of shoppers, and each would be measured waiting for the other. It ends with its parent, however
 * that ends.
 */
import { fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import type { Stack } from "../../dev/stack.ts";
import { RehearsalError } from "./errors.ts";
import { watchLag, type Stall } from "./lag.ts";
import type { FrontStats, RedisStats, RehearsalTarget } from "./target.ts";

const GONE = "The local stack has ended.";

interface Figures {
  front: FrontStats;
  redis: RedisStats;
  stalls: Stall[];
}
/** What the child says: once whether it is ready, then the answer to each question. */
type Said =
  { ready: { url: string; adminToken: string } } | { failed: string } | { asked: number; figures: Figures };

export interface LocalStack extends RehearsalTarget {
  close: () => Promise<void>;
}

/** @throws RehearsalError with one line for a part that is missing or does not start */
export async function startLocalStack(): Promise<LocalStack> {
  const child = fork(import.meta.filename, ["stack"], { stdio: ["ignore", "ignore", "inherit", "ipc"] });
  const ended = once(child, "exit");
  const close = async () => {
    if (child.connected) child.disconnect();
    await ended;
  };
  const [said] = (await Promise.race([once(child, "message"), ended])) as [Said | number | null];
  if (said === null || typeof said !== "object" || !("ready" in said)) {
    await close();
    const why = said !== null && typeof said === "object" && "failed" in said ? said.failed : undefined;
    throw new RehearsalError(why ?? "The local stack ended before it was ready.");
  }
  const ask = questions(child);
  return {
    ...said.ready,
    front: { stats: async () => (await ask()).front },
    redis: { stats: async () => (await ask()).redis },
    stalls: async () => (await ask()).stalls,
    close,
  };
}

function questions(child: ChildProcess): () => Promise<Figures> {
  const waiting = new Map<number, { resolve: (figures: Figures) => void; reject: (error: Error) => void }>();
  let asked = 0;
  child.on("message", (said: Said) => {
    if (!("asked" in said)) return;
    waiting.get(said.asked)?.resolve(said.figures);
    waiting.delete(said.asked);
  });
  child.once("exit", () => {
    for (const { reject } of waiting.values()) reject(new RehearsalError(GONE));
    waiting.clear();
  });
  return () =>
    new Promise((resolve, reject) => {
      const nth = ++asked;
      waiting.set(nth, { resolve, reject });
      child.send(nth, (error) => {
        if (error === null) return;
        waiting.delete(nth);
        reject(new RehearsalError(GONE, { cause: error }));
      });
    });
}

/** The child: starts the stack, answers, and ends it when the parent is gone. */
async function serve(): Promise<void> {
  // A terminal's Ctrl-C reaches both: the parent decides when to end.
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => undefined);
  const say = (said: Said) => void process.send?.(said);
  const lag = watchLag();
  const { startStack } = await import("../../dev/stack.ts");
  let stack: Stack;
  try {
    stack = await startStack({ quiet: true });
  } catch (error) {
    say({ failed: error instanceof Error ? error.message : String(error) });
    return;
  }
  const { front, redis, url, adminToken } = stack;
  process.on("message", (asked: number) => {
    void redis
      .stats()
      .then((stats) => say({ asked, figures: { front: front.stats(), redis: stats, stalls: lag.stalls() } }));
  });
  process.once("disconnect", () => void stack.close().then(() => process.exit()));
  if (process.connected) say({ ready: { url, adminToken } });
  else await stack.close();
}

if (process.argv[1] === import.meta.filename) await serve();
