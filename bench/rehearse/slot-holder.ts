/**
 * What the holder of a slot does with the token: comes in past the line, in time, at the last moment or too late, and tries
 * what the token is not good for. Each attempt has words it must be answered with, as in cheats.ts.
 */
import { randomUUID } from "node:crypto";
import type { Reservation } from "../../domain/api.ts";
import { decode, reservationAnswer, slotTicketAnswer } from "./answers.ts";
import type { Line, Plan } from "./crowd.ts";
import type { ShopperRecord, SlotRecord } from "./history.ts";
import type { Answer } from "./http.ts";
import { between } from "./random.ts";
import type { Registrant } from "./registrant.ts";
import type { HolderPlan, SlotCheat } from "./registrants.ts";
import { nowMs } from "./sleep.ts";
import { createVisit, type Outcome, type Visit } from "./visit.ts";
import { forged } from "./visitor.ts";
import type { World } from "./world.ts";

const CLOCK_SLACK_MS = 1000;
/** After the end for every clock. */
const AFTER_END_MS = 1500;
/** Timers may be a little early, and who asks before opening is told to come back a second later. */
const OPEN_MS = 20;
/** By then a slot that was taken back before opening is known to be. */
const TAKEN_BACK_MS = 1500;

export type SlotHolder = ReturnType<typeof createSlotHolder>;

export function createSlotHolder(
  plan: Plan,
  world: World,
  visit: Visit,
  record: ShopperRecord,
  { token, plan: holder }: { token: string; plan: HolderPlan },
) {
  const { sleep } = world;
  const mine: SlotRecord = { asked: [], looksBeforePass: undefined, reserved: [] };
  record.slot = mine;
  const endsAtMs = world.claimUntilMs ?? world.opensAtMs;
  const untilEnd = (offsetMs: number) => sleep(endsAtMs + offsetMs - world.seen.serverNowMs());
  const is = (cheat: SlotCheat) => holder.cheat === cheat;
  /** Words that are right once slots have ended. */
  const orEnded = (...words: string[]) =>
    world.seen.serverNowMs() >= endsAtMs - CLOCK_SLACK_MS ? [...words, "pass_expired"] : words;
  const note = (attempt: string, expected: readonly string[], { word = "granted" }: Answer) =>
    void record.expectations.push({ attempt, expected, got: word });

  const present = (shown: string, sale?: string) =>
    visit.attempt("slot_join", "POST", "/queue", {
      body: { slotToken: shown },
      ...(sale === undefined ? {} : { sale }),
    });
  const reserve = (lines: readonly Line[]) =>
    visit.attempt("reserve", "POST", "/reservations", {
      credential: "pass",
      body: { reservationId: randomUUID(), lines },
    });
  const oneUnit = (): Line => ({ sku: plan.firstChoice[0]?.sku ?? "", quantity: 1 });
  let isShared = is("slot_shared");

  /** @returns whether there is a pass now */
  async function getPass(): Promise<boolean> {
    record.doing = "coming in by a slot";
    const { value, word, answer } = await visit.joinBySlot(token);
    const asked = (got: string, { sentAtMs, answeredAtMs }: Answer, number?: number) =>
      void mine.asked.push({ sentAtMs, answeredAtMs, got, number });
    asked(word ?? (value.pass === undefined ? "early" : "granted"), answer, value?.number);
    if (value === undefined) return false;
    if (value.pass === undefined || value.expiresAt === undefined) {
      record.doing = "waiting with a slot for the sale to open";
      await sleep(world.opensAtMs + OPEN_MS - world.seen.serverNowMs());
      for (;;) {
        const entry = await visit.enterBySlot();
        asked(entry.word ?? "granted", entry.answer);
        if (entry.value !== undefined) {
          record.passExpiresAtMs = Date.parse(entry.value.expiresAt);
          break;
        }
        if (entry.word !== "not_your_turn") return false;
        await sleep((entry.answer.retryAfterMs ?? 1000) * between(visit.random, 1, 1.5));
      }
    } else {
      record.passExpiresAtMs = Date.parse(value.expiresAt);
    }
    mine.looksBeforePass = visit.looks();
    return true;
  }

  return {
    arrivesMs: holder.arrivesMs,
    staysAway: holder.coming === "stays_away",
    hurries: holder.coming === "last_moment",

    async comeIn(): Promise<"inside" | "line" | "took_back"> {
      if (holder.coming === "takes_back") {
        await sleep(world.opensAtMs + TAKEN_BACK_MS - nowMs());
        note("slot_taken_back", ["slot_ended", "closed"], await present(token));
        return "took_back";
      }
      if (is("slot_after_end")) {
        await untilEnd(AFTER_END_MS);
        note("slot_after_end", ["slot_ended", "closed"], await present(token));
        return "line";
      }
      if (is("slot_forged")) note("slot_forged", ["invalid_input"], await present(forged(token)));
      if (is("slot_in_another_sale"))
        note("slot_in_another_sale", ["invalid_input"], await present(token, world.otherSaleId));

      // Of those who come at the last moment some have a pass already, and reserve then.
      const hasPassBefore = holder.coming === "last_moment" && plan.client === "app";
      if (holder.coming === "last_moment" && !hasPassBefore) await untilEnd(holder.aroundEndMs);
      if (!(await getPass())) return "line";
      if (hasPassBefore) await untilEnd(holder.aroundEndMs);
      if (is("slot_pass_after_end")) {
        await untilEnd(AFTER_END_MS);
        note("slot_pass_after_end", ["pass_expired", "closed"], await reserve([oneUnit()]));
        return "line";
      }
      if (is("slot_for_two_units")) {
        const answer = await reserve([{ ...oneUnit(), quantity: 2 }]);
        note("slot_for_two_units", orEnded("limit_reached"), answer);
      }
      return "inside";
    },

    noteReserved({ sentAtMs, answeredAtMs, word }: Answer): void {
      mine.reserved.push({ sentAtMs, answeredAtMs, got: word ?? "held" });
    },

    /** Once: with somebody else who has the token too. The one who was first has the unit, for the same person. */
    async reserveShared(
      id: string,
      lines: readonly Line[],
    ): Promise<Outcome<Reservation, "sold_out" | "closed" | "pass_expired"> | undefined> {
      const pass = visit.visitor.tokens.pass;
      if (!isShared || pass === undefined) return undefined;
      isShared = false;
      const friend = createVisit(
        { ...plan, client: "app", address: plan.address.replace(/^10\./, "11.") },
        world,
        record,
      );
      const joined = await friend.attempt("slot_join", "POST", "/queue", { body: { slotToken: token } });
      const friends = decode(slotTicketAnswer, joined.text)?.pass;
      if (friends === undefined) {
        note("slot_shared", orEnded("granted", "slot_ended"), joined);
        return undefined;
      }
      record.replays.push({ what: "a slot's token in other hands", first: pass, again: friends });
      const body = (reservationId: string) => ({ body: { reservationId, lines } });
      const [own, other] = await Promise.all([
        visit.attempt("reserve", "POST", "/reservations", { credential: "pass", ...body(id) }),
        friend.attempt("reserve", "POST", "/reservations", { token: friends, ...body(randomUUID()) }),
      ]);
      const held = [own, other].filter(({ word }) => word === undefined);
      const expected = orEnded("one_held").includes("pass_expired") ? ["0_held", "1_held"] : ["1_held"];
      record.expectations.push({ attempt: "slot_shared", expected, got: `${held.length}_held` });
      for (const refused of [own, other].filter(({ word }) => word !== undefined))
        note("slot_shared", orEnded("limit_reached"), refused);
      return visit.expectOneOf("reserve", held[0] ?? own, reservationAnswer, [
        "sold_out",
        "closed",
        "pass_expired",
      ]);
    },

    async afterBuying(): Promise<void> {
      if (!is("slot_used_twice")) return;
      const joined = await present(token);
      const pass = decode(slotTicketAnswer, joined.text)?.pass ?? joined.word ?? "no pass";
      const first = visit.visitor.tokens.pass ?? "";
      record.replays.push({ what: "a used slot's token, again", first, again: pass });
      note("slot_used_twice", ["limit_reached", "pass_expired", "closed"], await reserve([oneUnit()]));
    },
  };
}

/** Somebody whose registration waits: it is no slot. */
export async function tryRegistrationAsSlot(
  { cheats, visitor, record }: Registrant,
  visit: Visit,
): Promise<void> {
  const shown = visitor.tokens.registration;
  if (!cheats || shown === undefined) return;
  const { word = "granted" } = await visit.attempt("slot_join", "POST", "/queue", {
    body: { slotToken: shown },
  });
  record.expectations.push({ attempt: "registration_as_slot", expected: ["invalid_input"], got: word });
}
