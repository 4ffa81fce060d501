/** What each kind of e-mail says: the same in both parts, escaped, with the links that belong to it, for one reader. */
import { describe, expect, test } from "vitest";
import { saleSchema, type Sale, type SaleInput } from "../../domain/sale.ts";
import { tokenKeys } from "../../domain/token.ts";
import { emailSchema, type Email } from "../../functions/mail/kinds.ts";
import { messageOf } from "../../functions/mail/messages.ts";

const keys = tokenKeys(`t:${"secret-".repeat(6)}`);
const shop = "https://shop.example";
const shopper = "s".repeat(16);
const who = { shopper, shop };

const saleOf = (changes: Partial<SaleInput> = {}): Sale =>
  saleSchema.parse({
    id: "spring",
    name: "Spring drop",
    currency: "EUR",
    registrationOpensAt: "2026-11-30T10:00:00Z",
    registrationClosesAt: "2026-12-01T09:00:00Z",
    opensAt: "2026-12-01T10:00:00Z",
    closesAt: "2026-12-01T12:00:00Z",
    items: [{ sku: "m", name: "Medium", stock: 100, price: 4900, limit: 2 }],
    slots: { count: 20, claimUntil: "2026-12-01T10:15:00Z" },
    ...changes,
  });

const withoutSlots = () => {
  const sale = saleOf();
  delete sale.slots;
  return sale;
};

const emails = {
  confirm: {
    ...who,
    link: "0c9d2f7e-5a70-4c5a-9d4e-3b2f6b1c7a10",
    expiresAtMs: Date.parse("2026-12-01T08:00:00Z"),
  },
  slot: who,
  waiting: { ...who, number: 230, registered: 400 },
  invited: { ...who, status: "slot" },
  receipt: { order: "o-1", lines: [{ sku: "m", quantity: 2, price: 4900 }], total: 9800, currency: "EUR" },
  too_late: { reservation: "r-1", total: 4900, currency: "EUR" },
  cancelled: { order: "o-1", total: 4900, currency: "EUR" },
  text: { subject: "As it was", body: "One.\n\nTwo." },
} as const;
type Kind = keyof typeof emails;
const kinds = Object.keys(emails) as Kind[];
const emailOf = (kind: Kind, data: object = emails[kind]): Email => emailSchema.parse({ kind, data });
const written = (kind: Kind, sale: Sale = saleOf(), data?: object) =>
  messageOf(emailOf(kind, data), sale, keys.sign);

/** What a reader of the HTML reads, by a parser of its own: tags and style gone, entities read. */
function readHtml(html: string): string {
  const entities: Record<string, string> = { lt: "<", gt: ">", quot: '"', "#39": "'", amp: "&" };
  return html
    .replace(/^[\s\S]*<body[^>]*>/, "")
    .replace(/<[^>]*>/g, " ")
    .replace(/&(lt|gt|quot|#39|amp);/g, (_, name: string) => entities[name] ?? "")
    .replace(/\s+/g, " ")
    .trim();
}
/** What a reader of the text reads, but for addresses, which are behind the words of the HTML, and marks of layout. */
const readText = (text: string) =>
  text
    .replace(/:\nhttps?:\S+/g, "")
    .replace(/^-- $/m, "")
    .replace(/\s+/g, " ")
    .trim();
/** Names of facts have colons in text, and a line of their own in HTML. */
const colonless = (words: string) => words.replaceAll(":", "");
const hrefs = (html: string) =>
  [...html.matchAll(/href="([^"]*)"/g)].map(([, url = ""]) => url.replaceAll("&amp;", "&"));
const urls = (text: string) => text.match(/https?:\/\/\S+/g) ?? [];

describe.each(kinds)("%s", (kind) => {
  test("says the same in text and in HTML, with the same links in the same order", async () => {
    const { text, html } = await written(kind, saleOf({ emails: { note: "Doors at ten.\nBring a coat." } }));
    expect(colonless(readHtml(html))).toBe(colonless(readText(text)));
    expect(hrefs(html)).toEqual(urls(text));
    expect(text).toContain("Doors at ten.\nBring a coat.");
  });

  test("nothing that the shop or the data says becomes markup or a header line", async () => {
    const evil = `<script>alert("1")</script>&amp;\r\nBcc: all`;
    const sale = saleOf({
      name: evil,
      items: [{ sku: "m", name: evil, stock: 100, price: 4900 }],
      emails: { note: evil },
    });
    const data = kind === "text" ? { subject: evil, body: evil } : undefined;
    const { subject, text, html } = await written(kind, sale, data);
    expect(html).not.toMatch(/<script/i);
    expect(html).toContain("&lt;script&gt;");
    expect(readHtml(html)).toContain(evil.replace(/\s+/g, " "));
    expect(text).toContain("<script>");
    expect(subject).not.toMatch(/[\r\n]/);
  });

  test("is a page that any reader can read: its language, one heading, one thing to do, nothing fetched", async () => {
    const { html } = await written(kind);
    expect(html).toMatch(/^<!doctype html>\s*<html lang="en">/);
    expect(html).toContain('<meta name="color-scheme" content="light dark" />');
    expect(html.match(/<h1/g)).toHaveLength(1);
    expect(html.match(/background:#1d4ed8;color:#ffffff/g)?.length ?? 0).toBeLessThanOrEqual(1);
    expect(html).not.toMatch(/<(img|table|script|link|iframe)|url\(|src=/);
  });
});

test("white on the button's blue has a contrast of 4.5 : 1 and more", () => {
  const linear = (hex: string) => {
    const c = parseInt(hex, 16) / 255;
    return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
  };
  const blue = 0.2126 * linear("1d") + 0.7152 * linear("4e") + 0.0722 * linear("d8");
  expect(1.05 / (blue + 0.05)).toBeGreaterThan(6.6);
});

describe("links", () => {
  const linkTo = async (kind: Kind, page: string) => {
    const { text } = await written(kind);
    return urls(text)
      .map((url) => new URL(url))
      .find(({ pathname }) => pathname === `/sales/spring${page}`);
  };
  const token = (url: URL | undefined) => url?.searchParams.get("token") ?? "";

  test("a confirmation's works for this person, sale and link, as long as it says", async () => {
    const claims = await keys.verify("confirmation", token(await linkTo("confirm", "/confirm")));
    const { link: id, expiresAtMs } = emails.confirm;
    expect(claims).toEqual({ kind: "confirmation", sale: "spring", shopper, id, expiresAtMs });
    expect((await written("confirm")).text).toContain("until Tuesday 1 December 2026, 08:00 UTC");
    expect(urls((await written("confirm")).text)[0]).toContain("/confirm?token=");
  });

  test("a slot's works for this person and sale", async () => {
    const claims = await keys.verify("slot", token(await linkTo("slot", "/slot")));
    expect(claims).toEqual({ kind: "slot", sale: "spring", shopper });
  });

  test.each(["confirm", "slot", "waiting", "invited"] as const)(
    "%s can be unregistered from",
    async (kind) => {
      const link = await linkTo(kind, "/unregister");
      expect(await keys.verify("cancellation", token(link))).toEqual({
        kind: "cancellation",
        sale: "spring",
        shopper,
      });
      expect((await written(kind)).unregister).toBe(link?.href);
    },
  );

  test.each(["receipt", "too_late", "cancelled", "text"] as const)("%s has none", async (kind) => {
    const { text, unregister } = await written(kind);
    expect([urls(text), unregister]).toEqual([[], undefined]);
  });

  test("they are https, but on the reader's own machine", async () => {
    const first = async (address: string) =>
      urls((await written("slot", saleOf(), { shopper, shop: address })).text)[0];
    expect(await first("http://shop.example")).toMatch(/^https:\/\/shop\.example\/sales/);
    expect(await first("http://127.0.0.1:8787")).toMatch(/^http:\/\/127\.0\.0\.1:8787\/sales/);
  });
});

describe("what it tells", () => {
  test("a slot: when the sale opens, until when the unit is kept, and what then", async () => {
    const { subject, text } = await written("slot");
    expect(subject).toBe("Your unit is set aside: Spring drop");
    expect(text).toContain("opens on Tuesday 1 December 2026, 10:00 UTC");
    expect(text).toContain(
      "What is not taken by Tuesday 1 December 2026, 10:15 UTC goes on sale for everybody.",
    );
  });

  test.each([
    [20, 400, "20 units are set aside for the 400 people who registered: that is 5 for each hundred."],
    [
      1,
      400,
      "1 unit is set aside for the 400 people who registered: that is less than one for each hundred.",
    ],
    [399, 400, "that is 99 for each hundred."],
    [20, 20, "that is one for each."],
  ])("waiting: the chances as they are, %i of %i", async (count, registered, words) => {
    const sale = saleOf({
      items: [{ sku: "m", name: "Medium", stock: 1000, price: 4900 }],
      slots: { count, claimUntil: "2026-12-01T10:15:00Z" },
    });
    const { text } = await written("waiting", sale, { ...who, number: 7, registered });
    expect(text).toContain(words);
    expect(text).toContain("They went by the order of confirmation, in which you are number 7.");
    expect(text).toContain(`You can still buy: ${1000 - count} of 1000 are sold in the line`);
    expect(text).toContain("The line takes people from: Tuesday 1 December 2026, 09:00 UTC");
  });

  test("waiting: a draw is called a draw; where nothing is set aside nothing is said of it", async () => {
    const drawn = saleOf({ slots: { count: 20, allocation: "draw", claimUntil: "2026-12-01T10:15:00Z" } });
    expect((await written("waiting", drawn)).text).toContain(
      "They were drawn; you are number 230 of the draw.",
    );
    const { text } = await written("waiting", withoutSlots());
    expect(text).toContain("You are number 230 of 400 people who registered");
    expect(text).not.toContain("set aside");
  });

  test("invited: by the shop, with or without a unit, or into the draw", async () => {
    const told = async (status: string, sale = saleOf()) =>
      (await written("invited", sale, { ...who, status })).text;
    expect(await told("slot")).toContain(
      "One unit is set aside for you until Tuesday 1 December 2026, 10:15 UTC.",
    );
    expect(await told("waiting")).toContain("No unit is set aside for you; you can buy in the line.");
    const drawn = saleOf({ slots: { count: 20, allocation: "draw", claimUntil: "2026-12-01T10:15:00Z" } });
    expect(await told("waiting", drawn)).toContain("You take part in the draw of 20 set aside");
    const { text } = await written("confirm", saleOf(), { ...emails.confirm, invited: true });
    expect(text).toContain("The shop wants you to take part in “Spring drop”");
  });

  test("a receipt: what was bought, by its name, in the currency's own way", async () => {
    const { subject, text } = await written("receipt");
    expect(subject).toBe("Your order: Spring drop");
    expect(text).toContain("2 × Medium: €98.00\nTotal: €98.00");
    expect(text).toContain("Order o-1");
    const yen = { ...emails.receipt, total: 500, currency: "JPY" };
    expect((await written("receipt", saleOf(), yen)).text).toContain("Total: ¥500");
  });

  test("too late: that nothing was charged", async () => {
    const { subject, text } = await written("too_late");
    expect(subject).toBe("Not charged: Spring drop");
    expect(text).toContain("the authorisation of €49.00 was given up");
    expect(text).toContain("Reservation r-1");
  });

  test("a slot of a sale that sets nothing aside is no e-mail", async () => {
    await expect(written("slot", withoutSlots())).rejects.toThrow("sets nothing aside");
  });
});
