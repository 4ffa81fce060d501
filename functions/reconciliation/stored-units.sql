-- Postgres' own count of a sale's units, three ways: the counters, the ledger, and the reservations they stand for.
--
-- $1 sale
with reserved as (
  select line.sku, state, sum(line.quantity) as units
    from reservations, jsonb_to_recordset(lines) as line (sku text, quantity bigint)
   where sale_id = $1 and state in ('held', 'confirmed')
   group by line.sku, state
)
select items.sku, side.account, side.counted, coalesce(side.sign * balance.units, 0) as ledger,
       case when side.account in ('held', 'confirmed') then coalesce(reserved.units, 0) - side.elsewhere end as reserved
  from items
       cross join lateral (values ('stock', 'supply', stock, -1, 0), ('slots', 'slots', slots, 1, 0),
                                  ('held', 'held', held, 1, 0), ('confirmed', 'confirmed', confirmed, 1, refunded),
                                  ('refunded', 'refunded', refunded, 1, 0), ('unsold', 'unsold', unsold, 1, 0)) as side (account, in_ledger, counted, sign, elsewhere)
       left join stock_balances as balance
         on balance.sale_id = $1 and balance.sku = items.sku and balance.account = side.in_ledger
       left join reserved on reserved.sku = items.sku and reserved.state = side.account
 where items.sale_id = $1
 order by items.sku, side.account
