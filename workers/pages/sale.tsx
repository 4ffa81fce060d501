/**
 * A sale's page. Cached for some seconds and the same for everybody, so it says nothing about the reader: its form
 * leads to the personal page (`workers/visit.tsx`), and the script, where there is one, does the rest on the spot.
 */
import type { PublicSale, Registration } from "../../domain/api.ts";
import type { Phase } from "../../domain/sale.ts";
import { modeTexts, registeringText, registrationTexts } from "../../static/assets/line.js";
import { drawPath } from "./draw.tsx";
import { utcText } from "./format.ts";
import { page } from "./layout.tsx";
import { Product } from "./product.tsx";
import { lateWords, NO_NETWORK, words } from "./words.ts";

export const visitPath = (saleId: string) => `/sales/${saleId}/visit`;

export const headlines: Record<Phase, string> = {
  scheduled: "Opening soon",
  registration: "Registration is open",
  lobby: "The line is open",
  open: "On sale now",
  sold_out: "Sold out",
  closed: "This sale has ended",
  settled: "This sale has ended",
};

/** What of the shop's settings a page shows. */
export interface Shown {
  /** The bot check's widget. */
  widget?: { siteKey: string; script: string } | undefined;
  /** Where a shopper signs in. */
  loginUrl?: string | undefined;
}

export function salePage(sale: PublicSale, shown: Shown): string {
  const { widget } = shown;
  return page({
    title: sale.name,
    description: sale.description.slice(0, 200),
    image: sale.image,
    children: (
      <Product sale={sale}>
        <section
          class="card"
          id="live"
          data-sale={forScript(sale)}
          data-words={scriptWords}
          data-bot-check={widget === undefined ? undefined : JSON.stringify(widget)}
          data-login={shown.loginUrl}
        >
          <Outside sale={sale} phase={sale.phase} loginUrl={shown.loginUrl} />
        </section>
        <p class="unseen" id="announce" role="status"></p>
      </Product>
    ),
  });
}

interface OutsideCard {
  sale: PublicSale;
  phase: Phase;
  loginUrl?: string | undefined;
  /** A link was sent just now. */
  registered?: boolean;
  /** How the registration of this shopper stands, where there is one. */
  registration?: Registration | undefined;
}

/** Not in line: when it opens, and the way in. */
export function Outside({ sale, phase, loginUrl, registered = false, registration }: OutsideCard) {
  const hasSlot = registration?.status === "slot" && registration.decided;
  const isOpen = phase === "lobby" || phase === "open";
  const isOver = phase === "sold_out" || phase === "closed" || phase === "settled";
  return (
    <>
      <h2 tabindex={-1}>{headlines[phase]}</h2>
      {(phase === "scheduled" || phase === "registration" || phase === "lobby") && (
        <>
          <div class="clock" data-countdown></div>
          {phase === "scheduled" && sale.registration !== undefined && (
            <p>
              You can register from{" "}
              <time datetime={sale.registration.from}>{utcText(sale.registration.from)}</time>.
            </p>
          )}
          <p>
            Opens <time datetime={sale.opensAt}>{utcText(sale.opensAt)}</time>.
          </p>
        </>
      )}
      {phase === "open" && <p>Take a place in line. You will be let in when your turn comes.</p>}
      {phase === "sold_out" && <p>Everything has found an owner. Thank you for coming.</p>}
      {!isOver && modeTexts[sale.mode] !== undefined && <p>{modeTexts[sale.mode]}</p>}
      {!isOver && registration !== undefined && <Registered sale={sale} registration={registration} />}
      {!isOver && registration === undefined && takesAddresses(sale, Date.now()) && (
        <Registering sale={sale} registered={registered} />
      )}
      {!isOver && sale.identity === "account" && (
        <p>
          This sale is for accounts of the shop. {loginUrl !== undefined && <a href={loginUrl}>Sign in</a>}
        </p>
      )}
      {isOpen && (
        <form method="post" action={`${visitPath(sale.id)}/join`} data-do="join">
          <button class="button">{hasSlot ? "Come in" : "Join the line"}</button>
        </form>
      )}
      {!isOpen && !isOver && (
        <p class="quiet">
          The line takes people from <time datetime={sale.lobbyOpensAt}>{utcText(sale.lobbyOpensAt)}</time>.
        </p>
      )}
      {sale.lobby === "draw" && !isOver && (
        <p class="quiet">
          At opening the places are drawn among all who are here.{" "}
          <a href={drawPath(sale.id)}>Check the draw</a>
        </p>
      )}
      <p class="quiet after">
        <a href={visitPath(sale.id)}>Been here before? See your place</a>
      </p>
    </>
  );
}

const takesAddresses = ({ registration: window }: PublicSale, nowMs: number) =>
  window !== undefined && nowMs >= Date.parse(window.from) && nowMs < Date.parse(window.until);

function Registered({ sale, registration }: { sale: PublicSale; registration: Registration }) {
  const texts = registrationTexts(registration, {
    decides: utcText(registration.decidesAt),
    opens: utcText(sale.opensAt),
    until: utcText(registration.claimUntil ?? sale.closesAt),
  }).filter((text) => text !== "");
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

function Registering({ sale, registered }: { sale: PublicSale; registered: boolean }) {
  if (registered)
    return <p role="status">Look into your mailbox: the link in our e-mail confirms your address.</p>;
  return (
    <form class="register" method="post" action={`${visitPath(sale.id)}/register`} data-do="register">
      <label>
        Your e-mail address
        <input type="email" name="email" required autocomplete="email" maxlength={254} />
      </label>
      <button class="button">Send me a link</button>
      <p class="quiet">{registeringText(sale, utcText(sale.registration?.until ?? sale.opensAt))}</p>
    </form>
  );
}

const scriptWords = JSON.stringify({ ...words, ...lateWords, network: NO_NETWORK });

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
    items: items.map(({ sku, name, price, limit }) => ({ sku, name, price, limit })),
  });
}
