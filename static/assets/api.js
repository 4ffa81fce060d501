// @ts-check
/**
 * The JSON API as the page uses it. Every answer is a value, also the one that never came (`network`); every command
 * may be sent again, so what may pass by itself is asked again until it does.
 */

/**
 * @typedef {"scheduled" | "registration" | "lobby" | "open" | "sold_out" | "closed" | "settled"} Phase
 * @typedef {{ sku: string, left: "many" | "few" | "none" }} Left
 * @typedef {import("./line.js").LinePulse & { now: string, phase: Phase, opensAt: string, closesAt: string, joined: number, items: Left[],
 *   pollAfterMs: number, far?: { beyond: number, pollAfterMs: number }, epoch: number, draw?: { commitment: string, seed?: string, count?: number } }} Pulse
 * @typedef {{ number: number, joinedAt: string, epoch: number, lobby?: true, expiresAt?: string }} Ticket
 * @typedef {import("./line.js").Registered & { decidesAt: string }} Registration
 * @typedef {{ expiresAt: string }} Pass
 * @typedef {{ sku: string, quantity: number, price: number }} Line
 * @typedef {{ reservationId: string, state: "held" | "confirmed" | "released" | "expired" | "refunded", expiresAt: string, extended: boolean,
 *   payment: "none" | "open" | "pending" | "authorised" | "captured" | "voided" | "returned", lines: Line[], total: number,
 *   currency: string }} Reservation
 * @typedef {{ id: string, state: "confirmed" | "refunded", lines: Line[], total: number, currency: string,
 *   confirmedAt: string, payment: { state: "not_required" | "authorised" | "captured" },
 *   refund: { amount: number, state: "asked" | "done" } | null }} Order
 * @typedef {{ type: string, status: number, left?: { sku: string, left: number }[],
 *   errors?: { pointer: string }[], reservationId?: string }} Problem
 * @typedef {{ ok: false, problem: Problem, retryAfterMs: number }} Refused
 */
/** @template T @typedef {{ ok: true, value: T, ageMs: number } | Refused} Answer */

const ANSWER_WITHIN_MS = 10_000;
const PAUSE_MAX_MS = 30_000;

/** Refusals that pass by themselves; the same request is good again later. */
const passing = new Set(["network", "unavailable", "rate_limited", "on_hold"]);

/**
 * @template T
 * @param {"GET" | "POST" | "DELETE"} method @param {string} path @param {object} [body]
 * @returns {Promise<Answer<T>>}
 */
export async function call(method, path, body) {
  try {
    const response = await fetch(path, {
      method,
      headers: body === undefined ? {} : { "content-type": "application/json" },
      body: body === undefined ? null : JSON.stringify(body),
      signal: AbortSignal.timeout(ANSWER_WITHIN_MS),
    });
    const seconds = (/** @type {string} */ name) => Number(response.headers.get(name)) || 0;
    const isJson = /json/.test(response.headers.get("content-type") ?? "");
    const value = isJson ? await response.json() : null;
    if (response.ok) return { ok: true, value, ageMs: seconds("age") * 1000 };
    const problem = value ?? { type: "unavailable", status: response.status };
    return { ok: false, problem, retryAfterMs: seconds("retry-after") * 1000 };
  } catch {
    return { ok: false, problem: { type: "network", status: 0 }, retryAfterMs: 0 };
  }
}

/**
 * Asks until there is an answer that stays.
 * @template T
 * @param {() => Promise<Answer<T>>} ask @param {(word: string) => void} tell told each time it has to wait
 * @returns {Promise<Answer<T>>}
 */
export async function insist(ask, tell) {
  for (let attempt = 0; ; attempt++) {
    const answer = await ask();
    if (answer.ok || !passing.has(answer.problem.type)) return answer;
    tell(answer.problem.type);
    const backoff = Math.min(PAUSE_MAX_MS, 1000 * 2 ** attempt);
    await pause(later(Math.max(answer.retryAfterMs, backoff)));
  }
}

/** Not before `ms`, and not all at the same moment. @param {number} ms */
export const later = (ms) => ms * (1 + Math.random() * 0.4);

/**
 * What this visitor adds to the pace of the pulse, so that not all come at once. Around zero, because the server's clock
 * as seen from here runs behind: while the pulse is made anew each second, everybody hears within two of what happened.
 * @param {number} ms
 */
export const spreadMs = (ms) => (Math.random() - 0.5) * Math.min(600, ms);

/** Around `ms`, ±20 %. @param {number} ms */
export const around = (ms) => ms * (0.8 + Math.random() * 0.4);

/**
 * From the pulse to the next look: at its pace, or at that of those far back.
 * @param {{ pollAfterMs: number, far?: Pulse["far"] | undefined }} pulse @param {number | undefined} place in line, where it is known
 */
export const paceMs = ({ pollAfterMs, far }, place) =>
  far && place !== undefined && place > far.beyond
    ? around(far.pollAfterMs)
    : pollAfterMs + spreadMs(pollAfterMs);

/** Ends early when the network or the reader comes back. @param {number} ms @returns {Promise<void>} */
export function pause(ms) {
  return new Promise((resolve) => {
    const done = () => {
      if (document.hidden || !navigator.onLine) return;
      end();
    };
    const end = () => {
      clearTimeout(timer);
      removeEventListener("online", done);
      document.removeEventListener("visibilitychange", done);
      resolve();
    };
    const timer = setTimeout(end, ms);
    addEventListener("online", done);
    document.addEventListener("visibilitychange", done);
  });
}

/**
 * The server's clock, as well as it can be seen from here. A cached answer is late, never early, so of the last few
 * the one furthest ahead is the closest.
 */
/** @type {number[]} */
const offsets = [];
export const now = () => Date.now() + (offsets.length === 0 ? 0 : Math.max(...offsets));

/** @param {string} serverNow @param {number} ageMs how long the answer lay in a cache */
export function setClock(serverNow, ageMs) {
  offsets.push(Date.parse(serverNow) + ageMs - Date.now());
  if (offsets.length > 5) offsets.shift();
}
