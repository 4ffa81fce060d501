/**
 * A sale's definition as the fields of a form, and back. What a field says is not judged here: it goes to the API as it is, whose
 * schema points at what is wrong. Pure.
 */
import { amountOf, amountText } from "../../domain/currency.ts";
import { instantOf, isZone, localTime } from "./zone.ts";

/** Of the form, by name; items are `items.0.sku`, …. */
export type Values = Record<string, string>;

const texts = ["id", "name", "image", "currency", "identity", "lobby"];
const numbers = [
  "keepAddressesDays",
  "releaseSize",
  "releaseEverySeconds",
  "capacity",
  "joinShards",
  "passSeconds",
  "holdSeconds",
];
const times = ["registrationOpensAt", "registrationClosesAt", "opensAt", "closesAt"];
/** By the clock of the form's zone. */
export const timeFields: readonly string[] = [...times, "slots.claimUntil"];
export const itemFields = ["sku", "name", "stock", "price", "limit", "image"] as const;
const emailFields = ["from", "replyTo", "note"];
/** As many as a sale may have. */
const ITEMS_MAX = 100;

/** What a form that was sent says. A row of items without anything in it is none. */
export function definitionOf(values: Values): Record<string, unknown> {
  const text = (name: string) => values[name]?.trim() ?? "";
  const whole = (name: string) => (/^-?\d{1,15}$/.test(text(name)) ? Number(text(name)) : text(name));
  const time = (name: string) => instantOf(text(name), zoneOf(values)) ?? text(name);
  const price = (name: string) => amountOf(text(name), text("currency")) ?? text(name);
  const each = (names: string[], value: (name: string) => unknown, group = "") =>
    filled(Object.fromEntries(names.map((name) => [name, value(group + name)])));

  const items = rowsOf(values).map((row) => {
    const at = (field: string) => `items.${row}.${field}`;
    const fields = { sku: text(at("sku")), name: text(at("name")), stock: whole(at("stock")) };
    const rest = filled({ limit: whole(at("limit")), image: text(at("image")) });
    return { ...fields, price: price(at("price")), ...rest };
  });
  const images = text("images")
    .split("\n")
    .map(pictureOf)
    .filter(({ src }) => src !== "");
  const emails = each(emailFields, text, "emails.");
  const slots = { ...each(["count"], whole, "slots."), ...each(["claimUntil"], time, "slots.") };
  const hasSlots = Object.keys(slots).length > 0;
  return {
    ...each(texts, text),
    // These have to say something: an empty one is wrong, not left out.
    ...{ id: text("id"), name: text("name"), currency: text("currency") },
    ...each(times, time),
    ...each(numbers, whole),
    description: text("description"),
    items,
    ...(images.length > 0 ? { images } : {}),
    allowedOrigins: text("allowedOrigins").split(/\s+/).filter(Boolean),
    ...(Object.keys(emails).length > 0 ? { emails } : {}),
    ...(hasSlots ? { slots: { ...slots, ...each(["allocation"], text, "slots.") } } : {}),
  };
}

/** By whose clock its times are typed; UTC where that is no zone. */
export const zoneOf = ({ zone = "UTC" }: Values): string => (isZone(zone) ? zone : "UTC");

/** A line of the pictures: a path, and after a space what is seen on it. */
function pictureOf(line: string): { src: string; alt: string } {
  const [src = "", ...words] = line.trim().split(/\s+/);
  return { src, alt: words.join(" ") };
}

/** Those fields that say something. */
const filled = (fields: Record<string, unknown>): Record<string, unknown> =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== ""));

/** Rows that something is in. */
function rowsOf(values: Values): number[] {
  const has = (row: number) =>
    ["sku", "name", "stock"].some((field) => (values[`items.${row}.${field}`] ?? "").trim());
  return Array.from({ length: ITEMS_MAX + 10 }, (_, row) => row).filter(has);
}

/** The form of a definition, whatever it is: a file may say anything. Times by the clock of `zone`. */
export function valuesOf(definition: Record<string, unknown>, zone: string): Values {
  const values: Values = { zone };
  const currency = textOf(definition["currency"]);
  const time = (value: unknown) => (isInstant(value) ? localTime(value, zone) : textOf(value));
  for (const name of [...texts, ...numbers, "description"]) values[name] = textOf(definition[name]);
  for (const name of times) values[name] = time(definition[name]);
  const slots = recordOf(definition["slots"]);
  for (const name of ["count", "allocation"]) values[`slots.${name}`] = textOf(slots[name]);
  values["slots.claimUntil"] = time(slots["claimUntil"]);
  const emails = recordOf(definition["emails"]);
  for (const name of emailFields) values[`emails.${name}`] = textOf(emails[name]);
  const origins = definition["allowedOrigins"];
  values["allowedOrigins"] = Array.isArray(origins) ? origins.map(textOf).join("\n") : "";
  const images: unknown[] = Array.isArray(definition["images"]) ? definition["images"] : [];
  values["images"] = images
    .map(recordOf)
    .map(({ src, alt }) => `${textOf(src)} ${textOf(alt)}`.trim())
    .join("\n");
  const items: unknown[] = Array.isArray(definition["items"]) ? definition["items"] : [];
  items.slice(0, ITEMS_MAX).forEach((item, row) => {
    const fields = recordOf(item);
    for (const field of itemFields) values[`items.${row}.${field}`] = textOf(fields[field]);
    const price = fields["price"];
    if (typeof price === "number") values[`items.${row}.price`] = amountText(price, currency);
  });
  return values;
}

/** The same values with their rows of items moved together, as the API counts them. */
export function compacted(values: Values): Values {
  const rest = Object.entries(values).filter(([name]) => !name.startsWith("items."));
  const items = rowsOf(values).flatMap((row, index) =>
    itemFields.map((field) => [`items.${index}.${field}`, values[`items.${row}.${field}`] ?? ""] as const),
  );
  return Object.fromEntries([...rest, ...items]);
}

export const itemsIn = (values: Values): number => rowsOf(values).length;

/** Another sale like this one: without its id, and as many days later as it takes to be yet to come. */
export function copyOf(definition: Record<string, unknown>, nowMs: number): Record<string, unknown> {
  const opensAtMs = Date.parse(textOf(definition["opensAt"]));
  const laterMs = Math.max(0, Math.ceil((nowMs - opensAtMs) / DAY_MS)) * DAY_MS;
  const moved = (value: unknown) =>
    isInstant(value) ? new Date(Date.parse(value) + laterMs).toISOString() : value;
  const slots = recordOf(definition["slots"]);
  return {
    ...definition,
    ...Object.fromEntries(times.map((name) => [name, moved(definition[name])])),
    ...(definition["slots"] === undefined
      ? {}
      : { slots: { ...slots, claimUntil: moved(slots["claimUntil"]) } }),
    id: "",
  };
}

const DAY_MS = 86_400_000;

const isInstant = (value: unknown): value is string =>
  typeof value === "string" && !Number.isNaN(Date.parse(value));

const textOf = (value: unknown): string =>
  typeof value === "string" || typeof value === "number" ? String(value) : "";

export const recordOf = (value: unknown): Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value) ? { ...value } : {};
