/**
 * What may go wrong with payments and webhooks, ordered for all (a rule, as in dev/faults.ts) or for one object, by
 * words in its metadata: `metadata[test]=decline`, `payment_intent_data[metadata][test]=lose,…`. What may go wrong between
 * the shop and the API is dev/faults.ts.
 */
import { z } from "zod";

/**
 * Payments: `decline` the card · `slow`: the bank answers `delayMs` later.
 * Webhooks: `duplicate`: delivered twice · `reorder`: overtaken by the next event · `late`: first tried after `delayMs` ·
 * `lose`: never sent.
 * API: `fail_after`: done, but answered with 500, which the idempotency key then repeats.
 */
export const switchSchema = z.strictObject({
  kind: z.enum(["decline", "slow", "duplicate", "reorder", "late", "lose", "fail_after"]),
  /** Only payments, events (as JSON) or requests (`POST /v1/refunds`, a space, the raw form) that contain this text. */
  match: z.string().optional(),
  /** How often the rule fires before it is gone; without it, until cleared. */
  times: z.int().positive().optional(),
  /** Chance in 0…1 that what matches is hit. */
  probability: z.number().min(0).max(1).default(1),
  delayMs: z.int().nonnegative().default(3000),
});

export type Switch = z.output<typeof switchSchema>;
export type SwitchRule = z.input<typeof switchSchema>;
export type SwitchKind = Switch["kind"];

export interface Switches {
  /** Adds a rule; rules are tried in the order they were added. */
  add(rule: SwitchRule): void;
  clear(): void;
  list(): Switch[];
  /**
   * The rule of this kind that hits `text`, if any; counts down its `times`.
   * @param words of the object's metadata: they hit as often as they are asked, without chance
   */
  take(kind: SwitchKind, text: string, words?: ReadonlySet<string>): Switch | undefined;
}

/** @param random source of chance in [0, 1), replaceable for a repeatable run */
export function createSwitches(random: () => number = Math.random): Switches {
  let rules: Switch[] = [];
  return {
    add: (rule) => void rules.push(switchSchema.parse(rule)),
    clear: () => void (rules = []),
    list: () => structuredClone(rules),
    take(kind, text, words) {
      if (words?.has(kind) === true) return switchSchema.parse({ kind });
      const rule = rules.find(
        (r) =>
          r.kind === kind &&
          (r.match === undefined || text.includes(r.match)) &&
          (r.probability === 1 || random() < r.probability),
      );
      if (rule?.times !== undefined && --rule.times === 0) rules = rules.filter((r) => r !== rule);
      return rule;
    },
  };
}

/** The words an object brings itself. */
export const testWords = (...metadata: (Record<string, string> | null | undefined)[]): ReadonlySet<string> =>
  new Set(metadata.flatMap((each) => each?.test?.split(/[\s,]+/) ?? []));
