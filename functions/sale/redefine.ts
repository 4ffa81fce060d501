/**
 * Changes of a published sale's definition: all of it until the line opens; after that, that it opens or closes now.
 *
 * Redis decides and changes first, because the sale goes by it; then Postgres writes it down. Where that fails the caller
 * is told so, and the same call again finds the change made and writes it down. Stock and the set of items are entries of
 * the ledger, and what people have registered for is promised to them: neither is changed here.
 */
import { z } from "zod";
import type { PublicSale } from "../../domain/api.ts";
import { fixedIn } from "../../domain/kept.ts";
import { refuse, type Refusal } from "../../domain/refusal.ts";
import { saleSchema, type Sale } from "../../domain/sale.ts";
import { tick } from "../queue/pulse.ts";
import { persist, runScript, type Script } from "../redis/client.ts";
import { saleKeys } from "../redis/keys.ts";
import type { Services } from "../services.ts";
import { Unavailable } from "../unavailable.ts";
import { limitsOf, timesOf } from "./publish.ts";
import redefineLua from "./redefine.lua";
import redefineSql from "./redefine.sql";
import { missing, readSale } from "./sale.ts";

const redefineWord = z.enum([
  "missing",
  "again",
  "sale_ended",
  "not_open",
  "line_open",
  "superseded",
  "redefined",
]);
export const redefineScript: Script<[z.output<typeof redefineWord>, number]> = {
  name: "redefine",
  source: redefineLua,
  reply: z.tuple([redefineWord, z.number()]),
};

type Change = "update" | "open" | "close";
type ChangeRefusal = Refusal<
  "not_found" | "on_hold" | "sale_ended" | "not_open" | "line_open" | "invalid_input" | "unavailable"
>;

/** So often it is read again when somebody else has changed it meanwhile. */
const ATTEMPTS = 5;

/** Puts another definition in the place of the one there is, until the line opens. */
export const updateSale = (
  services: Services,
  sale: Sale,
  reason: string,
): Promise<PublicSale | ChangeRefusal> =>
  redefine(services, sale.id, { change: "update", reason }, (before) => {
    const errors = fixedIn(before, sale);
    return errors.length > 0 ? refuse("invalid_input", { errors }) : sale;
  });

/** Opens a sale now, whenever it was to open. Repeating it changes nothing. */
export const openSale = (
  services: Services,
  saleId: string,
  reason: string,
): Promise<PublicSale | ChangeRefusal> =>
  redefine(services, saleId, { change: "open", reason }, (before, nowMs) => openedAt(before, nowMs));

/** Closes a sale that is open, now. Repeating it changes nothing; holds are completed or end as after any closing. */
export const closeSale = (
  services: Services,
  saleId: string,
  reason: string,
): Promise<PublicSale | ChangeRefusal> =>
  redefine(services, saleId, { change: "close", reason }, (before, nowMs) => closedAt(before, nowMs));

async function redefine(
  services: Services,
  saleId: string,
  { change, reason }: { change: Change; reason: string },
  next: (before: Sale, nowMs: number) => Sale | Refusal<"invalid_input">,
): Promise<PublicSale | ChangeRefusal> {
  for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
    // Redis' own time; and what is due until now goes by the definition until now.
    const state = await tick(services, saleId);
    const before = await readDefinition(services, saleId);
    if (state === undefined || before === undefined) return await missing(services, saleId);
    const sale = next(before.sale, state.nowMs);
    if ("refused" in sale) return sale;
    const word = await send(services, sale, change, before.text);
    switch (word) {
      case "missing":
        return await missing(services, saleId);
      case "sale_ended":
      case "line_open":
        return refuse(word);
      case "not_open":
        return refuse("not_open", { detail: "It has not opened; pause it, or give it other times." });
      case "superseded":
        continue;
      case "again":
      case "redefined":
        return await writeDown(services, saleId, change, reason);
    }
  }
  return refuse("unavailable", { detail: "Others are changing this sale at this moment." });
}

async function send(
  services: Services,
  sale: Sale,
  change: Change,
  before: string,
): Promise<z.output<typeof redefineWord>> {
  const isUpdate = change === "update";
  // What an operator has set for now is given up only for what an operator writes down anew.
  const rules = {
    ...timesOf(sale),
    ...(isUpdate ? { ...limitsOf(sale), releaseSize: sale.releaseSize } : {}),
  };
  const prices = isUpdate
    ? sale.items.flatMap(({ sku, price, limit }) => [`price:${sku}`, price, `limit:${sku}`, limit])
    : [];
  const fields = Object.entries(rules).flat();
  const keys = saleKeys(sale.id);
  const [word] = await runScript(
    services.redis,
    redefineScript,
    [keys.sale, keys.stock],
    ["", change, before, JSON.stringify(sale), fields.length, ...fields, ...prices],
  );
  return word;
}

/** Writes down what Redis has, which is what this call or the one it repeats has made of it. */
async function writeDown(
  services: Services,
  saleId: string,
  change: Change,
  reason: string,
): Promise<PublicSale | ChangeRefusal> {
  const now = await readDefinition(services, saleId);
  const sale = await readSale(services, saleId);
  if (now === undefined || sale === undefined) return await missing(services, saleId);
  try {
    await services.postgres(z.unknown(), redefineSql, [
      saleId,
      now.text,
      change,
      reason,
      change === "update",
      services.actor,
    ]);
  } catch (error) {
    if (!(error instanceof Unavailable)) throw error;
    return refuse("unavailable", { detail: "It is in force, but not written down yet: send it again." });
  }
  return sale;
}

/** @returns the definition this Redis goes by, as it is there too; undefined when it does not know the sale */
export async function readDefinition(
  services: Services,
  saleId: string,
): Promise<{ text: string; sale: Sale } | undefined> {
  const text = await persist("HGET", () => services.redis.hget<string>(saleKeys(saleId).sale, "definition"));
  return text === null ? undefined : { text, sale: saleSchema.parse(JSON.parse(text)) };
}

/** The same sale, open from `nowMs` on. Registration ends with opening, or does not begin. Pure. */
export function openedAt(sale: Sale, nowMs: number): Sale {
  const { registrationOpensAt, registrationClosesAt, ...rest } = sale;
  const now = new Date(nowMs).toISOString();
  const registered = registrationOpensAt !== undefined && registrationOpensAt < now;
  const ends = registrationClosesAt !== undefined && registrationClosesAt > now ? now : registrationClosesAt;
  return {
    ...rest,
    ...(registered ? { registrationOpensAt } : {}),
    ...(registered && ends !== undefined ? { registrationClosesAt: ends } : {}),
    opensAt: now,
  };
}

/** The same sale, closed from `nowMs` on, and its slots with it. Pure. */
export function closedAt(sale: Sale, nowMs: number): Sale {
  const closesAt = new Date(Math.max(nowMs, Date.parse(sale.opensAt) + 1)).toISOString();
  if (sale.slots === undefined || sale.slots.claimUntil <= closesAt) return { ...sale, closesAt };
  return { ...sale, closesAt, slots: { ...sale.slots, claimUntil: closesAt } };
}
