/** The endpoints of Upstash's REST API, and the faults ordered for them. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { strike, type Faults } from "../faults.ts";
import type { Arg, Reply } from "./connection.ts";
import { answer } from "./http.ts";
import { writeError, writeOutcome } from "./reply.ts";
import { BadRequest, parseCommand, parseCommands, parsePath } from "./request.ts";
import type { Runner } from "./runner.ts";

/** A request that may ask, read to its end. */
export interface Call {
  request: IncomingMessage;
  response: ServerResponse;
  pathname: string;
  query: URLSearchParams;
  body: Buffer;
  readOnly: boolean;
}

interface Answer {
  status: number;
  json: string;
}

const jsonEndpoints = new Set(["/", "/pipeline", "/multi-exec"]);
const bodyMethods = new Set(["POST", "PUT"]);
const pathMethods = new Set(["GET", "HEAD", ...bodyMethods]);

/** The HTTP methods a path takes: with a command in the URL, GET will do. */
export function methodsFor(pathname: string): Set<string> {
  return jsonEndpoints.has(pathname) ? bodyMethods : pathMethods;
}

/**
 * Answers a call, or cuts it off if a fault says so.
 * @throws {BadRequest | RedisAway}
 */
export async function serve(call: Call, runner: Runner, faults: Faults): Promise<void> {
  const { request, response, pathname } = call;
  if ((request.headers["upstash-response-format"] ?? "json") !== "json") {
    throw new BadRequest(400, "ERR only the json response format is available here");
  }
  const text = call.body.toString();
  // In path style the command is in the URL, and faults are matched against both.
  const fault = faults.take(jsonEndpoints.has(pathname) ? text : `${request.url ?? ""}\n${text}`);
  const refuse = (status: number) => answer(response, status, writeError("ERR injected fault"));
  if (fault && (await strike(fault, response, refuse))) return;
  const execution = execute(call, text, runner);
  if (fault?.kind === "lose_answer") {
    // Lost with it, if so, is the news that it failed.
    await execution.catch(() => undefined);
    response.destroy();
    return;
  }
  const { status, json } = await execution;
  answer(response, status, json);
}

async function execute(call: Call, text: string, runner: Runner): Promise<Answer> {
  const { pathname, readOnly } = call;
  const base64 = call.request.headers["upstash-encoding"] === "base64";
  const one = async (command: Arg[]) => writeOne((await runner.run([command], readOnly))[0] ?? null, base64);
  switch (pathname) {
    case "/":
      return await one(parseCommand(text));
    case "/pipeline":
      return writeAll(await runner.run(parseCommands(text, "pipeline"), readOnly), base64);
    case "/multi-exec": {
      const replies = await runner.transact(parseCommands(text, "transaction"), readOnly);
      return Array.isArray(replies) ? writeAll(replies, base64) : writeOne(replies, base64);
    }
    default:
      return await one(parsePath(pathname, call.query, call.body));
  }
}

function writeOne(reply: Reply, base64: boolean): Answer {
  return { status: reply instanceof Error ? 400 : 200, json: writeOutcome(reply, base64) };
}

function writeAll(replies: Reply[], base64: boolean): Answer {
  return { status: 200, json: `[${replies.map((reply) => writeOutcome(reply, base64)).join(",")}]` };
}
