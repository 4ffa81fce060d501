/** Order of the line (design §4.4), judged from what shoppers saw. */
import { who, type History, type ShopperRecord } from "./history.ts";

/**
 * What is wrong with numbers in order of arrival: each is somebody's alone, and if the answer to A was there before B asked,
 * A's is the lower one: nothing else is certain about requests that were under way together. One sweep: numbers answered so
 * far against each request as it was sent.
 * @param did what they did to get a number, as in "A came"
 */
export function numberFaults(
  given: { number: number; sentAtMs: number; answeredAtMs: number; s: ShopperRecord }[],
  did: string,
): string[] {
  const found: string[] = [];
  const byNumber = new Map<number, ShopperRecord>();
  for (const { number, s } of given) {
    const other = byNumber.get(number);
    if (other !== undefined) found.push(`number ${number} went to ${who(other)} and ${who(s)}`);
    byNumber.set(number, s);
  }

  const answered = given.toSorted((a, b) => a.answeredAtMs - b.answeredAtMs);
  let next = 0;
  let highest: (typeof given)[number] | undefined;
  for (const later of given.toSorted((a, b) => a.sentAtMs - b.sentAtMs)) {
    for (
      let one = answered[next];
      one !== undefined && one.answeredAtMs < later.sentAtMs;
      one = answered[++next]
    )
      if (highest === undefined || one.number > highest.number) highest = one;
    if (highest !== undefined && highest.number > later.number)
      found.push(
        `${who(later.s)} ${did} after ${who(highest.s)} had number ${highest.number}, and got ${later.number}`,
      );
  }
  return found;
}

export function checkLine({ shoppers, draw }: History): string[] {
  const joins = shoppers.flatMap((s) => (s.join === undefined ? [] : [{ ...s.join, s }]));
  // Who found a place that was there already, in a draw may have been told that place, not a number in order of arrival.
  const joined = joins.filter(({ again }) => draw === undefined || !again);
  const found = numberFaults(joined, "came");

  for (const { number, place, lobby, s } of joins)
    for (const again of s.rejoinedAs) {
      // Drawn meanwhile: then the answer is the place, if the shopper came to know it too.
      const drawn = lobby && !again.lobby;
      const expected = drawn ? place : number;
      if (again.lobby && !lobby) found.push(`${who(s)} had place ${number}, came again and is in the lobby`);
      else if (expected !== undefined && again.number !== expected)
        found.push(
          `${who(s)} had ${drawn ? "place" : "number"} ${expected}, came again and got ${again.number}`,
        );
    }
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
        .map(({ answeredAtMs }) => ({ s, number: s.join?.place ?? Infinity, answeredAtMs })),
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
    const number = s.join?.place;
    if (number === undefined) continue;
    const first = s.entries.find(({ got }) => got === "granted");
    const refused = s.entries.find(({ got }) => got === "sold_out");
    const toldAtMs = Math.min(refused?.answeredAtMs ?? Infinity, s.told?.atMs ?? Infinity);
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

/**
 * People are called in by their places. So once somebody is in for the first time, everybody before them has been called
 * too, and whoever of these asks while the turn must still last is let in. Who misses a turn waits for room again.
 */
export function checkCalled({ shoppers, pulses, clockAheadMs, turnMs }: History): string[] {
  const grants = shoppers
    .flatMap((s) => {
      const first = s.entries.find(({ got }) => got === "granted");
      const place = s.join?.place;
      return first === undefined || place === undefined ? [] : [{ s, place, atMs: first.answeredAtMs }];
    })
    .sort((a, b) => a.atMs - b.atMs);
  const refusals = shoppers
    .flatMap((s) => {
      const place = s.join?.place;
      if (s.join === undefined || place === undefined) return [];
      const firstGrant = s.entries.findIndex(({ got }) => got === "granted");
      const before = firstGrant === -1 ? s.entries : s.entries.slice(0, firstGrant);
      const joinedMs = s.join.sentAtMs - clockAheadMs;
      return before
        .filter(({ got }) => got === "not_your_turn")
        .map((entry) => ({ s, place, joinedMs, entry }));
    })
    .sort((a, b) => a.entry.sentAtMs - b.entry.sentAtMs);

  const found: string[] = [];
  let next = 0;
  let furthest: (typeof grants)[number] | undefined;
  for (const { s, place, joinedMs, entry } of refusals) {
    for (let one = grants[next]; one !== undefined && one.atMs < entry.sentAtMs; one = grants[++next])
      if (furthest === undefined || one.place > furthest.place) furthest = one;
    if (furthest === undefined || furthest.place <= place) continue;
    // The turn came no earlier than the last pulse that did not serve this place yet.
    const calledAfterMs = Math.max(joinedMs, lastBefore(pulses, place));
    const askedByMs = entry.answeredAtMs - clockAheadMs + CLOCK_SLACK_MS;
    if (askedByMs < calledAfterMs + turnMs)
      found.push(
        `${who(furthest.s)} with place ${furthest.place} was in as ${who(s)} with place ${place} asked, and had to wait`,
      );
  }
  return found;
}

/** When the last pulse was made in which this place was not served yet, by the server's clock; pulses serve ever more. */
function lastBefore(pulses: History["pulses"], place: number): number {
  let [low, high] = [0, pulses.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((pulses[middle]?.nowServing ?? 0) < place) low = middle + 1;
    else high = middle;
  }
  return pulses[low - 1]?.nowMs ?? -Infinity;
}
