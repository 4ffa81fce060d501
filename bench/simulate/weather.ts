/** What happens to the machines in the midst of a sale, and what is done about it afterwards. */
import { cancelIntent, captureIntent } from "../../dev/stripe/intents.ts";
import type { Weather } from "./plan.ts";
import type { World } from "./world.ts";

const COPY = "{copy}";
const HAND_LOOKS_EVERY_MS = 20;
const HAND_WAITS_MS = 60_000;

/** Prepares everything that is to happen. */
export function brew(world: World): void {
  for (const event of world.plan.weather) {
    const atMs = world.kernel.nowMs - world.sinceMs() + event.atMs;
    if (event.is === "rollback")
      world.kernel.at(atMs - event.lostMs, () => copy(world, `${COPY}${event.atMs}`, event.atMs));
    world.kernel.at(atMs, () => happen(world, event));
  }
}

/** Models of the moments that were copied. */
const copies = new WeakMap<World, Map<number, ReturnType<World["oracle"]["copy"]>>>();

async function copy(world: World, prefix: string, name: number): Promise<void> {
  const known = copies.get(world) ?? new Map<number, ReturnType<World["oracle"]["copy"]>>();
  copies.set(world, known.set(name, world.oracle.copy()));
  await world.engines.redis.send(
    Object.values(world.saleKeys).flatMap((key) => [
      ["DEL", prefix + key],
      ["COPY", key, prefix + key],
    ]),
  );
}

async function happen(world: World, event: Weather): Promise<void> {
  const { history, network, engines, clocks, kernel } = world;
  const say = (what: string) => history.note("weather", what);
  switch (event.is) {
    case "away":
      network.awayUntil.set(event.store, kernel.nowMs + event.forMs);
      say(`${event.store} is away for ${event.forMs / 1000} s`);
      break;
    case "rollback": {
      const then = copies.get(world)?.get(event.atMs);
      // What a rebuild has replaced does not come back.
      if (then?.seen?.epoch !== world.oracle.knowledge.seen?.epoch || then?.seen === undefined) break;
      await remember(world, then.records);
      world.wasLostSettled ||= await isSettled(world);
      await engines.redis.send(
        Object.values(world.saleKeys).flatMap((key) => [
          ["DEL", key],
          ["COPY", `${COPY}${event.atMs}${key}`, key],
        ]),
      );
      world.oracle.knowledge = then;
      world.oracle.wasRolledBack = true;
      say(`Redis is what it was ${event.lostMs / 1000} s ago`);
      break;
    }
    case "wipe": {
      await remember(world, new Map());
      world.wasLostSettled ||= await isSettled(world);
      // A line that is rebuilt goes on behind every number that Postgres was told of.
      const [row] = await engines.postgres.query("select numbers_until::int as until from sales");
      await engines.redis.send([["DEL", ...Object.values(world.saleKeys), "sales"]]);
      world.oracle.lose(Number(row?.["until"] ?? 0));
      world.hasForgottenScripts = true;
      say("Redis is empty");
      break;
    }
    case "forgotten_scripts":
      world.hasForgottenScripts = true;
      say("Redis has forgotten its scripts");
      break;
    case "clock":
      clocks[event.of] += event.byMs;
      say(`the clock of ${event.of} steps by ${event.byMs / 1000} s`);
      break;
    case "webhook":
      world.stripe.account.switches.add({ kind: event.trouble, times: 1, delayMs: event.delayMs });
      say(`a webhook: ${event.trouble}`);
      break;
    case "damage":
      await damage(world, event);
      break;
    case "cron":
      break;
  }
}

/** What no part of the system does, and reconciliation is there to find. */
async function damage(world: World, event: Extract<Weather, { is: "damage" }>): Promise<void> {
  const { history, oracle, engines } = world;
  const key = (name: string) => world.saleKeys[name] ?? "";
  const { seen, records } = oracle.knowledge;
  switch (event.of) {
    case "counter": {
      const sku = world.sale.items[0]?.sku ?? "";
      if ((seen?.stock.get(`available:${sku}`) ?? 0) <= 0) return;
      const fields = [`available:${sku}`, "available"];
      await engines.redis.send(fields.map((field) => ["HINCRBY", key("stock"), field, event.by]));
      oracle.knowledge.isDamaged = true;
      history.note("weather", `somebody changes what is available by ${event.by}`);
      return;
    }
    case "index": {
      const held = [...records.values()].find(({ state }) => state === "held");
      if (held === undefined) return;
      await engines.redis.send([["ZREM", key("holds"), held.id]]);
      oracle.knowledge.unindexed.add(held.id);
      history.note("weather", `${held.id} is not in the index of holds any more`);
      return;
    }
    case "payment":
      takeNext(world, event, HAND_WAITS_MS / HAND_LOOKS_EVERY_MS);
  }
}

/** A hand at Stripe's dashboard, at the next payment that is authorised, sooner than the functions. */
function takeNext(
  world: World,
  event: Extract<Weather, { is: "damage"; of: "payment" }>,
  looks: number,
): void {
  const { account } = world.stripe;
  const { records } = world.oracle.knowledge;
  const waiting = [...account.store.intents.values()].find(({ status, metadata }) => {
    const state = records.get(metadata["reservation"] ?? "")?.state;
    const isTooLate = state === "released" || state === "expired";
    return status === "requires_capture" && (event.whose === "anybody's" || isTooLate);
  });
  if (waiting === undefined) {
    if (looks > 0) world.kernel.after(HAND_LOOKS_EVERY_MS, () => takeNext(world, event, looks - 1));
    return;
  }
  if (event.hand === "captures") captureIntent(account, waiting.id);
  else cancelIntent(account, waiting, null);
  world.history.note("weather", `somebody ${event.hand} ${waiting.id} by hand`);
}

async function isSettled({ engines }: World): Promise<boolean> {
  const [row] = await engines.postgres.query("select settled_at from sales");
  return row?.["settled_at"] != null;
}

/** Notes which changes are lost for good: those that Postgres has not heard of. */
async function remember(world: World, kept: ReadonlyMap<string, { state: string }>): Promise<void> {
  const rows = await world.engines.postgres.query("select id, state from reservations");
  const stored = new Map(rows.map(({ id, state }) => [String(id), String(state)]));
  for (const [id, { state }] of world.oracle.knowledge.records)
    if (kept.get(id)?.state !== state && stored.get(id) !== state) world.lost.add(id);
}
