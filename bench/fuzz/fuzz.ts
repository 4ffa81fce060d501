/**
 * Sends many fuzzed requests to a running shop, half of them made from its contract, and looks at what comes back: no 5xx, no
 * answer that never comes, and nothing of the code's inside.
 */
import { Agent, request as send } from "node:http";
import fc from "fast-check";
import { contractRequests } from "./contract.ts";
import { anyRequest, type FuzzedRequest } from "./requests.ts";
import type { Shop } from "./shop.ts";

export interface Report {
  sent: number;
  /** Answers by status; `closed` for a connection that was closed in place of an answer, as for what is no HTTP. */
  byStatus: Record<string, number>;
  /** Requests that were answered as none should be, or not in time. */
  faults: { what: string; request: FuzzedRequest }[];
}

export interface Options {
  requests: number;
  seed: number;
  /** Where to send: each in turn. */
  urls: string[];
  shop: Pick<Shop, "known" | "contract">;
  /** Told after each batch. */
  progress?: (sent: number) => void;
}

const AT_ONCE = 32;
const BATCH = 1_000;
const ANSWER_WITHIN_MS = 10_000;
const FAULTS_MAX = 20;

export async function fuzz({ requests, seed, urls, shop, progress }: Options): Promise<Report> {
  const report: Report = { sent: 0, byStatus: {}, faults: [] };
  const agent = new Agent({ keepAlive: true, maxSockets: AT_ONCE });
  const arbitrary = fc.oneof(anyRequest(shop.known), contractRequests(shop.contract, shop.known));
  try {
    for (let from = 0; from < requests && report.faults.length < FAULTS_MAX; from += BATCH) {
      const batch = fc.sample(arbitrary, { seed: seed + from, numRuns: Math.min(BATCH, requests - from) });
      const waiting = [...batch.entries()];
      const worker = async () => {
        for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
          const [nth, request] = next;
          const answer = await ask(agent, urls[nth % urls.length] ?? "", request);
          const { status } = answer;
          report.byStatus[status] = (report.byStatus[status] ?? 0) + 1;
          const what = wrongWith(answer);
          if (what !== undefined) report.faults.push({ what, request });
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

interface Answer {
  /** `closed`, or `none` when nothing came in time. */
  status: string;
  text: string;
}

/** A line of a stack, or what JavaScript says of an exception. */
const INSIDE = /\n\s+at .+:\d+:\d+|\b(Type|Reference|Range|Syntax|Zod|NeonDb)Error\b|node_modules/;

function wrongWith({ status, text }: Answer): string | undefined {
  if (status === "none") return "no answer";
  // An operator's fuzzed calls may put a sale on hold.
  if (Number(status) >= 500 && !text.startsWith('{"type":"on_hold"'))
    return `${status} ${text.slice(0, 200)}`;
  return INSIDE.test(text) && !text.startsWith('{"openapi"') ? `shows its inside: ${text}` : undefined;
}

function ask(agent: Agent, url: string, { method, path, headers, body }: FuzzedRequest): Promise<Answer> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve) => {
    const fields = headers.flatMap(([name, value]) => [name, value.trim()]);
    const length = body === undefined ? [] : ["content-length", String(body.length)];
    const asked = send(
      { agent, hostname, port, method, path, headers: ["host", `${hostname}:${port}`, ...fields, ...length] },
      (answer) => {
        let text = "";
        answer.setEncoding("latin1").on("data", (chunk: string) => (text += chunk));
        answer.on("close", () => {
          clearTimeout(timer);
          resolve({ status: String(answer.statusCode), text });
        });
      },
    );
    const timer = setTimeout(() => {
      resolve({ status: "none", text: "" });
      asked.destroy();
    }, ANSWER_WITHIN_MS);
    asked.on("error", () => {
      clearTimeout(timer);
      resolve({ status: "closed", text: "" });
    });
    asked.end(body);
  });
}

/** One line for a request that was not answered as it should be. */
export const shown = ({ what, request }: Report["faults"][number]): string =>
  `${what}: ${request.method} ${JSON.stringify(request.path)} ${JSON.stringify(request.headers)} ${JSON.stringify(request.body?.toString("latin1").slice(0, 300))}`;

/** What a Worker logged of exceptions that nobody expected. */
export const exceptionsIn = (log: string[]): string[] => log.filter((line) => line.includes('"stack":'));
