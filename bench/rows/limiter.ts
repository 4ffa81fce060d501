/**
 * Ten requests and no more for each shopper, fifty sent: our limiter, which counts in the isolate, against @upstash/ratelimit, which asks
 * Redis. Exactly ten of each one's fifty must come through.
 */
import type { Row, Settings } from "../measure.ts";
import { openRace } from "../race/peers.ts";
import { judgeLimited, sampleOf } from "../race/race.ts";
import { people } from "../stage.ts";

const EACH = 10;
const CALLS_EACH = 50;

let races = 0;

const open = (settings: Settings) =>
  openRace(
    "our-limiter.ts",
    { "@upstash/ratelimit": "upstash-ratelimit" },
    (entrant) => ({
      async measure() {
        const crowd = people(settings.quick ? 40 : 300).map(({ shopper }) => shopper);
        const calls = Array.from({ length: CALLS_EACH }, () => crowd).flat();
        const output = await entrant.race({ race: `limit-${++races}`, stock: EACH, calls, underWay: 64 });
        judgeLimited(output, crowd.length, EACH);
        return sampleOf(output);
      },
    }),
    settings,
  );

const pair = { ours: "ours", against: "@upstash/ratelimit" };

export const limiter: Row = {
  name: "limiter",
  about: "ten requests for each shopper, in the isolate, against a limiter in Redis",
  figures: [
    {
      what: "decisions",
      ...pair,
      note: "ours counts per isolate, and exactly only for joins and holds, in their scripts; the peer counts exactly everywhere",
    },
    { what: "… median latency", ...pair, metric: "medianMs" },
  ],
  rounds: { full: 5, quick: 1 },
  warm: true,
  open,
};
