/** leave.lua: giving up a place, and the room that goes with it. */
import { expect, test } from "vitest";
import { withRedis } from "../support/redis.ts";
import { people } from "../support/sale.ts";

const redis = withRedis();

test("missing: a Redis that lost the sale has no places to give up", async () => {
  const sale = await redis.sale();
  await sale.join("ann", 0);
  await redis.gateway.wipe();
  expect(await sale.leave("ann")).toBe("missing");
  expect(await redis.gateway.redis.command("DBSIZE")).toBe(0);
});

test("left: once or twice, from the line, released or inside; nothing of the place remains", async () => {
  const sale = await redis.sale({ releaseSize: 2 });
  for (const shopper of ["ann", "bob", "cat"]) await sale.join(shopper, 0);
  await sale.tick(0);
  await sale.enter("ann", 0);
  for (const shopper of ["ann", "ann", "bob", "bob", "cat", "cat", "nobody"])
    expect(await sale.leave(shopper)).toBe("left");
  const { waitlist, released, inside } = await sale.state();
  expect([waitlist.size, released.size, inside.size]).toEqual([0, 0, 0]);
});

test("from inside frees the room for the next", async () => {
  const sale = await redis.sale({ capacity: 1 });
  await sale.admit(["ann"], 0);
  await sale.join("bob", 1);
  expect((await sale.tick(5)).released).toBe(0);
  await sale.leave("ann");
  expect((await sale.tick(10)).released).toBe(1);
  expect((await sale.enter("bob", 10)).word).toBe("entered");
  expect((await sale.reserve("ann", "r1", { shoe: 1 }, 10))[0]).toBe("pass_expired");
});

test.each([-1, 1])(
  "from the lobby of a draw, %s s after opening; nobody is drawn in their place",
  async (second) => {
    const sale = await redis.sale({ lobby: "draw", items: { shoe: 99 }, releaseSize: 1 });
    for (const shopper of people(9)) await sale.join(shopper, -10);
    if (second > 0) await sale.tick(0);
    const { lobby } = await sale.state();
    const [leaver = ""] = lobby.keys();
    expect([await sale.leave(leaver), await sale.leave(leaver)]).toEqual(["left", "left"]);
    const after = await sale.state();
    expect([...after.lobby.keys()]).toEqual([...lobby.keys()].filter((shopper) => shopper !== leaver));
    expect((await sale.enter(leaver, second)).word).toBe("invalid_ticket");
  },
);

test("leaves a live reservation alone", async () => {
  const sale = await redis.sale();
  await sale.admit(["ann"], 0);
  await sale.reserve("ann", "r1", { shoe: 1 }, 0);
  await sale.leave("ann");
  expect((await sale.confirm("ann", "r1", 1))[0]).toBe("confirmed");
  expect(await sale.books()).toEqual([]);
});

test("a hold whose shopper left does not call people in for units that are gone", async () => {
  const sale = await redis.sale({ items: { shoe: 3 }, releaseSize: 2 });
  for (const shopper of people(10)) await sale.join(shopper, -10);
  await sale.tick(0);
  for (const shopper of ["s001", "s002"]) {
    await sale.enter(shopper, 0);
    await sale.reserve(shopper, `r-${shopper}`, { shoe: 1 }, 0);
    await sale.leave(shopper);
  }
  // One unit is available, and nobody inside is choosing.
  expect((await sale.tick(5)).released).toBe(1);
});
