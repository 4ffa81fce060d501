/** All sales. Cached and the same for everybody. */
import type { PublicSale } from "../../domain/api.ts";
import type { Phase } from "../../domain/sale.ts";
import { money, utcText } from "./format.ts";
import { page } from "./layout.tsx";
import { Poster } from "./product.tsx";

const labels: Record<Phase, string> = {
  scheduled: "Coming up",
  registration: "Coming up",
  lobby: "Line is open",
  open: "On sale now",
  sold_out: "Sold out",
  closed: "Ended",
  settled: "Ended",
};

export function homePage(sales: PublicSale[]): string {
  return page({
    title: "Flash Sale",
    description: "Limited releases, sold in the order people arrive.",
    children: (
      <>
        <h1 class="title">{sales.length === 0 ? "Nothing on sale right now" : "Releases"}</h1>
        <p class="lead">
          {sales.length === 0
            ? "The next release will be announced here."
            : "Limited releases, sold in the order people arrive."}
        </p>
        <ul class="sales">
          {sales.map((sale) => (
            <li>
              <a class="tile" href={`/sales/${sale.id}`}>
                <Poster sale={sale} />
                <span class="tile-text">
                  <span class={`tag tag-${sale.phase}`}>{labels[sale.phase]}</span>
                  <span class="tile-name">{sale.name}</span>
                  <span class="quiet">
                    {priceFrom(sale)} · <time datetime={sale.opensAt}>{utcText(sale.opensAt)}</time>
                  </span>
                </span>
              </a>
            </li>
          ))}
        </ul>
      </>
    ),
  });
}

function priceFrom({ items, currency }: PublicSale): string {
  const prices = items.map(({ price }) => price);
  const lowest = Math.min(...prices);
  if (prices.every((price) => price === lowest)) return money(lowest, currency);
  return lowest === 0 ? "Free and up" : `From ${money(lowest, currency)}`;
}
