/**
 * What people try: each attempt has words it must be answered with. Words that are right only because time went by
 * (the pass ended, the sale did) are among them, so a slow run does not accuse the system; a success never is.
 */
import { randomUUID } from "node:crypto";
import { decode, reservationAnswer } from "./answers.ts";
import type { Cheat, Line, Plan } from "./crowd.ts";
import type { ShopperRecord } from "./history.ts";
import type { Answer } from "./http.ts";
import { forged } from "./visitor.ts";
import type { Visit } from "./visit.ts";
import type { World } from "./world.ts";

const CLOCK_SLACK_MS = 1000;

export function createCheats(plan: Plan, world: World, visit: Visit, record: ShopperRecord) {
  const is = (...cheats: Cheat[]) => plan.cheat !== undefined && cheats.includes(plan.cheat);
  /** A pass that has ended is found before a limit; only one that really has ended may be the reason. */
  const overLimit = () =>
    world.seen.serverNowMs() >= (record.passExpiresAtMs ?? 0) - CLOCK_SLACK_MS
      ? ["limit_reached", "pass_expired", "closed"]
      : ["limit_reached", "closed"];
  const note = (expected: readonly string[], answer: Answer) =>
    record.expectations.push({ attempt: plan.cheat ?? "", expected, got: answer.word ?? "granted" });
  const limitOf = (sku: string) => world.items.find((item) => item.sku === sku)?.limit ?? 1;
  const reserve = (id: string, lines: readonly Line[], token?: string) =>
    visit.attempt("reserve", "POST", "/reservations", {
      credential: "pass",
      ...(token === undefined ? {} : { token }),
      body: { reservationId: id, lines },
    });
  const firstLine = (): Line => plan.firstChoice[0] ?? { sku: "", quantity: 1 };

  return {
    /** In line, the ticket just taken; a place that is still to be drawn is undefined. */
    async inLine(place = Infinity): Promise<void> {
      const { ticket } = visit.visitor.tokens;
      if (is("early_entry")) {
        if (place <= (world.seen.latest()?.nowServing ?? 0)) return;
        // Should the turn come meanwhile, a pass is right: whether it had come is judged from the pulses.
        const { answer } = await visit.enter();
        note(["not_your_turn", "granted", "sold_out", "closed"], answer);
      } else if (is("forged_ticket") && ticket !== undefined) {
        note(["invalid_ticket"], await visit.attempt("entry", "POST", "/entry", { token: forged(ticket) }));
      } else if (is("foreign_ticket") && world.foreignTicket !== undefined) {
        const token = world.foreignTicket;
        note(["invalid_ticket"], await visit.attempt("entry", "POST", "/entry", { token }));
      }
    },

    /** Inside, nothing reserved yet. */
    async beforeReserving(): Promise<void> {
      const { ticket, pass } = visit.visitor.tokens;
      const line = firstLine();
      if (is("forged_pass") && pass !== undefined) {
        note(["invalid_pass"], await reserve(randomUUID(), [line], forged(pass)));
      } else if (is("ticket_as_pass") && ticket !== undefined) {
        note(["invalid_pass"], await reserve(randomUUID(), [line], ticket));
      } else if (is("over_limit")) {
        const limit = limitOf(line.sku);
        // Two lines of one item, so that only their sum is too much.
        const lines = [
          { sku: line.sku, quantity: limit },
          { sku: line.sku, quantity: 1 },
        ];
        const answer = await reserve(randomUUID(), lines);
        note(overLimit(), answer);
      } else if (is("others_reservation")) {
        const others = [...world.seen.holds].find(([, hold]) => hold.shopper !== plan.index);
        if (others === undefined) return;
        const path = `/reservations/${others[0]}`;
        note(["not_found"], await visit.attempt("give_back", "DELETE", path, { credential: "pass" }));
      }
    },

    /**
     * Holding something.
     * @returns the reservation that was granted although this one should stand in the way
     */
    async whileHolding(id: string, lines: readonly Line[], expiresAtMs: number): Promise<string | undefined> {
      if (is("altered_replay")) {
        const altered = lines.map((line) => ({ ...line, quantity: line.quantity === 1 ? 2 : 1 }));
        note(["conflicting_replay"], await reserve(id, altered));
      } else if (is("second_reservation")) {
        const second = randomUUID();
        const answer = await reserve(second, [{ sku: firstLine().sku, quantity: 1 }]);
        const granted = answer.word === undefined && decode(reservationAnswer, answer.text) !== undefined;
        // The first may have ended while the answer was on its way; then the second is a plain reservation.
        const stillLive = world.seen.serverNowMs() < expiresAtMs;
        if (!granted || stillLive) note(overLimit(), answer);
        if (granted) return second;
      }
      return undefined;
    },

    /** Has bought. */
    async afterBuying(lines: readonly Line[]): Promise<void> {
      const [line] = lines;
      if (!is("buys_again") || line === undefined) return;
      const tooMany = limitOf(line.sku) - line.quantity + 1;
      const answer = await reserve(randomUUID(), [{ sku: line.sku, quantity: tooMany }]);
      note(overLimit(), answer);
    },
  };
}
