/** What is written down during a run and judged after it. Times are the rehearsal's own clock unless they say otherwise. */
import type { Live, StoredOrder } from "../../domain/api.ts";
import type { Ending, Item, Line } from "./crowd.ts";

export type End =
  | "bought"
  | "told_sold_out"
  | "told_closed"
  | "gave_back"
  | "abandoned"
  | "left"
  /** Met an answer the contract does not know; the record says which. */
  | "failed"
  /** Still on the way when time was up. */
  | "unfinished";

export interface Join {
  number: number;
  /** First attempt: the place was given no earlier. */
  sentAtMs: number;
  /** The place was given no later. */
  answeredAtMs: number;
}

export interface Entry {
  sentAtMs: number;
  answeredAtMs: number;
  /** `granted`, or the word of the refusal. */
  got: string;
}

export interface ShopperRecord {
  shopper: number;
  ending: Ending;
  end: End;
  /** What the shopper was doing last; for those who did not finish. */
  doing: string;
  join: Join | undefined;
  /** Numbers answered to the same shopper who came again. */
  rejoinedAs: number[];
  entries: Entry[];
  /** Of the last pass, by the server's clock. */
  passExpiresAtMs: number | undefined;
  /** Units of the holds that were granted, by reservation id. */
  holds: { id: string; lines: Line[] }[];
  orders: { id: string; reservationId: string; lines: Line[] }[];
  /** The same request sent twice, and what was answered. */
  replays: { what: string; first: string; again: string }[];
  /** Attempts that must be refused, or otherwise have one right answer. */
  expectations: { attempt: string; expected: readonly string[]; got: string }[];
  /** Answers the contract does not foresee at this step. */
  surprises: string[];
  toldSoldOutAtMs: number | undefined;
}

export interface SeenPulse {
  /** The server's clock. */
  nowMs: number;
  nowServing: number;
}

export interface History {
  items: readonly Item[];
  shoppers: readonly ShopperRecord[];
  /** Each pulse once, in the order of the server's clock. */
  pulses: readonly SeenPulse[];
  /** The rehearsal's clock minus the server's; never less than it is. */
  clockAheadMs: number;
  /** Redis' books, looked at while the sale ran. */
  samples: readonly Live["items"][];
}

/** What the system itself says after the sale. */
export interface Books {
  live: Live;
  orders: readonly StoredOrder[];
  /** Outbox empty and no hold left within the time given. */
  settled: boolean;
}

export const unitsOf = (lines: readonly Line[]) => lines.reduce((sum, line) => sum + line.quantity, 0);

export const who = ({ shopper }: { shopper: number }) => `shopper ${shopper}`;
