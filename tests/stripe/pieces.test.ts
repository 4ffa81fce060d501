/** What is easier to break one by one: bracketed forms, currencies, the schedule; and the books under random use. */
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { currencies, formatAmount } from "../../dev/stripe/currency.ts";
import { decodeForm } from "../../dev/stripe/form.ts";
import { createIdempotencyKeys } from "../../dev/stripe/idempotency.ts";
import { createSchedule } from "../../dev/stripe/schedule.ts";
import { line, open } from "./world.ts";

const plain = (form: string) => JSON.parse(JSON.stringify(decodeForm(form) ?? null)) as unknown;

test.each([
  ["a=1&b=", { a: "1", b: "" }],
  ["a[b][c]=1&a[b][d]=2", { a: { b: { c: "1", d: "2" } } }],
  ["l[0][x]=1&l[1][x]=2", { l: { 0: { x: "1" }, 1: { x: "2" } } }],
  ["l[]=a&l[]=b", { l: { 0: "a", 1: "b" } }],
  ["a=1&a=2", { a: "2" }],
  ["a%5Bb%5D=%C3%BC+%26", { a: { b: "ü &" } }],
  ["", {}],
])("%s is decoded", (form, tree) => {
  expect(plain(form)).toEqual(tree);
});

test.each(["a[=1", "a]=1", "[a]=1", "a[b]c=1", "a=1&a[b]=2", "a[b]=2&a=1", "=1", `a${"[b]".repeat(8)}=1`])(
  "%s is no form with brackets",
  (form) => {
    expect(decodeForm(form)).toBeUndefined();
  },
);

test("no name reaches a prototype", () => {
  const tree = decodeForm("__proto__[polluted]=1&constructor[prototype][polluted]=1");
  expect(Object.keys(tree ?? {})).toEqual(["__proto__", "constructor"]);
  expect("polluted" in {}).toBe(false);
});

test("amounts are written with the currency's decimals, to the last digit", () => {
  const shown = (amount: number, currency: string) =>
    formatAmount(amount, currency).replaceAll("\u00a0", " ");
  expect(shown(0, "eur")).toBe("€0.00");
  expect(shown(7, "eur")).toBe("€0.07");
  expect(shown(99_999_999, "usd")).toBe("$999,999.99");
  expect(shown(1, "kwd")).toBe("KWD 0.001");
  expect(shown(99_999_999, "jpy")).toBe("¥99,999,999");
  expect(shown(9_007_199_254_740_991, "kwd")).toBe("KWD 9,007,199,254,740.991");
  for (const currency of currencies) expect(() => formatAmount(1, currency)).not.toThrow();
});

test("a schedule runs what is due in order of time, of equals in order of coming, and nothing early", () => {
  let now = 0;
  const ran: string[] = [];
  const schedule = createSchedule(() => now);
  schedule.at(2000, () => ran.push("c"));
  schedule.at(1000, () => {
    ran.push("a");
    schedule.at(now, () => ran.push("at once"));
  });
  schedule.at(1000, () => ran.push("b"));
  now = 999;
  schedule.run();
  expect(ran).toEqual([]);
  now = 1999;
  schedule.run();
  expect(ran).toEqual(["a", "b", "at once"]);
  schedule.stop();
  now = 3000;
  schedule.run();
  expect(ran).toEqual(["a", "b", "at once"]);
});

test("a request that failed to be executed leaves its key free", async () => {
  const keys = createIdempotencyKeys(() => 0);
  const request = { endpoint: "/v1/refunds", form: "amount=1" };
  const answer = { status: 200, body: "{}", headers: {} };
  await expect(keys.once("k", request, () => Promise.reject(new Error("broken")))).rejects.toThrow("broken");
  expect(await keys.once("k", request, () => Promise.resolve(answer))).toEqual(answer);
});

test("whatever is done in whatever order, no money appears or vanishes", async () => {
  const { double, session, stripe } = await open();
  const step = fc.record({
    verb: fc.constantFrom("pay", "decline", "expire", "capture", "cancel", "refund"),
    amount: fc.integer({ min: 1, max: 120 }),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 3, maxLength: 8 }), async (steps) => {
      const { id } = await session({ line_items: [line(100)] });
      const intentId = () =>
        double.state().sessions.find((each) => each.id === id)?.payment_intent ?? "pi_none";
      for (const { verb, amount } of steps) {
        const refused = () => undefined;
        if (verb === "pay") double.pay(id);
        else if (verb === "decline") double.pay(id, { card: "declined" });
        else if (verb === "expire") await stripe.checkout.sessions.expire(id).catch(refused);
        else if (verb === "capture")
          await stripe.paymentIntents.capture(intentId(), { amount_to_capture: amount }).catch(refused);
        else if (verb === "cancel") await stripe.paymentIntents.cancel(intentId()).catch(refused);
        else await stripe.refunds.create({ payment_intent: intentId(), amount }).catch(refused);
      }
      const { totals, charges, refunds } = double.state();
      const { authorised = 0, captured = 0, refunded = 0, voided = 0, capturable = 0 } = totals.eur ?? {};
      expect(authorised).toBe(captured + voided + capturable);
      expect(refunded).toBe(refunds.reduce((sum, each) => sum + each.amount, 0));
      for (const charge of charges) {
        const back = refunds
          .filter((each) => each.charge === charge.id)
          .reduce((sum, { amount }) => sum + amount, 0);
        expect(back).toBeLessThanOrEqual(charge.amount_captured);
        expect(charge.amount_refunded).toBeLessThanOrEqual(charge.amount);
      }
    }),
    { numRuns: 60 },
  );
});
