/** Runs clients' commands: permission, script translation, counting, Redis, and back. */
import type { Billing } from "./billing.ts";
import type { Commands } from "./commands.ts";
import type { Arg, Connection, Reply } from "./connection.ts";
import type { Scripts } from "./scripts.ts";

export interface Runner {
  /**
   * Runs commands one after the other; refused ones become errors in their place.
   * @returns one reply each
   * @throws {RedisAway}
   */
  run(commands: Arg[][], readOnly: boolean): Promise<Reply[]>;
  /**
   * Runs all of them with nothing in between, or none.
   * @returns one reply each, or the error for which none ran
   * @throws {RedisAway}
   */
  transact(commands: Arg[][], readOnly: boolean): Promise<Reply[] | Error>;
}

export function createRunner(
  connection: Connection,
  commandTable: Commands,
  scripts: Scripts,
  billing: Billing,
): Runner {
  const send = (commands: Arg[][], before: Arg[][] = [], after: Arg[][] = []) => {
    for (const command of commands) billing.countCall(command);
    return connection.send([...before, ...commands.map(scripts.translate), ...after]);
  };
  const refusalOf = (command: Arg[], readOnly: boolean) => {
    const refusal = commandTable.refusal(command, readOnly);
    return refusal === undefined ? undefined : new Error(refusal);
  };

  return {
    async run(commands, readOnly) {
      const refusals = commands.map((command) => refusalOf(command, readOnly));
      const replies = (await send(commands.filter((_, i) => refusals[i] === undefined))).values();
      return commands.map((command, i) => {
        const refusal = refusals[i];
        return refusal ?? scripts.answer(command, replies.next().value ?? null);
      });
    },

    async transact(commands, readOnly) {
      for (const command of commands) {
        const refusal = refusalOf(command, readOnly);
        if (refusal) return new Error(`EXECABORT Transaction discarded: ${refusal.message}`);
      }
      const replies = await send(commands, [["MULTI"]], [["EXEC"]]);
      const results = replies.at(-1);
      if (Array.isArray(results)) {
        return commands.map((command, i) => scripts.answer(command, results[i] ?? null));
      }
      const reason = replies.find((reply) => reply instanceof Error)?.message ?? "no answer to EXEC";
      return new Error(`EXECABORT Transaction discarded: ${reason}`);
    },
  };
}
