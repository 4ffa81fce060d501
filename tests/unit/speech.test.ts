/** workers/pages/speech.ts and the messages: which address speaks which language, and what Intl makes of numbers and times. */
import { expect, test } from "vitest";
import { placeTexts } from "../../static/assets/line.js";
import { messages as de } from "../../static/assets/messages/de.js";
import { messages as en } from "../../static/assets/messages/en.js";
import { speechFor } from "../../workers/pages/speech.ts";

const spoken = (language: string | undefined, path: string) => {
  const { say, moved } = speechFor(language === undefined ? {} : { LANGUAGE: language }, path);
  return [say.m.language, say.prefix, moved];
};

test.each([
  [undefined, "/", ["en", "", undefined]],
  [undefined, "/sales/spring", ["en", "", undefined]],
  [undefined, "/de", ["de", "/de", undefined]],
  [undefined, "/de/sales/spring", ["de", "/de", undefined]],
  [undefined, "/en/sales/spring", ["en", "", "/sales/spring"]],
  [undefined, "/en", ["en", "", "/"]],
  ["de", "/", ["de", "", undefined]],
  ["de", "/en/sales/spring", ["en", "/en", undefined]],
  ["de", "/de/sales/spring", ["de", "", "/sales/spring"]],
  // What is no language of the shop's is no prefix, and an address is never led to another host.
  [undefined, "/fr/sales/spring", ["en", "", undefined]],
  ["xx", "/sales/spring", ["en", "", undefined]],
  [undefined, "/en//elsewhere.example", ["en", "", undefined]],
  [undefined, "/design", ["en", "", undefined]],
])("LANGUAGE %s, %s", (language, path, expected) => {
  expect(spoken(language, path)).toEqual(expected);
});

test("amounts and times read as each language writes them", () => {
  const [english, german] = ["/", "/de"].map((path) => speechFor({}, path).say);
  expect([english?.price(123_456, "EUR"), german?.price(123_456, "EUR")]).toEqual([
    "€1,234.56",
    "1.234,56\u00a0€",
  ]);
  expect([english?.price(0, "EUR"), german?.price(0, "EUR")]).toEqual(["Free", "Kostenlos"]);
  expect(english?.utc("2030-06-01T12:00:00Z")).toBe("1 June 2030 at 12:00 UTC");
  expect(german?.utc("2030-06-01T12:00:00Z")).toBe("1. Juni 2030 um 12:00 UTC");
});

test("one and many differ, by the rules of each language", () => {
  expect([0, 1, 2, 1234].map((n) => en.ahead(n))).toEqual([
    "Nobody is ahead of you.",
    "1 person ahead of you.",
    "2 people ahead of you.",
    "1,234 people ahead of you.",
  ]);
  expect([0, 1, 2, 1234].map((n) => de.ahead(n))).toEqual([
    "Niemand ist vor dir.",
    "1 Person vor dir.",
    "2 Personen vor dir.",
    "1.234 Personen vor dir.",
  ]);
});

test.each([
  [1, 10, "less than a minute", "weniger als eine Minute"],
  [61, 1, "1–2 minutes", "1–2 Minuten"],
  [600, 1, "8–14 minutes", "8–14 Minuten"],
  [30_001, 1, "7–12 hours", "7–12 Stunden"],
  [101, 0, undefined, undefined],
])("number %i at %d a second waits %s", (number, perSecond, english, german) => {
  const pulse = {
    ...{ mode: "normal", nowServing: 0, perSecond, reach: null },
    release: { everySeconds: 5, last: 1, boundBy: "" as const },
  };
  const place = { number, lobby: false, isOpen: true, called: false, pulse };
  expect(placeTexts(en, place)[1]).toBe(english === undefined ? en.waitUnknown : en.waitIs(english));
  expect(placeTexts(de, place)[1]).toBe(german === undefined ? de.waitUnknown : de.waitIs(german));
});
