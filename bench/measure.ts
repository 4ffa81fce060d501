/**
 * What a bench is made of. A row file measures some *variants* in turns: what is ours, what it could be at best (its limit), and
 * what people would use instead. A *figure* holds one variant against another of the same rounds, and against its budget.
 */

/** What one measurement of a variant found, by metric: `perSecond`, `micros`, `bytes`, … */
export type Sample = Record<string, number>;

export interface Budget {
  /** Of what: the ratio to `against`, or the value itself. */
  of: "ratio" | "value";
  atLeast?: number;
  atMost?: number;
}

export interface Figure {
  what: string;
  /** The variant that is judged. */
  ours: string;
  /** The variant of the same rounds that it is held against: its limit, or a peer. */
  against?: string;
  /** Of the samples. Default: perSecond. */
  metric?: string;
  budget?: Budget;
  /** What must be known to read it: where a peer does less, or better. */
  note?: string;
}

export interface Variant {
  /** One measurement. @throws Incorrect when what was done was not right, however fast */
  measure: () => Promise<Sample>;
}

/** A row file, ready to be measured. */
export interface Opened {
  variants: Record<string, Variant>;
  /** Variants that cannot be measured here, and why. */
  skipped?: Record<string, string>;
  close: () => Promise<void>;
}

export interface Settings {
  quick: boolean;
  say: (line: string) => void;
}

export interface Row {
  /** What `--only` calls it. */
  name: string;
  about: string;
  figures: readonly Figure[];
  /** How often its variants take turns; once where nothing is left to chance. */
  rounds: { full: number; quick: number };
  /** A first round that does not count, where something has to get warm. */
  warm?: boolean;
  /** @throws Error with one line for a part that is missing or does not start */
  open: (settings: Settings) => Promise<Opened>;
}

/** The work was done wrong: one unit too many, somebody served twice. Its speed is worth nothing then. */
export class Incorrect extends Error {
  override name = "Incorrect";
}
