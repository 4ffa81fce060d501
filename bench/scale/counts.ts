/** Counts of people by steps of time: what is due later, who waits in order, how long they waited, the most of a second. */

export const STEP_SECONDS = 0.25;
export const SECOND_STEPS = Math.round(1 / STEP_SECONDS);
export const steps = (seconds: number) => Math.max(1, Math.round(seconds / STEP_SECONDS));

/** Delays around a mean, as three equal groups: sooner, about then, later. */
export function spread(count: number, meanSeconds: number): [count: number, steps: number][] {
  if (count <= 0) return [];
  const third = Math.floor(count / 3);
  return [
    [third, steps(meanSeconds * 0.3)],
    [count - 2 * third, steps(meanSeconds)],
    [third, steps(meanSeconds * 1.7)],
  ];
}

/** Counts that come due in later steps, none later than its size. */
export function ring(size: number) {
  const counts = new Float64Array(size + 1);
  let pending = 0;
  return {
    add(step: number, count: number) {
      const at = step % counts.length;
      counts[at] = (counts[at] ?? 0) + count;
      pending += count;
    },
    take(step: number): number {
      const at = step % counts.length;
      const count = counts[at] ?? 0;
      counts[at] = 0;
      pending -= count;
      return count;
    },
    isEmpty: () => pending < 1,
  };
}

/** First come, first served, those who came in the same step together. */
export function cohorts() {
  const counts: number[] = [];
  const since: number[] = [];
  let [head, all] = [0, 0];
  return {
    count: () => all,
    add(step: number, count: number) {
      if (count <= 0) return;
      counts.push(count);
      since.push(step);
      all += count;
    },
    take(wanted: number, each: (since: number, count: number) => void) {
      let left = Math.min(wanted, all);
      all -= left;
      while (left > 0 && head < counts.length) {
        const here = counts[head] ?? 0;
        const taken = Math.min(here, left);
        each(since[head] ?? 0, taken);
        left -= taken;
        if (taken < here) counts[head] = here - taken;
        else head++;
      }
    },
  };
}

export function histogram() {
  const counts = new Map<number, number>();
  let all = 0;
  return {
    add(value: number, count: number) {
      counts.set(value, (counts.get(value) ?? 0) + count);
      all += count;
    },
    quantile(share: number): number {
      let left = share * all;
      for (const [value, count] of [...counts].sort(([a], [b]) => a - b))
        if ((left -= count) <= 0) return value;
      return 0;
    },
  };
}

/** The most of a second. */
export function peak() {
  const recent = new Float64Array(SECOND_STEPS);
  let [sum, most] = [0, 0];
  return {
    add(step: number, count: number) {
      const at = step % SECOND_STEPS;
      sum += count - (recent[at] ?? 0);
      recent[at] = count;
      most = Math.max(most, sum);
    },
    perSecond: () => Math.round(most),
  };
}
