/**
 * The steps one shopper can take, each a call of the API that is repeated with the same bytes until it is answered,
 * decoded, and written into the record. Refusals the contract foresees at a step are values; any other answer is a
 * surprise, which ends the visit and breaks the proof.
 */
import type { z } from "zod";
import type { Order, PassAnswer, Pulse, Reservation, TicketAnswer } from "../../domain/api.ts";
import { placeOf } from "../../static/assets/draw.js";
import {
  checkoutAnswer,
  decode,
  orderAnswer,
  passAnswer,
  pulseAnswer,
  reservationAnswer,
  slotTicketAnswer,
  ticketAnswer,
  type CheckoutAnswer,
} from "./answers.ts";
import { createClock } from "./clock.ts";
import type { Line, Plan } from "./crowd.ts";
import type { Step } from "./figures.ts";
import type { ShopperRecord } from "./history.ts";
import { persist, type Answer, type Sending } from "./http.ts";
import { seeded } from "./random.ts";
import { createVisitor, numberIn, type Credential, type Visitor } from "./visitor.ts";
import type { World } from "./world.ts";

/** Already in the record. */
export class Surprise extends Error {
  override name = "Surprise";
}

export type Outcome<T, Word extends string> =
  { value: T; answer: Answer; word?: undefined } | { word: Word; answer: Answer; value?: undefined };

export type Visit = ReturnType<typeof createVisit>;

/** @param visitor who has been here before, to register */
export function createVisit(
  plan: Plan,
  world: World,
  record: ShopperRecord,
  visitor: Visitor = createVisitor(plan, world.url, world.local),
) {
  const random = seeded(world.seed, 1_000_000 + plan.index);
  const clock = createClock();
  const api = `/api/sales/${world.saleId}`;
  let looks = 0;

  const surprise = (step: Step, what: string): Surprise => {
    record.surprises.push(`${step}: ${what}`);
    return new Surprise(what);
  };

  const check = (step: Step, { status, word = "", problem, retryAfterMs }: Answer) => {
    const note = (what: string) => void record.surprises.push(`${step}: ${what}`);
    if (status >= 500 && !world.faultsExpected && word !== "on_hold") note(`${status} ${word}`);
    if (status === 429 && word !== "rate_limited") note(`429 ${word}`);
    if (status >= 400 && status < 500 && problem === undefined) note(`${status} without a problem document`);
    if (problem !== undefined && [425, 429, 503].includes(status) && retryAfterMs === undefined)
      note(`${status} ${word} without Retry-After`);
  };

  const send = async (sending: Sending): Promise<Answer> => {
    const answer = await persist(
      world.http,
      sending,
      { sleep: world.sleep, random, stopped: world.stopped },
      (each) => check(sending.step, each),
    );
    visitor.take(answer);
    return answer;
  };

  const own = (
    step: Step,
    method: Sending["method"],
    path: string,
    credential?: Credential,
    body?: unknown,
  ): Sending => ({
    step,
    method,
    path: `${api}${path}`,
    headers: {
      ...visitor.headers(method, credential),
      ...(body === undefined ? {} : { "content-type": "application/json" }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });

  const expectOneOf = <T, Word extends string>(
    step: Step,
    answer: Answer,
    schema: z.ZodType<T>,
    words: readonly Word[],
  ): Outcome<T, Word> => {
    if (answer.status < 300) {
      const value = decode(schema, answer.text);
      if (value === undefined) throw surprise(step, `${answer.status}, not as the contract says`);
      return { value, answer };
    }
    const word = words.find((known) => known === answer.word);
    if (word === undefined) throw surprise(step, answer.word ?? `http_${answer.status}`);
    return { word, answer };
  };

  /** What the draw says of a number of the lobby, once its seed is public: anybody can work it out. */
  const findPlace = async ({ draw }: Pulse): Promise<void> => {
    const { join } = record;
    if (join === undefined || join.place !== undefined) return;
    if (draw?.seed === undefined || draw.count === undefined || join.number > draw.count) return;
    join.place = await placeOf(draw.seed, draw.count, join.number);
  };

  const expectNoContent = (step: Step, answer: Answer): void => {
    if (answer.status !== 204) throw surprise(step, answer.word ?? `http_${answer.status}`);
  };

  return {
    visitor,
    random,

    async page(): Promise<void> {
      const path = `/sales/${world.saleId}`;
      const headers = { ...visitor.headers("GET"), accept: "text/html" };
      const answer = await send({ step: "page", method: "GET", path, headers });
      if (answer.status !== 200) throw surprise("page", answer.word ?? `http_${answer.status}`);
      if (!answer.contentType.startsWith("text/html"))
        throw surprise("page", `not HTML: ${answer.contentType}`);
    },

    async join(): Promise<Outcome<TicketAnswer, "not_open" | "sold_out" | "closed">> {
      const credential = visitor.tokens.ticket === undefined ? "registration" : "ticket";
      const answer = await send(own("join", "POST", "/queue", credential));
      const outcome = expectOneOf("join", answer, ticketAnswer, ["not_open", "sold_out", "closed"]);
      if (outcome.value !== undefined) {
        visitor.tokens.ticket = outcome.value.ticket;
        const { number, epoch } = outcome.value;
        const lobby = outcome.value.lobby === true;
        if (record.join === undefined) {
          const place = lobby ? undefined : number;
          record.join = { number, lobby, again: answer.status === 200, place, epoch, ...times(answer) };
        } else {
          record.rejoinedAs.push({ number, lobby });
          record.join.epoch = epoch;
        }
      }
      return outcome;
    },

    /** Past the line, by the token of a slot: with the pass, once the sale is open. */
    async joinBySlot(slotToken: string): Promise<Outcome<TicketAnswer, "slot_ended" | "closed">> {
      const answer = await send(own("slot_join", "POST", "/queue", undefined, { slotToken }));
      const outcome = expectOneOf("slot_join", answer, slotTicketAnswer, ["slot_ended", "closed"]);
      if (outcome.value !== undefined) visitor.tokens.ticket = outcome.value.ticket;
      if (outcome.value?.pass !== undefined) visitor.tokens.pass = outcome.value.pass;
      return outcome;
    },

    async enterBySlot(): Promise<Outcome<PassAnswer, "not_your_turn" | "slot_ended" | "closed">> {
      const answer = await send(own("entry", "POST", "/entry", "ticket"));
      const outcome = expectOneOf("entry", answer, passAnswer, ["not_your_turn", "slot_ended", "closed"]);
      if (outcome.value !== undefined) visitor.tokens.pass = outcome.value.pass;
      return outcome;
    },

    /** @returns the pulse, and the answer that brought it */
    async poll(): Promise<{ pulse: Pulse; answer: Answer }> {
      looks++;
      const answer = await send(own("poll", "GET", "/pulse"));
      const pulse = decodePulse(answer.text);
      if (answer.status !== 200 || pulse === undefined)
        throw surprise("poll", answer.word ?? `${answer.status}, not as the contract says`);
      clock.set(pulse, answer.ageMs);
      world.seen.pulse(pulse, answer.answeredAtMs);
      await findPlace(pulse);
      return { pulse, answer };
    },

    /** How often this shopper has asked for the pulse. */
    looks: () => looks,

    untilNextLookMs: (pulse: Pulse) => clock.untilNextLookMs(pulse, record.join?.place),

    async leave(): Promise<void> {
      expectNoContent("leave", await send(own("leave", "DELETE", "/queue", "ticket")));
    },

    async enter(): Promise<Outcome<PassAnswer, "not_your_turn" | "sold_out" | "closed" | "outdated_ticket">> {
      const answer = await send(own("entry", "POST", "/entry", "ticket"));
      const words = ["not_your_turn", "sold_out", "closed", "outdated_ticket"] as const;
      const outcome = expectOneOf("entry", answer, passAnswer, words);
      const number = outcome.value === undefined ? undefined : numberIn(outcome.value.pass);
      record.entries.push({ ...times(answer), got: outcome.word ?? "granted", number });
      if (outcome.value !== undefined) {
        visitor.tokens.pass = outcome.value.pass;
        record.passExpiresAtMs = Date.parse(outcome.value.expiresAt);
      }
      return outcome;
    },

    async reserve(
      reservationId: string,
      lines: readonly Line[],
    ): Promise<Outcome<Reservation, "sold_out" | "closed" | "pass_expired">> {
      const answer = await send(own("reserve", "POST", "/reservations", "pass", { reservationId, lines }));
      return expectOneOf("reserve", answer, reservationAnswer, ["sold_out", "closed", "pass_expired"]);
    },

    async giveBack(id: string): Promise<void> {
      expectNoContent("give_back", await send(own("give_back", "DELETE", `/reservations/${id}`, "pass")));
    },

    async checkout(id: string): Promise<Outcome<CheckoutAnswer, "reservation_expired">> {
      const answer = await send(own("checkout", "POST", `/reservations/${id}/checkout`, "pass"));
      return expectOneOf("checkout", answer, checkoutAnswer, ["reservation_expired"]);
    },

    async readReservation(id: string): Promise<Reservation> {
      const answer = await send(own("read_reservation", "GET", `/reservations/${id}`, "pass"));
      const { value, word } = expectOneOf("read_reservation", answer, reservationAnswer, []);
      if (value === undefined) throw surprise("read_reservation", word);
      return value;
    },

    async readOrder(id: string): Promise<Outcome<Order, "not_found">> {
      const answer = await send(own("read_order", "GET", `/orders/${id}`, "pass"));
      return expectOneOf("read_order", answer, orderAnswer, ["not_found"]);
    },

    surprise,
    expectOneOf,
    expectNoContent,

    /** A request whose answer is looked at by who makes it, as it comes; to another sale, where one is said. */
    attempt: (
      step: Step,
      method: Sending["method"],
      path: string,
      options: { credential?: Credential; token?: string; body?: unknown; sale?: string },
    ): Promise<Answer> => {
      const here = own(step, method, path, options.credential, options.body);
      const sending =
        options.sale === undefined ? here : { ...here, path: `/api/sales/${options.sale}${path}` };
      if (options.token === undefined) return send(sending);
      const json = options.body === undefined ? {} : { "content-type": "application/json" };
      return send({ ...sending, headers: { ...visitor.bearing(options.token), ...json } });
    },
  };
}

const times = ({ sentAtMs, answeredAtMs }: Answer) => ({ sentAtMs, answeredAtMs });

/** Thousands read the same bytes: parsed once. More than one, because the last is still under way as the next comes. */
const lastPulses = new Map<string, Pulse | undefined>();
const LAST_PULSES_MAX = 8;
function decodePulse(text: string): Pulse | undefined {
  if (!lastPulses.has(text)) {
    lastPulses.set(text, decode(pulseAnswer, text));
    for (const oldest of lastPulses.keys()) {
      if (lastPulses.size <= LAST_PULSES_MAX) break;
      lastPulses.delete(oldest);
    }
  }
  return lastPulses.get(text);
}

/** What must be the same however often it is answered; the state may move on. */
export function reservationPrint({ reservationId, expiresAt, lines, total }: Reservation): string {
  return JSON.stringify([reservationId, expiresAt, sortedLines(lines), total]);
}
export function checkoutPrint(answer: CheckoutAnswer): string {
  if ("url" in answer) return answer.url;
  const { id, lines, total, confirmedAt } = answer.order;
  return JSON.stringify([id, confirmedAt, sortedLines(lines), total]);
}
const sortedLines = (lines: Reservation["lines"]) =>
  lines.map(({ sku, quantity, price }) => `${sku}×${quantity}@${price}`).sort();
