// @ts-check
/** What the script says, in the language of its page: the words of that language, numbers and times as the reader's region has them. */
import { numbersIn, textsIn } from "./format.js";

const { lang } = document.documentElement;
/** @type {{ messages: import("./messages/en.js").Messages }} */
const file = await import(`./messages/${lang}.js`);

export const m = file.messages;
const { money } = textsIn(m.amounts);

/** The reader's own kind of the page's language, such as en-US. */
const region = navigator.languages.find((one) => one.split("-")[0] === lang) ?? m.locale;
export const { moment: momentText, clock: clockText } = textsIn(region);
export const { count, span } = numbersIn(region);

/** What a buyer reads as a price. @param {number} minor smallest units @param {string} currency */
export const price = (minor, currency) => (minor === 0 ? m.free : money(minor, currency));
