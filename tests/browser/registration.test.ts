/** Pre-registration in a real browser: from the address on the page to the unit that was set aside, and what others are told. */
import type { Page } from "playwright-core";
import { describe, expect, test } from "vitest";
import { mailsTo, newEmail, registrant } from "../http/registrants.ts";
import { look, press, reload, step, useShop, visitor } from "./browser.ts";
import { createSale, operate } from "./sales.ts";

const { stack, browser } = await useShop();

const fromNow = (ms: number) => new Date(Date.now() + ms).toISOString();

/** Opens the newest e-mail's link to a page of the shop. */
async function follow(page: Page, email: string, where: string): Promise<void> {
  let link: string | undefined;
  for (let i = 0; i < 100 && link === undefined; i++) {
    const texts = (await mailsTo(stack, email)).map(({ text }) => text);
    link = texts.flatMap((text) => new RegExp(`\\S+/${where}\\?token=\\S+`).exec(text)?.[0] ?? [])[0];
    if (link === undefined) await page.waitForTimeout(100);
  }
  await page.goto(link ?? "no such e-mail");
}

const registerOn = async (page: Page, sale: string, email: string) => {
  await page.goto(`/sales/${sale}`);
  await page.getByLabel("Your e-mail address").fill(email);
  await press(page, "Send me a link");
  await page.getByText("Look into your mailbox").waitFor();
};

/** Open for a minute, or until the operator opens the sale. */
const registering = () => ({
  opensInMs: 60_000,
  registrationOpensAt: fromNow(-60_000),
  registrationClosesAt: fromNow(59_000),
});
const open = (sale: string) => operate(stack, `/sales/${sale}/open`, { reason: "enough have registered" });

describe.each([
  ["with JavaScript", true],
  ["without JavaScript", false],
])("%s", (_, javaScript) => {
  const named = (name: string) => `${name}-${javaScript ? "js" : "plain"}`;

  test("a slot leads past the line, from the page or from the e-mail", async () => {
    const sale = await createSale(stack, {
      ...registering(),
      // All there is: for the line nothing is left.
      stock: 1,
      slots: { count: 1, allocation: "first_come", claimUntil: fromNow(600_000) },
    });
    const email = newEmail();
    const { page, context, faults } = await visitor(browser, stack.url, { javaScript });
    await page.goto(`/sales/${sale}`);
    await page.getByText("One unit is kept for those who register first").waitFor();
    await look(page, named("registration-open"));
    await registerOn(page, sale, email);
    await follow(page, email, "confirm");
    await press(page, "Confirm my address");
    await page.getByText("You have a slot: a unit is set aside for you.").waitFor();
    await look(page, named("registration-slot"));

    await open(sale);
    if (javaScript) {
      // Whoever is there is let in at opening, without doing anything.
      await step(page, "It is your turn");
    } else {
      // With nobody there to notice that registration has closed, cron does.
      await stack.cron();
      await follow(page, email, "slot");
      await look(page, named("registration-slot-link"));
      await press(page, "Come in");
      await step(page, "It is your turn");
    }
    expect(await page.locator("select option").allInnerTexts()).toEqual(["0", "1"]);
    expect(await page.locator("select").inputValue()).toBe("1");
    expect(await page.getByText("Nothing left at the moment").count()).toBe(0);
    await press(page, "Reserve");
    await press(page, "Complete order");
    await step(page, "It is yours");
    expect(faults).toEqual([]);
    await context.close();
  });

  test("who has no slot is told so with the chances, and joins the line", async () => {
    const sale = await createSale(stack, {
      ...registering(),
      stock: 2,
      slots: { count: 1, allocation: "draw", claimUntil: fromNow(600_000) },
    });
    for (let i = 0; i < 2; i++) await registrant(stack, sale, newEmail()).registerAndConfirm();
    const people = [];
    for (let i = 0; i < 2; i++) {
      const one = { email: newEmail(), ...(await visitor(browser, stack.url, { javaScript, width: 360 })) };
      await registerOn(one.page, sale, one.email);
      await follow(one.page, one.email, "confirm");
      await press(one.page, "Confirm my address");
      await one.page.getByText(`You are number ${3 + i} of ${3 + i} so far.`).waitFor();
      people.push(one);
    }
    await people[1]?.page.getByText("As it stands that is about 1 in 4.").waitFor();
    if (people[1] !== undefined) await look(people[1].page, named("registration-draw"));
    await open(sale);
    const told = await Promise.all(
      people.map(async ({ page }) => {
        await page.goto(`/sales/${sale}${javaScript ? "" : "/visit"}`);
        for (;;) {
          const text = await page.locator("#live").innerText();
          if (text.includes("You have no slot this time.")) return "waiting";
          if (/A unit is set aside for you|It is your turn/.test(text)) return "slot";
          await page.waitForTimeout(1_000);
          if (!javaScript) await reload(page);
        }
      }),
    );
    const loser = people[told.indexOf("waiting")];
    expect(loser).toBeDefined();
    if (loser === undefined) return;
    await loser.page
      .getByText(/The draw gave you place \d of 4; 1 have one|place \d of 4/)
      .first()
      .waitFor();
    await look(loser.page, named("registration-waiting"));
    await press(loser.page, "Join the line");
    await loser.page.getByRole("heading", { name: /You are (in line|next)|It is your turn/ }).waitFor();
    for (const { faults, context } of people) {
      expect(faults).toEqual([]);
      await context.close();
    }
  });

  test("a registration is taken back from the e-mail", async () => {
    const sale = await createSale(stack, { identity: "registered", opensInMs: 600_000 });
    const one = registrant(stack, sale, newEmail());
    await one.registerAndConfirm();
    const { page, context, faults } = await visitor(browser, stack.url, { javaScript });
    await follow(page, one.email, "unregister");
    await page.getByRole("heading", { name: "Take your registration back?" }).waitFor();
    await press(page, "Take it back");
    await page.getByRole("heading", { name: "Your registration is taken back" }).waitFor();
    expect((await one.mine()).type).toBe("registration_needed");
    expect(faults).toEqual([]);
    await context.close();
  });
});
