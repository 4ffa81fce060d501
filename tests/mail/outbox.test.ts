/** What an operator sees of the e-mails and may do; and an outbox of before, carried over. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import pg from "pg";
import { expect, test } from "vitest";
import { sendDueEmails } from "../../functions/mail/mailer.ts";
import { emailNumbers, listEmails, retryEmail } from "../../functions/mail/outbox.ts";
import { refuse } from "../../domain/refusal.ts";
import { register } from "../../functions/registration/registration.ts";
import { forgetAddresses } from "../../functions/registration/retention.ts";
import { SHOP, useOutbox } from "./world.ts";

const outbox = await useOutbox();
const { mail, query } = outbox;

test("dead letters are listed in pages, of all sales or one, with why and for whom", async () => {
  const [sale, other] = [await outbox.sale(), await outbox.sale()];
  const ids = [...(await outbox.write(sale, 3)), ...(await outbox.write(other, 1))];
  mail.faults.add({ kind: "error", status: 422 });
  await sendDueEmails(outbox.services());
  const services = outbox.services();
  const page = async (after?: string) => listEmails(services, { state: "dead", after, limit: 3 });
  const first = await page();
  const rest = await page(first.at(-1)?.id);
  expect([...first, ...rest].map(({ id }) => id)).toEqual([...ids].sort());
  expect(first).toHaveLength(3);
  expect(rest[0]).toMatchObject({
    state: "dead",
    attempts: 1,
    failure: "E_VALIDATION_ERROR",
    kind: "confirm",
  });
  const ofOther = await listEmails(services, { state: "dead", sale: other, limit: 10 });
  expect(ofOther).toMatchObject([{ id: ids[3], sale: other, recipient: "a0@mail.test", sentAt: null }]);
  expect(await listEmails(services, { state: "sent", limit: 10 })).toEqual([]);
});

test("a dead letter is sent when an operator says so, once however often, and that is written down", async () => {
  const sale = await outbox.sale();
  const [id = ""] = await outbox.write(sale, 1);
  mail.faults.add({ kind: "cut", times: 1 });
  await sendDueEmails(outbox.services());
  expect(await outbox.email(id)).toMatchObject({ state: "dead", failure: "unknown" });

  const services = outbox.services();
  const twice = await Promise.all([retryEmail(services, id), retryEmail(services, id)]);
  // By the time the second is answered, the first may have sent it.
  const words = twice.map((answer) => ("state" in answer ? answer.state : answer.refused)).sort();
  expect(words).toContain("queued");
  for (const word of words) expect(["queued", "sending", "already_sent"]).toContain(word);
  await outbox.world.settle();
  expect(outbox.arrived().get(id)).toBe(1);
  expect(await outbox.email(id)).toMatchObject({ state: "sent", attempts: 2 });
  expect(
    await query("select action, detail from audit_log where sale_id = $1 and action <> 'create'", [sale]),
  ).toEqual([
    { action: "email_retry", detail: { email: id, kind: "confirm", attempts: 1, failure: "unknown" } },
  ]);
  expect(await retryEmail(services, id)).toEqual(refuse("already_sent"));
});

test("an address that was never confirmed is forgotten after two days, in its e-mails too, and nobody else's is", async () => {
  const registrationOpensAt = new Date(Date.now() - 3_600_000).toISOString();
  const [sale, other] = [
    await outbox.sale({ identity: "registered", registrationOpensAt }),
    await outbox.sale({ identity: "registered", registrationOpensAt }),
  ];
  const ask = (of: string, email: string) =>
    register(outbox.services(), of, { email, shop: SHOP, failedCheck: false });
  await ask(sale, "late@mail.test");
  await outbox.world.settle();
  mail.faults.add({ kind: "error", status: 422 });
  await ask(sale, "a0@mail.test");
  await outbox.world.settle();
  mail.faults.clear();
  await ask(sale, "soon@mail.test");
  await ask(other, "a0@mail.test");
  await outbox.write(sale, 1, { kind: "receipt" });
  await outbox.world.settle();
  await query(
    "update registrations set asked_at = now() - interval '49 hours' where sale_id = $1 and email <> 'soon@mail.test'",
    [sale],
  );
  await forgetAddresses(outbox.services());
  expect(await query("select email from registrations where sale_id = $1", [sale])).toEqual([
    { email: "soon@mail.test" },
  ]);
  const known = `select sale_id = $1 as here, kind, recipient from emails where recipient is not null order by 1, 2`;
  expect(await query(known, [sale])).toEqual([
    { here: false, kind: "confirm", recipient: "a0@mail.test" },
    { here: true, kind: "confirm", recipient: "soon@mail.test" },
    { here: true, kind: "receipt", recipient: "a0@mail.test" },
  ]);
  expect(await query("select state from emails where recipient is null order by 1")).toEqual([
    { state: "dead" },
    { state: "sent" },
  ]);
});

test("what is not there, or to nobody any more, is not tried again", async () => {
  const [id = ""] = await outbox.write(await outbox.sale(), 1);
  await query("update emails set state = 'dead', recipient = null where id = $1", [id]);
  expect(await retryEmail(outbox.services(), id)).toMatchObject({ refused: "not_found" });
  expect(await retryEmail(outbox.services(), crypto.randomUUID())).toMatchObject({ refused: "not_found" });
  expect(await outbox.email(id)).toMatchObject({ state: "dead" });
});

test("the numbers of a sale say how long it takes until its last e-mail is out", async () => {
  const [sale, other] = [await outbox.sale(), await outbox.sale()];
  const limits = { perMinute: 60, perDay: 1000 };
  const numbers = () => emailNumbers(outbox.services(limits), sale);
  const nothing = { queued: 0, sending: 0, sent: 0, dead: 0, secondsToSend: 0, lastAt: null };
  expect(await numbers()).toEqual(nothing);

  await outbox.write(sale, 90);
  await outbox.write(other, 11);
  const before = Date.now();
  const { lastAt, ...counts } = await numbers();
  expect(counts).toEqual({ ...nothing, lastAt: undefined, queued: 90, secondsToSend: 100 });
  expect(Math.abs(Date.parse(lastAt ?? "") - before - 100_000)).toBeLessThan(5_000);

  await query("update emails set due_at = now() + interval '10 minutes' where sale_id = $1", [sale]);
  expect((await numbers()).secondsToSend).toBe(600);
  await query("insert into email_takes (turn, count) values (1, 950)");
  expect((await numbers()).secondsToSend).toBe(24 * 3600 + 50);
});

test("the limit of a day is seen in 100,000 e-mails written at once, and their numbers are there in a moment", async () => {
  const sale = await outbox.sale();
  await query(
    `insert into emails (id, sale_id, recipient, kind, data, due_at)
     select gen_random_uuid(), $1, 'a' || i || '@mail.test', 'confirm', '{}', now() + i * interval '6 ms'
       from generate_series(1, 100000) as i`,
    [sale],
  );
  const began = performance.now();
  const { queued, secondsToSend } = await emailNumbers(
    outbox.services({ perMinute: 600, perDay: 50_000 }),
    sale,
  );
  expect(performance.now() - began).toBeLessThan(2_000);
  expect([queued, secondsToSend]).toEqual([100_000, 24 * 3600 + 5_000]);
});

test("what was written before is carried over: sent, to be sent, and given up", async () => {
  const client = new pg.Client({ connectionString: outbox.world.database.connectionString });
  await client.connect();
  const folder = join(import.meta.dirname, "../../migrations");
  try {
    await client.query("create schema before; set search_path to before");
    await client.query("create table sales (id text primary key); insert into sales values ('s')");
    await client.query(await readFile(join(folder, "0006_emails.sql"), "utf8"));
    await client.query(`
      insert into emails (id, sale_id, recipient, subject, body, attempts, sent_at, failure) values
        (md5('1')::uuid, 's', 'a@mail.test', 'Hello', 'One', 1, now(), null),
        (md5('2')::uuid, 's', 'b@mail.test', 'Hello', 'Two', 2, null, 'E_1'),
        (md5('3')::uuid, 's', 'c@mail.test', 'Hello', 'Three', 8, null, 'E_2')`);
    await client.query(await readFile(join(folder, "0009_email_outbox.sql"), "utf8"));
    const { rows } = await client.query("select kind, data, state, failure from emails order by recipient");
    const text = (body: string) => ({ kind: "text", data: { subject: "Hello", body } });
    expect(rows).toEqual([
      { ...text("One"), state: "sent", failure: null },
      { ...text("Two"), state: "queued", failure: "E_1" },
      { ...text("Three"), state: "dead", failure: "E_2" },
    ]);
  } finally {
    await client.query("drop schema if exists before cascade");
    await client.end();
  }
});
