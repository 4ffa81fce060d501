/** Lists as the API gives them: newest first, by pages, and the objects behind ids where they are asked for. */
import type { Paging } from "./parameters.ts";
import { done, missing, type Result } from "./result.ts";
import type { Store } from "./state.ts";

const pageSize = 10;

/** @param inOrder all of one kind, in order of creation */
export function pageOf<Item extends { id: string; object: string; created: number }>(
  inOrder: Iterable<Item>,
  { limit = pageSize, starting_after, created }: Paging,
  holds: (item: Item) => boolean,
): Result<{ object: "list"; data: Item[]; has_more: boolean }> {
  const newestFirst = [...inOrder].reverse();
  let from = 0;
  if (starting_after !== undefined) {
    const known = newestFirst.findIndex(({ id }) => id === starting_after);
    if (known < 0) return missing("object", starting_after, "starting_after", "parameter");
    from = known + 1;
  }
  const found = newestFirst.slice(from).filter((item) => within(item.created, created) && holds(item));
  return done({ object: "list", data: found.slice(0, limit), has_more: found.length > limit });
}

function within(seconds: number, created: Paging["created"]): boolean {
  if (created === undefined) return true;
  if (typeof created === "number") return seconds === created;
  const { gt = -1, gte = 0, lt = Infinity, lte = Infinity } = created;
  return seconds > gt && seconds >= gte && seconds < lt && seconds <= lte;
}

type Json = Record<string, unknown>;
const isJson = (value: unknown): value is Json => typeof value === "object" && value !== null;

/**
 * @param paths those the endpoint's schema allows: `payment_intent.latest_charge`, `data.charge`
 * @returns a copy of `answer`, which is also what keeps callers' hands off the state
 */
export function expanded(answer: object, paths: readonly string[], store: Store): object {
  const copy = structuredClone(answer);
  for (const path of paths) expandPath(copy, path.split("."), store);
  return copy;
}

function expandPath(value: unknown, [name, ...rest]: string[], store: Store): void {
  if (Array.isArray(value)) {
    for (const each of value) expandPath(each, name === undefined ? [] : [name, ...rest], store);
  } else if (isJson(value) && name !== undefined) {
    const inner = value[name];
    if (typeof inner === "string") value[name] = objectOf(inner, store) ?? inner;
    // Stripe leaves these out until they are asked for.
    else if (name === "line_items") value[name] = lineItemsOf(value.id, store);
    expandPath(value[name], rest, store);
  }
}

const objectOf = (id: string, { intents, charges }: Store) =>
  structuredClone<object | undefined>(intents.get(id) ?? charges.get(id));

function lineItemsOf(session: unknown, { sessions }: Store): object {
  const data = typeof session === "string" ? sessions.get(session)?.lineItems : undefined;
  const url = `/v1/checkout/sessions/${String(session)}/line_items`;
  return { object: "list", data: structuredClone(data ?? []), has_more: false, url };
}
