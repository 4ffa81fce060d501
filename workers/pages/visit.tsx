/**
 * The personal page of a sale, for browsers without JavaScript: the same card as the script draws, from forms and a
 * page that asks again by itself. Never cached.
 */
import type { PublicSale, Pulse } from "../../domain/api.ts";
import { Choose, Held, Paying, Receipt, Waiting, type Visit } from "./cards.tsx";
import { page } from "./layout.tsx";
import type { Notice } from "./notice.ts";
import { Product } from "./product.tsx";
import { forScript, Outside, visitPath } from "./sale.tsx";

interface VisitPage {
  sale: PublicSale;
  visit: Visit;
  pulse: Pulse | undefined;
  notice: Notice | undefined;
  nowMs: number;
}

export function visitPage(view: VisitPage): string {
  const { sale, visit, pulse, notice } = view;
  const seconds = refreshSeconds(view);
  return page({
    title: `${titles[visit.step]} · ${sale.name}`,
    ...(seconds === undefined ? {} : { refresh: { seconds, url: visitPath(sale.id) } }),
    children: (
      <Product sale={sale} left={pulse?.items ?? []}>
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

const titles: Record<Visit["step"], string> = {
  outside: "Your visit",
  waiting: "In line",
  turn: "It is your turn",
  held: "Held for you",
  paying: "Waiting for your bank",
  order: "Your order",
};

function Card({ sale, visit, pulse, nowMs }: VisitPage) {
  switch (visit.step) {
    case "outside":
      return (
        <Outside
          sale={sale}
          phase={visit.phase}
          registered={visit.registered === true}
          registration={visit.registration}
        />
      );
    case "waiting":
      return <Waiting sale={sale} visit={visit} pulse={pulse} />;
    case "turn":
      return <Choose sale={sale} visit={visit} pulse={pulse} />;
    case "held":
      return <Held sale={sale} reservation={visit.reservation} nowMs={nowMs} />;
    case "paying":
      return <Paying sale={sale} reservation={visit.reservation} />;
    case "order":
      return <Receipt sale={sale} order={visit.order} />;
  }
}

/** Seconds between looks at the line: as often as the pulse asks for, and not while somebody fills in a form. */
function refreshSeconds({ sale, visit, pulse, nowMs }: VisitPage): number | undefined {
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
    case "held":
      return Math.max(5, Math.ceil((Date.parse(visit.reservation.expiresAt) - nowMs) / 1000) + 1);
    case "turn":
    case "order":
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
