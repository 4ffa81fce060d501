/** The table: which steps of which story meet which faults, and the titles that say how it ends. */
import { describe, test } from "vitest";
import { storeOf, type Step, type Store } from "./requests.ts";
import { play, STORIES, type Case, type FaultName, type StoryName } from "./stories.ts";
import type { Shop } from "./world.ts";

/** Step, and the how-manieth such request of the story it is (default: the first). */
type Stop = Step | [Step, number];

export const storyNames = Object.keys(STORIES) as StoryName[];
export const stepAt = (stop: Stop): Step => (Array.isArray(stop) ? stop[0] : stop);

const settled: Stop[] = ["confirm", "write authorised", "capture", "write captured", "receipt"];

/** The steps on the way of each story. */
export const STOPS: Record<StoryName, Stop[]> = {
  "paid while the hold lasts": [
    "mark",
    "open session",
    "read session",
    "store event",
    "take events",
    ["read session", 2],
    ...settled,
    "event done",
    "apply",
  ],
  "paid, and only the shopper comes back": ["open session", ...settled],
  "paid, and only the end of the hold notices": ["expire due", "open session", ...settled],
  "not paid when the hold ends": [
    "expire due",
    "open session",
    "close session",
    ["read session", 2],
    "expire closed",
    "apply",
  ],
  "declined when the hold ends": ["expire due", "close session", "write voided", "expire closed"],
  "given back from the payment page": [
    "give back",
    "open session",
    "close session",
    "give back closed",
    "apply",
  ],
  "given back just as it was paid": ["give back", "confirm", "capture", "write captured", "give back closed"],
  "an hour too late, with units left": ["store event", ...settled, "event done", "apply"],
  "an hour too late, with none left": [
    "store event",
    "take events",
    "confirm",
    "void",
    "write voided",
    "notice",
    "event done",
  ],
  "paid twice, in two sessions": ["confirm", "void", "write voided"],
  "captured by somebody else for units that are gone": [
    "confirm",
    "write returned",
    "ask whole",
    "take refunds",
    "refund",
    "refund done",
  ],
  "captured by somebody else, a second time": ["write returned", "ask whole", "refund"],
  "too late, and only cron notices": [
    "list events",
    "store event",
    "take events",
    "void",
    "write voided",
    "notice",
  ],
  "given up by half, and only cron notices": ["look up", "notice", "write voided"],
  "left authorised, and only cron notices": [
    "find session",
    "confirm",
    "capture",
    "write captured",
    "receipt",
  ],
  "a part refunded": [
    "ask refund",
    "take refunds",
    "read intent",
    "look for refund",
    "refund",
    "refund done",
  ],
  "all refunded, with the unit": ["refund", "return units", "refund done", "apply"],
};

const everywhere: FaultName[] = [
  "crash after",
  "lost answer of",
  "cut before",
  "500 instead of",
  "done twice at once:",
  "timeout, then late:",
];
const faultsOf: Record<Store, FaultName[]> = {
  redis: [...everywhere, "lost answers of"],
  postgres: everywhere,
  stripe: [...everywhere, "lost answers of", "500 after", "timeout, still under way:"],
};

/** The hold's end is ahead in these, so an hour may pass in them. */
const lasting = new Set<StoryName>([
  "paid while the hold lasts",
  "paid, and only the shopper comes back",
  "given back from the payment page",
  "given back just as it was paid",
]);
/** Reads change nothing: after them, and twice, is nothing new. */
const reads = new Set<Step>([
  "read session",
  "read intent",
  "look for refund",
  "find session",
  "list events",
]);
const ofReads = new Set<FaultName>(["crash after", "cut before", "500 instead of"]);

/** Where a step was walked by a story before, only what leaves it done, or done late, is told again. */
const again = new Set<FaultName>([
  "crash after",
  "lost answer of",
  "done twice at once:",
  "timeout, then late:",
  "timeout, still under way:",
]);
const isFirst = (story: StoryName, step: Step) =>
  storyNames.find((name) => STOPS[name].some((stop) => stepAt(stop) === step)) === story;

/** Where the session was opened before, Stripe repeats its first answer: there is nothing that could fail after it. */
const isRepeated = (story: StoryName, step: Step) =>
  step === "open session" && story !== "paid while the hold lasts";

function casesOf(story: StoryName): Case[] {
  return STOPS[story].flatMap((stop) => {
    const [step, nth] = Array.isArray(stop) ? stop : [stop, undefined];
    const faults = faultsOf[storeOf(step)].filter(
      (fault) =>
        (isFirst(story, step) || again.has(fault)) &&
        (!reads.has(step) || ofReads.has(fault)) &&
        !(fault === "500 after" && isRepeated(story, step)),
    );
    const hour: FaultName[] = lasting.has(story) ? ["an hour passes during"] : [];
    return [...faults, ...hour].map((fault) => ({ story, fault, step, nth }));
  });
}

const titleOf = ({ story, fault, step, nth }: Case) =>
  `${fault ?? ""} ${step}${nth === undefined ? "" : ` (${nth})`}: ${STORIES[story].ends}`;

/** Half of the table for each of two files, so that they can run side by side. */
/** These wait for as long as the clients do: two seconds, eight, ten. */
const slow: Case[] = [
  { story: "paid while the hold lasts", fault: "timeout in earnest of", step: "confirm", nth: undefined },
  { story: "paid while the hold lasts", fault: "timeout in earnest of", step: "capture", nth: undefined },
];

export function walk(shop: Shop, half: 0 | 1): void {
  const waits = slow[half];
  if (waits !== undefined) test(titleOf(waits), () => play(shop, waits));
  describe.each(storyNames.filter((_, i) => i % 2 === half))("%s", (story) => {
    for (const one of casesOf(story)) test(titleOf(one), () => play(shop, one));
  });
}
