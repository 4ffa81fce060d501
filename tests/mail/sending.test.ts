/** An e-mail is sent at most once, whoever sends and whatever breaks, within the limits; and nothing is lost in silence. */
import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import { afterEach, describe, expect, test, vi } from "vitest";
import { z } from "zod";
import { sendDueEmails, sendEmails } from "../../functions/mail/mailer.ts";
import { ATTEMPTS_MAX, type EmailSender } from "../../functions/mail/sender.ts";
import type { Services } from "../../functions/services.ts";
import { senderTo, useOutbox } from "./world.ts";

const outbox = await useOutbox();
const { mail, query } = outbox;

/** A platform that refuses everything with this word. */
const coded = (code: string): EmailSender => ({
  send: () => Promise.reject(Object.assign(new Error("refused"), { code })),
});
/** The texts by which a fault of Postgres finds the statement. */
const TAKE = "with takes as";
const RECORD = "jsonb_to_recordset";

describe("at most once", () => {
  test("five who send at once send each of 300 e-mails once, and all of them", async () => {
    const ids = await outbox.write(await outbox.sale(), 300);
    const senders = Array.from({ length: 5 }, () => outbox.services());
    const counts = await Promise.all(senders.map((services) => sendDueEmails(services)));
    expect(counts.filter((count) => count > 0).length).toBeGreaterThan(1);
    expect([...outbox.arrived().values()]).toEqual(ids.map(() => 1));
    expect(await outbox.states()).toEqual({ sent: 300 });
    expect(counts.reduce((sum, count) => sum + count, 0)).toBe(300);
  });

  test("an e-mail whose sender dies before it has written that down is not sent again, but told to the operator", async () => {
    const [id = ""] = await outbox.write(await outbox.sale(), 1);
    let died = false;
    const never = new Promise<never>(() => undefined);
    const real = senderTo(mail);
    const services = outbox.services(
      {},
      {
        async send(message) {
          await real.send(message);
          died = true;
          await never;
        },
      },
    );
    // Nor does it take any more, when the answer has not come for ten seconds.
    const { postgres } = services;
    services.postgres = (...asked) => (died ? never : postgres(...asked));
    void sendDueEmails(services);
    await vi.waitUntil(() => died);
    expect(outbox.arrived().get(id)).toBe(1);

    await sendDueEmails(outbox.services());
    expect(await outbox.email(id)).toMatchObject({ state: "sending", attempts: 1 });
    await query("update emails set taken_at = now() - interval '6 minutes'");
    await sendDueEmails(outbox.services());
    expect(await outbox.email(id)).toMatchObject({ state: "dead", failure: "unknown", attempts: 1 });
    await outbox.due();
    await sendDueEmails(outbox.services());
    expect(outbox.arrived().get(id)).toBe(1);
  });

  test("one that went out while its answer was lost is not sent again", async () => {
    const [lost = "", other = ""] = await outbox.write(await outbox.sale(), 2);
    mail.faults.add({ kind: "lose_answer", match: lost });
    await sendEmails(outbox.services());
    await sendDueEmails(outbox.services());
    expect(await outbox.email(lost)).toMatchObject({ state: "dead", failure: "unknown" });
    expect(await outbox.email(other)).toMatchObject({ state: "sent", failure: null });
    expect([...outbox.arrived()].sort()).toEqual(
      [
        [lost, 1],
        [other, 1],
      ].sort(),
    );
  });

  test("what became of a batch is written down even when the answer to that is lost, and twice", async () => {
    const ids = await outbox.write(await outbox.sale(), 3);
    outbox.world.postgres.faults.add({ kind: "lose_answer", match: RECORD, times: 1 });
    outbox.world.postgres.faults.add({ kind: "error", match: RECORD, times: 1 });
    await sendEmails(outbox.services());
    expect(await outbox.states()).toEqual({ sent: 3 });
    expect([...outbox.arrived().values()]).toEqual(ids.map(() => 1));
  });

  test("a batch whose taking had no answer is sent by nobody, and is found", async () => {
    await outbox.write(await outbox.sale(), 3);
    outbox.world.postgres.faults.add({ kind: "lose_answer", match: TAKE, times: 1 });
    await expect(sendEmails(outbox.services())).rejects.toThrow("postgres");
    await query("update emails set taken_at = now() - interval '6 minutes'");
    await sendDueEmails(outbox.services());
    expect(await outbox.states()).toEqual({ dead: 3 });
    expect(mail.mailbox.list()).toEqual([]);
  });

  test("a result that comes after it was given up is believed; one of an earlier attempt is not", async () => {
    const [late = "", old = ""] = await outbox.write(await outbox.sale(), 2);
    const waiting: (() => void)[] = [];
    const real = senderTo(mail);
    const services = outbox.services(
      {},
      {
        async send(message) {
          await real.send(message);
          await new Promise<void>((resolve) => waiting.push(resolve));
        },
      },
    );
    const sending = sendEmails(services);
    await vi.waitUntil(() => waiting.length === 2);
    await query("update emails set state = 'dead', failure = 'unknown'");
    await query("update emails set state = 'dead', failure = 'unknown', attempts = 2 where id = $1", [old]);
    waiting.forEach((resolve) => resolve());
    await sending;
    expect(await outbox.email(late)).toMatchObject({ state: "sent", failure: null });
    expect(await outbox.email(old)).toMatchObject({ state: "dead", failure: "unknown" });
  });

  test("a deleted address is never taken", async () => {
    await outbox.write(await outbox.sale(), 2);
    await query("update emails set recipient = null where recipient = 'a0@mail.test'");
    await sendDueEmails(outbox.services());
    expect(mail.mailbox.list().map(({ to }) => to)).toEqual(["a1@mail.test"]);
    expect(await outbox.states()).toEqual({ queued: 1, sent: 1 });
  });
});

describe("while somebody else is at it", () => {
  /** A transaction that has done this and is not over. */
  async function during(
    statement: string,
    params: unknown[],
    work: (commit: () => Promise<unknown>) => Promise<void>,
  ) {
    const client = new pg.Client({ connectionString: outbox.world.database.connectionString });
    await client.connect();
    try {
      await client.query("begin");
      await client.query(statement, params);
      await work(() => client.query("commit"));
    } finally {
      await client.end();
    }
  }

  test("an address that is just being deleted is not waited for, and not taken", async () => {
    const [id = ""] = await outbox.write(await outbox.sale(), 3);
    await during("update emails set recipient = null where id = $1", [id], async (commit) => {
      expect(await sendDueEmails(outbox.services())).toBe(2);
      await commit();
    });
    await sendDueEmails(outbox.services());
    expect(outbox.arrived().has(id)).toBe(false);
    expect(await outbox.email(id)).toMatchObject({ state: "queued", attempts: 0 });
  });

  test("who finds the turn gone asks again", async () => {
    await outbox.write(await outbox.sale(), 1);
    await during("insert into email_takes (turn, count) values (1, 1)", [], async (commit) => {
      const sending = sendEmails(outbox.services());
      await vi.waitUntil(async () => {
        const [row] = await query(
          "select count(*)::int from pg_stat_activity where wait_event_type = 'Lock'",
        );
        return row?.count === 1;
      });
      await commit();
      expect(await sending).toBe(1);
    });
  });
});

describe("time", () => {
  afterEach(() => void vi.useRealTimers());

  test("an answer that does not come in ten seconds leaves open whether it was sent", async () => {
    const [id = ""] = await outbox.write(await outbox.sale(), 1);
    let asked = false;
    const silent: EmailSender = {
      send: () => {
        asked = true;
        return new Promise(() => undefined);
      },
    };
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    const sending = sendEmails(outbox.services({}, silent));
    await vi.waitUntil(() => asked);
    vi.advanceTimersByTime(10_000);
    vi.useRealTimers();
    await sending;
    expect(await outbox.email(id)).toMatchObject({ state: "dead", failure: "unknown" });
  });

  test("a run ends after 25 seconds, and what it has not begun waits for the next", async () => {
    await outbox.write(await outbox.sale(), 100);
    const real = senderTo(mail);
    const slow: EmailSender = {
      send(message) {
        vi.setSystemTime(Date.now() + 5_000);
        return real.send(message);
      },
    };
    vi.useFakeTimers({ toFake: ["Date"] });
    const sent = await sendDueEmails(outbox.services({}, slow));
    vi.useRealTimers();
    // As many as are sent at once had begun.
    expect(sent).toBeLessThanOrEqual(6);
    expect(
      await query("select distinct attempts, due_at <= now() as due from emails where state = 'queued'"),
    ).toEqual([{ attempts: 0, due: true }]);
    expect(await sendDueEmails(outbox.services())).toBe(100 - sent);
  });
});

describe("refused", () => {
  const wait = async (id: string) => {
    const [row] = await query(
      "select round(extract(epoch from due_at - now()))::int as s from emails where id = $1",
      [id],
    );
    return Number(row?.s);
  };
  test("it is tried again after 1, 2, 4 … minutes, and after the eighth time it is a dead letter with the reason", async () => {
    const [id = ""] = await outbox.write(await outbox.sale(), 1);
    mail.faults.add({ kind: "error", status: 503 });
    for (let attempt = 1; attempt < ATTEMPTS_MAX; attempt++) {
      await sendEmails(outbox.services());
      expect(await outbox.email(id)).toMatchObject({
        state: "queued",
        attempts: attempt,
        failure: "E_INTERNAL_SERVER_ERROR",
      });
      const due = 60 * 2 ** (attempt - 1);
      const left = await wait(id);
      expect(left > due - 15 && left <= due).toBe(true);
      expect(await sendEmails(outbox.services())).toBe(0);
      await outbox.due();
    }
    await sendEmails(outbox.services());
    expect(await outbox.email(id)).toMatchObject({
      state: "dead",
      attempts: 8,
      failure: "E_INTERNAL_SERVER_ERROR",
    });
    mail.faults.clear();
    await outbox.due();
    await sendDueEmails(outbox.services());
    expect(mail.mailbox.list()).toEqual([]);
  });

  test("it goes out as soon as it is taken", async () => {
    const [id = ""] = await outbox.write(await outbox.sale(), 1);
    mail.faults.add({ kind: "error", status: 503, times: 1 });
    await sendEmails(outbox.services());
    await outbox.due();
    expect(await sendEmails(outbox.services())).toBe(1);
    expect(await outbox.email(id)).toMatchObject({ state: "sent", attempts: 2, failure: null });
  });

  test.each(["E_RECIPIENT_SUPPRESSED", "E_VALIDATION_ERROR", "E_HEADER_NOT_ALLOWED"])(
    "for what it is (%s), it is a dead letter at once",
    async (code) => {
      const [id = ""] = await outbox.write(await outbox.sale(), 1);
      await sendEmails(outbox.services({}, coded(code)));
      expect(await outbox.email(id)).toMatchObject({ state: "dead", attempts: 1, failure: code });
    },
  );

  test("because the platform takes no more, it waits without counting, and the others are not even tried", async () => {
    await outbox.write(await outbox.sale(), 200);
    let asked = 0;
    const services = outbox.services(
      {},
      {
        send: () => {
          asked++;
          return coded("E_DAILY_LIMIT_EXCEEDED").send({} as never);
        },
      },
    );
    for (let hour = 0; hour < 10; hour++) {
      expect(await sendDueEmails(services)).toBe(0);
      await outbox.due();
    }
    expect(asked).toBeLessThanOrEqual(10 * 6);
    expect(await query("select distinct state, attempts from emails")).toEqual([
      { state: "queued", attempts: 0 },
    ]);
    expect(await sendDueEmails(outbox.services())).toBe(200);
  });

  test("an e-mail that cannot be written is a dead letter at once, and the others go out", async () => {
    const sale = await outbox.sale();
    const [slot = ""] = await outbox.write(sale, 1, {
      kind: "slot",
      data: { shopper: "s", shop: "https://a.test" },
    });
    const [none = ""] = await outbox.write(sale, 1, { kind: "no such kind" });
    await outbox.write(sale, 1);
    expect(await sendEmails(outbox.services())).toBe(1);
    expect(await outbox.email(slot)).toMatchObject({
      state: "dead",
      failure: "cannot be written: the sale sets nothing aside",
    });
    expect((await outbox.email(none)).failure).toMatch(/^cannot be written: /);
  });
});

describe("limits", () => {
  const atOnce = (services: Services[]) => Promise.all(services.map((each) => sendDueEmails(each)));

  test("in any 24 hours no more than the limit is sent, by four at once too", async () => {
    await outbox.write(await outbox.sale(), 100);
    const limits = { perDay: 60 };
    await atOnce(Array.from({ length: 4 }, () => outbox.services(limits)));
    expect(mail.mailbox.list()).toHaveLength(60);
    expect(await sendDueEmails(outbox.services(limits))).toBe(0);
    await query("update email_takes set taken_at = taken_at - interval '23 hours 59 minutes'");
    expect(await sendDueEmails(outbox.services(limits))).toBe(0);
    await query("update email_takes set taken_at = taken_at - interval '2 minutes'");
    expect(await sendDueEmails(outbox.services(limits))).toBe(40);
  });

  test("in a minute of the clock no more than the limit is sent, by four at once too", async () => {
    await outbox.write(await outbox.sale(), 130);
    // Not across the end of a minute, on a busy machine either.
    while (new Date().getSeconds() > 35) {
      await sleep(1_000);
      // An idle connection would be closed meanwhile.
      await outbox.services().postgres(z.unknown(), "select 1", []);
    }
    const limits = { perMinute: 60 };
    await atOnce(Array.from({ length: 4 }, () => outbox.services(limits)));
    expect(mail.mailbox.list()).toHaveLength(60);
    await query("update email_takes set taken_at = taken_at - interval '1 minute'");
    await atOnce(Array.from({ length: 4 }, () => outbox.services(limits)));
    expect(mail.mailbox.list()).toHaveLength(120);
  });

  test("after a write only a few are sent; what is left is cron's", async () => {
    await outbox.write(await outbox.sale(), 60);
    expect(await sendEmails(outbox.services())).toBe(20);
    expect(await sendDueEmails(outbox.services())).toBe(40);
  });

  test("what was taken is forgotten after a day", async () => {
    const sale = await outbox.sale();
    for (let day = 0; day < 3; day++) {
      await outbox.write(sale, 1);
      await sendEmails(outbox.services());
      await query("update email_takes set taken_at = taken_at - interval '26 hours'");
    }
    expect(await query("select count(*)::int from email_takes")).toEqual([{ count: 1 }]);
  });
});

test("what is urgent goes first, then what was due first; what is not due waits", async () => {
  const sale = await outbox.sale();
  const [later = ""] = await outbox.write(sale, 1, { priority: 1 });
  const [second = "", first = "", notYet = ""] = await outbox.write(sale, 3);
  await query("update emails set due_at = now() - interval '1 hour' where id = any($1)", [[later, first]]);
  await query("update emails set due_at = now() + interval '1 hour' where id = $1", [notYet]);
  const order: string[] = [];
  const email: EmailSender = {
    send: ({ headers }) => Promise.resolve(order.push(headers["X-Message-Id"] ?? "")),
  };
  for (let i = 0; i < 4; i++) await sendDueEmails(outbox.services({ perMinute: i + 1 }, email));
  expect(order).toEqual([first, second, later]);
});
