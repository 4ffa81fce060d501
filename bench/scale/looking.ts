/** Looks at the pulse, by the pace that the product itself asks for (functions/queue/pace.ts). */
import { farBack, pollAfterMs } from "../../functions/queue/pace.ts";
import { of } from "../cost/inputs.ts";
import { STEP_SECONDS } from "./counts.ts";
import type { SaleOptions } from "./options.ts";

interface Now {
  available: number;
  choosing: number;
  inside: number;
  sold: number;
}

export function lookers(sale: SaleOptions, opensAt: number) {
  /** Of those who still have to hear that all is sold. */
  let [toHear, hearPerStep] = [0, 0];

  /** Places are counted from who is next. */
  function paceSeconds(step: number, waiting: number, { available, choosing, inside, sold }: Now) {
    const possible = sale.stock - sold;
    const state = {
      nowMs: step * STEP_SECONDS * 1000,
      mode: "normal" as const,
      draw: undefined,
      inside,
      mostEach: 1,
      waiting,
      nowServing: 0,
      reach: waiting <= available - choosing ? null : { left: possible, expected: possible, possible },
      times: { opensAtMs: opensAt * STEP_SECONDS * 1000 },
      release: { everySeconds: sale.releaseEverySeconds, size: sale.releaseSize },
      items: [{ available }],
    };
    // Between two releases: a look at the release, which may still read the pulse before it, and one a second later.
    const near =
      step >= opensAt && available > inside
        ? sale.releaseEverySeconds / of("looks.perRelease")
        : Math.max(STEP_SECONDS, pollAfterMs(state) / 1000 - of("looks.pulseAgeSeconds"));
    const far = sale.allLookAlike === true ? undefined : farBack(state);
    return { near, far: far === undefined ? near : far.pollAfterMs / 1000, beyond: far?.beyond ?? Infinity };
  }

  return {
    haveHeard: () => toHear < 1,
    /** @returns looks in this step */
    advance(step: number, waiting: number, now: Now): number {
      const { near, far, beyond } = paceSeconds(step, waiting, now);
      const nearPeople = Math.min(waiting, beyond);
      toHear = waiting;
      hearPerStep = (waiting * STEP_SECONDS) / far;
      return STEP_SECONDS * (nearPeople / near + (waiting - nearPeople) / far);
    },
    /** All is sold: each looks once more, and goes. */
    hear(): number {
      const looks = Math.min(toHear, hearPerStep);
      toHear -= looks;
      return looks;
    },
  };
}
