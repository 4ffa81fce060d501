/** The way to the functions Worker: the service binding, and what goes over it. */
import {
  ACCESS_HEADER,
  ACCOUNT_HEADER,
  BOT_CHECK_HEADER,
  EDGE_HEADER,
  EPOCH_HEADER,
  REGISTERED_HEADER,
  REFUSED_HEADER,
  REQUEST_ID_HEADER,
  SHOPPER_HEADER,
  TRACE_HEADER,
  TURNED_AWAY_HEADER,
  type EdgeState,
} from "../domain/internal.ts";
import { problem } from "../domain/problem.ts";
import { refuse } from "../domain/refusal.ts";
import { createCircuit } from "./circuit.ts";
import type { Env } from "./env.ts";
import { sawEpoch } from "./epoch.ts";
import type { Trace } from "./trace.ts";
import { takeTurnedAway } from "./turned-away.ts";

/** Per isolate: how the functions have answered of late. */
export const circuit = createCircuit(Math.random);

/** Longest wait for an answer (ms): without end only for operators, whose rebuild of a sale may take its time. */
const WITHIN_MS = { look: 5_000, personal: 25_000 };

/** On whose behalf a personal call is made. */
export type From =
  | { operator: true }
  | { stripe: true }
  | {
      shopper: string;
      registered?: string | undefined;
      account?: string | undefined;
      failedBotCheck?: boolean;
    };

export interface Call {
  method: string;
  /** The address as the client sees it. */
  url: string | URL;
  body?: string | undefined;
  /** What the body is; JSON where it is not said. */
  type?: string;
  /** Who it is from; on public calls nobody, because what they answer may be cached for everybody. */
  from?: From | undefined;
  /** The client's headers: its credentials go on with a personal call, nothing else does. */
  headers: Headers;
  trace: Trace;
  /** What this Worker says of itself. */
  aboutEdge?: EdgeState | undefined;
  /** As long as it takes: its time says nothing of how the functions are. */
  mayTakeLong?: boolean;
}

/** Asks the functions Worker. It not answering is an answer too: 503, nothing was lost. */
export async function askFunctions(
  env: Env,
  {
    method,
    url,
    body,
    type = "application/json",
    from,
    headers: given,
    trace,
    aboutEdge,
    mayTakeLong = false,
  }: Call,
): Promise<Response> {
  const headers = new Headers({ [REQUEST_ID_HEADER]: trace.requestId, [TRACE_HEADER]: trace.parent });
  for (const name of passedOn(from)) {
    const value = given.get(name);
    if (value !== null) headers.set(name, value);
  }
  if (from !== undefined && "shopper" in from) {
    headers.set(SHOPPER_HEADER, from.shopper);
    if (from.registered !== undefined) headers.set(REGISTERED_HEADER, from.registered);
    if (from.account !== undefined) headers.set(ACCOUNT_HEADER, from.account);
    if (from.failedBotCheck === true) headers.set(BOT_CHECK_HEADER, "failed");
  }
  if (aboutEdge !== undefined) headers.set(EDGE_HEADER, JSON.stringify(aboutEdge));
  if (body !== undefined) headers.set("content-type", type);
  const turnedAway = takeTurnedAway(new URL(url).pathname);
  if (turnedAway !== undefined) headers.set(TURNED_AWAY_HEADER, turnedAway.text);
  const startedMs = Date.now();
  const tookMs = () => Date.now() - startedMs;
  try {
    const answer = await env.FUNCTIONS.fetch(
      new Request(url, { method, headers, ...(body === undefined ? {} : { body }), ...patience(from) }),
    );
    const isGood = answer.status < 500 || answer.headers.get(REFUSED_HEADER) !== "unavailable";
    circuit.report(isGood, mayTakeLong ? 0 : tookMs(), Date.now());
    const changeable = new Response(answer.body, answer);
    changeable.headers.set("x-layer", "functions");
    changeable.headers.set("server-timing", `functions;dur=${tookMs()}`);
    sawEpoch(new URL(url).pathname, changeable.headers.get(EPOCH_HEADER));
    changeable.headers.delete(EPOCH_HEADER);
    return changeable;
  } catch (error) {
    circuit.report(false, tookMs(), Date.now());
    turnedAway?.putBack();
    console.error(JSON.stringify({ error: `functions: ${String(error)}`, request: trace.requestId }));
    return problem(refuse("unavailable"));
  }
}

function patience(from: From | undefined): { signal?: AbortSignal } {
  if (from !== undefined && "operator" in from) return {};
  return { signal: AbortSignal.timeout(from === undefined ? WITHIN_MS.look : WITHIN_MS.personal) };
}

/** What of a client's headers goes on. */
function passedOn(from: From | undefined): string[] {
  if (from === undefined) return [];
  if ("stripe" in from) return ["stripe-signature"];
  return "operator" in from ? ["authorization", ACCESS_HEADER] : ["authorization", "cookie"];
}
