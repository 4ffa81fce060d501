/**
 * Gathers single wishes into calls that carry many. One call is under way at a time and takes all that came meanwhile, in
 * the order they came; who finds none under way goes at once. After a call comes a rest, as long as `restMs` says of what it
 * carried: without it calls would carry the fewer the faster they are answered, and be the more. A full call does not wait.
 *
 * Guarantee: each wish is in one call and has one answer, its own or that call's failure. Bounded: beyond `waitingMax` a
 * wish is not taken. Trade-off: what waits is in memory only; if that goes, whoever asked asks again.
 */
export interface Gathering<Wish, Reply> {
  /** @returns undefined when too many wait already */
  ask: (wish: Wish) => Promise<Reply> | undefined;
}

interface Waiting<Wish, Reply> {
  wish: Wish;
  resolve: (reply: Reply) => void;
  reject: (why: unknown) => void;
}

/**
 * @param send answers each of them, in their order
 * @param restMs how long to rest after a call that carried so many
 */
export function createGathering<Wish, Reply>({
  send,
  carriesMax,
  waitingMax,
  restMs,
}: {
  send: (wishes: Wish[]) => Promise<Reply[]>;
  carriesMax: number;
  waitingMax: number;
  restMs: (carried: number) => number;
}): Gathering<Wish, Reply> {
  let waiting: Waiting<Wish, Reply>[] = [];
  let isSending = false;
  let rest: ReturnType<typeof setTimeout> | undefined;

  async function sendNext(): Promise<void> {
    clearTimeout(rest);
    rest = undefined;
    isSending = true;
    const carried = waiting.splice(0, carriesMax);
    try {
      const replies = await send(carried.map(({ wish }) => wish));
      carried.forEach(({ resolve, reject }, i) => {
        const reply = replies[i];
        if (reply === undefined) reject(new Error("a wish was not answered"));
        else resolve(reply);
      });
    } catch (error) {
      // Whoever waits would only hear the same, later.
      for (const { reject } of [...carried, ...waiting]) reject(error);
      waiting = [];
    }
    isSending = false;
    if (waiting.length >= carriesMax) {
      await sendNext();
      return;
    }
    rest = setTimeout(() => {
      rest = undefined;
      if (waiting.length > 0) void sendNext();
    }, restMs(carried.length));
  }

  return {
    ask(wish) {
      if (waiting.length >= waitingMax) return undefined;
      const { promise, resolve, reject } = Promise.withResolvers<Reply>();
      waiting.push({ wish, resolve, reject });
      const mayGo = rest === undefined || waiting.length >= carriesMax;
      if (!isSending && mayGo) void sendNext();
      return promise;
    },
  };
}
