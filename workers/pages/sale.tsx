/**
 * A sale's page. Cached for some seconds and the same for everybody, so it says nothing about the reader: its form
 * leads to the personal page (`workers/visit.tsx`), and the script, where there is one, does the rest on the spot.
 */
import type { PublicSale, Registration } from "../../domain/api.ts";
import type { Phase } from "../../domain/sale.ts";
import { registeringText, registrationTexts } from "../../static/assets/line.js";
import { page } from "./layout.tsx";
import { drawPath, visitPath } from "./paths.ts";
import { picturesOf, Product } from "./product.tsx";
import type { Speech } from "./speech.ts";

/** What of the shop's settings a page shows. */
export interface Shown {
  /** The bot check's widget. */
  widget?: { siteKey: string; script: string } | undefined;
  /** Where a shopper signs in. */
  loginUrl?: string | undefined;
}

export function salePage(say: Speech, sale: PublicSale, shown: Shown): string {
  const { widget } = shown;
  return page({
    say,
    path: `/sales/${sale.id}`,
    title: sale.name,
    description: sale.description.slice(0, 200),
    image: picturesOf(sale)[0]?.src,
    children: (
      <Product sale={sale} say={say}>
        <section
          class="card"
          id="live"
          data-sale={forScript(sale)}
          data-bot-check={widget === undefined ? undefined : JSON.stringify(widget)}
          data-login={shown.loginUrl}
        >
          <Outside sale={sale} say={say} phase={sale.phase} loginUrl={shown.loginUrl} />
        </section>
        <p class="unseen" id="announce" role="status"></p>
        <p class="unseen" id="alert" role="alert"></p>
      </Product>
    ),
  });
}

interface OutsideCard {
  sale: PublicSale;
  say: Speech;
  phase: Phase;
  loginUrl?: string | undefined;
  /** A link was sent just now. */
  registered?: boolean;
  /** How the registration of this shopper stands, where there is one. */
  registration?: Registration | undefined;
}

/** Not in line: when it opens, and the way in. */
export function Outside({ sale, say, phase, loginUrl, registered = false, registration }: OutsideCard) {
  const { m } = say;
  const hasSlot = registration?.status === "slot" && registration.decided;
  const isOpen = phase === "lobby" || phase === "open";
  const isOver = phase === "sold_out" || phase === "closed" || phase === "settled";
  const time = (at: string) => <time datetime={at}>{say.utc(at)}</time>;
  return (
    <>
      <h2 id="now" tabindex={-1}>
        {m.headlines[phase]}
      </h2>
      {(phase === "scheduled" || phase === "registration" || phase === "lobby") && (
        <>
          <div class="clock"></div>
          {phase === "scheduled" && sale.registration !== undefined && (
            <p>{m.registerFrom(time(sale.registration.from))}</p>
          )}
          <p>{m.opens(time(sale.opensAt))}</p>
        </>
      )}
      {phase === "open" && <p>{m.takeAPlace}</p>}
      {phase === "sold_out" && <p>{m.everythingSold}</p>}
      {(phase === "closed" || phase === "settled") && <p>{m.thanks}</p>}
      {!isOver && m.modes[sale.mode] !== undefined && <p>{m.modes[sale.mode]}</p>}
      {!isOver && registration !== undefined && (
        <Registered sale={sale} say={say} registration={registration} />
      )}
      {!isOver && registration === undefined && takesAddresses(sale, Date.now()) && (
        <Registering sale={sale} say={say} registered={registered} />
      )}
      {!isOver && sale.identity === "account" && (
        <p>
          {m.forAccounts} {loginUrl !== undefined && <a href={loginUrl}>{m.signIn}</a>}
        </p>
      )}
      {isOpen && (
        <form method="post" action={`${visitPath(say, sale.id)}/join`} data-do="join">
          <button class="button">{hasSlot ? m.comeIn : m.join}</button>
        </form>
      )}
      {!isOpen && !isOver && <p class="quiet">{m.lineFrom(time(sale.lobbyOpensAt))}</p>}
      {sale.lobby === "draw" && !isOver && (
        <p class="quiet">
          {m.drawnAtOpening} <a href={drawPath(say, sale.id)}>{m.checkTheDraw}</a>
        </p>
      )}
      <p class="quiet after">
        <a href={visitPath(say, sale.id)}>{m.beenHere}</a>
      </p>
    </>
  );
}

const takesAddresses = ({ registration: window }: PublicSale, nowMs: number) =>
  window !== undefined && nowMs >= Date.parse(window.from) && nowMs < Date.parse(window.until);

/** The times of a registration in words. */
export const registrationTimes = ({ utc }: Speech, sale: PublicSale, registration: Registration) => ({
  decides: utc(registration.decidesAt),
  opens: utc(sale.opensAt),
  until: utc(registration.claimUntil ?? sale.closesAt),
});

interface RegisteredPart {
  sale: PublicSale;
  say: Speech;
  registration: Registration;
}

function Registered({ sale, say, registration }: RegisteredPart) {
  const times = registrationTimes(say, sale, registration);
  const texts = registrationTexts(say.m, registration, times).filter((text) => text !== "");
  const [first, ...others] = texts;
  return (
    <div class="registration">
      <p class="ahead">{first}</p>
      {others.map((text) => (
        <p>{text}</p>
      ))}
    </div>
  );
}

function Registering({ sale, say, registered }: { sale: PublicSale; say: Speech; registered: boolean }) {
  const { m } = say;
  if (registered) return <p role="status">{m.lookIntoMailbox}</p>;
  return (
    <form class="register" method="post" action={`${visitPath(say, sale.id)}/register`} data-do="register">
      <label>
        {m.address}
        <input type="email" name="email" required autocomplete="email" maxlength={254} />
      </label>
      <button class="button">{m.sendLink}</button>
      <p class="quiet">{registeringText(m, sale, say.utc(sale.registration?.until ?? sale.opensAt))}</p>
    </form>
  );
}

/** What the script needs to know of a sale, and no more. */
export function forScript({
  id,
  currency,
  opensAt,
  closesAt,
  lobbyOpensAt,
  phase,
  mode,
  identity,
  lobby,
  slots,
  registration,
  holdSeconds,
  items,
}: PublicSale): string {
  return JSON.stringify({
    id,
    currency,
    opensAt,
    closesAt,
    lobbyOpensAt,
    phase,
    mode,
    identity,
    lobby,
    slots,
    registration,
    holdSeconds,
    items: items.map(({ sku, name, price, limit, image }) => ({ sku, name, price, limit, image })),
  });
}
