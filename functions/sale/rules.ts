/** What an operator may change while a sale runs; each change says why, and is written down. */
import { z } from "zod";
import { refuse, type Refusal } from "../../domain/refusal.ts";
import type { Mode } from "../../domain/sale.ts";
import { tick } from "../queue/pulse.ts";
import { runScript, type Script } from "../redis/client.ts";
import { saleKeys } from "../redis/keys.ts";
import type { Services } from "../services.ts";
import { missing } from "./sale.ts";
import setRuleLua from "./set-rule.lua";

const setWord = z.enum(["missing", "sale_ended", "set"]);
export const setRuleScript: Script<[z.output<typeof setWord>, string]> = {
  name: "set-rule",
  source: setRuleLua,
  reply: z.tuple([setWord, z.string()]),
};

type RuleRefusal = Refusal<"not_found" | "on_hold" | "sale_ended">;

export async function setMode(
  services: Services,
  saleId: string,
  mode: Mode,
  reason: string,
): Promise<{ mode: Mode } | RuleRefusal> {
  return (await setRule(services, saleId, { rule: "mode", column: "mode" }, mode, reason)) ?? { mode };
}

export async function setReleaseSize(
  services: Services,
  saleId: string,
  releaseSize: number,
  reason: string,
): Promise<{ releaseSize: number } | RuleRefusal> {
  const rule = { rule: "releaseSize", column: "release_size" } as const;
  return (await setRule(services, saleId, rule, releaseSize, reason)) ?? { releaseSize };
}

/**
 * Sets one rule. It counts even when it cannot be written down; a rebuild then takes the one before.
 * @returns undefined when it is in force
 */
async function setRule(
  services: Services,
  saleId: string,
  { rule, column }: { rule: "mode"; column: "mode" } | { rule: "releaseSize"; column: "release_size" },
  value: string | number,
  reason: string,
): Promise<RuleRefusal | undefined> {
  // What is due until now goes by the rule until now.
  await tick(services, saleId);
  const [word, before] = await runScript(
    services.redis,
    setRuleScript,
    [saleKeys(saleId).sale],
    ["", rule, value],
  );
  if (word === "missing") return await missing(services, saleId);
  if (word === "sale_ended") return refuse("sale_ended");
  services.later(
    services.postgres(
      z.unknown(),
      `with changed as (update sales set ${column} = $2 where id = $1)
       insert into audit_log (action, sale_id, detail) values ($3, $1, $4)`,
      [saleId, value, rule, JSON.stringify({ before, [rule]: value, reason })],
    ),
  );
  return undefined;
}
