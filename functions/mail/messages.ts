/**
 * What each kind of e-mail says, from its facts and the sale. Pure but for the signing of its links, which is done here so
 * that no token stands in the database. Times are UTC, because nobody knows where the reader is.
 */
import { moneyText } from "../../domain/currency.ts";
import { saleTimes } from "../../domain/phase.ts";
import type { Sale } from "../../domain/sale.ts";
import type { Claims, TokenKeys } from "../../domain/token.ts";
import type { DataOf, Email } from "./kinds.ts";
import { htmlOf, paragraph, textOf, type Block, type Content } from "./layout.ts";

export interface Message {
  subject: string;
  text: string;
  html: string;
  /** Where the reader takes the registration back, if there is one. */
  unregister?: string;
}

/** @throws Error when the sale or the shop's address does not fit the kind: then there is nothing to say */
export async function messageOf(email: Email, sale: Sale, sign: TokenKeys["sign"]): Promise<Message> {
  const { subject, title = subject, blocks } = await writtenOf(email, sale, sign);
  const unregister =
    "shopper" in email.data
      ? await link(email.data.shop, sale, "unregister", sign, {
          kind: "cancellation",
          sale: sale.id,
          shopper: email.data.shopper,
        })
      : undefined;
  const note = sale.emails?.note === undefined ? [] : [paragraph(sale.emails.note)];
  const content: Content = {
    title,
    blocks: [...blocks, ...note],
    footer:
      unregister === undefined
        ? []
        : [
            paragraph(`You get this because this address was given for “${sale.name}”.`),
            { is: "link", label: "Unregister this address", url: unregister },
          ],
  };
  return {
    subject: oneLine(subject),
    text: textOf(content),
    html: await htmlOf(content),
    ...(unregister === undefined ? {} : { unregister }),
  };
}

interface Written {
  subject: string;
  /** The heading; the subject when not said. */
  title?: string;
  blocks: Block[];
}

async function writtenOf(email: Email, sale: Sale, sign: TokenKeys["sign"]): Promise<Written> {
  switch (email.kind) {
    case "confirm":
      return await confirm(email.data, sale, sign);
    case "slot":
      return await slot(email.data, sale, sign);
    case "waiting":
      return waiting(email.data, sale);
    case "invited":
      return invited(email.data, sale);
    case "receipt":
      return receipt(email.data, sale);
    case "too_late":
      return tooLate(email.data, sale);
    case "cancelled":
      return cancelled(email.data, sale);
    case "text":
      return {
        subject: email.data.subject,
        blocks: email.data.body.split(/\n{2,}/).map((text) => paragraph(text.trim())),
      };
  }
}

async function confirm(data: DataOf<"confirm">, sale: Sale, sign: TokenKeys["sign"]): Promise<Written> {
  const { shopper, shop, link: id, expiresAtMs, invited: isInvited } = data;
  const url = await link(shop, sale, "confirm", sign, {
    kind: "confirmation",
    sale: sale.id,
    shopper,
    id,
    expiresAtMs,
  });
  return {
    subject: `Confirm your address for ${sale.name}`,
    title: "Confirm your address",
    blocks: [
      paragraph(
        isInvited
          ? `The shop wants you to take part in “${sale.name}”, with this address.`
          : `Somebody, most likely you, wants to take part in “${sale.name}” with this address.`,
      ),
      paragraph(
        `If you want that, open this page and confirm. The link can be used once, until ${time(expiresAtMs)}.`,
      ),
      { is: "button", label: "Confirm this address", url },
      paragraph("If you do not, do nothing: without it nothing happens."),
    ],
  };
}

async function slot(
  { shopper, shop }: DataOf<"slot">,
  sale: Sale,
  sign: TokenKeys["sign"],
): Promise<Written> {
  const { claimUntil } = slotsOf(sale);
  const url = await link(shop, sale, "slot", sign, { kind: "slot", sale: sale.id, shopper });
  return {
    subject: `Your unit is set aside: ${sale.name}`,
    title: "Your unit is set aside",
    blocks: [
      paragraph(`“${sale.name}” opens on ${time(sale.opensAt)}, and one unit is set aside for you.`),
      paragraph(`From then until ${time(claimUntil)} this link lets you in past the line.`),
      { is: "button", label: "Go to your unit", url },
      paragraph("Keep the link to yourself: it lets in one person, once."),
      paragraph(
        `What is not taken by ${time(claimUntil)} goes on sale for everybody. After that you can still buy ` +
          "like everybody else, in the line, while there is something left.",
      ),
    ],
  };
}

function waiting({ shop, number, registered }: DataOf<"waiting">, sale: Sale): Written {
  const { slots } = sale;
  const stock = sale.items.reduce((sum, item) => sum + item.stock, 0);
  const about =
    slots === undefined
      ? [`You are number ${number} of ${registered} people who registered for “${sale.name}”.`]
      : [
          `You registered for “${sale.name}”, and no unit is set aside for you.`,
          `${units(slots.count)} set aside for ${people(registered)} who registered: that is ` +
            `${chanceText(slots.count, registered)}. ` +
            (slots.allocation === "draw"
              ? `They were drawn; you are number ${number} of the draw.`
              : `They went by the order of confirmation, in which you are number ${number}.`),
        ];
  const inLine = Math.max(0, stock - (slots?.count ?? 0));
  return {
    subject: `${slots === undefined ? "You are registered" : "No unit is set aside for you"}: ${sale.name}`,
    title: slots === undefined ? "You are registered" : "No unit is set aside for you",
    blocks: [
      ...about.map(paragraph),
      paragraph(
        `You can still buy: ${inLine} of ${stock} are sold in the line` +
          (slots === undefined ? "." : `, and so is what others do not take by ${time(slots.claimUntil)}.`),
      ),
      whenItOpens(sale),
      { is: "button", label: "Go to the sale", url: saleLink(shop, sale) },
    ],
  };
}

function invited({ shop, status }: DataOf<"invited">, sale: Sale): Written {
  const about =
    status === "slot"
      ? `One unit is set aside for you until ${time(slotsOf(sale).claimUntil)}. You get the link to it by e-mail ` +
        "before the sale opens."
      : sale.slots?.allocation === "draw"
        ? `You take part in the draw of ${sale.slots.count} set aside, and are told how it ended.`
        : "No unit is set aside for you; you can buy in the line.";
  return {
    subject: `You are on the list: ${sale.name}`,
    title: "You are on the list",
    blocks: [
      paragraph(`The shop has put this address on the list of “${sale.name}”.`),
      paragraph(about),
      whenItOpens(sale),
      { is: "button", label: "Go to the sale", url: saleLink(shop, sale) },
    ],
  };
}

function receipt({ order, lines, total, currency }: DataOf<"receipt">, sale: Sale): Written {
  const names = new Map(sale.items.map((item) => [item.sku, item.name]));
  return {
    subject: `Your order: ${sale.name}`,
    blocks: [
      paragraph("Thank you. This is yours:"),
      {
        is: "facts",
        rows: [
          ...lines.map(({ sku, quantity, price }): [string, string] => [
            `${quantity} × ${names.get(sku) ?? sku}`,
            moneyText(quantity * price, currency),
          ]),
          ["Total", moneyText(total, currency)],
        ],
      },
      paragraph(`Order ${order}`),
    ],
  };
}

function tooLate({ reservation, total, currency }: DataOf<"too_late">, sale: Sale): Written {
  return {
    subject: `Not charged: ${sale.name}`,
    blocks: [
      paragraph(
        "Your payment came after the time for your reservation had run out, and by then everything was taken.",
      ),
      paragraph(
        `You were not charged: the authorisation of ${moneyText(total, currency)} was given up. ` +
          "Your bank may show it for a few days.",
      ),
      paragraph(`Reservation ${reservation}`),
    ],
  };
}

function cancelled({ order, total, currency }: DataOf<"cancelled">, sale: Sale): Written {
  return {
    subject: `Cancelled: ${sale.name}`,
    blocks: [
      paragraph("We are sorry: your order could not be kept, because of a mistake on our side."),
      paragraph(`All of your payment of ${moneyText(total, currency)} goes back to where it came from.`),
      paragraph(`Order ${order}`),
    ],
  };
}

function whenItOpens(sale: Sale): Block {
  const { lobbyOpensAtMs } = saleTimes(sale);
  return {
    is: "facts",
    rows: [
      ["The line takes people from", time(lobbyOpensAtMs)],
      ["The sale opens", time(sale.opensAt)],
      ["It ends", time(sale.closesAt)],
    ],
  };
}

function slotsOf(sale: Sale): NonNullable<Sale["slots"]> {
  if (sale.slots === undefined) throw new Error("the sale sets nothing aside");
  return sale.slots;
}

const units = (count: number) => (count === 1 ? "1 unit is" : `${count} units are`);
const people = (count: number) => (count === 1 ? "the one person" : `the ${count} people`);

/** One of so many, rounded to what can be grasped; never to certainty. */
function chanceText(count: number, registered: number): string {
  if (count >= registered) return "one for each";
  const inHundred = Math.min(99, Math.round((100 * count) / registered));
  return inHundred >= 1 ? `${inHundred} for each hundred` : "less than one for each hundred";
}

const moment = new Intl.DateTimeFormat("en-GB", {
  weekday: "long",
  day: "numeric",
  month: "long",
  year: "numeric",
  hour: "2-digit",
  minute: "2-digit",
  hourCycle: "h23",
  timeZone: "UTC",
});

/** Such as Tuesday 1 December 2026, 10:00 UTC. Put together here, because its commas differ from engine to engine. */
function time(at: string | number): string {
  const parts = moment.formatToParts(new Date(at));
  const part = (type: string) => parts.find((one) => one.type === type)?.value ?? "";
  const date = ["weekday", "day", "month", "year"].map(part).join(" ");
  return `${date}, ${part("hour")}:${part("minute")} UTC`;
}

const saleLink = (shop: string, sale: Sale) => `${secured(shop)}/sales/${sale.id}`;

async function link(
  shop: string,
  sale: Sale,
  page: "confirm" | "slot" | "unregister",
  sign: TokenKeys["sign"],
  claims: Claims,
): Promise<string> {
  return `${saleLink(shop, sale)}/${page}?token=${await sign(claims)}`;
}

/** A shop that was once asked over http has its tokens in no link without TLS; but for one on the reader's own machine. */
function secured(shop: string): string {
  const url = new URL(shop);
  if (!/^(localhost|127\.0\.0\.1|\[::1\])$/.test(url.hostname)) url.protocol = "https:";
  return url.origin;
}

/** A line of a header. */
const oneLine = (text: string) => text.replace(/[\s\p{Cc}]+/gu, " ").trim();
