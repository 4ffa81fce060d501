/** The draw of a lobby (design §5.2), from what was published of it and what the system then made of it. */
import { createHash } from "node:crypto";
import { who, type History, type ShopperRecord } from "./history.ts";

export function checkDraw(history: History): string[] {
  const { draw, shoppers } = history;
  if (draw === undefined)
    return shoppers
      .filter(({ join }) => join?.lobby === true)
      .map((s) => `${who(s)} got a number of a lobby, and there is no draw`);
  return [...checkPublished(history), ...checkNumbers(history), ...checkPlaces(shoppers)];
}

/** The commitment was there before anybody could know the seed, and the seed is the one committed to. */
function checkPublished({ draw, opensAtMs, pulses }: History): string[] {
  const found: string[] = [];
  const announced = draw?.announced;
  if (announced === undefined) return ["no commitment was published with the sale"];
  if (announced.seed !== undefined) found.push("the seed was published with the sale");

  const versions = draw?.pulses ?? [];
  for (const { nowMs, draw: seen } of versions) {
    if (seen.commitment !== announced.commitment)
      found.push(`the commitment was ${announced.commitment}, then ${seen.commitment}`);
    if (seen.seed !== undefined && nowMs < opensAtMs)
      found.push(`the seed was public ${opensAtMs - nowMs} ms before opening`);
    if (seen.seed !== undefined && sha256(seen.seed) !== seen.commitment)
      found.push(`the commitment ${seen.commitment} is not the SHA-256 of the seed ${seen.seed}`);
  }
  const revealed = versions.filter(({ draw: seen }) => seen.seed !== undefined);
  const outcomes = new Set(
    revealed.map(({ draw: { seed = "", count } }) => `${seed}, ${count ?? "no"} numbers`),
  );
  if (outcomes.size > 1) found.push(`the draw was published as ${[...outcomes].join("; then as ")}`);
  if (revealed.length === 0 && pulses.some(({ nowMs }) => nowMs >= opensAtMs))
    found.push("the seed was not published at opening");
  return found;
}

const sha256 = (text: string) => createHash("sha256").update(text).digest("hex");

/** The lobby has the numbers up to the count, and whoever came later the ones above it. */
function checkNumbers({ draw, shoppers }: History): string[] {
  const count = draw?.pulses.find(({ draw: seen }) => seen.count !== undefined)?.draw.count;
  if (count === undefined) return [];
  return shoppers.flatMap((s) => {
    if (s.join === undefined) return [];
    const { number, lobby, again } = s.join;
    if (lobby && number > count) return [`${who(s)} has number ${number} of a lobby of ${count}`];
    // A lost answer may have been the one of the lobby: then this is a drawn place.
    if (!lobby && !again && number <= count)
      return [`${who(s)} came after the draw of ${count}, and got number ${number}`];
    return [];
  });
}

/** What a shopper worked out from the seed is what the system served them as. */
function checkPlaces(shoppers: readonly ShopperRecord[]): string[] {
  const found: string[] = [];
  const byPlace = new Map<number, ShopperRecord>();
  for (const s of shoppers) {
    const place = s.join?.place;
    if (place === undefined) continue;
    const other = byPlace.get(place);
    if (other !== undefined) found.push(`place ${place} went to ${who(other)} and ${who(s)}`);
    byPlace.set(place, s);

    for (const { number } of s.entries)
      if (number !== undefined && number !== place)
        found.push(`${who(s)} was let in as number ${number}, and by the draw has place ${place}`);
  }
  return found;
}
