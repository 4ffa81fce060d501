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
import { countStripeRequests, type StripeRequests } from "./stripe-requests.ts";
import type { FrontStats, RedisStats, RehearsalTarget } from "./target.ts";

const GONE = "The local stack has ended.";

interface Figures {
  front: FrontStats;
  redis: RedisStats;
  stripeRequests: StripeRequests;
  stalls: Stall[];
}
/** What the parent says: a question has a number, by which it is answered. */
interface Question {
  asked: number;
  /** To do before the figures are read. */
  run?: "cron";
}
type Ready = Pick<RehearsalTarget, "url" | "adminToken"> &
  Required<Pick<RehearsalTarget, "stripe" | "mailbox">>;
/** What the child says: once whether it is ready, then the answer to each question. */
type Said = { ready: Ready } | { failed: string } | { asked: number; figures?: Figures; failed?: string };

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
    ...(child.pid === undefined ? {} : { pid: child.pid }),
    front: { stats: async () => (await ask()).front },
    redis: { stats: async () => (await ask()).redis },
    stripeRequests: async () => (await ask()).stripeRequests,
    stalls: async () => (await ask()).stalls,
    cron: async () => {
      await ask("cron");
    },
    close,
  };
}

function questions(child: ChildProcess): (run?: Question["run"]) => Promise<Figures> {
  const waiting = new Map<number, { resolve: (figures: Figures) => void; reject: (error: Error) => void }>();
  let asked = 0;
  child.on("message", (said: Said) => {
    if (!("asked" in said)) return;
    const question = waiting.get(said.asked);
    if (said.figures === undefined) question?.reject(new RehearsalError(said.failed ?? GONE));
    else question?.resolve(said.figures);
    waiting.delete(said.asked);
  });
  child.once("exit", () => {
    for (const { reject } of waiting.values()) reject(new RehearsalError(GONE));
    waiting.clear();
  });
  return (run) =>
    new Promise((resolve, reject) => {
      const question: Question = { asked: ++asked, ...(run === undefined ? {} : { run }) };
      waiting.set(question.asked, { resolve, reject });
      child.send(question, (error) => {
        if (error === null) return;
        waiting.delete(question.asked);
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
  const { front, redis, stripe, mailbox, url, adminToken } = stack;
  const stripeRequests = countStripeRequests(stripe);
  const answer = async ({ run }: Question): Promise<Figures> => {
    if (run === "cron") await stack.cron();
    const stats = await redis.stats();
    return { front: front.stats(), redis: stats, stripeRequests: stripeRequests(), stalls: lag.stalls() };
  };
  process.on("message", (question: Question) => {
    const { asked } = question;
    void answer(question).then(
      (figures) => say({ asked, figures }),
      (error: unknown) => say({ asked, failed: String(error) }),
    );
  });
  process.once("disconnect", () => void stack.close().then(() => process.exit()));
  const { url: page, secretKey } = stripe;
  if (process.connected)
    say({
      ready: { url, adminToken, stripe: { url: page, secretKey }, mailbox: { url: mailbox.url } },
    });
  else await stack.close();
}

if (process.argv[1] === import.meta.filename) await serve();
