/** The bot check at joining, where the shop wants one: a person comes in, a bot waits for ever and does not learn why. */
import { randomUUID } from "node:crypto";
import { afterAll, expect, test } from "vitest";
import { startTurnstile, type TurnstileDouble } from "../../dev/turnstile/server.ts";
import { ask, at, claimsIn, createSale, live, pulse, shopper, until, withStack } from "./harness.ts";
import { mailsTo, newEmail, registrant } from "./registrants.ts";

let turnstile: TurnstileDouble | undefined;
const stack = withStack([], async () => {
  turnstile = await startTurnstile();
  return turnstile.edge;
});
afterAll(() => turnstile?.close());

const checked = (outcome: "pass" | "fail" | "old") => ({ body: { botCheck: `${outcome}-${randomUUID()}` } });

test("a person passes once, and hears their number again without another check", async () => {
  const sale = await createSale(stack.get());
  const ann = shopper(stack.get(), sale);
  expect((await ann.join(checked("pass"))).status).toBe(201);
  const before = turnstile?.verified();
  const again = await ann.join();
  expect([again.status, again.json.number]).toEqual([200, 1]);
  expect(turnstile?.verified()).toBe(before);
});

test("without a check, with an old one or one used before, one is asked for", async () => {
  const sale = await createSale(stack.get());
  const used = checked("pass");
  await shopper(stack.get(), sale).join(used);
  for (const call of [{}, checked("old"), used]) {
    const answer = await shopper(stack.get(), sale).join(call);
    expect([answer.status, answer.type]).toEqual([403, "bot_check_failed"]);
  }
  const wrong = await ask(stack.get(), `/api/sales/${sale}/queue`, { body: { botCheck: 7 } });
  expect(wrong.status).toBe(403);
});

test("a bot gets a ticket like any other, and no turn, ever; it takes no place", async () => {
  const sale = await createSale(stack.get());
  const [ann, bot] = [shopper(stack.get(), sale), shopper(stack.get(), sale)];
  const real = await ann.join(checked("pass"));
  const ghost = await bot.join(checked("fail"));
  expect([ghost.status, ghost.json.number]).toEqual([201, 2]);
  expect(Object.keys(ghost.json)).toEqual(Object.keys(real.json));
  expect(Object.keys(claimsIn(bot.ticket))).toEqual(Object.keys(claimsIn(ann.ticket)));
  expect(bot.ticket.length).toBe(ann.ticket.length);
  expect((await live(stack.get(), sale)).line.waiting).toBeLessThanOrEqual(1);

  await until(
    () => ann.enter(),
    ({ status }) => status === 201,
  );
  const ben = shopper(stack.get(), sale);
  expect((await ben.join(checked("pass"))).json.number).toBe(2);
  await until(
    () => pulse(stack.get(), sale),
    ({ nowServing }) => Number(nowServing) >= 2,
  );
  const calls = (await stack.get().redis.stats()).scriptCalls;
  for (let i = 0; i < 3; i++) {
    const waits = await bot.enter();
    expect([waits.status, waits.type, waits.headers.has("retry-after")]).toEqual([
      425,
      "not_your_turn",
      true,
    ]);
  }
  expect((await stack.get().redis.stats()).scriptCalls - calls).toBe(0);
  // Failing again answers the same number; leaving is taken like anybody's.
  expect((await bot.join(checked("fail"))).json.number).toBe(2);
  // So does coming without a check, or with one used before: as to who has a place.
  const used = checked("pass");
  await shopper(stack.get(), sale).join(used);
  for (const call of [{}, used, checked("old")])
    for (const [someone, number] of [
      [ann, 1],
      [bot, 2],
    ] as const) {
      const again = await someone.join(call);
      expect([again.status, again.json.number]).toEqual([200, number]);
    }
  expect((await bot.leave()).status).toBe(204);
});

test("who was taken for a bot and passes later has a place", async () => {
  const sale = await createSale(stack.get());
  const ann = shopper(stack.get(), sale);
  await ann.join(checked("fail"));
  expect((await ann.join(checked("pass"))).status).toBe(201);
  await until(
    () => ann.enter(),
    ({ status }) => status === 201,
  );
});

test("registering asks for a check too; who fails it is told nothing else, and gets no e-mail; a slot needs no other", async () => {
  const sale = await createSale(stack.get(), {
    opensAt: at(2_500),
    slots: { count: 1, allocation: "first_come", claimUntil: at(60_000) },
  });
  const [ann, bot] = [
    registrant(stack.get(), sale, newEmail("ann")),
    registrant(stack.get(), sale, newEmail("bot")),
  ];
  expect((await ann.register()).type).toBe("bot_check_failed");
  const passed = await ann.register({ email: ann.email, ...checked("pass").body });
  const failed = await bot.register({ email: bot.email, ...checked("fail").body });
  expect([passed.status, failed.status, failed.json]).toEqual([202, 202, passed.json]);
  await ann.confirm(await ann.mailed("confirm"));
  await stack.get().cron();
  expect(await mailsTo(stack.get(), bot.email)).toEqual([]);
  await ann.decided();
  await until(
    () => ann.join(),
    ({ json }) => json.pass !== undefined,
  );
});

test("the page carries the widget, and its policy lets it load; the other pages stay closed", async () => {
  const sale = await createSale(stack.get());
  const page = await fetch(`${stack.get().url}/sales/${sale}`);
  expect(await page.text()).toContain("local-site-key");
  const policy = page.headers.get("content-security-policy") ?? "";
  expect(policy).toContain(`script-src 'self' ${new URL(turnstile?.scriptUrl ?? "").origin};`);
  expect(policy).toContain("frame-src ");
});

test("while the check's service does not answer, nobody new joins and nobody is called a bot", async () => {
  const sale = await createSale(stack.get());
  const ann = shopper(stack.get(), sale);
  await ann.join(checked("pass"));
  const bot = shopper(stack.get(), sale);
  await bot.join(checked("fail"));
  await turnstile?.close();
  const refused = await shopper(stack.get(), sale).join(checked("pass"));
  expect([refused.status, refused.type]).toEqual([503, "unavailable"]);
  for (const someone of [ann, bot]) expect((await someone.join(checked("pass"))).status).toBe(200);
  turnstile = undefined;
});
