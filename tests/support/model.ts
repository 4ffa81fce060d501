/**
 * What a sale may do, as a model: it plays steps and holds after each the state before against the state after. Written
 * from the design (§4, §5.2), with the whole state at hand where a script has a few counters. After the steps it drives
 * the sale on, until everybody who waits has had a turn or has been told that there is none.
 */
import { placeOf } from "../../static/assets/draw.js";
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

/** What the model knows beside the states: the times of the calls. */
interface Clock {
  now: number;
  /** The clock was set back: there were calls at a later time. */
  isBehind: boolean;
  /** The last tick that was released, or that a rule was set in. */
  lastTick: number;
}

/**
 * Plays the steps and ends the sale.
 * @param from the second of the first step
 * @param seen gets "verb word" of each answer
 * @throws Error with what was wrong after which step
 */
export async function play(sale: TestSale, steps: Step[], from: number, seen: Set<string>): Promise<void> {
  const past: Action[] = [];
  const held: { who: string; id: string }[] = [];
  let ids = 0;
  let [second, latest] = [from, from];
  let lastTick = -1;
  let state = await sale.state();

  for (const [i, step] of steps.entries()) {
    const action = step.do === "repeat" ? past.at(-1 - step.which) : decide(step);
    if (action === undefined) continue;
    if (step.do !== "repeat") past.push(action);
    await take(action, `step ${i}, ${JSON.stringify(step)}`);
  }
  await serveAll();
  while ((await sale.expire(99_999, 2)).seen > 0);
  state = await sale.state();
  const unreturned = sale.definition.items.filter(
    ({ sku, stock }) =>
      Number(state.stock.get(`available:${sku}`)) + Number(state.stock.get(`confirmed:${sku}`)) !== stock,
  );
  const faults = [...imbalances(state), ...unreturned.map(({ sku }) => `${sku} did not all come back`)];
  if (faults.length > 0) throw new Error(`at the end: ${faults.join("; ")}`);

  async function take(action: Action, what: string): Promise<string> {
    const before = state;
    const answer = await action.run();
    state = await sale.state();
    seen.add(`${action.verb} ${answer}`);
    const clock: Clock = { now: sale.at(second), isBehind: second < latest, lastTick };
    latest = Math.max(latest, second);
    const line = await lineOf(before, clock.now);
    const faults = [
      ...imbalances(state),
      ...lineFaults(state),
      ...placeFaults(action, before, state, line),
      ...changeFaults(action, answer, before, state, clock),
      ...callFaults(action, before, state, clock, line),
    ];
    if (faults.length > 0) throw new Error(`${what} at ${second} s → ${answer}: ${faults.join("; ")}`);
    const isOpen = second >= 0 && clock.now < rule(state, "closesAtMs");
    const setsTick = answer === "set" || (action.verb === "tick" && isOpen);
    if (setsTick) lastTick = Math.max(lastTick, tickAt(state, clock.now));
    return answer;
  }

  /** Who waits comes in when the turn comes, buys what is there and goes. */
  async function serveAll(): Promise<void> {
    const by = (verb: Step["do"], who: string, run: () => Promise<string>) =>
      take({ verb, who, run }, `serving ${who}`);
    second = latest;
    if (sale.at(second) >= rule(state, "closesAtMs")) return;
    await by("mode", "", async () => (await sale.setMode("normal", second)).word);
    const unserved = new Set([...state.waitlist.keys(), ...state.lobby.keys(), ...state.released.keys()]);
    for (let rounds = 0; unserved.size > 0; rounds++) {
      if (rounds === ROUNDS_MAX) throw new Error(`${[...unserved].join()} wait for ever`);
      second += sale.definition.releaseEverySeconds;
      await by("expire", "", async () => ((await sale.expire(second)).expired > 0 ? "expired" : "none"));
      await by("tick", "", async () => ((await sale.tick(second)).released > 0 ? "released" : "none"));
      for (const who of unserved) {
        const word = await by("enter", who, async () => (await sale.enter(who, second)).word);
        if (word === "not_your_turn") continue;
        if (word === "entered" || word === "again") await shop(who);
        else if (word !== "sold_out" && word !== "closed")
          throw new Error(`${who} waits and is told ${word}`);
        await by("leave", who, () => sale.leave(who));
        unserved.delete(who);
      }
    }
  }

  /** Buys what is held already, or one of what there is. */
  async function shop(who: string): Promise<void> {
    for (const { sku } of sale.definition.items) {
      const id = `r${ids++}`;
      const run = async () => (await sale.reserve(who, id, { [sku]: 1 }, second))[0];
      await take({ verb: "reserve", who, id, run }, `serving ${who}`);
      const live = state.shoppers.get(who) ?? "";
      if (!state.holds.has(live)) continue;
      const confirm = async () => (await sale.confirm(who, live, second))[0];
      await take({ verb: "confirm", who, run: confirm }, `serving ${who}`);
      return;
    }
  }

  /** Everybody who waits, in the order in which they must be called. */
  async function lineOf({ sale: hash, waitlist, lobby }: SaleState, now: number): Promise<string[]> {
    const seed = hash.get("drawSeed") ?? "";
    const drawn = Number(hash.get("drawCount") ?? (now >= sale.at(0) ? hash.get("lastNumber") : 0));
    const places = [...lobby].map(
      async ([who, number]) => [who, drawn === 0 ? number : await placeOf(seed, drawn, number)] as const,
    );
    return [...waitlist, ...(await Promise.all(places))].sort(([, a], [, b]) => a - b).map(([who]) => who);
  }

  /** @returns undefined for a step that cannot be taken now */
  function decide(step: Exclude<Step, { do: "repeat" }>): Action | undefined {
    const by = (who: string, run: () => Promise<string>): Action => ({ verb: step.do, who, run });
    switch (step.do) {
      case "join":
        return by(step.who, async () => (await sale.join(step.who, second)).word);
      case "enter": {
        const who = chosen(step.who, new Map([...state.released, ...called(state)]));
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
      case "size":
        return by("", async () => (await sale.setRule("releaseSize", step.releaseSize, second)).word);
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

/** A dozen people are served in a few rounds each, however little room there is. */
const ROUNDS_MAX = 100;

/** Nobody has this name; a step by nobody is one more that must change nothing. */
const chosen = (choice: Choice, sensible: Map<string, number>) =>
  typeof choice === "string" ? choice : ([...sensible.keys()].sort()[choice % sensible.size] ?? "nobody");

/** Those in line whose turn had come before. */
const called = (state: SaleState) =>
  new Map([...state.waitlist].filter(([, number]) => number <= rule(state, "nowServing")));
const hasLiveHold = ({ shoppers, holds }: SaleState, shopper: string, now: number) =>
  (holds.get(shoppers.get(shopper) ?? "") ?? 0) > now;
const isInside = ({ inside }: SaleState, shopper: string, now: number) => (inside.get(shopper) ?? 0) > now;
const insideAt = (state: SaleState, now: number) =>
  [...state.inside.keys()].filter((shopper) => isInside(state, shopper, now));
const rule = (state: SaleState, name: string) => Number(state.sale.get(name));

/**
 * Units that nobody inside is choosing from. Once the clock was set back, a hold may be live again whose shopper had to
 * go when it seemed to have ended: then each live hold counts for somebody inside.
 */
function unclaimed(state: SaleState, { now, isBehind }: Clock): number {
  const inside = insideAt(state, now);
  const holding = isBehind
    ? [...state.holds.values()].filter((end) => end > now).length
    : inside.filter((shopper) => hasLiveHold(state, shopper, now)).length;
  return Number(state.stock.get("available")) - (inside.length - holding);
}

/** The tick that is due; those before opening do not count. */
const tickAt = (state: SaleState, now: number) =>
  Math.max(-1, Math.floor((now - rule(state, "opensAtMs")) / rule(state, "everyMs")));

/** How many a tick must release: never more than the size for the ticks due, the room, and what nobody claims. */
function dueAt(state: SaleState, clock: Clock): number {
  const { now, lastTick } = clock;
  const ticks = tickAt(state, now) - lastTick;
  const waiting = state.waitlist.size + state.lobby.size;
  if (now < rule(state, "opensAtMs") || now >= rule(state, "closesAtMs") || ticks <= 0) return 0;
  const mode = state.sale.get("mode");
  if (mode === "passthrough") return waiting;
  if (mode !== "normal") return 0;
  const room = rule(state, "capacity") - insideAt(state, now).length;
  const least = Math.min(rule(state, "releaseSize") * ticks, room, unclaimed(state, clock), waiting);
  return Math.max(0, least);
}

/** Who was called in, against who had to be: the first of the line, and as many as were due. */
function callFaults(
  { verb, who }: Action,
  before: SaleState,
  after: SaleState,
  clock: Clock,
  line: string[],
): string[] {
  const due = verb === "tick" ? line.slice(0, dueAt(before, clock)) : [];
  const isNew = (shopper: string) =>
    !before.released.has(shopper) && !(verb === "enter" && shopper === who && called(before).has(who));
  const fresh = [...after.released.keys()].filter(isNew);
  return fresh.sort().join() === due.sort().join() ? [] : [`called ${fresh.join()}, not ${due.join()}`];
}

/** Everybody keeps their place, whatever others do: nobody drops out, gets another number or passes anybody. */
function placeFaults({ verb, who }: Action, before: SaleState, after: SaleState, line: string[]): string[] {
  const faults: string[] = [];
  const numberIn = ({ waitlist, released }: SaleState, shopper: string) =>
    waitlist.get(shopper) ?? released.get(shopper);
  for (const shopper of [...line, ...before.released.keys()]) {
    if (verb === "leave" && shopper === who) continue;
    const [was, is] = [numberIn(before, shopper), numberIn(after, shopper)];
    const inLobby = after.lobby.get(shopper);
    if (is === undefined && inLobby === undefined) faults.push(`${shopper} lost their place`);
    if (was !== undefined && is !== was) faults.push(`${shopper} had ${was}, has ${String(is)}`);
    if (inLobby !== undefined && inLobby !== before.lobby.get(shopper))
      faults.push(`${shopper} has another number of the lobby`);
  }
  if (rule(after, "nowServing") < rule(before, "nowServing")) faults.push("the line went backwards");
  return faults;
}

/** What one step may not have changed. */
function changeFaults(
  { verb, who, id }: Action,
  word: string,
  before: SaleState,
  after: SaleState,
  clock: Clock,
): string[] {
  const faults: string[] = [];
  const { now } = clock;
  const capacity = rule(before, "capacity");
  const most = Math.max(capacity, insideAt(before, now).length);
  const passthrough = verb === "tick" && before.sale.get("mode") === "passthrough";
  if (!passthrough && insideAt(after, now).length > most) faults.push("more than the capacity are inside");

  if (verb === "enter" && word === "entered") {
    const number = before.released.get(who) ?? called(before).get(who);
    if (number === undefined) faults.push("came in before their turn");
    else if (!isInside(before, who, now)) {
      const ahead = [...before.waitlist.values()].filter((waiting) => waiting < number).length;
      if (insideAt(before, now).length + ahead >= capacity)
        faults.push("took the room of somebody before them");
      if (unclaimed(before, clock) <= ahead) faults.push("came in for what somebody before them waits for");
    }
  }
  if (verb === "join" && word === "joined") {
    const isDraw = before.sale.get("drawSeed") !== "";
    const inLobby = isDraw && !before.sale.has("drawCount") && now < rule(before, "opensAtMs");
    const given = (inLobby ? after.lobby : after.waitlist).get(who);
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

/** The size of a draw is fixed by whichever call is the first after opening. */
const snapshot = ({ sale, ...state }: SaleState) =>
  JSON.stringify(
    [[...sale].filter(([field]) => field !== "drawCount"), ...Object.values(state)],
    (_, value: unknown) => (value instanceof Map ? [...value].sort() : value),
  );
