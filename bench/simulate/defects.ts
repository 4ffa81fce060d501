/** Deliberate defects, one at a time: what the rules are for. Each is a line of the functions with other text in its place. */

export interface Change {
  /** A file of the functions. */
  in: string;
  /** There once, or the defect is out of date. */
  find: string;
  put: string;
}

export interface Defect {
  name: string;
  what: string;
  changes: Change[];
}

const defect = (
  name: string,
  what: string,
  ...changes: [file: string, find: string, put: string][]
): Defect => ({
  name,
  what,
  changes: changes.map(([file, find, put]) => ({ in: `functions/${file}`, find, put })),
});

export const defects: Defect[] = [
  defect("stock-check-off", "the stock is not looked at before units are held", [
    "reservation/reserve.lua",
    "if available < line.quantity then short = true end",
    "",
  ]),
  defect(
    "replay-check-off",
    "a repeated hold is decided anew",
    [
      "reservation/reserve.lua",
      "if redis.call('HSETNX', reservations, id, record) == 0 then return answer('conflicting_replay') end",
      "redis.call('HSET', reservations, id, record)",
    ],
    [
      "reservation/reserve.lua",
      "  local before = redis.call('HGET', reservations, id)\n  if before then",
      "  local before = false\n  if before then",
    ],
    ["reservation/reserve.lua", "  if ends then return answer('limit_reached', '', has[1]) end", ""],
  ),
  defect("bare-increment", "units given back return by an increment, however often", [
    "reservation/release.lua",
    "if record.state ~= 'held' then return { 'again' } end",
    "",
  ]),
  defect(
    "outbox-in-a-second-call",
    "a hold is told to the outbox by a call of its own",
    [
      "reservation/reserve.lua",
      "redis.call('XADD', outbox, '*', 'event', record)\nreturn { 'held', record }",
      "return { 'held', record }",
    ],
    [
      "reservation/reservation.ts",
      '  switch (reply[0]) {\n    case "again":\n    case "held":',
      '  if (reply[0] === "held") await services.redis.xadd(keys.outbox, "*", { event: JSON.stringify(reply[1]) });\n' +
        '  switch (reply[0]) {\n    case "again":\n    case "held":',
    ],
  ),
  defect(
    "cursor-outside-the-statement",
    "the cursor is moved by a statement of its own, and the effects follow",
    [
      "sync/apply.sql",
      "   where sale_id = $1 and last_entry = $2\n",
      "   where sale_id = $1 and (last_entry = $2 or last_entry = $3)\n",
    ],
    [
      "sync/sync.ts",
      "    const [row] = await services.postgres(movedRow, applySql,",
      "    await services.postgres(z.unknown(), 'update sync_cursor set last_entry = $3 where sale_id = $1 and last_entry = $2', [saleId, cursor, last]);\n" +
        "    const [row] = await services.postgres(movedRow, applySql,",
    ],
  ),
  defect("capture-before-confirm", "money is taken before the order is confirmed", [
    "checkout/payment.ts",
    "      const reply = await confirm(services, sale, reservation, { shopper, intent });",
    "      await paymentsOf(services).capture(intent.id);\n" +
      "      const reply = await confirm(services, sale, reservation, { shopper, intent });",
  ]),
  defect("webhook-not-deduped", "an event that comes twice is stored and processed twice", [
    "checkout/store-events.sql",
    "on conflict (event_id) do nothing",
    "",
  ]),
  defect("tick-not-idempotent", "each call of a tick releases again", [
    "queue/release.lua",
    "now < closesAt and tick > lastTick then",
    "now < closesAt then lastTick = tick - 1",
  ]),
  defect(
    "epoch-not-checked",
    "tickets and passes from before a rebuild are still good",
    [
      "reservation/reserve.lua",
      "if tonumber(rules[1]) ~= passEpoch then return answer('invalid_pass') end",
      "",
    ],
    ["queue/enter.lua", "if ticketEpoch < epoch then return answer('outdated', ticketNumber) end", ""],
  ),
  defect(
    "expiry-and-payment-both-win",
    "a hold ends although its payment has begun, and is confirmed as if it were held",
    ["reservation/expire.lua", "if isHeld and record.returnTo and #closed == 0 then", "if false then"],
    ["reservation/expire.lua", "if isHeld and (not record.returnTo or #closed > 0) then", "if isHeld then"],
    [
      "reservation/confirm.lua",
      "local from = record.state == 'held' and 'held:' or 'available:'",
      "local from = 'held:'",
    ],
  ),
  defect(
    "refund-retried-blindly",
    "a refund is issued again without asking whether it was",
    ["checkout/stripe.ts", "if (issued !== undefined) return issued;", ""],
    [
      "checkout/stripe.ts",
      "await stripe.refunds.create(params, { idempotencyKey: keyOf(`refund:${refund}`, nth) }),",
      "await stripe.refunds.create(params, {}),",
    ],
  ),
  defect("ticket-not-bound-to-shopper", "an old ticket gives its number to whoever brings it", [
    "queue/join.lua",
    "local isOld = oldShopper == shopper and oldEpoch < epoch",
    "local isOld = oldNumber > 0",
  ]),
  defect("slot-used-again", "a slot is good for as many units as its holder asks for", [
    "reservation/reserve.lua",
    "if redis.call('HEXISTS', claims, shopper) == 1 or tonumber(counts[2]) == 0 then",
    "if tonumber(counts[2]) == 0 then",
  ]),
  defect("slots-drawn-by-number", "the draw of the slots goes by the order of confirmation", [
    "registration/slots.ts",
    "const number = await numberAt(seed, count, place, hash);",
    "const number = place;",
  ]),
  defect("slot-not-passed-on", "who leaves before the slots are final takes one away from who waits", [
    "registration/cancel.sql",
    "select next_waiting(id) as shopper from sale where $3::boolean and not decided",
    "select null::text as shopper from sale where $3::boolean and not decided",
  ]),
  defect("registration-not-asked-for", "where an address is needed, the cookie will do", [
    "queue/join.lua",
    "identity == 'registered' and byAddress or",
    "identity == 'registered' and byAddress ~= '' and byAddress or",
  ]),
  defect("address-kept", "who leaves takes no address along", [
    "registration/cancel.sql",
    "set state = 'left', email = null, left_at = now(),",
    "set state = 'left', left_at = now(),",
  ]),
  // What the simulator has found, with its mending taken out again.
  defect(
    "lost-order-not-adopted",
    "found: an order that Redis lost, and whose units it sold again, was never taken over, and the sale never settled",
    [
      "reconciliation/adopt.lua",
      "if isShort and to == 'held' then",
      "if isShort and to == 'confirmed' then return { 'moved' } end\nif isShort then",
    ],
  ),
  defect("wish-arrives-twice", "found: a wish to register that arrived twice failed the second time", [
    "registration/ask.sql",
    "on conflict (id) do nothing",
    "",
  ]),
  defect(
    "stored-slots-kept",
    "found: slots used before a rollback stayed set aside in Postgres, which then refused who had bought the unit",
    [
      "reconciliation/run.ts",
      "for (const finding of await storedSlots(services, run)) await handle(services, run, finding, {});",
      "",
    ],
  ),
  defect(
    "confirm-before-publish",
    "found: a payment that came while a rebuild was bringing the records back failed as an error of the script",
    ["reservation/confirm.lua", "if not counts[1] then return { 'missing' } end", ""],
  ),
  defect(
    "sold-a-third-time",
    "found: what came back of an item that Redis had sold twice, after it lost orders, was sold again",
    [
      "reconciliation/adopt.lua",
      "free(line.sku, -line.quantity)",
      "free(line.sku, 0 - math.min(line.quantity, tonumber(redis.call('HGET', stock, 'available:' .. line.sku))))",
    ],
  ),
  defect(
    "second-hold-unpayable",
    "found: an id that was held again, after Redis had lost the first hold, had the first one's payment page, and the sale never settled",
    [
      "checkout/stripe.ts",
      "`session:${sale}:${reservation}:${heldAtMs}`",
      "`session:${sale}:${reservation}`",
    ],
  ),
  defect(
    "approval-takes-the-records",
    "found: an approval took a running run's records away, which then counted that nothing was sold",
    [
      "reconciliation/approve.ts",
      "with over as (select id from reconciliation_runs where id = $1 and state = 'done')",
      "with over as (select id from reconciliation_runs where id = $1)",
    ],
  ),
  defect(
    "closing-forgotten",
    "found: Redis lost that a sale was closed early, and went on selling after its settlement",
    ["settlement/settle.ts", "if (await isOpenInRedis(services, id)) {", "if (false) {"],
  ),
];

export const defectNamed = (name: string | undefined): Defect | undefined =>
  defects.find((each) => each.name === name);
