/**
 * One connection to Redis, in RESP2 by hand: a client library would turn HGETALL into objects, offer blocking commands
 * and retries, and cost a third of the throughput, while encoding is ten lines and `redis-parser` reads the answers.
 * Guarantee: the commands of one `send` are written in one piece, so a MULTI…EXEC in it is never interleaved.
 * Trade-off: when the connection breaks, whatever is unanswered fails, and the next command connects anew.
 */
import { connect, type Socket } from "node:net";
import Parser, { type Parsed } from "redis-parser";

export type Arg = string | Buffer;
/** A Buffer is a string of Redis, a string the digits of an integer (exact beyond 2^53), an Error a Redis error. */
export type Reply = Parsed;

/** Redis could not be asked, or went away before it answered. */
export class RedisAway extends Error {}

export interface Connection {
  /**
   * Runs commands one after the other.
   * @returns one reply each, errors of Redis among them
   * @throws {RedisAway}
   */
  send: (commands: Arg[][]) => Promise<Reply[]>;
  close(): void;
}

interface Waiting {
  replies: Reply[];
  count: number;
  resolve: (replies: Reply[]) => void;
  reject: (error: Error) => void;
}

/** @param socketPath the unix socket of a redis-server */
export function openConnection(socketPath: string): Connection {
  let socket: Socket | undefined;
  let waiting: Waiting[] = [];
  let outgoing = "";
  let flushing = false;

  function open(): Socket {
    const opened = connect(socketPath);
    const parser = new Parser({
      returnReply: receive,
      returnError: receive,
      returnFatalError: (error) => opened.destroy(error),
      returnBuffers: true,
      stringNumbers: true,
    });
    let cause = "connection closed";
    opened.on("data", (chunk: Buffer) => parser.execute(chunk));
    opened.on("error", (error) => (cause = error.message));
    opened.on("close", () => {
      if (socket !== opened) return;
      socket = undefined;
      outgoing = "";
      const lost = waiting;
      waiting = [];
      for (const { reject } of lost) reject(new RedisAway(`ERR Redis is away: ${cause}`));
    });
    return opened;
  }

  function receive(reply: Reply): void {
    const first = waiting[0];
    if (first === undefined) return;
    first.replies.push(reply);
    if (first.replies.length < first.count) return;
    waiting.shift();
    first.resolve(first.replies);
  }

  function flush(): void {
    flushing = false;
    if (outgoing !== "") socket?.write(outgoing);
    outgoing = "";
  }

  function write(frames: Arg[]): void {
    for (const frame of frames) {
      if (typeof frame === "string") {
        outgoing += frame;
      } else {
        // Bytes cannot join the text; what was before them must leave before them.
        flush();
        socket?.write(frame);
      }
    }
    // One write for all requests that arrived in this turn of the event loop, instead of a system call for each.
    if (!flushing) setImmediate(flush);
    flushing = true;
  }

  return {
    send(commands) {
      return new Promise((resolve, reject) => {
        if (commands.length === 0) {
          resolve([]);
          return;
        }
        socket ??= open();
        waiting.push({ replies: [], count: commands.length, resolve, reject });
        for (const command of commands) write(encode(command));
      });
    },
    close() {
      socket?.destroy();
    },
  };
}

/** A command as RESP: one text, cut only around arguments that are bytes. */
function encode(args: Arg[]): Arg[] {
  const frames: Arg[] = [];
  let text = `*${args.length}\r\n`;
  for (const arg of args) {
    text += `$${Buffer.byteLength(arg)}\r\n`;
    if (typeof arg === "string") {
      text += arg;
    } else {
      frames.push(text, arg);
      text = "";
    }
    text += "\r\n";
  }
  frames.push(text);
  return frames;
}
