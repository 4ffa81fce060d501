/**
 * A line in a Redis of its own, filled and moved by the scripts the functions run, published as they publish a sale.
 * Every call says what time it is, so that hundreds of releases need no waiting.
 */
import { openConnection, type Reply } from "../../dev/redis/connection.ts";
import { startRedisGateway } from "../../dev/redis/gateway.ts";
import { withoutKeyLocking } from "../../dev/redis/scripts.ts";
import { startRedisServer } from "../../dev/redis/server.ts";
import { saleSchema, type Sale } from "../../domain/sale.ts";
import { mintShopper } from "../../domain/token.ts";
import type { Script } from "../../functions/redis/client.ts";
import { benchServices } from "../services.ts";

export const RELEASE = 1000;
const OPENS_AT_MS = Date.parse("2030-06-01T12:00:00Z");
/** Longer than a turn, so that whoever was called in by one tick has left at the next. */
const TICK_SECONDS = 60;
/** A little more than one release takes: what is left then never reaches all in line, the pulse's dearer case. */
const STOCK = RELEASE + 100;
/** Joins in one round trip. */
const PIPELINE = 500;
/** Enough for the calls of one measurement, and the commands inside scripts should they be logged too. */
const SLOWLOG_ENTRIES = 100_000;

export interface Line {
  /** So many new people join, as fast as they can be sent. */
  fill: (people: number) => Promise<void>;
  join: () => Promise<void>;
  /** The next release is due: a thousand leave the line. @throws Error when it was another number */
  release: () => Promise<void>;
  /** A pulse between two releases. */
  pulse: () => Promise<void>;
  /** Calls all in, whatever is left in stock. */
  callAll: () => Promise<void>;
}

export interface Redis {
  newLine: (lobby: "arrival" | "draw") => Promise<Line>;
  /** Microseconds that Redis was busy with each script call of the work. */
  timed: (work: () => Promise<void>) => Promise<number[]>;
  usedBytes: () => Promise<number>;
  /** Forgets all lines. */
  empty: () => Promise<void>;
  stop: () => Promise<void>;
}

export async function startRedis(): Promise<Redis> {
  const { publishSale } = await import("../../functions/sale/publish.ts");
  const { postgresSaying } = await import("../../tests/support/postgres.ts");
  const { joinScript } = await import("../../functions/queue/join.ts");
  const { releaseScript } = await import("../../functions/queue/pulse.ts");
  const { connectRedis } = await import("../../functions/redis/client.ts");
  const { saleKeys } = await import("../../functions/redis/keys.ts");

  // Nothing of a Redis keeps a process alive, not even waiting for its end.
  const alive = setInterval(() => undefined, 60_000);
  const server = await startRedisServer();
  const token = "bench";
  const gateway = await startRedisGateway({ redis: server, token });
  const connection = openConnection(server.socketPath);
  const send = async (...command: string[]): Promise<Reply> => {
    const [reply] = await connection.send([command]);
    if (reply instanceof Error) throw reply;
    return reply ?? null;
  };
  const load = async ({ source }: Script<unknown>) =>
    String(await send("SCRIPT", "LOAD", withoutKeyLocking(source)));
  const [joinSha, releaseSha] = [await load(joinScript), await load(releaseScript)];
  await send("CONFIG", "SET", "slowlog-max-len", String(SLOWLOG_ENTRIES));

  const servicesFor = (definition: Sale, drawSeed: string | null) =>
    benchServices({
      redis: connectRedis(gateway.url, token),
      postgres: postgresSaying({ definition, stored: { drawSeed } }),
    });
  let sales = 0;

  return {
    async newLine(lobby) {
      const id = `line-${++sales}`;
      const sale = saleSchema.parse({
        id,
        name: id,
        currency: "EUR",
        opensAt: new Date(OPENS_AT_MS).toISOString(),
        closesAt: new Date(OPENS_AT_MS + 365 * 24 * 3_600_000).toISOString(),
        items: [{ sku: "unit", name: "Unit", stock: STOCK, price: 0 }],
        lobby,
        releaseSize: RELEASE,
        releaseEverySeconds: TICK_SECONDS,
        capacity: 100_000,
        passSeconds: TICK_SECONDS / 2,
      });
      await publishSale(servicesFor(sale, lobby === "draw" ? "5e".repeat(32) : null), id);
      const keys = saleKeys(id);
      const inLine = [keys.sale, keys.waitlist, keys.lobby, keys.released];
      const atJoin = [...inLine, keys.shoppers];
      const joining = () => [
        ...["EVALSHA", joinSha, String(atJoin.length), ...atJoin],
        // As functions/queue/join.ts calls it for somebody new, known by cookie, in the lobby.
        ...[String(OPENS_AT_MS - 1000), mintShopper(), "", "", "", "0", "0", "", ""],
      ];
      const atRelease = [...inLine, keys.inside, keys.stock, keys.holds, keys.tallies];
      const released = async (nowMs: number): Promise<number> => {
        const reply = await send(
          ...["EVALSHA", releaseSha, String(atRelease.length), ...atRelease, String(nowMs), "", ""],
        );
        const room = Array.isArray(reply) ? reply[3] : undefined;
        return Array.isArray(room) ? Number(room[1]) : NaN;
      };
      let tick = -1;
      const nowMs = () => OPENS_AT_MS + tick * TICK_SECONDS * 1000;
      const expectJoined = (reply: Reply | undefined) => {
        const [answers] = Array.isArray(reply) ? reply : [];
        const [answer] = Array.isArray(answers) ? answers : [];
        const word = Array.isArray(answer) ? String(answer[0]) : String(reply);
        if (word !== "joined") throw new Error(`a join was answered ${word}`);
      };

      return {
        async fill(people) {
          for (let left = people; left > 0; left -= PIPELINE) {
            const joins = Array.from({ length: Math.min(PIPELINE, left) }, joining);
            (await connection.send(joins)).forEach(expectJoined);
          }
        },
        join: async () => expectJoined(await send(...joining())),
        async release() {
          tick++;
          const count = await released(nowMs());
          if (count !== RELEASE) throw new Error(`${count} were released instead of ${RELEASE}`);
        },
        async pulse() {
          const count = await released(nowMs() + 1000);
          if (count !== 0) throw new Error(`a pulse released ${count}`);
        },
        async callAll() {
          await send("HSET", keys.sale, "mode", "passthrough");
          do tick++;
          while ((await released(nowMs())) > 0);
        },
      };
    },

    async timed(work) {
      await send("SLOWLOG", "RESET");
      await send("CONFIG", "SET", "slowlog-log-slower-than", "0");
      await work();
      await send("CONFIG", "SET", "slowlog-log-slower-than", "-1");
      const entries = await send("SLOWLOG", "GET", "-1");
      await send("SLOWLOG", "RESET");
      return (Array.isArray(entries) ? entries : []).flatMap((entry) => {
        const [, , micros, command] = Array.isArray(entry) ? entry : [];
        return Array.isArray(command) && String(command[0]) === "EVALSHA" ? [Number(micros)] : [];
      });
    },

    async usedBytes() {
      const info = String(await send("INFO", "memory"));
      return Number(/^used_memory:(\d+)/m.exec(info)?.[1]);
    },

    async empty() {
      await send("FLUSHALL", "SYNC");
    },

    async stop() {
      connection.close();
      await gateway.close();
      await server.stop();
      clearInterval(alive);
    },
  };
}
