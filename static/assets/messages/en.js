// @ts-check
/**
 * Everything the shop says to shoppers, in English. The other files of this folder have the type of this one, so that a
 * missing message, or one too many, does not compile. Pages and script read the same file; the script loads only that of
 * its page. What takes a `time` puts whatever it is given where it belongs: a text, or an element with one.
 */
import { numbersIn } from "../format.js";

const { count, plural, span, range } = numbersIn("en");

/** @typedef {typeof messages} Messages */
/** Refusals, and what the script or a payment adds to them. */
/** @typedef {import("../../../domain/refusal.ts").ShopperWord | "network" | "voided" | "returned"} Said */

/** Written to be true without knowing more than the word. @satisfies {Record<Said, string>} */
const refusals = {
  malformed_json: "Something went wrong on this page. Please reload it.",
  body_too_large: "That is more than one order can carry.",
  body_incomplete: "That did not reach us as a whole. Please try it again.",
  unsupported_media_type: "Something went wrong on this page. Please reload it.",
  invalid_input: "Please check what you chose.",
  not_found: "There is nothing here any more.",
  method_not_allowed: "Something went wrong on this page. Please reload it.",
  cross_origin: "This came from another site, so nothing was done. Please start from this page.",
  bot_check_failed: "Please show that you are a person, and join again. This needs JavaScript.",
  registration_needed: "This sale is for confirmed e-mail addresses. Please confirm yours first.",
  login_needed: "This sale is for accounts of the shop. Please sign in, then join.",
  registration_closed: "This sale takes no registrations now.",
  token_expired: "This link has ended. Please ask for a new one.",
  link_used: "This link was used already. Please ask for a new one.",
  slot_ended: "The time for your slot is over, and its unit went to the line. You can still join it.",
  outdated_ticket: "The line was rebuilt. Your old number is kept: it comes back by joining again.",
  invalid_ticket: "Your place in line is no longer valid. Please join again.",
  invalid_pass: "Your turn has to be checked again. Your place in line is safe.",
  pass_expired: "Your turn had ended. Your place in line is safe and lets you back in when there is room.",
  rate_limited: "That was a little fast. Nothing is lost; please wait a moment.",
  not_open: "The line is not open yet.",
  closed: "This sale has ended.",
  sold_out: "There is not enough left for that.",
  not_your_turn: "It is not your turn yet. Your place in line is safe.",
  on_hold: "The sale is paused for a moment. Nobody passes you while it is.",
  limit_reached: "That is more than one person may have.",
  conflicting_replay: "You have made a choice before; here it is.",
  already_confirmed: "This is already your order.",
  payment_pending: "Your bank is being asked for this payment. Please wait for its answer.",
  reservation_expired: "The time for this reservation has run out and the items went back.",
  payment_unavailable:
    "Payment is not available right now. Nothing was charged; what you hold stays yours until its time ends.",
  unavailable: "We cannot reach the sale right now. Nothing is lost; your place in line is safe.",
  network: "The connection is gone. Your place in line is safe; this page goes on by itself when it is back.",
  voided:
    "Your payment came after the time had run out, and by then everything was taken. You were not charged.",
  returned: "Your payment came when everything was taken. It was refunded.",
};

export const messages = {
  /** Of the page, and of its dates and amounts unless the reader's own region has the same language. */
  language: "en",
  locale: "en-GB",
  /** Of amounts: without "US" before the dollar. */
  amounts: "en",
  direction: "ltr",
  /** What speakers call it. */
  name: "English",

  refusals,
  /** @param {string} name */
  noneLeftOf: (name) => `Nothing is left of ${name} at the moment.`,
  /** @param {number} left @param {string} name */
  leftOf: (left, name) => `${count(left)} left of ${name}.`,
  wrongAddress: "That is not an e-mail address.",
  wrongLink: "This is not a link of this sale.",
  chooseOne: "Choose at least one item.",

  // the frame
  skip: "Skip to content",
  languages: "Language",
  promises: [
    ["One place each.", "The line goes by its numbers. Nobody passes anybody."],
    ["Your place is kept.", "Reload, sleep, come back: the number stays yours."],
    ["Held means held.", "What you reserve is yours until the timer ends."],
  ],
  notFound: "There is nothing here",
  notFoundMore: "The address may be old, or the sale has not been announced yet.",
  notFoundTitle: "Not found",
  allReleases: "All releases",
  oneMoment: "One moment",
  noAnswer: "The shop does not answer right now. Nothing is lost: this page tries again by itself.",
  tryAgain: "Try again",

  // all sales
  releases: "Releases",
  noReleases: "Nothing on sale right now",
  releasesMore: "Limited releases, sold in the order people arrive.",
  noReleasesMore: "The next release will be announced here.",
  tags: {
    scheduled: "Coming up",
    registration: "Coming up",
    lobby: "Line is open",
    open: "On sale now",
    sold_out: "Sold out",
    closed: "Ended",
    settled: "Ended",
  },
  /** @param {string} price */
  priceFrom: (price) => `From ${price}`,
  freeAndUp: "Free and up",
  free: "Free",

  // what is sold
  items: "Items",
  pictures: "Pictures",
  /** @param {number} n */
  picture: (n) => `Picture ${count(n)}`,
  /** @param {number} n */
  perPerson: (n) => (n === 1 ? "One per person" : `Up to ${count(n)} per person`),
  itemLeft: { many: "", few: "Few left", none: "None left" },
  noneNow: "Nothing left at the moment",

  // before the line
  headlines: {
    scheduled: "Opening soon",
    registration: "Registration is open",
    lobby: "The line is open",
    open: "On sale now",
    sold_out: "Sold out",
    closed: "This sale has ended",
    settled: "This sale has ended",
  },
  days: "days",
  hours: "hours",
  minutes: "minutes",
  seconds: "seconds",
  registrationOpensIn: "Registration opens in",
  registrationClosesIn: "Registration closes in",
  opensIn: "The sale opens in",
  /** @template T @param {T} time */
  opens: (time) => ["Opens ", time, "."],
  /** @template T @param {T} time */
  registerFrom: (time) => ["You can register from ", time, "."],
  /** @template T @param {T} time */
  lineFrom: (time) => ["The line takes people from ", time, "."],
  pageFollows: "This page opens it by itself; no need to reload.",
  takeAPlace: "Take a place in line. You will be let in when your turn comes.",
  letInByNumber: "You are let in by number once the sale opens.",
  drawnAtOpening:
    "At opening the places are drawn among all who are here. It does not matter how early you came.",
  checkTheDraw: "Check the draw",
  everythingSold: "Everything has found an owner. Thank you for coming.",
  thanks: "Thank you for coming.",
  join: "Join the line",
  comeIn: "Come in",
  beenHere: "Been here before? See your place",
  forAccounts: "This sale is for accounts of the shop.",
  signIn: "Sign in",

  // registering
  address: "Your e-mail address",
  sendLink: "Send me a link",
  lookIntoMailbox: "Look into your mailbox: the link in our e-mail confirms your address.",
  confirmedAlready: "Confirmed already?",
  orWithout: "Or without registering:",
  forConfirmed: "This sale is for confirmed addresses: one place for each.",
  /** @param {string} until */
  registerUntil: (until) => `You can register until ${until}.`,
  /** @param {number} slots @param {boolean} drawn @param {string} until */
  slotsOffered: (slots, drawn, until) =>
    `${plural(slots, { one: "One unit is", other: `${count(slots)} units are` })} ${
      drawn ? "drawn among all who register" : "kept for those who register first"
    } until ${until}. One for each address; the rest is sold in the line.`,
  addressConfirmed: "Your address is confirmed.",
  joinWithIt: "You can join the line with it, on this device and others.",
  unitSetAside: "A unit is set aside for you.",
  /** @param {string} opens @param {string} until */
  unitKept: (opens, until) =>
    `Come in from ${opens} on, without waiting. It is kept for you until ${until}; then it goes to the line.`,
  linkDoesTheSame: "The link in our e-mail does the same on any device.",
  haveSlot: "You have a slot: a unit is set aside for you.",
  /** @param {string} decides */
  slotFinal: (decides) =>
    `From ${decides} on it is final, and you get a link that lets you in at opening, without waiting.`,
  /** @param {number} number @param {number} registered */
  numberOfSoFar: (number, registered) => `You are number ${count(number)} of ${count(registered)} so far.`,
  /** @param {number} slots @param {string} decides @param {string} chance */
  slotsDrawn: (slots, decides, chance) =>
    `${plural(slots, { one: "1 unit is", other: `${count(slots)} units are` })} drawn among all, ${decides}. ${chance}`,
  everybodyGetsOne: "As it stands everybody gets one.",
  /** @param {number} people for each unit */
  oneIn: (people) => `As it stands that is about 1 in ${count(people)}.`,
  weWrite: "We write to you how it went.",
  slotsTaken: "All slots are taken for now.",
  /** @param {number} ahead */
  ifOneBecomesFree: (ahead) =>
    `If one becomes free it goes to those who confirmed first: ${
      ahead === 0 ? "nobody is" : `${count(ahead)} at most are`
    } before you.`,
  noSlot: "You have no slot this time.",
  /** @param {number} place @param {number} registered @param {number} slots */
  drawnPlace: (place, registered, slots) =>
    `The draw gave you place ${count(place)} of ${count(registered)}; ${count(slots)} have one.`,
  /** @param {string} opens */
  restInLine: (opens) =>
    `Everything that is not set aside is sold in the line, which everybody can join. The sale opens ${opens}.`,

  // in line
  inLine: "You are in line",
  next: "You are next",
  slotTitle: "You have a slot",
  yourNumber: "Your number",
  yourLobbyNumber: "Your number in the lobby",
  way: "Way to your turn",
  /** @param {string} time */
  inLineSince: (time) => `In line since ${time}.`,
  placeKept: "Close this page if you like: your place is kept.",
  slotKept: "Close this page if you like: your slot is kept.",
  asksByItself: "This page asks again by itself.",
  askLess: "Do not reload by itself",
  askAgain: "Reload by itself",
  checkNow: "Check now",
  leave: "Leave the line",
  leaveMore: "Your place goes to the next person and does not come back.",
  leaveNow: "Give up my place",
  atOpening: "You come in at opening, without waiting.",
  looking: "Looking at the line.",
  placeDrawn: "Your place is drawn at opening.",
  sameChance: "Everybody who is here by then has the same chance.",
  beingDrawn: "Your place is being drawn.",
  turnCame: "Your turn has come.",
  letInWithRoom: "You are let in as soon as there is room.",
  /** @param {number} n */
  ahead: (n) =>
    n === 0
      ? "Nobody is ahead of you."
      : plural(n, { one: `${count(n)} person ahead of you.`, other: `${count(n)} people ahead of you.` }),
  /** By the operator's mode. @type {Record<string, string>} */
  modes: {
    hold: "The sale is paused for a moment. Nobody passes you while it is.",
    drain: "Nobody else is let in for now: those inside finish first. Your place is kept.",
    reject: "The sale has been stopped. Your place is kept in case it goes on.",
    passthrough: "Everybody in line is let in now.",
  },
  outOfReach:
    "What is left cannot reach your number, not even if all that is not paid for came back. Only a refund could.",
  onlyReturns:
    "What is left goes to people ahead of you. Your turn comes only if more is given back than so far.",
  someReturns:
    "What is left goes to people ahead of you. If as much is given back as so far, it reaches you.",
  waitUnknown: "We cannot say yet how long it takes.",
  /** @param {string} wait */
  waitIs: (wait) => `The wait is ${wait}.`,
  underAMinute: "less than a minute",
  /** @param {number} n @param {"minute" | "hour"} unit */
  about: (n, unit) => `about ${span(n, unit)}`,
  range,
  /** @param {number} people */
  cameIn: (people) =>
    people === 0 ? "Nobody came in at the last release" : `${count(people)} came in at the last release`,
  /** Why there were not more. @param {string} cameIn @param {number} everySeconds */
  bySize: (cameIn, everySeconds) => `${cameIn}. The next is within ${span(everySeconds, "second")}.`,
  /** @param {string} cameIn */
  byRoom: (cameIn) => `${cameIn}: it is full inside. More come in as others finish.`,
  /** @param {string} cameIn */
  byStock: (cameIn) => `${cameIn}: those inside are choosing from what is left.`,
  sound: "Tell me by a sound",
  soundOn: "A sound tells you",
  notify: "Notify me",
  notifyOn: "You are notified",
  notifyBlocked: "This browser allows no notifications here",

  // inside
  yourTurn: "It is your turn",
  turnEnded: "Your turn has ended",
  turnEndedMore: "Your number is still yours. You are let back in as soon as there is room.",
  stillHere: "I am still here",
  /** @template T @param {T} left */
  chooseWithin: (left) => ["Choose within ", left, "."],
  /** @template T @param {T} time */
  chooseUntil: (time) => ["Choose until ", time, "."],
  oneUnit: "Your slot is for one unit, of whichever you choose.",
  nothingChosen: "Nothing chosen",
  total: "Total",
  reserve: "Reserve",
  notCharged: "Nothing is charged yet.",
  /** @param {string} item */
  quantityOf: (item) => `Quantity of ${item}`,
  held: "Held for you",
  /** @template T, U @param {T} left @param {U} until */
  leftUntil: (left, until) => [left, " left, until ", until],
  /** @template T @param {T} time @param {number} minutes */
  heldUntil: (time, minutes) => ["Yours until ", time, `, about ${span(minutes, "minute")} from now.`],
  pay: "Pay",
  complete: "Complete order",
  giveBack: "Give back",
  /** @param {number} seconds */
  soonOver: (seconds) => `Less than ${span(seconds, "second")} left.`,
  passSoonOver: "After that your number is still yours, and lets you back in when there is room.",
  saleSoonOver: "After that the sale is over.",
  holdSoonOver: "After that the items go back to the line.",
  extend: "Give me more time",
  /** @param {number} minutes @param {number} seconds */
  extendBy: (minutes, seconds) =>
    `Once, ${minutes > 0 ? span(minutes, "minute") : span(seconds, "second")} longer.`,
  extended: "You have taken more time.",
  waitingForBank: "Waiting for your bank",
  stayHeld: "Your items stay held while it answers. This page goes on by itself.",

  // the order
  yours: "It is yours",
  refunded: "Refunded",
  /** @template T @param {T} time */
  ordered: (time) => ["Ordered ", time, "."],
  order: "Order",
  refundComes: "A refund is on its way to your card.",
  refundDone: "Refunded: the money is back on its way to your card.",
  refundPart: "Paid, and a part of it was refunded.",
  paid: "Paid.",
  beingTaken: "Your bank has approved the payment; it is being taken.",
  finding: "Finding where you were.",

  // titles of the personal page
  yourVisit: "Your visit",
  titleInLine: "In line",
  yourOrder: "Your order",

  // the links of e-mails
  isThisYours: "Is this your address?",
  confirmJoin: "Confirm it, and you can join the line with it, on this device and others.",
  confirmSlot: "Confirm it, and you are on the list for one of the units that are set aside.",
  confirmAddress: "Confirm my address",
  confirmed: "Confirmed",
  confirmedTitle: "Your address is confirmed",
  setAsideTitle: "A unit is set aside for you",
  /** @template T @param {T} time */
  saleOpens: (time) => ["The sale opens ", time, "."],
  /** @template T @param {T} time */
  unitKeptUntil: (time) => ["Your unit is kept until ", time, "; then it goes to the line."],
  takeBackTitle: "Take your registration back?",
  takeBackMore:
    "Your address is deleted. If you have a slot, it goes to somebody else and does not come back.",
  takeBack: "Take it back",
  takenBack: "Taken back",
  takenBackTitle: "Your registration is taken back",
  takenBackMore: "Your address is deleted. You can register again as long as registration is open.",
  toTheSale: "To the sale",
  backToTheSale: "Back to the sale",

  // the draw
  draw: "The draw",
  drawMore:
    "Everybody who is in the lobby when the sale opens gets a place by lot. Nobody can know or choose it: it follows from a secret whose fingerprint stands here since the sale was announced.",
  fingerprint: "Fingerprint (SHA-256 of the secret)",
  secret: "Secret",
  numbersInLobby: "Numbers in the lobby",
  isAnnounced: "Is it the secret that was announced?",
  yes: "Yes",
  no: "No",
  /** @template T @param {T} time */
  secretComes: (time) => [
    "The secret is published when the sale opens, ",
    time,
    ". From then on anybody can compute every place.",
  ],
  aNumber: "A number of the lobby",
  compute: "Compute its place",
  /** @param {number} number */
  noNumber: (number) => `There is no number ${count(number)} in this lobby.`,
  /** @param {number} number @param {number} place */
  hasPlace: (number, place) => `Number ${count(number)} has place ${count(place)}.`,
  /** @template T, U @param {T} script @param {U} data */
  computation: (script, data) => ["The computation is ", script, "; to run it yourself, see ", data, "."],
  publicData: "the sale's public data",
};
