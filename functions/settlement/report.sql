-- What a sale came to, as JSON.
--
-- $1 sale
with money as (
  select coalesce(sum(payments.amount) filter (where payments.state in ('captured', 'returned')), 0) as captured,
         count(*) filter (where payments.state in ('captured', 'returned')) as charges,
         count(*) filter (where payments.state = 'voided') as voided
    from payments where sale_id = $1
),
given as (
  select coalesce(sum(refunds.amount), 0) as refunded, count(*) as refunds
    from refunds join payments using (intent) where sale_id = $1 and refunds.state = 'done'
),
ends as (
  select coalesce(json_object_agg(state, count), '{}') as states
    from (select state, count(*) as count from reservations where sale_id = $1 group by state) as counted
)
select json_build_object(
  'sale', sales.id, 'name', definition ->> 'name', 'currency', definition ->> 'currency',
  'items', (select json_agg(json_build_object(
                     'sku', sku, 'stock', stock,
                     'toppedUp', (select coalesce(sum(units), 0) from stock_ledger as ledger
                                   where ledger.sale_id = $1 and ledger.sku = items.sku and entry like 'supply %'),
                     'sold', confirmed, 'unsold', available + slots + unsold) order by sku collate "C")
              from items where sale_id = $1),
  'orders', (select count(*) from orders where sale_id = $1),
  'ordersTakenBack', (select count(*) from orders where sale_id = $1 and refunded_at is not null),
  'shoppers', (select count(distinct shopper) from orders where sale_id = $1),
  'reservations', ends.states,
  'money', json_build_object('captured', captured, 'refunded', refunded, 'kept', captured - refunded,
                             'charges', charges, 'refunds', refunds, 'voided', voided),
  'discrepancies', (select coalesce(json_agg(json_build_object('kind', kind, 'outcome', outcome, 'count', count)), '[]')
                      from (select kind, outcome, count(*) as count from discrepancies
                             where sale_id = $1 and outcome <> 'superseded' group by kind, outcome
                             order by kind, outcome) as found),
  'timings', json_build_object(
     'createdAt', to_char(created_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'),
     'opensAt', definition ->> 'opensAt', 'closesAt', definition ->> 'closesAt',
     'firstOrderAt', (select to_char(min(confirmed_at) at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')
                        from orders where sale_id = $1),
     'lastOrderAt', (select to_char(max(confirmed_at) at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')
                       from orders where sale_id = $1),
     'settledAt', to_char(now() at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'))) as report
  from sales, money, given, ends
 where sales.id = $1
