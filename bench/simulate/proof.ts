/** The end: Redis, Postgres and Stripe held against each other and against what people were told. */
import { cronUntil } from "./later.ts";
import { list } from "./reading.ts";
import type { Crowd } from "./shopper.ts";
import type { World } from "./world.ts";

const DAY_MS = 24 * 60 * 60_000;

export async function prove(world: World, crowd: Crowd, isSettled: boolean): Promise<void> {
  const { oracle, engines } = world;
  const { postgres } = engines;
  const query = (text: string) => postgres.query(text);

  if (!isSettled) {
    const waiting = world.plan.shoppers.filter(({ name }) => !crowd.done.has(name)).map(({ name }) => name);
    const open = await query(
      "select kind, subject, outcome, detail from discrepancies where resolved_at is null",
    );
    if (waiting.length > 0) oracle.violate("heals", `${waiting.join()} still wait`);
    oracle.violate("heals", `the sale is not settled; open: ${JSON.stringify(open).slice(0, 300)}`);
    return;
  }

  // Redis and Postgres.
  const stored = await query(
    `select reservations.id, reservations.state, reservations.shopper, reservations.total::int as total, intent,
            orders.id is not null as is_order, orders.refunded_at is not null as is_refunded
       from reservations left join orders on orders.id = reservations.id`,
  );
  const states = new Map(stored.map((row) => [String(row["id"]), String(row["state"])]));
  const isDone = new Map([
    ["released", "over"],
    ["expired", "over"],
  ]);
  const same = (a: string | undefined, b: string | undefined) =>
    (isDone.get(a ?? "") ?? a) === (isDone.get(b ?? "") ?? b);
  const { records, seen } = oracle.knowledge;
  const redis = world.wasLostSettled
    ? undefined
    : { records, stock: seen?.stock ?? new Map<string, number>() };
  for (const { id, state } of redis?.records.values() ?? [])
    if (!same(states.get(id), state))
      oracle.violate("judge", `${id} is ${state} in Redis, ${states.get(id) ?? "nothing"} in Postgres`);
  for (const [id, state] of states)
    if (redis?.records.has(id) === false && state !== "released" && state !== "expired")
      oracle.violate("judge", `${id} is ${state} in Postgres, nothing in Redis`);
  for (const { id, state, is_order: isOrder, is_refunded: isRefunded } of stored) {
    if ((state === "confirmed" || state === "refunded") !== isOrder)
      oracle.violate("judge", `${String(id)} is ${String(state)}, order: ${String(isOrder)}`);
    if ((state === "refunded") !== isRefunded)
      oracle.violate("judge", `${String(id)} is ${String(state)}, refunded: ${String(isRefunded)}`);
    if (state === "held") oracle.violate("heals", `${String(id)} is still held`);
  }

  // Units.
  const items = await query(
    `select sku, stock::int, slots::int, held::int, confirmed::int, refunded::int, unsold::int, available::int from items`,
  );
  for (const item of items) {
    const of = (account: string) => Number(item[account]);
    const sku = String(item["sku"]);
    if (of("held") + of("slots") + of("available") !== 0)
      oracle.violate("heals", `units of ${sku} are neither sold nor returned: ${JSON.stringify(item)}`);
    if (of("confirmed") > of("stock"))
      oracle.violate("books", `${of("confirmed")} of ${of("stock")} ${sku} sold`);
    if (redis === undefined) continue;
    const [sold, supplied] = [redis.stock.get(`confirmed:${sku}`), redis.stock.get(`stock:${sku}`)];
    if (sold !== of("confirmed") + of("refunded"))
      oracle.violate("judge", `${sku}: ${String(sold)} sold in Redis, ${JSON.stringify(item)}`);
    if (supplied !== of("stock"))
      oracle.violate("judge", `${sku}: stock ${String(supplied)} in Redis, ${of("stock")} in Postgres`);
  }
  const ledger = await query(
    "select account, sku, sum(units)::int as units from stock_balances group by 1, 2",
  );
  for (const { account, sku, units } of ledger) {
    const item = items.find((one) => one["sku"] === sku);
    const is = account === "supply" ? -Number(item?.["stock"]) : Number(item?.[String(account)]);
    if (is !== units)
      oracle.violate(
        "judge",
        `the ledger's ${String(account)} of ${String(sku)} is ${String(units)}, not ${is}`,
      );
  }

  // Money.
  const { intents, refunds } = world.stripe.account.store;
  const payments = await query("select intent, reservation_id, state, amount::int as amount from payments");
  const asked = await query("select id, intent, amount::int as amount, state from refunds");
  const orders = new Map(
    stored.filter((row) => row["is_order"] === true).map((row) => [String(row["id"]), row]),
  );
  const backOf = (intent: string) =>
    [...refunds.values()]
      .filter((one) => one.payment_intent === intent)
      .reduce((sum, { amount }) => sum + amount, 0);
  for (const { id, status, amount_received: taken, metadata } of intents.values()) {
    const order = orders.get(metadata["reservation"] ?? "");
    const isOrders = order?.["intent"] === id;
    const row = payments.find((payment) => payment["intent"] === id);
    if (status === "requires_capture") oracle.violate("money", `${id} is left authorised`);
    if (backOf(id) > taken) oracle.violate("money", `${id}: ${backOf(id)} of ${taken} given back`);
    if (isOrders && order["state"] === "confirmed") {
      if (status !== "succeeded" || taken !== Number(order["total"]))
        oracle.violate("money", `the order ${String(order["id"])} is not paid: ${status} ${taken}`);
      if (row?.["state"] !== "captured")
        oracle.violate("money", `${id} is captured, Postgres says ${String(row?.["state"])}`);
    } else if (taken !== backOf(id)) oracle.violate("money", `${id}: ${taken - backOf(id)} kept for nothing`);
  }
  for (const [id, order] of orders)
    if (Number(order["total"]) > 0 && order["state"] === "confirmed" && !intents.has(String(order["intent"])))
      oracle.violate("money", `the order ${id} has no payment`);
  for (const { id, intent, amount, state } of asked) {
    const those = [...refunds.values()].filter((one) => one.metadata["refund"] === id);
    if (state === "asked") oracle.violate("money", `the refund ${String(id)} is not issued`);
    const isBooked =
      those.length === 0 &&
      state === "done" &&
      [...refunds.values()].some((one) => one.payment_intent === intent && one.amount === amount);
    if (those.length !== (state === "done" ? 1 : 0) && !isBooked)
      oracle.violate("money", `the refund ${String(id)} (${String(state)}) was given ${those.length} times`);
  }

  // People.
  for (const id of crowd.told) {
    const state = states.get(id);
    if (state !== "confirmed" && state !== "refunded" && !world.lost.has(id))
      oracle.violate("told", `${id} was told to have an order: ${state ?? "nothing"}`);
  }
}

/** A day after its settlement cron takes the sale out of Redis. */
export async function proveForgotten(world: World): Promise<void> {
  const { engines, oracle, sale } = world;
  const keysLeft = async () => {
    const [left] = await engines.redis.send([["KEYS", `{${sale.id}}*`]]);
    return list(left);
  };
  await cronUntil(world, DAY_MS, async () => (await keysLeft()).length === 0);
  const keys = await keysLeft();
  if (keys.length > 0) oracle.violate("heals", `Redis still has ${keys.join()} a day after settlement`);
}
