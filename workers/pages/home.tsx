/** All sales. Cached and the same for everybody. */
import type { PublicSale } from "../../domain/api.ts";
import { page } from "./layout.tsx";
import { salePath } from "./paths.ts";
import { Poster } from "./product.tsx";
import type { Speech } from "./speech.ts";

export function homePage(say: Speech, sales: PublicSale[]): string {
  const { m } = say;
  return page({
    say,
    path: "/",
    title: "Flash Sale",
    description: m.releasesMore,
    children: (
      <>
        <h1 class="title">{sales.length === 0 ? m.noReleases : m.releases}</h1>
        <p class="lead">{sales.length === 0 ? m.noReleasesMore : m.releasesMore}</p>
        <ul class="sales">
          {sales.map((sale) => (
            <li>
              <a class="tile" href={salePath(say, sale.id)}>
                <Poster sale={sale} />
                <span class="tile-text">
                  <span class={`tag tag-${sale.phase}`}>{m.tags[sale.phase]}</span>
                  <span class="tile-name">{sale.name}</span>
                  <span class="quiet">
                    {priceFrom(say, sale)} · <time datetime={sale.opensAt}>{say.utc(sale.opensAt)}</time>
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

function priceFrom({ m, price }: Speech, { items, currency }: PublicSale): string {
  const prices = items.map((item) => item.price);
  const lowest = Math.min(...prices);
  if (prices.every((one) => one === lowest)) return price(lowest, currency);
  return lowest === 0 ? m.freeAndUp : m.priceFrom(price(lowest, currency));
}
