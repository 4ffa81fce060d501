/**
 * The personal page of a sale, for browsers without JavaScript: the same card as the script draws, from forms and a
 * page that asks again by itself. Never cached.
 */
import type { PublicSale, Pulse } from "../../domain/api.ts";
import { Choose, Held, Paying, Receipt, Waiting, type Visit } from "./cards.tsx";
import { WARNING_MS } from "../../static/assets/line.js";
import { page } from "./layout.tsx";
import type { Notice } from "./notice.ts";
import { Product } from "./product.tsx";
import { forScript, Outside } from "./sale.tsx";
import type { Speech } from "./speech.ts";

interface VisitPage {
  say: Speech;
  sale: PublicSale;
  visit: Visit;
  pulse: Pulse | undefined;
  notice: Notice | undefined;
  nowMs: number;
  /** The reader does not want the page to ask again by itself. */
  isStill: boolean;
}

export function visitPage(view: VisitPage): string {
  const { say, sale, visit, pulse, notice } = view;
  return page({
    say,
    path: `/sales/${sale.id}/visit`,
    title: `${titleOf(say, visit)} · ${sale.name}`,
    children: (
      <Product sale={sale} say={say} left={pulse?.items ?? []}>
        <section
          class="card"
          id="live"
          data-stage={visit.step}
          data-sale={forScript(sale)}
          data-handover={handover(visit)}
        >
          {notice !== undefined && (
            <div class="notice" role="alert">
              <p>{notice.text}</p>
              {notice.details.map((detail) => (
                <p>{detail}</p>
              ))}
            </div>
          )}
          <Card {...view} />
        </section>
      </Product>
    ),
  });
}

function titleOf({ m }: Speech, { step }: Visit): string {
  switch (step) {
    case "outside":
      return m.yourVisit;
    case "waiting":
      return m.titleInLine;
    case "turn":
      return `● ${m.yourTurn}`;
    case "held":
      return m.held;
    case "paying":
      return m.waitingForBank;
    case "order":
      return m.yourOrder;
  }
}

function Card({ say, sale, visit, pulse, nowMs, isStill }: VisitPage) {
  const its = { say, sale };
  switch (visit.step) {
    case "outside":
      return (
        <Outside
          {...its}
          phase={visit.phase}
          registered={visit.registered === true}
          registration={visit.registration}
        />
      );
    case "waiting":
      return <Waiting {...its} visit={visit} pulse={pulse} isStill={isStill} />;
    case "turn":
      return <Choose {...its} visit={visit} pulse={pulse} nowMs={nowMs} />;
    case "held":
      return <Held {...its} reservation={visit.reservation} nowMs={nowMs} />;
    case "paying":
      return <Paying {...its} reservation={visit.reservation} />;
    case "order":
      return <Receipt {...its} order={visit.order} />;
  }
}

/**
 * Seconds between looks at the line: as often as the pulse asks for, not while somebody fills in a form, and not where the
 * reader has switched it off. It goes into the answer's `Refresh` header.
 */
export function refreshSeconds({ sale, visit, pulse, nowMs, isStill }: VisitPage): number | undefined {
  if (isStill) return undefined;
  const often = Math.max(5, Math.ceil((pulse?.pollAfterMs ?? 0) / 1000));
  switch (visit.step) {
    case "waiting":
      return often;
    case "outside": {
      if (visit.phase === "sold_out" || visit.phase === "closed" || visit.phase === "settled")
        return undefined;
      const untilLobby = Math.ceil((Date.parse(sale.lobbyOpensAt) - nowMs) / 1000);
      return untilLobby > 0 ? Math.min(60, Math.max(often, untilLobby)) : undefined;
    }
    case "paying":
      return often;
    case "held": {
      // Once to warn, and once more to say that it is over.
      const leftMs = Date.parse(visit.reservation.expiresAt) - nowMs;
      return Math.max(5, Math.ceil((leftMs > WARNING_MS ? leftMs - WARNING_MS : leftMs) / 1000) + 1);
    }
    case "order":
      return visit.order.payment.state === "authorised" ? often : undefined;
    case "turn":
      return undefined;
  }
}

/** Where the script of the sale's page goes on when this page turns out to have JavaScript after all. */
function handover(visit: Visit): string {
  switch (visit.step) {
    case "outside":
      return JSON.stringify(visit.registration === undefined ? {} : { registration: visit.registration });
    case "waiting":
      return JSON.stringify({
        number: visit.number,
        lobby: visit.lobby,
        joinedAt: new Date(visit.joinedAtMs).toISOString(),
      });
    case "turn":
      return JSON.stringify({ number: visit.number, passUntilMs: visit.passUntilMs });
    case "held":
    case "paying":
      return JSON.stringify({ attempt: { reservationId: visit.reservation.reservationId, lines: [] } });
    case "order":
      return JSON.stringify({ orderId: visit.order.id });
  }
}
