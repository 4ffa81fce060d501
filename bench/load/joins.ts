/**
 * Sends joins to the functions Worker as the edge does, each of somebody new, from as many sockets as there may be under way.
 * Raw sockets and prebuilt requests: the client shares the machine with what is measured. Who hears 503 comes again,
 * as clients do: its time goes on until there is a place.
 */
import { once } from "node:events";
import { connect } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { SHOPPER_HEADER } from "../../domain/internal.ts";
import { mintShopper } from "../../domain/token.ts";

export interface JoinLoad {
  joins: number;
  connections: number;
  /** Of each connection, between an answer and the next join (ms). */
  pauseMs: number;
}

const ATTEMPTS_MAX = 20;
const AGAIN_MS = 250;

/** @returns how long each took (ms), and all of them together @throws Error at an answer that is no place */
export async function sendJoins(
  url: string,
  sale: string,
  load: JoinLoad,
): Promise<{ ms: number[]; allMs: number }> {
  const { host, hostname, port } = new URL(url);
  const ms: number[] = [];
  let left = load.joins;
  const startedMs = performance.now();
  const clients = Array.from({ length: Math.min(load.connections, load.joins) }, async () => {
    const socket = connect(Number(port), hostname);
    socket.setNoDelay(true);
    await once(socket, "connect");
    while (left-- > 0) {
      const sentMs = performance.now();
      const shopper = mintShopper();
      let status = 503;
      for (let attempt = 1; status === 503 && attempt <= ATTEMPTS_MAX; attempt++) {
        if (attempt > 1) await sleep(AGAIN_MS);
        socket.write(
          `POST /api/sales/${sale}/queue HTTP/1.1\r\nhost: ${host}\r\n${SHOPPER_HEADER}: ${shopper}\r\n` +
            "content-type: application/json\r\ncontent-length: 2\r\n\r\n{}",
        );
        let answer = "";
        do answer += String(((await once(socket, "data")) as [Buffer])[0]);
        while (!isWhole(answer));
        status = Number(answer.slice(9, 12));
      }
      if (status !== 200 && status !== 201) throw new Error(`a join was answered ${status}`);
      ms.push(performance.now() - sentMs);
      if (load.pauseMs > 0) await sleep(load.pauseMs);
    }
    socket.destroy();
  });
  await Promise.all(clients);
  return { ms, allMs: performance.now() - startedMs };
}

function isWhole(answer: string): boolean {
  const headEnds = answer.indexOf("\r\n\r\n");
  if (headEnds < 0) return false;
  const length = /\r\ncontent-length: (\d+)/i.exec(answer.slice(0, headEnds))?.[1];
  return length === undefined ? answer.endsWith("0\r\n\r\n") : answer.length >= headEnds + 4 + Number(length);
}
