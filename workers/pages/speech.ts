/**
 * The languages of the shop: each has a file of messages and an address of its own for every page, so that a cached page is
 * the same for everybody. The shop's first language (`LANGUAGE`, English unless it says otherwise) has the short addresses.
 * A further language is a file in `static/assets/messages/` and a line here.
 */
import { numbersIn, textsIn } from "../../static/assets/format.js";
import { messages as de } from "../../static/assets/messages/de.js";
import { messages as en, type Messages } from "../../static/assets/messages/en.js";

/** What the shop says of its languages. */
interface Shop {
  LANGUAGE?: string;
}

const files = { en, de };
export type Language = keyof typeof files;
export const languages = Object.keys(files) as Language[];

/** What a page is written with: words, and numbers, money and times in its language. Times are UTC; the script localises them. */
export interface Speech {
  m: Messages;
  /** Before every path of a page: "" or "/de". */
  prefix: string;
  /** All languages, with their prefixes; this one too. */
  all: { language: Language; name: string; prefix: string }[];
  count: (n: number) => string;
  /** What a buyer reads as a price. @param minor smallest units */
  price: (minor: number, currency: string) => string;
  /** Such as "26 November 2026 at 09:00 UTC". */
  utc: (iso: string) => string;
}

const isLanguage = (text: string | undefined): text is Language =>
  text !== undefined && Object.hasOwn(files, text);

/** The language of the short addresses. */
const firstLanguage = ({ LANGUAGE }: Shop): Language => (isLanguage(LANGUAGE) ? LANGUAGE : "en");

const speeches = new Map<string, Speech>();

/**
 * How to speak on the page at a path. Made once per isolate and language.
 * @returns a `moved` path where the address names the language that has the short ones
 */
export function speechFor(env: Shop, path: string): { say: Speech; moved?: string } {
  const first = firstLanguage(env);
  const [, named, rest = "/"] = /^\/([a-z]{2})(\/(?!\/).*)?$/.exec(path) ?? [];
  const language = isLanguage(named) ? named : first;
  const key = `${first} ${language}`;
  const say = speeches.get(key) ?? speech(first, language);
  speeches.set(key, say);
  return named === first ? { say, moved: rest } : { say };
}

function speech(first: Language, language: Language): Speech {
  const m = files[language];
  const prefixOf = (one: Language) => (one === first ? "" : `/${one}`);
  const { money } = textsIn(m.amounts);
  const { moment } = textsIn(m.locale, "UTC");
  return {
    m,
    prefix: prefixOf(language),
    all: languages.map((one) => ({ language: one, name: files[one].name, prefix: prefixOf(one) })),
    count: numbersIn(m.locale).count,
    price: (minor, currency) => (minor === 0 ? m.free : money(minor, currency)),
    utc: (iso) => `${moment(iso)} UTC`,
  };
}
