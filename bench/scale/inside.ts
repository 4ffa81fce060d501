/** People whose turn has come: called, choosing, holding, and gone with an order or without. */
import { of } from "../cost/inputs.ts";
import type { Random } from "../rehearse/random.ts";
import { around } from "./arrivals.ts";
import { cohorts, ring, spread, steps } from "./counts.ts";
import type { SaleOptions } from "./options.ts";

const TURN_MAX_SECONDS = 30;

/** @param onTurn for each group that is called: when they joined, and how many */
export function peopleInside(
  sale: SaleOptions,
  opensAt: number,
  random: Random,
  line: ReturnType<typeof cohorts>,
  onTurn: (joinedAt: number, count: number) => void,
) {
  const { stock, releaseSize, capacity, holdSeconds, passSeconds, lookSeconds, paySeconds } = sale;
  const turnSteps = steps(Math.min(passSeconds, TURN_MAX_SECONDS));
  const everySteps = steps(sale.releaseEverySeconds);
  const longest = 2 * Math.max(holdSeconds, passSeconds, lookSeconds, paySeconds, TURN_MAX_SECONDS);
  const due = () => ring(steps(longest));
  const [enters, reserves, confirms, returns, missing] = [due(), due(), due(), due(), due()];
  const now = { available: stock, choosing: 0, inside: 0, sold: 0 };
  const leave = (count: number) => (now.inside = Math.max(0, now.inside - count));

  /** Some of those called never come, and take up room until their turn has ended. */
  function release(step: number): void {
    const room = Math.min(releaseSize, capacity - now.inside, now.available - now.choosing, line.count());
    const called = Math.floor(Math.max(0, room));
    if (called === 0) return;
    line.take(called, onTurn);
    const away = around(random, called, of("people.leave"));
    missing.add(step + turnSteps, away);
    now.inside += called;
    now.choosing += called;
    for (const [count, delay] of spread(called - away, of("looks.hearsTurnSeconds")))
      enters.add(step + delay, count);
  }

  /** Holds what there is, and later pays, gives back, or lets it end. */
  function reserve(step: number): number {
    const wanting = reserves.take(step);
    const reserving = Math.min(wanting, now.available);
    now.choosing = Math.max(0, now.choosing - wanting);
    now.available -= reserving;
    const gone = around(random, reserving, of("people.abandon"));
    const back = around(random, reserving - gone, of("people.giveBack"));
    returns.add(step + steps(holdSeconds), gone);
    for (const [count, delay] of spread(back, paySeconds)) returns.add(step + delay, count);
    for (const [count, delay] of spread(reserving - gone - back, paySeconds))
      confirms.add(step + Math.min(delay, steps(holdSeconds)), count);
    return reserving;
  }

  return {
    now,
    /** @returns requests of this step, the billed commands of all, and changes for the outbox */
    advance(step: number): { requests: number; commands: number; changes: number } {
      if (step >= opensAt && step % everySteps === opensAt % everySteps) release(step);
      const entering = enters.take(step);
      for (const [count, delay] of spread(entering, lookSeconds)) reserves.add(step + delay, count);
      const reserving = reserve(step);

      const confirming = confirms.take(step);
      now.sold += confirming;
      const returning = returns.take(step);
      now.available += returning;
      const away = missing.take(step);
      now.choosing = Math.max(0, now.choosing - away);
      leave(confirming + returning + away);

      const asks = entering * of("requests.entries");
      const confirmCommands =
        of("commands.confirm") + of("commands.sync") + (sale.paid ? of("commands.checkout") : 0);
      return {
        requests: asks + reserving + confirming + returning,
        commands:
          asks * of("commands.entry") +
          reserving * of("commands.reserve") +
          confirming * confirmCommands +
          returning * of("commands.giveBack"),
        changes: reserving + confirming + returning,
      };
    },
  };
}
