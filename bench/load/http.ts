/**
 * The load client: raw sockets that write prebuilt keep-alive requests, each with one request under way. Costs a fraction of
 * what a client library does, on a machine that also carries what is measured. Answers are checked for their status and
 * counted; what they say is for the caller to look at elsewhere.
 */
import { once } from "node:events";
import { connect } from "node:net";
import { setTimeout as wait } from "node:timers/promises";

export interface Request {
  method?: string;
  path: string;
  headers?: Record<string, string>;
  body?: string;
}

/** A request as bytes. */
export function encode(url: string, { method = "GET", path, headers = {}, body }: Request): Buffer {
  const { host } = new URL(url);
  const fields = Object.entries({
    host,
    ...headers,
    ...(body === undefined ? {} : { "content-length": String(Buffer.byteLength(body)) }),
  });
  const head = fields.map(([name, value]) => `${name}: ${value}\r\n`).join("");
  return Buffer.from(`${method} ${path} HTTP/1.1\r\n${head}\r\n${body ?? ""}`);
}

export interface Load {
  connections: number;
  /** What every answer must be. Default: 200. */
  status?: number;
}

/** Answers a second, the same request again and again for so long. @throws Error at an answer of another status */
export async function loadFor(url: string, request: Buffer, seconds: number, load: Load): Promise<number> {
  let running = true;
  const under = send(url, () => (running ? request : undefined), load);
  const startedMs = performance.now();
  await Promise.race([wait(seconds * 1000), under.done]);
  const rate = (under.answers() / (performance.now() - startedMs)) * 1000;
  running = false;
  await under.done;
  return rate;
}

/** Answers a second, each of these requests once. @throws Error at an answer of another status */
export async function loadEach(url: string, requests: readonly Buffer[], load: Load): Promise<number> {
  let next = 0;
  const startedMs = performance.now();
  await send(url, () => requests[next++], load).done;
  return (requests.length / (performance.now() - startedMs)) * 1000;
}

/** @param next the request to send now, or nothing more */
function send(url: string, next: () => Buffer | undefined, { connections, status = 200 }: Load) {
  const { port, hostname } = new URL(url);
  let answers = 0;
  const client = async () => {
    const first = next();
    if (first === undefined) return;
    const socket = connect(Number(port), hostname);
    socket.setNoDelay(true);
    let begun: Buffer | undefined;
    socket.on("data", (chunk: Buffer) => {
      const answer = begun === undefined ? chunk : Buffer.concat([begun, chunk]);
      if (!isWhole(answer)) {
        begun = answer;
        return;
      }
      begun = undefined;
      if (Number(answer.subarray(9, 12).toString("latin1")) !== status) {
        socket.destroy(new Error(answer.toString().slice(0, 1000)));
        return;
      }
      answers++;
      const another = next();
      if (another === undefined) socket.end();
      else socket.write(another);
    });
    socket.write(first);
    await once(socket, "close");
  };
  return { answers: () => answers, done: Promise.all(Array.from({ length: connections }, client)) };
}

/** Whether an answer has all its bytes: of a said length, or in chunks up to the last, empty one. */
function isWhole(answer: Buffer): boolean {
  const headEnds = answer.indexOf("\r\n\r\n");
  if (headEnds < 0) return false;
  const head = answer.toString("latin1", 0, headEnds);
  const length = /\r\ncontent-length: (\d+)/i.exec(head)?.[1];
  if (length !== undefined) return answer.length >= headEnds + 4 + Number(length);
  return answer.subarray(-5).equals(lastChunk) && /\r\ntransfer-encoding: chunked/i.test(head);
}

const lastChunk = Buffer.from("0\r\n\r\n");
