/** What of a sale's definition stays as it was once it is published. Pure. */
import type { Sale } from "./sale.ts";

/** As JSON pointers; `*` is any item. No item is added or taken away either, nor slots as a whole. */
export const keptOncePublished: readonly string[] = [
  "/lobby",
  "/identity",
  "/slots/count",
  "/slots/allocation",
  "/items/*/sku",
  "/items/*/stock",
];

/** Where another definition has it otherwise. */
export function fixedIn(before: Sale, after: Sale): { pointer: string; detail: string }[] {
  const errors: { pointer: string; detail: string }[] = [];
  const keeps = (pointer: string, is: boolean, detail = "stays as it was once a sale is published") => {
    if (!is) errors.push({ pointer, detail });
  };
  keeps("/lobby", after.lobby === before.lobby);
  keeps("/identity", after.identity === before.identity);
  if (after.slots === undefined || before.slots === undefined) keeps("/slots", after.slots === before.slots);
  else {
    keeps("/slots/count", after.slots.count === before.slots.count);
    keeps("/slots/allocation", after.slots.allocation === before.slots.allocation);
  }
  const known = new Map(before.items.map((item) => [item.sku, item]));
  const same = known.size === after.items.length && after.items.every(({ sku }) => known.has(sku));
  keeps("/items", same, "none is added or taken away once a sale is published");
  after.items.forEach(({ sku, stock }, index) => {
    const was = known.get(sku)?.stock ?? stock;
    keeps(
      `/items/${index}/stock`,
      stock === was,
      `stays ${was} once a sale is published; a top-up adds to it`,
    );
  });
  return errors;
}
