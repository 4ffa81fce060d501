/**
 * The registration before a sale: people register by e-mail, use the link in it, take it back, pass it on; when registration
 * closes they hear who has a slot, on the page and by e-mail. What they come to the sale with is handed on.
 */
import { numberAt } from "../../static/assets/draw.js";
import { confirmedAnswer, registrationAnswer, type PublishedDraws } from "./answers.ts";
import type { Plan } from "./crowd.ts";
import type { Figures } from "./figures.ts";
import { emptyRecord, type ShopperRecord, type SlotsHistory } from "./history.ts";
import type { Mailbox } from "./mailbox.ts";
import type { Progress } from "./progress.ts";
import { between } from "./random.ts";
import {
  planHolders,
  planRegistrants,
  planWaitingCheats,
  type HolderPlan,
  type RegistrantPlan,
} from "./registrants.ts";
import { nowMs, Stopped } from "./sleep.ts";
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

export interface Registered {
  /** By the shopper's index. */
  registrants: Map<number, Registrant>;
  draw: SlotsHistory["draw"];
  /** From the first to the last address confirmed. */
  seconds: number;
}

export interface RegistrationSetting {
  /** With connections of its own, so that the crowd's figures are the crowd's. */
  world: World;
  figures: Figures;
  mailbox: Mailbox;
  closesAtMs: number;
  claimMs: number;
  allocation: "first_come" | "draw";
  announced: PublishedDraws | undefined;
  draws: () => Promise<PublishedDraws | undefined>;
  /** E-mails that are not sent at once are sent by cron. */
  cron: (() => Promise<void>) | undefined;
  progress: Progress;
}

interface Person extends Registrant {
  visit: Visit;
  registration: RegistrantPlan;
  own: NonNullable<ShopperRecord["registration"]>;
}

/** More would only wait for each other at the sale's row, and at the mailbox. */
const AT_ONCE = 64;
const LOOK_MS = 400;
const CRON_EVERY_MS = 1000;
/** Registration is over for a server whose clock is behind too. */
const CLOSED_MS = 200;
/** A sale as everybody reads it lies in the cache for some seconds. */
const PUBLISHED_WITHIN_MS = 15_000;

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
    draw.made = await tellSlots(people, setting);
    draw.byPlace = await placesOf(draw.made);
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

function newPerson(plan: Plan, registration: RegistrantPlan, world: World): Person {
  const own: Person["own"] = { confirmed: undefined, decided: undefined, tookBack: undefined };
  const record: ShopperRecord = { ...emptyRecord(plan.index, plan.ending), registration: own };
  const visitor = createVisitor(plan, world.url, world.local);
  const visit = createVisit(plan, world, record, visitor);
  return { plan, record, visitor, visit, registration, own, slot: undefined, cheats: false };
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
    note(record, "link_passed_on", ["link_used"], again.word);
  }
  if (registration.takesBack) {
    const [unregister] = await mailbox.tokens(email, "unregister");
    await takeBack(one, "before", { body: { token: unregister } });
  }
}

/** Once it is final who has a slot; at the latest until the sale opens. */
async function tellSlots(
  people: readonly Person[],
  setting: RegistrationSetting,
): Promise<SlotsHistory["draw"]["made"]> {
  const { world, cron, claimMs } = setting;
  const there = people.filter(({ own }) => own.confirmed !== undefined && own.tookBack === undefined);
  const running = keepRunning(cron);
  try {
    await inParallel(there, (one) => guarded(one, () => hearSlot(one, setting)));
  } finally {
    await running.stop();
  }

  const holders = there
    .filter(({ slot }) => slot !== undefined)
    .sort((a, b) => (a.own.confirmed?.number ?? 0) - (b.own.confirmed?.number ?? 0));
  const plans = planHolders(
    holders.map(({ plan }) => plan),
    world.seed,
    claimMs,
  );
  holders.forEach(({ slot }, nth) => {
    const plan = plans[nth];
    if (slot !== undefined && plan !== undefined) slot.plan = plan;
  });
  const waiting = there.filter(({ own }) => own.decided?.status === "waiting").map(({ plan }) => plan);
  const cheats = planWaitingCheats(waiting, world.seed);
  for (const one of there) one.cheats = cheats.has(one.plan);

  const leaving = holders.filter(({ slot }) => slot?.plan.coming === "takes_back");
  await inParallel(leaving, (one) =>
    guarded(one, () => takeBack(one, "after", { credential: "registration" })),
  );
  return setting.allocation === "draw" ? await published(setting) : undefined;
}

const COMES_AS_PLANNED: HolderPlan = { coming: "in_time", arrivesMs: 0, aroundEndMs: 0, cheat: undefined };

async function hearSlot(one: Person, { world, mailbox }: RegistrationSetting): Promise<void> {
  const { visit, record, registration, own } = one;
  record.doing = "asking who has a slot";
  let token: string | undefined;
  while (own.decided === undefined) {
    const answer = await visit.attempt("registration", "GET", "/registrations/mine", {
      credential: "registration",
    });
    const { value } = visit.expectOneOf("registration", answer, registrationAnswer, []);
    if (value?.decided === true) {
      own.decided = { status: value.status, place: value.place };
      token = value.slotToken;
    } else {
      if (nowMs() > world.opensAtMs) return;
      await world.sleep(LOOK_MS * between(visit.random, 0.7, 1.3));
    }
  }
  if (own.decided.status !== "slot") return;
  if (token === undefined) throw visit.surprise("registration", "a slot without its token");

  record.doing = "waiting for the e-mail with the slot";
  for (;;) {
    const [mailed] = await mailbox.tokens(registration.email, "slot");
    if (mailed !== undefined) {
      record.replays.push({ what: "a slot's token, on the page and by e-mail", first: token, again: mailed });
      break;
    }
    if (nowMs() > world.opensAtMs) {
      note(record, "slot_by_email", ["came before opening"], "did not come");
      break;
    }
    await world.sleep(LOOK_MS * between(visit.random, 0.7, 1.3));
  }
  one.slot = { token, plan: COMES_AS_PLANNED };
}

async function takeBack(
  { visit, record, own }: Person,
  when: "before" | "after",
  by: Parameters<Visit["attempt"]>[3],
): Promise<void> {
  record.doing = "taking the registration back";
  const answer = await visit.attempt("registration", "POST", "/registrations/cancel", by);
  visit.expectNoContent("registration", answer);
  own.tookBack = { when, sentAtMs: answer.sentAtMs, answeredAtMs: answer.answeredAtMs };
}

async function published({ world, draws }: RegistrationSetting): Promise<SlotsHistory["draw"]["made"]> {
  const untilMs = nowMs() + PUBLISHED_WITHIN_MS;
  for (;;) {
    const drawn = (await draws())?.slotDraw;
    if (drawn?.seed !== undefined || nowMs() > untilMs) return drawn;
    await world.sleep(1000);
  }
}

/** What anybody can work out of a published draw. */
async function placesOf(made: SlotsHistory["draw"]["made"]): Promise<number[]> {
  const { seed, count } = made ?? {};
  if (seed === undefined || count === undefined) return [];
  return await Promise.all(Array.from({ length: count }, (_, before) => numberAt(seed, count, before + 1)));
}

/** What happens to one person is in the record; the others go on. */
async function guarded({ record }: Person, act: () => Promise<void>): Promise<void> {
  try {
    await act();
  } catch (error) {
    if (error instanceof Surprise) record.end = "failed";
    else if (!(error instanceof Stopped)) throw error;
  }
}

async function inParallel<Thing>(
  things: readonly Thing[],
  run: (thing: Thing) => Promise<void>,
): Promise<void> {
  const rest = things.values();
  const next = async () => {
    for (const thing of rest) await run(thing);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, next));
}

/** Cron, as often as its run before has ended. One that fails is no more than one that did not run. */
function keepRunning(cron: (() => Promise<void>) | undefined) {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let stopped = false;
  let run = Promise.resolve();
  const again = () => {
    run = (cron?.() ?? Promise.resolve())
      .catch(() => undefined)
      .then(() => {
        if (!stopped) timer = setTimeout(again, CRON_EVERY_MS);
      });
  };
  again();
  return {
    async stop() {
      stopped = true;
      clearTimeout(timer);
      await run;
    },
  };
}

/** Another household. */
const elsewhere = ({ address }: Plan) => address.replace(/^10\./, "11.");

const note = (record: ShopperRecord, attempt: string, expected: readonly string[], word = "granted") =>
  void record.expectations.push({ attempt, expected, got: word });

const seconds = (ms: number) => `${(ms / 1000).toFixed(1)} s`;
