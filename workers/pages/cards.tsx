/** The steps of a visit as cards, for browsers without JavaScript; `static/assets/view.js` draws the same ones. */
import type { Order, PublicSale, Pulse, Registration, Reservation } from "../../domain/api.ts";
import type { Phase } from "../../domain/sale.ts";
import {
  afterTurnText,
  canExtend,
  extensionText,
  paymentText,
  placeTexts,
  preselected,
  WARNING_MS,
  wayBehind,
} from "../../static/assets/line.js";
import { visitPath } from "./paths.ts";
import type { Speech } from "./speech.ts";

export interface Turn {
  step: "turn";
  number: number | undefined;
  passUntilMs: number | undefined;
  /** Minted for this form; a form that is sent twice reserves once. */
  reservationId: string;
  /** Quantities of an attempt before, by sku, as far as they were left. */
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

interface Card {
  sale: PublicSale;
  say: Speech;
}

const Heading = ({ text }: { text: string }) => (
  <h2 id="now" tabindex={-1}>
    {text}
  </h2>
);

const momentOf = (say: Speech, at: string | number) => {
  const iso = new Date(at).toISOString();
  return <time datetime={iso}>{say.utc(iso)}</time>;
};

interface WaitingCard extends Card {
  visit: Waits;
  pulse: Pulse | undefined;
  /** The page does not ask again by itself, because its reader said so. */
  isStill: boolean;
}

export function Waiting({ sale, say, visit, pulse, isStill }: WaitingCard) {
  const { m } = say;
  const { number, phase, lobby, called } = visit;
  const [people, expected, moved] = placeTexts(m, { ...visit, isOpen: phase === "open", pulse });
  const here = visitPath(say, sale.id);
  return (
    <>
      <Heading text={number === 0 ? m.slotTitle : called ? m.next : m.inLine} />
      {number > 0 && (
        <p class="number">
          <span class="quiet">{lobby ? m.yourLobbyNumber : m.yourNumber}</span>
          {say.count(number)}
        </p>
      )}
      <div class="stub"></div>
      <p class="ahead">{people}</p>
      {phase === "open" && pulse !== undefined && number > 0 && (
        <progress aria-label={m.way} max="1" value={String(wayBehind(number, number, pulse.nowServing))} />
      )}
      {expected !== "" && <p>{expected}</p>}
      {moved !== "" && <p class="quiet">{moved}</p>}
      {phase === "lobby" && <p>{m.saleOpens(momentOf(say, sale.opensAt))}</p>}
      <p class="quiet">
        {isStill ? "" : `${m.asksByItself} `}
        {number === 0 ? m.slotKept : m.placeKept}
      </p>
      <p class="tools">
        <a class="button button-plain" href={isStill ? `${here}?still` : here}>
          {m.checkNow}
        </a>
        <a class="button button-plain" href={isStill ? here : `${here}?still`}>
          {isStill ? m.askAgain : m.askLess}
        </a>
      </p>
      {number > 0 && (
        <details class="after">
          <summary>{m.leave}</summary>
          <p>{m.leaveMore}</p>
          <form method="post" action={`${here}/leave`}>
            <button class="button button-plain">{m.leaveNow}</button>
          </form>
        </details>
      )}
    </>
  );
}

interface ChooseCard extends Card {
  visit: Turn;
  pulse: Pulse | undefined;
  nowMs: number;
}

export function Choose({ sale, say, visit, pulse, nowMs }: ChooseCard) {
  const { m } = say;
  // What is left for the line says nothing of a unit that is set aside.
  const seen = visit.number === 0 ? [] : (pulse?.items ?? []);
  const left = new Map(seen.map((item) => [item.sku, item.left]));
  const quantityOf = (sku: string) =>
    left.get(sku) === "none" ? 0 : (visit.chosen.get(sku) ?? preselected(sale));
  return (
    <>
      <Heading text={m.yourTurn} />
      {visit.passUntilMs !== undefined && (
        <p class="ends">{m.chooseUntil(momentOf(say, visit.passUntilMs))}</p>
      )}
      {visit.passUntilMs !== undefined && (
        <Warning
          say={say}
          leftMs={visit.passUntilMs - nowMs}
          then={afterTurnText(m, sale, visit.passUntilMs)}
        />
      )}
      {visit.number === 0 && <p class="quiet">{m.oneUnit}</p>}
      <form method="post" action={`${visitPath(say, sale.id)}/reserve`}>
        <input type="hidden" name="reservationId" value={visit.reservationId} />
        {sale.items.map((item) => (
          <label class="choice">
            {item.image !== undefined && (
              <img class="thumb" src={item.image} alt="" width="112" height="112" />
            )}
            <span class="item-name">
              {item.name}
              <span class="quiet">
                {left.get(item.sku) === "none" ? m.noneNow : say.price(item.price, sale.currency)}
                {left.get(item.sku) === "few" ? ` · ${m.itemLeft.few}` : ""}
              </span>
            </span>
            <select name={`quantity.${item.sku}`}>
              {Array.from({ length: (visit.number === 0 ? 1 : item.limit) + 1 }, (_, quantity) => (
                <option value={String(quantity)} selected={quantity === quantityOf(item.sku)}>
                  {quantity}
                </option>
              ))}
            </select>
          </label>
        ))}
        <button class="button">{m.reserve}</button>
      </form>
      <p class="quiet">{m.notCharged}</p>
    </>
  );
}

/** That time is nearly over, and what comes then. */
function Warning({ say: { m }, leftMs, then }: { say: Speech; leftMs: number; then: string }) {
  if (leftMs > WARNING_MS) return <></>;
  return (
    <p class="warning" role="alert">
      <b>{m.soonOver(WARNING_MS / 1000)}</b> {then}
    </p>
  );
}

type Bought = Pick<Reservation, "lines" | "total" | "currency">;

function Lines({ sale, say, bought }: Card & { bought: Bought }) {
  const names = new Map(sale.items.map(({ sku, name }) => [sku, name]));
  return (
    <dl class="lines">
      {bought.lines.map(({ sku, quantity, price }) => (
        <div>
          <dt>
            {quantity} × {names.get(sku) ?? sku}
          </dt>
          <dd>{say.price(price * quantity, bought.currency)}</dd>
        </div>
      ))}
      <div class="total">
        <dt>{say.m.total}</dt>
        <dd>{say.price(bought.total, bought.currency)}</dd>
      </div>
    </dl>
  );
}

export function Held({ sale, say, reservation, nowMs }: Card & { reservation: Reservation; nowMs: number }) {
  const { m } = say;
  const leftMs = Date.parse(reservation.expiresAt) - nowMs;
  const minutes = Math.max(1, Math.floor(leftMs / 60_000));
  return (
    <>
      <Heading text={m.held} />
      <p class="ends">{m.heldUntil(momentOf(say, reservation.expiresAt), minutes)}</p>
      <Warning say={say} leftMs={leftMs} then={m.holdSoonOver} />
      {reservation.extended && <p class="quiet">{m.extended}</p>}
      <Lines sale={sale} say={say} bought={reservation} />
      <div class="stub"></div>
      <form method="post" action={`${visitPath(say, sale.id)}/checkout`}>
        <button class="button">{reservation.total > 0 ? m.pay : m.complete}</button>
      </form>
      {canExtend(sale, reservation) && (
        <form method="post" action={`${visitPath(say, sale.id)}/extend`}>
          <button class="button button-plain">{m.extend}</button>
          <p class="quiet">{extensionText(m, sale.holdSeconds)}</p>
        </form>
      )}
      <form class="after" method="post" action={`${visitPath(say, sale.id)}/give-back`}>
        <button class="button button-plain">{m.giveBack}</button>
      </form>
    </>
  );
}

export function Paying({ sale, say, reservation }: Card & { reservation: Reservation }) {
  return (
    <>
      <Heading text={say.m.waitingForBank} />
      <p>{say.m.stayHeld}</p>
      <Lines sale={sale} say={say} bought={reservation} />
    </>
  );
}

export function Receipt({ sale, say, order }: Card & { order: Order }) {
  const { m } = say;
  const [paid, isRefunded] = [paymentText(m, order), order.state === "refunded"];
  return (
    <>
      {!isRefunded && <p class="done" aria-hidden="true"></p>}
      <Heading text={isRefunded ? m.refunded : m.yours} />
      <p>{m.ordered(momentOf(say, order.confirmedAt))}</p>
      <Lines sale={sale} say={say} bought={order} />
      {paid !== undefined && <p>{paid}</p>}
      <div class="stub"></div>
      <p class="quiet">
        {m.order} <code>{order.id}</code>
      </p>
    </>
  );
}
