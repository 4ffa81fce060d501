-- Applies one batch of a sale's outbox and moves the cursor, in one statement: exactly once, whoever runs it and
-- however often. Where the cursor does not stand at $2 any more, somebody else was here and nothing happens. A change that
-- does not follow from what is known of its reservation refuses the batch, as does a sku that the sale does not have.
--
-- $1 sale  $2 cursor before  $3 cursor after, then arrays (batch.ts), times in seconds:
-- of reservations that changed, each once  $4 id  $5 shopper  $6 number  $7 states it may have had before, each between
-- commas ('' for none)  $8 state  $9 lines, JSON  $10 total  $11 held at  $12 ends at  $13 changed at  $14 where its
-- shop is, or null  $15 payment, or null  $16 confirmed in this batch at, or null  $17 refunded in this batch at, or null
-- of movements of stock  $18 entry  $19 sku  $20 from  $21 to  $22 units  $23 at
-- of lines of orders  $24 order  $25 sku  $26 quantity  $27 price
-- of items, by how much the movements change them  $28 sku  $29 stock  $30 slots  $31 held  $32 confirmed
-- of the reservations again  $33 until when the slot lasts that it took, or null
-- Answers one row: did the cursor move?
with moved as (
  update sync_cursor
     set last_entry = $3, moved_at = now()
   where sale_id = $1 and last_entry = $2
  returning sale_id
),
changes as (
  select moved.sale_id, change.*,
         coalesce((select state from reservations as stored
                    where stored.sale_id = moved.sale_id and stored.id = change.id), '') as before
    from moved,
         unnest($4::uuid[], $5::text[], $6::bigint[], $7::text[], $8::text[], $9::jsonb[], $10::bigint[], $11::float8[],
                $12::float8[], $13::float8[], $14::text[], $15::text[], $16::float8[], $17::float8[], $33::float8[])
           as change (id, shopper, number, allowed, state, lines, total, held_at, expires_at, changed_at, return_to,
                      intent, confirmed_at, refunded_at, slot_until)
),
impossible as (
  select refuse('reservations_transition', format('%L cannot become %L or what comes before it', before, state)) as refused
    from changes
   where position(',' || before || ',' in allowed) = 0
),
stored_reservations as (
  insert into reservations (sale_id, id, shopper, number, state, lines, total, held_at, expires_at, changed_at, return_to,
                            intent, slot_until)
  select sale_id, id, shopper, number, state, lines, total, to_timestamp(held_at), to_timestamp(expires_at),
         to_timestamp(changed_at), return_to, intent, to_timestamp(slot_until)
    from changes
  on conflict (sale_id, id) do update
     set state = excluded.state, expires_at = excluded.expires_at, changed_at = excluded.changed_at,
         return_to = excluded.return_to, intent = excluded.intent
),
stored_orders as (
  insert into orders (sale_id, id, shopper, number, total, confirmed_at, refunded_at)
  select sale_id, id, shopper, number, total, to_timestamp(confirmed_at), to_timestamp(refunded_at)
    from changes
   where confirmed_at is not null
),
-- The refund of an order may come in the same batch as the order, or in a later one.
refunded_orders as (
  update orders set refunded_at = to_timestamp(changes.refunded_at)
    from changes
   where changes.refunded_at is not null and changes.confirmed_at is null
     and orders.sale_id = changes.sale_id and orders.id = changes.id
),
stored_lines as (
  insert into order_lines (sale_id, order_id, sku, quantity, price)
  select moved.sale_id, line.* from moved, unnest($24::uuid[], $25::text[], $26::integer[], $27::bigint[]) as line
),
stored_movements as (
  insert into stock_ledger (sale_id, entry, sku, from_account, to_account, units, moved_at)
  select moved.sale_id, entry, sku, from_account, to_account, units, to_timestamp(moved_at)
    from moved,
         unnest($18::text[], $19::text[], $20::text[], $21::text[], $22::bigint[], $23::float8[])
           as movement (entry, sku, from_account, to_account, units, moved_at)
),
sums as (
  select moved.sale_id, sum.*
    from moved,
         unnest($28::text[], $29::bigint[], $30::bigint[], $31::bigint[], $32::bigint[])
           as sum (sku, stock, slots, held, confirmed)
),
counted as (
  update items
     set stock = items.stock + sums.stock, slots = items.slots + sums.slots, held = items.held + sums.held,
         confirmed = items.confirmed + sums.confirmed
    from sums
   where items.sale_id = sums.sale_id and items.sku = sums.sku
),
unknown as (
  select refuse('items_known', format('the sale has no item %L', left(sku, 64))) as refused
    from sums
   where not exists (select from items where items.sale_id = sums.sale_id and items.sku = sums.sku)
)
select exists (select from moved) as moved,
       (select count(refused) from impossible) + (select count(refused) from unknown) as refused
