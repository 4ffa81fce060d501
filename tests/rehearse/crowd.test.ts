import { describe, expect, test } from "vitest";
import {
  insideCheats,
  lineCheats,
  planCrowd,
  thinnedLobbySeconds,
  type CrowdOptions,
} from "../../bench/rehearse/crowd.ts";

const options: CrowdOptions = {
  shoppers: 1000,
  seed: 42,
  items: [
    { sku: "small", stock: 10, limit: 1 },
    { sku: "large", stock: 90, limit: 4 },
  ],
  lobbyMs: 7000,
  holdMs: 15_000,
};

describe("the plan of a crowd", () => {
  test("is the same for the same seed and another for another", () => {
    expect(planCrowd(options)).toEqual(planCrowd(options));
    expect(planCrowd({ ...options, seed: 43 })).not.toEqual(planCrowd(options));
  });

  test("keeps arrivals between the head start and the last latecomer, a third of them before opening", () => {
    const arrivals = planCrowd(options).map(({ arrivesMs }) => arrivesMs);
    expect(Math.min(...arrivals)).toBeGreaterThanOrEqual(-7000);
    expect(Math.max(...arrivals)).toBeLessThanOrEqual(20_000);
    const early = arrivals.filter((at) => at < 0).length;
    expect(early).toBeGreaterThan(200);
    expect(early).toBeLessThan(400);
  });

  test("never wishes for more than the limit, and knows all other items", () => {
    for (const { firstChoice, otherwise } of planCrowd(options)) {
      for (const { sku, quantity } of [...firstChoice, ...otherwise]) {
        expect(quantity).toBeGreaterThanOrEqual(1);
        expect(quantity).toBeLessThanOrEqual(sku === "small" ? 1 : 4);
      }
      expect(new Set(otherwise.map(({ sku }) => sku))).toEqual(new Set(["small", "large"]));
    }
  });

  test("gives each its own address, and cookies to about half", () => {
    const crowd = planCrowd(options);
    expect(new Set(crowd.map(({ address }) => address)).size).toBe(1000);
    const browsers = crowd.filter(({ client }) => client === "browser").length;
    expect(Math.abs(browsers - 500)).toBeLessThan(75);
  });

  test("has every ending and every cheat, even when small", () => {
    const crowd = planCrowd({ ...options, shoppers: 300 });
    expect(new Set(crowd.map(({ ending }) => ending))).toEqual(
      new Set(["buys", "leaves", "gives_back", "abandons"]),
    );
    const cheats = new Set(crowd.flatMap(({ cheat }) => (cheat === undefined ? [] : [cheat])));
    expect(cheats).toEqual(new Set([...lineCheats, ...insideCheats]));
    for (const habit of ["doubleClicks", "reloads", "repeats"] as const)
      expect(crowd.some((one) => one[habit])).toBe(true);
  });

  test("has people who cheat inside all over the lobby of a draw, where anybody may get in", () => {
    const crowd = planCrowd({ ...options, drawn: true });
    const isInside = ({ cheat }: (typeof crowd)[number]) => insideCheats.some((known) => known === cheat);
    const early = crowd.filter(({ arrivesMs }) => arrivesMs < 0);
    expect(early.filter(isInside).length).toBe(Math.ceil(0.2 * early.length));
    expect(crowd.filter(isInside).every(({ arrivesMs }) => arrivesMs < 0)).toBe(true);
  });

  test("pays in all ways where there are prices, and is otherwise the same crowd", () => {
    const [free, priced] = [planCrowd(options), planCrowd({ ...options, priced: true })];
    expect(new Set(free.map(({ card }) => card))).toEqual(new Set(["ok"]));
    expect(free.some(({ closesTab, ending }) => closesTab || ending === "abandons_paying")).toBe(false);
    const share = (is: (one: (typeof priced)[number]) => boolean) => priced.filter(is).length / priced.length;
    expect(share(({ card }) => card === "slow")).toBeCloseTo(0.2);
    expect(share(({ card }) => card === "declined")).toBeCloseTo(0.05);
    expect(share(({ card }) => card === "refused")).toBeCloseTo(0.05);
    expect(share(({ ending }) => ending === "abandons_paying")).toBeCloseTo(0.1);
    expect(share(({ closesTab }) => closesTab)).toBeCloseTo(0.1);
    const same = ({ index, arrivesMs, firstChoice, lookMs, payMs, cheat }: (typeof priced)[number]) => ({
      ...{ index, arrivesMs, firstChoice, lookMs, payMs, cheat },
    });
    expect(priced.map(same)).toEqual(free.map(same));
    expect(Math.max(...priced.map(({ bankMs }) => bankMs))).toBeGreaterThan(options.holdMs);
  });

  test("takes other shares", () => {
    const crowd = planCrowd({ ...options, shares: { wantsMore: 1, abandons: 0, browsers: 0 } });
    expect(crowd.some(({ ending }) => ending === "abandons")).toBe(false);
    expect(crowd.some(({ client }) => client === "browser")).toBe(false);
    expect(crowd.every(({ otherwise }) => otherwise.every((l) => l.sku === "small" || l.quantity > 1))).toBe(
      true,
    );
  });

  test("thinks for less than a hold lasts", () => {
    for (const { lookMs, payMs } of planCrowd({ ...options, holdMs: 5000 })) {
      expect(lookMs).toBeLessThanOrEqual(1000);
      expect(payMs).toBeLessThanOrEqual(1500);
    }
  });

  test("comes evenly when it is thinned: the same people in the same order, nearly all of them before opening", () => {
    const [usual, thinned] = [planCrowd(options), planCrowd({ ...options, isThinned: true })];
    const order = (crowd: typeof usual) =>
      crowd.toSorted((a, b) => a.arrivesMs - b.arrivesMs).map(({ index }) => index);
    expect(order(thinned)).toEqual(order(usual));
    const arrivals = thinned.map(({ arrivesMs }) => arrivesMs).sort((a, b) => a - b);
    expect(arrivals[0]).toBe(-options.lobbyMs);
    expect(arrivals.filter((at) => at < 0)).toHaveLength(970);
    for (let second = 0; second < 6; second++) {
      const from = -options.lobbyMs + second * 1000;
      const came = arrivals.filter((at) => at >= from && at < from + 1000).length;
      expect(Math.abs(came - 970 / 7)).toBeLessThanOrEqual(1);
    }
    expect(planCrowd({ ...options, isThinned: true })).toEqual(thinned);
  });

  test("is thinned when it is large, to what fits into the quarter of an hour in which a line is open before", () => {
    expect(thinnedLobbySeconds(5_000)).toBeUndefined();
    expect(thinnedLobbySeconds(100_000)).toBe(485);
    expect(thinnedLobbySeconds(150_000)).toBeLessThan(15 * 60 - 60);
  });

  test("copes with one shopper and with no stock", () => {
    expect(planCrowd({ ...options, shoppers: 1 })).toHaveLength(1);
    expect(planCrowd({ ...options, items: [{ sku: "none", stock: 0, limit: 1 }] })).toHaveLength(1000);
  });
});
