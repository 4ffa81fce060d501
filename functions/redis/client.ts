/**
 * The one place where the Redis client is made and its failures are met. Every script and command is idempotent, so a
 * lost answer is answered by sending the same bytes again; what still fails becomes `Unavailable`. Errors of the client
 * quote the whole command: only their beginning is kept.
 */
import { Redis } from "@upstash/redis/cloudflare";
import type { z } from "zod";
import { count } from "../tallies.ts";
import { decoded, Unavailable } from "../unavailable.ts";
import { saleOf } from "./keys.ts";
import { callName } from "./price.ts";

const TIMEOUT_MS = 2_000;
const BACKOFF_MS = [50, 250];

export function connectRedis(url: string, token: string): Redis {
  const redis = new Redis({
    url,
    token,
    // Each option is written out, because most defaults are not ours: answers as Redis gave them, no retries beside
    // ours, and no pipelining, which would make one request wait for the promise of another.
    automaticDeserialization: false,
    enableAutoPipelining: false,
    enableTelemetry: false,
    readYourWrites: false,
    // Base64 around every string would cost the sync as much as writing to Postgres does; ours are all valid Unicode.
    responseEncoding: false,
    retry: { retries: 0 },
    signal: () => AbortSignal.timeout(TIMEOUT_MS),
  });
  redis.use(async (request, next) => {
    countCommand(request.body);
    return await next(request);
  });
  return redis;
}

/** Counts a command for the sale of its key. Scripts are counted where their answer is known. */
function countCommand(body: unknown): void {
  if (!Array.isArray(body)) return;
  const [name, key] = body.map(String);
  const saleId = saleOf(key ?? "");
  if (saleId !== undefined && name?.startsWith("eval") === false) count(saleId, "command");
}

/** A Lua script and the schema of its answer. */
export interface Script<Reply> {
  name: string;
  source: string;
  reply: z.ZodType<Reply>;
  /** It carries what was counted, and is counted with the next of it. */
  tellsNews?: true;
}

/** Hashed once per isolate; there is one client per isolate too. */
const executables = new WeakMap<Redis, Map<string, Execute>>();
type Execute = (keys: string[], args: string[]) => Promise<unknown>;

/**
 * Runs a script by its hash, or by its text where Redis does not know it yet.
 * @throws {Unavailable} Redis did not answer, or not as the script does
 */
export async function runScript<Reply>(
  redis: Redis,
  script: Script<Reply>,
  keys: string[],
  args: (string | number)[],
): Promise<Reply> {
  const known = executables.get(redis) ?? new Map<string, Execute>();
  executables.set(redis, known);
  let execute = known.get(script.source);
  if (execute === undefined) {
    const executable = redis.createScript(script.source);
    execute = (...call) => executable.exec(...call);
    known.set(script.source, execute);
  }
  const send = execute;
  const reply = await persist(script.name, () => send(keys, args.map(String)));
  const saleId = saleOf(keys[0] ?? "");
  const word: unknown = Array.isArray(reply) ? reply[0] : undefined;
  if (saleId !== undefined) count(saleId, callName(script.name, word), 1, !script.tellsNews);
  return decoded("redis", script.name, script.reply, reply);
}

/**
 * Sends an idempotent command until it is answered, a few times at most.
 * @throws {Unavailable} Redis did not answer
 */
export async function persist<Answer>(name: string, send: () => Promise<Answer>): Promise<Answer> {
  for (let attempt = 0; ; attempt++) {
    try {
      return await send();
    } catch (error) {
      const backoffMs = BACKOFF_MS[attempt];
      if (backoffMs === undefined) throw new Unavailable("redis", `${name}: ${shortened(error)}`);
      await new Promise((resolve) => setTimeout(resolve, backoffMs));
    }
  }
}

const shortened = (error: unknown) => String(error).split(", command was")[0]?.slice(0, 200) ?? "";
