/**
 * What a sale may do, as a model: it plays steps and holds after each the state before against the state after. Written
 * from the design (§4, §5.2), with the whole state at hand where a script has a few counters.
 */
import { imbalances, lineFaults, type SaleState } from "./books.ts";
import type { TestSale } from "./sale.ts";
import type { Choice, Step } from "./steps.ts";

/** A step with its choices made, so that it can be done again just the same. */
interface Action {
  verb: Step["do"];
  who: string;
  /** Of the reservation asked for. */
  id?: string;
  run: () => Promise<string>;
}

/**
 * Plays the steps on an open sale and ends it.
 * @param seen gets "verb word" of each answer
 * @throws Error with what was wrong after which step
 */
export async function play(sale: TestSale, steps: Step[], seen: Set<string>): Promise<void> {
  const past: Action[] = [];
  const held: { who: string; id: string }[] = [];
  let ids = 0;
  let second = 0;
  let lastTick = -1;
  let state = await sale.state();
  for (const [i, step] of steps.entries()) {
    const before = state;
    const action = step.do === "repeat" ? past.at(-1 - step.which) : decide(step);
    if (action === undefined) continue;
    if (step.do !== "repeat") past.push(action);
    const answer = await action.run();
    state = await sale.state();
    seen.add(`${action.verb} ${answer}`);
    const now = sale.at(second);
    const faults = [
      ...imbalances(state),
      ...lineFaults(state),
      ...changeFaults(action, answer, before, state, now),
      ...callFaults(action, before, state, now, lastTick),
    ];
    if (faults.length > 0)
      throw new Error(`step ${i}, ${JSON.stringify(step)} at ${second} s → ${answer}: ${faults.join("; ")}`);
    if (action.verb === "tick") lastTick = Math.max(lastTick, tickAt(state, now));
  }

  while ((await sale.expire(9_999, 2)).seen > 0);
  state = await sale.state();
  const unreturned = sale.definition.items.filter(
    ({ sku, stock }) =>
      Number(state.stock.get(`available:${sku}`)) + Number(state.stock.get(`confirmed:${sku}`)) !== stock,
  );
  const faults = [...imbalances(state), ...unreturned.map(({ sku }) => `${sku} did not all come back`)];
  if (faults.length > 0) throw new Error(`at the end: ${faults.join("; ")}`);

  /** @returns undefined for a step that cannot be taken now */
  function decide(step: Exclude<Step, { do: "repeat" }>): Action | undefined {
    const by = (who: string, run: () => Promise<string>): Action => ({ verb: step.do, who, run });
    switch (step.do) {
      case "join":
        return by(step.who, async () => (await sale.join(step.who, second)).word);
      case "enter": {
        const who = chosen(step.who, state.released);
        return by(who, async () => (await sale.enter(who, second)).word);
      }
      case "leave":
        return by(step.who, () => sale.leave(step.who));
      case "reserve": {
        const [who, id] = [chosen(step.who, state.inside), `r${ids++}`];
        const run = async () => {
          const [word] = await sale.reserve(who, id, step.basket, second);
          if (word === "held") held.push({ who, id });
          return word;
        };
        return { ...by(who, run), id };
      }
      case "confirm":
      case "giveBack": {
        const { who, id } = held.at(-1 - step.which) ?? {};
        if (who === undefined || id === undefined) return undefined;
        if (step.do === "giveBack") return by(who, () => sale.giveBack(who, id, second));
        return by(who, async () => (await sale.confirm(who, id, second))[0]);
      }
      case "expire":
        return by("", async () => ((await sale.expire(second, step.most)).expired > 0 ? "expired" : "none"));
      case "mode":
        return by("", async () => (await sale.setMode(step.mode, second)).word);
      case "wait":
        return by("", () => {
          second += step.seconds;
          return Promise.resolve("none");
        });
      case "tick":
        return by("", async () => ((await sale.tick(second)).released > 0 ? "released" : "none"));
    }
  }
}

/** Nobody has this name; a step by nobody is one more that must change nothing. */
const chosen = (choice: Choice, sensible: Map<string, number>) =>
  typeof choice === "string" ? choice : ([...sensible.keys()].sort()[choice % sensible.size] ?? "nobody");

const hasLiveHold = ({ shoppers, holds }: SaleState, shopper: string, now: number) =>
  (holds.get(shoppers.get(shopper) ?? "") ?? 0) > now;
const isInside = ({ inside }: SaleState, shopper: string, now: number) => (inside.get(shopper) ?? 0) > now;
const insideAt = (state: SaleState, now: number) =>
  [...state.inside.keys()].filter((shopper) => isInside(state, shopper, now));
const rule = (state: SaleState, name: string) => Number(state.sale.get(name));
/** Units that nobody inside is choosing from. */
const unclaimed = (state: SaleState, now: number) =>
  Number(state.stock.get("available")) -
  insideAt(state, now).filter((shopper) => !hasLiveHold(state, shopper, now)).length;

/** The tick that is due; those before opening do not count. */
const tickAt = (state: SaleState, now: number) =>
  Math.max(-1, Math.floor((now - rule(state, "opensAtMs")) / rule(state, "everyMs")));

/** How many a tick must release: never more than the size for the ticks due, the room, and what nobody claims. */
function dueAt(state: SaleState, now: number, lastTick: number): number {
  const ticks = tickAt(state, now) - lastTick;
  if (now < rule(state, "opensAtMs") || now >= rule(state, "closesAtMs") || ticks <= 0) return 0;
  const mode = state.sale.get("mode");
  if (mode === "passthrough") return state.waitlist.size;
  if (mode !== "normal") return 0;
  const room = rule(state, "capacity") - insideAt(state, now).length;
  const least = Math.min(
    rule(state, "releaseSize") * ticks,
    room,
    unclaimed(state, now),
    state.waitlist.size,
  );
  return Math.max(0, least);
}

/** Who was called in, against who had to be: the first of the line, and as many as were due. */
function callFaults(
  { verb }: Action,
  before: SaleState,
  after: SaleState,
  now: number,
  lastTick: number,
): string[] {
  const inOrder = [...before.waitlist].sort(([, a], [, b]) => a - b).map(([shopper]) => shopper);
  const due = verb === "tick" ? inOrder.slice(0, dueAt(before, now, lastTick)) : [];
  const called = [...after.released.keys()].filter((shopper) => !before.released.has(shopper));
  return called.sort().join() === due.sort().join() ? [] : [`called ${called.join()}, not ${due.join()}`];
}

/** What one step may not have changed. */
function changeFaults(
  { verb, who, id }: Action,
  word: string,
  before: SaleState,
  after: SaleState,
  now: number,
): string[] {
  const faults: string[] = [];
  const capacity = rule(before, "capacity");
  const most = Math.max(capacity, insideAt(before, now).length);
  const passthrough = verb === "tick" && before.sale.get("mode") === "passthrough";
  if (!passthrough && insideAt(after, now).length > most) faults.push("more than the capacity are inside");

  if (verb === "enter" && word === "entered") {
    const number = before.released.get(who);
    if (number === undefined) faults.push("came in before their turn");
    else if (!isInside(before, who, now)) {
      const ahead = [...before.waitlist.values()].filter((waiting) => waiting < number).length;
      if (insideAt(before, now).length + ahead >= capacity)
        faults.push("took the room of somebody before them");
      if (unclaimed(before, now) <= ahead) faults.push("came in for what somebody before them waits for");
    }
  }
  if (verb === "join" && word === "joined") {
    const given = after.waitlist.get(who);
    if (given !== rule(before, "lastNumber") + 1) faults.push(`got the number ${String(given)}`);
  }
  if (verb === "reserve" && word === "held" && !isInside(before, who, now)) faults.push("held from outside");
  if (id !== undefined && before.reservations.has(id) && word !== "again")
    faults.push("a repeat was decided anew");

  const changing = [
    "joined",
    "entered",
    "held",
    "confirmed",
    "released",
    "expired",
    "left",
    "set",
    "none",
    "",
  ];
  if (!changing.includes(word) && word !== "not_your_turn" && snapshot(before) !== snapshot(after))
    faults.push(`the answer ${word} changed something`);
  return faults;
}

const snapshot = (state: SaleState) =>
  JSON.stringify(Object.values(state), (_, value: unknown) =>
    value instanceof Map ? [...value].sort() : value,
  );
