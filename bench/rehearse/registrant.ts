/** Somebody who registers: what is known of them from then until the sale, and what they do in both parts of that time. */
import type { Plan } from "./crowd.ts";
import { emptyRecord, type ShopperRecord } from "./history.ts";
import type { HolderPlan, RegistrantPlan } from "./registrants.ts";
import { Stopped } from "./sleep.ts";
import { createVisit, Surprise, type Visit } from "./visit.ts";
import { createVisitor, type Visitor } from "./visitor.ts";
import type { World } from "./world.ts";

/** Somebody who registered, on the way to the sale. */
export interface Registrant {
  plan: Plan;
  record: ShopperRecord;
  visitor: Visitor;
  slot: { token: string; plan: HolderPlan } | undefined;
  /** Has none, and tries the registration as one. */
  cheats: boolean;
}

export interface Person extends Registrant {
  visit: Visit;
  registration: RegistrantPlan;
  own: NonNullable<ShopperRecord["registration"]>;
}

/** More would only wait for each other at the sale's row, and at the mailbox. */
const AT_ONCE = 64;
export function newPerson(plan: Plan, registration: RegistrantPlan, world: World): Person {
  const own: Person["own"] = { confirmed: undefined, decided: undefined, tookBack: undefined };
  const record: ShopperRecord = { ...emptyRecord(plan.index, plan.ending), registration: own };
  const visitor = createVisitor(plan, world.url, world.local);
  const visit = createVisit(plan, world, record, visitor);
  return { plan, record, visitor, visit, registration, own, slot: undefined, cheats: false };
}

export async function takeBack(
  { visit, record, own }: Person,
  when: "before" | "after",
  by: Parameters<Visit["attempt"]>[3],
): Promise<void> {
  record.doing = "taking the registration back";
  const answer = await visit.attempt("registration", "POST", "/registrations/cancel", by);
  visit.expectNoContent("registration", answer);
  own.tookBack = { when, sentAtMs: answer.sentAtMs, answeredAtMs: answer.answeredAtMs };
}

/** What happens to one person is in the record; the others go on. */
export async function guarded({ record }: Person, act: () => Promise<void>): Promise<void> {
  try {
    await act();
  } catch (error) {
    if (error instanceof Surprise) record.end = "failed";
    else if (!(error instanceof Stopped)) throw error;
  }
}

export async function inParallel<Thing>(
  things: readonly Thing[],
  run: (thing: Thing) => Promise<void>,
): Promise<void> {
  const rest = things.values();
  const next = async () => {
    for (const thing of rest) await run(thing);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, next));
}

export const noteAttempt = (
  record: ShopperRecord,
  attempt: string,
  expected: readonly string[],
  word = "granted",
) => void record.expectations.push({ attempt, expected, got: word });
