/** Commands straight to a Redis over its unix socket, from many connections, each answer checked for its word. */
import { once } from "node:events";
import { connect } from "node:net";
import Parser, { type Parsed } from "redis-parser";
import { Incorrect } from "../measure.ts";

export interface RedisLoad {
  connections: number;
  /** Commands that a connection sends at once. */
  pipeline: number;
  /** What every answer must begin with; a number must not be negative. */
  word?: string;
}

/** Commands a second, each sent once. @throws Incorrect at an answer that is another one */
export async function loadRedis(
  socketPath: string,
  commands: readonly string[][],
  { connections, pipeline, word }: RedisLoad,
): Promise<number> {
  const writes: { bytes: Buffer; count: number }[] = [];
  for (let first = 0; first < commands.length; first += pipeline) {
    const some = commands.slice(first, first + pipeline);
    writes.push({ bytes: Buffer.from(some.map(encode).join("")), count: some.length });
  }
  let next = 0;
  const client = async () => {
    let missing = 0;
    const send = () => {
      const write = writes[next++];
      missing = write?.count ?? 0;
      if (write === undefined) socket.end();
      else socket.write(write.bytes);
    };
    const receive = (reply: Parsed) => {
      if (isGood(reply, word)) {
        if (--missing === 0) send();
      } else socket.destroy(new Incorrect(`${word ?? "a call"} was answered ${String(reply)}`));
    };
    const parser = new Parser({
      returnReply: receive,
      returnError: receive,
      returnFatalError: receive,
      returnBuffers: true,
      stringNumbers: true,
    });
    const socket = connect(socketPath);
    socket.on("data", (chunk: Buffer) => parser.execute(chunk));
    await once(socket, "connect");
    const closed = once(socket, "close");
    send();
    await closed;
  };
  const startedMs = performance.now();
  await Promise.all(Array.from({ length: connections }, client));
  return (commands.length / (performance.now() - startedMs)) * 1000;
}

function isGood(reply: Parsed, word: string | undefined): boolean {
  // The word comes first, however deep: join.lua answers a list of those who join.
  if (Array.isArray(reply)) return word !== undefined && String(reply.flat(2)[0]) === word;
  return word === undefined && typeof reply === "string" && Number(reply) >= 0;
}

const encode = (command: string[]) =>
  `*${command.length}\r\n${command.map((arg) => `$${Buffer.byteLength(arg)}\r\n${arg}\r\n`).join("")}`;
