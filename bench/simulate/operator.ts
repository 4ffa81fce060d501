/** The operator's hand: what a plan has them do, and what somebody has to do after a loss or where approval is wanted. */
import { isRefusal } from "../../domain/refusal.ts";
import { lives } from "./lives.ts";
import type { Deed } from "./plan.ts";
import type { World } from "./world.ts";

const SEND_AGAIN_MS = [500, 4_000] as const;

export function planDeeds(world: World): void {
  for (const deed of world.plan.deeds) {
    const life = world.somebody("operator", 800 + deed.nth);
    world.kernel.at(world.kernel.nowMs - world.sinceMs() + deed.atMs, () => {
      void lives.run(life, async () => {
        await act(world, life, deed);
        if (!deed.isRepeated) return;
        await world.kernel.sleep(2_000);
        await act(world, life, deed);
      });
    });
  }
}

type Life = ReturnType<World["somebody"]>;

async function act(world: World, life: Life, deed: Deed): Promise<void> {
  for (let tries = 0; tries < 3; tries++) {
    const outcome = await ask(world, life, deed);
    const word =
      "error" in outcome ? outcome.error : isRefusal(outcome.value) ? outcome.value.refused : "done";
    world.history.note("operator", `${deed.does}: ${word.slice(0, 80)}`);
    if (!("error" in outcome) && word !== "unavailable") return;
    await world.kernel.sleep(SEND_AGAIN_MS[0] + life.random() * SEND_AGAIN_MS[1]);
  }
}

const WHY = "simulated";
const uuid = (world: World, deed: number, what: number) =>
  `${String(what).padStart(8, "0")}-0000-4000-8000-0${String(deed).padStart(4, "0")}${Number(world.sale.id.split("-")[2]).toString(16).padStart(7, "0")}`;

function ask(world: World, life: Life, deed: Deed) {
  const { nth } = deed;
  const { id } = world.sale;
  const step = `operator ${deed.does}`;
  switch (deed.does) {
    case "mode":
      return world.ask(life, step, (services, steps) => steps.setMode(services, id, deed.mode, WHY));
    case "pause":
      return world.ask(life, step, (services, steps) => steps.pauseSale(services, id, WHY));
    case "resume":
      return world.ask(life, step, (services, steps) => steps.resumeSale(services, id, WHY));
    case "close":
      return world.ask(life, step, (services, steps) => steps.closeSale(services, id, WHY));
    case "open_now":
      return world.ask(life, step, (services, steps) => steps.openSale(services, id, WHY));
    case "release_size":
      return world.ask(life, step, (services, steps) => steps.setReleaseSize(services, id, deed.size, WHY));
    case "top_up": {
      const topUp = { id: uuid(world, nth, 70), sku: deed.sku, units: deed.units, reason: WHY };
      return world.ask(life, step, (services, steps) => steps.topUp(services, id, topUp));
    }
    case "update": {
      const items = world.sale.items.map((item) => ({ ...item, price: deed.price }));
      return world.ask(life, step, (services, steps) =>
        steps.updateSale(services, { ...world.sale, items, name: "Renamed" }, WHY),
      );
    }
    case "reconcile":
    case "dry_run":
      return world.ask(life, step, (services, steps) =>
        steps.reconcile(services, id, uuid(world, nth, 71), deed.does === "reconcile"),
      );
    case "look":
      return world.ask(life, step, (services, steps) => steps.readLive(services, id));
    case "remedy_limit":
      return world.ask(life, step, (services, steps) => steps.setRemedyLimit(services, id, 0, WHY));
    case "rebuild":
      return world.ask(life, step, (services, steps) => steps.rebuildSale(services, id));
    case "refund": {
      const order = [...world.oracle.knowledge.records.values()].find(
        ({ state, total }) => state === "confirmed" && total > 0,
      );
      const wish = { id: uuid(world, nth, 72), returnStock: life.random() < 0.5, reason: WHY };
      if (order === undefined) return Promise.resolve({ value: {} });
      return world.ask(life, step, (services, steps) => steps.askRefund(services, id, order.id, wish));
    }
  }
}

/** Looks every now and then whether Redis has lost the sale, and brings it back; approves what waits for a word. */
export async function lookAfter(world: World, isOver: () => boolean): Promise<void> {
  const life = world.somebody("operator", 799);
  await lives.run(life, async () => {
    while (!isOver()) {
      await world.kernel.sleep(9_000);
      const [known] = await world.look(() =>
        world.engines.redis.send([["HEXISTS", world.saleKeys["sale"] ?? "", "epoch"]]),
      );
      const [row] = await world.look(() =>
        world.engines.postgres.query(
          `select published_at, settled_at,
                  array(select id::int from discrepancies where outcome = 'waiting') as waiting from sales`,
        ),
      );
      if (String(known) === "0" && row?.["published_at"] != null && row["settled_at"] == null) {
        const rebuild: Deed = { nth: 90, does: "rebuild", atMs: 0, isRepeated: false };
        const first = act(world, life, rebuild);
        // Two operators at once, now and then.
        if (life.random() < 0.3) await act(world, world.somebody("operator", 798), rebuild);
        await first;
      }
      for (const id of (row?.["waiting"] ?? []) as number[]) {
        const outcome = await world.ask(life, "operator approve", (services, steps) =>
          steps.approve(services, world.sale.id, id),
        );
        world.history.note("operator", `approves: ${JSON.stringify(outcome).slice(0, 80)}`);
      }
    }
  });
}
