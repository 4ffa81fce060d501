/** What happens to the machines in the midst of a sale, and what is done about it afterwards. */
import type { Weather } from "./plan.ts";
import type { World } from "./world.ts";

const COPY = "{copy}";

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
      // A line that is rebuilt goes on behind every number that Postgres was told of.
      const [row] = await engines.postgres.query("select numbers_until::int as until from sales");
      await engines.redis.send([["DEL", ...Object.values(world.saleKeys), "sales"]]);
      world.oracle.lose(Number(row?.["until"] ?? 0));
      world.forgetScripts();
      say("Redis is empty");
      break;
    }
    case "forgotten_scripts":
      world.forgetScripts();
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
    case "cron":
      break;
  }
}

/** Notes which changes are lost for good: those that Postgres has not heard of. */
async function remember(world: World, kept: ReadonlyMap<string, { state: string }>): Promise<void> {
  const rows = await world.engines.postgres.query("select id, state from reservations");
  const stored = new Map(rows.map(({ id, state }) => [String(id), String(state)]));
  for (const [id, { state }] of world.oracle.knowledge.records)
    if (kept.get(id)?.state !== state && stored.get(id) !== state) world.lost.add(id);
}
