-- What Postgres knows of a sale, in one row of JSON and numbers. The ledger is held against the counters per account.
--
-- $1 sale  $2 seconds of which orders are recent
with balances as (
  select sku, account, units from stock_balances where sale_id = $1
),
expected as (
  select sku, account, units
    from items,
         lateral (values ('supply', -stock), ('available', available), ('slots', slots), ('held', held),
                         ('confirmed', confirmed), ('refunded', refunded), ('unsold', unsold)) as side (account, units)
   where sale_id = $1
)
select (select count(*) from orders where sale_id = $1) as orders,
       (select count(*) from orders
         where sale_id = $1 and confirmed_at > now() - make_interval(secs => $2::float8)) as recent_orders,
       (select count(distinct shopper) from orders where sale_id = $1) as shoppers,
       (select coalesce(sum(amount), 0) from payments where sale_id = $1 and state = 'authorised') as authorised,
       (select coalesce(sum(amount), 0) from payments
         where sale_id = $1 and state in ('captured', 'returned')) as captured,
       (select coalesce(sum(refunds.amount), 0) from refunds join payments using (intent)
         where sale_id = $1 and refunds.state = 'done') as refunded,
       (select count(*) from discrepancies where sale_id = $1 and resolved_at is null) as discrepancies,
       (select coalesce(sum(abs(coalesce(balances.units, 0) - coalesce(expected.units, 0))), 0)
          from balances full join expected using (sku, account)) as ledger_difference,
       (select coalesce(json_agg(json_build_object('sku', sku, 'stock', stock, 'slots', slots, 'held', held,
                                                          'confirmed', confirmed)
                                 order by sku collate "C"), '[]')
          from items where sale_id = $1) as items
