/** What people in line see: their place, why it moves or not, the draw, and that nothing is lost, in a real browser. */
import { beforeAll, describe, expect, test } from "vitest";
import { startStack, type Stack } from "../../dev/stack.ts";
import { startTurnstile, type TurnstileDouble } from "../../dev/turnstile/server.ts";
import { placeOf } from "../../static/assets/draw.js";
import { look, numberOf, press, reload, step, useShop, visitor } from "./browser.ts";
import { createSale, operate, setMode } from "./sales.ts";

const { stack, browser } = await useShop();

/** Takes a place without a browser. */
const join = (sale: string) => fetch(`${stack.url}/api/sales/${sale}/queue`, { method: "POST" });

describe.each([
  ["with JavaScript", true],
  ["without JavaScript", false],
])("%s", (_, javaScript) => {
  test("each mode has its own words in line", async () => {
    const sale = await createSale(stack, { capacity: 1, releaseEverySeconds: 2 });
    await join(sale);
    await new Promise((resolve) => setTimeout(resolve, 2_500));
    const { page, context, faults } = await visitor(browser, stack.url, { javaScript });
    await page.goto(`/sales/${sale}`);
    await press(page, "Join the line");
    await step(page, "You are in line");
    await page.getByText("Nobody came in at the last release: it is full inside.").waitFor();
    // Somebody came in two seconds before, which says nothing of the next.
    expect(await page.locator("#live").innerText()).toContain("We cannot say yet how long it takes.");
    const words = {
      hold: "The sale is paused for a moment.",
      drain: "Nobody else is let in for now",
      reject: "The sale has been stopped.",
    };
    for (const [mode, text] of Object.entries(words)) {
      await setMode(stack, sale, mode);
      await page.getByText(text).waitFor({ timeout: 20_000 });
      if (mode === "hold") await look(page, `waiting-${mode}-${javaScript ? "js" : "plain"}`);
    }
    await setMode(stack, sale, "passthrough");
    await step(page, "It is your turn");
    expect(faults).toEqual([]);
    await context.close();
  });

  test("the draw gives the number of the lobby its place, which can be checked", async () => {
    const sale = await createSale(stack, {
      lobby: "draw",
      opensInMs: 14_000,
      capacity: 1,
      items: [{ sku: "sand", name: "Sand", stock: 5, price: 0, limit: 2 }],
    });
    for (let i = 0; i < 6; i++) await join(sale);
    const { page, context, faults } = await visitor(browser, stack.url, { javaScript });
    await page.goto(`/sales/${sale}`);
    await page.getByText("the places are drawn among all who are here").first().waitFor();
    await press(page, "Join the line");
    await step(page, "You are in line");
    expect(await numberOf(page)).toBe(7);
    await page.getByText("Everybody who is here by then has the same chance.").waitFor();
    expect(await page.locator(".ahead").innerText()).toBe("Your place is drawn at opening.");
    await look(page, `lobby-draw-${javaScript ? "js" : "plain"}`);

    const drawn = async () => {
      const answer = await fetch(`${stack.url}/api/sales/${sale}/pulse`);
      const { draw } = (await answer.json()) as { draw: { seed?: string; count?: number } };
      return draw.seed === undefined ? undefined : await placeOf(draw.seed, draw.count ?? 0, 7);
    };
    await expect.poll(drawn, { timeout: 30_000, interval: 500 }).toBeDefined();
    const place = (await drawn()) ?? 0;
    // The first may come in at once; everybody else sees the place.
    if (place === 1) await step(page, "It is your turn");
    else await expect.poll(() => numberOf(page), { timeout: 20_000 }).toBe(place);

    await page.goto(`/sales/${sale}/draw`);
    await expect
      .poll(
        async () => {
          await reload(page);
          return await page.getByLabel("A number of the lobby").count();
        },
        { timeout: 20_000, interval: 1000 },
      )
      .toBe(1);
    await page.getByLabel("A number of the lobby").fill("7");
    await press(page, "Compute its place");
    await page.getByText(`Number 7 has place ${place}.`).waitFor();
    await look(page, `draw-${javaScript ? "js" : "plain"}`);
    expect(faults).toEqual([]);
    await context.close();
  });

  test("a line that was rebuilt gives the number back by itself", async () => {
    const sale = await createSale(stack, { opensInMs: 120_000 });
    for (let i = 0; i < 4; i++) await join(sale);
    const { page, context } = await visitor(browser, stack.url, { javaScript });
    await page.goto(`/sales/${sale}`);
    await press(page, "Join the line");
    await step(page, "You are in line");
    expect(await numberOf(page)).toBe(5);
    await stack.redis.wipe();
    await operate(stack, `/sales/${sale}/rebuild`, {});
    const waiting = async () => {
      const { line } = (await operate(stack, `/sales/${sale}/live`)) as { line: { waiting: number } };
      return line.waiting;
    };
    await expect.poll(waiting, { timeout: 45_000, interval: 500 }).toBe(1);
    expect(await numberOf(page)).toBe(5);
    await context.close();
  });
});

test("the place in line is read out in whole sentences", async () => {
  const sale = await createSale(stack, { capacity: 1 });
  await join(sale);
  const { page, context } = await visitor(browser, stack.url);
  await page.clock.install();
  await page.goto(`/sales/${sale}`);
  await press(page, "Join the line");
  await page.getByText("it is full inside.").waitFor();
  // Nothing is read out sooner after the step itself.
  await page.clock.fastForward(30_000);
  await expect
    .poll(() => page.locator("#announce").textContent())
    .toBe(
      "Nobody is ahead of you. We cannot say yet how long it takes. " +
        "Nobody came in at the last release: it is full inside. More come in as others finish.",
    );
  await context.close();
});

test("from the lobby on no file is asked for any more: the draw gives its place when none can be had", async () => {
  const sale = await createSale(stack, { lobby: "draw", opensInMs: 8_000 });
  const { page, context, faults } = await visitor(browser, stack.url);
  await page.goto(`/sales/${sale}`);
  await press(page, "Join the line");
  await step(page, "You are in line");
  await page.getByRole("button", { name: "Tell me by a sound" }).waitFor();
  await page.route("**/v/**", (route) => route.abort());
  await step(page, "It is your turn");
  expect(faults).toEqual([]);
  await context.close();
});

test("a look that brings something else than the pulse is not the last one", async () => {
  const sale = await createSale(stack);
  const { page, context } = await visitor(browser, stack.url);
  // As the login page of a café's network answers everything.
  const other = { contentType: "text/html", body: "<p>Please sign in to this network.</p>" };
  await page.route("**/pulse", (route) => route.fulfill(other), { times: 2 });
  await page.goto(`/sales/${sale}`);
  await press(page, "Join the line");
  await step(page, "It is your turn");
  await context.close();
});

test("a device whose clock is hours off counts down right, and lets in at the right time", async () => {
  for (const hours of [-5, 7]) {
    const sale = await createSale(stack, { opensInMs: 9_000 });
    const { page, context, faults } = await visitor(browser, stack.url);
    await page.clock.install({ time: Date.now() + hours * 3_600_000 });
    await page.goto(`/sales/${sale}`);
    await press(page, "Join the line");
    await step(page, "You are in line");
    const clock = await page.locator(".clock").innerText();
    expect(clock.replace(/\s+/g, " ")).toMatch(/^(00 ?days )?00 ?hours 00 ?minutes 0\d ?seconds$/i);
    await step(page, "It is your turn");
    await page.getByText(/Choose within [45]:\d\d\./).waitFor();
    expect(faults).toEqual([]);
    await context.close();
  }
});

test("who is too far back hears at once that what is left cannot reach them, and then that all is sold", async () => {
  const sale = await createSale(stack, { stock: 1, opensInMs: 4_000, items: [item({ stock: 1, limit: 1 })] });
  const { page: first, context: firstContext } = await visitor(browser, stack.url);
  await first.goto(`/sales/${sale}`);
  await press(first, "Join the line");
  await step(first, "You are in line");
  await join(sale);
  const { page, context, faults } = await visitor(browser, stack.url);
  await page.goto(`/sales/${sale}`);
  await press(page, "Join the line");
  await step(page, "You are in line");
  await page.getByText("What is left cannot reach your number").waitFor();
  await look(page, "waiting-unreachable");
  await step(first, "It is your turn");
  await press(first, "Reserve");
  await press(first, "Complete order");
  await step(first, "It is yours");
  const boughtAt = Date.now();
  await step(page, "Sold out");
  expect(Date.now() - boughtAt).toBeLessThan(2_500);
  expect(faults).toEqual([]);
  await Promise.all([context.close(), firstContext.close()]);
});

test("an address is confirmed by the link of its e-mail, and then joins", async () => {
  const sale = await createSale(stack, { identity: "registered" });
  const { page, context, faults } = await visitor(browser, stack.url);
  await page.goto(`/sales/${sale}`);
  await page.getByLabel("Your e-mail address").fill("fay@example.com");
  await look(page, "register");
  await press(page, "Send me a link");
  await page.getByText("Look into your mailbox").waitFor();
  const messages = async () => {
    const answer = await fetch(`${stack.mailbox.url}/api/messages?to=fay@example.com`);
    return ((await answer.json()) as { messages: { text: string }[] }).messages;
  };
  await expect.poll(async () => (await messages()).length, { timeout: 10_000 }).toBe(1);
  const link = /https?:\/\/\S+/.exec((await messages())[0]?.text ?? "")?.[0] ?? "";
  await page.goto(link.replace(/^https?:\/\/[^/]+/, ""));
  await look(page, "confirm");
  await press(page, "Confirm my address");
  await press(page, "Join the line");
  await step(page, "It is your turn");
  expect(faults).toEqual([]);
  await context.close();
});

describe("with a bot check", () => {
  let turnstile: TurnstileDouble;
  let checked: Stack;
  beforeAll(async () => {
    turnstile = await startTurnstile();
    checked = await startStack({ quiet: true, edge: turnstile.edge });
    return async () => {
      await checked.close();
      await turnstile.close();
    };
  });

  test("it is made when somebody joins, and not before", async () => {
    const sale = await createSale(checked);
    const { page, context, faults } = await visitor(browser, checked.url);
    await page.goto(`/sales/${sale}`);
    await step(page, "On sale now");
    expect(faults).toEqual([]);
    await press(page, "Join the line");
    await press(page, "I am a person");
    await step(page, "It is your turn");
    // The widget is another host's; nothing else is.
    expect(faults).toEqual([`other host: ${turnstile.scriptUrl}`]);
    await context.close();
  });

  test("one that was begun before the sale opens can be finished after", async () => {
    const sale = await createSale(checked, { opensInMs: 6_000 });
    const { page, context } = await visitor(browser, checked.url);
    await page.goto(`/sales/${sale}`);
    await press(page, "Join the line");
    await page.getByRole("button", { name: "I am a person" }).waitFor();
    await step(page, "On sale now");
    await press(page, "I am a person");
    await step(page, "It is your turn");
    await context.close();
  });

  test.each(["lost", "503"])(
    "another one is made when the answer to joining is %s: a token is good once",
    async (fate) => {
      const sale = await createSale(checked);
      const { page, context } = await visitor(browser, checked.url);
      // It arrives all the same, and uses the token up.
      await page.route(
        "**/queue",
        async (route) => {
          const request = route.request();
          const headers = { "content-type": "application/json" };
          const joined = await fetch(request.url(), { method: "POST", headers, body: request.postData() });
          expect(joined.status).toBe(201);
          await (fate === "lost" ? route.abort() : route.fulfill({ status: 503 }));
        },
        { times: 1 },
      );
      await page.goto(`/sales/${sale}`);
      await press(page, "Join the line");
      await press(page, "I am a person");
      await press(page, "I am a person");
      await step(page, "It is your turn");
      await context.close();
    },
  );

  test("one that never answers ends, in words, and can be begun again", async () => {
    const sale = await createSale(checked);
    const { page, context } = await visitor(browser, checked.url);
    await page.clock.install();
    await page.goto(`/sales/${sale}`);
    await press(page, "Join the line");
    await page.getByRole("button", { name: "I am a person" }).waitFor();
    await page.clock.fastForward(120_000);
    await page.getByText("Please show that you are a person, and join again.").waitFor();
    expect(await page.getByRole("button", { name: "I am a person" }).count()).toBe(0);
    await press(page, "Join the line");
    await press(page, "I am a person");
    await step(page, "It is your turn");
    await context.close();
  });
});

const item = (fields: { stock: number; limit: number }) => ({
  sku: "sand",
  name: "Sand",
  price: 0,
  ...fields,
});
