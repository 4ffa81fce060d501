/**
 * A sale's page. Cached for some seconds and the same for everybody, so it says nothing about the reader: its form
 * leads to the personal page (`workers/visit.tsx`), and the script, where there is one, does the rest on the spot.
 */
import type { PublicSale } from "../../domain/api.ts";
import type { Phase } from "../../domain/sale.ts";
import { utcText } from "./format.ts";
import { page } from "./layout.tsx";
import { Product } from "./product.tsx";
import { NO_NETWORK, words } from "./words.ts";

export const visitPath = (saleId: string) => `/sales/${saleId}/visit`;

export const headlines: Record<Phase, string> = {
  scheduled: "Opening soon",
  registration: "Opening soon",
  lobby: "The line is open",
  open: "On sale now",
  sold_out: "Sold out",
  closed: "This sale has ended",
  settled: "This sale has ended",
};

export function salePage(sale: PublicSale): string {
  return page({
    title: sale.name,
    description: sale.description.slice(0, 200),
    image: sale.image,
    children: (
      <Product sale={sale}>
        <section class="card" id="live" data-sale={forScript(sale)} data-words={scriptWords}>
          <Outside sale={sale} phase={sale.phase} />
        </section>
        <p class="unseen" id="announce" role="status"></p>
      </Product>
    ),
  });
}

/** Not in line: when it opens, and the way in. */
export function Outside({ sale, phase }: { sale: PublicSale; phase: Phase }) {
  return (
    <>
      <h2 tabindex={-1}>{headlines[phase]}</h2>
      {(phase === "scheduled" || phase === "registration" || phase === "lobby") && (
        <>
          <div class="clock" data-countdown></div>
          <p>
            Opens <time datetime={sale.opensAt}>{utcText(sale.opensAt)}</time>.
          </p>
        </>
      )}
      {phase === "open" && <p>Take a place in line. You will be let in when your turn comes.</p>}
      {phase === "sold_out" && <p>Everything has found an owner. Thank you for coming.</p>}
      {phase === "lobby" || phase === "open" ? (
        <form method="post" action={`${visitPath(sale.id)}/join`} data-do="join">
          <button class="button">Join the line</button>
        </form>
      ) : (
        (phase === "scheduled" || phase === "registration") && (
          <p class="quiet">
            The line takes people from <time datetime={sale.lobbyOpensAt}>{utcText(sale.lobbyOpensAt)}</time>.
          </p>
        )
      )}
      <p class="quiet after">
        <a href={visitPath(sale.id)}>Been here before? See your place</a>
      </p>
    </>
  );
}

const scriptWords = JSON.stringify({ ...words, network: NO_NETWORK });

/** What the script needs to know of a sale, and no more. */
export function forScript({
  id,
  currency,
  opensAt,
  closesAt,
  lobbyOpensAt,
  phase,
  mode,
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
    items: items.map(({ sku, name, price, limit }) => ({ sku, name, price, limit })),
  });
}
