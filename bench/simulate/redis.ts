/**
 * The real Redis of a simulation, as its clients reach it: Upstash's protocol in front of a redis-server, without a network
 * between. What Redis takes from the machine's clock is simulated: scripts read the time and make the ids of the outbox
 * from a key that is set before each command, and a lease ends by it.
 */
import { createHash } from "node:crypto";
import { globSync, readFileSync } from "node:fs";
import path from "node:path";
import { openConnection, type Reply } from "../../dev/redis/connection.ts";
import { writeError, writeOutcome } from "../../dev/redis/reply.ts";
import { startRedisServer } from "../../dev/redis/server.ts";
import type { Defect } from "./defects.ts";
import { patched } from "./modules.ts";

export interface Answer {
  status: number;
  body: string;
  headers?: Record<string, string>;
}

export interface Command {
  /** A script's name (its file's, by its folder) or the command's. */
  step: string;
  args: string[];
  isScript: boolean;
}

export interface SimulatedRedis {
  /** Knows the functions' scripts from now on, with this defect in them. */
  load(defect?: Defect): Promise<void>;
  read(body: string): Command;
  /**
   * Runs a client's command at this time.
   * @param look commands of our own that see what it has done, sent along so that they cost no round trip
   */
  run(command: Command, nowMs: number, look?: string[][]): Promise<{ answer: Answer; seen: Reply[] }>;
  /** Commands of our own, one after the other. */
  send(commands: (string | number)[][]): Promise<Reply[]>;
}

const CLOCK = "{clock}";
/** In front of every script: its time, and ids of a stream that never go back, as Redis makes them. */
const PROLOGUE = `
local function CLOCK_TIME()
  local ms = tonumber(redis.call('GET', '${CLOCK}'))
  return { math.floor(ms / 1000), (ms % 1000) * 1000 }
end
local function CLOCK_ID(key)
  local ms = redis.call('GET', '${CLOCK}')
  local info = redis.call('EXISTS', key) == 1 and redis.call('XINFO', 'STREAM', key)
  if not info then return ms .. '-0' end
  local lastMs, lastSeq = string.match(info[8], '^(%d+)-(%d+)$')
  if tonumber(lastMs) < tonumber(ms) then return ms .. '-0' end
  return lastMs .. '-' .. string.format('%d', lastSeq + 1)
end
`;
const LEASE = `
local ends = tonumber(redis.call('GET', KEYS[1]))
if ends and ends > tonumber(ARGV[1]) then return false end
redis.call('SET', KEYS[1], string.format('%d', ARGV[1] + ARGV[2]))
return redis.status_reply('OK')`;

interface Script {
  step: string;
  text: string;
  hash: string;
}

const sha1 = (text: string) => createHash("sha1").update(text).digest("hex");

export async function startSimulatedRedis(): Promise<SimulatedRedis> {
  const server = await startRedisServer();
  const connection = openConnection(server.socketPath);
  const send = async (commands: (string | number)[][]) => {
    const replies = await connection.send(commands.map((command) => command.map(String)));
    const error = replies.find((reply) => reply instanceof Error);
    if (error instanceof Error) throw error;
    return replies;
  };

  /** By the text that clients know, and by its hash. */
  const scripts = new Map<string, Script>();
  const leaseHash = sha1(LEASE);
  await send([["SCRIPT", "LOAD", LEASE]]);

  const root = path.join(import.meta.dirname, "../..");
  return {
    async load(defect) {
      for (const file of globSync("functions/**/*.lua", { cwd: root })) {
        const source = patched(file, readFileSync(path.join(root, file), "utf8"), defect);
        if (scripts.has(source)) continue;
        const text = simulatedTime(source);
        const step = `${path.basename(path.dirname(file))}/${path.basename(file, ".lua")}`;
        const script: Script = { step, text, hash: sha1(text) };
        scripts.set(source, script).set(sha1(source), script);
        await send([["SCRIPT", "LOAD", text]]);
      }
    },
    read(body) {
      const args = (JSON.parse(body) as (string | number)[]).map(String);
      const name = (args[0] ?? "").toUpperCase();
      const script = name === "EVALSHA" || name === "EVAL" ? scripts.get(args[1] ?? "") : undefined;
      if (script !== undefined)
        return { step: script.step, args: ["EVALSHA", script.hash, ...args.slice(2)], isScript: true };
      if (name.startsWith("EVAL")) throw new Error("a script that is no file of the functions");
      return { step: name, args, isScript: false };
    },
    async run({ args, isScript }, nowMs, look = []) {
      const [name = "", key = "", , ...options] = args;
      if (isScript) {
        const [, reply = null, ...seen] = await connection.send([
          ["SET", CLOCK, String(nowMs)],
          args,
          ...look,
        ]);
        return { answer: answerOf(reply), seen };
      }
      const lifetime = options.findIndex((option) => option.toUpperCase() === "PX");
      const command =
        name.toUpperCase() === "SET" && lifetime >= 0
          ? ["EVALSHA", leaseHash, "1", key, String(nowMs), options[lifetime + 1] ?? "0"]
          : args;
      return { answer: answerOf((await connection.send([command]))[0] ?? null), seen: [] };
    },
    send,
  };
}

const answerOf = (reply: Reply): Answer =>
  reply instanceof Error
    ? { status: 400, body: writeError(reply.message) }
    : { status: 200, body: writeOutcome(reply, false) };

/** @throws Error for a script that takes the time in a way that is not known here */
function simulatedTime(source: string): string {
  const text =
    PROLOGUE +
    source
      .replace(/^#!lua.*\n/, "")
      .replaceAll("redis.call('TIME')", "CLOCK_TIME()")
      .replaceAll("redis.call('XADD', outbox, '*',", "redis.call('XADD', outbox, CLOCK_ID(outbox),");
  if (/'TIME'|XADD', \w+, '\*'/.test(text)) throw new Error("a script takes the machine's time");
  return text;
}
