/** Who comes when: how many of a crowd come in each step of time. Seeded; as many in all as there are. */
import { seeded, type Random } from "../rehearse/random.ts";

/** `rehearsal`: as bench/rehearse/crowd.ts has them. `burst`: most within seconds of the opening, as a flash sale is announced. */
export type ArrivalProfile = "rehearsal" | "burst";

export interface ArrivalOptions {
  visitors: number;
  seed: number;
  profile: ArrivalProfile;
  lobbySeconds: number;
  stepSeconds: number;
}

/** @returns people by step; the first step is `lobbySeconds` before opening */
export function arrivalsByStep({ visitors, seed, profile, lobbySeconds, stepSeconds }: ArrivalOptions) {
  const density = profile === "rehearsal" ? rehearsalDensity(lobbySeconds) : burstDensity(lobbySeconds);
  const steps = Math.ceil((lobbySeconds + LAST_SECONDS) / stepSeconds);
  const weights = Float64Array.from({ length: steps }, (_, step) =>
    density((step + 0.5) * stepSeconds - lobbySeconds),
  );
  let weightLeft = weights.reduce((sum, weight) => sum + weight, 0);
  let left = visitors;
  const random = seeded(seed, 11);
  return Float64Array.from(weights, (weight) => {
    // A share of those who are left, so that all have come in the end.
    const here = weightLeft <= 0 ? 0 : Math.min(left, around(random, left, Math.min(1, weight / weightLeft)));
    weightLeft -= weight;
    left -= here;
    return here;
  });
}

const LAST_SECONDS = 300;
const RUSH_MEAN_SECONDS = 2;

function rehearsalDensity(lobbySeconds: number) {
  return (second: number): number => {
    if (second < 0)
      return (0.3 / lobbySeconds / 1.5) * Math.max(0.02, -second / lobbySeconds) ** (1 / 1.5 - 1);
    const rush = (0.55 / RUSH_MEAN_SECONDS) * Math.exp(-second / RUSH_MEAN_SECONDS);
    return rush + (second < 20 ? 0.15 / 20 : 0);
  };
}

/** Half before opening, more and more of them; a third within some seconds of it; the rest over minutes. */
function burstDensity(lobbySeconds: number) {
  return (second: number): number => {
    if (second < 0) return (0.5 / (lobbySeconds / 5)) * Math.exp(second / (lobbySeconds / 5));
    return (0.35 / 4) * Math.exp(-second / 4) + (0.15 / 100) * Math.exp(-second / 100);
  };
}

/** How many of `count` do what each does with this chance; by the normal distribution where there are many. */
export function around(random: Random, count: number, chance: number): number {
  const whole = Math.floor(count);
  if (whole <= 0 || chance <= 0) return 0;
  if (chance >= 1) return whole;
  if (whole * chance < 50 && whole < 2_000) {
    let did = 0;
    for (let one = 0; one < whole; one++) if (random() < chance) did++;
    return did;
  }
  const normal = Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
  const mean = whole * chance;
  return Math.min(whole, Math.max(0, Math.round(mean + normal * Math.sqrt(mean * (1 - chance)))));
}
