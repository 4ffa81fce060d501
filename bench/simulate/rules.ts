/** The rules of the design that every simulated sale is held against, by the names under which violations are reported. */

export const rules = {
  books: "per item available + slots + held + confirmed = stock, nothing below zero",
  "one call": "stock, record, limit and outbox change together",
  once: "what is done twice is done once, and answered the same",
  limit: "nobody has more than the limit, or two holds at once",
  line: "places are given in order of arrival, kept, and nobody passes anybody",
  room: "nobody is inside before their turn, or beyond the capacity",
  closed: "nothing is sold from an old epoch, from outside, or while Redis does not know the sale",
  list: "registrations are numbered once, in order of confirmation; where they are needed, nobody comes in without",
  slots: "a slot goes to whom it is due, is good once and for its holder, and comes back when it is not used",
  forgotten: "addresses are kept for as long as they are needed, and no longer",
  money: "captured only for orders, given back once, nothing kept for nothing",
  judge: "Postgres, Redis and Stripe say the same in the end",
  told: "who was told that they have it has it",
  heals:
    "everything comes to an end: nobody waits for ever, every unit is sold or returned, the sale is settled",
  answers: "expected refusals are values: no step throws",
} as const;
export type Rule = keyof typeof rules;

export interface Violation {
  rule: Rule;
  what: string;
  /** Since opening. */
  atMs: number;
}
