// @ts-check
/**
 * What somebody is told of their place, how many are ahead, how long it takes and why it moves or does not, and of their
 * order. The one place for it: the page's script draws these texts, and so do the Workers for browsers without JavaScript. Pure.
 */

/**
 * @typedef {"" | "line" | "size" | "room" | "stock" | "normal" | "hold" | "drain" | "reject" | "passthrough"} Bound
 * @typedef {{ mode: string, nowServing: number, perSecond: number, release: { everySeconds: number, last: number,
 *   boundBy: Bound }, reach: { left: number, expected: number, possible: number } | null }} LinePulse
 * @typedef {{ number: number, lobby: boolean, isOpen: boolean, called: boolean, pulse: LinePulse | undefined }} Place
 */

/** The pace of a line is never even: a range is honest where a single figure is not. */
const SOONER = 0.8;
const LATER = 1.4;

/** @type {Record<string, string>} */
export const modeTexts = {
  hold: "The sale is paused for a moment. Nobody passes you while it is.",
  drain: "Nobody else is let in for now: those inside finish first. Your place is kept.",
  reject: "The sale has been stopped. Your place is kept in case it goes on.",
  passthrough: "Everybody in line is let in now.",
};

/**
 * @typedef {{ status: "slot" | "waiting", number: number, registered: number, slots: number, decided: boolean,
 *   ahead?: number | undefined, place?: number | undefined, claimUntil?: string | undefined }} Registered
 */

/**
 * How a registration stands: what it is, what to expect, what happens next.
 * @param {Registered} registration @param {{ decides: string, opens: string, until: string }} times in words: when slots are
 *   decided, when the sale opens, until when a slot is kept
 * @returns {[string, string, string]}
 */
export function registrationTexts({ status, number, registered, slots, decided, ahead, place }, times) {
  if (slots === 0)
    return ["Your address is confirmed.", "You can join the line with it, on this device and others.", ""];
  const line = `Everything that is not set aside is sold in the line, which everybody can join. The sale opens ${times.opens}.`;
  if (status === "slot" && decided)
    return [
      "A unit is set aside for you.",
      `Come in from ${times.opens} on, without waiting. It is kept for you until ${times.until}; then it goes to the line.`,
      "The link in our e-mail does the same on any device.",
    ];
  if (status === "slot")
    return [
      "You have a slot: a unit is set aside for you.",
      `From ${times.decides} on it is final, and you get a link that lets you in at opening, without waiting.`,
      "",
    ];
  if (!decided && ahead === undefined)
    return [
      `You are number ${count(number)} of ${count(registered)} so far.`,
      `${count(slots)} ${slots === 1 ? "unit is" : "units are"} drawn among all, ${times.decides}. ${chanceText(slots, registered)}`,
      "We write to you how it went.",
    ];
  if (!decided)
    return [
      "All slots are taken for now.",
      `If one becomes free it goes to those who confirmed first: ${ahead === 0 ? "nobody is" : `${count(ahead ?? 0)} at most are`} before you.`,
      line,
    ];
  return [
    "You have no slot this time.",
    place === undefined
      ? ""
      : `The draw gave you place ${count(place)} of ${count(registered)}; ${count(slots)} have one.`,
    line,
  ];
}

/**
 * What registering is good for, in one sentence.
 * @param {{ identity: string, slots?: { count: number, allocation: string } | undefined }} sale @param {string} until in words
 */
export function registeringText({ identity, slots }, until) {
  if (!slots)
    return identity === "registered"
      ? "This sale is for confirmed addresses: one place for each."
      : `You can register until ${until}.`;
  const units = slots.count === 1 ? "One unit is" : `${count(slots.count)} units are`;
  const how =
    slots.allocation === "draw" ? "drawn among all who register" : "kept for those who register first";
  return `${units} ${how} until ${until}. One for each address; the rest is sold in the line.`;
}

/** @param {number} slots @param {number} registered */
const chanceText = (slots, registered) =>
  registered <= slots
    ? "As it stands everybody gets one."
    : `As it stands that is about 1 in ${count(Math.round(registered / slots))}.`;

/** To whom comes in by a slot. */
export const ONE_UNIT = "Your slot is for one unit, of whichever you choose.";

/** @param {number} n */
export const count = (n) => n.toLocaleString("en");

/**
 * Three lines: where one stands, what to expect, what happens.
 * @param {Place} place @returns {[string, string, string]}
 */
export function placeTexts({ number, lobby, isOpen, called, pulse }) {
  if (number === 0 && !isOpen)
    return ["You come in at opening, without waiting.", "A unit is set aside for you.", ""];
  if (!pulse) return ["Looking at the line.", "", ""];
  if (lobby && !isOpen)
    return ["Your place is drawn at opening.", "Everybody who is here by then has the same chance.", ""];
  if (lobby) return ["Your place is being drawn.", "", ""];
  const { mode } = pulse;
  if (called && (mode === "normal" || mode === "passthrough"))
    return ["Your turn has come.", "You are let in as soon as there is room.", ""];
  const ahead = Math.max(0, number - pulse.nowServing - 1);
  const people =
    ahead === 0
      ? "Nobody is ahead of you"
      : `${count(ahead)} ${ahead === 1 ? "person" : "people"} ahead of you`;
  if (!isOpen) return [people, mode === "normal" ? "" : (modeTexts[mode] ?? ""), ""];
  const expected =
    modeTexts[mode] ?? reachText(number, pulse.reach) ?? waitSentence(ahead + 1, pulse.perSecond);
  return [people, expected, mode === "normal" ? releaseText(pulse.release) : ""];
}

/**
 * What is left against a number in line, or undefined where there is enough.
 * @param {number} number @param {LinePulse["reach"]} reach
 */
function reachText(number, reach) {
  if (!reach || number <= reach.left) return undefined;
  if (number > reach.possible)
    return "What is left cannot reach your number, not even if all that is not paid for came back. Only a refund could.";
  if (number > reach.expected)
    return "What is left goes to people ahead of you. Your turn comes only if more is given back than so far.";
  return "What is left goes to people ahead of you. If as much is given back as so far, it reaches you.";
}

/** @param {LinePulse["release"]} release */
function releaseText({ everySeconds, last, boundBy }) {
  const moved =
    last === 0 ? "Nobody came in at the last release" : `${count(last)} came in at the last release`;
  switch (boundBy) {
    case "size":
      return `${moved}. The next is within ${everySeconds} ${everySeconds === 1 ? "second" : "seconds"}.`;
    case "room":
      return `${moved}: it is full inside. More come in as others finish.`;
    case "stock":
      return `${moved}: those inside are choosing from what is left.`;
    default:
      return "";
  }
}

/** @param {number} ahead @param {number} perSecond */
function waitSentence(ahead, perSecond) {
  const wait = waitText(ahead, perSecond);
  return wait === undefined ? "We cannot say yet how long it takes." : `The wait is ${wait}.`;
}

/**
 * How long until the turn, or undefined while nobody can know.
 * @param {number} ahead @param {number} perSecond @returns {string | undefined}
 */
export function waitText(ahead, perSecond) {
  if (perSecond <= 0) return undefined;
  const [low, high] = [(ahead * SOONER) / perSecond / 60, (ahead * LATER) / perSecond / 60];
  if (high <= 1) return "less than a minute";
  return high > 90 ? range(low / 60, high / 60, "hour") : range(low, high, "minute");
}

/** @param {number} low @param {number} high @param {string} unit */
function range(low, high, unit) {
  const [from, to] = [Math.max(1, Math.round(low)), Math.max(1, Math.ceil(high))];
  return from === to ? `about ${from} ${unit}${from === 1 ? "" : "s"}` : `${from} to ${to} ${unit}s`;
}

/**
 * How an order stands with its money, in one sentence; undefined where it cost nothing.
 * @param {{ state: string, payment: { state: string }, refund: { state: string } | null }} order
 */
export function paymentText({ state, payment, refund }) {
  if (payment.state === "not_required") return undefined;
  if (refund?.state === "asked") return "A refund is on its way to your card.";
  if (state === "refunded") return "Refunded: the money is back on its way to your card.";
  if (refund !== null) return "Paid, and a part of it was refunded.";
  return payment.state === "captured" ? "Paid." : "Your bank has approved the payment; it is being taken.";
}
