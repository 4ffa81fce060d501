/**
 * Outbox entries as the rows that apply.sql writes. Pure. The changes of one reservation within a batch become one row, its
 * movements of stock one row each. What can be seen to be wrong without Postgres is refused here, by the same exception.
 */
import { z } from "zod";
import { Refused } from "../postgres/client.ts";
import { recordSchema, type Record as Reservation } from "../reservation/record.ts";

export interface Entry {
  entry: string;
  event: string;
}

export const accounts = ["supply", "available", "slots", "held", "confirmed", "refunded", "unsold"] as const;
type Account = (typeof accounts)[number];

/** A movement of stock that is no reservation's: a top-up, slots set aside or given up. */
const movementSchema = z.object({
  id: z.uuid().optional(),
  state: z.literal("moved"),
  from: z.enum(accounts),
  to: z.enum(accounts),
  lines: z.array(z.object({ sku: z.string(), quantity: z.number() })),
  changedAtMs: z.number(),
});
/** A hold may take from another account than what is available; one that lasts longer now takes nothing more. */
const changeSchema = recordSchema.extend({
  id: z.uuid(),
  from: z.enum(accounts).optional(),
  isExtension: z.literal(true).optional(),
});
type Change = z.output<typeof changeSchema>;
const eventSchema = z.discriminatedUnion("state", [changeSchema, movementSchema]);

type State = Reservation["state"];
type Step = State | "extended";

/** What a change is to what was before. */
const stepOf = ({ state, isExtension }: Change): Step => (isExtension === true ? "extended" : state);

/** What a reservation must be before a step; "" for nothing known of it. */
const before: { [Next in Step]: ("" | State)[] } = {
  // Again after its end, where a payment comes too late and the units are still there.
  held: ["", "released", "expired"],
  extended: ["held"],
  confirmed: ["held"],
  released: ["held"],
  expired: ["held"],
  refunded: ["confirmed"],
};

const ways: { [After in State]: [from: Account, to: Account] } = {
  held: ["available", "held"],
  confirmed: ["held", "confirmed"],
  released: ["held", "available"],
  expired: ["held", "available"],
  refunded: ["confirmed", "available"],
};

interface Changed {
  record: Reservation;
  first: Step;
  confirmedAtMs?: number;
  refundedAtMs?: number;
}

/** @returns the parameters of apply.sql behind sale and cursors. @throws {Refused} an entry that cannot be applied */
export function rowsOf(entries: Entry[]): string[] {
  const changes = new Map<string, Changed>();
  const movements: { entry: string; from: Account; to: Account; sku: string; units: number; atMs: number }[] =
    [];
  const lines: { id: string; sku: string; quantity: number; price: number }[] = [];
  const sums = new Map<string, Record<Account, number>>();
  for (const { entry, event: text } of entries) {
    const event = read(text);
    if (event.state !== "moved" && event.isExtension === true) {
      changes.set(event.id, changed(changes.get(event.id), event));
      continue;
    }
    const [from, to] = event.state === "moved" ? [event.from, event.to] : wayOf(event);
    // Units that come from outside have an id of their own, under which they come once.
    const name = from === "supply" ? `supply ${event.id}` : entry;
    for (const { sku, quantity } of event.lines) {
      movements.push({ entry: name, from, to, sku, units: quantity, atMs: event.changedAtMs });
      const sum = sums.get(sku) ?? emptySum();
      sum[from] -= quantity;
      sum[to] += quantity;
      sums.set(sku, sum);
    }
    if (event.state === "moved") continue;
    if (event.state === "confirmed") for (const line of event.lines) lines.push({ id: event.id, ...line });
    changes.set(event.id, changed(changes.get(event.id), event));
  }
  const rows = [...changes.values()];
  const records = rows.map(({ record }) => record);
  const items = [...sums];
  return [
    array(records, ({ id }) => id),
    array(records, ({ shopper }) => quoted(shopper)),
    array(records, ({ number }) => number),
    array(rows, ({ first }) => quoted(`,${before[first].join()},`)),
    array(records, ({ state }) => state),
    array(records, (record) => quoted(JSON.stringify(record.lines))),
    array(records, ({ total }) => total),
    array(records, ({ heldAtMs }) => seconds(heldAtMs)),
    array(records, ({ expiresAtMs }) => seconds(expiresAtMs)),
    array(records, ({ changedAtMs }) => seconds(changedAtMs)),
    array(records, ({ returnTo }) => quoted(returnTo)),
    array(records, ({ intent }) => quoted(intent)),
    array(rows, ({ confirmedAtMs }) => seconds(confirmedAtMs)),
    array(rows, ({ refundedAtMs }) => seconds(refundedAtMs)),
    array(movements, ({ entry }) => entry),
    array(movements, ({ sku }) => quoted(sku)),
    array(movements, ({ from }) => from),
    array(movements, ({ to }) => to),
    array(movements, ({ units }) => units),
    array(movements, ({ atMs }) => seconds(atMs)),
    array(lines, ({ id }) => id),
    array(lines, ({ sku }) => quoted(sku)),
    array(lines, ({ quantity }) => quantity),
    array(lines, ({ price }) => price),
    array(items, ([sku]) => quoted(sku)),
    array(items, ([, sum]) => -sum.supply),
    array(items, ([, sum]) => sum.slots),
    array(items, ([, sum]) => sum.held),
    array(items, ([, sum]) => sum.confirmed),
    array(records, ({ slotUntilMs }) => seconds(slotUntilMs)),
  ];
}

const emptySum = (): Record<Account, number> => ({
  supply: 0,
  available: 0,
  slots: 0,
  held: 0,
  confirmed: 0,
  refunded: 0,
  unsold: 0,
});

function read(text: string): z.output<typeof eventSchema> {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    throw new Refused("", "the event is not JSON");
  }
  const event = eventSchema.safeParse(json);
  if (event.success) return event.data;
  throw new Refused("", z.prettifyError(event.error).replaceAll("\n", " "));
}

function wayOf({ state, from }: Change): [Account, Account] {
  const [usual, to] = ways[state];
  return [state === "held" ? (from ?? usual) : usual, to];
}

function changed(known: Changed | undefined, record: Change): Changed {
  const { state, changedAtMs } = record;
  const step = stepOf(record);
  if (known !== undefined && !before[step].includes(known.record.state))
    throw new Refused("reservations_transition", `${known.record.state} cannot become ${step}`);
  return {
    ...known,
    first: known?.first ?? step,
    record,
    ...(state === "confirmed" ? { confirmedAtMs: changedAtMs } : {}),
    ...(state === "refunded" ? { refundedAtMs: changedAtMs } : {}),
  };
}

/**
 * An array as Postgres writes it. By hand, because the driver quotes every value, which then is escaped once more on its way:
 * half of the bytes of a batch.
 */
const array = <Row>(rows: Row[], value: (row: Row) => string | number) => `{${rows.map(value).join()}}`;

const seconds = (ms: number | undefined) => (ms === undefined ? "NULL" : ms / 1000);

/** Quoted where it must be. */
function quoted(text: string | undefined): string {
  if (text === undefined) return "NULL";
  return /^[\w-]+$/.test(text) && !/^null$/i.test(text) ? text : `"${text.replaceAll(/["\\]/g, "\\$&")}"`;
}
