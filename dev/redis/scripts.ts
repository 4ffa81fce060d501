/**
 * Upstash wants `#!lua flags=allow-key-locking` as a script's first line, or a call locks the whole database; stock
 * Redis rejects the flag. The flag is taken out on the way to Redis, and hashes are translated, so that a client works
 * with the hash of the script it has. Whether Redis knows a script is Redis's to say: NOSCRIPT comes through.
 */
import { createHash } from "node:crypto";
import type { Arg, Reply } from "./connection.ts";

export interface Scripts {
  /** The command as stock Redis takes it. */
  translate: (command: Arg[]) => Arg[];
  /** The answer of Redis to `translate(command)` as Upstash would give it. */
  answer: (command: Arg[], reply: Reply) => Reply;
}

/** A forgotten hash only costs a NOSCRIPT, after which clients send the text again. */
const hashesMax = 10_000;

export function createScripts(): Scripts {
  /** sha1 of the text as clients have it → sha1 of the text as Redis has it. */
  const hashes = new Map<string, string>();

  function learn(text: string): string {
    const stripped = withoutKeyLocking(text);
    if (stripped === text) return text;
    hashes.set(sha1(text), sha1(stripped));
    for (const oldest of hashes.keys()) {
      if (hashes.size <= hashesMax) break;
      hashes.delete(oldest);
    }
    return stripped;
  }
  const known = (hash: Arg) => hashes.get(String(hash).toLowerCase()) ?? hash;

  return {
    translate(command) {
      const [name, first, ...rest] = command;
      if (name === undefined || first === undefined) return command;
      switch (String(name).toUpperCase()) {
        case "EVALSHA":
        case "EVALSHA_RO":
          return [name, known(first), ...rest];
        case "EVAL":
        case "EVAL_RO":
          return [name, learn(String(first)), ...rest];
        case "SCRIPT":
          switch (String(first).toUpperCase()) {
            case "LOAD":
              return [name, first, ...rest.map((text) => learn(String(text)))];
            case "EXISTS":
              return [name, first, ...rest.map(known)];
            default:
              return command;
          }
        default:
          return command;
      }
    },
    answer(command, reply) {
      const [name, subcommand, text] = command;
      const isLoad = `${String(name)} ${String(subcommand)}`.toUpperCase() === "SCRIPT LOAD";
      return isLoad && text !== undefined && Buffer.isBuffer(reply) ? Buffer.from(sha1(String(text))) : reply;
    },
  };
}

/** Takes the flag out of the first line; the line stays, if empty, so that line numbers in errors are right. */
export function withoutKeyLocking(text: string): string {
  const shebang = /^#!lua\b[^\n]*/.exec(text)?.[0];
  const flags = shebang === undefined ? undefined : /\bflags=(\S*)/.exec(shebang)?.[1]?.split(",");
  if (shebang === undefined || !flags?.includes("allow-key-locking")) return text;
  const left = flags.filter((flag) => flag !== "allow-key-locking");
  return (left.length > 0 ? `#!lua flags=${left.join(",")}` : "") + text.slice(shebang.length);
}

const sha1 = (text: string) => createHash("sha1").update(text).digest("hex");
