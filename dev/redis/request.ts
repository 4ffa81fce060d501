/** Requests of Upstash's REST API as commands. Whatever is malformed becomes a `BadRequest`, never a crash. */
import type { Arg } from "./connection.ts";

/** Answered with `status` and `{error: message}`. */
export class BadRequest extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/** @throws {BadRequest} unless the body is one command: a JSON array of its name and arguments */
export function parseCommand(body: string): Arg[] {
  return readCommand(parseJson(body), "command");
}

/**
 * @param what for the error: "pipeline" or "transaction"
 * @throws {BadRequest} unless the body is a JSON array of at least one command
 */
export function parseCommands(body: string, what: string): Arg[][] {
  const rows = parseJson(body);
  if (!Array.isArray(rows)) throw new BadRequest(400, `ERR failed to parse ${what} request`);
  if (rows.length === 0) throw new BadRequest(400, `ERR empty ${what} request`);
  return rows.map((row: unknown) => readCommand(row, what));
}

/**
 * `/set/foo/bar?EX=100`: path segments, then the body if there is one, then each query parameter and its value.
 * @param body bytes as they came: the one way to send what is not UTF-8
 * @throws {BadRequest}
 */
export function parsePath(pathname: string, query: URLSearchParams, body: Buffer): Arg[] {
  let segments: string[];
  try {
    segments = pathname.slice(1).split("/").map(decodeURIComponent);
  } catch {
    throw new BadRequest(400, "ERR failed to parse command: malformed path");
  }
  if (segments[0] === "") throw new BadRequest(400, "ERR empty command");
  const options = [...query].filter(([name]) => name !== "_token").flat();
  return [...segments, ...(body.length > 0 ? [body] : []), ...options.filter((word) => word !== "")];
}

function readCommand(row: unknown, what: string): Arg[] {
  if (!Array.isArray(row)) throw new BadRequest(400, `ERR failed to parse ${what}: not an array`);
  if (row.length === 0) throw new BadRequest(400, "ERR empty command");
  return row.map((arg: unknown) => {
    if (typeof arg === "string") return arg;
    if (typeof arg === "number" || typeof arg === "boolean") return String(arg);
    throw new BadRequest(400, `ERR failed to parse ${what}: arguments are strings, numbers or booleans`);
  });
}

function parseJson(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    throw new BadRequest(400, "ERR failed to parse request body as JSON");
  }
}
