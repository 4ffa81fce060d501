/** The proof finds what is wrong with slots: one violation is planted in a good history, and its check must break. */
import { describe, expect, test } from "vitest";
import { judge } from "../../bench/rehearse/proof.ts";
import { slotRules } from "../../bench/rehearse/proof-slots.ts";
import {
  CLAIM_UNTIL_MS,
  goodSlotBooks,
  goodSlotDraw,
  goodSlots,
  ORDER_LINE,
  ORDER_SLOT,
  type Cast,
} from "./slot-histories.ts";

type Slots = ReturnType<typeof goodSlots>["history"];
type Books = ReturnType<typeof goodSlotBooks>;
type Case = [violation: string, check: string, plant: (cast: Cast, books: Books, history: Slots) => void];

function confirmed({ registration }: Cast["holder" | "away" | "waiting" | "gone"]) {
  if (registration.confirmed === undefined) throw new Error("not confirmed");
  return registration.confirmed;
}
function stored({ orders }: Books, wanted: string): Books["orders"][number] {
  const found = orders.find(({ id }) => id === wanted);
  if (found === undefined) throw new Error(`there is no order ${wanted}`);
  return found;
}
const unit = (quantity = 1) => [{ sku: "shoe", quantity }];
const at = (sentAtMs: number, got: string) => ({ sentAtMs, answeredAtMs: sentAtMs + 20, got });

const planted: Case[] = [
  [
    "somebody who came later has the slot of one before",
    "slots_went_as_said",
    ({ away, waiting }) => {
      away.registration.decided = { status: "waiting" };
      waiting.registration.decided = { status: "slot" };
    },
  ],
  [
    "the slot of who took it back in time goes to nobody",
    "slots_went_as_said",
    ({ away }) => {
      away.registration.tookBack = { when: "before", sentAtMs: 2000, answeredAtMs: 2050 };
      away.registration.decided = undefined;
    },
  ],
  [
    "there are more holders than slots",
    "slots_went_as_said",
    ({ waiting }) => void (waiting.registration.decided = { status: "slot" }),
  ],
  [
    "there are holders where there are no slots",
    "slots_went_as_said",
    (_, __, h) => void Object.assign(h, { slots: undefined }),
  ],
  [
    "two have the same number of confirmation",
    "slots_went_as_said",
    ({ away }) => void (confirmed(away).number = 1),
  ],
  [
    "who confirmed later has the lower number",
    "slots_went_as_said",
    ({ gone }) => Object.assign(confirmed(gone), { sentAtMs: 500, answeredAtMs: 600 }),
  ],
  [
    "somebody is not told who has a slot",
    "slots_went_as_said",
    ({ waiting }) => void (waiting.registration.decided = undefined),
  ],
  [
    "a holder who came in time is sent away",
    "slot_holders_did_not_wait",
    ({ holder }) => void (holder.slot.asked = [at(6000, "slot_ended")]),
  ],
  [
    "a holder has to wait at the entry",
    "slot_holders_did_not_wait",
    ({ holder }) => void holder.slot.asked.unshift(at(5900, "not_your_turn")),
  ],
  [
    "a holder gets a number of the line",
    "slot_holders_did_not_wait",
    ({ holder }) => void (holder.slot.asked = [{ ...at(6000, "granted"), number: 7 }]),
  ],
  [
    "a holder has to look at the line",
    "slot_holders_did_not_wait",
    ({ holder }) => void (holder.slot.looksBeforePass = 3),
  ],
  [
    "a holder's pass is refused in time",
    "slot_holders_did_not_wait",
    ({ holder }) => void (holder.slot.reserved = [at(6500, "pass_expired")]),
  ],
  [
    "a holder who reserves in time gets nothing",
    "slot_holders_did_not_wait",
    ({ holder }) => void (holder.slot.reserved = [at(6500, "sold_out")]),
  ],
  [
    "a slot holds two units",
    "one_unit_for_a_slot",
    ({ holder }) => void (holder.holds = [{ id: ORDER_SLOT, lines: unit(2), bySlot: true }]),
  ],
  [
    "a slot buys twice",
    "one_unit_for_a_slot",
    ({ holder }) => {
      holder.holds.push({ id: ORDER_LINE, lines: unit(), bySlot: true });
      holder.orders.push(
        ...holder.orders.map((one) => ({ ...one, id: ORDER_LINE, reservationId: ORDER_LINE })),
      );
    },
  ],
  [
    "Postgres has two units for a slot",
    "one_unit_for_a_slot",
    (_, books) => void (stored(books, ORDER_SLOT).units = 2),
  ],
  [
    "an order of the line is stored as one past it",
    "one_unit_for_a_slot",
    (_, books) => void (stored(books, ORDER_LINE).number = 0),
  ],
  [
    "an order past the line is stored as one of it",
    "one_unit_for_a_slot",
    (_, books) => void (stored(books, ORDER_SLOT).number = 5),
  ],
  [
    "one person has bought by two slots",
    "one_unit_for_a_slot",
    ({ waiting }, books) => {
      waiting.holds = [{ id: ORDER_LINE, lines: unit(), bySlot: true }];
      Object.assign(stored(books, ORDER_LINE), { number: 0, shopper: "three" });
    },
  ],
  [
    "more is bought by slots than were given",
    "one_unit_for_a_slot",
    ({ away, waiting }, books) => {
      away.registration.decided = { status: "waiting" };
      waiting.holds = [{ id: ORDER_LINE, lines: unit(), bySlot: true }];
      stored(books, ORDER_LINE).number = 0;
    },
  ],
  [
    "somebody without a slot comes past the line",
    "slots_are_personal",
    ({ waiting }) => void (waiting.slot = { asked: [at(6000, "granted")], looksBeforePass: 0, reserved: [] }),
  ],
  [
    "somebody who took it back comes past the line",
    "slots_are_personal",
    ({ holder }) =>
      void (holder.registration.tookBack = { when: "after", sentAtMs: 4000, answeredAtMs: 4050 }),
  ],
  [
    "a token works after its slot has ended",
    "slots_are_personal",
    ({ holder }) => void (holder.slot.asked = [at(CLAIM_UNTIL_MS + 1500, "granted")]),
  ],
  [
    "a pass works after its slot has ended",
    "slots_are_personal",
    ({ holder }) => void (holder.slot.reserved = [at(CLAIM_UNTIL_MS + 1500, "held")]),
  ],
  [
    "a slot's token buys for two who have it",
    "slots_are_personal",
    ({ holder }) =>
      void holder.expectations.push({ attempt: "slot_shared", expected: ["1_held"], got: "2_held" }),
  ],
  [
    "units stay set aside in Redis",
    "slots_returned_once",
    (_, { live }) => live.items.map((item) => Object.assign(item, { slots: 1, confirmed: 4 })),
  ],
  [
    "units stay set aside in Postgres",
    "slots_returned_once",
    (_, { live }) => live.stored.items.map((item) => (item.slots = 1)),
  ],
  [
    "a unit returns before its minute",
    "slots_returned_once",
    (_, __, h) => void (h.pulses = [...h.pulses, { nowMs: 5100, nowServing: 4, slotsLeft: 1 }]),
  ],
  [
    "what is claimed is set aside still",
    "slots_returned_once",
    (_, __, h) => void (h.pulses = [...h.pulses, { nowMs: 9000, nowServing: 4, slotsLeft: 2 }]),
  ],
  [
    "what is not claimed does not return",
    "slots_returned_once",
    (_, __, h) =>
      void (h.pulses = [...h.pulses, { nowMs: CLAIM_UNTIL_MS + 4000, nowServing: 4, slotsLeft: 1 }]),
  ],
  ["a unit returns twice", "books_balance", (_, { live }) => live.items.map((item) => (item.available = 1))],
];

type DrawCase = [violation: string, plant: (draw: Awaited<ReturnType<typeof goodSlotDraw>>) => void];
const plantedInDraw: DrawCase[] = [
  ["no commitment came with the sale", ({ draw }) => Object.assign(draw, { announced: undefined })],
  ["the seed came with the sale", ({ draw }) => void (draw.announced.seed = "5e")],
  ["the seed is public before registration closes", ({ draw }) => void (draw.before.seed = "5e")],
  ["another commitment was published later", ({ draw }) => void (draw.before.commitment = "c0")],
  ["the seed is another than the one committed to", ({ draw }) => void (draw.made.seed = "5f".repeat(32))],
  ["the draw is not published", ({ draw }) => Object.assign(draw, { made: undefined })],
  ["it is drawn over other numbers than were given", ({ draw }) => void (draw.made.count = 5)],
  [
    "somebody on a first place has no slot, and another has it",
    ({ cast: { away, waiting } }) => {
      if (away.registration.decided !== undefined) away.registration.decided.status = "waiting";
      if (waiting.registration.decided !== undefined) waiting.registration.decided.status = "slot";
    },
  ],
  [
    "somebody is told another place than they drew",
    ({ cast: { waiting } }) => {
      if (waiting.registration.decided !== undefined) waiting.registration.decided.place = 9;
    },
  ],
];

describe("the proof of slots", () => {
  test("holds for a sale that went well", () => {
    expect(judge(goodSlots().history, goodSlotBooks()).filter(({ holds }) => !holds)).toEqual([]);
  });

  test.each(planted)("breaks when %s", (_violation, name, plant) => {
    const { history, cast } = goodSlots();
    const books = goodSlotBooks();
    plant(cast, books, history);
    const check = judge(history, books).find((one) => one.name === name);
    expect(check?.holds).toBe(false);
    expect(check?.evidence).not.toEqual([]);
  });

  test("holds for a draw that went well", async () => {
    const { history } = await goodSlotDraw();
    expect(judge(history, goodSlotBooks()).filter(({ holds }) => !holds)).toEqual([]);
  });

  test.each(plantedInDraw)("of a draw breaks when %s", async (_violation, plant) => {
    const drawn = await goodSlotDraw();
    plant(drawn);
    const check = judge(drawn.history, goodSlotBooks()).find(({ name }) => name === "slots_went_as_said");
    expect(check?.holds).toBe(false);
    expect(check?.evidence).not.toEqual([]);
  });

  test("has a planted violation for each of its checks", () => {
    const broken = new Set(planted.map(([, check]) => check));
    expect(slotRules.map(({ name }) => name).filter((name) => !broken.has(name))).toEqual([]);
  });
});

describe("the proof of slots does not accuse", () => {
  const holdsAfter = (plant: Case[2]) => {
    const { history, cast } = goodSlots();
    const books = goodSlotBooks();
    plant(cast, books, history);
    return judge(history, books).filter(({ holds }) => !holds);
  };

  test("either answer at the very moment at which slots end", () => {
    for (const got of ["granted", "slot_ended"])
      expect(
        holdsAfter(({ away }) => {
          away.slot = { asked: [at(CLAIM_UNTIL_MS - 10, got)], looksBeforePass: 0, reserved: [] };
        }),
      ).toEqual([]);
  });

  test("who came before opening of waiting until then", () => {
    expect(
      holdsAfter(({ holder }) => {
        holder.slot.asked = [
          { ...at(4000, "early"), number: 0 },
          at(4490, "not_your_turn"),
          at(5700, "granted"),
        ];
      }),
    ).toEqual([]);
  });

  test("a slot that was taken back before opening of having gone to the line", () => {
    expect(
      holdsAfter(({ away }, _, h) => {
        away.registration.tookBack = { when: "after", sentAtMs: 3500, answeredAtMs: 3550 };
        h.pulses = h.pulses.map((pulse) => ({
          ...pulse,
          slotsLeft: Math.max(0, (pulse.slotsLeft ?? 0) - 1),
        }));
      }),
    ).toEqual([]);
  });
});
