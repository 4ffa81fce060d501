/**
 * Fault switches shared by the gateways and doubles of the local stack: what may go wrong between a Worker and a
 * service behind HTTP. A rule matches requests by a substring of their body, fires a limited number of times or
 * with a probability, and is taken by the gateway that owns the switchboard.
 */
import type { ServerResponse } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { z } from "zod";

/**
 * - `lose_answer`: execute, then cut the connection, so that the client never learns the result
 * - `cut`: cut the connection without executing
 * - `error`: answer `status` without executing
 * - `delay`: wait `delayMs`, then go on as usual
 */
export const faultSchema = z.strictObject({
  kind: z.enum(["lose_answer", "cut", "error", "delay"]),
  /** Only requests whose raw body contains this text. */
  match: z.string().optional(),
  /** How often the rule fires before it is gone; without it, until cleared. */
  times: z.int().positive().optional(),
  /** Chance in 0…1 that a matching request is hit. */
  probability: z.number().min(0).max(1).default(1),
  /** HTTP status for `error`. */
  status: z.int().min(400).max(599).default(503),
  /** Milliseconds for `delay`. */
  delayMs: z.int().nonnegative().default(1000),
});

export type Fault = z.output<typeof faultSchema>;
export type FaultRule = z.input<typeof faultSchema>;

export interface Faults {
  /** Adds a rule; rules are tried in the order they were added. */
  add(rule: FaultRule): void;
  clear(): void;
  list(): Fault[];
  /** The fault that hits a request with this raw body, if any; counts down its `times`. */
  take(body: string): Fault | undefined;
}

/** @param random source of chance in [0, 1), replaceable for a repeatable run */
export function createFaults(random: () => number = Math.random): Faults {
  let rules: Fault[] = [];
  return {
    add: (rule) => void rules.push(faultSchema.parse(rule)),
    clear: () => void (rules = []),
    list: () => structuredClone(rules),
    take(body) {
      const rule = rules.find(
        (r) =>
          (r.match === undefined || body.includes(r.match)) &&
          (r.probability === 1 || random() < r.probability),
      );
      if (rule?.times !== undefined && --rule.times === 0) rules = rules.filter((r) => r !== rule);
      return rule;
    },
  };
}

/**
 * Does what a fault does before execution.
 * @param refuse answers with this status, in the gateway's own words
 * @returns whether that was all; a `lose_answer` still has to be done after execution
 */
export async function strike(
  fault: Fault,
  response: ServerResponse,
  refuse: (status: number) => void,
): Promise<boolean> {
  switch (fault.kind) {
    case "cut":
      response.destroy();
      return true;
    case "error":
      refuse(fault.status);
      return true;
    case "delay":
      await sleep(fault.delayMs);
      return false;
    case "lose_answer":
      return false;
  }
}
