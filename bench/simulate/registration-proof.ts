/** The end of registration: slots are decided and back, everybody was written to once, and addresses go when they should. */
import { cronUntil } from "./later.ts";
import type { World } from "./world.ts";

const DAY_MS = 24 * 60 * 60_000;

/** Some days later: once with the addresses, once they are to be gone. */
export async function proveRegistrations(world: World): Promise<void> {
  const { registration } = world.plan;
  if (registration === undefined) return;
  const { oracle, engines } = world;
  const query = (text: string) => engines.postgres.query(text);
  const violate = (
    rule: Parameters<typeof oracle.violate>[0],
    rows: Record<string, unknown>[],
    what: string,
  ) => {
    if (rows.length > 0) oracle.violate(rule, `${what}: ${JSON.stringify(rows).slice(0, 200)}`);
  };

  if (registration.slots !== undefined) {
    violate(
      "heals",
      await query("select id from sales where slots_decided_at is null"),
      "not decided who has a slot",
    );
    violate(
      "heals",
      await query("select shopper from registrations where gave_back and returned_at is null"),
      "slots given up, and not given back",
    );
    const left = oracle.knowledge.seen?.stock.get("slots");
    if (left !== 0) oracle.violate("heals", `${left} units are still set aside in Redis`);
    violate(
      "judge",
      await query(
        "select sku, sum(units)::int as units from stock_balances where account = 'slots' group by sku having sum(units) <> 0",
      ),
      "units are still set aside in the ledger",
    );
    if (!oracle.wasRolledBack)
      violate(
        "slots",
        await query(
          `select shopper, count(*)::int from reservations
            where slot_until is not null and state in ('confirmed', 'refunded') group by shopper having count(*) > 1`,
        ),
        "a slot was used twice",
      );
  }

  violate(
    "heals",
    await query(
      "select id, kind, state from emails where state in ('queued', 'sending') and recipient is not null",
    ),
    "e-mails are not sent",
  );
  violate(
    "once",
    await query(
      `select data ->> 'shopper' as shopper, kind from emails where kind in ('slot', 'waiting')
        group by 1, 2 having count(*) > 1`,
    ),
    "somebody was written to twice about a slot",
  );
  violate(
    "told",
    await query(
      `select shopper from registrations
        where (state = 'slot' or state = 'waiting' and number <= (select slot_draw_count from sales))
          and not exists (select from emails where kind = registrations.state and data ->> 'shopper' = shopper)`,
    ),
    "nobody wrote about a slot to",
  );

  const [retries] = await query("select count(*)::int as count from audit_log where action = 'email_retry'");
  const sent = world.mailbox.map(({ to, text }) => `${to} ${text}`);
  const again = sent.length - new Set(sent).size;
  if (again > Number(retries?.["count"]) + (world.network.hits.get("mail send twice") ?? 0))
    oracle.violate("once", `${again} e-mails were sent again`);

  // What is needed is kept until it is not.
  if (registration.keepAddressesDays > 2)
    violate(
      "forgotten",
      await query("select shopper from registrations where state in ('waiting', 'slot') and email is null"),
      "addresses were forgotten too soon",
    );
  const listed = () =>
    query("select shopper, state from registrations where email is not null or state = 'asked'");
  const addressed = () => query("select kind from emails where recipient is not null");
  await cronUntil(
    world,
    Math.max(3, registration.keepAddressesDays) * DAY_MS,
    async () => (await listed()).length + (await addressed()).length === 0,
  );
  violate("forgotten", await listed(), "addresses are still on the list");
  violate("forgotten", await addressed(), "e-mails still have addresses");
}
