/** What of a simulated sale is closest to its limit, and what to turn. Pure. */
import { of } from "../cost/inputs.ts";
import type { SaleOptions } from "./options.ts";
import type { Simulated } from "./simulate.ts";

export interface Limit {
  what: string;
  /** Of what there is, at the most: 1 is all of it. */
  used: number;
  peak: number;
  limit: number;
  unit: string;
  turn: string;
}

/** The closest first. */
export function limitsOf(sale: SaleOptions, found: Simulated): Limit[] {
  const limit = (what: string, peak: number, most: number, unit: string, turn: string): Limit => ({
    what,
    used: peak / most,
    peak,
    limit: most,
    unit,
    turn,
  });
  const { joinShards, commandsPerSecond } = sale;
  return [
    limit(
      "Redis commands",
      found.redis.perSecondMax,
      commandsPerSecond,
      "commands/s",
      joinShards === 0
        ? "joins in shards (joinShards), which need a tenth of a command each instead of eight"
        : "a plan with more commands a second; or fewer people at each release",
    ),
    ...(joinShards === 0
      ? []
      : [
          limit(
            "shards of joins",
            found.joinsPerSecondMax,
            joinShards * of("batch.joinsPerShardPerSecond"),
            "joins/s",
            "more shards (joinShards)",
          ),
        ]),
    limit(
      "Redis memory",
      (found.lineMax * of("redis.bytesPerPerson")) / 1e9,
      100,
      "GB",
      "a plan with more memory; the line needs 126 bytes a person",
    ),
    limit(
      "outbox to Postgres",
      found.outbox.lagSecondsMax,
      2,
      "s behind",
      "a larger Postgres compute; the sale goes on meanwhile",
    ),
  ].sort((a, b) => b.used - a.used);
}

export interface Pace {
  seconds: number;
  by: "release size" | "room inside" | "holds that end unpaid";
  turn: string;
}

/** What the time to sell out is bound by, the slowest first: how fast people are called, make room, or give back by not paying. */
export function pacesOf(sale: SaleOptions): Pace[] {
  const { stock, releaseSize, releaseEverySeconds, capacity, lookSeconds, paySeconds, holdSeconds } = sale;
  // What some do not pay for is sold again, and again some of it is not paid for, until that is less than a unit.
  const rounds = Math.ceil(Math.log(Math.max(2, stock)) / -Math.log(of("people.abandon")));
  const paces: Pace[] = [
    {
      seconds: (stock / releaseSize) * releaseEverySeconds,
      by: "release size",
      turn: "a larger releaseSize, or more often",
    },
    {
      seconds: (stock / capacity) * (lookSeconds + paySeconds),
      by: "room inside",
      turn: "a larger capacity",
    },
    { seconds: rounds * holdSeconds, by: "holds that end unpaid", turn: "a shorter holdSeconds" },
  ];
  return paces.sort((a, b) => b.seconds - a.seconds);
}
