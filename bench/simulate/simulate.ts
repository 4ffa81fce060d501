/** Simulates one sale, from its creation until it is settled and forgotten, and says what did not hold. */
import type { Pulse } from "../../domain/api.ts";
import type { Refusal } from "../../domain/refusal.ts";
import type { Engines } from "./engines.ts";
import { within } from "./globals.ts";
import { cronUntil } from "./later.ts";
import { keepList } from "./list-keeper.ts";
import { lives } from "./lives.ts";
import { lookAfter, planDeeds } from "./operator.ts";
import type { Plan } from "./plan.ts";
import { prove, proveForgotten } from "./proof.ts";
import { proveRegistrations } from "./registration-proof.ts";
import type { Violation } from "./rules.ts";
import { Shopper, type Crowd } from "./shopper.ts";
import { brew } from "./weather.ts";
import { OPENS_AT_MS, World, type Outcome } from "./world.ts";

export interface Result {
  seed: number;
  violations: Violation[];
  history: string;
  hash: string;
  shoppers: number;
  orders: number;
  events: number;
  /** How often steps were asked for, and troubles hit. */
  seen: Map<string, number>;
  hits: Map<string, number>;
}

const MINUTE_MS = 60_000;
/** After closing everything may come, even what the bank took a quarter of an hour for. */
const SETTLED_WITHIN_MS = 90 * MINUTE_MS;
/** Banks and webhooks take no longer. */
const ARRIVES_WITHIN_MS = 2 * 60 * MINUTE_MS;
/** At the first violation there is no need to go on. */
const VIOLATIONS_MAX = 1;

export async function simulate(plan: Plan, engines: Engines): Promise<Result> {
  await engines.redis.send([["FLUSHALL"]]);
  await engines.postgres.empty();
  const world = new World(plan, engines);
  await within(world, () => play(world));
  const { oracle, history, network, kernel } = world;
  for (const { rule, what } of oracle.violations) history.note("oracle", `VIOLATION of "${rule}": ${what}`);
  return {
    seed: plan.seed,
    violations: oracle.violations,
    history: history.text(),
    hash: history.hash(),
    shoppers: plan.shoppers.length,
    orders: oracle.confirmed.size,
    events: kernel.events,
    seen: network.seen,
    hits: network.hits,
  };
}

async function play(world: World): Promise<void> {
  const { kernel, oracle, plan } = world;
  const isBroken = () => oracle.violations.length >= VIOLATIONS_MAX;
  /** A field, which events may have changed meanwhile. */
  const end = { isSettled: false };

  const operator = world.somebody("operator", 700);
  void lives.run(operator, async () => {
    for (let tries = 0; tries < 20; tries++) {
      const made = await world.ask(operator, "create", (services, steps) =>
        steps.createSale(services, world.sale),
      );
      if ("value" in made) break;
      await kernel.sleep(1_000);
    }
  });
  brew(world);
  planDeeds(world);
  keepList(world);
  cron(world, () => end.isSettled);
  const crowd = crowdOf(world);
  for (const shopper of plan.shoppers) void new Shopper(world, shopper, crowd).visit();
  void lookAfter(world, () => end.isSettled);

  const closesAtMs = OPENS_AT_MS + plan.sale.openMs;
  const settled = async () => {
    if (end.isSettled) return;
    const [row] = await world.engines.postgres.query("select settled_at from sales");
    end.isSettled = row?.["settled_at"] != null && crowd.done.size === plan.shoppers.length;
  };
  // Looked at from outside, at fixed times.
  for (let atMs = closesAtMs + MINUTE_MS; atMs < closesAtMs + SETTLED_WITHIN_MS; atMs += MINUTE_MS / 2)
    kernel.at(atMs, settled);
  await kernel.run(() => end.isSettled || isBroken(), closesAtMs + SETTLED_WITHIN_MS);
  if (isBroken()) return;
  if (end.isSettled) {
    // What is still on its way arrives, and cron looks after it.
    await kernel.run(isBroken, kernel.nowMs + ARRIVES_WITHIN_MS);
    await cronUntil(world, MINUTE_MS, () => isQuiet(world));
  }
  await prove(world, crowd, end.isSettled);
  if (isBroken()) return;
  await proveRegistrations(world);
  await proveForgotten(world);
}

/** Whether cron has nothing to come back to. */
async function isQuiet({ engines }: World): Promise<boolean> {
  const [row] = await engines.postgres.query(
    `select not exists (select from emails where state in ('queued', 'sending') and recipient is not null)
        and not exists (select from webhook_inbox where processed_at is null)
        and not exists (select from payments where state = 'authorised')
        and not exists (select from refunds where state = 'asked') as quiet`,
  );
  return row?.["quiet"] === true;
}

/** Every minute, as far as nothing is planned otherwise; later, when not much can happen any more, less often. */
function cron(world: World, isOver: () => boolean): void {
  const { kernel, plan } = world;
  let nth = 0;
  const run = () => void world.run("cron", (services, steps) => steps.everyMinute(services));
  const next = () => {
    if (isOver()) return;
    const planned = plan.weather.find(
      (event) => event.is === "cron" && Math.abs(event.atMs - world.sinceMs()) <= MINUTE_MS / 2,
    );
    const trouble = planned?.is === "cron" ? planned.trouble : undefined;
    world.history.note("cron", trouble ?? `minute ${++nth}`);
    if (trouble !== "missing") run();
    if (trouble === "at_once") run();
    if (trouble === "twice") kernel.after(3_000, run);
    const isLate = world.sinceMs() > plan.sale.openMs + 5 * MINUTE_MS;
    kernel.after(isLate ? 5 * MINUTE_MS : MINUTE_MS, next);
  };
  kernel.after(20_000, next);
}

function crowdOf(world: World): Crowd {
  let cached: { untilMs: number; pulse: Promise<Outcome<Pulse | Refusal>> } | undefined;
  const edge = world.somebody("edge", 701);
  return {
    tickets: [],
    passes: [],
    holds: [],
    told: new Set(),
    done: new Set(),
    // As the CDN has it: the same for everybody, for a second.
    pulse() {
      if (cached === undefined || cached.untilMs <= world.kernel.nowMs)
        cached = {
          untilMs: world.kernel.nowMs + 1_000,
          pulse: lives.run(edge, () =>
            world.ask(edge, "pulse", (services, steps) => steps.readPulse(services, world.sale.id)),
          ),
        };
      return cached.pulse;
    },
  };
}
