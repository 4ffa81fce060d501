/** What the parts of the model share: what it has learnt, and where it says what does not hold. */
import type { Sale } from "../../domain/sale.ts";
import type { Record, Seen } from "./reading.ts";
import type { SimulatedRedis } from "./redis.ts";
import type { Rule } from "./rules.ts";

/** What the model has learnt; a copy of it goes with each copy of Redis. */
export interface Knowledge {
  records: Map<string, Record>;
  supplied: Map<string, number>;
  slots: Map<string, number>;
  topUps: Set<string>;
  lastEntry: string;
  /** What the outbox told of reservations, in order. */
  told: { entry: string; id: string; state: string }[];
  highest: number;
  /** First answers, by reservation: who, and what. */
  answers: Map<string, string>;
  seen: Seen | undefined;
  /** Somebody has changed a counter; until the counters add up again the books are not held. */
  isDamaged: boolean;
  /** Holds that somebody has taken out of the index: nobody finds them, so they stand in nobody's way. */
  unindexed: Set<string>;
  /** Slots end once, even where a clock is set back afterwards. */
  haveSlotsEnded: boolean;
}

export const nothingYet = (): Knowledge => ({
  records: new Map(),
  supplied: new Map(),
  slots: new Map(),
  topUps: new Set(),
  lastEntry: "0-0",
  told: [],
  highest: 0,
  answers: new Map(),
  seen: undefined,
  isDamaged: false,
  unindexed: new Set(),
  haveSlotsEnded: false,
});

export interface Judge {
  readonly sale: Sale;
  readonly redis: SimulatedRedis;
  knowledge: Knowledge;
  /** Redis was rolled back, and may have given numbers and units a second time. */
  wasRolledBack: boolean;
  /** Reservations that were ever confirmed, each with its payment. */
  readonly confirmed: Set<string>;
  /** Top-ups, of which Redis may lose some. */
  readonly added: Map<string, { sku: string; quantity: number }>;
  violate(rule: Rule, what: string): void;
  redisNowMs(): number;
  /** A key of the sale, by its name in the schema. */
  key(name: string): string;
}
