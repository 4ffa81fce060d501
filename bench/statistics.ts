/** Medians and spread of a few noisy numbers. Pure. */

export interface Spread {
  /** A quarter of the values is below. */
  low: number;
  median: number;
  /** A quarter of the values is above. */
  high: number;
}

/** The value that this share of a list is below, between its neighbours where it falls between two. NaN of none. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  const position = (sorted.length - 1) * share;
  const below = sorted[Math.floor(position)] ?? NaN;
  const above = sorted[Math.ceil(position)] ?? NaN;
  return below + (above - below) * (position - Math.floor(position));
}

export const spread = (values: readonly number[]): Spread => ({
  low: quantile(values, 0.25),
  median: quantile(values, 0.5),
  high: quantile(values, 0.75),
});

/**
 * The spread of the ratios of two series, round by round: what slowed the machine down in a round hit both.
 * @throws Error when they were not measured in the same rounds
 */
export function ratio(ours: readonly number[], against: readonly number[]): Spread {
  if (ours.length !== against.length)
    throw new Error(`${ours.length} rounds cannot be held against ${against.length}`);
  return spread(ours.map((value, round) => value / (against[round] ?? NaN)));
}
