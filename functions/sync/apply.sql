-- Applies one batch of a sale's outbox and moves the cursor, in one statement: exactly once, whoever runs it and
-- however often. Where the cursor does not stand at $2 any more, somebody else was here and nothing happens.
--
-- $1 sale  $2 cursor before  $3 cursor after  $4 events, JSON [{ entry, position, id, shopper, number, state, lines,
-- total, heldAtMs, expiresAtMs, changedAtMs, returnTo?, intent?, slotUntilMs? }] in the order of the stream. Units that go
-- to slots or come from them have no id: { entry, position, state (slots_returned, slots_set_aside), lines, changedAtMs }
-- Answers one row: did the cursor move?
with moved as (
  update sync_cursor
     set last_entry = $3, moved_at = now()
   where sale_id = $1 and last_entry = $2
  returning sale_id
),
events as (
  select moved.sale_id, event.entry, event.position, event.id, event.shopper, event.number, event.state, event.lines,
         event.total, event."returnTo" as return_to, event.intent,
         to_timestamp(event."heldAtMs" / 1000.0) as held_at,
         to_timestamp(event."expiresAtMs" / 1000.0) as expires_at,
         to_timestamp(event."changedAtMs" / 1000.0) as changed_at,
         to_timestamp(event."slotUntilMs" / 1000.0) as slot_until
    from moved,
         jsonb_to_recordset($4::jsonb) as event (
           entry text, position bigint, id uuid, shopper text, number bigint, state text, lines jsonb, total bigint,
           "heldAtMs" bigint, "expiresAtMs" bigint, "changedAtMs" bigint,
           "returnTo" text, intent text, "slotUntilMs" bigint)
),
latest as (
  select distinct on (id) * from events where id is not null order by id, position desc
),
stored_reservations as (
  insert into reservations (sale_id, id, shopper, number, state, lines, total, held_at, expires_at, changed_at, return_to,
                            intent, slot_until)
  select sale_id, id, shopper, number, state, lines, total, held_at, expires_at, changed_at, return_to, intent, slot_until
    from latest
  on conflict (sale_id, id) do update
     set state = excluded.state, changed_at = excluded.changed_at, return_to = excluded.return_to, intent = excluded.intent
),
-- The refund of an order may come in the same batch as the order, or in a later one.
refunds_of_orders as (
  select sale_id, id, changed_at from events where state = 'refunded'
),
stored_orders as (
  insert into orders (sale_id, id, shopper, number, total, confirmed_at, refunded_at)
  select events.sale_id, events.id, shopper, number, total, events.changed_at, refund.changed_at
    from events left join refunds_of_orders as refund using (sale_id, id)
   where state = 'confirmed'
),
refunded_orders as (
  update orders set refunded_at = refund.changed_at
    from refunds_of_orders as refund
   where orders.sale_id = refund.sale_id and orders.id = refund.id
),
event_lines as (
  select events.*, line.sku, line.quantity, line.price
    from events, jsonb_to_recordset(events.lines) as line (sku text, quantity integer, price bigint)
),
stored_lines as (
  insert into order_lines (sale_id, order_id, sku, quantity, price)
  select sale_id, id, sku, quantity, price from event_lines where state = 'confirmed'
),
stored_movements as (
  insert into stock_ledger (sale_id, entry, sku, from_account, to_account, units, moved_at)
  select sale_id, entry, sku,
         case state when 'held' then 'available' when 'refunded' then 'confirmed' when 'slots_returned' then 'slots'
                    when 'slots_set_aside' then 'available' else 'held' end,
         case state when 'held' then 'held' when 'confirmed' then 'confirmed' when 'slots_set_aside' then 'slots'
                    else 'available' end,
         quantity, changed_at
    from event_lines
),
sums as (
  select sale_id, sku,
         sum(case when state = 'held' then quantity when state in ('confirmed', 'released', 'expired') then -quantity
                  else 0 end) as held,
         sum(case state when 'confirmed' then quantity when 'refunded' then -quantity else 0 end) as confirmed,
         sum(case state when 'slots_set_aside' then quantity when 'slots_returned' then -quantity else 0 end) as slots
    from event_lines
   group by sale_id, sku
),
counted as (
  update items
     set held = items.held + sums.held, confirmed = items.confirmed + sums.confirmed, slots = items.slots + sums.slots
    from sums
   where items.sale_id = sums.sale_id and items.sku = sums.sku
)
select exists (select from moved) as moved
