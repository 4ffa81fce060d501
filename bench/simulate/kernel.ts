/**
 * Simulated time. Everything that happens is an event at a time; one happens after the other, and the next one only when
 * all code that the last one woke has come to rest, so that a history depends on nothing but its events.
 */

export interface Timer {
  cancel(): void;
}

interface Entry {
  atMs: number;
  /** Of equal times the first come first. */
  order: number;
  run: () => void | Promise<void>;
  isCancelled: boolean;
}

// The real one: the simulated clock replaces the globals.
const { setImmediate: realTurn } = globalThis;
/** What code awaits besides stores comes in microtasks, which all run before this. */
export const atRest = () => new Promise<void>((resolve) => void realTurn(resolve));

export class Kernel {
  nowMs: number;
  events = 0;
  readonly #heap: Entry[] = [];
  #order = 0;

  constructor(nowMs: number) {
    this.nowMs = nowMs;
  }

  at(atMs: number, run: Entry["run"]): Timer {
    const entry = {
      atMs: Math.max(Math.round(atMs), this.nowMs),
      order: this.#order++,
      run,
      isCancelled: false,
    };
    this.#push(entry);
    return { cancel: () => void (entry.isCancelled = true) };
  }

  after(ms: number, run: Entry["run"]): Timer {
    return this.at(this.nowMs + ms, run);
  }

  sleep(ms: number): Promise<void> {
    return new Promise((resolve) => void this.after(ms, resolve));
  }

  /** Lets things happen until it is over, or until a time. */
  async run(isOver: () => boolean, untilMs: number): Promise<void> {
    await atRest();
    while (!isOver()) {
      const [entry] = this.#heap;
      if (entry === undefined || entry.atMs > untilMs) {
        this.nowMs = untilMs;
        return;
      }
      this.#pop();
      if (entry.isCancelled) continue;
      this.nowMs = entry.atMs;
      this.events++;
      await entry.run();
      await atRest();
    }
  }

  #push(entry: Entry): void {
    const heap = this.#heap;
    let place = heap.push(entry) - 1;
    while (place > 0) {
      const parent = (place - 1) >> 1;
      const above = heap[parent];
      if (above === undefined || isSooner(above, entry)) break;
      heap[place] = above;
      place = parent;
    }
    heap[place] = entry;
  }

  /** Takes the first away. */
  #pop(): void {
    const heap = this.#heap;
    const [first, last] = [heap[0], heap.pop()];
    if (last === undefined || first === last) return;
    let place = 0;
    for (;;) {
      let child = 2 * place + 1;
      let below = heap[child];
      const other = heap[child + 1];
      if (below !== undefined && other !== undefined && isSooner(other, below))
        [child, below] = [child + 1, other];
      if (below === undefined || isSooner(last, below)) break;
      heap[place] = below;
      place = child;
    }
    heap[place] = last;
  }
}

const isSooner = (a: Entry, b: Entry) => a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);
