/** A sale that people register for before it opens: how long they have, and which slots there are for them. */
import { RehearsalError } from "./errors.ts";
import type { SaleDraft } from "./sale.ts";

export interface RegistrationDraft {
  /** How many register; none more than come. */
  people: number;
  /** From the creation of the sale until registration closes, and from then until the first may come to the line. */
  seconds: number;
  decidesInSeconds: number;
  slots: { count: number; allocation: "first_come" | "draw"; claimSeconds: number };
}

export interface RegistrationOptions {
  people: number;
  /** Of the command line; they win over what a sale's file says. */
  slots?: number | undefined;
  allocation?: "first_come" | "draw" | undefined;
}

/** People a second that a busy machine of two cores registers, e-mail and confirmation included, and some to spare. */
const REGISTERED_A_SECOND = 25;
/** … whose slots it tells. */
const TOLD_A_SECOND = 150;
const SECONDS_MIN = 5;
/** Long enough for everybody who comes with the rush, short enough that what is not claimed is waited for. */
const CLAIM_SECONDS = 20;

/** @throws RehearsalError when there are more slots than units */
export function withRegistration(
  draft: SaleDraft,
  { people, slots, allocation }: RegistrationOptions,
): SaleDraft {
  const stock = draft.sale.items.reduce((sum, item) => sum + item.stock, 0);
  const count = slots ?? draft.slots?.count ?? Math.max(1, Math.min(people, Math.floor(stock / 2)));
  if (count > stock) throw new RehearsalError(`There cannot be ${count} slots: the stock is ${stock}.`);
  const claimSeconds = Math.min(draft.slots?.claimSeconds ?? CLAIM_SECONDS, draft.openForSeconds);
  return {
    ...draft,
    registration: {
      people,
      seconds: SECONDS_MIN + Math.ceil(people / REGISTERED_A_SECOND),
      decidesInSeconds: SECONDS_MIN + Math.ceil(people / TOLD_A_SECOND),
      slots: { count, allocation: allocation ?? draft.slots?.allocation ?? "first_come", claimSeconds },
    },
    notes: [
      ...draft.notes,
      `${people} register for ${count} slots (${allocation ?? draft.slots?.allocation ?? "first_come"}), ` +
        `kept until ${claimSeconds} s after opening`,
    ],
  };
}
