/** Counts and latencies of everything sent, by step and by the layer that answered. */

export const steps = [
  "register",
  "confirm",
  "registration",
  "page",
  "join",
  "slot_join",
  "poll",
  "entry",
  "reserve",
  "checkout",
  "read_reservation",
  "read_order",
  "leave",
  "give_back",
  "operator",
] as const;
export type Step = (typeof steps)[number];

/** Who produced an answer: the cache in front, the edge Worker, the functions Worker, or nobody who says so. */
export const layers = ["front", "edge", "functions", "unknown"] as const;
export type Layer = (typeof layers)[number];

export interface StepFigures {
  requests: number;
  byLayer: Record<Layer, number>;
  /** From the shopper's click to the last byte, waiting for one of the sockets included. */
  latenciesMs: number[];
}

export interface Figures {
  byStep: Record<Step, StepFigures>;
  /** Refusals by word, `http_<status>` for errors without one. */
  byWord: Record<string, number>;
  networkErrors: number;
  /** All that was sent, the operator's calls included. */
  requests: number;
}

export function createFigures(): Figures {
  const none = (): StepFigures => ({
    requests: 0,
    byLayer: { front: 0, edge: 0, functions: 0, unknown: 0 },
    latenciesMs: [],
  });
  const byStep = {
    register: none(),
    confirm: none(),
    registration: none(),
    page: none(),
    join: none(),
    slot_join: none(),
    poll: none(),
    entry: none(),
    reserve: none(),
    checkout: none(),
    read_reservation: none(),
    read_order: none(),
    leave: none(),
    give_back: none(),
    operator: none(),
  };
  return { byStep, byWord: {}, networkErrors: 0, requests: 0 };
}

/** Cache states in which no Worker ran for this request. */
const absorbed: ReadonlySet<string> = new Set(["HIT", "STALE", "UPDATING"]);

/** The cache's word comes first: an absorbed answer still carries the mark of the layer that once made it. */
export function layerOf(cacheStatus: string | undefined, layer: string | undefined): Layer {
  if (cacheStatus !== undefined && absorbed.has(cacheStatus.toUpperCase())) return "front";
  return layer === "edge" || layer === "functions" ? layer : "unknown";
}

export interface Quantiles {
  count: number;
  p50: number;
  p95: number;
  p99: number;
  max: number;
}

/** Nearest rank; undefined when there is nothing to rank. */
export function quantiles(values: readonly number[]): Quantiles | undefined {
  if (values.length === 0) return undefined;
  const sorted = Float64Array.from(values).sort();
  const at = (share: number) => sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? 0;
  return { count: sorted.length, p50: at(0.5), p95: at(0.95), p99: at(0.99), max: at(1) };
}

export const mapQuantiles = (
  { count, p50, p95, p99, max }: Quantiles,
  to: (value: number) => number,
): Quantiles => ({
  count,
  p50: to(p50),
  p95: to(p95),
  p99: to(p99),
  max: to(max),
});
