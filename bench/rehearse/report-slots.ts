/** The registration and its slots in figures. */
import { mapQuantiles, quantiles, type Figures, type Quantiles } from "./figures.ts";
import { unitsOf, type History } from "./history.ts";

export interface SlotsReport {
  /** People who were to register, whose address was confirmed in time, who took that back before and after the decision. */
  registrants: { planned: number; confirmed: number; tookBackBefore: number; tookBackAfter: number };
  /** From the first to the last address confirmed. */
  registrationSeconds: number;
  /** Milliseconds, from the click to the answer; null when nobody did. */
  latencies: { register: Quantiles | null; confirm: Quantiles | null };
  allocation: "first_come" | "draw";
  count: number;
  given: number;
  /** Units, by the orders of the shoppers: with a slot's pass, and through the line. */
  soldBySlot: number;
  soldInLine: number;
  /** Slots that nobody bought with; their units went to the line. */
  unclaimed: number;
  /** Milliseconds from opening, or from coming after it, to the pass of a slot, without the page; null without holders. */
  pass: Quantiles | null;
}

export interface RegistrationFigures {
  figures: Figures;
  seconds: number;
}

export function slotsReport(
  { slots, shoppers, opensAtMs }: History,
  registration: RegistrationFigures | undefined,
): SlotsReport | null {
  if (slots === undefined || registration === undefined) return null;
  const registrations = shoppers.flatMap(({ registration: own }) => own ?? []);
  const given = registrations.filter(({ decided }) => decided?.status === "slot").length;
  const orders = shoppers.flatMap(({ orders: bought, holds }) =>
    bought.map(({ reservationId, lines }) => ({
      units: unitsOf(lines),
      bySlot: holds.some(({ id, bySlot }) => bySlot === true && id === reservationId),
    })),
  );
  const units = (bySlot: boolean) =>
    orders.reduce((sum, order) => sum + (order.bySlot === bySlot ? order.units : 0), 0);
  const passes = shoppers.flatMap(({ slot }) => {
    const granted = slot?.asked.findLast(({ got }) => got === "granted");
    const cameAtMs = slot?.asked[0]?.sentAtMs;
    if (granted === undefined || cameAtMs === undefined) return [];
    return [granted.answeredAtMs - Math.max(opensAtMs, cameAtMs)];
  });
  const { register, confirm } = registration.figures.byStep;
  return {
    registrants: {
      planned: registrations.length,
      confirmed: registrations.filter(({ confirmed }) => confirmed !== undefined).length,
      tookBackBefore: registrations.filter(({ tookBack }) => tookBack?.when === "before").length,
      tookBackAfter: registrations.filter(({ tookBack }) => tookBack?.when === "after").length,
    },
    registrationSeconds: rounded(registration.seconds),
    latencies: { register: ranks(register.latenciesMs), confirm: ranks(confirm.latenciesMs) },
    allocation: slots.allocation,
    count: slots.count,
    given,
    soldBySlot: units(true),
    soldInLine: units(false),
    unclaimed: given - units(true),
    pass: ranks(passes),
  };
}

function ranks(values: readonly number[]): Quantiles | null {
  const found = quantiles(values);
  return found === undefined ? null : mapQuantiles(found, rounded);
}
const rounded = (value: number) => Math.round(value * 10) / 10;
