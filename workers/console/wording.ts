/** What is wrong with a value, in the words of the field that it was typed into: the API knows minor units and instants. Pure. */
import { amountOf, amountText } from "../../domain/currency.ts";
import type { Refused } from "../answer.ts";
import { timeFields, zoneOf, type Values } from "./definition.ts";
import { instantOf } from "./zone.ts";

/** @param words of what the pointer means; undefined where the API's own will do */
export function reworded(refused: Refused, words: (pointer: string) => string | undefined): Refused {
  const { errors } = refused.problem;
  if (errors === undefined) return refused;
  const said = errors.map(({ pointer, detail }) => ({ pointer, detail: words(pointer) ?? detail }));
  return { ...refused, problem: { ...refused.problem, errors: said } };
}

/** Such as 149.00, with as many decimals as the currency has. */
export const amountExample = (currency: string): string => amountText(0, currency).replace("0", "149");

/** @returns undefined for what is an amount */
export const amountWords = (text: string, currency: string): string | undefined =>
  amountOf(text, currency) === undefined ? `an amount such as ${amountExample(currency)}` : undefined;

/** The same of a sale's form. */
export function inFormWords(refused: Refused, values: Values): Refused {
  const { currency = "" } = values;
  const zone = zoneOf(values);
  const isCurrencyWrong = refused.problem.errors?.some(({ pointer }) => pointer === "/currency") === true;
  return reworded(refused, (pointer) => {
    const name = pointer.slice(1).replaceAll("/", ".");
    const typed = (values[name] ?? "").trim();
    if (/^items\.\d+\.price$/.test(name))
      return isCurrencyWrong ? "an amount, once the currency is right" : amountWords(typed, currency.trim());
    if (timeFields.includes(name))
      return instantOf(typed, zone) === undefined ? "a date and a time" : undefined;
    return undefined;
  });
}
