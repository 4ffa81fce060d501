/**
 * Registration has closed: everybody who is still there hears who has a slot, on the page, and with a slot by e-mail too. Then
 * it is dealt what holders will do with it, and some take it back after all.
 */
import { numberAt } from "../../static/assets/draw.js";
import { registrationAnswer, type PublishedDraws } from "./answers.ts";
import type { SlotsHistory } from "./history.ts";
import type { Mailbox } from "./mailbox.ts";
import { between } from "./random.ts";
import { guarded, inParallel, noteAttempt, takeBack, type Person } from "./registrant.ts";
import { planHolders, planWaitingCheats, type HolderPlan } from "./registrants.ts";
import { nowMs } from "./sleep.ts";
import type { World } from "./world.ts";

export interface TellingSetting {
  world: World;
  mailbox: Mailbox;
  claimMs: number;
  allocation: "first_come" | "draw";
  /** What is published now. */
  draws: () => Promise<PublishedDraws | undefined>;
  /** E-mails that are not sent at once are sent by cron. */
  cron: (() => Promise<void>) | undefined;
}

const LOOK_MS = 400;
const CRON_EVERY_MS = 1000;
/** A sale as everybody reads it lies in the cache for some seconds. */
const PUBLISHED_WITHIN_MS = 15_000;

/**
 * Waits for it at the latest until the sale opens.
 * @returns what was published of the draw, where there is one
 */
export async function tellSlots(
  people: readonly Person[],
  setting: TellingSetting,
): Promise<Pick<SlotsHistory["draw"], "made" | "byPlace">> {
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
  const made = setting.allocation === "draw" ? await published(setting) : undefined;
  return { made, byPlace: await placesOf(made) };
}

const COMES_AS_PLANNED: HolderPlan = { coming: "in_time", arrivesMs: 0, aroundEndMs: 0, cheat: undefined };

async function hearSlot(one: Person, { world, mailbox }: TellingSetting): Promise<void> {
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
      noteAttempt(record, "slot_by_email", ["came before opening"], "did not come");
      break;
    }
    await world.sleep(LOOK_MS * between(visit.random, 0.7, 1.3));
  }
  one.slot = { token, plan: COMES_AS_PLANNED };
}

async function published({ world, draws }: TellingSetting): Promise<SlotsHistory["draw"]["made"]> {
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
