/** Everything Redis, Postgres and Stripe say of a place, held against each other. Whatever does not fit is named. */
import type { Place } from "./world.ts";

export async function discrepancies(place: Place): Promise<string[]> {
  const found: string[] = [...place.violations];
  const check = (holds: boolean, what: string) => {
    if (!holds) found.push(what);
  };
  const { sale, query } = place;
  const records = await place.records();
  const stock = await place.stockNow();
  const { sessions, intents, charges, refunds: given, events } = place.stripe.state();

  // Redis with itself.
  const units = (...states: string[]) =>
    records
      .filter(({ state }) => states.includes(state))
      .flatMap(({ lines }) => lines)
      .reduce((sum, { quantity }) => sum + quantity, 0);
  const { available = -1, unsold = -1 } = stock;
  const [free = -1, held = -1, sold = -1] = ["available", "held", "confirmed"].map(
    (account) => stock[`${account}:shoe`],
  );
  check(free + held + sold === place.stock, `units: ${free} + ${held} + ${sold} of ${place.stock}`);
  check(Math.min(free, held, sold) >= 0, "a count below zero");
  check(held === 0 && units("held") === 0, "a unit is still held");
  check(sold === units("confirmed"), "confirmed units are not those of the records");
  check(available === free && unsold === place.stock - sold, "the sums of the sale");

  // Postgres with Redis.
  const stored = await query("select id, state from reservations where sale_id = $1", [sale.id]);
  const states = new Map(stored.map(({ id, state }) => [String(id), String(state)]));
  for (const { id, state } of records)
    check(states.get(id) === state, `${state} in Redis, ${states.get(id) ?? "nothing"} in Postgres`);
  const orders = await query("select id, refunded_at from orders where sale_id = $1", [sale.id]);
  const owned = records.filter(({ state }) => state === "confirmed" || state === "refunded");
  check(
    same(
      orders.map(({ id }) => String(id)),
      owned.map(({ id }) => id),
    ),
    "orders are not the confirmed records",
  );
  for (const { id, refunded_at: at } of orders)
    check((at !== null) === (states.get(String(id)) === "refunded"), "an order's refund");
  const accounts = await query(
    `select account, sum(units)::int as units from (
       select to_account as account, units from stock_ledger where sale_id = $1
       union all select from_account, -units from stock_ledger where sale_id = $1) as sides
      group by account`,
    [sale.id],
  );
  const ledger = new Map(accounts.map(({ account, units: sum }) => [String(account), Number(sum)]));
  check([...ledger.values()].reduce((sum, each) => sum + each, 0) === 0, "the ledger's sum is not zero");
  for (const [account, count] of Object.entries({ available: free, held, confirmed: sold }))
    check((ledger.get(account) ?? 0) === count, `the ledger's ${account}`);
  const [item] = await query("select held::int, confirmed::int from items where sale_id = $1", [sale.id]);
  check(item?.["held"] === held && item["confirmed"] === sold, "the item's counts");
  const refused = await query("select 1 from discrepancies where sale_id = $1", [sale.id]);
  check(refused.length === 0, "Postgres refused an event");

  // Money with orders.
  const payments = await query("select *, amount::int as amount from payments where sale_id = $1", [sale.id]);
  const asked = await query("select *, amount::int as amount from refunds");
  const paymentOf = new Map(payments.map((row) => [String(row["intent"]), row]));
  const back = (intent: string) =>
    given.filter((one) => one.payment_intent === intent).reduce((sum, { amount }) => sum + amount, 0);
  const isPaid = (intent: string) => charges.some((one) => one.payment_intent === intent && one.paid);
  for (const { id, status, amount_received: taken, metadata } of intents) {
    const record = records.find((one) => one.id === metadata["reservation"]);
    const isOrders = record?.intent === id;
    const row = paymentOf.get(id);
    check(status !== "requires_capture" && status !== "requires_action", "a payment is left authorised");
    if (isOrders) {
      check(status === "succeeded" && taken === record.total, "an order's payment was not captured");
      check(row?.["state"] === "captured" && row["amount"] === record.total, "a capture is not written");
    } else {
      check(taken === back(id), "money was kept for nothing");
      const due = status === "succeeded" ? "returned" : "voided";
      check(
        row?.["state"] === due || !isPaid(id),
        `a payment without order is ${String(row?.["state"])}, not ${due}`,
      );
    }
  }
  for (const { total, intent } of owned)
    check(total === 0 || intents.some(({ id }) => id === intent), "an order without a payment");
  check(
    payments.every(({ intent }) => intents.some(({ id }) => id === intent)),
    "a payment that Stripe does not know",
  );

  // Refunds.
  for (const { id, state, amount, intent, stripe_refund: issued, returns_stock: returns } of asked) {
    const those = given.filter((one) => one.metadata["refund"] === id);
    check(state !== "asked", "a refund is not issued");
    check(
      those.length === (state === "done" ? 1 : 0),
      `a refund ${String(state)} was given ${those.length} times`,
    );
    for (const one of those)
      check(
        one.amount === amount && one.payment_intent === intent && one.id === issued,
        "another refund than asked",
      );
    const order = records.find((one) => one.intent === intent);
    if (order !== undefined && returns === true)
      check((order.state === "refunded") === (state === "done"), "a refund's units");
  }
  check(
    given.every((one) => asked.some(({ id }) => one.metadata["refund"] === id)),
    "money given back that nobody asked for",
  );
  for (const record of records.filter(({ state }) => state === "refunded"))
    check(
      asked.some(({ intent, returns_stock: returns }) => intent === record.intent && returns === true),
      "units came back without a refund",
    );

  // Sessions, events and e-mails.
  for (const { id, status } of sessions)
    check(status !== "open" || !place.told.has(id), "something can still be paid");
  const inbox = await query("select event_id, processed_at from webhook_inbox");
  const isStored = new Set(inbox.map((row) => row["event_id"]));
  check(
    inbox.every((row) => row["processed_at"] !== null),
    "an event is not processed",
  );
  check(
    events.every(({ id }) => isStored.has(id)),
    "an event was never taken",
  );
  const emails = await query("select kind, data::text from emails");
  const told = (kind: "receipt" | "too_late", id: string) =>
    emails.filter((one) => one["kind"] === kind && String(one["data"]).includes(id)).length;
  for (const { id, intent } of records) {
    const voided = intents.filter(
      (one) => one.metadata["reservation"] === id && one.status === "canceled" && isPaid(one.id),
    ).length;
    const isOwned = owned.some((one) => one.id === id);
    check(told("receipt", id) === (isOwned ? 1 : 0), `${told("receipt", id)} receipts`);
    const due = intent === undefined ? voided : 0;
    check(told("too_late", id) === due, `${told("too_late", id)} notices of ${due}`);
  }
  return found;
}

const same = (a: string[], b: string[]) => JSON.stringify([...a].sort()) === JSON.stringify([...b].sort());
