/** The steps of a visit as cards, for browsers without JavaScript; `static/assets/view.js` draws the same ones. */
import type { Order, PublicSale, Pulse, Registration, Reservation } from "../../domain/api.ts";
import type { Phase } from "../../domain/sale.ts";
import { count, ONE_UNIT, paymentText, placeTexts } from "../../static/assets/line.js";
import { money, utcText } from "./format.ts";
import { visitPath } from "./sale.tsx";

export interface Turn {
  step: "turn";
  number: number | undefined;
  passUntilMs: number | undefined;
  /** Minted for this form; a form that is sent twice reserves once. */
  reservationId: string;
  /** Quantities of an attempt before, by sku. */
  chosen: ReadonlyMap<string, number>;
}

export type Visit =
  | { step: "outside"; phase: Phase; registered?: boolean; registration?: Registration | undefined }
  | {
      step: "waiting";
      number: number;
      /** The number is one of the lobby, whose draw is still to come. */
      lobby: boolean;
      joinedAtMs: number;
      phase: Phase;
      called: boolean;
    }
  | Turn
  | { step: "held" | "paying"; reservation: Reservation }
  | { step: "order"; order: Order };

type Waits = Extract<Visit, { step: "waiting" }>;

export function Waiting({
  sale,
  visit,
  pulse,
}: {
  sale: PublicSale;
  visit: Waits;
  pulse: Pulse | undefined;
}) {
  const [people, expected, moved] = placeTexts({ ...visit, isOpen: visit.phase === "open", pulse });
  return (
    <>
      <h2>{visit.number === 0 ? "You have a slot" : visit.called ? "You are next" : "You are in line"}</h2>
      {visit.number > 0 && (
        <p class="number">
          <span class="quiet">{visit.lobby ? "Your number in the lobby" : "Your number"}</span>
          {count(visit.number)}
        </p>
      )}
      <div class="stub"></div>
      <p class="ahead">{people}.</p>
      {expected !== "" && <p>{expected}</p>}
      {moved !== "" && <p class="quiet">{moved}</p>}
      {visit.phase === "lobby" && (
        <p>
          The sale opens <time datetime={sale.opensAt}>{utcText(sale.opensAt)}</time>.
        </p>
      )}
      <p class="quiet">
        This page asks again by itself. Close it if you like: your {visit.number === 0 ? "slot" : "place"} is
        kept.
      </p>
      <p>
        <a class="button button-plain" href={visitPath(sale.id)}>
          Check now
        </a>
      </p>
      {visit.number > 0 && (
        <details class="after">
          <summary>Leave the line</summary>
          <p>Your place goes to the next person and does not come back.</p>
          <form method="post" action={`${visitPath(sale.id)}/leave`}>
            <button class="button button-plain">Give up my place</button>
          </form>
        </details>
      )}
    </>
  );
}

export function Choose({ sale, visit, pulse }: { sale: PublicSale; visit: Turn; pulse: Pulse | undefined }) {
  const gone = new Set(pulse?.items.filter(({ left }) => left === "none").map(({ sku }) => sku));
  const first = visit.chosen.size > 0 ? undefined : sale.items.find(({ sku }) => !gone.has(sku))?.sku;
  return (
    <>
      <h2>It is your turn</h2>
      {visit.passUntilMs !== undefined && (
        <p>
          Choose until{" "}
          <time datetime={new Date(visit.passUntilMs).toISOString()}>
            {utcText(new Date(visit.passUntilMs).toISOString())}
          </time>
          .
        </p>
      )}
      {visit.number === 0 && <p class="quiet">{ONE_UNIT}</p>}
      <form method="post" action={`${visitPath(sale.id)}/reserve`}>
        <input type="hidden" name="reservationId" value={visit.reservationId} />
        {sale.items.map((item) => (
          <label class="choice">
            <span class="item-name">
              {item.name}
              <span class="quiet">
                {gone.has(item.sku) ? "Nothing left at the moment" : money(item.price, sale.currency)}
              </span>
            </span>
            <select name={`quantity.${item.sku}`}>
              {Array.from({ length: (visit.number === 0 ? 1 : item.limit) + 1 }, (_, quantity) => (
                <option
                  value={String(quantity)}
                  selected={quantity === (visit.chosen.get(item.sku) ?? (item.sku === first ? 1 : 0))}
                >
                  {quantity}
                </option>
              ))}
            </select>
          </label>
        ))}
        <button class="button">Reserve</button>
      </form>
      <p class="quiet">Nothing is charged yet.</p>
    </>
  );
}

type Bought = Pick<Reservation, "lines" | "total" | "currency">;

function Lines({ sale, bought }: { sale: PublicSale; bought: Bought }) {
  const names = new Map(sale.items.map(({ sku, name }) => [sku, name]));
  return (
    <dl class="lines">
      {bought.lines.map(({ sku, quantity, price }) => (
        <div>
          <dt>
            {quantity} × {names.get(sku) ?? sku}
          </dt>
          <dd>{money(price * quantity, bought.currency)}</dd>
        </div>
      ))}
      <div class="total">
        <dt>Total</dt>
        <dd>{money(bought.total, bought.currency)}</dd>
      </div>
    </dl>
  );
}

export function Held({
  sale,
  reservation,
  nowMs,
}: {
  sale: PublicSale;
  reservation: Reservation;
  nowMs: number;
}) {
  const minutes = Math.max(1, Math.floor((Date.parse(reservation.expiresAt) - nowMs) / 60_000));
  return (
    <>
      <h2>Held for you</h2>
      <p>
        Yours until <time datetime={reservation.expiresAt}>{utcText(reservation.expiresAt)}</time>, about{" "}
        {minutes} {minutes === 1 ? "minute" : "minutes"} from now.
      </p>
      <Lines sale={sale} bought={reservation} />
      <div class="stub"></div>
      <form method="post" action={`${visitPath(sale.id)}/checkout`}>
        <button class="button">{reservation.total > 0 ? "Pay" : "Complete order"}</button>
      </form>
      <form class="after" method="post" action={`${visitPath(sale.id)}/give-back`}>
        <button class="button button-plain">Give back</button>
      </form>
    </>
  );
}

export function Paying({ sale, reservation }: { sale: PublicSale; reservation: Reservation }) {
  return (
    <>
      <h2>Waiting for your bank</h2>
      <p>Your items stay held while it answers. This page asks again by itself.</p>
      <Lines sale={sale} bought={reservation} />
    </>
  );
}

export function Receipt({ sale, order }: { sale: PublicSale; order: Order }) {
  const [paid, isRefunded] = [paymentText(order), order.state === "refunded"];
  return (
    <>
      {!isRefunded && <p class="done" aria-hidden="true"></p>}
      <h2>{isRefunded ? "Refunded" : "It is yours"}</h2>
      <p>
        Ordered <time datetime={order.confirmedAt}>{utcText(order.confirmedAt)}</time>.
      </p>
      <Lines sale={sale} bought={order} />
      {paid !== undefined && <p>{paid}</p>}
      <div class="stub"></div>
      <p class="quiet">
        Order <code>{order.id}</code>
      </p>
    </>
  );
}
