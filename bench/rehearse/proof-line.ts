/** Order of the line (design §4.4), judged from what shoppers saw. */
import { who, type History, type ShopperRecord } from "./history.ts";

/**
 * If the answer to A's join was there before B's was sent, A's number is the lower one: nothing else is certain about
 * requests that were under way together. One sweep: numbers answered so far against each join as it was sent.
 */
export function checkLine({ shoppers }: History): string[] {
  const joined = shoppers.flatMap((s) => (s.join === undefined ? [] : [{ ...s.join, s }]));
  const found: string[] = [];

  const byNumber = new Map<number, ShopperRecord>();
  for (const { number, s } of joined) {
    const other = byNumber.get(number);
    if (other !== undefined) found.push(`number ${number} went to ${who(other)} and ${who(s)}`);
    byNumber.set(number, s);
  }

  const answered = joined.toSorted((a, b) => a.answeredAtMs - b.answeredAtMs);
  let next = 0;
  let highest: (typeof joined)[number] | undefined;
  for (const later of joined.toSorted((a, b) => a.sentAtMs - b.sentAtMs)) {
    for (
      let one = answered[next];
      one !== undefined && one.answeredAtMs < later.sentAtMs;
      one = answered[++next]
    )
      if (highest === undefined || one.number > highest.number) highest = one;
    if (highest !== undefined && highest.number > later.number)
      found.push(
        `${who(later.s)} came after ${who(highest.s)} had number ${highest.number}, and got ${later.number}`,
      );
  }

  for (const { number, s } of joined)
    for (const again of s.rejoinedAs)
      if (again !== number) found.push(`${who(s)} had number ${number}, came again and got ${again}`);
  return found;
}

/** The clocks of machines behind one address may differ by this much, and a pulse may be made while a release runs. */
const CLOCK_SLACK_MS = 1000;

/** A pass for number n, answered at t, means that every pulse made after t serves n or beyond. */
export function checkTurns({ shoppers, pulses, clockAheadMs }: History): string[] {
  const found: string[] = [];
  pulses.forEach(({ nowServing }, index) => {
    const before = pulses[index - 1];
    if (before !== undefined && before.nowServing > nowServing)
      found.push(`serving went back from ${before.nowServing} to ${nowServing}`);
  });

  const entered = shoppers
    .flatMap((s) =>
      s.entries
        .filter(({ got }) => got === "granted")
        .map(({ answeredAtMs }) => ({ s, number: s.join?.number ?? Infinity, answeredAtMs })),
    )
    .sort((a, b) => a.answeredAtMs - b.answeredAtMs);
  let next = 0;
  for (const { s, number, answeredAtMs } of entered) {
    const atMs = answeredAtMs - clockAheadMs + CLOCK_SLACK_MS;
    while (next < pulses.length && (pulses[next]?.nowMs ?? Infinity) < atMs) next++;
    const after = pulses[next];
    if (after !== undefined && after.nowServing < number)
      found.push(`${who(s)} entered with number ${number} while ${after.nowServing} was served`);
  }
  return found;
}

/** Sold out is final. So once someone heard it, by entry or by pulse, nobody behind them gets in for the first time. */
export function checkPatience({ shoppers }: History): string[] {
  const told: { number: number; atMs: number; s: ShopperRecord }[] = [];
  const letIn: { number: number; atMs: number; s: ShopperRecord }[] = [];
  for (const s of shoppers) {
    if (s.join === undefined) continue;
    const { number } = s.join;
    const first = s.entries.find(({ got }) => got === "granted");
    const refused = s.entries.find(({ got }) => got === "sold_out");
    const toldAtMs = Math.min(refused?.answeredAtMs ?? Infinity, s.toldSoldOutAtMs ?? Infinity);
    if (first !== undefined) letIn.push({ number, atMs: first.sentAtMs, s });
    else if (toldAtMs !== Infinity) told.push({ number, atMs: toldAtMs, s });
  }

  told.sort((a, b) => a.atMs - b.atMs);
  letIn.sort((a, b) => a.atMs - b.atMs);
  const found: string[] = [];
  let next = 0;
  let lowest: (typeof told)[number] | undefined;
  for (const one of letIn) {
    for (let heard = told[next]; heard !== undefined && heard.atMs < one.atMs; heard = told[++next])
      if (lowest === undefined || heard.number < lowest.number) lowest = heard;
    if (lowest !== undefined && lowest.number < one.number)
      found.push(
        `${who(one.s)} with number ${one.number} was let in after ${who(lowest.s)} with number ${lowest.number} heard that all is sold`,
      );
  }
  return found;
}
