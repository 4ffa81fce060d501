/** workers/console/definition.ts: a sale goes through the editor's form and comes out as it was. */
import { expect, test } from "vitest";
import { saleSchema } from "../../domain/sale.ts";
import { compacted, definitionOf, valuesOf } from "../../workers/console/definition.ts";

/** With every field that a definition may have. */
const whole = {
  id: "spring",
  name: "Spring drop",
  description: "One paragraph.\n\nAnother.",
  image: "/shoe.jpg",
  images: [
    { src: "/side.jpg", alt: "The shoe from the side" },
    { src: "/sole.jpg", alt: "" },
  ],
  currency: "EUR",
  registrationOpensAt: "2026-11-30T10:00:00.000Z",
  registrationClosesAt: "2026-11-30T20:00:00.000Z",
  opensAt: "2026-12-01T10:00:00.000Z",
  closesAt: "2026-12-01T12:00:00.000Z",
  items: [
    { sku: "S", name: "Small", stock: 5, price: 4900, limit: 1 },
    { sku: "M", name: "Medium", stock: 7, price: 0, limit: 2, image: "/m.jpg" },
  ],
  slots: { count: 3, allocation: "draw", claimUntil: "2026-12-01T10:30:00.000Z" },
  emails: { from: "Shop <shop@example.com>", replyTo: "help@example.com", note: "Bring a bag." },
  keepAddressesDays: 7,
  lobby: "draw",
  identity: "registered",
  releaseSize: 10,
  releaseEverySeconds: 3,
  capacity: 20,
  joinShards: 0,
  passSeconds: 60,
  holdSeconds: 90,
  allowedOrigins: ["https://shop.example"],
};

test("the sale it is tried with has every field there is", () => {
  expect(Object.keys(whole).sort()).toEqual(Object.keys(saleSchema.shape).sort());
  expect(saleSchema.safeParse(whole).error).toBeUndefined();
});

test.each(["UTC", "Europe/Berlin", "Pacific/Chatham"])(
  "nothing is lost in the form, by the clock of %s",
  (zone) => {
    expect(saleSchema.parse(definitionOf(compacted(valuesOf(whole, zone))))).toEqual(saleSchema.parse(whole));
  },
);
