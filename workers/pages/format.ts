/** Money, times and waits as text. Pure, and the same for every reader: times are UTC, the script localises them. */
import { moneyText } from "../../domain/currency.ts";

/** What a buyer reads as a price. @param minor smallest units */
export const money = (minor: number, currency: string): string =>
  minor === 0 ? "Free" : moneyText(minor, currency);

const utc = new Intl.DateTimeFormat("en-GB", { dateStyle: "long", timeStyle: "short", timeZone: "UTC" });

export const utcText = (iso: string): string => `${utc.format(new Date(iso))} UTC`;
