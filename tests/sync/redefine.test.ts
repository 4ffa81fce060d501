/** A sale defined anew stands so in Redis, in Postgres and in the audit log, whatever is lost on the way; once in each. */
import { expect, test } from "vitest";
import type { Sale } from "../../domain/sale.ts";
import { closeSale, openSale, updateSale } from "../../functions/sale/redefine.ts";
import { rebuildSale } from "../../functions/sale/rebuild.ts";
import { pauseSale, resumeSale, setReleaseSize } from "../../functions/sale/rules.ts";
import { createSale, readSale } from "../../functions/sale/sale.ts";
import { listAudit, readStoredSale } from "../../functions/sale/stored.ts";
import { admit, buy, expectSameBooks, must, newSale, useWorld } from "./harness.ts";

const { world, services } = await useWorld();
const HOUR = 3_600_000;
const inHours = (hours: number) => new Date(Date.now() + hours * HOUR).toISOString();

async function soon(changes: Partial<Sale> = {}): Promise<Sale> {
  const sale = newSale({ opensAt: inHours(1), closesAt: inHours(2), ...changes });
  must(await createSale(services, sale));
  return sale;
}
const audited = async (sale: Sale) =>
  (await listAudit(services, { sale: sale.id, limit: 100 })).map(({ action, detail }) => ({
    action,
    ...detail,
  }));

test("an update is in both stores, whole, and in the audit log with what it changed; repeated, it changes nothing", async () => {
  const sale = await soon();
  must(await setReleaseSize(services, sale.id, 7, ""));
  await world.settle();
  const after = { ...sale, name: "Later", opensAt: inHours(1.5), releaseSize: 9 };
  expect(must(await updateSale(services, after, "the truck is late"))).toMatchObject(after);
  expect(must(await updateSale(services, after, "the truck is late"))).toMatchObject(after);
  expect(await readSale(services, sale.id)).toMatchObject({ ...after, phase: "scheduled" });
  expect(must(await readStoredSale(services, sale.id))).toMatchObject({
    sale: after,
    state: { redis: "same", releaseSize: 9, phase: "scheduled" },
  });
  expect(await audited(sale)).toMatchObject([
    {
      action: "update",
      reason: "the truck is late",
      changed: {
        name: [sale.name, "Later"],
        opensAt: [sale.opensAt, after.opensAt],
        releaseSize: [10_000, 9],
      },
    },
    { action: "releaseSize" },
    { action: "create" },
  ]);
});

test("Postgres away: the change is in force, the caller hears it is not written down, the repetition writes it", async () => {
  const sale = await soon();
  const after = { ...sale, name: "Other" };
  world.postgres.faults.add({ kind: "cut", match: "jsonb_object_agg", times: 1 });
  expect(await updateSale(services, after, "why")).toMatchObject({ refused: "unavailable" });
  expect(await readSale(services, sale.id)).toMatchObject({ name: "Other" });
  expect(must(await readStoredSale(services, sale.id))).toMatchObject({
    sale: { name: sale.name },
    state: { redis: "differs" },
  });
  must(await updateSale(services, after, "why"));
  expect(must(await readStoredSale(services, sale.id))).toMatchObject({
    sale: after,
    state: { redis: "same" },
  });
  expect((await audited(sale)).map(({ action }) => action)).toEqual(["update", "create"]);
});

test.each(["open", "close"] as const)(
  "%s with each answer lost, then repeated: done once",
  async (change) => {
    const sale = await soon(change === "close" ? { opensAt: inHours(-1) } : {});
    const act = change === "open" ? openSale : closeSale;
    world.redis.faults.add({ kind: "lose_answer", match: sale.id, times: 2 });
    world.postgres.faults.add({ kind: "lose_answer", match: "jsonb_object_agg", times: 1 });
    expect(await act(services, sale.id, "now")).toMatchObject({ refused: "unavailable" });
    const phase = change === "open" ? "open" : "closed";
    const done = must(await act(services, sale.id, "now"));
    expect(done).toMatchObject({ phase });
    expect(must(await act(services, sale.id, "now"))).toEqual(done);
    expect(must(await readStoredSale(services, sale.id))).toMatchObject({
      sale: { opensAt: done.opensAt, closesAt: done.closesAt },
      state: { phase, redis: "same" },
    });
    expect((await audited(sale)).map(({ action }) => action)).toEqual([change, "create"]);
  },
);

test("ten who change it at once: each change is made on the one before, and both stores agree when all are through", async () => {
  const sale = await soon();
  const names = Array.from({ length: 10 }, (_, i) => `Name ${i}`);
  const outcomes = await Promise.all(
    names.map((name) => updateSale(world.services(), { ...sale, name }, name)),
  );
  // Who comes last to Postgres may be another than who came last to Redis: said to whoever looks, repaired by repeating.
  for (const outcome of outcomes) if ("refused" in outcome) expect(outcome.refused).toBe("unavailable");
  const now = must(await readSale(services, sale.id));
  must(await updateSale(services, { ...sale, name: now.name }, "again"));
  expect(must(await readStoredSale(services, sale.id))).toMatchObject({
    sale: { name: now.name },
    state: { redis: "same" },
  });
});

test("opened early it sells, and a rebuild brings back the times it was given", async () => {
  const sale = await soon();
  const opened = must(await openSale(services, sale.id, ""));
  const [pass] = await admit(services, sale.id, 1);
  await buy(services, must(pass), 2);
  await world.settle();
  await expectSameBooks(world, services, sale);
  await world.redis.wipe();
  must(await rebuildSale(services, sale.id));
  expect(await readSale(services, sale.id)).toMatchObject({ opensAt: opened.opensAt, phase: "open" });
  const closed = must(await closeSale(services, sale.id, ""));
  expect(closed.phase).toBe("closed");
  expect(await openSale(services, sale.id, "")).toMatchObject({ refused: "sale_ended" });
  expect(await updateSale(services, sale, "")).toMatchObject({ refused: "sale_ended" });
});

test("what Redis has lost is on hold, what there is not is not_found; nothing is written", async () => {
  const sale = await soon();
  await world.redis.wipe();
  for (const act of [openSale, closeSale, pauseSale, resumeSale]) {
    expect(await act(services, sale.id, "")).toMatchObject({ refused: "on_hold" });
    expect(await act(services, "no-such-sale", "")).toMatchObject({ refused: "not_found" });
  }
  expect(await updateSale(services, { ...sale, name: "Other" }, "")).toMatchObject({ refused: "on_hold" });
  expect(must(await readStoredSale(services, sale.id)).state.redis).toBe("missing");
  expect(await readStoredSale(services, "no-such-sale")).toMatchObject({ refused: "not_found" });
  expect((await audited(sale)).map(({ action }) => action)).toEqual(["create"]);
});

test("a pause is written down once, with the mode before; so is the way back", async () => {
  const sale = await soon();
  for (const act of [pauseSale, pauseSale, resumeSale, resumeSale]) must(await act(services, sale.id, "why"));
  expect(await world.settle()).toEqual([]);
  expect(await audited(sale)).toEqual([
    { action: "resume", before: "hold", mode: "normal", reason: "why" },
    { action: "pause", before: "normal", mode: "hold", reason: "why" },
    expect.objectContaining({ action: "create" }),
  ]);
});
