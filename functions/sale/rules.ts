/** What an operator may change while a sale runs; each change says why, and is written down. */
import { z } from "zod";
import { refuse, type Refusal } from "../../domain/refusal.ts";
import { modes, type Mode } from "../../domain/mode.ts";
import { tick } from "../queue/pulse.ts";
import { runScript, type Script } from "../redis/client.ts";
import { saleKeys } from "../redis/keys.ts";
import type { Services } from "../services.ts";
import { missing } from "./sale.ts";
import setRuleLua from "./set-rule.lua";

const setWord = z.enum(["missing", "sale_ended", "set"]);
export const setRuleScript: Script<[z.output<typeof setWord>, string, string]> = {
  name: "set-rule",
  source: setRuleLua,
  reply: z.tuple([setWord, z.string(), z.string()]),
};

type RuleRefusal = Refusal<"not_found" | "on_hold" | "sale_ended">;

export async function setMode(
  services: Services,
  saleId: string,
  mode: Mode,
  reason: string,
): Promise<{ mode: Mode } | RuleRefusal> {
  return modeNow(await setRule(services, saleId, "mode", mode, reason));
}

/** Mode hold, which remembers the mode before. @returns the mode in force */
export async function pauseSale(
  services: Services,
  saleId: string,
  reason: string,
): Promise<{ mode: Mode } | RuleRefusal> {
  return modeNow(await setRule(services, saleId, "pause", "", reason));
}

/** Back from hold to the mode before; another mode stays. After a rebuild that is `normal`. @returns the mode in force */
export async function resumeSale(
  services: Services,
  saleId: string,
  reason: string,
): Promise<{ mode: Mode } | RuleRefusal> {
  return modeNow(await setRule(services, saleId, "resume", "", reason));
}

export async function setReleaseSize(
  services: Services,
  saleId: string,
  releaseSize: number,
  reason: string,
): Promise<{ releaseSize: number } | RuleRefusal> {
  const set = await setRule(services, saleId, "releaseSize", releaseSize, reason);
  return "refused" in set ? set : { releaseSize };
}

const modeNow = (set: { now: string } | RuleRefusal): { mode: Mode } | RuleRefusal =>
  "refused" in set ? set : { mode: z.enum(modes).parse(set.now) };

/** Where Postgres keeps what a rule sets, and what the audit log calls it. */
const kept = {
  mode: { column: "mode", field: "mode" },
  pause: { column: "mode", field: "mode" },
  resume: { column: "mode", field: "mode" },
  releaseSize: { column: "release_size", field: "releaseSize" },
} as const;

/**
 * Sets one rule. It counts even when it cannot be written down; a rebuild then takes the one before.
 * @returns the value in force
 */
async function setRule(
  services: Services,
  saleId: string,
  rule: keyof typeof kept,
  value: string | number,
  reason: string,
): Promise<{ now: string } | RuleRefusal> {
  // What is due until now goes by the rule until now.
  await tick(services, saleId);
  const [word, before, now] = await runScript(
    services.redis,
    setRuleScript,
    [saleKeys(saleId).sale],
    ["", rule, value],
  );
  if (word === "missing") return await missing(services, saleId);
  if (word === "sale_ended") return refuse("sale_ended");
  // Who pauses what is paused has changed nothing.
  if ((rule === "pause" || rule === "resume") && before === now) return { now };
  const { column, field } = kept[rule];
  services.later(
    services.postgres(
      z.unknown(),
      `with changed as (update sales set ${column} = $2 where id = $1)
       insert into audit_log (action, actor, sale_id, detail) values ($3, $5, $1, $4)`,
      [
        saleId,
        now,
        rule,
        JSON.stringify({ before, [field]: rule === "releaseSize" ? value : now, reason }),
        services.actor,
      ],
    ),
  );
  return { now };
}
