/** What the checklist says of one thing: how it is, what was seen, and what to do about it. */
import type { ChecklistItem } from "../../domain/api.ts";

export type Finding = ChecklistItem;

/** Of one check: `green("yes")`, `red("no", "do this")`. */
export function check(id: string, title: string) {
  const finding =
    (light: Finding["light"]) =>
    (found: string, todo = ""): Finding => ({ id, title, light, found, todo });
  return { green: finding("green"), amber: finding("amber"), red: finding("red") };
}

/** A span of time as people read it. @param ms from zero on */
export function spanText(ms: number): string {
  const [seconds, minutes, hours] = [ms / 1000, ms / 60_000, ms / 3_600_000];
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (seconds < 120) return `${Number(seconds.toFixed(1))} s`;
  if (minutes < 120) return `${Math.round(minutes)} min`;
  return hours < 48 ? `${Math.round(hours)} h` : `${Math.round(hours / 24)} days`;
}

export const countText = (count: number) => count.toLocaleString("en");
