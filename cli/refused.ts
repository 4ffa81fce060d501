/** What ends a command: one line that says what was refused, and what to do. */
import { z } from "zod";
import { isRefusalWord, type RefusalWord } from "../domain/refusal.ts";

/** Ends the command with its message and nothing else: one line, in which nothing stands that a terminal would obey. */
export class Ended extends Error {
  readonly exitCode: number;
  constructor(message: string, exitCode: number = EXIT.refused) {
    super(message.replaceAll(/[\s\p{Cc}]+/gu, " ").trim());
    this.exitCode = exitCode;
  }
}

export const EXIT = { ok: 0, refused: 1, usage: 2, open: 3 } as const;

const problem = z.object({
  type: z.string(),
  title: z.string(),
  detail: z.string().optional(),
  errors: z.array(z.object({ pointer: z.string(), detail: z.string() })).optional(),
});

/** The way out, for words that do not say it themselves. */
const ways: Partial<Record<RefusalWord, string>> = {
  forbidden: "ADMIN_TOKEN holds a viewer's token: set it to the operator's.",
  unauthorized: "Set ADMIN_TOKEN to the operator's token of this address.",
  not_found: "`list` shows the sales that there are.",
  on_hold: "Redis does not know this sale: `rebuild` brings it back.",
  sale_exists: "`show` says how it is; `update` defines it anew until its line opens.",
  sale_ended: "`settlement` has its report, once it is settled.",
  line_open: "`pause`, `mode`, `release-size`, `top-up` and `close` work now.",
  redis_intact: "`reconcile` compares it with Postgres.",
  run_under_way: "Wait for it, or go on with it by `reconcile --run ID`.",
  conflicting_replay: "Leave out the id to have a new one.",
  refund_above_rest: "Leave out --amount to give back all that is left.",
  rate_limited: "Try again in some seconds.",
  unavailable: "Try again; /healthz says what does not answer.",
  payment_unavailable: "Try again when Stripe answers.",
};

/** @param text an answer that is no success */
export function refusedBy(status: number, text: string): Ended {
  const said = problem.safeParse(parsed(text));
  if (!said.success) return new Ended(`http_${status}: the answer is not one of the flash sale's.`);
  const { type, title, detail, errors = [] } = said.data;
  const way = isRefusalWord(type) ? ways[type] : undefined;
  const parts = [
    title,
    ...(detail === undefined ? [] : [detail]),
    ...(errors.length === 0
      ? []
      : [`${errors.map(({ pointer, detail: what }) => `${pointer || "/"} ${what}`).join("; ")}.`]),
    ...(way === undefined ? [] : [way]),
  ];
  return new Ended(`${type}: ${parts.join(" ")}`);
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
