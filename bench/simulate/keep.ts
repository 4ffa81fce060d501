/** A plan with parts left out, and how that is written on the command line: `shoppers=3,7 troubles=0 weather= deeds=`. */
import type { Plan } from "./plan.ts";

export const parts = ["shoppers", "troubles", "weather", "deeds"] as const;
export type Part = (typeof parts)[number];
/** Of each part, which are kept, by their places in the whole plan. */
export type Kept = Record<Part, number[]>;

export const everything = (plan: Plan): Kept => ({
  shoppers: [...plan.shoppers.keys()],
  troubles: [...plan.troubles.keys()],
  weather: [...plan.weather.keys()],
  deeds: [...plan.deeds.keys()],
});

export function keep(plan: Plan, kept: Kept): Plan {
  const of = <Thing>(things: Thing[], part: Part) => things.filter((_, nth) => kept[part].includes(nth));
  return {
    ...plan,
    shoppers: of(plan.shoppers, "shoppers"),
    troubles: of(plan.troubles, "troubles"),
    weather: of(plan.weather, "weather"),
    deeds: of(plan.deeds, "deeds"),
  };
}

export const written = (kept: Kept) => parts.map((part) => `${part}=${kept[part].join()}`).join(" ");

/** @returns undefined where it is not written so; a part that is not named is kept whole */
export function readKept(text: string, plan: Plan): Kept | undefined {
  const kept = everything(plan);
  for (const word of text.split(/\s+/).filter((each) => each !== "")) {
    const [, part, list] = /^(\w+)=((?:\d+(?:,\d+)*)?)$/.exec(word) ?? [];
    const known = parts.find((one) => one === part);
    if (known === undefined || list === undefined) return undefined;
    kept[known] = list === "" ? [] : list.split(",").map(Number);
  }
  return kept;
}
