/**
 * What a shopper does from the checkout on: to the payment page with one card or another, and back to the shop, or not.
 * Whoever comes back looks as the shop's page does, until the hold has become an order or is over.
 */
import type { Order } from "../../domain/api.ts";
import type { CheckoutAnswer } from "./answers.ts";
import type { Plan } from "./crowd.ts";
import { replay, unitsOf, type PaymentTry, type ShopperRecord } from "./history.ts";
import { between } from "./random.ts";
import { nowMs, Stopped } from "./sleep.ts";
import { checkoutPrint, Surprise, type Visit } from "./visit.ts";
import type { World } from "./world.ts";

/** As LOOK_EVERY_MS in static/assets/session.js. */
const LOOK_EVERY_MS = 3000;
/** Of those whose bank takes a while: press "give back" in another tab meanwhile. */
const GIVES_BACK_SHARE = 0.25;

/** `no_order`: nothing was paid, and what is wanted may be had by reserving again. */
type Unpaid = "left_unpaid" | "declined" | "closed_tab" | "no_order";

export function createPaying(plan: Plan, world: World, visit: Visit, record: ShopperRecord) {
  const { sleep, tally } = world;
  const pause = () => sleep(LOOK_EVERY_MS * between(visit.random, 0.9, 1.3));

  /** @param sentAtMs what made it an order was sent no earlier */
  function note(order: Order, sentAtMs: number): Order {
    const { id, total, currency, payment } = order;
    const capturedAtMs = payment.state === "captured" ? nowMs() : undefined;
    const known = record.orders.find((one) => one.id === id);
    if (known !== undefined) {
      known.payment = payment.state;
      known.refunded = order.refund !== null;
      known.capturedAtMs ??= capturedAtMs;
      return order;
    }
    const lines = order.lines.map(({ sku, quantity }) => ({ sku, quantity }));
    record.orders.push({
      id,
      reservationId: id,
      lines,
      total,
      currency,
      payment: payment.state,
      refunded: order.refund !== null,
      sentAtMs,
      confirmedAtMs: Date.parse(order.confirmedAt),
      capturedAtMs,
    });
    tally.orders++;
    tally.soldUnits += unitsOf(lines);
    return order;
  }

  async function checkOutAgain(id: string, first: CheckoutAnswer): Promise<void> {
    const { value: again } = await visit.checkout(id);
    if (again !== undefined) record.replays.push(replay("checkout, again", checkoutPrint, first, again));
  }

  /** One card. @returns undefined when the page takes no payment any more */
  async function give(
    reservationId: string,
    session: string,
    card: "ok" | "declined" | "slow",
  ): Promise<PaymentTry | undefined> {
    if (world.page === undefined) return undefined;
    record.doing = `paying by a card that is ${card}`;
    await sleep(plan.typeMs);
    const sentAtMs = nowMs();
    const answer = await world.page.pay(session, card, card === "slow" ? plan.bankMs : undefined);
    const made = { reservationId, session, sentAtMs, answeredAtMs: nowMs() };
    if (answer.outcome === "refused") {
      if (answer.reason !== "session_expired") throw visit.surprise("checkout", `the page: ${answer.reason}`);
      record.payments.push({ ...made, outcome: "closed" });
      return undefined;
    }
    const outcome = answer.outcome === "declined" ? "declined" : "authorised";
    const answeredAtMs = answer.outcome === "waiting" ? answer.untilMs : made.answeredAtMs;
    const payment: PaymentTry = { ...made, answeredAtMs, outcome };
    record.payments.push(payment);
    return payment;
  }

  /**
   * Back at the shop: looks until the hold is an order or is over.
   * @param payment for it, whose record is told what the shop says
   */
  async function comeBack(
    payment: Pick<PaymentTry, "reservationId" | "sentAtMs" | "toldNoOrder">,
  ): Promise<Order | "no_order"> {
    record.doing = "waiting for the payment to become an order";
    for (;;) {
      const { state, payment: paying } = await visit.readReservation(payment.reservationId);
      if (state === "confirmed" || state === "refunded") break;
      const isUnderWay = state === "held" || ["pending", "authorised", "captured"].includes(paying);
      if (!isUnderWay) {
        payment.toldNoOrder = `${state}, payment ${paying}`;
        return "no_order";
      }
      await pause();
    }
    record.doing = "waiting for the order's payment to be taken";
    for (;;) {
      const { value, word } = await visit.readOrder(payment.reservationId);
      if (value === undefined) throw visit.surprise("read_order", word);
      const order = note(value, payment.sentAtMs);
      if (order.payment.state !== "authorised") return order;
      await pause();
    }
  }

  async function giveBackTooLate(id: string): Promise<void> {
    const path = `/reservations/${id}`;
    const { word = "granted" } = await visit.attempt("give_back", "DELETE", path, { credential: "pass" });
    const expected = ["payment_pending", "already_confirmed"];
    record.expectations.push({ attempt: "give_back_while_paying", expected, got: word });
  }

  /** What came of a payment, for those who never asked: read when nothing moves any more. */
  function lookBackAt({ reservationId, sentAtMs }: PaymentTry): void {
    world.lookBacks.push(async () => {
      try {
        const { value } = await visit.readOrder(reservationId);
        return value === undefined || note(value, sentAtMs).payment.state !== "authorised";
      } catch (error) {
        if (error instanceof Surprise || error instanceof Stopped) return true;
        throw error;
      }
    });
  }

  return {
    note,
    comeBack,
    checkOutAgain,

    /** @param url of the payment page */
    async pay(reservationId: string, url: string, expiresAtMs: number): Promise<Order | Unpaid> {
      if (plan.repeats) await checkOutAgain(reservationId, { url });
      const untilItEnds = () => sleep(expiresAtMs - world.seen.serverNowMs());
      if (world.page === undefined || plan.ending === "abandons_paying") {
        record.doing = "leaving the payment page";
        await untilItEnds();
        return "left_unpaid";
      }
      const session = /\bcs_(?:test|live)_\w+/.exec(url)?.[0];
      if (session === undefined) throw visit.surprise("checkout", `no session in ${url}`);

      const first = plan.card === "ok" || plan.card === "slow" ? plan.card : "declined";
      let payment = await give(reservationId, session, first);
      if (payment?.outcome === "declined") {
        if (plan.card === "refused") {
          record.doing = "giving up after a decline";
          await untilItEnds();
          return "declined";
        }
        payment = await give(reservationId, session, "ok");
      }
      if (payment === undefined) return await comeBack({ reservationId, sentAtMs: nowMs() });
      lookBackAt(payment);
      if (plan.closesTab) return "closed_tab";
      if (plan.card === "slow" && visit.random() < GIVES_BACK_SHARE) await giveBackTooLate(reservationId);
      // Some are back in the shop before their bank has answered.
      if (visit.random() < 0.5) await sleep(payment.answeredAtMs - nowMs());
      return await comeBack(payment);
    },
  };
}
