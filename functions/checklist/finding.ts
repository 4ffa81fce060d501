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

/** Milliseconds as people read them. */
export const msText = (ms: number) => (ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`);

export const countText = (count: number) => count.toLocaleString("en");
