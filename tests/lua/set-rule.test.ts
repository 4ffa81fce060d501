/** set-rule.lua, and rules.ts, which calls it: what an operator changes counts from the next tick. */
import { describe, expect, test } from "vitest";
import { pauseSale, resumeSale, setMode, setReleaseSize, setRuleScript } from "../../functions/sale/rules.ts";
import { withRedis } from "../support/redis.ts";
import { broken, people } from "../support/sale.ts";

const redis = withRedis();

describe("the words, in order of precedence", () => {
  test("missing: an emptied Redis does not come to look like one that knows the sale", async () => {
    const sale = await redis.sale();
    await redis.gateway.wipe();
    expect(await sale.setMode("normal", 0)).toEqual({ word: "missing", before: "" });
    expect(await sale.setRule("releaseSize", 5, 0)).toEqual({ word: "missing", before: "" });
    expect(await redis.gateway.redis.command("DBSIZE")).toBe(0);
  });

  test("sale_ended from closing on, else set; both tell the value before", async () => {
    const sale = await redis.sale({ releaseSize: 7 });
    expect(await sale.setMode("hold", -9999)).toEqual({ word: "set", before: "normal" });
    expect(await sale.setMode("hold", 3599.999)).toEqual({ word: "set", before: "hold" });
    expect(await sale.setMode("normal", 3600)).toEqual({ word: "sale_ended", before: "hold" });
    expect(await sale.setRule("releaseSize", 9, 3599.999)).toEqual({ word: "set", before: "7" });
    expect(await sale.setRule("releaseSize", 8, 3600)).toEqual({ word: "sale_ended", before: "9" });
    expect(await sale.tick(3600)).toMatchObject({ mode: "hold", release: { size: 9 } });
  });

  test("changes nothing but its rule and the tick it counts from", async () => {
    const sale = await redis.sale();
    const before = await sale.state();
    await sale.setRule("releaseSize", 9, 12);
    const after = await sale.state();
    expect(after).toEqual({
      ...before,
      sale: new Map([...before.sale, ["releaseSize", "9"], ["lastTick", "2"]]),
    });
  });
});

describe("the mode", () => {
  test("leaves those inside what they have, except that reject sells nothing", async () => {
    const sale = await redis.sale();
    await sale.admit(["ann", "bob"], 0);
    await sale.setMode("reject", 1);
    expect(await sale.reserve("ann", "r1", { shoe: 1 }, 1)).toEqual(["on_hold"]);
    for (const mode of ["hold", "drain"] as const) {
      await sale.setMode(mode, 2);
      expect((await sale.reserve(mode === "hold" ? "ann" : "bob", `r-${mode}`, { shoe: 1 }, 2))[0]).toBe(
        "held",
      );
    }
  });

  test("passthrough begins with the next tick, and normal ends it at once", async () => {
    const sale = await redis.sale({ releaseSize: 1, items: { shoe: 1 } });
    for (const shopper of people(9)) await sale.join(shopper, -10);
    await sale.tick(0);
    await sale.setMode("passthrough", 1);
    expect((await sale.tick(4.9)).released).toBe(0);
    expect((await sale.tick(5)).released).toBe(8);
    await sale.join("late", 6);
    await sale.setMode("normal", 6);
    expect((await sale.tick(9.9)).released).toBe(0);
    expect((await sale.tick(10)).released).toBe(0);
  });
});

describe("pause and resume", () => {
  const modeOf = async (sale: Awaited<ReturnType<typeof redis.sale>>) =>
    (await sale.state()).sale.get("mode");

  test.each(["normal", "drain", "passthrough", "reject"] as const)(
    "resume brings back %s, however often somebody has paused",
    async (mode) => {
      const sale = await redis.sale();
      await sale.setMode(mode, 0);
      for (const second of [1, 2]) await sale.setRule("pause", "", second);
      expect(await modeOf(sale)).toBe("hold");
      for (const second of [3, 4]) await sale.setRule("resume", "", second);
      expect(await modeOf(sale)).toBe(mode);
    },
  );

  test("a mode set during the pause stays, and is no memory of the next one", async () => {
    const sale = await redis.sale();
    await sale.setMode("drain", 0);
    await sale.setRule("pause", "", 1);
    await sale.setMode("reject", 2);
    await sale.setRule("resume", "", 3);
    expect(await modeOf(sale)).toBe("reject");
    await sale.setMode("hold", 4);
    await sale.setRule("resume", "", 5);
    expect(await modeOf(sale)).toBe("normal");
  });

  test("what was due during the pause is not made up for", async () => {
    const sale = await redis.sale({ releaseSize: 2, items: { shoe: 99 } });
    for (const shopper of people(30)) await sale.join(shopper, -10);
    await sale.tick(0);
    await sale.setRule("pause", "", 1);
    expect((await sale.tick(20)).released).toBe(0);
    await sale.setRule("resume", "", 24);
    expect((await sale.tick(24.9)).released).toBe(0);
    expect((await sale.tick(25)).released).toBe(2);
  });

  test("through the functions: the mode in force", async () => {
    const sale = await redis.sale({ opensAtMs: Date.now() - 1000 });
    await setMode(redis.services, sale.id, "drain", "");
    expect(await pauseSale(redis.services, sale.id, "")).toEqual({ mode: "hold" });
    expect(await resumeSale(redis.services, sale.id, "")).toEqual({ mode: "drain" });
    expect(await resumeSale(redis.services, "nothing", "")).toMatchObject({ refused: "not_found" });
  });
});

describe("the release size", () => {
  test("counts from the next tick", async () => {
    const sale = await redis.sale({ releaseSize: 2, items: { shoe: 99 } });
    for (const shopper of people(30)) await sale.join(shopper, -10);
    expect((await sale.tick(0)).released).toBe(2);
    await sale.setRule("releaseSize", 5, 1);
    expect(await sale.tick(4.9)).toMatchObject({ released: 0, release: { size: 5, last: 2 } });
    expect((await sale.tick(5)).released).toBe(5);
    await sale.setRule("releaseSize", 1, 7);
    expect((await sale.tick(10)).released).toBe(1);
  });

  test("does not count for a tick that was due before it was set", async () => {
    const sale = await redis.sale({ releaseSize: 2, items: { shoe: 99 } });
    for (const shopper of people(30)) await sale.join(shopper, -10);
    await sale.setRule("releaseSize", 10, 11);
    expect((await sale.tick(14)).released).toBe(0);
    expect((await sale.tick(15)).released).toBe(10);
  });

  test("with the tick not moved, it counts for ticks that are past", async () => {
    const sale = await redis.sale({ releaseSize: 2, items: { shoe: 99 } });
    for (const shopper of people(30)) await sale.join(shopper, -10);
    sale.scripts.setRule = broken(setRuleScript, ", 'lastTick', math.max(tonumber(rules[5]), tick)");
    await sale.setRule("releaseSize", 10, 11);
    expect((await sale.tick(11)).released).toBe(30);
  });
});

describe("an operator's change, through the functions", () => {
  /** Open for 12 s, with the ticks of 0, 5 and 10 s not called yet. */
  async function openSale() {
    const sale = await redis.sale({ opensAtMs: Date.now() - 12_000, releaseSize: 2, items: { shoe: 99 } });
    for (const shopper of people(30)) await sale.join(shopper, 12);
    return sale;
  }

  test("releases by the old size for the ticks until then", async () => {
    const sale = await openSale();
    expect(await setReleaseSize(redis.services, sale.id, 7, "faster")).toEqual({ releaseSize: 7 });
    expect((await sale.state()).released.size).toBe(6);
    expect((await sale.tick(14.9)).released).toBe(0);
    expect((await sale.tick(15)).released).toBe(7);
  });

  test("releases by the old mode for the ticks until then", async () => {
    const sale = await openSale();
    expect(await setMode(redis.services, sale.id, "passthrough", "")).toEqual({ mode: "passthrough" });
    expect((await sale.state()).released.size).toBe(6);
    expect((await sale.tick(15)).released).toBe(24);
  });

  test("sale_ended once it is closed, not_found without such a sale", async () => {
    const sale = await redis.sale({ opensAtMs: Date.now() - 5000, openSeconds: 1 });
    expect(await setReleaseSize(redis.services, sale.id, 7, "")).toMatchObject({ refused: "sale_ended" });
    expect(await setMode(redis.services, sale.id, "hold", "")).toMatchObject({ refused: "sale_ended" });
    expect(await setMode(redis.services, "nothing", "hold", "")).toMatchObject({ refused: "not_found" });
  });
});
