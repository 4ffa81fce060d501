/**
 * The registration before a sale: people register by e-mail, use the link in it, take it back, pass it on; when registration
 * closes they hear who has a slot, on the page and by e-mail. What they come to the sale with is handed on.
 */
import { confirmedAnswer, type PublishedDraws } from "./answers.ts";
import type { Plan } from "./crowd.ts";
import type { Figures } from "./figures.ts";
import type { SlotsHistory } from "./history.ts";
import type { Progress } from "./progress.ts";
import { between } from "./random.ts";
import {
  guarded,
  inParallel,
  newPerson,
  noteAttempt,
  takeBack,
  type Person,
  type Registrant,
} from "./registrant.ts";
import { planRegistrants } from "./registrants.ts";
import { nowMs, Stopped } from "./sleep.ts";
import { tellSlots, type TellingSetting } from "./telling-slots.ts";
import { createVisit } from "./visit.ts";

export interface Registered {
  /** By the shopper's index. */
  registrants: Map<number, Registrant>;
  draw: SlotsHistory["draw"];
  /** From the first to the last address confirmed. */
  seconds: number;
}

export interface RegistrationSetting extends TellingSetting {
  /** Of the registration, whose world has connections of its own, so that the crowd's figures are the crowd's. */
  figures: Figures;
  closesAtMs: number;
  announced: PublishedDraws | undefined;
  progress: Progress;
}

const LOOK_MS = 400;
/** Registration is over for a server whose clock is behind too. */
const CLOSED_MS = 200;

export async function holdRegistration(
  plans: readonly Plan[],
  setting: RegistrationSetting,
): Promise<Registered> {
  const { world, closesAtMs, announced, progress } = setting;
  const intentions = planRegistrants(plans, world.seed, world.saleId);
  const people = plans.flatMap((plan, index) => {
    const registration = intentions[index];
    return registration === undefined ? [] : [newPerson(plan, registration, world)];
  });
  const draw: SlotsHistory["draw"] = {
    announced: announced?.slotDraw,
    before: undefined,
    made: undefined,
    byPlace: [],
  };
  const startedAtMs = nowMs();
  let registeredAtMs = startedAtMs;

  const confirmed = () => people.filter(({ own }) => own.confirmed !== undefined).length;
  const stage = setInterval(() => {
    const toGo = Math.max(0, Math.ceil((closesAtMs - nowMs()) / 1000));
    const { register } = setting.figures.byStep;
    progress.stage(
      `registration  asked ${register.requests}  confirmed ${confirmed()} of ${people.length}  closes in ${toGo} s`,
    );
  }, 1000);
  try {
    await inParallel(people, (one) => guarded(one, () => registerOne(one, setting)));
    registeredAtMs = nowMs();
    progress.note(
      `${confirmed()} of ${people.length} registered in ${seconds(registeredAtMs - startedAtMs)}`,
    );
    if (confirmed() < people.length) progress.note("the others came too late, and go to the line");
    const before = await setting.draws();
    if (nowMs() < closesAtMs) draw.before = before?.slotDraw;
    await world.sleep(closesAtMs + CLOSED_MS - nowMs());
    Object.assign(draw, await tellSlots(people, setting));
  } catch (error) {
    if (!(error instanceof Stopped)) throw error;
  } finally {
    clearInterval(stage);
  }
  return {
    registrants: new Map(people.map((one) => [one.plan.index, one])),
    draw,
    seconds: (registeredAtMs - startedAtMs) / 1000,
  };
}

async function registerOne(one: Person, { world, mailbox, closesAtMs }: RegistrationSetting): Promise<void> {
  const { plan, visit, record, registration, own } = one;
  const { email } = registration;
  record.doing = "registering";
  const asked = await visit.attempt("register", "POST", "/registrations", { body: { email } });
  if (asked.word === "registration_closed") return;
  if (asked.status !== 202) throw visit.surprise("register", asked.word ?? `http_${asked.status}`);

  record.doing = "waiting for the e-mail with the link";
  let token: string | undefined;
  while (token === undefined) {
    if (nowMs() > closesAtMs) return;
    await world.sleep(LOOK_MS * between(visit.random, 0.7, 1.3));
    [token] = await mailbox.tokens(email, "confirm");
  }

  const confirm = () => visit.attempt("confirm", "POST", "/registrations/confirm", { body: { token } });
  const answer = await confirm();
  // A link ends with registration.
  const tooLate = ["registration_closed", "token_expired"] as const;
  const { value } = visit.expectOneOf("confirm", answer, confirmedAnswer, tooLate);
  if (value === undefined) return;
  one.visitor.tokens.registration = value.registration;
  const { sentAtMs, answeredAtMs } = answer;
  own.confirmed = { number: value.number, sentAtMs, answeredAtMs };

  if (registration.passesLinkOn) {
    const other = createVisit({ ...plan, client: "app", address: elsewhere(plan) }, world, record);
    const again = await other.attempt("confirm", "POST", "/registrations/confirm", { body: { token } });
    noteAttempt(record, "link_passed_on", ["link_used"], again.word);
  }
  if (registration.takesBack) {
    const [unregister] = await mailbox.tokens(email, "unregister");
    await takeBack(one, "before", { body: { token: unregister } });
  }
}

/** Another household. */
const elsewhere = ({ address }: Plan) => address.replace(/^10\./, "11.");

const seconds = (ms: number) => `${(ms / 1000).toFixed(1)} s`;
