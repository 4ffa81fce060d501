-- Makes Postgres' counters and its ledger say what its reservations come to. What the ledger has too much or too little
-- moves as an entry of its own between the account and what is available. Repeating it changes nothing.
--
-- $1 sale  $2 run
with reserved as (
  select items.sku,
         coalesce(sum(line.quantity) filter (where state = 'held'), 0) as held,
         coalesce(sum(line.quantity) filter (where state = 'confirmed'), 0) - items.refunded as confirmed
    from items
         left join (reservations cross join lateral jsonb_to_recordset(reservations.lines)
                      as line (sku text, quantity bigint))
           on reservations.sale_id = $1 and line.sku = items.sku and state in ('held', 'confirmed')
   where items.sale_id = $1
   group by items.sku, items.refunded
),
off as (
  select reserved.sku, side.account, side.should - coalesce(balance.units, 0) as units
    from reserved
         cross join lateral (values ('held', held), ('confirmed', confirmed)) as side (account, should)
         left join stock_balances as balance
           on balance.sale_id = $1 and balance.sku = reserved.sku and balance.account = side.account
),
corrected as (
  insert into stock_ledger (sale_id, entry, sku, from_account, to_account, units, moved_at)
  select $1, 'recount ' || $2 || ' ' || account, sku, case when units > 0 then 'available' else account end,
         case when units > 0 then account else 'available' end, abs(units), now()
    from off
   where units <> 0
  on conflict do nothing
)
update items
   set held = reserved.held, confirmed = reserved.confirmed,
       slots = coalesce((select units from stock_balances where sale_id = $1 and sku = items.sku and account = 'slots'), 0),
       stock = coalesce((select -units from stock_balances where sale_id = $1 and sku = items.sku and account = 'supply'), 0)
  from reserved
 where items.sale_id = $1 and items.sku = reserved.sku
returning items.sku
