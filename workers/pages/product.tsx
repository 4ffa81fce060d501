/** What is sold: the half of a sale's page that the cached and the personal page share. */
import type { Child } from "hono/jsx";
import type { PublicSale, Pulse } from "../../domain/api.ts";
import { money } from "./format.ts";

/** The sale's picture, or a poster made of its first letter. */
export function Poster({ sale }: { sale: Pick<PublicSale, "name" | "image"> }) {
  return sale.image === undefined ? (
    <span class="poster" aria-hidden="true">
      {String.fromCodePoint(sale.name.codePointAt(0) ?? 0x2605)}
    </span>
  ) : (
    <img class="poster" src={sale.image} alt="" width="1200" height="900" />
  );
}

interface Product {
  sale: PublicSale;
  left?: Pulse["items"];
  /** The card with what the shopper can do. */
  children: Child;
}

export function Product({ sale, left = [], children }: Product) {
  const none = new Set(left.filter((item) => item.left === "none").map(({ sku }) => sku));
  return (
    <article class="sale">
      <div class="sale-poster">
        <Poster sale={sale} />
      </div>
      <div class="sale-head">
        <h1 class="title">{sale.name}</h1>
        {sale.description
          .split(/\n\s*\n/)
          .filter((paragraph) => paragraph !== "")
          .map((paragraph) => (
            <p class="lead">{paragraph}</p>
          ))}
      </div>
      {children}
      <ul class="items" aria-label="Items">
        {sale.items.map((item) => (
          <li data-sku={item.sku}>
            <span class="item-name">
              {item.name}
              <span class="quiet">
                {item.limit === 1 ? "One per person" : `Up to ${item.limit} per person`}
              </span>
            </span>
            <span class="left">{none.has(item.sku) ? "Sold out" : ""}</span>
            <span class="price">{money(item.price, sale.currency)}</span>
          </li>
        ))}
      </ul>
    </article>
  );
}
