/**
 * What Upstash bills, worked out: it bills each call and each `redis.call` inside a script, and nothing that a Worker can
 * reach says how many there were. So calls are counted (tallies.ts) and priced here, each script at what its usual way costs;
 * tests/lua/price.test.ts holds these figures against what the local gateway counts, and tests/http/live.test.ts the sum of
 * a real sale. An estimate: refusals and repetitions cost less than is said here, more lines or a draw cost more; a call
 * that carries many joins costs little more than one.
 */
import type { Tally } from "../tallies.ts";

/** https://upstash.com/pricing/redis, pay as you go. */
const USD_PER_100_000 = 0.2;

/** By script, or by script and the word it answered, where that costs much less. */
export const billed: Readonly<Record<string, number>> = {
  command: 1,
  join: 8,
  leave: 5,
  enter: 7,
  "enter not_your_turn": 5,
  release: 9,
  reserve: 12,
  "reserve sold_out": 8,
  extend: 8,
  "release-reservation": 12,
  confirm: 9,
  "confirm payment_needed": 4,
  "confirm again": 3,
  expire: 11,
  refund: 13,
  admit: 5,
  "return-slots": 6,
  publish: 6,
  restore: 20,
  redefine: 6,
  "set-rule": 4,
  "top-up": 15,
  adopt: 12,
  cancel: 12,
  recount: 6,
  resend: 3,
};

/** What a call is counted as. */
export const callName = (script: string, word: unknown): string =>
  typeof word === "string" && Object.hasOwn(billed, `${script} ${word}`) ? `${script} ${word}` : script;

export function billOf(tally: Tally): { commands: number; usd: number } {
  let commands = 0;
  for (const [what, times] of Object.entries(tally)) commands += (billed[what] ?? 0) * times;
  return { commands, usd: (commands * USD_PER_100_000) / 100_000 };
}
