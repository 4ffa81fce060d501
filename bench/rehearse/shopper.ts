/**
 * One shopper, from the first look at the page to an end: bought, told it is over, gave back, abandoned or left. Whoever has a
 * slot comes in past the line, and, should it have ended, waits in line like everybody.
 * Whoever means to buy stays for as long as the sale can still sell them something, so what others give back is bought.
 */
import { randomUUID } from "node:crypto";
import type { Pulse, Reservation } from "../../domain/api.ts";
import { createCheats } from "./cheats.ts";
import type { Line, Plan } from "./crowd.ts";
import { emptyRecord, replay, unitsOf, type End, type ShopperRecord } from "./history.ts";
import { createPaying } from "./paying.ts";
import type { Answer } from "./http.ts";
import { between } from "./random.ts";
import type { Registrant } from "./registrant.ts";
import { nowMs, Stopped } from "./sleep.ts";
import { createSlotHolder, tryRegistrationAsSlot } from "./slot-holder.ts";
import { createVisit, reservationPrint, Surprise } from "./visit.ts";
import { countHold, endHold, type World } from "./world.ts";

/** Between hearing that a pass has ended and asking for a new one, so that this can never become a storm. */
const PASS_RENEWAL_MS = 500;

type Over = "told_sold_out" | "told_closed";

/**
 * Never throws for what happened to the shopper; the record says it.
 * @param registrant what they come with who registered before
 */
export async function shop(plan: Plan, world: World, registrant?: Registrant): Promise<ShopperRecord> {
  const record = registrant?.record ?? emptyRecord(plan.index, plan.ending);
  const place = createPlace(world);
  try {
    if (record.end !== "failed") record.end = await visitSale(plan, world, record, place, registrant);
  } catch (error) {
    if (error instanceof Surprise) record.end = "failed";
    else if (!(error instanceof Stopped)) throw error;
  }
  place.move("gone");
  world.tally.finished++;
  return record;
}

async function visitSale(
  plan: Plan,
  world: World,
  record: ShopperRecord,
  place: ReturnType<typeof createPlace>,
  registrant: Registrant | undefined,
): Promise<End> {
  const visit = createVisit(plan, world, record, registrant?.visitor);
  const slot = registrant?.slot && createSlotHolder(plan, world, visit, record, registrant.slot);
  const cheats = createCheats(plan, world, visit, record);
  const paying = createPaying(plan, world, visit, record);
  const { sleep, tally } = world;
  /** Inside with the pass of a slot. */
  let bySlot = false;

  /**
   * @param dueAtMs when the request was meant to be sent; what it waited from then is the rehearsal's own doing
   * @param farMs after how long the pulse had asked for it, of whom it had found far back
   */
  const over = (
    end: Over,
    { sentAtMs, answeredAtMs, clickedAtMs }: Answer,
    dueAtMs = clickedAtMs,
    farMs?: number,
  ): Over => {
    if (end === "told_sold_out") record.told = { atMs: answeredAtMs, ownDelayMs: sentAtMs - dueAtMs, farMs };
    return end;
  };
  const overBy = (word: "sold_out" | "closed", answer: Answer) =>
    over(word === "sold_out" ? "told_sold_out" : "told_closed", answer);

  /** Joins again with the old ticket: after a rebuild of Redis that brings the same number back. */
  const rejoin = async (): Promise<Over | undefined> => {
    const { word, answer } = await visit.join();
    return word === undefined || word === "not_open" ? undefined : overBy(word, answer);
  };

  /** Looks until `ready` says so or the sale is over: at once, and then at the pace of the pulse. */
  const watch = async (ready: (pulse: Pulse) => boolean): Promise<Over | undefined> => {
    let [dueAtMs, farMs]: (number | undefined)[] = [];
    for (;;) {
      const { pulse, answer } = await visit.poll();
      if (pulse.phase === "sold_out") return over("told_sold_out", answer, dueAtMs, farMs);
      if (pulse.phase === "closed" || pulse.phase === "settled") return over("told_closed", answer);
      if (pulse.epoch > (record.join?.epoch ?? pulse.epoch)) {
        const end = await rejoin();
        if (end !== undefined) return end;
      }
      if (ready(pulse)) return undefined;
      const waitMs = visit.untilNextLookMs(pulse);
      dueAtMs = nowMs() + waitMs;
      const { far } = pulse;
      farMs = far !== undefined && (record.join?.place ?? 0) > far.beyond ? far.pollAfterMs : undefined;
      await sleep(waitMs);
    }
  };

  /** Waits for the turn, then for the pass. */
  const enter = async (): Promise<Over | undefined> => {
    for (;;) {
      record.doing = "waiting in line";
      const end = await watch((pulse) => pulse.nowServing >= (record.join?.place ?? Infinity));
      if (end !== undefined) return end;
      record.doing = "asking for entry";
      const { word, answer } = await visit.enter();
      if (word === undefined) return undefined;
      if (word === "outdated_ticket") {
        const ended = await rejoin();
        if (ended !== undefined) return ended;
        continue;
      }
      if (word !== "not_your_turn") return overBy(word, answer);
      await sleep((answer.retryAfterMs ?? 1000) * between(visit.random, 1, 1.5));
    }
  };

  const send = async (id: string, lines: Line[]) => {
    const shared = bySlot ? await slot?.reserveShared(id, lines) : undefined;
    if (shared !== undefined) return shared;
    if (!plan.doubleClicks) return visit.reserve(id, lines);
    const [one, two] = await Promise.all([visit.reserve(id, lines), visit.reserve(id, lines)]);
    if (one.value === undefined) return two;
    if (two.value !== undefined) {
      record.replays.push(replay("reserve, twice at once", reservationPrint, one.value, two.value));
      const created = [one, two].filter(({ answer }) => answer.status === 201).length;
      const got = created === 2 ? "both_created" : "one_created";
      record.expectations.push({ attempt: "double_click", expected: ["one_created"], got });
    }
    return one;
  };

  /** A slot is good for one unit, of whichever item. */
  const otherwise = (): Line[][] => plan.otherwise.map((line) => [bySlot ? { ...line, quantity: 1 } : line]);

  /** Reserves what is wanted, or what there is of it, or something else; waits when everything is held by others. */
  const reserve = async (): Promise<Reservation | End> => {
    let wishes = bySlot ? otherwise() : [plan.firstChoice, ...otherwise()];
    for (;;) {
      record.doing = "reserving";
      const lines = wishes.shift();
      if (lines === undefined) {
        record.doing = "waiting for units to come back";
        const refusedAtMs = world.seen.serverNowMs();
        const end = await watch(
          (pulse) => Date.parse(pulse.now) > refusedAtMs && pulse.items.some(({ left }) => left !== "none"),
        );
        if (end !== undefined) return end;
        const left = new Set(
          world.seen
            .latest()
            ?.items.filter((item) => item.left !== "none")
            .map((item) => item.sku),
        );
        wishes = otherwise().filter(([line]) => line !== undefined && left.has(line.sku));
        continue;
      }
      const { value, word, answer } = await send(randomUUID(), lines);
      if (bySlot) slot?.noteReserved(answer);
      if (value !== undefined) {
        if (value.state === "held") return value;
        // Answered only after the hold had ended: nothing is held, so ask anew.
        wishes.unshift(lines);
      } else if (word === "pass_expired") {
        await sleep(PASS_RENEWAL_MS);
        const end = bySlot ? await throughTheLine() : await enter();
        if (end !== undefined) return end;
        wishes.unshift(lines);
      } else if (word === "closed") {
        return over("told_closed", answer);
      } else {
        const fewer = stillThere(lines, answer.problem?.left ?? []);
        if (fewer !== undefined) wishes.unshift(fewer);
      }
    }
  };

  /** A place in line, and in when its turn has come. */
  const throughTheLine = async (): Promise<End | undefined> => {
    bySlot = false;
    record.doing = "joining";
    let joined = await visit.join();
    while (joined.word === "not_open") {
      await sleep((joined.answer.retryAfterMs ?? 1000) * between(visit.random, 1, 1.5));
      joined = await visit.join();
    }
    if (joined.word !== undefined) return overBy(joined.word, joined.answer);
    place.move("inLine");

    if (plan.reloads) {
      await visit.page();
      const end = await rejoin();
      if (end !== undefined) return end;
    }
    await cheats.inLine(record.join?.place);
    if (plan.ending === "leaves") {
      record.doing = "waiting in line";
      let polls = 0;
      const end = await watch(() => ++polls >= plan.leavesAfterPolls);
      if (end !== undefined) return end;
      await visit.leave();
      return "left";
    }
    const end = await enter();
    if (end === undefined) place.move("inside");
    return end;
  };

  if (record.registration?.tookBack?.when === "before") return "took_back";
  if (slot?.staysAway === true) return "stayed_away";
  await sleep(world.opensAtMs + (slot?.arrivesMs ?? plan.arrivesMs) - nowMs());
  tally.arrived++;
  record.doing = "looking at the page";
  await visit.page();
  if (registrant !== undefined) await tryRegistrationAsSlot(registrant, visit);

  const came = (await slot?.comeIn()) ?? "line";
  if (came === "took_back") return came;
  if (came === "line") {
    const end = await throughTheLine();
    if (end !== undefined) return end;
  } else {
    bySlot = true;
    place.move("inside");
  }
  if (slot?.hurries !== true) await sleep(plan.lookMs);
  await cheats.beforeReserving();

  for (;;) {
    const held = await reserve();
    if (typeof held === "string") return held;
    let id = held.reservationId;
    const lines = plain(held.lines);
    const expiresAtMs = Date.parse(held.expiresAt);
    record.holds.push({ id, lines, bySlot });
    countHold(world, plan.index, id, lines);
    if (plan.repeats) {
      const { value: again } = await visit.reserve(id, plain(held.lines));
      if (again !== undefined) record.replays.push(replay("reserve, again", reservationPrint, held, again));
    }
    id = (await cheats.whileHolding(id, lines, expiresAtMs)) ?? id;

    if (plan.ending === "abandons") {
      record.doing = "abandoning a hold";
      await sleep(expiresAtMs - world.seen.serverNowMs());
      endHold(world, held.reservationId);
      return "abandoned";
    }
    record.doing = "looking for the card";
    await sleep(plan.payMs);
    if (plan.ending === "gives_back") {
      await visit.giveBack(id);
      endHold(world, held.reservationId);
      return "gave_back";
    }
    record.doing = "checking out";
    const { value: checkedOut, answer } = await visit.checkout(id);
    const bought =
      checkedOut === undefined
        ? // While Stripe is away a hold that nobody can pay any more is kept: nothing else can be reserved beside it.
          await paying.comeBack({ reservationId: id, sentAtMs: answer.sentAtMs })
        : "order" in checkedOut
          ? paying.note(checkedOut.order, answer.sentAtMs)
          : await paying.pay(id, checkedOut.url, expiresAtMs);
    endHold(world, held.reservationId);
    if (bought === "no_order") continue;
    if (typeof bought === "string") return bought;
    if (plan.repeats) await paying.checkOutAgain(id, { order: bought });
    if (bySlot) await slot?.afterBuying();
    await cheats.afterBuying(plain(bought.lines));
    return "bought";
  }
}

/** Keeps the tally of who is where. */
function createPlace({ tally }: World) {
  let at: "outside" | "inLine" | "inside" | "gone" = "outside";
  return {
    move(to: typeof at) {
      if (at === "inLine" || at === "inside") tally[at]--;
      if (to === "inLine" || to === "inside") tally[to]++;
      at = to;
    },
  };
}

const plain = (lines: readonly Line[]): Line[] => lines.map(({ sku, quantity }) => ({ sku, quantity }));

/** What of this wish can still be had, if something of it can and it is not the whole wish again. */
function stillThere(
  lines: readonly Line[],
  left: readonly { sku: string; left: number }[],
): Line[] | undefined {
  const fewer = lines.flatMap(({ sku, quantity }) => {
    const available = left.find((item) => item.sku === sku)?.left ?? 0;
    return available > 0 ? [{ sku, quantity: Math.min(quantity, available) }] : [];
  });
  return fewer.length > 0 && unitsOf(fewer) < unitsOf(lines) ? fewer : undefined;
}
