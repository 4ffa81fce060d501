/** Random steps of a few shoppers in a sale. */
import fc from "fast-check";
import { modes, type Mode } from "../../domain/mode.ts";
import type { Rules } from "./redis.ts";
import type { Basket } from "./sale.ts";

export type Step =
  | { do: "join" | "leave"; who: string }
  | { do: "enter"; who: Choice }
  | { do: "reserve"; who: Choice; basket: Basket }
  | { do: "confirm" | "giveBack"; which: number }
  | { do: "repeat"; which: number }
  | { do: "expire"; most: number }
  | { do: "mode"; mode: Mode }
  | { do: "size"; releaseSize: number }
  /** Seconds; fewer than none when the clock of Redis is set back, as a failover can do. */
  | { do: "wait"; seconds: number }
  | { do: "tick" };

/** Anybody, or the n-th of those for whom it makes sense: else most steps would only be refused. */
export type Choice = string | number;

/** So little of everything that a few shoppers meet every limit. */
export const anyRules: fc.Arbitrary<Rules> = fc.record({
  lobby: fc.constantFrom("arrival" as const, "draw" as const),
  releaseSize: fc.constantFrom(1, 3, 3),
  capacity: fc.constantFrom(2, 5, 5),
  // Most sales last longer than their steps; some end on the way.
  openSeconds: fc.constantFrom(300, 10_000, 10_000),
});

/** @param baskets what may be asked for */
export function anySteps(people: string[], baskets: Basket[]): fc.Arbitrary<Step[]> {
  const who = fc.constantFrom(...people);
  const choice = fc.oneof({ weight: 1, arbitrary: who }, { weight: 3, arbitrary: fc.nat(people.length) });
  const which = fc.nat(4);
  const step = fc.oneof(
    { weight: 5, arbitrary: fc.record({ do: fc.constant("join" as const), who }) },
    { weight: 8, arbitrary: fc.record({ do: fc.constant("enter" as const), who: choice }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant("leave" as const), who }) },
    {
      weight: 8,
      arbitrary: fc.record({
        do: fc.constant("reserve" as const),
        who: choice,
        basket: fc.constantFrom(...baskets),
      }),
    },
    {
      weight: 5,
      arbitrary: fc.record({ do: fc.constantFrom("confirm" as const, "giveBack" as const), which }),
    },
    { weight: 4, arbitrary: fc.record({ do: fc.constant("repeat" as const), which }) },
    {
      weight: 1,
      arbitrary: fc.record({ do: fc.constant("expire" as const), most: fc.integer({ min: 1, max: 3 }) }),
    },
    {
      weight: 1,
      arbitrary: fc.record({
        do: fc.constant("mode" as const),
        mode: fc.constantFrom(...modes, ...Array<"normal">(15).fill("normal")),
      }),
    },
    {
      weight: 1,
      arbitrary: fc.record({
        do: fc.constant("size" as const),
        releaseSize: fc.constantFrom(1, 2, 5),
      }),
    },
    {
      weight: 4,
      arbitrary: fc.record({
        do: fc.constant("wait" as const),
        seconds: fc.constantFrom(1, 5, 5, 5, 10, 10, 30, 60, -2, -7),
      }),
    },
    { weight: 4, arbitrary: fc.record({ do: fc.constant("tick" as const) }) },
  );
  return fc.array(step, { minLength: 20, maxLength: 50, size: "max" });
}
