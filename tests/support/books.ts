/**
 * Everything Redis holds of a sale, read past the gateway, and the rules it must obey after every step (design §4.1,
 * §4.2). Written from the rules, not from the scripts: counters are compared with the records they stand for.
 */
import { z } from "zod";
import type { RawReply } from "../../dev/redis/gateway.ts";
import { slotsBySku, type Sale } from "../../domain/sale.ts";
import type { SaleKeys } from "../../functions/redis/keys.ts";
import { recordJson, type Record as Reservation } from "../../functions/reservation/record.ts";

export interface SaleState {
  definition: Sale;
  sale: Map<string, string>;
  stock: Map<string, string>;
  waitlist: Map<string, number>;
  lobby: Map<string, number>;
  /** shopper → number */
  released: Map<string, number>;
  inside: Map<string, number>;
  reservations: Map<string, Reservation>;
  shoppers: Map<string, string>;
  holds: Map<string, number>;
  /** shopper → what became of their slot */
  claims: Map<string, string>;
  outbox: Reservation[];
  /** sku → units that came from outside since the sale began. */
  toppedUp: Map<string, number>;
  /** Units that went to slots (more than none) or came from them. */
  slotMoves: { sku: string; units: number }[];
}

const slotMove = z
  .object({
    state: z.literal("moved"),
    from: z.enum(["slots", "available"]),
    changedAtMs: z.number(),
    lines: z.array(z.object({ sku: z.string(), quantity: z.number().positive() })),
  })
  .transform(({ from, lines }) =>
    lines.map(({ sku, quantity }) => ({ sku, units: from === "available" ? quantity : -quantity })),
  );

const topUpJson = z
  .string()
  .transform((text): unknown => JSON.parse(text))
  .pipe(
    z.object({
      state: z.literal("moved"),
      from: z.literal("supply"),
      lines: z.array(z.object({ sku: z.string(), quantity: z.number() })),
    }),
  );

type Command = (...args: (string | number)[]) => Promise<RawReply>;

export async function readState(command: Command, keys: SaleKeys, definition: Sale): Promise<SaleState> {
  const hash = async (key: string) => pairs(await command("HGETALL", key));
  const zset = async (key: string) => numbers(pairs(await command("ZRANGE", key, 0, -1, "WITHSCORES")));
  // All sent before the first answer, on one connection: nothing of this process comes in between.
  const [sale, stock, released, shoppers, records, claims, waitlist, lobby, inside, holds, entries] =
    await Promise.all([
      hash(keys.sale),
      hash(keys.stock),
      hash(keys.released),
      hash(keys.shoppers),
      hash(keys.reservations),
      hash(keys.claims),
      zset(keys.waitlist),
      zset(keys.lobby),
      zset(keys.inside),
      zset(keys.holds),
      command("XRANGE", keys.outbox, "-", "+"),
    ]);
  const events = list(entries).map((entry) => String(list(list(entry)[1] ?? [])[1]));
  const toppedUp = new Map<string, number>();
  for (const { lines } of events.flatMap((text) => topUpJson.safeParse(text).data ?? []))
    for (const { sku, quantity } of lines) toppedUp.set(sku, (toppedUp.get(sku) ?? 0) + quantity);
  return {
    definition,
    sale,
    stock,
    claims,
    waitlist,
    lobby,
    released: new Map([...released].map(([shopper, entry]) => [shopper, parseInt(entry)])),
    inside,
    reservations: new Map([...records].map(([id, text]) => [id, recordJson.parse(text)])),
    // How many calls somebody made this second is no part of the books.
    shoppers: new Map([...shoppers].filter(([field]) => !field.endsWith("/@"))),
    holds,
    outbox: events.filter((text) => !text.includes('"moved"')).map((text) => recordJson.parse(text)),
    slotMoves: events.filter(isSlotMove).flatMap((event) => slotMove.parse(JSON.parse(event))),
    toppedUp,
  };
}

const isSlotMove = (event: string) => /"(from|to)":"slots"/.test(event);

/** Units of a sku by the records in these states. */
export function unitsIn(state: SaleState, sku: string, states: string[], shopper?: string): number {
  const records = [...state.reservations.values()].filter(
    (record) => states.includes(record.state) && (shopper === undefined || record.shopper === shopper),
  );
  return unitsOf(records, sku);
}

const unitsOf = (records: Reservation[], sku: string) =>
  records
    .flatMap(({ lines }) => lines.filter((line) => line.sku === sku))
    .reduce((sum, line) => sum + line.quantity, 0);

/**
 * What does not add up.
 * @param restored the records that a rebuild brought back, by id: the outbox began after them
 * @param restoredSlots the units set aside that it brought back, by sku
 */
export function imbalances(
  state: SaleState,
  restored = new Map<string, Reservation>(),
  restoredSlots?: Map<string, number>,
): string[] {
  const { definition, sale, stock, shoppers, holds, outbox } = state;
  const faults: string[] = [];
  const equal = (what: string, is: number | string | undefined, expected: number | string | undefined) => {
    if (is !== expected) faults.push(`${what} is ${String(is)}, not ${String(expected)}`);
  };
  let [availableSum, slotSum, suppliedSum, returnedSum, unsold] = [0, 0, 0, 0, 0];
  for (const { sku, stock: first, limit } of definition.items) {
    const supplied = first + (state.toppedUp.get(sku) ?? 0);
    const [available = NaN, slots = NaN, held = NaN, confirmed = NaN] = [
      "available",
      "slots",
      "held",
      "confirmed",
    ].map((account) => Number(stock.get(`${account}:${sku}`)));
    equal(`stock:${sku}`, stock.get(`stock:${sku}`), String(supplied));
    equal(`the sum of ${sku}`, available + slots + held + confirmed, supplied);
    for (const [account, units] of Object.entries({ available, slots, held, confirmed }))
      if (!(units >= 0)) faults.push(`${account}:${sku} is ${units}`);
    equal(`held:${sku}`, held, unitsIn(state, sku, ["held"]));
    equal(`confirmed:${sku}`, confirmed, unitsIn(state, sku, ["confirmed"]));
    for (const shopper of new Set([...state.reservations.values()].map((record) => record.shopper))) {
      const units = unitsIn(state, sku, ["held", "confirmed"], shopper);
      equal(`${shopper}/${sku}`, Number(shoppers.get(`${shopper}/${sku}`) ?? 0), units);
      if (units > limit) faults.push(`${shopper} has ${units} of ${sku}`);
    }
    const back = outbox.filter(({ state: s }) => s === "released" || s === "expired" || s === "refunded");
    const moved = state.slotMoves
      .filter((move) => move.sku === sku)
      .reduce((sum, { units }) => sum + units, 0);
    equal(`slots:${sku}`, slots, (restoredSlots?.get(sku) ?? slotsBySku(definition).get(sku) ?? 0) + moved);
    slotSum += slots;
    // What is its holder's again did not come back into the sale.
    const setAside = state.slotMoves.filter((move) => move.sku === sku && move.units > 0);
    returnedSum += unitsOf(back, sku) - setAside.reduce((sum, { units }) => sum + units, 0);
    suppliedSum += supplied;
    availableSum += available;
    unsold += supplied - confirmed;
  }
  equal("available", Number(stock.get("available")), availableSum);
  equal("slots", Number(stock.get("slots")), slotSum);
  equal("supplied", Number(stock.get("supplied")), suppliedSum);
  equal("returned", Number(stock.get("returned")), returnedSum);
  equal("unsold", Number(stock.get("unsold")), unsold);
  equal("soldOut", sale.get("soldOut"), unsold === 0 ? "1" : undefined);

  const live = [...state.reservations.values()].filter((record) => record.state === "held");
  equal("the number of holds", holds.size, live.length);
  for (const record of live) {
    // While a payment is being closed its hold is kept a little longer.
    const end = holds.get(record.id) ?? 0;
    if (record.returnTo === undefined || end < record.expiresAtMs)
      equal(`the end of ${record.id}`, end, record.expiresAtMs);
    equal(`the live reservation of ${record.shopper}`, shoppers.get(record.shopper), record.id);
  }

  let changes = 0;
  for (const [id, record] of state.reservations) {
    equal(`the id of ${id}`, record.id, id);
    const entries = outbox.filter((entry) => entry.id === id);
    changes += entries.length;
    const before = restored.get(id);
    const states = [...(before === undefined ? [] : [before]), ...entries]
      // A hold that lasts longer, once, is the same hold.
      .filter((entry, i, all) => {
        const last = all[i - 1];
        return !(entry.state === "held" && entry.extended && last?.state === "held" && !last.extended);
      })
      .map((entry) => entry.state);
    if (before === undefined) equal(`the first outbox entry of ${id}`, states[0], "held");
    for (const [i, next] of states.slice(1).entries())
      if (!mayFollow[states[i] ?? "held"].includes(next))
        faults.push(`${id} became ${next} after ${String(states[i])}`);
    states.forEach((next, i) => {
      if (i > 0 && next === "held" && states[i + 1] !== "confirmed")
        faults.push(`${id} was held again, unpaid`);
    });
    // That a payment began, or was refused, is not a change of state: it comes with the next one.
    const { returnTo, ...known } = { ...record, refused: undefined };
    const written = { ...(entries.at(-1) ?? before), refused: undefined };
    const same =
      record.state === "held" ? known : { ...known, ...(returnTo === undefined ? {} : { returnTo }) };
    equal(`the last outbox entry of ${id}`, sorted(written), sorted(same));
  }
  equal("the number of outbox entries", outbox.length, changes);
  return faults;
}

/** Design §3; a payment that came too late may find its units again. */
const mayFollow: Record<Reservation["state"], Reservation["state"][]> = {
  held: ["confirmed", "released", "expired"],
  released: ["held"],
  expired: ["held"],
  confirmed: ["refunded"],
  refunded: [],
};

const sorted = (record: object | undefined) =>
  JSON.stringify(Object.entries(record ?? {}).sort(([a], [b]) => (a < b ? -1 : 1)));

/** What is wrong with the line: one place each, one number each, in the lobby as in the line. */
export function lineFaults({ sale, waitlist, lobby, released }: SaleState): string[] {
  const places = [...waitlist.keys(), ...lobby.keys(), ...released.keys()];
  const faults = places.filter((shopper, i) => places.indexOf(shopper) < i).map((s) => `${s} is twice there`);
  const last = Number(sale.get("lastNumber"));
  const given = [...waitlist.values(), ...released.values()];
  for (const numbers of [given, [...lobby.values()]]) {
    if (new Set(numbers).size !== numbers.length) faults.push("a number was given twice");
    if (numbers.some((number) => number > last)) faults.push("a number is above the last one given");
  }
  const drawn = sale.get("drawCount");
  if (drawn !== undefined && [...lobby.values()].some((number) => number > Number(drawn)))
    faults.push("somebody in the lobby is not in the draw");
  if (Number(sale.get("nowServing")) > last) faults.push("a number is served that was not given");
  return faults;
}

const list = (reply: RawReply): RawReply[] => (Array.isArray(reply) ? reply : []);

function pairs(reply: RawReply): Map<string, string> {
  const flat = list(reply);
  return new Map(
    flat.flatMap((field, i) => (i % 2 === 0 ? [[String(field), String(flat[i + 1])] as const] : [])),
  );
}

const numbers = (texts: Map<string, string>) =>
  new Map([...texts].map(([member, score]) => [member, Number(score)]));
