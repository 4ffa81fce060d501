/** Sends many fuzzed requests to a running shop and looks at what comes back: no 5xx, and no answer that never comes. */
import { Agent, request as send } from "node:http";
import fc from "fast-check";
import { anyRequest, type FuzzedRequest, type Known } from "./requests.ts";

export interface Report {
  sent: number;
  /** Answers by status; `closed` for a connection that was closed in place of an answer, as for what is no HTTP. */
  byStatus: Record<string, number>;
  /** Requests that were answered with 5xx, or not in time. */
  faults: { what: string; request: FuzzedRequest }[];
}

export interface Options {
  requests: number;
  seed: number;
  /** Where to send: each in turn. */
  urls: string[];
  known: Known;
  /** Told after each batch. */
  progress?: (sent: number) => void;
}

const AT_ONCE = 32;
const BATCH = 1_000;
const ANSWER_WITHIN_MS = 10_000;
const FAULTS_MAX = 20;

export async function fuzz({ requests, seed, urls, known, progress }: Options): Promise<Report> {
  const report: Report = { sent: 0, byStatus: {}, faults: [] };
  const agent = new Agent({ keepAlive: true, maxSockets: AT_ONCE });
  const arbitrary = anyRequest(known);
  try {
    for (let from = 0; from < requests && report.faults.length < FAULTS_MAX; from += BATCH) {
      const batch = fc.sample(arbitrary, { seed: seed + from, numRuns: Math.min(BATCH, requests - from) });
      const waiting = [...batch.entries()];
      const worker = async () => {
        for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
          const [nth, request] = next;
          const answer = await ask(agent, urls[nth % urls.length] ?? "", request);
          report.byStatus[answer] = (report.byStatus[answer] ?? 0) + 1;
          if (answer === "none" || Number(answer) >= 500) report.faults.push({ what: answer, request });
        }
      };
      await Promise.all(Array.from({ length: AT_ONCE }, worker));
      report.sent += batch.length;
      progress?.(report.sent);
    }
  } finally {
    agent.destroy();
  }
  return report;
}

/** @returns the status; `closed`; or `none` when nothing came in time */
function ask(agent: Agent, url: string, { method, path, headers, body }: FuzzedRequest): Promise<string> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve) => {
    const fields = headers.flatMap(([name, value]) => [name, value.trim()]);
    const length = body === undefined ? [] : ["content-length", String(body.length)];
    const asked = send(
      { agent, hostname, port, method, path, headers: ["host", `${hostname}:${port}`, ...fields, ...length] },
      (answer) => {
        answer.resume();
        answer.on("close", () => {
          clearTimeout(timer);
          resolve(String(answer.statusCode));
        });
      },
    );
    const timer = setTimeout(() => {
      resolve("none");
      asked.destroy();
    }, ANSWER_WITHIN_MS);
    asked.on("error", () => {
      clearTimeout(timer);
      resolve("closed");
    });
    asked.end(body);
  });
}

/** One line for a request that was not answered as it should be. */
export const shown = ({ what, request }: Report["faults"][number]): string =>
  `${what}: ${request.method} ${JSON.stringify(request.path)} ${JSON.stringify(request.headers)} ${JSON.stringify(request.body?.toString("latin1").slice(0, 300))}`;
