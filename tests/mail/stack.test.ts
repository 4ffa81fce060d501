/** The same in the Workers as they are deployed: the binding's codes, a killed Worker, the operator's calls, the mailbox. */
import pg from "pg";
import { afterAll, beforeEach, expect, test } from "vitest";
import { z } from "zod";
import { createSale, operator, until, withStack } from "../http/harness.ts";
import { confirmData, type Row } from "./world.ts";

const arrived = z.looseObject({
  id: z.string(),
  text: z.string(),
  html: z.string(),
  headers: z.record(z.string(), z.string()),
});
const listing = z.object({ messages: z.tuple([arrived]) });
const stack = withStack();
let database: pg.Pool | undefined;
afterAll(() => database?.end());
beforeEach(async () => {
  stack.get().mailbox.faults.clear();
  stack.get().mailbox.mailbox.clear();
  await query("delete from emails");
});

async function query(text: string, params: unknown[] = []): Promise<Row[]> {
  database ??= new pg.Pool({ connectionString: stack.get().database.connectionString, max: 2 });
  return (await database.query<Row>(text, params)).rows;
}
async function write(
  sale: string,
  kind = "confirm",
  data: object = { ...confirmData(), shop: stack.get().url },
) {
  const [row] = await query(
    `insert into emails (id, sale_id, recipient, kind, data)
     values (gen_random_uuid(), $1, 'ann@mail.test', $2, $3) returning id`,
    [sale, kind, JSON.stringify(data)],
  );
  return String(row?.id);
}
const email = async (id: string): Promise<Row> =>
  (await query("select * from emails where id = $1", [id]))[0] ?? {};

test("the mailbox shows an e-mail as its reader sees it, from whom, and how to unregister", async () => {
  const sale = await createSale(stack.get(), {
    name: "Spring <b>drop</b>",
    emails: { from: "Shoe Shop <shoes@shop.example>", replyTo: "help@shop.example", note: "Bring a coat." },
  });
  const id = await write(sale);
  await stack.get().cron();
  const { url } = stack.get().mailbox;
  const answer: unknown = await (await fetch(`${url}/api/messages?to=ann@mail.test`)).json();
  const { messages } = listing.parse(answer);
  expect(messages).toMatchObject([
    {
      from: "Shoe Shop <shoes@shop.example>",
      replyTo: "help@shop.example",
      subject: "Confirm your address for Spring <b>drop</b>",
      messageId: id,
      headers: { "X-Message-Id": id },
    },
  ]);
  const [{ id: messageId, text, html, headers }] = messages;
  expect(text).toContain("“Spring <b>drop</b>”");
  expect(html).toContain("“Spring &lt;b&gt;drop&lt;/b&gt;”");
  expect(headers["List-Unsubscribe"]).toMatch(
    /^<http:\/\/127\.0\.0\.1:\d+\/sales\/[\w-]+\/unregister\?token=[\w.-]+>$/,
  );
  expect(headers["List-Unsubscribe-Post"]).toBe("List-Unsubscribe=One-Click");
  const message = `${url}/messages/${messageId}`;
  const page = await (await fetch(message)).text();
  for (const shown of [
    "help@shop.example",
    "List-Unsubscribe",
    "unregister?token=",
    "Bring a coat.",
    "<iframe",
  ])
    expect(page).toContain(shown);
  expect(await (await fetch(`${message}/html`)).text()).toMatch(/<h1[^>]*>Confirm your address<\/h1>/);
  expect(await (await fetch(url)).text()).toContain("<td>text, HTML</td>");
});

test("the binding's codes arrive: what is refused for what it is, for now, and for too much", async () => {
  const sale = await createSale(stack.get());
  for (const [status, state, failure] of [
    [422, "dead", "E_VALIDATION_ERROR"],
    [503, "queued", "E_INTERNAL_SERVER_ERROR"],
    [429, "queued", "E_RATE_LIMIT_EXCEEDED"],
  ] as const) {
    const id = await write(sale);
    stack.get().mailbox.faults.add({ kind: "error", status, match: id });
    await stack.get().cron();
    expect(await email(id)).toMatchObject({ state, failure });
  }
});

test("a Worker killed after an e-mail has gone out does not send it again when it is back", async () => {
  const id = await write(await createSale(stack.get()));
  const { mailbox, functions } = stack.get();
  // Delivered, and the Worker hears of it a second later: it does not live to.
  mailbox.faults.add({ kind: "lose_answer", match: id });
  stack.get().neon.faults.add({ kind: "cut", match: "jsonb_to_recordset" });
  const sending = stack
    .get()
    .cron()
    .catch(() => undefined);
  await until(
    () => Promise.resolve(mailbox.mailbox.list()),
    (messages) => messages.length === 1,
  );
  await functions.kill();
  await sending;
  stack.get().neon.faults.clear();
  mailbox.faults.clear();
  await functions.restart();
  expect(await email(id)).toMatchObject({ state: "sending", attempts: 1 });
  await query("update emails set taken_at = now() - interval '6 minutes'");
  await stack.get().cron();
  await stack.get().cron();
  expect(await email(id)).toMatchObject({ state: "dead", failure: "unknown", attempts: 1 });
  expect(mailbox.mailbox.list()).toHaveLength(1);

  const { json } = await operator(stack.get(), "/emails");
  expect(json.emails).toMatchObject([{ id, state: "dead", failure: "unknown", recipient: "ann@mail.test" }]);
  const retried = await operator(stack.get(), `/emails/${id}/retry`, { method: "POST" });
  expect([retried.status, retried.json]).toEqual([200, { id, state: "queued" }]);
  await until(
    () => email(id),
    ({ state }) => state === "sent",
  );
  expect(mailbox.mailbox.list()).toHaveLength(2);
});

test("the calls are the operator's, and say what is wrong with them", async () => {
  const none = crypto.randomUUID();
  expect((await operator(stack.get(), "/emails", { token: "x" })).type).toBe("unauthorized");
  expect((await operator(stack.get(), `/emails/${none}/retry`, { method: "POST", token: "x" })).type).toBe(
    "unauthorized",
  );
  for (const query of ["state=lost", "after=1", "limit=0", "sale=A"])
    expect((await operator(stack.get(), `/emails?${query}`)).type).toBe("invalid_input");
  expect((await operator(stack.get(), `/emails/${none}/retry`, { method: "POST" })).type).toBe("not_found");
  expect((await operator(stack.get(), "/emails/1/retry", { method: "POST" })).type).toBe("not_found");
});
