// @ts-check
/**
 * What somebody is told of their place, how many are ahead, how long it takes and why it moves or does not, of their
 * registration, their time and their order. The one place for it: the page's script draws these texts, and so do the Workers for
 * browsers without JavaScript. The words are those of a file in `messages/`. Pure.
 */

/**
 * @typedef {import("./messages/en.js").Messages} Messages
 * @typedef {"" | "line" | "size" | "room" | "stock" | "normal" | "hold" | "drain" | "reject" | "passthrough"} Bound
 * @typedef {{ mode: string, nowServing: number, perSecond: number, release: { everySeconds: number, last: number,
 *   boundBy: Bound }, reach: { left: number, expected: number, possible: number } | null }} LinePulse
 * @typedef {{ number: number, lobby: boolean, isOpen: boolean, called: boolean, pulse: LinePulse | undefined }} Place
 */

/** The pace of a line is never even: a range is honest where a single figure is not. */
const SOONER = 0.8;
const LATER = 1.4;

/** From when on somebody is warned that their time ends. */
export const WARNING_MS = 60_000;

/**
 * @typedef {{ status: "slot" | "waiting", number: number, registered: number, slots: number, decided: boolean,
 *   ahead?: number | undefined, place?: number | undefined, claimUntil?: string | undefined }} Registered
 */

/**
 * How a registration stands: what it is, what to expect, what happens next.
 * @param {Messages} m @param {Registered} registration
 * @param {{ decides: string, opens: string, until: string }} times in words: when slots are decided, when the sale opens,
 *   until when a slot is kept
 * @returns {[string, string, string]}
 */
export function registrationTexts(
  m,
  { status, number, registered, slots, decided, ahead, place },
  { decides, opens, until },
) {
  if (slots === 0) return [m.addressConfirmed, m.joinWithIt, ""];
  const line = m.restInLine(opens);
  if (status === "slot" && decided) return [m.unitSetAside, m.unitKept(opens, until), m.linkDoesTheSame];
  if (status === "slot") return [m.haveSlot, m.slotFinal(decides), ""];
  if (!decided && ahead === undefined) {
    const chance =
      registered <= slots ? m.everybodyGetsOne : m.oneIn(Math.round(registered / Math.max(1, slots)));
    return [m.numberOfSoFar(number, registered), m.slotsDrawn(slots, decides, chance), m.weWrite];
  }
  if (!decided) return [m.slotsTaken, m.ifOneBecomesFree(ahead ?? 0), line];
  return [m.noSlot, place === undefined ? "" : m.drawnPlace(place, registered, slots), line];
}

/**
 * What registering is good for, in one sentence.
 * @param {Messages} m @param {{ identity: string, slots?: { count: number, allocation: string } | undefined }} sale
 * @param {string} until in words
 */
export function registeringText(m, { identity, slots }, until) {
  if (slots) return m.slotsOffered(slots.count, slots.allocation === "draw", until);
  return identity === "registered" ? m.forConfirmed : m.registerUntil(until);
}

/**
 * Three lines of whole sentences: where one stands, what to expect, what happens.
 * @param {Messages} m @param {Place} place @returns {[string, string, string]}
 */
export function placeTexts(m, { number, lobby, isOpen, called, pulse }) {
  if (number === 0 && !isOpen) return [m.atOpening, m.unitSetAside, ""];
  if (!pulse) return [m.looking, "", ""];
  if (lobby) return isOpen ? [m.beingDrawn, "", ""] : [m.placeDrawn, m.sameChance, ""];
  const { mode } = pulse;
  if (called && (mode === "normal" || mode === "passthrough")) return [m.turnCame, m.letInWithRoom, ""];
  const ahead = Math.max(0, number - pulse.nowServing - 1);
  const people = m.ahead(ahead);
  if (!isOpen) return [people, m.modes[mode] ?? "", ""];
  const expected =
    m.modes[mode] ?? reachText(m, number, pulse.reach) ?? waitSentence(m, ahead + 1, paceOf(pulse));
  return [people, expected, mode === "normal" ? releaseText(m, pulse.release) : ""];
}

/**
 * What is left against a number in line, or undefined where there is enough.
 * @param {Messages} m @param {number} number @param {LinePulse["reach"]} reach
 */
function reachText(m, number, reach) {
  if (!reach || number <= reach.left) return undefined;
  if (number > reach.possible) return m.outOfReach;
  return number > reach.expected ? m.onlyReturns : m.someReturns;
}

/** @param {Messages} m @param {LinePulse["release"]} release */
function releaseText(m, { everySeconds, last, boundBy }) {
  switch (boundBy) {
    case "size":
      return m.bySize(m.cameIn(last), everySeconds);
    case "room":
      return m.byRoom(m.cameIn(last));
    case "stock":
      return m.byStock(m.cameIn(last));
    default:
      return "";
  }
}

/** People a second to reckon with: while nobody fits in, those of before promise nothing. @param {LinePulse} pulse */
const paceOf = ({ perSecond, release: { last, boundBy } }) =>
  boundBy === "room" && last === 0 ? 0 : perSecond;

/** @param {Messages} m @param {number} ahead @param {number} perSecond */
function waitSentence(m, ahead, perSecond) {
  if (perSecond <= 0) return m.waitUnknown;
  const [low, high] = [(ahead * SOONER) / perSecond / 60, (ahead * LATER) / perSecond / 60];
  if (high <= 1) return m.waitIs(m.underAMinute);
  return m.waitIs(high > 90 ? range(m, low / 60, high / 60, "hour") : range(m, low, high, "minute"));
}

/** @param {Messages} m @param {number} low @param {number} high @param {"minute" | "hour"} unit */
function range(m, low, high, unit) {
  const [from, to] = [Math.max(1, Math.round(low)), Math.max(1, Math.ceil(high))];
  return from === to ? m.about(from, unit) : m.range(from, to, unit);
}

/**
 * How an order stands with its money, in one sentence; undefined where it cost nothing.
 * @param {Messages} m @param {{ state: string, payment: { state: string }, refund: { state: string } | null }} order
 */
export function paymentText(m, { state, payment, refund }) {
  if (payment.state === "not_required") return undefined;
  if (refund?.state === "asked") return m.refundComes;
  if (state === "refunded") return m.refundDone;
  if (refund !== null) return m.refundPart;
  return payment.state === "captured" ? m.paid : m.beingTaken;
}

/**
 * A refusal in words: what it is, then what exactly is short or wrong.
 * @param {Messages} m @param {{ type: string, left?: { sku: string, left: number }[] | undefined,
 *   errors?: { pointer: string }[] | undefined }} problem
 * @param {{ items: { sku: string, name: string }[] }} sale @returns {string[]}
 */
export function refusalTexts(m, { type, left = [], errors = [] }, sale) {
  const name = (/** @type {string} */ sku) => sale.items.find((item) => item.sku === sku)?.name ?? sku;
  /** @type {Record<string, string>} */
  const words = m.refusals;
  return [
    words[type] ?? m.refusals.unavailable,
    ...left.map(({ sku, left }) => (left === 0 ? m.noneLeftOf(name(sku)) : m.leftOf(left, name(sku)))),
    ...errors.map(({ pointer }) => wrongField(m, pointer)).filter((text) => text !== ""),
  ];
}

/** What a page says of a field that is not as it must be. @param {Messages} m @param {string} pointer */
function wrongField(m, pointer) {
  if (pointer === "/email") return m.wrongAddress;
  if (pointer === "/lines") return m.chooseOne;
  return /token$/i.test(pointer) ? m.wrongLink : "";
}

/**
 * What comes after a turn: at the end of the sale nothing.
 * @param {Messages} m @param {{ closesAt: string }} sale @param {number} passUntilMs
 */
export const afterTurnText = (m, { closesAt }, passUntilMs) =>
  passUntilMs < Date.parse(closesAt) ? m.passSoonOver : m.saleSoonOver;

/** How many of an item are chosen at first: of the only one there is 1, and between several nothing. @param {{ items: unknown[] }} sale */
export const preselected = ({ items }) => (items.length === 1 ? 1 : 0);

/** Once in the life of a hold it can be made longer, by so much (ms): functions/reservation/extend.lua. @param {number} holdSeconds */
const extensionMs = (holdSeconds) => Math.floor((holdSeconds * 1000) / 2);

/**
 * Whether a hold can still be made longer: once, and not past the end of the sale.
 * @param {{ closesAt: string }} sale @param {{ expiresAt: string, extended: boolean }} reservation
 */
export const canExtend = ({ closesAt }, { expiresAt, extended }) =>
  !extended && Date.parse(expiresAt) < Date.parse(closesAt);

/** @param {Messages} m @param {number} holdSeconds */
export function extensionText(m, holdSeconds) {
  const ms = extensionMs(holdSeconds);
  return m.extendBy(Math.floor(ms / 60_000), Math.floor(ms / 1000));
}

/**
 * How much of the way to a turn is behind somebody, 0 to 1; never quite nothing.
 * @param {number} number @param {number} from how far it was at first, at the least 1 @param {number} nowServing
 */
export const wayBehind = (number, from, nowServing) =>
  Math.min(1, Math.max(0.02, 1 - Math.max(0, number - nowServing) / Math.max(from, number - nowServing, 1)));
