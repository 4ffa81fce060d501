-- What Postgres knows of a sale, in one row of JSON and numbers. The ledger is held against the counters per account.
--
-- $1 sale  $2 seconds of which orders are recent  $3 whether to add up all movements and shoppers: else `sums` is null
with moved as (
  select sku, from_account, to_account, sum(units) as units, count(*) as movements
    from stock_ledger where sale_id = $1 and $3::boolean group by sku, from_account, to_account
),
balances as (
  select sku, account, sum(units) as units
    from (select sku, to_account as account, units from moved
          union all
          select sku, from_account, -units from moved) as sides
   group by sku, account
),
expected as (
  select sku, account, units
    from items,
         lateral (values ('supply', -stock), ('available', available), ('slots', slots), ('held', held),
                         ('confirmed', confirmed), ('refunded', refunded), ('unsold', unsold)) as side (account, units)
   where sale_id = $1
)
select counted.*, paid.*,
       (select coalesce(sum(refunds.amount), 0) from refunds join payments using (intent)
         where sale_id = $1 and refunds.state = 'done') as refunded,
       (select count(*) from discrepancies where sale_id = $1 and resolved_at is null) as discrepancies,
       (select coalesce(json_agg(json_build_object('sku', sku, 'stock', stock, 'slots', slots, 'held', held,
                                                          'confirmed', confirmed)
                                 order by sku collate "C"), '[]')
          from items where sale_id = $1) as items,
       case when $3::boolean then json_build_object(
         'shoppers', (select count(distinct shopper) from orders where sale_id = $1),
         'ledgerDifference', (select coalesce(sum(abs(coalesce(balances.units, 0) - coalesce(expected.units, 0))), 0)
                                from balances full join expected using (sku, account)),
         'movements', (select coalesce(sum(movements), 0) from moved)) end as sums
  from (select count(*) as orders,
               count(*) filter (where confirmed_at > now() - make_interval(secs => $2::float8)) as recent_orders
          from orders where sale_id = $1) as counted,
       (select coalesce(sum(amount) filter (where state = 'authorised'), 0) as authorised,
               coalesce(sum(amount) filter (where state in ('captured', 'returned')), 0) as captured
          from payments where sale_id = $1) as paid
