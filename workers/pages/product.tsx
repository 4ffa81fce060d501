/** What is sold: the half of a sale's page that the cached and the personal page share. */
import type { Child } from "hono/jsx";
import type { PublicSale, Pulse } from "../../domain/api.ts";
import type { Speech } from "./speech.ts";

type Pictured = Pick<PublicSale, "name" | "image" | "images">;

/** The sale's pictures: `images`, or the one `image`, which says no more than the name does. */
export const picturesOf = ({ image, images = [] }: Pictured) =>
  images.length > 0 || image === undefined ? images : [{ src: image, alt: "" }];

/** The first picture, or a poster made of the first letter. */
export function Poster({ sale }: { sale: Pictured }) {
  const [first] = picturesOf(sale);
  return first === undefined ? (
    <span class="poster" aria-hidden="true">
      {String.fromCodePoint(sale.name.codePointAt(0) ?? 0x2605)}
    </span>
  ) : (
    <img class="poster" src={first.src} alt={first.alt} width="1200" height="900" />
  );
}

/** All pictures side by side: they slide under a finger, by the arrow keys, or by the links below. */
function Pictures({ sale, say: { m } }: { sale: Pictured; say: Speech }) {
  const pictures = picturesOf(sale);
  if (pictures.length < 2) return <Poster sale={sale} />;
  return (
    <>
      <div class="strip" tabindex={0} role="group" aria-label={m.pictures}>
        {pictures.map(({ src, alt }, i) => (
          <img
            class="poster"
            id={`picture-${i + 1}`}
            src={src}
            alt={alt}
            width="1200"
            height="900"
            loading={i === 0 ? "eager" : "lazy"}
          />
        ))}
      </div>
      <p class="thumbs">
        {pictures.map(({ src }, i) => (
          <a href={`#picture-${i + 1}`} aria-label={m.picture(i + 1)}>
            <img src={src} alt="" width="96" height="72" loading="lazy" />
          </a>
        ))}
      </p>
    </>
  );
}

interface Product {
  sale: PublicSale;
  say: Speech;
  left?: Pulse["items"];
  /** The card with what the shopper can do. */
  children: Child;
}

export function Product({ sale, say, left = [], children }: Product) {
  const { m } = say;
  const stock = new Map(left.map((item) => [item.sku, item.left]));
  return (
    <article class="sale">
      <div class="sale-poster">
        <Pictures sale={sale} say={say} />
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
      <ul class="items" aria-label={m.items}>
        {sale.items.map((item) => (
          <li data-sku={item.sku}>
            {item.image !== undefined && (
              <img class="thumb" src={item.image} alt="" width="112" height="112" loading="lazy" />
            )}
            <span class="item-name">
              {item.name}
              <span class="quiet">{m.perPerson(item.limit)}</span>
            </span>
            <span class="left">{m.itemLeft[stock.get(item.sku) ?? "many"]}</span>
            <span class="price">{say.price(item.price, sale.currency)}</span>
          </li>
        ))}
      </ul>
    </article>
  );
}
