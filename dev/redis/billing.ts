/**
 * What Upstash would bill: each command received, plus each `redis.call` inside a script. Counted by Redis itself
 * (`INFO commandstats`), so it holds for whatever a script does.
 *
 * - Not billed are the commands Upstash lists as free, and what this gateway asks for its own purposes.
 * - MULTI and EXEC around a /multi-exec are not on that list and therefore billed: where Upstash is silent, the figure
 *   is an upper bound. So is an EVALSHA that is answered NOSCRIPT.
 */
import type { Arg, Connection } from "./connection.ts";

export interface GatewayStats {
  /** HTTP requests for commands, refused ones included. */
  requests: number;
  /** Commands given to Redis. */
  calls: number;
  /** EVAL and EVALSHA among them. */
  scriptCalls: number;
  /** Commands Upstash would bill. */
  billedCommands: number;
  /** Those by name, as `INFO commandstats` spells it, most frequent first. */
  byCommand: Record<string, number>;
}

export interface Billing {
  countRequest: () => void;
  /** Counts a command about to be sent for a client. */
  countCall: (command: Arg[]) => void;
  /** Sends the gateway's own commands, which nobody is billed for. */
  sendOwn: Connection["send"];
  /** Since the start or the last `reset`. */
  stats: () => Promise<GatewayStats>;
  reset: () => Promise<void>;
}

/** https://upstash.com/pricing/redis, "Are all Redis commands counted in billing?" */
const free = new Set("auth hello select command config info ping reset quit".split(" "));

interface Snapshot {
  requests: number;
  calls: number;
  scriptCalls: number;
  executed: Map<string, number>;
}

/**
 * @param statName the name under which Redis counts a command
 * @throws {RedisAway}
 */
export async function createBilling(
  connection: Connection,
  statName: (command: Arg[]) => string,
): Promise<Billing> {
  const counts = { requests: 0, calls: 0, scriptCalls: 0 };
  const own = new Map<string, number>();
  let baseline: Snapshot = { ...counts, executed: new Map() };

  const sendOwn: Connection["send"] = (commands) => {
    for (const command of commands) add(own, statName(command), 1);
    return connection.send(commands);
  };

  async function snapshot(): Promise<Snapshot> {
    // Taken as INFO is sent: the connection keeps order, so both sides count exactly what was sent before it.
    const before = { ...counts };
    const ownBefore = new Map(own);
    const [info] = await sendOwn([["INFO", "commandstats"]]);
    const executed = readCommandStats(String(info));
    for (const [name, calls] of ownBefore) add(executed, name, -calls);
    return { ...before, executed };
  }

  const billing: Billing = {
    sendOwn,
    countRequest: () => {
      counts.requests++;
    },
    countCall(command) {
      counts.calls++;
      if (/^eval/i.test(String(command[0]))) counts.scriptCalls++;
    },
    async reset() {
      baseline = await snapshot();
    },
    async stats() {
      const now = await snapshot();
      const executed = [...now.executed]
        .map(([name, calls]) => [name, calls - (baseline.executed.get(name) ?? 0)] as const)
        .filter(([name, calls]) => calls > 0 && !free.has(name.split("|")[0] ?? name))
        .sort(([, a], [, b]) => b - a);
      return {
        requests: now.requests - baseline.requests,
        calls: now.calls - baseline.calls,
        scriptCalls: now.scriptCalls - baseline.scriptCalls,
        billedCommands: executed.reduce((sum, [, calls]) => sum + calls, 0),
        byCommand: Object.fromEntries(executed),
      };
    },
  };
  await billing.reset();
  return billing;
}

/** From lines such as `cmdstat_get:calls=3,usec=9,…`. */
function readCommandStats(info: string): Map<string, number> {
  const lines = info.matchAll(/^cmdstat_([^:]+):calls=(\d+)/gm);
  return new Map(Array.from(lines, ([, name = "", calls]) => [name.toLowerCase(), Number(calls)]));
}

function add(counts: Map<string, number>, name: string, by: number): void {
  counts.set(name, (counts.get(name) ?? 0) + by);
}
