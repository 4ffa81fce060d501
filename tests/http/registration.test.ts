/** Pre-registration at the contract: who is taken, what a link is good for, and that nobody learns who else is on the list. */
import { describe, expect, test } from "vitest";
import {
  ask,
  at,
  claimsIn,
  createSale,
  forge,
  newAddress,
  operator,
  pointersOf,
  until,
  withStack,
} from "./harness.ts";
import { mailsTo, newEmail, registrant, tokenIn } from "./registrants.ts";

const stack = withStack();
const MINUTE = 60_000;

const saleFor = (overrides: Parameters<typeof createSale>[1] = {}) =>
  createSale(stack.get(), { identity: "registered", ...overrides });

describe("registering", () => {
  test("takes an address, mails a link, and by that the address is confirmed", async () => {
    const sale = await saleFor();
    const ann = registrant(stack.get(), sale, newEmail());
    expect((await ann.register()).status).toBe(202);
    const confirmed = await ann.confirm(await ann.mailed("confirm"));
    expect(confirmed.status).toBe(200);
    expect(confirmed.json).toMatchObject({ status: "waiting", number: 1, registered: 1, slots: 0 });
    expect((await ann.mine()).json).toMatchObject({ status: "waiting", number: 1 });
    expect((await ann.join()).status).toBe(201);
  });

  test("answers the same for an address that is on the list already, and mails it a link too", async () => {
    const sale = await saleFor();
    const ann = registrant(stack.get(), sale, newEmail());
    await ann.registerAndConfirm();
    const again = await registrant(stack.get(), sale, ann.email).register();
    const fresh = await registrant(stack.get(), sale, newEmail()).register();
    expect([again.status, again.json]).toEqual([fresh.status, fresh.json]);
    expect([...again.headers.keys()].sort()).toEqual([...fresh.headers.keys()].sort());
    await until(
      () => mailsTo(stack.get(), ann.email),
      (mails) => mails.length === 2,
    );
    // It shows the same person, on another device.
    const elsewhere = registrant(stack.get(), sale, ann.email);
    expect((await elsewhere.confirm(await elsewhere.mailed("confirm"))).json).toMatchObject({
      number: 1,
      registered: 1,
    });
  });

  test.each([
    ["no-at-sign"],
    ["two@@signs.example"],
    ["trailing@dot."],
    [`${"a".repeat(250)}@long.example`],
    ["somebody@mailinator.com"],
  ])("refuses %s", async (email) => {
    const sale = await saleFor();
    const answer = await registrant(stack.get(), sale, email).register();
    expect([answer.status, answer.type]).toEqual([422, "invalid_input"]);
    expect(pointersOf(answer)).toEqual(["/email"]);
  });

  test("the same address in other spellings is one person", async () => {
    const sale = await saleFor();
    const email = newEmail();
    const [local = "", domain = ""] = email.split("@");
    await registrant(stack.get(), sale, email).registerAndConfirm();
    const shouting = registrant(stack.get(), sale, `${local.toUpperCase()}+sale@${domain}`);
    await shouting.register();
    const link = await until(
      () => mailsTo(stack.get(), email),
      (mails) => mails.length === 2,
    );
    expect(
      (await shouting.confirm(tokenIn(link[0] ?? { to: "", subject: "", text: "" }, "confirm") ?? "")).json,
    ).toMatchObject({
      number: 1,
      registered: 1,
    });
  });

  test("before and after its window is refused", async () => {
    const soon = await saleFor({ registrationOpensAt: at(MINUTE), opensAt: at(5 * MINUTE) });
    const over = await saleFor({
      registrationOpensAt: at(-2 * MINUTE),
      registrationClosesAt: at(-MINUTE),
      opensAt: at(MINUTE),
    });
    const none = await createSale(stack.get());
    for (const sale of [soon, over, none]) {
      const answer = await registrant(stack.get(), sale, newEmail()).register();
      expect([answer.status, answer.type]).toEqual([409, "registration_closed"]);
    }
  });

  test("many at once from one address are held back", async () => {
    const sale = await saleFor();
    const address = newAddress();
    const statuses = await Promise.all(
      Array.from({ length: 300 }, async () => {
        const body = { email: newEmail("flood") };
        return (await ask(stack.get(), `/api/sales/${sale}/registrations`, { address, body })).status;
      }),
    );
    expect(statuses.filter((status) => status === 202).length).toBeLessThanOrEqual(120);
    expect(new Set(statuses)).toEqual(new Set([202, 429]));
  });

  test("one address is not mailed more than five times an hour, whoever asks", async () => {
    const sale = await saleFor();
    const email = newEmail();
    for (let i = 0; i < 8; i++)
      expect((await registrant(stack.get(), sale, email).register()).status).toBe(202);
    await until(
      () => mailsTo(stack.get(), email),
      (mails) => mails.length === 5,
    );
    await stack.get().cron();
    expect(await mailsTo(stack.get(), email)).toHaveLength(5);
  });
});

describe("a link", () => {
  test("works for the browser that used it first, as often as it asks, and for nobody else", async () => {
    const sale = await saleFor();
    const ann = registrant(stack.get(), sale, newEmail());
    await ann.register();
    const link = await ann.mailed("confirm");
    const first = await ann.confirm(link);
    expect((await ann.confirm(link)).json).toEqual(first.json);
    const eve = await registrant(stack.get(), sale, newEmail()).confirm(link);
    expect([eve.status, eve.type]).toEqual([409, "link_used"]);
    expect((await ann.mine()).json.registered).toBe(1);
  });

  test("that was tampered with, is of another sale or of another kind does not pass the edge", async () => {
    const [sale, other] = [await saleFor(), await saleFor()];
    const ann = registrant(stack.get(), sale, newEmail());
    await ann.register();
    const link = await ann.mailed("confirm");
    const [payload = "", ...rest] = link.split(".");
    const forged = [payload.replace(/.$/, (c) => (c === "A" ? "B" : "A")), ...rest].join(".");
    const ofSlot = await forge(stack.get(), { kind: "slot", sale, shopper: "ann" });
    const answers = [
      await ann.confirm(forged),
      await registrant(stack.get(), other, newEmail()).confirm(link),
      await ann.confirm(ofSlot),
    ];
    for (const answer of answers) {
      expect([answer.status, answer.type]).toEqual([422, "invalid_input"]);
      expect(pointersOf(answer)).toEqual(["/token"]);
      expect(answer.headers.get("x-layer")).toBe("edge");
    }
  });

  test("that has ended says so", async () => {
    const sale = await saleFor();
    const ended = await forge(stack.get(), {
      kind: "confirmation",
      sale,
      shopper: "ann",
      id: crypto.randomUUID(),
      expiresAtMs: Date.now() - 1,
    });
    const answer = await registrant(stack.get(), sale, newEmail()).confirm(ended);
    expect([answer.status, answer.type]).toEqual([410, "token_expired"]);
  });

  test("used after registration has closed confirms nobody", async () => {
    const sale = await saleFor({
      registrationOpensAt: at(-MINUTE),
      registrationClosesAt: at(2_500),
      opensAt: at(10 * MINUTE),
    });
    const ann = registrant(stack.get(), sale, newEmail());
    await ann.register();
    const late = await forge(stack.get(), {
      kind: "confirmation",
      sale,
      shopper: String(claimsIn(await ann.mailed("confirm")).shopper),
      id: crypto.randomUUID(),
      expiresAtMs: Date.now() + MINUTE,
    });
    await new Promise((resolve) => setTimeout(resolve, 2_600));
    const answer = await ann.confirm(late);
    expect([answer.status, answer.type]).toEqual([409, "registration_closed"]);
  });

  test("two links of one address, used at once by two browsers, are one registration", async () => {
    const sale = await saleFor();
    const email = newEmail();
    const [one, two] = [registrant(stack.get(), sale, email), registrant(stack.get(), sale, email)];
    await one.register();
    await two.register();
    const mails = await until(
      () => mailsTo(stack.get(), email),
      ({ length }) => length === 2,
    );
    const links = mails.map((mail) => tokenIn(mail, "confirm") ?? "");
    const answers = await Promise.all([one.confirm(links[0] ?? ""), two.confirm(links[1] ?? "")]);
    expect(answers.map(({ json }) => [json.number, json.status])).toEqual([
      [1, "waiting"],
      [1, "waiting"],
    ]);
    expect((await one.mine()).json.registered).toBe(1);
  });
});

describe("taking it back", () => {
  test("deletes the address, whether by the e-mail's link or by the browser; a repeat changes nothing", async () => {
    const sale = await saleFor();
    const [ann, bob] = [
      registrant(stack.get(), sale, newEmail("ann")),
      registrant(stack.get(), sale, newEmail("bob")),
    ];
    await ann.registerAndConfirm();
    await bob.registerAndConfirm();
    const token = await ann.mailed("unregister");
    for (let i = 0; i < 2; i++)
      expect((await ann.call("/registrations/cancel", { body: { token } })).status).toBe(204);
    expect((await bob.call("/registrations/cancel", { method: "POST" })).status).toBe(204);
    expect((await ann.mine()).type).toBe("registration_needed");
    const { json } = await operator(stack.get(), `/sales/${sale}/registrations`);
    expect(json).toMatchObject({ waiting: 0, left: 2 });
    const list = await fetch(`${stack.get().url}/api/admin/sales/${sale}/registrations.csv`, {
      headers: { authorization: `Bearer ${stack.get().adminToken}` },
    });
    expect(await list.text()).not.toContain("@");
  });

  const oneClick = { "List-Unsubscribe": "One-Click" };
  const multipart = new FormData();
  for (const field of Object.entries(oneClick)) multipart.append(...field);
  test.each([
    ["a form", new URLSearchParams(oneClick)],
    ["the parts that RFC 8058 prefers", multipart],
  ])("takes one click in a mail program, which posts to the link itself: %s", async (_, body) => {
    const sale = await saleFor();
    const ann = registrant(stack.get(), sale, newEmail());
    await ann.registerAndConfirm();
    const token = await ann.mailed("unregister");
    const clicked = await fetch(`${stack.get().url}/sales/${sale}/unregister?token=${token}`, {
      method: "POST",
      body,
    });
    expect(clicked.status).toBe(200);
    expect((await ann.mine()).type).toBe("registration_needed");
  });

  test("and coming again is a new registration, behind everybody", async () => {
    const sale = await saleFor();
    const [ann, bob] = [
      registrant(stack.get(), sale, newEmail("ann")),
      registrant(stack.get(), sale, newEmail("bob")),
    ];
    await ann.registerAndConfirm();
    const first = await ann.mailed("confirm");
    await bob.registerAndConfirm();
    await ann.call("/registrations/cancel", { method: "POST" });
    expect((await ann.confirm(first)).type).toBe("token_expired");
    await ann.register();
    await until(
      () => mailsTo(stack.get(), ann.email),
      ({ length }) => length === 2,
    );
    expect((await ann.confirm(await ann.mailed("confirm"))).json).toMatchObject({ number: 3 });
  });

  test("with a link that is not ours is refused", async () => {
    const sale = await saleFor();
    const eve = registrant(stack.get(), sale, newEmail("eve"));
    const answer = await eve.call("/registrations/cancel", { body: { token: "not.a.link" } });
    expect([answer.status, pointersOf(answer)]).toEqual([422, ["/token"]]);
    expect((await eve.call("/registrations/cancel", { method: "POST" })).type).toBe("registration_needed");
  });
});

describe("the operator's list", () => {
  const upload = (sale: string, csv: string) =>
    operator(stack.get(), `/sales/${sale}/invites`, {
      body: csv,
      headers: { "content-type": "text/csv" },
    });

  test("takes the good rows of a CSV and names the bad ones; a repeat knows them", async () => {
    const sale = await saleFor();
    const [ann, bob] = [newEmail("ann"), newEmail("bob")];
    const csv = `name,Email\nAnn,${ann}\nNobody,not-an-address\nBob,"${bob}"\n\nEmpty,\nAnn again,${ann}\nThrowaway,x@mailinator.com\n`;
    const first = await upload(sale, csv);
    expect(first.status).toBe(200);
    expect(first.json).toMatchObject({ imported: 2, known: 1 });
    expect(first.json.errors).toEqual([
      { row: 3, detail: "not an e-mail address" },
      expect.objectContaining({ row: 6 }),
      expect.objectContaining({ row: 8 }),
    ]);
    expect((await upload(sale, csv)).json).toMatchObject({ imported: 0, known: 3 });
    const { json } = await operator(stack.get(), `/sales/${sale}/registrations`);
    expect(json).toMatchObject({ waiting: 2 });
    const mails = await until(
      () => mailsTo(stack.get(), ann),
      ({ length }) => length > 0,
    );
    expect(mails).toHaveLength(1);
  });

  test.each([
    ["semicolons", ";"],
    ["tabs", "\t"],
  ])("takes what a spreadsheet writes with %s", async (_, between) => {
    const sale = await saleFor();
    const rows = [
      ["Email", "Name"],
      [newEmail("ann"), "Ann"],
      [newEmail("bob"), "Bob"],
    ];
    const sent = await upload(sale, `${rows.map((row) => row.join(between)).join("\r\n")}\r\n`);
    expect(sent.json).toMatchObject({ imported: 2, errors: [] });
  });

  test("without the column, too large, not CSV or after the slots were decided is refused as a whole", async () => {
    const sale = await saleFor();
    const noColumn = await upload(sale, "name\nAnn\n");
    expect([noColumn.status, noColumn.type]).toEqual([422, "invalid_input"]);
    const unclosed = await upload(sale, 'email,name\nann@mail.test,"Ann\nbob@mail.test,Bob\n');
    expect([unclosed.type, JSON.stringify(unclosed.json.errors)]).toEqual([
      "invalid_input",
      expect.stringContaining("not closed"),
    ]);
    const large = await upload(sale, `email\n${"x".repeat(1024 * 1024)}`);
    expect([large.status, large.type]).toEqual([413, "body_too_large"]);
    const json = await operator(stack.get(), `/sales/${sale}/invites`, { body: { email: "ann@mail.test" } });
    expect([json.status, json.type]).toEqual([415, "unsupported_media_type"]);
    const open = await createSale(stack.get(), {
      identity: "registered",
      registrationOpensAt: at(-2 * MINUTE),
      registrationClosesAt: at(-MINUTE),
      opensAt: at(MINUTE),
    });
    expect((await upload(open, "email\nann@mail.test\n")).type).toBe("registration_closed");
    expect((await operator(stack.get(), `/sales/${sale}/registrations`)).json).toMatchObject({ waiting: 0 });
  });

  test("is exported in the order of confirmation, safe to open in a spreadsheet", async () => {
    const sale = await saleFor();
    const evil = `-cmd${newEmail("x")}`;
    await upload(sale, `email\n${evil}\n${newEmail("bob")}\n`);
    const answer = await fetch(`${stack.get().url}/api/admin/sales/${sale}/registrations.csv`, {
      headers: { authorization: `Bearer ${stack.get().adminToken}` },
    });
    expect(answer.headers.get("content-type")).toContain("text/csv");
    const [head, first, second] = (await answer.text()).split("\r\n");
    expect(head).toBe("email,state,number,confirmedAt");
    expect(first).toMatch(/^"?'-cmd.*,waiting,1,\d{4}-/);
    expect(second).toMatch(/,waiting,2,/);
  });

  test("is the operator's alone", async () => {
    const sale = await saleFor();
    for (const path of ["registrations", "registrations.csv"]) {
      const answer = await ask(stack.get(), `/api/admin/sales/${sale}/${path}`, { token: "guess" });
      expect([answer.status, answer.type]).toEqual([401, "unauthorized"]);
    }
    expect((await operator(stack.get(), "/sales/never-was/registrations")).status).toBe(404);
  });
});
