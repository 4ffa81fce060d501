/**
 * Isolates as the platform has them, in one process: each with clients of its own, each able to die between any two
 * requests. All requests of an isolate pass here on their way to the gateways and doubles (the clients' `fetch`), so a
 * fault hits exactly the step it is for; what goes wrong on the wire is then done by dev/faults.ts, at the other end.
 */
import { AsyncLocalStorage } from "node:async_hooks";
import type { Faults } from "../../dev/faults.ts";
import type { Services } from "../../functions/services.ts";
import { stepOf, type Step, type Store } from "./requests.ts";

/**
 * - `crash`: done, and the isolate dies before it hears of it
 * - `lose_answer`, `cut`, `error`: as in dev/faults.ts; `fail_after`: as in dev/stripe/switches.ts
 * - `twice`: sent twice at the same time, and the second answer is taken
 * - `overtaken`: the client gives up waiting; it is done only after that, and after the repetition, if there is one
 * - `under_way`: the client gives up waiting while it is being done; a repetition meets it there (Stripe only)
 * - `slow`: not answered for longer than any client waits
 * - `pause`: done, and the answer waits for what is to happen meanwhile
 */
export type FaultKind =
  | "crash"
  | "lose_answer"
  | "cut"
  | "error"
  | "fail_after"
  | "twice"
  | "overtaken"
  | "under_way"
  | "slow"
  | "pause";

export interface Plan {
  step: Step;
  kind: FaultKind;
  /** The how-manieth such request is hit first. Default: the first. */
  nth?: number;
  /** How many in a row, repetitions included. Default: one. */
  times?: number;
  /** For `pause`. */
  meanwhile?: () => Promise<void>;
}

/** A request on its way. */
export interface Sent {
  store: Store;
  step: Step | "other";
  method: string;
  url: string;
  body: string;
}

/** What a world is to its isolates. */
export interface Surroundings {
  /** By which part of a URL a store is known. */
  storeOf: (url: string) => Store;
  faultsOf: (store: Store) => Faults;
  failAfter: (subject: string) => void;
  /** Called when a fault of the other end is over: it must be used up there. */
  struck: (store: Store) => void;
  /** Called before each request; may change it. */
  sending: (sent: Sent) => Promise<Sent>;
  answered: (sent: Sent, status: number, answer: string) => void;
  plan: Plan | undefined;
  /** How many requests of the plan's step there were. */
  seen: number;
  /** How often the plan hit. */
  fired: number;
  /** What is still to be executed although nobody waits. */
  detached: Promise<unknown>[];
}

export type Outcome<Value> = { value: Value } | { error: unknown } | { crashed: true };

export interface Isolate {
  /** Does one piece of work; what it leaves for later goes on after this has returned. */
  run<Value>(work: (services: Services) => Promise<Value>): Promise<Outcome<Value>>;
  /** Resolves when nothing is left for later. */
  finished(): Promise<void>;
  failures: unknown[];
}

interface Life {
  surroundings: Surroundings;
  isDead: boolean;
  die: () => void;
}
const lives = new AsyncLocalStorage<Life>();

/** @param clients makes the clients: new ones, in the isolate */
export function startIsolate(surroundings: Surroundings, clients: () => Omit<Services, "later">): Isolate {
  let die = () => {};
  const death = new Promise<{ crashed: true }>((resolve) => (die = () => resolve({ crashed: true })));
  const life: Life = { surroundings, isDead: false, die };
  const left: Promise<unknown>[] = [];
  const failures: unknown[] = [];
  const later = (work: Promise<unknown>) =>
    void left.push(Promise.race([work.catch((error: unknown) => failures.push(error)), death]));
  const services: Services = { ...lives.run(life, clients), later };
  return {
    failures,
    async run(work) {
      const done = lives.run(life, async () => {
        try {
          return { value: await work(services) };
        } catch (error) {
          return { error };
        }
      });
      return await Promise.race([done, death]);
    },
    async finished() {
      while (left.length > 0) await Promise.all(left.splice(0));
    },
  };
}

/** Work of the test itself, even when an isolate's request brought it about. */
export const outside = <Value>(work: () => Promise<Value>): Promise<Value> => lives.exit(work);

const plainFetch = globalThis.fetch;
const plainTimeout = globalThis.setTimeout;
/** Waits between repetitions pass faster in isolates; timeouts, which are longer, do not. */
const WAIT_MS_MAX = 1_100;
const FASTER = 20;

globalThis.fetch = (input, init) => {
  const life = lives.getStore();
  return life === undefined ? plainFetch(input, init) : send(life, input, init);
};
globalThis.setTimeout = Object.assign(
  (work: (...args: unknown[]) => void, ms = 0, ...args: unknown[]) =>
    plainTimeout(work, lives.getStore() !== undefined && ms < WAIT_MS_MAX ? ms / FASTER : ms, ...args),
  plainTimeout,
) as typeof setTimeout;

/** It may have, during any wait. */
const hasDied = (life: Life): boolean => life.isDead;
const forever = () => new Promise<never>(() => {});
/** Long after any repetition, as those go here. */
const OVERTAKEN_MS = 80;
/** Longer than the clients wait. */
const SLOW_MS = { redis: 2_200, stripe: 8_500, postgres: 10_500 };
/** A request is at the other end by then. */
const ARRIVES_MS = 15;

async function send(life: Life, input: RequestInfo | URL, init: RequestInit = {}): Promise<Response> {
  const { surroundings } = life;
  if (life.isDead) return await forever();
  const sent = await surroundings.sending(read(surroundings, input, init));
  const go = async () => {
    const response = await plainFetch(sent.url, {
      ...init,
      ...(sent.body === "" ? {} : { body: sent.body }),
    });
    // Read to its end here: then nothing of it can be lost on the way any more.
    const answer = await response.text();
    surroundings.answered(sent, response.status, answer);
    return new Response(answer, { status: response.status, headers: response.headers });
  };
  const plan = hits(surroundings, sent.step);
  const response = plan === undefined ? await go() : await struck(life, plan, sent, go);
  return hasDied(life) ? await forever() : response;
}

function read(surroundings: Surroundings, input: RequestInfo | URL, init: RequestInit): Sent {
  const url = input instanceof Request ? input.url : String(input);
  const { method = "GET" } = init;
  const body = typeof init.body === "string" ? init.body : "";
  const store = surroundings.storeOf(url);
  const { pathname, search } = new URL(url);
  const step = stepOf(store, method, store === "stripe" ? pathname + search : body);
  return { store, step, method, url, body };
}

/** The plan, if it is for this request. */
function hits(surroundings: Surroundings, step: Step | "other"): Plan | undefined {
  const { plan } = surroundings;
  if (plan === undefined || plan.step !== step) return undefined;
  const nth = ++surroundings.seen;
  const { nth: first = 1, times = 1 } = plan;
  if (nth < first || nth >= first + times) return undefined;
  surroundings.fired++;
  return plan;
}

async function struck(life: Life, plan: Plan, sent: Sent, go: () => Promise<Response>): Promise<Response> {
  const { surroundings } = life;
  switch (plan.kind) {
    case "crash":
      await go();
      life.isDead = true;
      life.die();
      return await forever();
    case "lose_answer":
    case "cut":
    case "error":
      surroundings.faultsOf(sent.store).add({ kind: plan.kind, match: subjectOf(sent), times: 1 });
      return await go().finally(() => surroundings.struck(sent.store));
    case "fail_after":
      surroundings.failAfter(subjectOf(sent));
      return await go().finally(() => surroundings.struck(sent.store));
    case "twice":
      return (await Promise.all([go(), go()]))[1];
    case "overtaken":
      surroundings.detached.push(
        new Promise((resolve) => plainTimeout(resolve, OVERTAKEN_MS)).then(go).catch(() => undefined),
      );
      throw new DOMException("The operation was aborted due to timeout", "TimeoutError");
    case "slow":
      surroundings
        .faultsOf(sent.store)
        .add({ kind: "delay", match: subjectOf(sent), times: 1, delayMs: SLOW_MS[sent.store] });
      return await go();
    case "under_way":
      surroundings.faultsOf(sent.store).add({
        kind: "delay",
        match: subjectOf(sent),
        times: 1,
        delayMs: OVERTAKEN_MS,
      });
      surroundings.detached.push(go().catch(() => undefined));
      await new Promise((resolve) => plainTimeout(resolve, ARRIVES_MS));
      throw new DOMException("The operation was aborted due to timeout", "TimeoutError");
    case "pause": {
      const response = await go();
      await outside(plan.meanwhile ?? (() => Promise.resolve()));
      return response;
    }
  }
}

/** What the faults of the gateways and of the double are matched against. */
function subjectOf({ store, method, url, body }: Sent): string {
  if (store !== "stripe") return body;
  const { pathname, search } = new URL(url);
  return `${method} ${pathname} ${method === "GET" ? search.slice(1) : body}`;
}
