/**
 * Measures one row file: its variants take turns round by round (A B, B A, …), so that whatever else the machine does hits
 * all of them. A variant that does its work wrong is not measured any further, and says so.
 */
import { Incorrect, type Budget, type Figure, type Row, type Sample, type Settings } from "./measure.ts";
import { ratio, spread, type Spread } from "./statistics.ts";

/** A figure as it was found. Without `value` it was not measured, and `why` says why. */
export interface Found extends Figure {
  metric: string;
  value?: Spread;
  limit?: Spread;
  ratio?: Spread;
  /** Absent without a budget. */
  met?: boolean;
  why?: string;
  /** The variant that did its work wrong, if one did. */
  wrong?: string;
}

export interface RowResult {
  row: string;
  about: string;
  seconds: number;
  rounds: number;
  figures: Found[];
  /** Each round's numbers: variant → metric → by round. */
  raw: Record<string, Record<string, number[]>>;
}

/** Why a variant has no numbers: it cannot be measured here, or it did its work wrong. */
type Trouble = Record<string, { why: string; incorrect: boolean }>;

export async function runRow(row: Row, settings: Settings, rounds?: number): Promise<RowResult> {
  const startedMs = performance.now();
  const many = row.rounds.full > 1;
  const count = many && rounds !== undefined ? rounds : row.rounds[settings.quick ? "quick" : "full"];
  const samples: Record<string, Sample[]> = {};
  const trouble: Trouble = {};
  const opened = await row.open(settings);
  for (const [name, why] of Object.entries(opened.skipped ?? {})) trouble[name] = { why, incorrect: false };
  try {
    const names = Object.keys(opened.variants);
    for (let round = row.warm === true ? -1 : 0; round < count; round++) {
      settings.say(`${row.name}: ${round < 0 ? "warming up" : `round ${round + 1} of ${count}`}`);
      for (const name of round % 2 === 0 ? names : names.toReversed()) {
        if (trouble[name] !== undefined) continue;
        try {
          const sample = await opened.variants[name]?.measure();
          if (sample !== undefined && round >= 0) (samples[name] ??= []).push(sample);
        } catch (error) {
          if (!(error instanceof Incorrect)) throw error;
          trouble[name] = { why: error.message, incorrect: true };
        }
      }
    }
  } finally {
    await opened.close();
  }
  return {
    row: row.name,
    about: row.about,
    seconds: (performance.now() - startedMs) / 1000,
    rounds: count,
    figures: row.figures.map((figure) => find(figure, samples, trouble)),
    raw: Object.fromEntries(Object.entries(samples).map(([name, each]) => [name, byMetric(each)])),
  };
}

function find(figure: Figure, samples: Record<string, Sample[]>, trouble: Trouble): Found {
  const { ours, against, budget } = figure;
  const metric = figure.metric ?? "perSecond";
  const found: Found = { ...figure, metric };
  for (const name of [against, ours])
    if (name !== undefined && trouble[name] !== undefined) {
      const { why, incorrect } = trouble[name];
      Object.assign(found, { why: `${name}: ${why}` }, incorrect ? { wrong: name } : {});
    }
  const series = (name: string) => (samples[name] ?? []).map((sample) => sample[metric] ?? NaN);
  if (trouble[ours] !== undefined) return found;
  found.value = spread(series(ours));
  if (against !== undefined && trouble[against] === undefined) {
    found.limit = spread(series(against));
    found.ratio = ratio(series(ours), series(against));
  }
  if (budget !== undefined && found[budget.of] !== undefined) found.met = isMet(budget, found);
  return found;
}

function isMet({ of, atLeast = -Infinity, atMost = Infinity }: Budget, found: Found): boolean {
  const judged = found[of]?.median ?? NaN;
  return judged >= atLeast && judged <= atMost;
}

function byMetric(samples: Sample[]): Record<string, number[]> {
  const series: Record<string, number[]> = {};
  for (const sample of samples)
    for (const [metric, value] of Object.entries(sample)) (series[metric] ??= []).push(value);
  return series;
}
