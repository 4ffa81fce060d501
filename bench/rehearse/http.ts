/**
 * HTTP for a whole crowd over a bounded number of kept-alive connections. Everything that comes back is an `Answer`,
 * a broken connection too: what to do about it is the sender's decision. Looks have connections of their own: a cache
 * answers them at once, and no device's look waits for another's command. So do joins: whoever is inside waits for no newcomer.
 */
import { Pool, type Dispatcher } from "undici";
import { decode, problemAnswer, type ProblemAnswer } from "./answers.ts";
import { layerOf, type Figures, type Step } from "./figures.ts";
import { nowMs, Stopped, type Sleep } from "./sleep.ts";
import type { Random } from "./random.ts";

export interface Sending {
  step: Step;
  method: "GET" | "POST" | "DELETE";
  path: string;
  headers: Record<string, string>;
  body?: string;
}

export interface Answer {
  /** 0 when the connection broke. */
  status: number;
  text: string;
  contentType: string;
  setCookies: readonly string[];
  /** Why not: the word of a problem document, `http_<status>` for an error without one, `network_error`. */
  word: string | undefined;
  problem: ProblemAnswer | undefined;
  retryAfterMs: number | undefined;
  /** How long the answer lay in a cache. */
  ageMs: number;
  /** Asked for; from here to `sentAtMs` it waited for one of the connections. */
  clickedAtMs: number;
  /** Put on the wire, and completely read. */
  sentAtMs: number;
  answeredAtMs: number;
}

export interface Http {
  send: (sending: Sending) => Promise<Answer>;
  /** Cuts whatever is still open. */
  destroy: () => Promise<void>;
}

const ANSWER_TIMEOUT_MS = 20_000;

const looks: ReadonlySet<Step> = new Set(["page", "poll"]);

/**
 * @param sockets for looks, as many for joins, and as many for everything else
 * @param isPaced the system is on this machine: newcomers are sent as fast as it answers
 */
export function createHttp(url: string, sockets: number, figures: Figures, isPaced = false): Http {
  const pace = createPace(sockets);
  const open = (allowed: () => number) => ({
    pool: new Pool(new URL(url).origin, {
      connections: sockets,
      headersTimeout: ANSWER_TIMEOUT_MS,
      bodyTimeout: ANSWER_TIMEOUT_MS,
      connect: { timeout: 10_000 },
    }),
    gate: createGate(allowed),
  });
  const all = () => sockets;
  const [forLooks, forJoins, forCommands] = [open(all), open(isPaced ? pace.allowed : all), open(all)];
  const laneOf = (step: Step) => (looks.has(step) ? forLooks : step === "join" ? forJoins : forCommands);

  return {
    async send({ step, method, path, headers, body }) {
      const clickedAtMs = nowMs();
      const { pool, gate } = laneOf(step);
      await gate.enter();
      // Taken behind the gate, so that "sent after that answer" is true of the wire and not of our own queue.
      const sentAtMs = nowMs();
      figures.requests++;
      const stepFigures = figures.byStep[step];
      stepFigures.requests++;
      let isGood = false;
      try {
        const response = await dispatch(pool, { method, path, headers, body: body ?? null });
        const answeredAtMs = nowMs();
        const { status, text } = response;
        isGood = status < 500;
        const header = (name: string) => {
          const value = response.headers[name];
          return Array.isArray(value) ? value[0] : value;
        };
        stepFigures.latenciesMs.push(answeredAtMs - clickedAtMs);
        stepFigures.byLayer[layerOf(header("cf-cache-status"), header("x-layer"))]++;

        const contentType = header("content-type") ?? "";
        const problem =
          status >= 400 && contentType.startsWith("application/problem+json")
            ? decode(problemAnswer, text)
            : undefined;
        const word = status >= 400 ? (problem?.type ?? `http_${status}`) : undefined;
        if (word !== undefined) figures.byWord[word] = (figures.byWord[word] ?? 0) + 1;
        const setCookies = response.headers["set-cookie"] ?? [];
        return {
          status,
          text,
          contentType,
          setCookies: typeof setCookies === "string" ? [setCookies] : setCookies,
          word,
          problem,
          retryAfterMs: retryAfterMs(header("retry-after")),
          ageMs: Number(header("age") ?? 0) * 1000,
          clickedAtMs,
          sentAtMs,
          answeredAtMs,
        };
      } catch (error) {
        figures.networkErrors++;
        return {
          status: 0,
          text: error instanceof Error ? error.message : String(error),
          contentType: "",
          setCookies: [],
          word: "network_error",
          problem: undefined,
          retryAfterMs: undefined,
          ageMs: 0,
          clickedAtMs,
          sentAtMs,
          answeredAtMs: nowMs(),
        };
      } finally {
        // A refusal for too much comes soon, and says the same as an answer that does not.
        if (!looks.has(step)) pace.note(isGood ? nowMs() - sentAtMs : Infinity);
        gate.leave();
      }
    },
    async destroy() {
      await Promise.all([forLooks, forJoins, forCommands].map(({ pool }) => pool.destroy()));
    },
  };
}

interface Response {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  text: string;
}

/** `pool.request` without its stream for each body, which costs more than everything else of a poll. */
function dispatch(pool: Pool, request: Dispatcher.DispatchOptions): Promise<Response> {
  return new Promise((resolve, reject) => {
    const response: Response = { status: 0, headers: {}, text: "" };
    const chunks: Buffer[] = [];
    pool.dispatch(request, {
      onRequestStart: () => undefined,
      onResponseStart(_, status, headers) {
        Object.assign(response, { status, headers });
      },
      onResponseData: (_, chunk) => void chunks.push(chunk),
      onResponseEnd() {
        const [first] = chunks;
        const body = chunks.length === 1 && first !== undefined ? first : Buffer.concat(chunks);
        response.text = body.toString();
        resolve(response);
      },
      onResponseError: (_, error) => reject(error),
    });
  });
}

const BACKOFF_FIRST_MS = 250;
const BACKOFF_MAX_MS = 5000;

/**
 * Sends the same bytes until something other than "not now" is answered: broken connections, 429 and 5xx are repeated,
 * as late as `Retry-After` asks and spread by jitter.
 * @returns the last answer, with the time of the first attempt
 * @throws Stopped when the run ends first
 */
export async function persist(
  http: Http,
  sending: Sending,
  { sleep, random, stopped }: { sleep: Sleep; random: Random; stopped: () => boolean },
  onAnswer: (answer: Answer) => void = () => undefined,
): Promise<Answer> {
  let firstSentAtMs: number | undefined;
  for (let attempt = 0; ; attempt++) {
    if (stopped()) throw new Stopped();
    const answer = await http.send(sending);
    onAnswer(answer);
    firstSentAtMs ??= answer.sentAtMs;
    if (answer.status !== 0 && answer.status !== 429 && answer.status < 500)
      return { ...answer, sentAtMs: firstSentAtMs };
    const waitMs = answer.retryAfterMs ?? Math.min(BACKOFF_MAX_MS, BACKOFF_FIRST_MS * 2 ** attempt);
    await sleep(waitMs * (1 + random() / 2));
  }
}

/** Seconds or a date (RFC 9110 §10.2.3). */
function retryAfterMs(value: string | undefined): number | undefined {
  if (value === undefined) return undefined;
  const ms = /^\d+$/.test(value) ? Number(value) * 1000 : Date.parse(value) - Date.now();
  return Number.isNaN(ms) ? undefined : Math.max(0, ms);
}

/** An answer that takes longer means that the machine has enough to do. */
const SLOW_MS = 1_500;
/** So few are always under way, and so many at first. */
const PACED_MIN = 4;
const PACED_FIRST = 32;
/** One slow moment shows in many answers, and counts once. */
const NARROWED_FOR_MS = 250;

/**
 * How many newcomers may be under way: fewer as soon as commands are answered slowly, anybody's, more while they are not. A
 * crowd that shares its machine with the system would otherwise drive it into refusing, which a crowd elsewhere, on
 * machines of its own, would not; and whoever is inside would wait for those who are not.
 */
function createPace(most: number) {
  let [allowed, narrowedAtMs] = [Math.min(most, PACED_FIRST), 0];
  return {
    allowed: () => Math.floor(allowed),
    note(tookMs: number): void {
      const atMs = nowMs();
      if (tookMs < SLOW_MS) allowed = Math.min(most, allowed + 1);
      else if (atMs - narrowedAtMs > NARROWED_FOR_MS)
        [allowed, narrowedAtMs] = [Math.max(Math.min(most, PACED_MIN), allowed * 0.7), atMs];
    },
  };
}

/** First come, first served, so many at a time. */
function createGate(allowed: () => number) {
  const waiting = createFifo<() => void>();
  let under = 0;
  const letIn = () => {
    while (under < allowed()) {
      const next = waiting.take();
      if (next === undefined) return;
      under++;
      next();
    }
  };
  return {
    enter: (): Promise<void> =>
      new Promise((resolve) => {
        waiting.add(resolve);
        letIn();
      }),
    leave() {
      under--;
      letIn();
    },
  };
}

/** An array's `shift` moves all that is left, which a queue of tens of thousands feels. */
function createFifo<T>() {
  let things: T[] = [];
  let next = 0;
  return {
    add: (thing: T) => void things.push(thing),
    take(): T | undefined {
      const thing = things[next];
      if (thing === undefined) return undefined;
      next++;
      if (next * 2 > things.length) [things, next] = [things.slice(next), 0];
      return thing;
    },
  };
}
