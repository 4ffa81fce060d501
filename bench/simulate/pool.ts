/** Processes that simulate at the same time. Which of them has which sale changes nothing: a history depends on its seed. */
import { fork, type ChildProcess } from "node:child_process";
import path from "node:path";
import type { Done, FromWorker, Task } from "./worker.ts";

interface Worker {
  child: ChildProcess;
  finish: ((answer: FromWorker) => void) | undefined;
}

export class Pool {
  readonly #workers: Worker[] = [];
  readonly #idle: Worker[] = [];
  readonly #waiting: ((worker: Worker) => void)[] = [];

  /** @throws Error when one cannot start */
  static async start(count: number): Promise<Pool> {
    const pool = new Pool();
    const file = path.join(import.meta.dirname, "worker.ts");
    try {
      await Promise.all(
        Array.from({ length: count }, async () => {
          const child = fork(file, [], {
            execArgv: ["--disable-warning=ExperimentalWarning"],
            // Ctrl-C is for whoever started it, who then lets go of it.
            detached: true,
          });
          const worker: Worker = { child, finish: undefined };
          pool.#workers.push(worker);
          child.on("message", (message: FromWorker) => worker.finish?.(message));
          child.on("exit", () => worker.finish?.({ failed: "a worker ended" }));
          const ready = await new Promise<FromWorker>((resolve) => (worker.finish = resolve));
          if ("failed" in ready) throw new Error(ready.failed);
          pool.#idle.push(worker);
        }),
      );
    } catch (error) {
      pool.stop();
      throw error;
    }
    return pool;
  }

  /** @throws Error when the simulation itself broke */
  async run(task: Task): Promise<Done> {
    const worker = this.#idle.pop() ?? (await new Promise<Worker>((resolve) => this.#waiting.push(resolve)));
    try {
      const answer = await new Promise<FromWorker>((resolve) => {
        worker.finish = resolve;
        worker.child.send(task);
      });
      if ("done" in answer) return answer.done;
      throw new Error("failed" in answer ? answer.failed : "a worker started twice");
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#idle.push(worker);
      else next(worker);
    }
  }

  stop(): void {
    for (const { child } of this.#workers) if (child.connected) child.disconnect();
  }
}
