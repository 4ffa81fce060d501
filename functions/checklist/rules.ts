/** The definition's own sense: times, pace, room and units against each other. Pure. */
import { phaseOf, saleTimes } from "../../domain/phase.ts";
import type { Sale } from "../../domain/sale.ts";
import { check, countText, spanText, type Finding } from "./finding.ts";

const MINUTE_MS = 60_000;
/** Registration should end so long before opening, for the e-mails and for people to see them. */
const LETTERS_MS = 30 * MINUTE_MS;

export function timesSensible(sale: Sale, nowMs: number): Finding {
  const { green, amber } = check("times", "Times");
  const { opensAtMs, closesAtMs, slotsDecidedFromMs } = saleTimes(sale);
  const phase = phaseOf(saleTimes(sale), { mode: "normal", settled: false, soldOut: false }, nowMs);
  if (phase === "closed") return amber("This sale has ended.", "Copy it as a new one.");
  const longest = (sale.passSeconds + sale.holdSeconds) * 1000;
  if (closesAtMs - opensAtMs < longest)
    return amber(
      `It lasts ${spanText(closesAtMs - opensAtMs)}, and one shopper may take ${spanText(longest)} to choose and pay: who comes late cannot finish.`,
      "Let it close later, or give less time to choose and pay.",
    );
  if (sale.slots !== undefined && opensAtMs - slotsDecidedFromMs < LETTERS_MS)
    return amber(
      `Slots are decided ${spanText(opensAtMs - slotsDecidedFromMs)} before opening: their e-mails may come too late.`,
      "Set registrationClosesAt at least half an hour before opensAt.",
    );
  return green(
    phase === "open"
      ? "It is open."
      : `It opens in ${spanText(opensAtMs - nowMs)} and lasts ${spanText(closesAtMs - opensAtMs)}.`,
  );
}

/** Whether so many people can come in until closing that everything can be sold. */
export function paceSensible(sale: Sale): Finding {
  const { green, amber } = check("pace", "Pace");
  const { releaseSize, releaseEverySeconds, capacity, passSeconds, items } = sale;
  const seconds = (Date.parse(sale.closesAt) - Date.parse(sale.opensAt)) / 1000;
  const units = items.reduce((sum, { stock }) => sum + stock, 0);
  const bySize = releaseSize / releaseEverySeconds;
  // In the worst case everybody inside takes all the time there is, and nobody buys.
  const byRoom = capacity / passSeconds;
  const perSecond = Math.min(bySize, byRoom);
  const found = `${rate(bySize)} by the release size, ${rate(byRoom)} at least by the room inside, for ${countText(units)} units.`;
  if (capacity < releaseSize)
    return amber(
      `${found} The room for ${countText(capacity)} is smaller than one release of ${countText(releaseSize)}.`,
      "Set capacity to several releases, or the release size lower.",
    );
  if (perSecond * seconds < units)
    return amber(
      `${found} Until closing ${countText(Math.floor(perSecond * seconds))} people come in for certain: units may be left.`,
      "A larger release size, more room, less time to choose, or a later closing.",
    );
  return green(
    `${found} All can be offered ${spanText((units / perSecond) * 1000)} after opening, at the latest.`,
  );
}

const rate = (perSecond: number) =>
  perSecond >= 1 ? `${perSecond.toFixed(1)} people/s` : `${(perSecond * 60).toFixed(1)} people/min`;
