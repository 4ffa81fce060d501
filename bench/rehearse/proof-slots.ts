/** Slots (design §3, §5.1), from what registrants and holders were answered, what was published, and the books. */
import { createHash } from "node:crypto";
import { unitsOf, who, type Books, type History, type ShopperRecord, type SlotsHistory } from "./history.ts";
import { numberFaults } from "./proof-line.ts";
import type { Rule } from "./proof.ts";
import { slotCheats } from "./registrants.ts";

/** The clocks of machines behind one address may differ by this much. */
const CLOCK_SLACK_MS = 1000;
/** What is due at a moment is done by whoever looks next: one look a second, and one that sees it done. */
const RETURNED_WITHIN_MS = 3000;

export const slotRules: readonly Rule[] = [
  {
    name: "slots_went_as_said",
    rule: "5.1",
    states:
      "slots went to the first who confirmed, or by the draw whose seed was committed to; numbers in order of confirmation",
    find: checkGiven,
  },
  {
    name: "slot_holders_did_not_wait",
    rule: "4.4",
    states: "every holder who came in time had a pass at once, without a look at the line, and a unit",
    find: checkHolders,
  },
  {
    name: "one_unit_for_a_slot",
    rule: "4.2",
    states:
      "no slot was good for two units; what Postgres has as bought past the line is what holders bought",
    find: checkOneUnit,
  },
  {
    name: "slots_are_personal",
    rule: "4.4",
    states:
      "nobody came past the line but holders, before their slots ended: by no other token, and none twice",
    find: checkPersonal,
  },
  {
    name: "slots_returned_once",
    rule: "4.1",
    states: "what nobody claimed was kept until its minute and was in the line from then on, each unit once",
    find: checkReturned,
  },
];

interface Holder extends ShopperRecord {
  registration: NonNullable<ShopperRecord["registration"]>;
}

const registrants = ({ shoppers }: History) =>
  shoppers.filter((s): s is Holder => s.registration !== undefined);
const holdersOf = (history: History) =>
  registrants(history).filter(({ registration }) => registration.decided?.status === "slot");
const numberOf = ({ registration }: Holder) => registration.confirmed?.number ?? 0;

function checkGiven(history: History): string[] {
  const { slots } = history;
  const holders = holdersOf(history);
  if (slots === undefined) return holders.map((s) => `${who(s)} has a slot, and there are none`);
  const found = checkNumbers(history);
  if (holders.length > slots.count) found.push(`${holders.length} have one of ${slots.count} slots`);

  const confirmed = registrants(history).filter(({ registration }) => registration.confirmed !== undefined);
  const there = confirmed.filter(({ registration }) => registration.tookBack?.when !== "before");
  for (const s of there)
    if (s.registration.decided === undefined && s.end !== "unfinished")
      found.push(`${who(s)} was not told before opening who has a slot`);

  let expected: number[];
  if (slots.allocation === "first_come") {
    expected = there.map(numberOf).sort((a, b) => a - b);
  } else {
    found.push(...checkPublished(slots.draw, confirmed.length));
    const numbers = new Set(there.map(numberOf));
    expected = slots.draw.byPlace.filter((number) => numbers.has(number));
    for (const s of there) found.push(...checkPlace(s, slots));
  }
  const winners = new Set(expected.slice(0, slots.count));
  for (const s of there) {
    const has = s.registration.decided?.status;
    if (has === "slot" && !winners.has(numberOf(s)))
      found.push(`${who(s)} with number ${numberOf(s)} has a slot, and others come first`);
    if (has === "waiting" && winners.has(numberOf(s)))
      found.push(`${who(s)} with number ${numberOf(s)} has no slot, and others who come later have one`);
  }
  return found;
}

function checkNumbers(history: History): string[] {
  const confirmed = registrants(history).flatMap((s) =>
    s.registration.confirmed === undefined ? [] : [{ s, ...s.registration.confirmed }],
  );
  return numberFaults(confirmed, "confirmed");
}

function checkPublished({ announced, before, made }: SlotsHistory["draw"], numbers: number): string[] {
  if (announced === undefined) return ["no commitment to a draw of the slots was published with the sale"];
  const found: string[] = [];
  if (announced.seed !== undefined) found.push("the seed of the slots was published with the sale");
  if (before?.seed !== undefined) found.push("the seed of the slots was public before registration closed");
  for (const later of [before, made])
    if (later !== undefined && later.commitment !== announced.commitment)
      found.push(`the slots' commitment was ${announced.commitment}, then ${later.commitment}`);
  if (made?.seed === undefined || made.count === undefined)
    return [...found, "the draw of the slots was not published"];
  if (createHash("sha256").update(made.seed).digest("hex") !== made.commitment)
    found.push(`the commitment ${made.commitment} is not the SHA-256 of the slots' seed ${made.seed}`);
  if (made.count !== numbers)
    found.push(`the slots were drawn over ${made.count} numbers, and ${numbers} were given`);
  return found;
}

function checkPlace(s: Holder, { draw: { byPlace } }: SlotsHistory): string[] {
  const { decided } = s.registration;
  const place = byPlace.indexOf(numberOf(s)) + 1;
  if (decided === undefined || decided.place === place) return [];
  return [`${who(s)} was told place ${decided.place ?? "none"}, and by the draw of the slots has ${place}`];
}

/** In time by every clock: asked after the sale was open, answered before slots ended. */
function checkHolders({ shoppers, slots, opensAtMs, clockAheadMs }: History): string[] {
  if (slots === undefined) return [];
  const inTime = ({ sentAtMs, answeredAtMs }: { sentAtMs: number; answeredAtMs: number }) =>
    sentAtMs - clockAheadMs >= opensAtMs + CLOCK_SLACK_MS &&
    answeredAtMs + CLOCK_SLACK_MS < slots.claimUntilMs;
  return shoppers.flatMap((s) => {
    if (s.slot === undefined) return [];
    const { asked, reserved, looksBeforePass } = s.slot;
    const found: string[] = [];
    for (const one of asked)
      if (inTime(one) && one.got !== "granted") found.push(`${who(s)} came in time with a slot: ${one.got}`);
    for (const { number } of asked)
      if (number !== undefined && number !== 0) found.push(`${who(s)} has a slot, and number ${number}`);
    if ((looksBeforePass ?? 0) > 0)
      found.push(`${who(s)} has a slot, and looked ${looksBeforePass} times before there was a pass`);
    const tries = reserved.filter(inTime);
    const refused = tries.find(({ got }) => got !== "held" && got !== "sold_out");
    if (refused !== undefined) found.push(`${who(s)} reserved in time with a slot: ${refused.got}`);
    // Of one item there may be none; of some item there is one for each slot.
    else if (tries.length > 0 && !reserved.some(({ got }) => got === "held"))
      found.push(`${who(s)} reserved in time with a slot, and got nothing`);
    return found;
  });
}

const boughtBySlot = (s: ShopperRecord) =>
  s.orders.filter(({ reservationId }) =>
    s.holds.some((hold) => hold.bySlot === true && hold.id === reservationId),
  );

function checkOneUnit(history: History, { orders }: Books): string[] {
  const { shoppers } = history;
  const given = holdersOf(history).length;
  const found: string[] = [];
  const answered = new Map<string, ShopperRecord>();
  for (const s of shoppers) {
    for (const { id, lines, bySlot } of s.holds)
      if (bySlot === true && unitsOf(lines) !== 1)
        found.push(`${who(s)} held ${unitsOf(lines)} units by a slot, in ${id}`);
    const bought = boughtBySlot(s);
    if (bought.length > 1) found.push(`${who(s)} bought ${bought.length} times by one slot`);
    for (const { id } of bought) answered.set(id, s);
  }
  const stored = orders.filter(({ number }) => number === 0);
  for (const { id, units } of stored) {
    if (units !== 1) found.push(`order ${id} was bought by a slot, and has ${units} units in Postgres`);
    if (!answered.has(id))
      found.push(`order ${id} is past the line in Postgres, and was answered to no holder`);
  }
  const known = new Set(stored.map(({ id }) => id));
  for (const [id, s] of answered)
    if (!known.has(id))
      found.push(`${who(s)} bought ${id} by a slot, and Postgres has it as one of the line`);
  const people = new Set(stored.map(({ shopper }) => shopper));
  if (people.size !== stored.length)
    found.push(`${stored.length} orders were bought by slots, of ${people.size} shoppers`);
  if (stored.length > given) found.push(`${stored.length} orders were bought by ${given} slots`);
  return found;
}

const attempts: ReadonlySet<string> = new Set([...slotCheats, "slot_taken_back", "registration_as_slot"]);

function checkPersonal({ shoppers, slots, clockAheadMs }: History): string[] {
  const endedMs = (slots?.claimUntilMs ?? -Infinity) + CLOCK_SLACK_MS;
  return shoppers.flatMap((s) => {
    const isHolder = s.registration?.decided?.status === "slot" && s.registration.tookBack === undefined;
    const found: string[] = [];
    const granted = s.slot?.asked.filter(({ got }) => got === "granted") ?? [];
    const held = s.slot?.reserved.filter(({ got }) => got === "held") ?? [];
    if (!isHolder && (granted.length > 0 || s.holds.some(({ bySlot }) => bySlot === true)))
      found.push(`${who(s)} came in by a slot without having one`);
    for (const { sentAtMs } of [...granted, ...held])
      if (sentAtMs - clockAheadMs > endedMs)
        found.push(
          `${who(s)} came in by a slot ${seconds(sentAtMs - clockAheadMs - endedMs)} after it had ended`,
        );
    for (const { attempt, expected, got } of s.expectations)
      if (attempts.has(attempt) && !expected.includes(got))
        found.push(`${who(s)}: ${attempt}: ${got} instead of ${expected.join(" or ")}`);
    return found;
  });
}

/**
 * Before its minute a unit is gone from those set aside only if its holder may have claimed it or taken it back, and one
 * that a holder bought is not among them; after the minute there are none. That none came back twice, the books say.
 */
function checkReturned(history: History, { live }: Books): string[] {
  const { slots, pulses, opensAtMs, clockAheadMs, faultsExpected } = history;
  const found: string[] = [];
  for (const { sku, slots: left } of live.items)
    if (left !== 0) found.push(`${sku}: ${left} still set aside at the end`);
  for (const { sku, slots: left } of live.stored?.items ?? [])
    if (left !== 0) found.push(`${sku}: ${left} still set aside at the end, in Postgres`);
  if (slots === undefined) return found;

  const holders = holdersOf(history);
  const mayBeGone = holders.flatMap((s) => {
    const first = s.slot?.reserved[0]?.sentAtMs ?? s.registration.tookBack?.sentAtMs;
    return first === undefined ? [] : [first - clockAheadMs - CLOCK_SLACK_MS];
  });
  const bought = holders.flatMap((s) => {
    if (boughtBySlot(s).length === 0) return [];
    const held = s.slot?.reserved.findLast(({ got }) => got === "held");
    return held === undefined ? [] : [held.answeredAtMs + CLOCK_SLACK_MS];
  });
  const before = (times: readonly number[], nowMs: number) => times.filter((atMs) => atMs <= nowMs).length;
  for (const { nowMs, slotsLeft } of pulses) {
    if (slotsLeft === undefined) continue;
    const least = holders.length - before(mayBeGone, nowMs);
    const most = holders.length - before(bought, nowMs);
    if (nowMs < slots.claimUntilMs && slotsLeft < least)
      found.push(
        `${slotsLeft} slots were left ${seconds(slots.claimUntilMs - nowMs)} before their end, not ${least}`,
      );
    if (nowMs >= opensAtMs + RETURNED_WITHIN_MS && slotsLeft > most && !faultsExpected)
      found.push(`${slotsLeft} slots were left when ${holders.length - most} of ${holders.length} were used`);
    if (nowMs >= slots.claimUntilMs + RETURNED_WITHIN_MS && slotsLeft > 0 && !faultsExpected)
      found.push(`${slotsLeft} slots were left ${seconds(nowMs - slots.claimUntilMs)} after their end`);
  }
  return found;
}

const seconds = (ms: number) => `${(ms / 1000).toFixed(2)} s`;
