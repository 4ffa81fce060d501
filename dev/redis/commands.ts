/**
 * Which commands a token may send. The rules come from Redis's own command table, so a newer Redis brings its own.
 * Refused for everybody is what makes no sense without a connection of one's own, or would disturb the one all requests
 * share: blocking, transactions (there is /multi-exec), subscriptions, SELECT, administration.
 */
import type { Arg, Connection, Reply } from "./connection.ts";

export interface Commands {
  /** Why this command may not run, in the words of Redis or Upstash; undefined if it may. */
  refusal: (command: Arg[], readOnly: boolean) => string | undefined;
  /** The name under which `INFO commandstats` counts it. */
  statName: (command: Arg[]) => string;
}

interface Entry {
  flags: Set<string>;
  categories: Set<string>;
}

const refusedCategories = ["@blocking", "@transaction", "@pubsub", "@connection", "@admin"];
/** In those categories, but harmless on a shared connection. */
const harmless = new Set(
  "ping echo publish spublish command command|count command|docs command|info command|list client|id client|info client|getname client|setname client|setinfo pubsub|channels pubsub|numpat pubsub|numsub".split(
    " ",
  ),
);
/** In none of those, and still able to hang or redirect the shared connection. */
const harmful = new Set(["migrate", "swapdb", "wait", "waitaof", "script|debug"]);
/** Upstash's read-only token allows reading, but not looking around. */
const readOnlyHarmless = new Set(["ping", "echo", "time"]);
const readOnlyRefused = new Set(["keys", "scan"]);

/** @throws {RedisAway} */
export async function loadCommands(connection: Connection): Promise<Commands> {
  const [table = null] = await connection.send([["COMMAND"]]);
  const entries = new Map<string, Entry>();
  const containers = new Set<string>();
  for (const row of list(table)) register(row, entries, containers);

  function nameOf(command: Arg[]): string {
    const name = String(command[0]).toLowerCase();
    if (!containers.has(name) || command.length < 2) return name;
    const full = `${name}|${String(command[1]).toLowerCase()}`;
    return entries.has(full) || harmful.has(full) ? full : name;
  }

  return {
    statName: nameOf,
    refusal(command, readOnly) {
      const name = nameOf(command);
      const entry = entries.get(name);
      if (!isAvailable(name, entry, command)) {
        const shown = name.replace("|", " ").toUpperCase();
        return `ERR Command is not available: '${shown}'. See https://upstash.com/docs/redis/overall/rediscompatibility for details`;
      }
      // A command Redis does not know is left to Redis to refuse.
      if (!readOnly || entry === undefined) return undefined;
      const reads = entry.flags.has("readonly") && !readOnlyRefused.has(name);
      if (reads || readOnlyHarmless.has(name)) return undefined;
      return `NOPERM this user has no permissions to run the '${name}' command`;
    },
  };
}

function isAvailable(name: string, entry: Entry | undefined, command: Arg[]): boolean {
  if (harmful.has(name)) return false;
  if (entry === undefined || harmless.has(name)) return true;
  if (name === "xread") return !hasBlock(command, 1);
  if (name === "xreadgroup") return !hasBlock(command, 4);
  return !refusedCategories.some((category) => entry.categories.has(category));
}

/** Whether BLOCK is among the options from `start` to STREAMS: after that, it would be the name of a key. */
function hasBlock(command: Arg[], start: number): boolean {
  for (const arg of command.slice(start)) {
    const word = String(arg).toUpperCase();
    if (word === "STREAMS") return false;
    if (word === "BLOCK") return true;
  }
  return false;
}

/** Reads a row of COMMAND: name, arity, flags, three key positions, ACL categories, …, subcommands (Redis 7). */
function register(row: Reply, entries: Map<string, Entry>, containers: Set<string>): void {
  const fields = list(row);
  const name = String(fields[0]).toLowerCase();
  const words = (field: Reply | undefined) => new Set(list(field).map(String));
  entries.set(name, { flags: words(fields[2]), categories: words(fields[6]) });
  const subcommands = list(fields[9]);
  if (subcommands.length > 0 || name === "script") containers.add(name);
  for (const subcommand of subcommands) register(subcommand, entries, containers);
}

function list(reply: Reply | undefined): Reply[] {
  return Array.isArray(reply) ? reply : [];
}
