/** What is written down during a run and judged after it. Times are the rehearsal's own clock unless they say otherwise. */
import type { Draw, Order, StoredOrder } from "../../domain/api.ts";
import type { LiveAnswer } from "./answers.ts";
import type { Ending, Item, Line } from "./crowd.ts";
import type { Stall } from "./lag.ts";
import type { Money } from "./payment-page.ts";

export type End =
  | "bought"
  | "told_sold_out"
  | "told_closed"
  | "gave_back"
  | "abandoned"
  /** Saw the payment page and went, on purpose or because nobody can pay there. */
  | "left_unpaid"
  /** The card was declined, and there was no other. */
  | "declined"
  /** Paid, and did not come back. */
  | "closed_tab"
  | "left"
  /** Had a slot, and never came. */
  | "stayed_away"
  /** Took the registration back. */
  | "took_back"
  /** Met an answer the contract does not know; the record says which. */
  | "failed"
  /** Still on the way when time was up. */
  | "unfinished";

export interface Join {
  /** As answered; numbers are given in the order people come. */
  number: number;
  /** The number is one of the lobby, which says nothing about the place: the draw does. */
  lobby: boolean;
  /** The place was there already: an earlier attempt took it, and its answer was lost. */
  again: boolean;
  /** In line: the number, or what the shopper drew from the seed; undefined while the draw was not heard of. */
  place: number | undefined;
  epoch: number;
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
  /** The number the pass stands for, where it was granted. */
  number?: number | undefined;
}

/** How a registration went; times as everywhere here. */
export interface RegistrationRecord {
  /** Undefined for who did not get so far before registration closed. */
  confirmed: { number: number; sentAtMs: number; answeredAtMs: number } | undefined;
  /** Once it was final who has a slot. */
  decided: { status: "slot" | "waiting"; place?: number | undefined } | undefined;
  /** Before or after that. */
  tookBack: { when: "before" | "after"; sentAtMs: number; answeredAtMs: number } | undefined;
}

/** What a slot's holder asked for with the token. */
export interface SlotRecord {
  /** Joins, and entries at opening of who joined before; `got` is `granted`, `early` (a ticket, no pass yet) or a word. */
  asked: { sentAtMs: number; answeredAtMs: number; got: string; number?: number | undefined }[];
  /** Looks at the pulse so far, when the pass was there. */
  looksBeforePass: number | undefined;
  /** `got` is `held` or a word. */
  reserved: { sentAtMs: number; answeredAtMs: number; got: string }[];
}

export interface ShopperRecord {
  shopper: number;
  ending: Ending;
  end: End;
  /** What the shopper was doing last; for those who did not finish. */
  doing: string;
  join: Join | undefined;
  /** Of those who registered. */
  registration: RegistrationRecord | undefined;
  /** Of those who came with a slot's token. */
  slot: SlotRecord | undefined;
  /** What was answered to the same shopper who came again. */
  rejoinedAs: { number: number; lobby: boolean }[];
  entries: Entry[];
  /** Of the last pass, by the server's clock. */
  passExpiresAtMs: number | undefined;
  /** Units of the holds that were granted, by reservation id. */
  holds: { id: string; lines: Line[]; bySlot?: boolean }[];
  orders: {
    id: string;
    reservationId: string;
    lines: Line[];
    total: number;
    currency: string;
    /** As answered last. */
    payment: Order["payment"]["state"];
    /** Asked for, or paid, whichever made it an order: no later than this. */
    sentAtMs: number;
    /** By the server's clock. */
    confirmedAtMs: number;
    refunded: boolean;
    /** Read as captured. */
    capturedAtMs?: number | undefined;
  }[];
  /** Cards given at the payment page, in their order. */
  payments: PaymentTry[];
  /** The same request sent twice, and what was answered. */
  replays: { what: string; first: string; again: string }[];
  /** Attempts that must be refused, or otherwise have one right answer. */
  expectations: { attempt: string; expected: readonly string[]; got: string }[];
  /** Answers the contract does not foresee at this step. */
  surprises: string[];
  /**
   * Heard that all is sold; for how long that look had waited for the rehearsal's own process; and after how long the
   * pulse had asked for it, of whom it had found far back.
   */
  told: { atMs: number; ownDelayMs: number; farMs?: number | undefined } | undefined;
}

export interface PaymentTry {
  reservationId: string;
  session: string;
  /** `authorised` at once or after the bank was asked; `closed`: the page takes no payment any more. */
  outcome: "authorised" | "declined" | "closed";
  /** The card was given, and the bank said yes or no. */
  sentAtMs: number;
  answeredAtMs: number;
  /** What the shop said of it to the shopper who came back and had no order. */
  toldNoOrder?: string;
}

export interface SeenPulse {
  /** The server's clock. */
  nowMs: number;
  nowServing: number;
  /** Units set aside and not claimed yet; undefined without slots. */
  slotsLeft?: number | undefined;
}

export interface SeenDraw {
  /** With the sale, when it was new. */
  announced: Draw | undefined;
  /** By pulses: each version once, with the earliest pulse that had it. */
  pulses: readonly { nowMs: number; draw: Draw }[];
}

/** The slots of a sale with registration. */
export interface SlotsHistory {
  count: number;
  allocation: "first_come" | "draw";
  /** By the server's clock: when registration closed, and when what is not claimed goes to the line. */
  closesAtMs: number;
  claimUntilMs: number;
  /** What was published of the draw of the slots: with the sale, just before registration closed, and once it was made. */
  draw: {
    announced: Draw | undefined;
    before: Draw | undefined;
    made: Draw | undefined;
    /** Numbers of confirmation in the order of their places, worked out from what was published. */
    byPlace: readonly number[];
  };
}

export interface History {
  saleId: string;
  items: readonly (Item & { price: number })[];
  currency: string;
  /** `free`: nothing has a price; `beyond`: there are prices, and a payment page that we cannot pay at. */
  paying: "free" | "paid" | "beyond";
  /** By the server's clock. */
  opensAtMs: number;
  /** How long a turn lasts at least. */
  turnMs: number;
  /** What was published of the draw; undefined for a line by arrival. */
  draw: SeenDraw | undefined;
  /** Undefined without registration. */
  slots: SlotsHistory | undefined;
  shoppers: readonly ShopperRecord[];
  /** Each pulse once, in the order of the server's clock. */
  pulses: readonly SeenPulse[];
  /** The rehearsal's clock minus the server's; never less than it is. */
  clockAheadMs: number;
  /** Redis' books, looked at while the sale ran. */
  samples: readonly LiveAnswer["items"][];
  /** Something was broken on purpose while the sale ran. */
  faultsExpected: boolean;
  /** When the crowd's process stood still, and the front's where it is a process of ours too. */
  stalls: { crowd: readonly Stall[]; front: readonly Stall[] | undefined };
}

/** What the system itself says after the sale. */
export interface Books {
  live: LiveAnswer;
  orders: readonly StoredOrder[];
  /** What Stripe's double knows of this sale; undefined where there is none, or it did not say. */
  money: Money | undefined;
  /** Outbox empty, no hold left and no payment open within the time given. */
  settled: boolean;
}

/** Of somebody who has not done anything yet. */
export const emptyRecord = (shopper: number, ending: Ending): ShopperRecord => ({
  shopper,
  ending,
  end: "unfinished",
  doing: "not there yet",
  join: undefined,
  registration: undefined,
  slot: undefined,
  rejoinedAs: [],
  entries: [],
  passExpiresAtMs: undefined,
  holds: [],
  orders: [],
  payments: [],
  replays: [],
  expectations: [],
  surprises: [],
  told: undefined,
});

export const unitsOf = (lines: readonly Line[]) => lines.reduce((sum, line) => sum + line.quantity, 0);

/** A request sent twice. @param print what must be the same */
export const replay = <T>(what: string, print: (answer: T) => string, first: T, again: T) => ({
  what,
  first: print(first),
  again: print(again),
});

export const who = ({ shopper }: { shopper: number }) => `shopper ${shopper}`;
